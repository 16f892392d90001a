//! In which order the values of images lie in memory.

use tch::Tensor;

use crate::Result;

/// (N, C, H, W) → the same, the channels of a pixel side by side ("channels last"): convolutions of
/// many channels are faster on it, and every layer hands the order on. Half again as fast for
/// MNISTNet on a CPU with AVX-512; small networks gain nothing.
///
/// # Errors
/// Only what libtorch refuses.
pub fn channels_last(x: &Tensor) -> Result<Tensor> {
    let pixels = x.f_permute([0, 2, 3, 1])?.f_contiguous()?;
    let &[n, h, w, c] = pixels.size().as_slice() else { return Ok(x.shallow_clone()) };
    // With a single channel both orders are one, and only the strides say which is meant.
    match c {
        1 => Ok(pixels.f_as_strided([n, c, h, w], [h * w, 1, w, 1], 0)?),
        _ => Ok(pixels.f_permute([0, 3, 1, 2])?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::layers::{Conv, Window};
    use crate::models::{Mode, Weights};

    #[test]
    fn values_stay_and_convolutions_hand_the_order_on() {
        for channels in [1, 3] {
            let x = Tensor::arange(2 * channels * 12, tch::kind::FLOAT_CPU);
            let x = x.reshape([2, channels, 3, 4]);
            let last = channels_last(&x).unwrap();
            assert_eq!(last, x);
            assert_eq!(last.stride(), [12 * channels, 1, 4 * channels, channels]);
            let channels = [channels as usize, 5];
            let conv = Conv::new(&mut Weights::new(0), "c", channels, Window::same(3)).unwrap();
            let found = conv.forward(&last, Mode::Evaluate).unwrap();
            assert_eq!(found.stride(), [60, 1, 20, 5]);
            let plain = conv.forward(&x, Mode::Evaluate).unwrap();
            assert!((found - plain).abs().max().double_value(&[]) < 1e-4);
        }
    }
}
