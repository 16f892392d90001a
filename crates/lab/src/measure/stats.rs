//! Statistics over a few values: seeds, mostly.
//!
//! A comparison of two losses is paired: the same seeds, the same splits. [`PairedDifference`] gives
//! the t interval; without a bell curve there are [`bootstrap`] and [`sign_flips`]; [`holm`] corrects
//! for having compared several losses; [`effect_size`] and [`seeds_needed`] say how large the
//! difference is and how many seeds would show it.

mod bootstrap;
mod effect;
mod holm;
mod normal;
mod permutation;
mod power;

pub use bootstrap::{Interval, bootstrap};
pub use effect::{EffectSize, effect_size};
pub use holm::holm;
pub use permutation::{SignFlips, sign_flips};
pub use power::{power, seeds_needed};

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
    /// The two-sided 95 % interval of a paired t test, mean ± t(n−1)·std/√n; `None` for one pair,
    /// which says nothing about spread.
    pub interval: Option<(f64, f64)>,
    /// The two-sided p-value of the same test, below 0.05 exactly where the interval excludes 0;
    /// `None` for one pair.
    pub p: Option<f64>,
}

impl PairedDifference {
    /// Compares `second` with `first`, pair by pair.
    ///
    /// ```
    /// use steepness_lab::measure::PairedDifference;
    /// let difference = PairedDifference::new(&[1.0, 2.0, 3.0], &[2.0, 3.5, 4.0])?;
    /// assert!(difference.excludes_zero());
    /// # Ok::<(), steepness_lab::Error>(())
    /// ```
    ///
    /// # Errors
    /// No pairs, or different numbers of values.
    pub fn new(first: &[f64], second: &[f64]) -> Result<Self> {
        let differences = differences(first, second)?;
        let n = differences.len();
        let mean = mean(&differences)
            .ok_or_else(|| Error::Request("there are no pairs to compare".into()))?;
        let error = std(&differences).map(|std| std / (n as f64).sqrt());
        let interval = error.map(|error| {
            let reach = student_t::two_sided_quantile(0.95, n - 1) * error;
            (mean - reach, mean + reach)
        });
        // Equal differences have no error: certain, unless they are all 0.
        let p = error.map(|error| match mean == 0.0 {
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

/// Second minus first, pair by pair: what the paired tests take.
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
    Ok(first.iter().zip(second).map(|(a, b)| b - a).collect())
}

/// Refuses no differences, and one that is not finite.
fn check(differences: &[f64]) -> Result<()> {
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
        let difference = PairedDifference::new(&a, &b).unwrap();
        let (low, high) = difference.interval.unwrap();
        assert_eq!(difference.n, 5);
        assert!((difference.p.unwrap() - 0.06726807315614972).abs() < 1e-12);
        assert!((difference.mean - 0.0034).abs() < 1e-15);
        assert!((low + 0.00038656628163945186).abs() < 1e-12);
        assert!((high - 0.0071865662816394575).abs() < 1e-12);
        assert!(!difference.excludes_zero());
        let mirrored = PairedDifference::new(&b, &a).unwrap();
        assert_eq!(mirrored.interval, Some((-high, -low)));
    }

    #[test]
    fn too_few_values_have_a_defined_result() {
        assert_eq!((mean(&[]), std(&[]), median(&[])), (None, None, None));
        assert_eq!((population_std(&[]), population_std(&[2.0])), (None, Some(0.0)));
        assert_eq!((mean(&[2.0]), std(&[2.0]), median(&[2.0])), (Some(2.0), None, Some(2.0)));
        let single = PairedDifference::new(&[1.0], &[3.0]).unwrap();
        assert_eq!((single.mean, single.interval, single.excludes_zero()), (2.0, None, false));
        assert!(PairedDifference::new(&[], &[]).is_err());
        assert!(PairedDifference::new(&[1.0], &[]).is_err());
    }

    #[test]
    fn equal_differences_have_no_spread() {
        let same = PairedDifference::new(&[1.0, 2.0], &[1.0, 2.0]).unwrap();
        assert_eq!((same.interval, same.excludes_zero()), (Some((0.0, 0.0)), false));
        assert_eq!(same.p, Some(1.0));
        let shifted = PairedDifference::new(&[1.0, 2.0], &[1.5, 2.5]).unwrap();
        assert_eq!((shifted.interval, shifted.excludes_zero()), (Some((0.5, 0.5)), true));
        assert_eq!(shifted.p, Some(0.0));
    }
}
