//! What logits and gradients are stored in: f32, f64, bf16, f16; computed in f32, or f64 for f64 and
//! for f32 that an adjustment moves.
//!
//! The half-precision conversions are plain integer arithmetic without branches, so that they are
//! vectorised inside the kernels' loops; those of the `half` crate are calls.

use crate::plan::Kernels;
use crate::real::Real;
use half::{bf16, f16};

/// A storage type of logits and gradients: `f32`, `f64`, [`half::bf16`] or [`half::f16`].
pub trait Element: Copy + Default + Send + Sync + Stored + Kernels + 'static {}

impl Element for f32 {}
impl Element for f64 {}
impl Element for bf16 {}
impl Element for f16 {}

/// How an element becomes a number to compute with, and back.
pub trait Stored: Sized {
    /// The type to compute in.
    type Real: Real + Element<Real = Self::Real>;
    /// Exact.
    fn load(self) -> Self::Real;
    /// Rounded to nearest even.
    fn store(value: Self::Real) -> Self;
    /// Exact.
    #[inline(always)]
    fn wide(self) -> f64 {
        self.load().to_f64()
    }
}

macro_rules! stored_as_is {
    ($float:ident) => {
        impl Stored for $float {
            type Real = $float;
            #[inline(always)]
            fn load(self) -> $float {
                self
            }
            #[inline(always)]
            fn store(value: $float) -> $float {
                value
            }
        }
    };
}
stored_as_is!(f32);
stored_as_is!(f64);

/// An f32 to compute with in f64. Where logits are scaled, capped or shifted, f32 would round what
/// came of it: at a logit of 1000 the rounding alone is 3e-5, and it goes straight into p.
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct Widened(f32);

impl Element for Widened {}

impl Widened {
    pub(crate) fn all(values: &[f32]) -> &[Self] {
        // SAFETY: a transparent wrapper has the layout of what it wraps.
        unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
    }

    pub(crate) fn all_mut(values: &mut [f32]) -> &mut [Self] {
        // SAFETY: as above, and the borrow is handed on.
        unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) }
    }
}

impl Stored for Widened {
    type Real = f64;

    #[inline(always)]
    fn load(self) -> f64 {
        f64::from(self.0)
    }

    #[inline(always)]
    fn store(value: f64) -> Self {
        Self(value as f32)
    }
}

impl Stored for bf16 {
    type Real = f32;

    #[inline(always)]
    fn load(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn store(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
        let quiet_nan = (bits >> 16) | 0x40;
        Self::from_bits(if value.is_nan() { quiet_nan } else { rounded } as u16)
    }
}

impl Stored for f16 {
    type Real = f32;

    #[inline(always)]
    fn load(self) -> f32 {
        let bits = u32::from(self.to_bits());
        let shifted = (bits & 0x7fff) << 13;
        let exponent = shifted & (0x1f << 23);
        let normal = shifted + ((127 - 15) << 23);
        let special = normal + ((128 - 16) << 23);
        // Subnormal: let the float unit normalise.
        let magic = f32::from_bits(113 << 23);
        let subnormal = (f32::from_bits(normal + (1 << 23)) - magic).to_bits();
        let magnitude = match exponent {
            0 => subnormal,
            e if e == 0x1f << 23 => special,
            _ => normal,
        };
        f32::from_bits(magnitude | (bits & 0x8000) << 16)
    }

    #[inline(always)]
    fn store(value: f32) -> Self {
        let bits = value.to_bits();
        let magnitude = bits & 0x7fff_ffff;
        let odd = (magnitude >> 13) & 1;
        let normal = magnitude.wrapping_sub(112 << 23).wrapping_add(0xfff + odd) >> 13;
        // Adding 0.5 leaves the ten bits of a subnormal, rounded, at the bottom.
        let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5f32.to_bits());
        let special = if magnitude > 0xff << 23 { 0x7e00 } else { 0x7c00 };
        let half = if magnitude >= 143 << 23 {
            special
        } else if magnitude < 113 << 23 {
            subnormal
        } else {
            normal
        };
        Self::from_bits((half | (bits >> 16) & 0x8000) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_loads_and_stores_as_the_half_crate_does() {
        for bits in 0..=u16::MAX {
            let (b, h) = (bf16::from_bits(bits), f16::from_bits(bits));
            if b.is_nan() {
                assert!(b.load().is_nan() && bf16::store(b.load()).is_nan());
            } else {
                assert_eq!(b.load().to_bits(), b.to_f32().to_bits());
                assert_eq!(bf16::store(b.load()), b);
            }
            if h.is_nan() {
                assert!(h.load().is_nan() && f16::store(h.load()).is_nan());
            } else {
                assert_eq!(h.load().to_bits(), h.to_f32().to_bits(), "{bits:#x}");
                assert_eq!(f16::store(h.load()).to_bits(), h.to_bits(), "{bits:#x}");
            }
        }
    }

    #[test]
    fn rounding_is_to_nearest_even() {
        let mut bits = 1u32;
        for _ in 0..200_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = f32::from_bits(bits);
            if value.is_nan() {
                continue;
            }
            assert_eq!(bf16::store(value).to_bits(), bf16::from_f32(value).to_bits(), "{value}");
            assert_eq!(f16::store(value).to_bits(), f16::from_f32(value).to_bits(), "{value}");
        }
    }
}
