//! Long-tailed versions of balanced data sets (Cao et al. 2019, "LDAM-DRW", §4).
//!
//! Class j of C keeps n_j of its examples, where n_max is the size of the largest class:
//!
//! - exponential: n_j = ⌊n_max · factor^(−j / (C − 1))⌋
//! - step: n_max for the first half of the classes, ⌊n_max / factor⌋ for the rest.

use serde::{Deserialize, Serialize};

use super::examples::counts;
use super::split::rows_by_class;
use crate::random::Stream;
use crate::{Error, Result, Validate};

/// How training examples are taken away: `long_tail = { profile = "exponential", factor = 100 }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongTail {
    /// The shape of the tail.
    pub profile: Profile,
    /// The largest class over the smallest, at least 1.
    pub factor: f64,
}

/// The shape of the tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Each class is smaller than the one before by the same factor.
    Exponential,
    /// One half of the classes is large, the other small.
    Step,
}

impl Validate for LongTail {
    fn validate(&self) -> Result<()> {
        if self.factor >= 1.0 && self.factor.is_finite() {
            return Ok(());
        }
        Err(Error::Request(format!("long_tail: factor = {} must be at least 1", self.factor)))
    }
}

impl LongTail {
    /// How many examples each of `classes` classes keeps if the largest has `largest`; at least one.
    pub fn sizes(&self, largest: usize, classes: usize) -> Vec<usize> {
        let share = |class: usize| match self.profile {
            Profile::Exponential if classes > 1 => {
                (1.0 / self.factor).powf(class as f64 / (classes - 1) as f64)
            }
            Profile::Step if class >= classes / 2 => 1.0 / self.factor,
            _ => 1.0,
        };
        (0..classes).map(|class| ((largest as f64 * share(class)) as usize).max(1)).collect()
    }

    /// The rows that are kept, ascending: for each class the first so many of a random order, so
    /// that with the same seed a longer tail keeps a subset of a shorter one.
    ///
    /// A class that has fewer examples than it might keep stays as it is.
    pub fn rows(&self, labels: &[i64], classes: usize, seed: u64) -> Vec<usize> {
        let largest = counts(labels, classes).into_iter().max().unwrap_or(0);
        let sizes = self.sizes(largest as usize, classes);
        let mut kept = Vec::new();
        for (class, rows) in rows_by_class(labels).iter().enumerate() {
            let order = Stream::new(seed, "long-tail").part(class as u64).permutation(rows.len());
            kept.extend(order.iter().take(sizes[class]).map(|&at| rows[at]));
        }
        kept.sort_unstable();
        kept
    }

    /// "exponential, factor 100".
    pub fn describe(&self) -> String {
        let profile = match self.profile {
            Profile::Exponential => "exponential",
            Profile::Step => "step",
        };
        format!("{profile}, factor {}", self.factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tail(profile: Profile, factor: f64) -> LongTail {
        LongTail { profile, factor }
    }

    /// The numbers of LDAM-DRW's `IMBALANCECIFAR10(imb_type, imb_factor=0.01)`:
    /// `[int(5000 * 0.01 ** (j / 9)) for j in range(10)]` and
    /// `sum(int(500 * 0.01 ** (j / 99)) for j in range(100))`.
    #[test]
    fn sizes_are_those_of_ldam() {
        let exponential = tail(Profile::Exponential, 100.0);
        assert_eq!(
            exponential.sizes(5000, 10),
            [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
        );
        assert_eq!(exponential.sizes(500, 100).iter().sum::<usize>(), 10_847);
        let step = tail(Profile::Step, 100.0);
        assert_eq!(step.sizes(5000, 4), [5000, 5000, 50, 50]);
        assert_eq!(step.sizes(5000, 3), [5000, 50, 50]);
        assert_eq!(step.sizes(10, 2), [10, 1]);
        assert_eq!(exponential.sizes(7, 1), [7]);
        assert_eq!(tail(Profile::Exponential, 1.0).sizes(7, 3), [7, 7, 7]);
    }

    #[test]
    fn rows_are_chosen_by_the_seed_and_nested() {
        let labels: Vec<i64> = (0..1000).map(|row| row % 4).collect();
        let rows = |factor, seed| tail(Profile::Exponential, factor).rows(&labels, 4, seed);
        let kept = rows(10.0, 1);
        let kept_labels: Vec<i64> = kept.iter().map(|&row| labels[row]).collect();
        assert_eq!(counts(&kept_labels, 4), [250, 116, 53, 25]);
        assert!(kept.is_sorted());
        assert_eq!(kept, rows(10.0, 1));
        assert_ne!(kept, rows(10.0, 2));
        assert!(rows(100.0, 1).iter().all(|row| kept.contains(row)));
        assert_eq!(rows(1.0, 1).len(), 1000);
    }

    #[test]
    fn senseless_factors_are_refused() {
        for factor in [0.5, 0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(tail(Profile::Step, factor).validate().is_err(), "{factor}");
        }
        assert!(tail(Profile::Step, 1.0).validate().is_ok());
    }
}
