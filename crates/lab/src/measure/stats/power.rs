//! Power: how many seeds does it take to see a difference?
//!
//! The two-sided paired t test of n differences with effect size d_z rejects with probability
//! P(|T'| > t), where T' is noncentral t with ν = n − 1 degrees of freedom and δ = d_z·√n. Given the
//! sample's standard deviation s, in units of the true one, that is a normal probability:
//!
//! P(|T'| ≤ t) = E\[Φ(ts − δ) − Φ(−ts − δ)\], with s·√ν chi-distributed,
//!
//! an integral over s that Simpson's rule takes to 1e-10 and better.

use super::normal;
use crate::measure::student_t::two_sided_quantile;
use crate::{Error, Result};

/// The probability that a two-sided paired t test at level `alpha` of `n` differences whose true
/// effect size is `effect` (Cohen's d_z) finds it.
///
/// # Errors
/// Fewer than 2 differences; an effect that is not finite; an `alpha` outside (0, 1).
pub fn power(effect: f64, n: usize, alpha: f64) -> Result<f64> {
    if n < 2 {
        return Err(Error::Request(format!("a t test needs at least 2 differences, not {n}")));
    }
    check(effect, alpha)?;
    let threshold = two_sided_quantile(1.0 - alpha, n - 1);
    let shift = effect * (n as f64).sqrt();
    let accepted =
        |s: f64| normal::cdf(threshold * s - shift) - normal::cdf(-threshold * s - shift);
    Ok(1.0 - expectation(n - 1, accepted))
}

/// The smallest number of seeds with which a paired t test at level `alpha` finds an effect of size
/// `effect` (Cohen's d_z, its sign does not matter) with probability `power` or more. `None` for no
/// effect, which no number of seeds shows. Beyond 10,000 seeds the count is that of the normal
/// approximation, off by less than one in ten thousand.
///
/// ```
/// use steepness_lab::measure::seeds_needed;
/// // A difference of one standard deviation takes 10 seeds for 80 %.
/// assert_eq!(seeds_needed(1.0, 0.8, 0.05)?, Some(10));
/// # Ok::<(), steepness_lab::Error>(())
/// ```
///
/// # Errors
/// An effect that is not finite; a `power` or an `alpha` outside (0, 1), or a power below `alpha`,
/// which even no effect has.
pub fn seeds_needed(effect: f64, power: f64, alpha: f64) -> Result<Option<u64>> {
    const INTEGRATED: usize = 10_000;
    check(effect, alpha)?;
    if !(power > alpha && power < 1.0) {
        return Err(Error::Request(format!("a power of {power} is not between {alpha} and 1")));
    }
    if effect == 0.0 {
        return Ok(None);
    }
    if self::power(effect, INTEGRATED, alpha)? < power {
        let z = normal::quantile(1.0 - alpha / 2.0);
        let n = ((z + normal::quantile(power)) / effect).powi(2) + z * z / 2.0;
        return Ok(Some(n.ceil() as u64));
    }
    let (mut low, mut high) = (1, INTEGRATED);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if self::power(effect, middle, alpha)? < power {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Some(high as u64))
}

fn check(effect: f64, alpha: f64) -> Result<()> {
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
fn expectation(freedom: usize, f: impl Fn(f64) -> f64) -> f64 {
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

    #[test]
    fn agrees_with_statsmodels() {
        // from statsmodels.stats.power import TTestPower
        // [TTestPower().power(d, n, .05) for d, n in ((.5, 2), (.5, 3), (1, 5), (.8, 10), (-.8, 10),
        //                                              (.2, 200), (2, 4), (.05, 1000), (0, 7))]
        for (effect, n, expected) in POWERS {
            let ours = power(effect, n, 0.05).unwrap();
            assert!((ours - expected).abs() < 1e-8, "{effect}, {n}: {ours} is not {expected}");
        }
        // [math.ceil(TTestPower().solve_power(d, power=.8, alpha=.05))
        //  for d in (5, 2, 1, .8, .5, .2, .1, .03)]
        for (effect, expected) in SEEDS {
            assert_eq!(seeds_needed(effect, 0.8, 0.05).unwrap(), Some(expected), "{effect}");
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
    fn the_approximation_takes_over_smoothly() {
        // statsmodels: TTestPower().solve_power(.01, power=.8, alpha=.05) = 78490.53
        assert!(seeds_needed(0.01, 0.8, 0.05).unwrap().unwrap().abs_diff(78_491) < 8);
    }

    #[test]
    fn grows_with_effect_and_seeds() {
        let by_seeds: Vec<f64> = (2..60).map(|n| power(0.4, n, 0.05).unwrap()).collect();
        assert!(by_seeds.is_sorted());
        let by_effect: Vec<f64> =
            (0..30).map(|i| power(f64::from(i) / 10.0, 6, 0.05).unwrap()).collect();
        assert!(by_effect.is_sorted());
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        assert_eq!(seeds_needed(0.0, 0.8, 0.05).unwrap(), None);
        assert_eq!(seeds_needed(-1.0, 0.8, 0.05).unwrap(), Some(10));
        assert!(power(1.0, 1, 0.05).is_err() && power(f64::NAN, 5, 0.05).is_err());
        assert!(power(1.0, 5, 0.0).is_err() && power(1.0, 5, 1.0).is_err());
        assert!(seeds_needed(1.0, 1.0, 0.05).is_err() && seeds_needed(1.0, 0.01, 0.05).is_err());
    }
}
