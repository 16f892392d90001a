//! What a model sees of pixels that are stored as bytes: numbers from 0 to 1.

use std::mem::MaybeUninit;

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// What a model sees of `stored` values, u8 or f32: f32, pixels from 0 to 1.
///
/// # Errors
/// Only what libtorch refuses.
pub fn seen(stored: &Tensor, brightest: Option<u8>) -> Result<Tensor> {
    Ok(match brightest {
        Some(one) => stored.f_to_kind(Kind::Float)?.f_div_scalar_(i64::from(one))?,
        None => stored.shallow_clone(),
    })
}

/// What a model sees of `count` images of 256 levels and `shape` (channels, height, width), taken one
/// after the other: f32 (N, C, H, W), from 0 to 1.
///
/// # Errors
/// That of the first image that is one, fewer pixels than these, and what libtorch refuses.
pub(super) fn seen_bytes<B: AsRef<[u8]>>(
    count: usize,
    images: impl Iterator<Item = Result<B>>,
    shape: [usize; 3],
) -> Result<Tensor> {
    let [channels, height, width] = shape.map(|side| side as i64);
    let all = Tensor::f_empty([count as i64, channels, height, width], (Kind::Float, Device::Cpu))?;
    let size: usize = shape.iter().product();
    // SAFETY: libtorch has just made room for so many f32, one after the other, of which nobody else
    // knows.
    let values: &mut [MaybeUninit<f32>] =
        unsafe { std::slice::from_raw_parts_mut(all.data_ptr().cast(), count * size) };
    // Not libtorch's own threads: between their tasks they keep the cores busy waiting, and it is
    // those that load images which need them.
    let mut done = 0;
    for (image, values) in images.zip(values.chunks_exact_mut(size.max(1))) {
        let image = image?;
        for (value, &pixel) in values.iter_mut().zip(image.as_ref()) {
            value.write(f32::from(pixel) / 255.0);
        }
        done += image.as_ref().len();
    }
    match done == count * size {
        true => Ok(all),
        false => Err(Error::Work(format!("{done} pixels for {count} images of {size}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Inputs;

    #[test]
    fn a_model_sees_pixels_from_0_to_1() {
        let inputs = Inputs::bytes(vec![0, 51, 255, 1]);
        let Inputs::Pixels { values, brightest } = &inputs else { panic!() };
        let found = seen(&Tensor::from_slice(values), Some(*brightest)).unwrap();
        let values: Vec<f32> = found.flatten(0, -1).try_into().unwrap();
        assert_eq!(values, [0.0, 0.2, 1.0, 1.0 / 255.0]);
        assert_eq!(inputs.select(&[1], 2), Inputs::bytes(vec![255, 1]));
    }
}
