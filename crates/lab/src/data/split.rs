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
        let open = |share: f64| share > 0.0 && share < 1.0;
        if open(validation) && open(test) && validation + test < 1.0 {
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
    let mut split = Split { train: vec![], validation: vec![], test: vec![] };
    let classes = labels.iter().max().map_or(0, |&last| last + 1);
    for class in 0..classes {
        let rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == class).collect();
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
        if part.is_empty() {
            return Err(Error::Request(format!(
                "{} examples are too few for validation = {validation} and test = {test}",
                labels.len()
            )));
        }
        part.sort_unstable();
    }
    Ok(split)
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
