//! Bootstrap intervals of the mean of a paired difference (Efron 1979, 1987).
//!
//! The differences are drawn again with replacement, many times. The percentile interval takes the
//! quantiles α/2 and 1 − α/2 of the means that result. BCa, bias-corrected and accelerated, takes
//! those at Φ(z₀ + (z₀ ± z)/(1 − a(z₀ ± z))), where z₀ says how far the middle of the means lies
//! off the measured one and a how skewed the differences are. With fewer than about ten pairs both
//! are too short: prefer the t interval there.

use super::{mean, normal, validate};
use crate::random::Stream;
use crate::{Error, Result};

/// How an interval is read off the means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// Their quantiles as they are.
    Percentile,
    /// Bias-corrected and accelerated.
    Bca,
}

/// The interval for the mean of paired `differences` that holds it with probability `level`, from
/// `resamples` draws made with `seed`. Equal differences have an interval of no width.
///
/// # Errors
/// No differences, or one that is not finite; a level outside (0, 1); no resamples.
pub fn bootstrap(
    differences: &[f64],
    interval: Interval,
    level: f64,
    resamples: usize,
    seed: u64,
) -> Result<(f64, f64)> {
    validate(differences)?;
    if !(level > 0.0 && level < 1.0) {
        return Err(Error::Request(format!("a level of {level} is not between 0 and 1")));
    }
    if resamples == 0 {
        return Err(Error::Request("a bootstrap needs at least 1 resample, not 0".into()));
    }
    let stream = Stream::new(seed, "bootstrap");
    let n = differences.len();
    let resampled = |draw: usize| {
        let drawn = stream.part(draw as u64);
        let sum: f64 = (0..n).map(|i| differences[drawn.below(i as u64, n as u64) as usize]).sum();
        sum / n as f64
    };
    let mut means: Vec<f64> = (0..resamples).map(resampled).collect();
    means.sort_unstable_by(f64::total_cmp);
    Ok(read_off(&means, differences, interval, level))
}

/// The interval from the sorted means of the draws.
fn read_off(means: &[f64], differences: &[f64], interval: Interval, level: f64) -> (f64, f64) {
    let tail = (1.0 - level) / 2.0;
    let (low, high) = match interval {
        Interval::Percentile => (tail, 1.0 - tail),
        Interval::Bca => {
            let center = mean(differences).unwrap_or(f64::NAN);
            // Means equal to the measured one, up to rounding, count half.
            let slack = 1e-12 * differences.iter().fold(0.0, |size: f64, d| size.max(d.abs()));
            let below = means.partition_point(|mean| *mean < center - slack);
            let upto = means.partition_point(|mean| *mean <= center + slack);
            let bias = normal::quantile((below + upto) as f64 / (2 * means.len()) as f64);
            let skew = acceleration(differences, center);
            let at = |z: f64| match bias.is_finite() {
                true => normal::cdf(bias + (bias + z) / (1.0 - skew * (bias + z))),
                // All means lie on one side: so does the interval.
                false => normal::cdf(bias),
            };
            (at(normal::quantile(tail)), at(normal::quantile(1.0 - tail)))
        }
    };
    (quantile(means, low), quantile(means, high))
}

/// Efron's a = Σd³ / 6(Σd²)^1.5 of what each difference changes in the mean when it is left out.
fn acceleration(differences: &[f64], center: f64) -> f64 {
    let moment = |power| differences.iter().map(|d| (d - center).powi(power)).sum::<f64>();
    let spread = moment(2);
    if spread > 0.0 { moment(3) / (6.0 * spread.powf(1.5)) } else { 0.0 }
}

/// The quantile of sorted values, between them in proportion, as numpy's default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::uniform;

    /// d = numpy.fromiter(uniform(14, 8), float) ** 2 - .1, with the `uniform` of sample.rs.
    fn sample() -> Vec<f64> {
        uniform(14).take(8).map(|u| u * u - 0.1).collect()
    }

    #[test]
    fn is_read_off_as_scipy_does() {
        // u = numpy.fromiter(uniform(4, 8000), float)
        // means = d[(u * 8).astype(int).reshape(1000, 8)].mean(1)
        // numpy.quantile(means, [.025, .975])
        // and with scipy.stats._resampling._bca_interval((d,), numpy.mean, -1, .025, means, None,
        // numpy), whose first two values are shares of means: numpy.quantile(means, those)
        let d = sample();
        let u: Vec<f64> = uniform(4).take(8000).collect();
        let drawn = |u: &[f64]| u.iter().map(|u| d[(u * 8.0) as usize]).sum::<f64>() / 8.0;
        let mut means: Vec<f64> = u.chunks(8).map(drawn).collect();
        means.sort_by(f64::total_cmp);
        for (interval, low, high) in [
            (Interval::Percentile, -0.021884318554457986, 0.3775715278095496),
            (Interval::Bca, 0.003392002364220768, 0.4274899621180462),
        ] {
            let (ours_low, ours_high) = read_off(&means, &d, interval, 0.95);
            assert!((ours_low - low).abs() < 1e-12, "{interval:?}: {ours_low} is not {low}");
            assert!((ours_high - high).abs() < 1e-12, "{interval:?}: {ours_high} is not {high}");
        }
    }

    #[test]
    fn draws_agree_with_scipys() {
        // scipy.stats.bootstrap((d,), numpy.mean, n_resamples=10**6, method="bca", rng=0)
        //     .confidence_interval
        let (low, high) = bootstrap(&sample(), Interval::Bca, 0.95, 20_000, 1).unwrap();
        assert!((low + 0.0014275089583117746).abs() < 0.01, "{low}");
        assert!((high - 0.4166627209321025).abs() < 0.01, "{high}");
    }

    #[test]
    fn ties_do_not_hang_on_rounding() {
        // Shares of 10,000 examples, as accuracies are: many draws have the measured mean.
        let shares = [0.005, -0.001, 0.004, 0.007, 0.002, 0.021, 0.003, 0.0];
        let whole = shares.map(|share| (share * 1e4f64).round());
        let at = |d: &[f64]| bootstrap(d, Interval::Bca, 0.95, 2000, 3).unwrap();
        let ((low, high), (whole_low, whole_high)) = (at(&shares), at(&whole));
        assert!((low - whole_low / 1e4).abs() < 1e-12 && (high - whole_high / 1e4).abs() < 1e-12);
    }

    #[test]
    fn depends_on_the_seed_alone() {
        let at = |seed| bootstrap(&sample(), Interval::Percentile, 0.9, 500, seed).unwrap();
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        for interval in [Interval::Percentile, Interval::Bca] {
            assert_eq!(bootstrap(&[2.0; 5], interval, 0.95, 100, 0).unwrap(), (2.0, 2.0));
            assert_eq!(bootstrap(&[2.0], interval, 0.95, 100, 0).unwrap(), (2.0, 2.0));
            assert!(bootstrap(&[], interval, 0.95, 100, 0).is_err());
            assert!(bootstrap(&[1.0, f64::INFINITY], interval, 0.95, 100, 0).is_err());
            assert!(bootstrap(&[1.0], interval, 0.95, 0, 0).is_err());
            for level in [0.0, 1.0, f64::NAN] {
                assert!(bootstrap(&[1.0], interval, level, 100, 0).is_err());
            }
        }
    }
}
