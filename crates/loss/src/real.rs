//! Elementary functions that the compiler can vectorise: no branch, no table, no call.
//!
//! The row kernels compute in [`Real`], f32 or f64, and every loop over a row is plain Rust on
//! slices, compiled once for each instruction set (see `rows::isa`). That works only with functions
//! like these: `f32::exp` is a call, and `f32::round` with a saturating conversion alone keeps LLVM
//! from vectorising a loop. `FMA` says whether the instruction set has a fused multiply-add; without
//! it `mul_add` is a call too.

use crate::scratch::Scratch;
use std::cell::RefCell;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// The type that a kernel computes in.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Send
    + Sync
    + 'static
{
    const ZERO: Self;
    const ONE: Self;
    const INFINITY: Self;
    const NEG_INFINITY: Self;
    /// Its fourth power is below half an ulp of 1.
    const SMALL: Self;

    fn of(value: f64) -> Self;
    fn to_f64(self) -> f64;

    /// a·b + c.
    fn fma<const FMA: bool>(self, b: Self, c: Self) -> Self;

    /// e^(x + correction) for x ≤ 0 and a correction below an ulp of x, to 1 ulp; 0 where the result
    /// would be subnormal; NaN for NaN.
    fn exp_corrected<const FMA: bool>(self, correction: Self) -> Self;

    /// e^x − 1 for x ≤ 0, exact relatively near 0.
    fn exp_m1<const FMA: bool>(self) -> Self;

    /// 2·atanh s = ln((1+s)/(1−s)) for |s| ≤ 1/3, exact relatively near 0.
    fn twice_atanh<const FMA: bool>(self) -> Self;

    /// Lends this thread's work space of the row kernels.
    fn with_scratch<T>(work: impl FnOnce(&mut Scratch<Self>) -> T) -> T;

    // Calls, for the rare curves and options that need them.
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn sin(self) -> Self;

    /// eˣ for x ≤ 0.
    #[inline(always)]
    fn exp<const FMA: bool>(self) -> Self {
        self.exp_corrected::<FMA>(Self::ZERO)
    }

    /// e^(a−b) for a ≤ b, as exact as [`Self::exp`] although the difference itself is rounded, which
    /// would otherwise cost |a−b|/2 ulp.
    #[inline(always)]
    fn exp_difference<const FMA: bool>(a: Self, b: Self) -> Self {
        // Knuth's two-sum: difference + lost is a − b exactly.
        let difference = a - b;
        let minus_b = difference - a;
        let lost = (a - (difference - minus_b)) - (b + minus_b);
        difference.exp_corrected::<FMA>(lost)
    }

    /// ln(1 − x) for 0 ≤ x ≤ 1/2.
    #[inline(always)]
    fn ln_one_minus<const FMA: bool>(self) -> Self {
        -(self / (Self::of(2.0) - self)).twice_atanh::<FMA>()
    }

    /// ln(1 − x) and 1/(1 − x) for 0 ≤ x ≤ [`Self::SMALL`] without a division, by their series.
    #[inline(always)]
    fn small_complement<const FMA: bool>(self) -> (Self, Self) {
        let ln = -self * horner::<_, FMA, _>(self, [1.0 / 4.0, 1.0 / 3.0, 1.0 / 2.0, 1.0]);
        (ln, horner::<_, FMA, _>(self, [1.0, 1.0, 1.0, 1.0, 1.0]))
    }

    /// tanh x, to an ulp of 1 and not of itself.
    #[inline(always)]
    fn tanh(self) -> Self {
        let e = (Self::of(-2.0) * self.abs()).exp::<false>();
        let size = (Self::ONE - e) / (Self::ONE + e);
        if self < Self::ZERO { -size } else { size }
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if self > other { self } else { other }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        if self < Self::ZERO { -self } else { self }
    }
}

/// Σ cᵢ·xⁱ by Horner's rule, highest coefficient first.
#[inline(always)]
fn horner<R: Real, const FMA: bool, const N: usize>(x: R, coefficients: [f64; N]) -> R {
    let mut sum = R::of(coefficients[0]);
    for coefficient in &coefficients[1..] {
        sum = sum.fma::<FMA>(x, R::of(*coefficient));
    }
    sum
}

macro_rules! real {
    (
        $float:ident, mantissa bits $mantissa:literal, exponent bias $bias:literal,
        fourth power lost below $small:literal, exp below $floor:literal is 0, ln 2 = ($ln2_high:expr) + $ln2_low:literal,
        exp $exp:expr, atanh $atanh:expr
    ) => {
        impl Real for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const INFINITY: Self = $float::INFINITY;
            const NEG_INFINITY: Self = $float::NEG_INFINITY;
            const SMALL: Self = $small;

            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $float
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }

            #[inline(always)]
            fn fma<const FMA: bool>(self, b: Self, c: Self) -> Self {
                if FMA { self.mul_add(b, c) } else { self * b + c }
            }

            #[inline(always)]
            fn exp_corrected<const FMA: bool>(self, correction: Self) -> Self {
                // x = n·ln 2 + r; adding 1.5·2^mantissa rounds to an integer, which then stands in
                // the low bits of the sum.
                const ROUND: $float = 1.5 * (1u64 << $mantissa) as $float;
                let sum = self.fma::<FMA>(std::f64::consts::LOG2_E as $float, ROUND);
                let n = sum - ROUND;
                let r = n.fma::<FMA>(-($ln2_high), self);
                let r = n.fma::<FMA>(-$ln2_low, r) + correction;
                let tail = horner::<_, FMA, _>(r, $exp);
                let e_r = (tail * r).fma::<FMA>(r, r) + 1.0;
                let scale = $float::from_bits(
                    (sum.to_bits() << $mantissa).wrapping_add($bias << $mantissa),
                );
                // The comparison also turns −∞ into 0; NaN fails it and stays NaN through e_r.
                if self < $floor { 0.0 } else { e_r * scale }
            }

            #[inline(always)]
            fn exp_m1<const FMA: bool>(self) -> Self {
                let tail = horner::<_, FMA, _>(self, $exp);
                let near = (tail * self).fma::<FMA>(self, self);
                let far = self.exp_corrected::<FMA>(0.0) - 1.0;
                // Where the polynomial of e^r is good.
                if self > -std::f64::consts::LN_2 as $float / 2.0 { near } else { far }
            }

            #[inline(always)]
            fn twice_atanh<const FMA: bool>(self) -> Self {
                let s2 = self * self;
                let tail = horner::<_, FMA, _>(s2, $atanh);
                (tail * s2).fma::<FMA>(self, 2.0 * self)
            }

            fn with_scratch<T>(work: impl FnOnce(&mut Scratch<Self>) -> T) -> T {
                thread_local! {
                    static SCRATCH: RefCell<Scratch<$float>> = RefCell::default();
                }
                SCRATCH.with_borrow_mut(work)
            }

            fn ln(self) -> Self {
                $float::ln(self)
            }

            fn ln_1p(self) -> Self {
                $float::ln_1p(self)
            }

            fn sin(self) -> Self {
                $float::sin(self)
            }
        }
    };
}

// e^r = 1 + r + r²·tail(r) on |r| ≤ ln 2 / 2: Cephes' minimax polynomial in f32, Taylor's in f64.
// 2·atanh s = 2s + s·s²·tail(s²): Taylor's.
real!(
    f32, mantissa bits 23, exponent bias 127,
    fourth power lost below 0.015_625, exp below -87.336_54 is 0,
    ln 2 = (355.0 / 512.0) + -2.121_944_4e-4,
    exp [
        1.987_569_15e-4, 1.398_199_950_7e-3, 8.333_451_907_3e-3, 4.166_579_589_4e-2,
        1.666_666_545_9e-1, 5.000_000_120_1e-1,
    ],
    atanh [2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0]
);
real!(
    f64, mantissa bits 52, exponent bias 1023,
    fourth power lost below 1e-4, exp below -708.396_418_532_264 is 0,
    ln 2 = (0.693_147_180_369_123_8) + 1.908_214_929_270_587_7e-10,
    exp [
        1.0 / 6_227_020_800.0, 1.0 / 479_001_600.0, 1.0 / 39_916_800.0, 1.0 / 3_628_800.0,
        1.0 / 362_880.0, 1.0 / 40_320.0, 1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0,
        1.0 / 6.0, 0.5,
    ],
    atanh [
        2.0 / 33.0, 2.0 / 31.0, 2.0 / 29.0, 2.0 / 27.0, 2.0 / 25.0, 2.0 / 23.0, 2.0 / 21.0,
        2.0 / 19.0, 2.0 / 17.0, 2.0 / 15.0, 2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0,
        2.0 / 5.0, 2.0 / 3.0,
    ]
);

/// ln x for normal x > 0; −∞ for 0; NaN for NaN.
#[inline(always)]
pub(crate) fn ln<const FMA: bool>(x: f64) -> f64 {
    // x = 2ⁿ·m with m in [√½, √2), ln m = 2·atanh s with s = (m−1)/(m+1), |s| ≤ 0.172.
    const ROOT: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    const MANTISSA: u64 = (1 << 52) - 1;
    let shifted = x.to_bits().wrapping_sub(ROOT);
    let n = ((shifted as i64) >> 52) as f64;
    let m = f64::from_bits((shifted & MANTISSA).wrapping_add(ROOT));
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let tail = horner::<_, FMA, _>(
        s2,
        [
            2.0 / 23.0,
            2.0 / 21.0,
            2.0 / 19.0,
            2.0 / 17.0,
            2.0 / 15.0,
            2.0 / 13.0,
            2.0 / 11.0,
            2.0 / 9.0,
            2.0 / 7.0,
            2.0 / 5.0,
            2.0 / 3.0,
        ],
    );
    let ln_m = (tail * s2).fma::<FMA>(s, 2.0 * s);
    let low = n.fma::<FMA>(1.908_214_929_270_587_7e-10, ln_m);
    let result = n.fma::<FMA>(0.693_147_180_369_123_8, low);
    if x == 0.0 { f64::NEG_INFINITY } else { result + 0.0 * x }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest relative error of `ours` against `exact` over `points`.
    fn worst(points: impl Iterator<Item = f64>, f: impl Fn(f64) -> (f64, f64)) -> f64 {
        points.map(f).map(|(ours, exact)| ((ours - exact) / exact).abs()).fold(0.0, f64::max)
    }

    fn points(low: f64, high: f64) -> impl Iterator<Item = f64> {
        (0..200_001).map(move |i| low + (high - low) * f64::from(i) / 200_000.0)
    }

    #[test]
    fn exp_is_exact_to_an_ulp() {
        let f32_error = worst(points(-87.0, 0.0), |x| {
            let x = x as f32;
            (x.exp_corrected::<true>(0.0) as f64, (x as f64).exp())
        });
        assert!(f32_error < 1.2e-7, "{f32_error}");
        for fma in [false, true] {
            let f64_error = worst(points(-708.0, 0.0), |x| {
                (if fma { Real::exp::<true>(x) } else { Real::exp::<false>(x) }, x.exp())
            });
            assert!(f64_error < 4e-16, "{f64_error}");
        }
    }

    #[test]
    fn exp_m1_is_exact_near_0() {
        for (low, high) in [(-700.0, 0.0), (-1.0, -1e-3), (-1e-6, -1e-9)] {
            let wide = worst(points(low, high).filter(|x| *x < 0.0), |x| {
                (Real::exp_m1::<true>(x), x.exp_m1())
            });
            assert!(wide < 1e-15, "{wide}");
            let narrow = worst(points(low, high).filter(|x| *x < 0.0), |x| {
                let x = x as f32;
                (Real::exp_m1::<false>(x) as f64, (x as f64).exp_m1())
            });
            assert!(narrow < 4e-7, "{narrow}");
        }
        assert_eq!(Real::exp_m1::<true>(0f32), 0.0);
        assert_eq!(Real::exp_m1::<true>(f64::NEG_INFINITY), -1.0);
    }

    #[test]
    fn exp_of_a_difference_does_not_feel_its_rounding() {
        let error = worst(points(-80.0, -1e-3), |x| {
            let (a, b) = (x as f32, 5.3f32);
            (f32::exp_difference::<true>(a, b) as f64, (a as f64 - b as f64).exp())
        });
        assert!(error < 1.3e-7, "{error}");
    }

    #[test]
    fn exp_at_the_ends() {
        assert_eq!(Real::exp::<true>(0f32), 1.0);
        assert_eq!(Real::exp::<true>(0f64), 1.0);
        assert_eq!(Real::exp::<true>(f32::NEG_INFINITY), 0.0);
        assert_eq!(Real::exp::<true>(-1e30f64), 0.0);
        assert!(Real::exp::<true>(f32::NAN).is_nan());
        assert!(Real::exp::<false>(f64::NAN).is_nan());
        assert!(f32::exp_difference::<true>(f32::NAN, 0.0).is_nan());
        assert_eq!(f32::exp_difference::<true>(f32::NEG_INFINITY, 0.0), 0.0);
    }

    #[test]
    fn logarithms_are_exact_to_an_ulp() {
        let wide = worst(points(-300.0, 300.0).filter(|x| x.abs() > 1e-3), |x| {
            let x = 10f64.powf(x);
            (ln::<true>(x), x.ln())
        });
        assert!(wide < 5e-16, "{wide}");
        assert_eq!(ln::<true>(1.0), 0.0);
        assert_eq!(ln::<true>(0.0), f64::NEG_INFINITY);
        assert!(ln::<true>(f64::NAN).is_nan());
        let below_one = worst(points(1e-12, 0.5), |x| (x.ln_one_minus::<true>(), (-x).ln_1p()));
        assert!(below_one < 5e-16, "{below_one}");
        let small = worst(points(1e-9, 1e-4), |x| (x.small_complement::<true>().0, (-x).ln_1p()));
        assert!(small < 5e-16, "{small}");
        let small = worst(points(1e-7, 1.0 / 64.0), |x| {
            let x = x as f32;
            (x.small_complement::<true>().0 as f64, (-x as f64).ln_1p())
        });
        assert!(small < 1.5e-7, "{small}");
        let small = worst(points(1e-7, 1.0 / 64.0), |x| {
            let x = x as f32;
            (x.small_complement::<true>().1 as f64, 1.0 / (1.0 - x as f64))
        });
        assert!(small < 1.5e-7, "{small}");
        let below_one = worst(points(1e-7, 0.5), |x| {
            let x = x as f32;
            (x.ln_one_minus::<true>() as f64, (-x as f64).ln_1p())
        });
        assert!(below_one < 3e-7, "{below_one}");
    }
}
