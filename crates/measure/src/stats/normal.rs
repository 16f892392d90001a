//! The standard normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// P(Z ≤ x), to nearly all digits on either side: the series φ(x)·(x + x³/3 + x⁵/15 + …) near the
/// middle, the continued fraction φ(x)/(x + 1/(x + 2/(x + …))) in the tails (Abramowitz and Stegun
/// 26.2.11 and 26.2.14).
pub(super) fn cdf(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let a = x.abs();
    let density = (-0.5 * a * a).exp() / (SQRT_2 * PI.sqrt());
    if a < 3.0 {
        let (mut term, mut sum) = (a, a);
        let mut odd = 3.0;
        while term > sum * f64::EPSILON {
            term *= a * a / odd;
            sum += term;
            odd += 2.0;
        }
        return 0.5 + (density * sum).copysign(x);
    }
    // 100 levels are exact from 3 on; far out the density is 0 already.
    let fraction = (1..=100).rev().fold(a, |below, level| a + f64::from(level) / below);
    let tail = if a.is_finite() { density / fraction } else { 0.0 };
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// The x with P(Z ≤ x) = `p`; ∓∞ at 0 and 1, NaN outside.
pub(super) fn quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.5 {
        // By symmetry, where doubles are dense.
        return -quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    // Below −39 the tail is less than the smallest double.
    let (mut low, mut high) = (-39.0, 0.0);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return high;
        }
        if cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_scipy() {
        // for x in (-30, -8, -3.1, -2.9, -1, -.1, 0, .5, 2, 2.999, 3, 6): scipy.stats.norm.cdf(x)
        for (x, expected) in CDF {
            assert!((cdf(x) / expected - 1.0).abs() < 1e-13, "{x}: {} is not {expected}", cdf(x));
        }
        // for p in (1e-300, 1e-10, .001, .025, .2, .5, .8, .975, .9999): scipy.stats.norm.ppf(p)
        for (p, expected) in QUANTILES {
            let x = quantile(p);
            assert!((x - expected).abs() < 1e-11 * (1.0 + expected.abs()), "{p}: {x}, {expected}");
        }
    }

    const CDF: [(f64, f64); 12] = [
        (-30.0, 4.906713927147908e-198),
        (-8.0, 6.22096057427174e-16),
        (-3.1, 0.0009676032132183563),
        (-2.9, 0.0018658133003840375),
        (-1.0, 0.15865525393145707),
        (-0.1, 0.460172162722971),
        (0.0, 0.5),
        (0.5, 0.6914624612740131),
        (2.0, 0.9772498680518208),
        (2.999, 0.9986456634662729),
        (3.0, 0.9986501019683699),
        (6.0, 0.9999999990134123),
    ];
    const QUANTILES: [(f64, f64); 9] = [
        (1e-300, -37.0470962993612),
        (1e-10, -6.361340902404056),
        (0.001, -3.090232306167813),
        (0.025, -1.9599639845400545),
        (0.2, -0.8416212335729142),
        (0.5, 0.0),
        (0.8, 0.8416212335729143),
        (0.975, 1.959963984540054),
        (0.9999, 3.719016485455709),
    ];

    #[test]
    fn ends_are_defined() {
        assert_eq!((cdf(f64::NEG_INFINITY), cdf(f64::INFINITY)), (0.0, 1.0));
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(cdf(f64::NAN).is_nan() && quantile(1.5).is_nan() && quantile(f64::NAN).is_nan());
    }
}
