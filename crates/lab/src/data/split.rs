//! Splits a data set into training, validation and test parts.

use serde::{Deserialize, Serialize};

use crate::random::Stream;
use crate::{Error, Result, Validate};

/// Shares of each class that are held out; the rest is for training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fractions {
    /// For choosing among epochs.
    pub validation: f64,
    /// For the result.
    pub test: f64,
}

impl Validate for Fractions {
    fn validate(&self) -> Result<()> {
        let Self { validation, test } = *self;
        validate_share(validation)?;
        if test > 0.0 && validation + test < 1.0 {
            return Ok(());
        }
        Err(Error::Request(format!(
            "validation = {validation} and test = {test} must lie in (0, 1) and sum to less than 1"
        )))
    }
}

/// How the parts are drawn where the data do not bring them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Splitting {
    /// Every part holds every class in the same proportion.
    #[default]
    Stratified,
    /// Whatever the classes are: ⌊share · n⌋ examples for training, ⌊share · n⌋ for validation and
    /// what is left for test, as the paper splits graphs.
    Random,
    /// Cross-validation. The test share is one of so many folds, 0.1 of ten; the seeds 0 to 9 take one
    /// fold each for test, 10 to 19 those of another dealing, and each fold holds every class in the
    /// same proportion.
    Folds,
}

impl Splitting {
    /// Splits examples of the classes `labels` by the shares for `seed`.
    ///
    /// # Errors
    /// Shares that are not in (0, 1) or leave nothing to train on, and a part that would be empty.
    pub fn split(self, labels: &[i64], shares: Fractions, seed: u64) -> Result<Split> {
        match self {
            Splitting::Stratified => stratified(labels, shares, seed),
            Splitting::Random => random(labels, shares, seed),
            Splitting::Folds => fold(labels, shares, seed),
        }
    }

    /// For a sentence on the data.
    pub fn describe(self) -> &'static str {
        match self {
            Splitting::Stratified => "split anew by each seed",
            Splitting::Random => "split anew by each seed, whatever the classes",
            Splitting::Folds => "cross-validated, a fold a seed",
        }
    }

    /// For `skip_serializing_if`.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses shares that it makes no split of.
    ///
    /// # Errors
    /// Names the shares.
    pub fn validate(self, shares: Fractions) -> Result<()> {
        shares.validate()?;
        match self {
            Splitting::Folds => folds(shares.test).map(|_| ()),
            _ => Ok(()),
        }
    }
}

/// Rows of each part, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// What is learned from.
    pub train: Vec<usize>,
    /// What chooses among epochs.
    pub validation: Vec<usize>,
    /// What the result is measured on, and nothing else.
    pub test: Vec<usize>,
}

/// Splits each class of `labels` by the shares, at random for each `seed`.
///
/// Held-out counts are rounded to the nearest for each class.
///
/// # Errors
/// Shares that are not in (0, 1) or leave nothing to train on, and a part that would be empty.
pub fn stratified(labels: &[i64], shares: Fractions, seed: u64) -> Result<Split> {
    shares.validate()?;
    let Fractions { validation, test } = shares;
    whole(deal(labels, validation, test, seed), shares)
}

/// Splits examples by the shares, at random for each `seed` and whatever their classes are.
fn random(labels: &[i64], shares: Fractions, seed: u64) -> Result<Split> {
    shares.validate()?;
    let Fractions { validation, test } = shares;
    // 0.8 · 10 is to be 8, whatever 1 − 0.1 − 0.1 is in binary.
    let floor = |share: f64| (share * labels.len() as f64 + 1e-9).floor() as usize;
    let (train, validation) = (floor(1.0 - validation - test), floor(validation));
    let mut order = Stream::new(seed, "random split").permutation(labels.len());
    let mut take = |count: usize| {
        let mut part: Vec<usize> = order.drain(..count.min(order.len())).collect();
        part.sort_unstable();
        part
    };
    let (train, validation) = (take(train), take(validation));
    whole(Split { train, validation, test: take(labels.len()) }, shares)
}

/// Takes the fold of `seed` for test, and a share of each class of the others for validation.
fn fold(labels: &[i64], shares: Fractions, seed: u64) -> Result<Split> {
    shares.validate()?;
    let folds = folds(shares.test)?;
    let (dealing, taken) = (seed / folds, seed % folds);
    let (mut test, mut rest, mut next) = (Vec::new(), Vec::new(), 0);
    for (class, rows) in rows_by_class(labels).iter().enumerate() {
        let order = Stream::new(dealing, "folds").part(class as u64).permutation(rows.len());
        for at in order {
            let part = if next % folds == taken { &mut test } else { &mut rest };
            part.push(rows[at]);
            // Goes on over the classes, so that folds differ by one example at most.
            next += 1;
        }
    }
    test.sort_unstable();
    rest.sort_unstable();
    let of_rest: Vec<i64> = rest.iter().map(|&row| labels[row]).collect();
    let split = deal(&of_rest, shares.validation / (1.0 - shares.test), 0.0, seed);
    let rows = |part: Vec<usize>| part.into_iter().map(|at| rest[at]).collect();
    whole(Split { train: rows(split.train), validation: rows(split.validation), test }, shares)
}

/// How many folds have a share of `test` each.
fn folds(test: f64) -> Result<u64> {
    let folds = (1.0 / test).round();
    if folds >= 2.0 && (folds * test - 1.0).abs() < 1e-6 {
        return Ok(folds as u64);
    }
    Err(Error::Request(format!(
        "test = {test} is not the share of one of several equal folds, such as 0.1 or 0.2"
    )))
}

/// Refuses a split with an empty part.
pub(super) fn whole(split: Split, Fractions { validation, test }: Fractions) -> Result<Split> {
    if [&split.train, &split.validation, &split.test].iter().any(|part| part.is_empty()) {
        let examples = split.train.len() + split.validation.len() + split.test.len();
        return Err(Error::Request(format!(
            "{examples} examples are too few for validation = {validation} and test = {test}"
        )));
    }
    Ok(split)
}

/// Holds out a share of each class of `labels` for validation, as [`stratified`] does; the test
/// part is empty, as it is for data sets that bring their own.
///
/// # Errors
/// A share that is not in (0, 1), and a part that would be empty.
pub fn hold_out(labels: &[i64], validation: f64, seed: u64) -> Result<Split> {
    validate_share(validation)?;
    let split = deal(labels, validation, 0.0, seed);
    if split.train.is_empty() || split.validation.is_empty() {
        return Err(Error::Request(format!(
            "{} examples are too few for validation = {validation}",
            labels.len()
        )));
    }
    Ok(split)
}

/// Refuses a share for validation that is not in [0, 1).
pub(super) fn validate_share(validation: f64) -> Result<()> {
    if (0.0..1.0).contains(&validation) {
        return Ok(());
    }
    Err(Error::Request(format!("validation = {validation} must lie in [0, 1)")))
}

/// The rows of each class, ascending.
pub(super) fn rows_by_class(labels: &[i64]) -> Vec<Vec<usize>> {
    let classes = labels.iter().max().map_or(0, |&last| last as usize + 1);
    let mut rows = vec![Vec::new(); classes];
    labels.iter().enumerate().for_each(|(row, &label)| rows[label as usize].push(row));
    rows
}

/// How many of `count` rows of a class a share of them is.
fn held(count: usize, share: f64) -> usize {
    (count as f64 * share).round() as usize
}

/// How many examples are held out where a share of each class is and the classes have so many.
pub(crate) fn held_of_each(counts: &[u64], share: f64) -> usize {
    counts.iter().map(|count| held(*count as usize, share)).sum()
}

/// Deals out the rows of each class in random order: first to the test part.
fn deal(labels: &[i64], validation: f64, test: f64, seed: u64) -> Split {
    let mut split = Split { train: vec![], validation: vec![], test: vec![] };
    for (class, rows) in rows_by_class(labels).iter().enumerate() {
        let order = Stream::new(seed, "split").part(class as u64).permutation(rows.len());
        let test_end = held(rows.len(), test);
        let validation_end = test_end + held(rows.len(), validation);
        for (place, &at) in order.iter().enumerate() {
            let part = match place {
                _ if place < test_end => &mut split.test,
                _ if place < validation_end => &mut split.validation,
                _ => &mut split.train,
            };
            part.push(rows[at]);
        }
    }
    for part in [&mut split.train, &mut split.validation, &mut split.test] {
        part.sort_unstable();
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Fractions = Fractions { validation: 0.2, test: 0.2 };

    #[test]
    fn parts_are_disjoint_complete_and_stratified() {
        let labels: Vec<i64> = (0..500).map(|row| if row % 10 == 0 { 1 } else { 0 }).collect();
        let split = stratified(&labels, SHARES, 3).unwrap();
        let mut all = [&split.train[..], &split.validation, &split.test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..500).collect::<Vec<_>>());
        for (part, rare, size) in
            [(&split.train, 30, 300), (&split.validation, 10, 100), (&split.test, 10, 100)]
        {
            assert_eq!(part.len(), size);
            assert_eq!(part.iter().filter(|&&row| labels[row] == 1).count(), rare);
        }
    }

    #[test]
    fn sizes_are_told_beforehand() {
        let counts = [7, 12, 3, 2, 1];
        let labels: Vec<i64> =
            (0..5).flat_map(|class| vec![class; counts[class as usize] as usize]).collect();
        let split = stratified(&labels, SHARES, 5).unwrap();
        assert_eq!(held_of_each(&counts, 0.2), split.test.len());
        assert_eq!(held_of_each(&counts, 0.2), split.validation.len());
    }

    #[test]
    fn validation_alone_can_be_held_out() {
        let labels: Vec<i64> = (0..500).map(|row| i64::from(row % 10 == 0)).collect();
        let split = hold_out(&labels, 0.1, 3).unwrap();
        assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (450, 50, 0));
        assert_eq!(split.validation.iter().filter(|&&row| labels[row] == 1).count(), 5);
        assert!(hold_out(&labels, 1.0, 3).is_err());
        let error = hold_out(&[0, 1], 0.1, 3).unwrap_err().to_string();
        assert!(error.contains("2 examples are too few for validation = 0.1"), "{error}");
    }

    /// The counts of the paper's code for PROTEINS and NCI1 (docs/derivations.md §10).
    #[test]
    fn random_splits_have_the_papers_sizes() {
        let tenths = Fractions { validation: 0.1, test: 0.1 };
        for (examples, expected) in [(1113, (890, 111, 112)), (4110, (3288, 411, 411))] {
            let split = Splitting::Random.split(&vec![0; examples], tenths, 3).unwrap();
            assert_eq!((split.train.len(), split.validation.len(), split.test.len()), expected);
            let mut all = [&split.train[..], &split.validation, &split.test].concat();
            all.sort_unstable();
            assert_eq!(all, (0..examples).collect::<Vec<_>>());
            assert_eq!(Splitting::Random.split(&vec![1; examples], tenths, 3).unwrap(), split);
            assert_ne!(Splitting::Random.split(&vec![0; examples], tenths, 4).unwrap(), split);
        }
        let error = Splitting::Random.split(&[0; 4], tenths, 0).unwrap_err().to_string();
        assert!(error.contains("4 examples are too few"), "{error}");
    }

    #[test]
    fn every_example_is_tested_once_in_a_cross_validation() {
        let labels: Vec<i64> = (0..103).map(|row| i64::from(row % 10 == 0)).collect();
        let shares = Fractions { validation: 0.1, test: 0.1 };
        let split = |seed| Splitting::Folds.split(&labels, shares, seed).unwrap();
        let mut tested: Vec<usize> = (0..10).flat_map(|seed| split(seed).test).collect();
        tested.sort_unstable();
        assert_eq!(tested, (0..103).collect::<Vec<_>>());
        for seed in 0..20 {
            let Split { train, validation, test } = split(seed);
            let rare = |part: &[usize]| part.iter().filter(|&&row| labels[row] == 1).count();
            assert!((10..=11).contains(&test.len()) && (1..=2).contains(&rare(&test)));
            assert_eq!((validation.len(), rare(&validation)), (10, 1));
            let mut all = [&train[..], &validation, &test].concat();
            all.sort_unstable();
            assert_eq!(all, (0..103).collect::<Vec<_>>());
        }
        assert_ne!(split(0).test, split(10).test);
        for test in [0.3, 0.6, 0.15] {
            let shares = Fractions { validation: 0.1, test };
            let error = Splitting::Folds.validate(shares).unwrap_err().to_string();
            assert!(error.contains("not the share of one of several equal folds"), "{error}");
        }
    }

    #[test]
    fn the_seed_decides() {
        let labels = vec![0; 100];
        let split = |seed| stratified(&labels, SHARES, seed).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
    }

    #[test]
    fn senseless_shares_are_refused() {
        for (validation, test) in [(0.5, 0.5), (0.0, 0.2), (0.2, 1.0), (f64::NAN, 0.2), (-0.1, 0.2)]
        {
            assert!(stratified(&[0; 100], Fractions { validation, test }, 0).is_err());
        }
        let error = stratified(&[0, 0, 1, 1], SHARES, 0).unwrap_err();
        assert!(error.to_string().contains("4 examples are too few"), "{error}");
    }
}
