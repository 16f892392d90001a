//! Dropout for large tensors: 16 random bits a place instead of 64 good ones.
//!
//! A step of a Transformer of width 256 and six layers over two thousand tokens has nine million places
//! in its masks. Drawing them as [`super::Dropout`] does takes 14 ns each on one core (and as long in
//! PyTorch), a tenth of the step; what is done here takes 0.3 ns. A place is left out if the
//! 16 bits of a hash of its number are below a threshold, so that a rate is exact to 2⁻¹⁷, and what
//! stays is scaled up by the exact rate. The hash is the 32-bit mixing function with the lowest known
//! bias ("lowbias32", Wellons 2018), twice, with half of a key before each; the key is a number of the
//! [`Stream`](crate::random::Stream) of seed, pass and name. The backward pass draws the mask anew
//! instead of keeping it.

use tch::{Device, Kind, Tensor};

use super::widest::widest;
use crate::Result;
use crate::autograd::{Operation, Values, attach, filled};
use crate::models::Mode;

/// Hashes that are computed together, two places each.
const HASHES: usize = 32;
/// Places of a block: the first half has the lower bits of its hashes, the second the upper ones.
const BLOCK: usize = 2 * HASHES;

/// The layer.
#[derive(Debug)]
pub struct BitDropout {
    purpose: String,
    rate: f64,
}

impl BitDropout {
    /// Leaves out a share `rate` in \[0, 1).
    pub fn new(name: &str, rate: f64) -> Self {
        Self { purpose: format!("dropout/{name}"), rate }
    }

    /// Whether it leaves out anything.
    pub fn applies(&self, mode: Mode) -> bool {
        mode.trains() && self.rate > 0.0
    }

    /// Any shape → the same.
    pub fn forward(&self, x: Tensor, mode: Mode) -> Result<Tensor> {
        let Some(mask) = self.mask(mode) else { return Ok(x) };
        if !is_ours(&x)? {
            return Ok(x.f_mul(&mask.tensor(&x)?)?);
        }
        let values = Values::of::<f32>(&x)?;
        let result = filled(&x.size(), |to| scale(to, values.slice(), mask))?;
        attach(&result, &[&x], Masked { mask, residual: false })
    }

    /// `residual` + what is left of `x`, f32, without a tensor for the latter.
    pub fn add(&self, residual: &Tensor, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let x = x.f_to_kind(Kind::Float)?;
        let Some(mask) = self.mask(mode) else { return Ok(residual.f_add(&x)?) };
        if !is_ours(&x)? {
            return Ok(residual.f_add(&x.f_mul(&mask.tensor(&x)?)?)?);
        }
        let result = {
            let (x, residual) = (Values::of::<f32>(&x)?, Values::of::<f32>(residual)?);
            let size = x.tensor().size();
            filled(&size, |to| add_scaled(to, residual.slice(), x.slice(), mask))?
        };
        attach(&result, &[&x, residual], Masked { mask, residual: true })
    }

    fn mask(&self, mode: Mode) -> Option<Mask> {
        let stream = mode.stream(&self.purpose).filter(|_| self.rate > 0.0)?;
        let key = stream.bits(0);
        let below = ((self.rate * 65536.0).round() as u32).min(65535);
        let kept = (65536.0 / f64::from(65536 - below)) as f32;
        Some(Mask { key: [key as u32, (key >> 32) as u32], below, kept })
    }
}

/// Whether our own loops work on `x`.
fn is_ours(x: &Tensor) -> Result<bool> {
    Ok(x.device() == Device::Cpu && x.f_kind()? == Kind::Float)
}

/// What is left out in one pass.
#[derive(Clone, Copy, Debug)]
struct Mask {
    key: [u32; 2],
    /// Places whose 16 bits are below this are left out.
    below: u32,
    /// What the others are multiplied with.
    kept: f32,
}

impl Mask {
    /// The factors of the places of a block.
    #[inline(always)]
    fn factors(self, block: usize) -> [f32; BLOCK] {
        let Self { key, below, kept } = self;
        let mut factors = [0f32; BLOCK];
        let (low, high) = factors.split_at_mut(HASHES);
        for (at, (low, high)) in low.iter_mut().zip(high).enumerate() {
            let number = (block * HASHES + at) as u32;
            let bits = mix(mix(number ^ key[0]).wrapping_add(key[1]));
            *low = if bits & 0xFFFF < below { 0.0 } else { kept };
            *high = if bits >> 16 < below { 0.0 } else { kept };
        }
        factors
    }

    /// The factors of the places of `x`, in its shape and kind.
    fn tensor(self, x: &Tensor) -> Result<Tensor> {
        let ones = vec![1f32; x.numel()];
        let factors = filled(&x.size(), |to| scale(to, &ones, self))?;
        Ok(factors.f_to_kind(x.f_kind()?)?.f_to(x.device())?)
    }
}

/// 32 bits → 32 bits, one to one ("lowbias32").
#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7FEB_352D);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

widest! {
    fn scale(to: &mut [f32], x: &[f32], mask: Mask) {
        for (block, (to, x)) in to.chunks_mut(BLOCK).zip(x.chunks(BLOCK)).enumerate() {
            let factors = mask.factors(block);
            for ((to, &x), factor) in to.iter_mut().zip(x).zip(factors) {
                *to = x * factor;
            }
        }
    }
}

widest! {
    fn add_scaled(to: &mut [f32], residual: &[f32], x: &[f32], mask: Mask) {
        let blocks = to.chunks_mut(BLOCK).zip(residual.chunks(BLOCK)).zip(x.chunks(BLOCK));
        for (block, ((to, residual), x)) in blocks.enumerate() {
            let factors = mask.factors(block);
            for (((to, &residual), &x), factor) in to.iter_mut().zip(residual).zip(x).zip(factors) {
                *to = residual + x * factor;
            }
        }
    }
}

/// The backward pass: the gradient of what was left out is 0, that of the residual whole.
struct Masked {
    mask: Mask,
    residual: bool,
}

impl Operation for Masked {
    fn backward(&self, upstream: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let values = Values::of::<f32>(upstream)?;
        let of_x = filled(&upstream.size(), |to| scale(to, values.slice(), self.mask))?;
        Ok(match self.residual {
            true => vec![Some(of_x), Some(upstream.shallow_clone())],
            false => vec![Some(of_x)],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Precision;

    const PASS: Mode = Mode::Train { seed: 1, pass: 7, precision: Precision::F32 };

    fn ones(size: &[i64]) -> Tensor {
        Tensor::ones(size, (Kind::Float, Device::Cpu))
    }

    fn mask(name: &str, mode: Mode, rate: f64, count: i64) -> Vec<f32> {
        BitDropout::new(name, rate).forward(ones(&[count]), mode).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_share_is_left_out_and_the_mean_stays() {
        for rate in [0.1, 0.3, 0.5, 0.9] {
            let values = mask("a", PASS, rate, 1_000_003);
            let kept = (1.0 / (1.0 - rate)) as f32;
            assert!(values.iter().all(|&v| v == 0.0 || (v / kept - 1.0).abs() < 1e-4));
            let zeros = values.iter().filter(|&&v| v == 0.0).count() as f64 / 1_000_003.0;
            let deviation = (rate * (1.0 - rate) / 1e6).sqrt();
            assert!((zeros - rate).abs() < 4.0 * deviation, "{rate}: {zeros}");
        }
    }

    #[test]
    fn the_choice_is_that_of_seed_pass_and_name() {
        let train = |seed, pass| Mode::Train { seed, pass, precision: Precision::F32 };
        let first = mask("a", PASS, 0.5, 70);
        assert_eq!(first, mask("a", PASS, 0.5, 70));
        assert_eq!(first, mask("a", PASS, 0.5, 700)[..70], "whatever comes after");
        assert_ne!(first, mask("b", PASS, 0.5, 70));
        assert_ne!(first, mask("a", train(1, 8), 0.5, 70));
        assert_ne!(first, mask("a", train(2, 7), 0.5, 70));
        assert_eq!(mask("a", Mode::Evaluate, 0.5, 70), [1.0; 70]);
        assert_eq!(mask("a", PASS, 0.0, 70), [1.0; 70]);
    }

    /// A change here changes every published result of a Transformer.
    #[test]
    fn the_choice_is_pinned() {
        let kept: Vec<usize> = mask("a", PASS, 0.5, 70).iter().map(|&v| v as usize / 2).collect();
        let found: String = kept.iter().map(usize::to_string).collect();
        assert_eq!(found, PINNED);
    }

    const PINNED: &str = "1000111001011110100001000100001010100101101000011001001101100000011001";

    /// Two masks agree as often as chance has it, at the same place and at neighbouring ones, and so
    /// do the places of one.
    #[test]
    fn masks_are_independent() {
        const N: usize = 1 << 18;
        let later = Mode::Train { seed: 1, pass: 8, precision: Precision::F32 };
        let first = mask("a", PASS, 0.5, N as i64);
        let rest = [mask("b", PASS, 0.5, N as i64), mask("a", later, 0.5, N as i64)];
        let agree = |other: &[f32], by: usize| {
            let same = first.iter().zip(&other[by..]).filter(|(a, b)| a == b).count() as f64;
            let count = (N - by) as f64;
            // Standard deviations from one half.
            (same - count / 2.0).abs() / (count / 4.0).sqrt()
        };
        for by in [0, 1, 2, 31, 32, 33, 64, 512] {
            for other in &rest {
                assert!(agree(other, by) < 4.5, "{by}: {}", agree(other, by));
            }
            assert!(by == 0 || agree(&first, by) < 4.5, "{by}: {}", agree(&first, by));
        }
    }

    #[test]
    fn gradients_pass_where_values_did() {
        let layer = BitDropout::new("a", 0.3);
        let x = Tensor::arange(200, (Kind::Float, Device::Cpu)).view([4, 50]);
        let (x, residual) = (x.set_requires_grad(true), ones(&[4, 50]).set_requires_grad(true));
        let found = layer.add(&residual, &x, PASS).unwrap();
        let factors = layer.forward(ones(&[4, 50]), PASS).unwrap();
        assert!((&found - &x * &factors - &residual).abs().max().double_value(&[]) < 1e-5);
        let upstream = Tensor::arange(200, (Kind::Float, Device::Cpu)).cos().view([4, 50]);
        (found * &upstream).sum(None::<Kind>).backward();
        assert_eq!(x.grad(), &upstream * &factors);
        assert_eq!(residual.grad(), upstream);
        let y = ones(&[4, 50]).set_requires_grad(true);
        (layer.forward(&y * 1.0, PASS).unwrap() * &upstream).sum(None::<Kind>).backward();
        assert_eq!(y.grad(), upstream * factors);
    }

    /// What is not f32 on the CPU has the same mask.
    #[test]
    fn other_numbers_have_the_same_mask() {
        let layer = BitDropout::new("a", 0.3);
        let narrow = layer.forward(ones(&[300]).to_kind(Kind::BFloat16), PASS).unwrap();
        let wide = layer.forward(ones(&[300]), PASS).unwrap();
        assert_eq!(narrow.kind(), Kind::BFloat16);
        assert_eq!(narrow, wide.to_kind(Kind::BFloat16));
    }
}
