//! Splits a data set into training, validation and test parts that hold every class in the same
//! proportion.

use serde::{Deserialize, Serialize};

use crate::random::Stream;
use crate::{Check, Error, Result};

/// Shares of each class that are held out; the rest is for training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fractions {
    /// For choosing among epochs.
    pub validation: f64,
    /// For the result.
    pub test: f64,
}

impl Check for Fractions {
    fn check(&self) -> Result<()> {
        let Self { validation, test } = *self;
        check_share(validation)?;
        if test > 0.0 && validation + test < 1.0 {
            return Ok(());
        }
        Err(Error::Request(format!(
            "validation = {validation} and test = {test} must lie in (0, 1) and sum to less than 1"
        )))
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
    shares.check()?;
    let Fractions { validation, test } = shares;
    let split = deal(labels, validation, test, seed);
    if [&split.train, &split.validation, &split.test].iter().any(|part| part.is_empty()) {
        return Err(Error::Request(format!(
            "{} examples are too few for validation = {validation} and test = {test}",
            labels.len()
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
    check_share(validation)?;
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
pub(super) fn check_share(validation: f64) -> Result<()> {
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

/// Deals out the rows of each class in random order: first to the test part.
fn deal(labels: &[i64], validation: f64, test: f64, seed: u64) -> Split {
    let mut split = Split { train: vec![], validation: vec![], test: vec![] };
    for (class, rows) in rows_by_class(labels).iter().enumerate() {
        let order = Stream::new(seed, "split").part(class as u64).permutation(rows.len());
        let held = |share: f64| (rows.len() as f64 * share).round() as usize;
        let (test_end, validation_end) = (held(test), held(test) + held(validation));
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
    fn validation_alone_can_be_held_out() {
        let labels: Vec<i64> = (0..500).map(|row| i64::from(row % 10 == 0)).collect();
        let split = hold_out(&labels, 0.1, 3).unwrap();
        assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (450, 50, 0));
        assert_eq!(split.validation.iter().filter(|&&row| labels[row] == 1).count(), 5);
        assert!(hold_out(&labels, 1.0, 3).is_err());
        let error = hold_out(&[0, 1], 0.1, 3).unwrap_err().to_string();
        assert!(error.contains("2 examples are too few for validation = 0.1"), "{error}");
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
