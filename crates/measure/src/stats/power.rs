//! Power: how many seeds does it take to see a difference?
//!
//! The two-sided paired t test of n differences with effect size d_z rejects with probability
//! P(|T'| > t), where T' is noncentral t with ν = n − 1 degrees of freedom and δ = d_z·√n. Where the
//! measurements share examples ([`Overlap`]), δ = d_z·√((1 + r)/(1/n + r)) with r = n_test/n_train,
//! which no number of seeds brings above d_z·√((1 + r)/r). Given the sample's standard deviation s, in
//! units of the true one, that is a normal probability:
//!
//! P(|T'| ≤ t) = E\[Φ(ts − δ) − Φ(−ts − δ)\], with s·√ν chi-distributed,
//!
//! an integral over s that Simpson's rule takes to 1e-10 and better.

use super::{Overlap, normal};
use crate::student_t::two_sided_quantile;
use crate::{Error, Result};

/// The probability that a two-sided paired t test at level `alpha` of `n` differences whose true
/// effect size is `effect` (Cohen's d_z) finds it; `overlap` says what the seeds have in common.
///
/// # Errors
/// Fewer than 2 differences; an effect that is not finite; an `alpha` outside (0, 1).
pub fn power(effect: f64, n: usize, alpha: f64, overlap: Overlap) -> Result<f64> {
    if n < 2 {
        return Err(Error::Request(format!("a t test needs at least 2 differences, not {n}")));
    }
    validate(effect, alpha)?;
    let threshold = two_sided_quantile(1.0 - alpha, n - 1);
    let shift = effect * (overlap.factor(1) / overlap.factor(n)).sqrt();
    let accepted =
        |s: f64| normal::cdf(threshold * s - shift) - normal::cdf(-threshold * s - shift);
    Ok(1.0 - expectation(n - 1, accepted))
}

/// The smallest number of seeds with which a paired t test at level `alpha` finds an effect of size
/// `effect` (Cohen's d_z, its sign does not matter) with probability `power` or more. `None` where no
/// number of seeds does: for no effect, and for one too small for seeds that test the same examples
/// again and again. Beyond 10,000 seeds the count is that of the normal approximation, for
/// independent seeds off by less than one in ten thousand.
///
/// ```
/// use steepness_measure::{Overlap, seeds_needed};
/// // A difference of one standard deviation takes 10 seeds for 80 %.
/// assert_eq!(seeds_needed(1.0, 0.8, 0.05, Overlap::None)?, Some(10));
/// // With a fifth of the examples tested anew by each seed it takes more examples.
/// let overlap = Overlap::Redrawn { test: 20, train: 80 };
/// assert_eq!(seeds_needed(1.0, 0.8, 0.05, overlap)?, None);
/// assert_eq!(seeds_needed(1.5, 0.8, 0.05, overlap)?, Some(16));
/// # Ok::<(), steepness_measure::Error>(())
/// ```
///
/// # Errors
/// An effect that is not finite; a `power` or an `alpha` outside (0, 1), or a power below `alpha`,
/// which even no effect has.
pub fn seeds_needed(effect: f64, power: f64, alpha: f64, overlap: Overlap) -> Result<Option<u64>> {
    validate(effect, alpha)?;
    if !(power > alpha && power < 1.0) {
        return Err(Error::Request(format!("a power of {power} is not between {alpha} and 1")));
    }
    // By the normal approximation δ must reach `shift`: (1 + r)·d² / (1/n + r) = shift².
    let z = normal::quantile(1.0 - alpha / 2.0);
    let shift = z + normal::quantile(power);
    let inverse = overlap.factor(1) * (effect / shift).powi(2) - overlap.ratio();
    if inverse <= 0.0 {
        return Ok(None);
    }
    let about = 1.0 / inverse + z * z / 2.0;
    fewest(about, |n| Ok(self::power(effect, n, alpha, overlap)? >= power)).map(Some)
}

/// The smallest number of seeds, two or more, that is `enough`, by the normal approximation `about` so
/// many; where that is beyond 10,000 it is the answer.
pub(super) fn fewest(about: f64, enough: impl Fn(usize) -> Result<bool>) -> Result<u64> {
    const INTEGRATED: usize = 10_000;
    if about > INTEGRATED as f64 {
        return Ok(about.ceil() as u64);
    }
    // From there to the first of which it is true, in steps that double.
    let (mut low, mut high) = (1, (about as usize).max(2));
    let mut step = 1;
    while !enough(high)? {
        (low, high, step) = (high, high + step, 2 * step);
        if high > 2 * INTEGRATED {
            return Ok(about.ceil() as u64);
        }
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high as u64)
}

fn validate(effect: f64, alpha: f64) -> Result<()> {
    if !effect.is_finite() {
        return Err(Error::Request(format!("an effect size of {effect} is not finite")));
    }
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::Request(format!("an alpha of {alpha} is not between 0 and 1")));
    }
    Ok(())
}

/// E\[f(s)\] with s·√ν chi-distributed with ν = `freedom` degrees of freedom: Simpson's rule over
/// the 12 standard deviations around the mode that matter. The density s^(ν−1)·exp(−νs²/2) is
/// divided by its own integral, so no Γ is needed.
pub(super) fn expectation(freedom: usize, f: impl Fn(f64) -> f64) -> f64 {
    const INTERVALS: usize = 2000;
    let nu = freedom as f64;
    let mode = ((nu - 1.0) / nu).sqrt();
    let reach = 12.0 / (2.0 * nu).sqrt();
    let (low, high) = ((mode - reach).max(0.0), mode + reach);
    let step = (high - low) / INTERVALS as f64;
    let log_density = |s: f64| {
        // 0·log 0 is 0 here: with one degree of freedom the density begins at its mode.
        let power = if freedom == 1 { 0.0 } else { (nu - 1.0) * s.ln() };
        power - nu * s * s / 2.0
    };
    let highest = log_density(mode);
    let (mut sum, mut total) = (0.0, 0.0);
    for i in 0..=INTERVALS {
        let s = low + i as f64 * step;
        let simpson = match i {
            0 | INTERVALS => 1.0,
            i if i % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let weight = simpson * (log_density(s) - highest).exp();
        sum += weight * f(s);
        total += weight;
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PairedDifference;
    use crate::random::Stream;

    #[test]
    fn agrees_with_statsmodels() {
        // from statsmodels.stats.power import TTestPower
        // [TTestPower().power(d, n, .05) for d, n in ((.5, 2), (.5, 3), (1, 5), (.8, 10), (-.8, 10),
        //                                              (.2, 200), (2, 4), (.05, 1000), (0, 7))]
        for (effect, n, expected) in POWERS {
            let ours = power(effect, n, 0.05, Overlap::None).unwrap();
            assert!((ours - expected).abs() < 1e-8, "{effect}, {n}: {ours} is not {expected}");
        }
        // [math.ceil(TTestPower().solve_power(d, power=.8, alpha=.05))
        //  for d in (5, 2, 1, .8, .5, .2, .1, .03)]
        for (effect, expected) in SEEDS {
            assert_eq!(
                seeds_needed(effect, 0.8, 0.05, Overlap::None).unwrap(),
                Some(expected),
                "{effect}"
            );
        }
    }

    const POWERS: [(f64, usize, f64); 9] = [
        (0.5, 2, 0.06194860668713362),
        (0.5, 3, 0.0841070558963894),
        (1.0, 5, 0.4013899173717948),
        (0.8, 10, 0.6162327634744059),
        (-0.8, 10, 0.6162327634744058),
        (0.2, 200, 0.8036666605857853),
        (2.0, 4, 0.7549839171140109),
        (0.05, 1000, 0.3520450126456206),
        (0.0, 7, 0.049999999999999385),
    ];
    const SEEDS: [(f64, u64); 8] =
        [(5.0, 3), (2.0, 5), (1.0, 10), (0.8, 15), (0.5, 34), (0.2, 199), (0.1, 787), (0.03, 8723)];

    #[test]
    fn seeds_that_share_examples_soon_tell_nothing_new() {
        // power(d, n, r) of scipy: stats.nct with δ = d·√((1 + r)/(1/n + r)) and r = 1/4
        let overlap = Overlap::Redrawn { test: 20, train: 80 };
        for (effect, expected) in [(1.5, 0.4772611173816541), (3.0, 0.9548372641204013)] {
            let ours = power(effect, 5, 0.05, overlap).unwrap();
            assert!((ours - expected).abs() < 1e-8, "{effect}: {ours} is not {expected}");
        }
        for (effect, expected) in
            [(1.0, None), (1.3, Some(80)), (1.5, Some(16)), (2.0, Some(7)), (-3.0, Some(4))]
        {
            assert_eq!(seeds_needed(effect, 0.8, 0.05, overlap).unwrap(), expected, "{effect}");
        }
    }

    /// Of the corrected t test: 20,000 draws of five differences, correlated as their parts overlap.
    #[test]
    fn power_with_overlap_is_what_simulation_finds() {
        let overlap = Overlap::Redrawn { test: 20, train: 80 };
        let (effect, rho, draws) = (2.0, 0.2f64, 20_000);
        let found = (0..draws).filter(|&draw| {
            let noise = Stream::new(draw, "power");
            let common = rho.sqrt() * noise.normal(0);
            let own = |seed| effect + common + (1.0 - rho).sqrt() * noise.normal(seed);
            let differences: Vec<f64> = (1..=5).map(own).collect();
            PairedDifference::new(&[0.0; 5], &differences, overlap).unwrap().excludes_zero()
        });
        let found = found.count() as f64 / draws as f64;
        let power = power(effect, 5, 0.05, overlap).unwrap();
        assert!((power - found).abs() < 0.015, "{power} is not {found}");
    }

    #[test]
    fn the_approximation_takes_over_smoothly() {
        // statsmodels: TTestPower().solve_power(.01, power=.8, alpha=.05) = 78490.53
        assert!(
            seeds_needed(0.01, 0.8, 0.05, Overlap::None).unwrap().unwrap().abs_diff(78_491) < 8
        );
    }

    #[test]
    fn grows_with_effect_and_seeds() {
        let by_seeds: Vec<f64> =
            (2..60).map(|n| power(0.4, n, 0.05, Overlap::None).unwrap()).collect();
        assert!(by_seeds.is_sorted());
        let by_effect: Vec<f64> =
            (0..30).map(|i| power(f64::from(i) / 10.0, 6, 0.05, Overlap::None).unwrap()).collect();
        assert!(by_effect.is_sorted());
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        assert_eq!(seeds_needed(0.0, 0.8, 0.05, Overlap::None).unwrap(), None);
        assert_eq!(seeds_needed(-1.0, 0.8, 0.05, Overlap::None).unwrap(), Some(10));
        assert!(
            power(1.0, 1, 0.05, Overlap::None).is_err()
                && power(f64::NAN, 5, 0.05, Overlap::None).is_err()
        );
        assert!(
            power(1.0, 5, 0.0, Overlap::None).is_err()
                && power(1.0, 5, 1.0, Overlap::None).is_err()
        );
        assert!(
            seeds_needed(1.0, 1.0, 0.05, Overlap::None).is_err()
                && seeds_needed(1.0, 0.01, 0.05, Overlap::None).is_err()
        );
    }
}
