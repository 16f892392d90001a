//! Statistics over a few values: seeds, mostly.
//!
//! A comparison of two losses is paired: the same seeds, the same splits. [`PairedDifference`] gives
//! the t interval, whose [`standard_error`] knows what the seeds have in common ([`Overlap`]); without
//! a bell curve there are [`bootstrap`] and [`sign_flips`]; [`holm`] corrects for having compared
//! several losses; [`effect_size`] and [`seeds_needed`] say how large the difference is and how many
//! seeds would show it. [`TwoWay`] takes the test examples for a sample, too, and [`verdicts`] say what may
//! be claimed of an [`Estimate`].

mod bootstrap;
mod effect;
mod estimate;
mod holm;
mod normal;
mod overlap;
mod permutation;
mod power;
mod two_way;
mod verdict;

pub use bootstrap::{Interval, bootstrap};
pub use effect::{EffectSize, effect_size};
pub use estimate::Estimate;
pub use holm::holm;
pub use overlap::{Overlap, standard_error};
pub use permutation::{SignFlips, sign_flips};
pub use power::{power, seeds_needed};
pub use two_way::TwoWay;
pub use verdict::{Side, Verdict, verdicts};

use super::student_t;
use crate::{Error, Result};

/// Arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation, n − 1 in the denominator (numpy's `ddof=1`); `None` below 2 values.
pub fn std(values: &[f64]) -> Option<f64> {
    (values.len() > 1).then(|| (squares(values) / (values.len() - 1) as f64).sqrt())
}

/// Standard deviation of the values themselves, n in the denominator (numpy's default, `ddof=0`):
/// what the paper's tables show. It is smaller than [`std()`], for 5 seeds by a tenth. `None` of
/// nothing.
pub fn population_std(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| (squares(values) / values.len() as f64).sqrt())
}

/// The sum of the squared distances from the mean.
fn squares(values: &[f64]) -> f64 {
    let mean = mean(values).unwrap_or(0.0);
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// Median, the mean of the middle two for an even count; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        // Halved first, so that two large values do not overflow.
        _ => Some(sorted[middle - 1] / 2.0 + sorted[middle] / 2.0),
    }
}

/// The difference of two measurements that were taken in pairs: the same seeds, two losses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedDifference {
    /// Pairs.
    pub n: usize,
    /// Mean of the differences, second minus first.
    pub mean: f64,
    /// The two-sided 95 % interval of a paired t test, mean ± t(n−1)·[`standard_error`]. `None` where
    /// nothing is known of the spread: of one pair, and where all differ by the same amount or not at
    /// all, which a few seeds on a small test part easily do.
    pub interval: Option<(f64, f64)>,
    /// The two-sided p-value of the same test, below 0.05 exactly where the interval excludes 0; 1
    /// where no pair differs, else `None` where there is no interval.
    pub p: Option<f64>,
}

impl PairedDifference {
    /// Compares `second` with `first`, pair by pair; `overlap` says what the pairs have in common.
    ///
    /// ```
    /// use steepness_measure::{Overlap, PairedDifference};
    /// let difference = PairedDifference::new(&[1.0, 2.0, 3.0], &[2.0, 3.5, 4.0], Overlap::None)?;
    /// assert!(difference.excludes_zero());
    /// # Ok::<(), steepness_measure::Error>(())
    /// ```
    ///
    /// # Errors
    /// No pairs, or different numbers of values.
    pub fn new(first: &[f64], second: &[f64], overlap: Overlap) -> Result<Self> {
        let differences = differences(first, second)?;
        let n = differences.len();
        let mean = mean(&differences)
            .ok_or_else(|| Error::Request("there are no pairs to compare".into()))?;
        // Without any spread there is no error to measure a difference by.
        let error = standard_error(&differences, overlap);
        let interval = error.filter(|error| *error > 0.0).map(|error| {
            let reach = student_t::two_sided_quantile(0.95, n - 1) * error;
            (mean - reach, mean + reach)
        });
        let known = |error: &f64| *error > 0.0 || mean == 0.0;
        let p = error.filter(known).map(|error| match mean == 0.0 {
            true => 1.0,
            false => student_t::two_sided_p(mean / error, n - 1),
        });
        Ok(Self { n, mean, interval, p })
    }

    /// Whether the interval is known and 0 lies outside it.
    pub fn excludes_zero(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}

/// Second minus first, pair by pair: what the paired tests take. Two values that are equal but for the
/// rounding of their last bits do not differ.
///
/// # Errors
/// Different numbers of values.
pub fn differences(first: &[f64], second: &[f64]) -> Result<Vec<f64>> {
    if first.len() != second.len() {
        return Err(Error::Request(format!(
            "{} values cannot be paired with {}",
            second.len(),
            first.len()
        )));
    }
    let difference = |(a, b): (&f64, &f64)| {
        let rounding = 4.0 * f64::EPSILON * a.abs().max(b.abs());
        if (b - a).abs() <= rounding && rounding.is_finite() { 0.0 } else { b - a }
    };
    Ok(first.iter().zip(second).map(difference).collect())
}

/// Refuses no differences, and one that is not finite.
fn validate(differences: &[f64]) -> Result<()> {
    if differences.is_empty() {
        return Err(Error::Request("there are no pairs to compare".into()));
    }
    match differences.iter().position(|difference| !difference.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::Request(format!("difference {at} is {}", differences[at]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_numpy() {
        // a = [0.97, 0.975, 0.981, 0.969, 0.978]; numpy.mean(a), numpy.std(a, ddof=1), median
        let a = [0.97, 0.975, 0.981, 0.969, 0.978];
        assert!((mean(&a).unwrap() - 0.9746).abs() < 1e-15);
        assert!((std(&a).unwrap() - 0.005128352561983239).abs() < 1e-15);
        // numpy.std(a)
        assert!((population_std(&a).unwrap() - POPULATION_STD).abs() < 1e-15);
        assert_eq!(median(&a), Some(0.975));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    const POPULATION_STD: f64 = 0.00458693797647189;

    #[test]
    fn paired_interval_agrees_with_scipy() {
        // b = [0.975, 0.974, 0.985, 0.976, 0.98]
        // t = scipy.stats.ttest_rel(b, a); t.confidence_interval(0.95), t.pvalue
        let a = [0.97, 0.975, 0.981, 0.969, 0.978];
        let b = [0.975, 0.974, 0.985, 0.976, 0.98];
        let difference = PairedDifference::new(&a, &b, Overlap::None).unwrap();
        let (low, high) = difference.interval.unwrap();
        assert_eq!(difference.n, 5);
        assert!((difference.p.unwrap() - 0.06726807315614972).abs() < 1e-12);
        assert!((difference.mean - 0.0034).abs() < 1e-15);
        assert!((low + 0.00038656628163945186).abs() < 1e-12);
        assert!((high - 0.0071865662816394575).abs() < 1e-12);
        assert!(!difference.excludes_zero());
        let mirrored = PairedDifference::new(&b, &a, Overlap::None).unwrap();
        assert_eq!(mirrored.interval, Some((-high, -low)));
    }

    #[test]
    fn too_few_values_have_a_defined_result() {
        assert_eq!((mean(&[]), std(&[]), median(&[])), (None, None, None));
        assert_eq!((population_std(&[]), population_std(&[2.0])), (None, Some(0.0)));
        assert_eq!((mean(&[2.0]), std(&[2.0]), median(&[2.0])), (Some(2.0), None, Some(2.0)));
        let single = PairedDifference::new(&[1.0], &[3.0], Overlap::None).unwrap();
        assert_eq!((single.mean, single.interval, single.excludes_zero()), (2.0, None, false));
        assert!(PairedDifference::new(&[], &[], Overlap::None).is_err());
        assert!(PairedDifference::new(&[1.0], &[], Overlap::None).is_err());
    }

    #[test]
    fn parts_that_overlap_make_the_interval_wider() {
        // The same a and b, 20 % tested: the error is √((1/5 + 1/4) / (1/5)) = 1.5 times as large.
        let a = [0.97, 0.975, 0.981, 0.969, 0.978];
        let b = [0.975, 0.974, 0.985, 0.976, 0.98];
        let overlap = Overlap::Redrawn { test: 20, train: 80 };
        let difference = PairedDifference::new(&a, &b, overlap).unwrap();
        let (low, high) = difference.interval.unwrap();
        let half = 1.5 * (0.0071865662816394575 - 0.0034);
        assert!((low - (0.0034 - half)).abs() < 1e-12 && (high - (0.0034 + half)).abs() < 1e-12);
        // d = numpy.subtract(b, a); t = d.mean() / (d.std(ddof=1) * (1 / 5 + 1 / 4) ** .5)
        // 2 * scipy.stats.t.sf(t, 4)
        assert!((difference.p.unwrap() - CORRECTED_P).abs() < 1e-12, "{difference:?}");
    }

    const CORRECTED_P: f64 = 0.1718477736684961;

    /// Zero is no evidence, and neither is what has no spread to be measured by.
    #[test]
    fn equal_differences_have_no_spread() {
        let compare = |b: &[f64]| PairedDifference::new(&[1.0, 2.0], b, Overlap::None).unwrap();
        let same = compare(&[1.0, 2.0]);
        assert_eq!((same.interval, same.excludes_zero()), (None, false));
        assert_eq!(same.p, Some(1.0));
        let shifted = compare(&[1.5, 2.5]);
        assert_eq!((shifted.mean, shifted.interval, shifted.p), (0.5, None, None));
        assert!(!shifted.excludes_zero());
        let rounded = compare(&[1.0 + f64::EPSILON, 2.0]);
        assert_eq!((rounded.mean, rounded.p), (0.0, Some(1.0)));
        // 35, 34 and 33 of 36 right, one more each: not a certainty of 10⁻¹⁵.
        let share = |right: f64| 100.0 * right / 36.0;
        let (more, less) = ([35.0, 34.0, 33.0].map(share), [34.0, 33.0, 32.0].map(share));
        let one = PairedDifference::new(&less, &more, Overlap::None).unwrap();
        assert_eq!((one.interval, one.p), (None, None));
    }
}
