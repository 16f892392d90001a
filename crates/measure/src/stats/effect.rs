//! Effect size of a paired difference: how many of its own standard deviations it is large.
//!
//! Cohen's d_z = mean / std with n − 1 (Cohen 1988, §2.3.5). A small sample makes it too large;
//! Hedges's g_z = J·d_z corrects that, with J = Γ(ν/2) / (√(ν/2)·Γ((ν − 1)/2)) for ν = n − 1
//! (Hedges 1981), about 1 − 3/(4ν − 1). The std of measurements that share examples is corrected for
//! that ([`Overlap`]).

use super::overlap::deviation;
use super::{Overlap, mean, validate};
use crate::Result;

/// The size of a paired difference in its own standard deviations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectSize {
    /// Cohen's d_z.
    pub cohen: f64,
    /// Hedges's g_z, which a small sample does not make too large. 0 for two pairs, which say
    /// nothing about it.
    pub hedges: f64,
}

/// The effect size of paired `differences`, infinite where they are all equal. `None` for less than
/// two, and where all are 0.
///
/// # Errors
/// No differences, or one that is not finite.
pub fn effect_size(differences: &[f64], overlap: Overlap) -> Result<Option<EffectSize>> {
    validate(differences)?;
    let std = deviation(differences, overlap);
    let (Some(mean), Some(std)) = (mean(differences), std) else { return Ok(None) };
    let cohen = mean / std;
    // 0 times an infinite effect is not a number: two equal differences.
    let hedges = if cohen.is_finite() { correction(differences.len() - 1) * cohen } else { cohen };
    Ok((!cohen.is_nan()).then_some(EffectSize { cohen, hedges }))
}

/// Hedges's J for ν = `freedom` ≥ 1.
pub(super) fn correction(freedom: usize) -> f64 {
    // r(ν) = Γ(ν/2) / Γ((ν − 1)/2) follows from r(ν)·r(ν + 1) = (ν − 1)/2 and r(2) = 1/√π.
    if freedom < 2 {
        return 0.0; // Γ(0) is infinite
    }
    let ratio = (2..freedom)
        .fold(1.0 / std::f64::consts::PI.sqrt(), |ratio, nu| (nu - 1) as f64 / 2.0 / ratio);
    ratio / (freedom as f64 / 2.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_scipy() {
        // d = numpy.array([.005, -.001, .004, .007, .002]); z = d.mean() / d.std(ddof=1)
        // v = 4; z, z * numpy.exp(gammaln(v / 2) - gammaln((v - 1) / 2)) / numpy.sqrt(v / 2)
        let differences = [0.005, -0.001, 0.004, 0.007, 0.002];
        let effect = effect_size(&differences, Overlap::None).unwrap().unwrap();
        assert!((effect.cohen - COHEN).abs() < 1e-12, "{}", effect.cohen);
        assert!((effect.hedges - HEDGES).abs() < 1e-12, "{}", effect.hedges);
        // A fifth is tested: two measurements are correlated by 0.2, and the variance is 1/0.8 times
        // what it seems.
        let overlap = Overlap::Redrawn { test: 1, train: 4 };
        let shared = effect_size(&differences, overlap).unwrap().unwrap();
        assert!((shared.cohen - COHEN * 0.8f64.sqrt()).abs() < 1e-12, "{}", shared.cohen);
    }

    const COHEN: f64 = 1.11490392083272;
    const HEDGES: f64 = 0.8895646252110074;

    #[test]
    fn the_correction_fades() {
        assert_eq!(correction(1), 0.0);
        for freedom in [4, 10, 100, 1000] {
            let approximation = 1.0 - 3.0 / (4.0 * freedom as f64 - 1.0);
            assert!((correction(freedom) - approximation).abs() < 0.02 / freedom as f64);
        }
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        let of = |differences: &[f64]| effect_size(differences, Overlap::None);
        assert_eq!(of(&[1.0]).unwrap(), None);
        assert_eq!(of(&[0.0, 0.0]).unwrap(), None);
        let equal = of(&[-2.0, -2.0]).unwrap().unwrap();
        assert_eq!((equal.cohen, equal.hedges), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        assert!(of(&[]).is_err() && of(&[1.0, f64::NAN]).is_err());
    }
}
