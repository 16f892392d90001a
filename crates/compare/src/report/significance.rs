//! What tests say of a paired difference, for who wants more than an interval.

use crate::measure::{Overlap, differences, effect_size, holm, seeds_needed, sign_flips};

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
    /// Two-sided p of the sign-flip permutation test, which with n seeds is never below 2/2ⁿ; `None`
    /// where the seeds share test examples, for it takes them for independent.
    pub signs: Option<f64>,
    /// Hedges's g_z, the difference in its own standard deviations; `None` for two seeds, which say
    /// nothing about it, and where all agree exactly.
    pub effect: Option<f64>,
    /// With how many seeds the same t test at 5 % finds an effect of that size in four of five cases;
    /// `None` where the effect is unknown.
    pub seeds: Option<Seeds>,
}

/// How many seeds a difference needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// So many.
    Enough(u64),
    /// No number is enough: there is no effect, or one so small that only more examples show it, since
    /// all seeds test the same ones.
    Never,
}

impl std::fmt::Display for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Seeds::Enough(seeds) => seeds.fmt(f),
            Seeds::Never => f.write_str("never"),
        }
    }
}

impl Significance {
    /// Tests the differences of `own` to `first`, pair by pair, all finite; `p` is that of the t
    /// test; Holm's needs the other losses and is put in later.
    pub fn new(first: &[f64], own: &[f64], p: f64, overlap: Overlap) -> Option<Self> {
        let differences = differences(first, own).ok()?;
        let effect = effect_size(&differences, overlap).ok()?.map(|effect| effect.hedges);
        let known = |effect: &f64| effect.is_finite() && differences.len() > 2;
        let effect = effect.filter(known);
        let needed = |effect| seeds_needed(effect, POWER, ALPHA, overlap).ok();
        let seeds = effect.and_then(needed).map(|seeds| seeds.map_or(Seeds::Never, Seeds::Enough));
        let signs = match overlap {
            Overlap::None => Some(sign_flips(&differences, 0).ok()?.p),
            Overlap::Redrawn { .. } | Overlap::Folds { .. } => None,
        };
        Some(Self { p, holm: p, signs, effect, seeds })
    }
}

/// Corrects the p-values of one metric's tests for each other.
pub fn correct<'a>(tests: impl Iterator<Item = &'a mut Significance>) {
    let mut tested: Vec<&mut Significance> = tests.collect();
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
        let test = Significance::new(&a, &b, 0.06726807315614972, Overlap::None).unwrap();
        assert_eq!(test.signs, Some(0.125));
        let effect = test.effect.unwrap();
        assert!((effect - 0.8895646252110074).abs() < 1e-9, "{effect}");
        // statsmodels: TTestPower().solve_power(0.88956, power=.8, alpha=.05) = 11.98
        assert_eq!(test.seeds, Some(SEEDS));
        // Of parts that overlap: the effect is √(1 + 1/4) times smaller, and the seeds that it takes
        // are not to be had.
        let overlap = Overlap::Redrawn { test: 20, train: 80 };
        let shared = Significance::new(&a, &b, 0.17, overlap).unwrap();
        assert!((shared.effect.unwrap() * 1.25f64.sqrt() - effect).abs() < 1e-12);
        assert_eq!((shared.signs, shared.seeds), (None, Some(Seeds::Never)));
    }

    const SEEDS: Seeds = Seeds::Enough(12);

    #[test]
    fn equal_differences_have_no_size() {
        let test = Significance::new(&[1.0, 2.0], &[1.5, 2.5], 0.0, Overlap::None).unwrap();
        assert_eq!((test.effect, test.seeds, test.signs), (None, None, Some(0.5)));
    }
}
