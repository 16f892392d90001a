//! What the measurements of several seeds have in common, and the standard error of their mean.
//!
//! Of n independent values with the sample variance S² the mean has the variance S²/n. Seeds that
//! draw their test part anew from the same examples are not independent: two test parts share
//! examples, and so do the training parts. S² is then too small and the mean varies more than n
//! suggests. Nadeau and Bengio (2003, "Inference for the generalization error", Machine Learning 52,
//! §4) take two measurements to be correlated by n_test/(n_train + n_test), the share of a test part
//! that another one holds on average, which makes the variance of the mean
//!
//! (1/n + n_test/n_train)·S².
//!
//! Bouckaert and Frank (2004, "Evaluating the replicability of significance tests for comparing
//! learning algorithms", PAKDD) take the same for the folds of a cross-validation, where n_test/n_train
//! is 1/(k − 1). Here n_train counts all examples outside the test part: what chooses among epochs is
//! a part of learning, and the correlation depends on nothing but the share that is tested.

use serde::{Deserialize, Serialize};

use super::std;

/// What the measurements of different seeds share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Overlap {
    /// One test part for all: given that part, they are independent.
    #[default]
    None,
    /// Each seed draws its test part anew from the same examples.
    Redrawn {
        /// Examples of a test part.
        test: usize,
        /// All others.
        train: usize,
    },
    /// Each seed tests one fold of a cross-validation.
    Folds {
        /// Examples of a fold.
        test: usize,
        /// All others.
        train: usize,
    },
}

impl Overlap {
    /// n_test/n_train, what is added to 1/n; 0 for independent measurements.
    pub fn ratio(self) -> f64 {
        match self {
            Overlap::None => 0.0,
            Overlap::Redrawn { test, train } | Overlap::Folds { test, train } => {
                test as f64 / train as f64
            }
        }
    }

    /// The variance of the mean of `n` measurements in units of their sample variance.
    pub fn factor(self, n: usize) -> f64 {
        1.0 / n as f64 + self.ratio()
    }

    /// Whose correction that is, if it is one.
    pub fn source(self) -> Option<&'static str> {
        match self {
            Overlap::None => None,
            Overlap::Redrawn { .. } => Some("Nadeau and Bengio (2003)"),
            Overlap::Folds { .. } => Some("Bouckaert and Frank (2004)"),
        }
    }
}

/// The standard error of the mean of `differences`: √(1/n + n_test/n_train)·S. Every interval, test
/// and number of seeds follows from it. 0 where all are equal but for rounding; `None` below 2.
///
/// ```
/// use steepness_measure::{Overlap, standard_error};
/// let differences = [1.0, 2.0, 3.0, 4.0];
/// let independent = standard_error(&differences, Overlap::None).unwrap();
/// let redrawn = standard_error(&differences, Overlap::Redrawn { test: 20, train: 80 }).unwrap();
/// assert!((redrawn / independent - 2f64.sqrt()).abs() < 1e-12);
/// ```
pub fn standard_error(differences: &[f64], overlap: Overlap) -> Option<f64> {
    Some(spread(differences)? * overlap.factor(differences.len()).sqrt())
}

/// The standard deviation of a single difference: S, which measurements that share examples make too
/// small, times √(1 + n_test/n_train). As [`standard_error`] otherwise.
pub(super) fn deviation(differences: &[f64], overlap: Overlap) -> Option<f64> {
    Some(spread(differences)? * overlap.factor(1).sqrt())
}

/// The sample standard deviation, 0 where nothing but rounding is left of it: shares of a few examples
/// often differ by equally many, and the last bits of a division are no evidence.
fn spread(differences: &[f64]) -> Option<f64> {
    let size = differences.iter().fold(0.0, |size: f64, d| size.max(d.abs()));
    std(differences).map(|std| if std <= 1e-9 * size { 0.0 } else { std })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use crate::{PairedDifference, mean};

    /// How often, in per cent, a comparison of two equally good classifiers excludes 0, with each of the
    /// `overlaps`. An example has two features, alike but for their noise; each classifier knows one of
    /// them and puts its threshold into the middle between the two classes. `parts` says which seeds test
    /// which of 150 examples.
    fn excluded<const N: usize>(
        overlaps: [Overlap; N],
        parts: impl Fn(u64, u64) -> Vec<bool>,
    ) -> [f64; N] {
        const COMPARISONS: u64 = 4000;
        const EXAMPLES: usize = 150;
        let compare = |which: u64| {
            let noise = Stream::new(which, "overlap").part(1);
            let class = |at: usize| at % 2;
            let feature = |at: usize| class(at / 2) as f64 + noise.normal(at as u64);
            let features: Vec<f64> = (0..2 * EXAMPLES).map(feature).collect();
            let accuracy = |of: usize, tested: &[bool]| {
                let middle = |label: usize| {
                    let rows = (0..EXAMPLES).filter(|&at| !tested[at] && class(at) == label);
                    mean(&rows.map(|at| features[2 * at + of]).collect::<Vec<_>>()).unwrap()
                };
                let threshold = (middle(0) + middle(1)) / 2.0;
                let right = |at: usize| {
                    let above = features[2 * at + of] > threshold;
                    f64::from(u8::from(above == (class(at) == 1)))
                };
                let rows = (0..EXAMPLES).filter(|&at| tested[at]);
                mean(&rows.map(right).collect::<Vec<_>>()).unwrap()
            };
            let seeds: Vec<Vec<bool>> = (0..5).map(|seed| parts(which, seed)).collect();
            let of = |of| seeds.iter().map(|tested| accuracy(of, tested)).collect::<Vec<_>>();
            let (first, second) = (of(0), of(1));
            overlaps.map(|overlap| {
                PairedDifference::new(&first, &second, overlap).unwrap().excludes_zero()
            })
        };
        let found: Vec<[bool; N]> = (0..COMPARISONS).map(compare).collect();
        std::array::from_fn(|at| {
            let count = found.iter().filter(|excluded| excluded[at]).count();
            100.0 * count as f64 / COMPARISONS as f64
        })
    }

    /// 30 of 150 examples, drawn anew by each seed.
    fn redrawn(which: u64, seed: u64) -> Vec<bool> {
        let order = Stream::new(which, "parts").part(seed).permutation(150);
        order.into_iter().map(|place| place < 30).collect()
    }

    /// One of five folds.
    fn folds(which: u64, seed: u64) -> Vec<bool> {
        let order = Stream::new(which, "parts").permutation(150);
        order.into_iter().map(|place| place / 30 == seed as usize).collect()
    }

    #[test]
    fn splits_drawn_anew_exclude_zero_no_more_often_than_they_should() {
        let overlaps = [Overlap::None, Overlap::Redrawn { test: 30, train: 120 }];
        let [uncorrected, corrected] = excluded(overlaps, redrawn);
        println!("{uncorrected} % uncorrected, {corrected} % corrected");
        assert!(uncorrected > 8.0, "{uncorrected} % without the correction");
        assert!((2.0..6.0).contains(&corrected), "{corrected} % with it, 5 are meant");
    }

    #[test]
    fn folds_exclude_zero_no_more_often_than_they_should() {
        let [corrected] = excluded([Overlap::Folds { test: 30, train: 120 }], folds);
        println!("{corrected} % corrected");
        assert!(corrected < 6.0, "{corrected} % with the correction, 5 are meant");
    }

    #[test]
    fn a_factor_is_that_of_the_papers() {
        // Ten seeds of 90 : 10, Nadeau and Bengio's most common case: 1/10 + 1/9.
        let redrawn = Overlap::Redrawn { test: 10, train: 90 };
        assert!((redrawn.factor(10) - (0.1 + 1.0 / 9.0)).abs() < 1e-15);
        // Ten times ten folds, Bouckaert and Frank's: 1/100 + 1/9.
        let folds = Overlap::Folds { test: 10, train: 90 };
        assert!((folds.factor(100) - (0.01 + 1.0 / 9.0)).abs() < 1e-15);
        assert_eq!((Overlap::None.factor(4), Overlap::None.source()), (0.25, None));
    }

    #[test]
    fn rounding_is_no_spread() {
        // 35, 34 and 33 of 36 examples, one more each: equal but for the last bits.
        let share = |right: f64| 100.0 * right / 36.0;
        let differences = [35.0, 34.0, 33.0].map(|right| share(right) - share(right - 1.0));
        assert_ne!(std(&differences), Some(0.0));
        assert_eq!(standard_error(&differences, Overlap::None), Some(0.0));
        assert_eq!(standard_error(&[1.0], Overlap::None), None);
        assert_eq!(standard_error(&[0.0; 3], Overlap::None), Some(0.0));
    }
}
