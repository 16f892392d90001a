//! What is known of a mean difference: its size, its standard error, and what of that error more seeds
//! take away.
//!
//! Every verdict needs these numbers and no more, wherever they come from: the differences of the seeds
//! alone ([`Estimate::of_seeds`]) or those of seeds × test examples ([`TwoWay`](super::TwoWay)).
//! error² = a/n + b for n seeds: a is what a single seed adds, b what all seeds have in common, as
//! they do where they test the same examples. With n' seeds it would be a/n' + b.

use super::{Overlap, effect, mean, normal, power, standard_error};
use crate::student_t::{two_sided_p, two_sided_quantile};
use crate::{Error, Result};

/// A mean difference and its error, which is above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// How many seeds there are, two or more.
    pub seeds: usize,
    /// The mean difference.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
    /// Degrees of freedom of Student's t for it.
    pub freedom: usize,
    /// b: the part of error² that no number of seeds reduces.
    pub shared: f64,
}

impl Estimate {
    /// That of the differences of the seeds, which have `overlap` in common: error² = S²/n + S²·n_test/n_train
    /// with n − 1 degrees of freedom. `None` of fewer than two, and where all are equal, so that nothing
    /// is known of their spread.
    pub fn of_seeds(differences: &[f64], overlap: Overlap) -> Option<Self> {
        let seeds = differences.len();
        let error = standard_error(differences, overlap)?;
        let known = error > 0.0 && error.is_finite();
        let shared = error * error * overlap.ratio() / overlap.factor(seeds);
        known.then_some(Self { seeds, mean: mean(differences)?, error, freedom: seeds - 1, shared })
    }

    /// The same in another unit, of which one of these is `factor`: 100 for per cents of shares.
    pub fn times(self, factor: f64) -> Self {
        Self {
            mean: factor * self.mean,
            error: factor.abs() * self.error,
            shared: factor * factor * self.shared,
            ..self
        }
    }

    /// The two-sided interval that holds the true mean with probability `level`; NaN outside (0, 1).
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let reach = self.reach(level);
        (self.mean - reach, self.mean + reach)
    }

    /// Half the width of that interval.
    pub(super) fn reach(&self, level: f64) -> f64 {
        two_sided_quantile(level, self.freedom) * self.error
    }

    /// The two-sided p-value of the true mean being `value`.
    pub fn p(&self, value: f64) -> f64 {
        two_sided_p((self.mean - value) / self.error, self.freedom)
    }

    /// The probability that `seeds` seeds settle on which side of ±`margin` the difference lies, at
    /// level `alpha`, if it is as large as it seems here. With no margin that is the power of the t test to
    /// find it with its sign. Taken in standard deviations, a difference over few seeds seems larger than
    /// it is; Hedges's factor corrects that, as in [`effect_size`](super::effect_size).
    ///
    /// # Errors
    /// Fewer than 2 `seeds`; a `margin` that is no number of 0 or more; an `alpha` outside (0, 1).
    pub fn power(&self, margin: f64, seeds: usize, alpha: f64) -> Result<f64> {
        if seeds < 2 {
            return Err(Error::Request(format!("a t test needs at least 2 seeds, not {seeds}")));
        }
        validate(margin, alpha)?;
        let threshold = two_sided_quantile(1.0 - alpha, seeds - 1);
        let unit = self.unit(seeds as f64);
        let settled = |s: f64| settled(self.mean.abs() * unit, margin * unit, threshold * s);
        Ok(power::expectation(seeds - 1, settled))
    }

    /// The smallest number of seeds for which [`Estimate::power`] is `power` or more. `None` where no
    /// number is enough: there is no difference, or only more test examples would show it. Beyond 10,000
    /// it is that of the normal approximation.
    ///
    /// # Errors
    /// As [`Estimate::power`]; a `power` outside (0, 1).
    pub fn seeds_needed(&self, margin: f64, power: f64, alpha: f64) -> Result<Option<u64>> {
        validate(margin, alpha)?;
        if !(power > alpha && power < 1.0) {
            return Err(Error::Request(format!("a power of {power} is not between {alpha} and 1")));
        }
        // By the normal approximation, and for as many seeds as there could ever be.
        let threshold = normal::quantile(1.0 - alpha / 2.0);
        let enough = |seeds: f64| {
            let unit = self.unit(seeds);
            settled(self.mean.abs() * unit, margin * unit, threshold) >= power
        };
        if !enough(MOST) {
            return Ok(None);
        }
        let (mut low, mut high) = (1.0, MOST);
        while high - low > 1.0 {
            let middle = ((low + high) / 2.0f64).floor();
            if enough(middle) { high = middle } else { low = middle }
        }
        let about = high + threshold * threshold / 2.0;
        power::fewest(about, |seeds| Ok(self.power(margin, seeds, alpha)? >= power)).map(Some)
    }

    /// What one of the difference's units is in standard errors of `seeds` seeds, corrected after Hedges.
    fn unit(&self, seeds: f64) -> f64 {
        let own = (self.error * self.error - self.shared).max(0.0) * self.seeds as f64;
        effect::correction(self.seeds - 1) / (own / seeds + self.shared).sqrt()
    }
}

/// More seeds than anybody trains: what takes more is said to take no number of seeds.
const MOST: f64 = 1e9;

/// The probability that a normal estimate of `of` ≥ 0, with variance 1, lies more than `reach` from
/// ±`margin` on the same side as `of`: above, or between the two.
fn settled(of: f64, margin: f64, reach: f64) -> f64 {
    match of > margin {
        true => normal::cdf(of - margin - reach),
        false => (normal::cdf(margin - reach - of) - normal::cdf(reach - margin - of)).max(0.0),
    }
}

fn validate(margin: f64, alpha: f64) -> Result<()> {
    if !(margin >= 0.0 && margin.is_finite()) {
        return Err(Error::Request(format!("a margin of {margin} is no number of 0 or more")));
    }
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::Request(format!("an alpha of {alpha} is not between 0 and 1")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PairedDifference, seeds_needed};

    /// Of `seeds` seeds with a mean of `mean` standard deviations of a single one, after Hedges.
    fn apparent(mean: f64, seeds: usize) -> Estimate {
        let error = 1.0 / (seeds as f64).sqrt();
        let mean = mean / effect::correction(seeds - 1);
        Estimate { seeds, mean, error, freedom: seeds - 1, shared: 0.0 }
    }

    fn close(ours: f64, expected: f64, digits: f64) {
        assert!((ours - expected).abs() < digits, "{ours} is not {expected}");
    }

    #[test]
    fn is_that_of_the_paired_t_test() {
        let (a, b) = ([0.97, 0.975, 0.981, 0.969, 0.978], [0.975, 0.974, 0.985, 0.976, 0.98]);
        let differences = crate::differences(&a, &b).unwrap();
        for overlap in [Overlap::None, Overlap::Redrawn { test: 20, train: 80 }] {
            let expected = PairedDifference::new(&a, &b, overlap).unwrap();
            let estimate = Estimate::of_seeds(&differences, overlap).unwrap();
            let (low, high) = estimate.interval(0.95);
            close(low, expected.interval.unwrap().0, 1e-15);
            close(high, expected.interval.unwrap().1, 1e-15);
            close(estimate.p(0.0), expected.p.unwrap(), 1e-15);
            // An edge of the interval is what it only just does not exclude.
            close(estimate.p(low), 0.05, 1e-12);
            // Both ways of counting seeds are one.
            let hedges = crate::effect_size(&differences, overlap).unwrap().unwrap().hedges;
            assert_eq!(
                estimate.seeds_needed(0.0, 0.8, 0.05).unwrap(),
                seeds_needed(hedges, 0.8, 0.05, overlap).unwrap()
            );
        }
    }

    /* python:
    def above(d, m, n):  # of standard deviations, at 5 %
        return stats.nct.sf(stats.t.ppf(.975, n - 1), n - 1, (d - m) * n**.5)
    def within(d, m, n):
        t, v, d, m = stats.t.ppf(.975, n - 1), n - 1, d * n**.5, m * n**.5
        f = lambda s: ((stats.norm.cdf(m - t * s - d) - stats.norm.cdf(t * s - m - d))
                       * stats.chi.pdf(s * v**.5, v) * v**.5)
        return integrate.quad(f, 0, m / t, epsabs=1e-13, epsrel=1e-12, limit=500)[0]
    */
    #[test]
    fn power_agrees_with_scipy() {
        for (of, margin, seeds, expected) in [
            (1.0, 0.2, 8, 0.4963454995419924),
            (-0.8, 0.0, 10, 0.6162224997282187),
            (2.0, 0.5, 5, 0.710701794725785),
            (0.0, 1.5, 8, 0.902251032999154),
            (-0.3, 1.0, 20, 0.8433062824451134),
            (0.2, 2.5, 5, 0.9555101015758356),
        ] {
            let power = apparent(of, 6).power(margin / effect::correction(5), seeds, 0.05);
            close(power.unwrap(), expected, 1e-6);
        }
    }

    #[test]
    fn seeds_needed_agree_with_statsmodels() {
        // math.ceil(TTestPower().solve_power(d - m, power=.8, alpha=.05)), or the first n of which
        // within(d, m, n) is .8
        for (of, margin, expected) in [
            (1.0, 0.2, 15),
            (0.8, 0.0, 15),
            (2.0, 0.5, 6),
            (-1.0, 0.9, 787),
            (0.0, 1.5, 7),
            (0.3, 1.0, 19),
            (-0.2, 2.5, 4),
            (0.0, 0.4, 68),
        ] {
            let margin = margin / effect::correction(5);
            let needed = apparent(of, 6).seeds_needed(margin, 0.8, 0.05).unwrap();
            assert_eq!(needed, Some(expected), "{of}, {margin}");
        }
    }

    #[test]
    fn a_unit_changes_nothing() {
        let share = Estimate { seeds: 5, mean: 0.01, error: 0.004, freedom: 4, shared: 4e-6 };
        let per_cent = share.times(100.0);
        close(per_cent.p(0.5), share.p(0.005), 1e-12);
        let needed = |of: Estimate, margin| of.seeds_needed(margin, 0.8, 0.05).unwrap();
        assert_eq!(needed(per_cent, 0.2), needed(share, 0.002));
    }

    #[test]
    fn what_all_seeds_share_no_seed_takes_away() {
        // Half of the variance is that of the examples: error² is 1 and would be 1/2 at best.
        let of = |mean| Estimate { seeds: 5, mean, error: 1.0, freedom: 4, shared: 0.5 };
        let unit = effect::correction(4) / 0.5f64.sqrt();
        let least = (normal::quantile(0.975) + normal::quantile(0.8)) / unit;
        assert_eq!(of(0.99 * least).seeds_needed(0.0, 0.8, 0.05).unwrap(), None);
        let needed = of(1.1 * least).seeds_needed(0.0, 0.8, 0.05).unwrap().unwrap();
        let power = |seeds| of(1.1 * least).power(0.0, seeds as usize, 0.05).unwrap();
        assert!(power(needed) >= 0.8 && power(needed - 1) < 0.8, "{needed}");
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        assert_eq!(Estimate::of_seeds(&[1.0], Overlap::None), None);
        assert_eq!(Estimate::of_seeds(&[1.0; 4], Overlap::None), None);
        assert_eq!(Estimate::of_seeds(&[1.0, f64::INFINITY], Overlap::None), None);
        let none = apparent(0.0, 5);
        assert_eq!(none.seeds_needed(0.0, 0.8, 0.05).unwrap(), None);
        // On the margin no number of seeds decides.
        let edge = Estimate { mean: 0.5, ..none };
        assert_eq!(edge.seeds_needed(0.5, 0.8, 0.05).unwrap(), None);
        for margin in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(none.power(margin, 5, 0.05).is_err());
            assert!(none.seeds_needed(margin, 0.8, 0.05).is_err());
        }
        assert!(none.power(0.0, 1, 0.05).is_err() && none.power(0.0, 5, 1.0).is_err());
        assert!(none.seeds_needed(0.0, 1.0, 0.05).is_err());
    }
}
