//! What tests say of a paired difference, for who wants more than an interval.

use super::table::Cell;
use crate::measure::{differences, effect_size, holm, seeds_needed, sign_flips};

/// The error probability and the power that a number of seeds is asked for.
pub const ALPHA: f64 = 0.05;
pub const POWER: f64 = 0.8;

/// Tests of one difference over two or more seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Significance {
    /// Two-sided p of the paired t test.
    pub p: f64,
    /// The same corrected, after Holm, for having compared every loss with the first by this metric.
    pub holm: f64,
    /// Two-sided p of the sign-flip permutation test, which with n seeds is never below 2/2ⁿ.
    pub signs: f64,
    /// Hedges's g_z, the difference in its own standard deviations; `None` for two seeds, which say
    /// nothing about it, and where all agree exactly.
    pub effect: Option<f64>,
    /// With how many seeds a paired t test at 5 % finds an effect of that size in four of five
    /// cases; `None` where the effect is unknown or none.
    pub seeds: Option<u64>,
}

impl Significance {
    /// Tests the differences of `own` to `first`, pair by pair, all finite; `p` is that of the t
    /// test; Holm's needs the other losses and is put in later.
    pub fn new(first: &[f64], own: &[f64], p: f64) -> Option<Self> {
        let differences = differences(first, own).ok()?;
        let effect = effect_size(&differences).ok()?.map(|effect| effect.hedges);
        let known = |effect: &f64| effect.is_finite() && differences.len() > 2;
        let effect = effect.filter(known);
        let seeds = effect.and_then(|effect| seeds_needed(effect, POWER, ALPHA).ok().flatten());
        let signs = sign_flips(&differences, 0).ok()?.p;
        Some(Self { p, holm: p, signs, effect, seeds })
    }
}

/// Corrects the p-values of one metric's cells for each other.
pub fn correct(cells: &mut [Cell]) {
    let mut tested: Vec<&mut Significance> = cells
        .iter_mut()
        .filter_map(|cell| cell.difference.as_mut()?.significance.as_mut())
        .collect();
    let p: Vec<f64> = tested.iter().map(|test| test.p).collect();
    if let Ok(corrected) = holm(&p) {
        for (test, corrected) in tested.iter_mut().zip(corrected) {
            test.holm = corrected;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_agree_with_each_other() {
        // d = b - a of five seeds; scipy: ttest_1samp(d, 0).pvalue; permutation_test((d,), mean,
        // permutation_type="samples").pvalue = 0.125 for these signs
        let a = [0.97, 0.975, 0.981, 0.969, 0.978];
        let b = [0.975, 0.974, 0.985, 0.976, 0.98];
        let test = Significance::new(&a, &b, 0.06726807315614972).unwrap();
        assert_eq!(test.signs, 0.125);
        let effect = test.effect.unwrap();
        assert!((effect - 0.8895646252110074).abs() < 1e-9, "{effect}");
        // statsmodels: TTestPower().solve_power(0.88956, power=.8, alpha=.05) = 11.98
        assert_eq!(test.seeds, Some(SEEDS));
    }

    const SEEDS: u64 = 12;

    #[test]
    fn equal_differences_have_no_size() {
        let test = Significance::new(&[1.0, 2.0], &[1.5, 2.5], 0.0).unwrap();
        assert_eq!((test.effect, test.seeds, test.signs), (None, None, 0.5));
    }
}
