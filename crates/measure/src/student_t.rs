//! Student's t distribution for whole degrees of freedom, where its integral is a finite sum.
//!
//! With θ = arctan(t/√ν), Abramowitz and Stegun 26.7.3 and 26.7.4 give A(t|ν) = P(|T| ≤ t) as
//!
//! * odd ν: (2/π)·(θ + sin θ·(cos θ + 2/3 cos³θ + … + (2·4⋯(ν−3))/(3·5⋯(ν−2)) cos^(ν−2) θ)),
//! * even ν: sin θ·(1 + 1/2 cos²θ + (1·3)/(2·4) cos⁴θ + … + (1·3⋯(ν−3))/(2·4⋯(ν−2)) cos^(ν−2) θ).
//!
//! Every term is positive, so nothing cancels.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// The t with P(|T| ≤ t) = `level` for `freedom` ≥ 1 degrees of freedom; NaN outside
/// 0 < `level` < 1 or for no freedom.
pub(super) fn two_sided_quantile(level: f64, freedom: usize) -> f64 {
    if freedom == 0 || !(level > 0.0 && level < 1.0) {
        return f64::NAN;
    }
    // P grows with θ: halve the interval until it is down to neighbouring doubles.
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return (freedom as f64).sqrt() * middle.tan();
        }
        if central_probability(middle, freedom) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// P(|T| ≥ |t|) for `freedom` ≥ 1 degrees of freedom, exact to 1e-15 (of 1, not of itself); NaN for
/// NaN or no freedom.
pub(super) fn two_sided_p(t: f64, freedom: usize) -> f64 {
    if freedom == 0 || t.is_nan() {
        return f64::NAN;
    }
    let theta = (t.abs() / (freedom as f64).sqrt()).atan();
    (1.0 - central_probability(theta, freedom)).max(0.0)
}

/// P(|T| ≤ √ν·tan θ) for ν = `freedom`.
fn central_probability(theta: f64, freedom: usize) -> f64 {
    let (sin, cos) = theta.sin_cos();
    let odd = freedom % 2 == 1;
    let mut term = if odd { cos } else { 1.0 };
    let mut sum = 0.0;
    // The power of cos θ that the term holds.
    let mut power = if odd { 1 } else { 0 };
    while power + 2 <= freedom {
        sum += term;
        term *= cos * cos * (power + 1) as f64 / (power + 2) as f64;
        power += 2;
    }
    if odd { FRAC_2_PI * (theta + sin * sum) } else { sin * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_agree_with_scipy() {
        // [2 * scipy.stats.t.sf(t, df) for t, df in
        //  ((0, 1), (1, 1), (2.5, 4), (12, 4), (.3, 7), (3.3, 60))]
        for (t, freedom, expected) in [
            (0.0, 1, 1.0),
            (1.0, 1, 0.5000000000000001),
            (2.5, 4, 0.06676654481198814),
            (12.0, 4, 0.000276428548502973),
            (0.3, 7, 0.7728900504021342),
            (3.3, 60, 0.0016303065154888868),
        ] {
            let p = two_sided_p(t, freedom);
            assert!((p - expected).abs() < 1e-14, "{t}, {freedom}: {p} is not {expected}");
            assert_eq!(two_sided_p(-t, freedom), p);
        }
        assert_eq!(two_sided_p(f64::INFINITY, 3), 0.0);
        assert!(two_sided_p(1.0, 0).is_nan() && two_sided_p(f64::NAN, 3).is_nan());
    }

    #[test]
    fn agrees_with_scipy() {
        // [scipy.stats.t.ppf(.975, df) for df in range(1, 101)]
        let expected = [
            12.7062047362,
            4.3026527297,
            3.1824463053,
            2.7764451052,
            2.5705818356,
            2.4469118511,
            2.3646242516,
            2.3060041352,
            2.2621571628,
            2.2281388520,
            2.2009851601,
            2.1788128297,
            2.1603686565,
            2.1447866879,
            2.1314495456,
            2.1199052992,
            2.1098155778,
            2.1009220402,
            2.0930240544,
            2.0859634473,
            2.0796138447,
            2.0738730679,
            2.0686576104,
            2.0638985616,
            2.0595385528,
            2.0555294386,
            2.0518305165,
            2.0484071418,
            2.0452296421,
            2.0422724563,
            2.0395134464,
            2.0369333435,
            2.0345152974,
            2.0322445093,
            2.0301079283,
            2.0280940010,
            2.0261924630,
            2.0243941639,
            2.0226909200,
            2.0210753903,
            2.0195409704,
            2.0180817028,
            2.0166921992,
            2.0153675744,
            2.0141033889,
            2.0128955989,
            2.0117405137,
            2.0106347576,
            2.0095752371,
            2.0085591121,
            2.0075837703,
            2.0066468051,
            2.0057459953,
            2.0048792882,
            2.0040447833,
            2.0032407188,
            2.0024654593,
            2.0017174841,
            2.0009953781,
            2.0002978220,
            1.9996235850,
            1.9989715170,
            1.9983405425,
            1.9977296543,
            1.9971379084,
            1.9965644190,
            1.9960083540,
            1.9954689314,
            1.9949454151,
            1.9944371118,
            1.9939433678,
            1.9934635667,
            1.9929971259,
            1.9925434952,
            1.9921021540,
            1.9916726096,
            1.9912543954,
            1.9908470688,
            1.9904502102,
            1.9900634213,
            1.9896863235,
            1.9893185571,
            1.9889597802,
            1.9886096670,
            1.9882679075,
            1.9879342062,
            1.9876082816,
            1.9872898648,
            1.9869786995,
            1.9866745407,
            1.9863771544,
            1.9860863170,
            1.9858018143,
            1.9855234419,
            1.9852510035,
            1.9849843115,
            1.9847231860,
            1.9844674545,
            1.9842169516,
            1.9839715185,
        ];
        for (i, expected) in expected.iter().enumerate() {
            let t = two_sided_quantile(0.95, i + 1);
            assert!((t - expected).abs() < 1e-9, "{} degrees: {t} is not {expected}", i + 1);
        }
        // [(l, df, scipy.stats.t.ppf((1 + l) / 2, df)) for l in (.5, .9, .999) for df in (1, 4, 9, 1000)]
        let expected = [
            (0.5, 1, 1.0000000000000002),
            (0.5, 4, 0.7406970841126829),
            (0.5, 9, 0.7027221467513264),
            (0.5, 1000, 0.6747351646070093),
            (0.9, 1, 6.313751514675037),
            (0.9, 4, 2.1318467863266495),
            (0.9, 9, 1.833112932656237),
            (0.9, 1000, 1.6463788172854643),
            (0.999, 1, 636.6192487687897),
            (0.999, 4, 8.610301581379522),
            (0.999, 9, 4.780912585931217),
            (0.999, 1000, 3.300282648423944),
        ];
        for (level, freedom, expected) in expected {
            let t = two_sided_quantile(level, freedom);
            assert!((t / expected - 1.0).abs() < 1e-9, "{level}, {freedom}: {t} is not {expected}");
        }
    }

    #[test]
    fn shrinks_towards_the_normal_quantile() {
        let quantiles: Vec<f64> = (1..200).map(|n| two_sided_quantile(0.95, n)).collect();
        assert!(quantiles.is_sorted_by(|a, b| a > b));
        // scipy.stats.norm.ppf(.975)
        assert!((two_sided_quantile(0.95, 1_000_000) - 1.959963984540054).abs() < 1e-5);
    }

    #[test]
    fn outside_its_domain_there_is_no_quantile() {
        for (level, freedom) in [(0.0, 3), (1.0, 3), (f64::NAN, 3), (0.95, 0)] {
            assert!(two_sided_quantile(level, freedom).is_nan());
        }
    }
}
