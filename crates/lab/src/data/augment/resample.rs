//! Scaling as Pillow does it for bytes: `PIL.Image.resize`, which torchvision and timm call.
//!
//! Output o takes the inputs i under a filter f that is as wide as needed to leave no aliasing: with
//! s = in / out, the centre c = (o + ½)·s and the stretch t = max(s, 1), their weights are
//! f((i − c + ½) / t), normalised to sum 1 and rounded to multiples of 2⁻²². Width
//! comes first, then height, unless there is much less height to come; both round to bytes. The
//! results are those of Pillow 13, bit for bit (older ones always begin with the width).

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::raster::{Area, Raster};

/// The filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// A triangle: f(x) = 1 − |x|.
    #[default]
    Bilinear,
    /// Keys' cubic with a = −½.
    Bicubic,
}

impl Interpolation {
    /// Where the filter ends.
    fn support(self) -> f64 {
        match self {
            Interpolation::Bilinear => 1.0,
            Interpolation::Bicubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Interpolation::Bilinear if x < 1.0 => 1.0 - x,
            Interpolation::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Interpolation::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            _ => 0.0,
        }
    }
}

/// A filter, or one drawn for each image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// [`Interpolation::Bilinear`].
    #[default]
    Bilinear,
    /// [`Interpolation::Bicubic`].
    Bicubic,
    /// One or the other for each image, as timm does by default.
    Random,
}

impl Filter {
    /// The filter for one image.
    pub fn draw(self, draws: &mut Draws) -> Interpolation {
        match self {
            Filter::Bilinear => Interpolation::Bilinear,
            Filter::Bicubic => Interpolation::Bicubic,
            Filter::Random => [Interpolation::Bilinear, Interpolation::Bicubic][draws.below(2)],
        }
    }
}

/// Bits behind the point of a weight: bytes times weights, and what a cubic overshoots, fit into 32.
const BITS: u32 = 32 - 8 - 2;

/// For each output the inputs that it takes, with their weights.
struct Windows {
    /// The first input of each output, and where its weights begin; one more entry marks the end.
    starts: Vec<(usize, usize)>,
    weights: Vec<i32>,
}

impl Windows {
    fn new(inputs: usize, outputs: usize, filter: Interpolation) -> Self {
        let scale = inputs as f64 / outputs as f64;
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let mut windows = Self { starts: Vec::with_capacity(outputs + 1), weights: Vec::new() };
        let mut window = Vec::new();
        for output in 0..outputs {
            let centre = (output as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(inputs);
            window.clear();
            let weight =
                |input: usize| filter.weight((input as f64 - centre + 0.5) * (1.0 / stretch));
            window.extend((first..end).map(weight));
            let sum: f64 = window.iter().sum();
            let fixed = |weight: &f64| {
                let weight = weight / sum * f64::from(1 << BITS);
                (weight + 0.5f64.copysign(weight)) as i32 // towards 0
            };
            let begin = windows.weights.len();
            windows.weights.extend(window.iter().map(fixed));
            // Zeros at the ends cost time and change nothing.
            while windows.weights.len() > begin + 1 && windows.weights.last() == Some(&0) {
                windows.weights.pop();
            }
            windows.starts.push((first, begin));
        }
        windows.starts.push((0, windows.weights.len()));
        windows
    }
}

/// What lies in `area` of `image`, scaled to `height`×`width` pixels. None of the sizes may be 0.
pub fn resize(
    image: &Raster,
    area: Area,
    [height, width]: [usize; 2],
    filter: Interpolation,
) -> Raster {
    let fewer = |from: usize, to: usize| from as i64 - to as i64;
    let (lost_rows, lost_columns) = (fewer(area.height, height), fewer(area.width, width));
    let image = image.crop(area);
    // The order of the passes is part of the result, and this is Pillow 13's.
    if lost_rows > 0 && 2 * lost_columns < lost_rows {
        scale_width(scale_height(image, height, filter), width, filter)
    } else {
        scale_height(scale_width(image, width, filter), height, filter)
    }
}

fn scale_height(image: Raster, height: usize, filter: Interpolation) -> Raster {
    let [channels, rows, width] = image.shape;
    if rows == height {
        return image;
    }
    let windows = Windows::new(rows, height, filter);
    let mut pixels = vec![0; channels * height * width];
    for (plane, into) in image.planes().zip(pixels.chunks_exact_mut(height * width)) {
        weigh(plane, width, &windows, into);
    }
    Raster { pixels, shape: [channels, height, width] }
}

/// Sums of whole rows are what a processor does best, so columns become rows, and rows columns again.
fn scale_width(image: Raster, width: usize, filter: Interpolation) -> Raster {
    let [channels, height, columns] = image.shape;
    if columns == width {
        return image;
    }
    let rows = channels * height;
    let mut turned = vec![0; columns * rows];
    transpose(&image.pixels, columns, &mut turned);
    let mut scaled = vec![0; width * rows];
    weigh(&turned, rows, &Windows::new(columns, width, filter), &mut scaled);
    let mut pixels = vec![0; rows * width];
    transpose(&scaled, rows, &mut pixels);
    Raster { pixels, shape: [channels, height, width] }
}

/// Rows become columns; a row of `from` has `width` bytes. In blocks that stay in the nearest cache.
fn transpose(from: &[u8], width: usize, into: &mut [u8]) {
    const BLOCK: usize = 16;
    let height = from.len() / width;
    for first in (0..height).step_by(BLOCK) {
        let rows = &from[first * width..(first + BLOCK).min(height) * width];
        for (column, into) in into.chunks_exact_mut(height).enumerate() {
            let values = rows[column..].iter().step_by(width);
            into[first..].iter_mut().zip(values).for_each(|(into, &value)| *into = value);
        }
    }
}

/// Rows that are weighted sums of the rows of `from`, `lanes` bytes each.
fn weigh(from: &[u8], lanes: usize, windows: &Windows, into: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the instructions.
        return unsafe { weigh_avx2(from, lanes, windows, into) };
    }
    weigh_any(from, lanes, windows, into);
}

/// [`weigh_any`], compiled for AVX2.
///
/// # Safety
/// The processor must have it.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn weigh_avx2(from: &[u8], lanes: usize, windows: &Windows, into: &mut [u8]) {
    weigh_any(from, lanes, windows, into);
}

#[inline(always)]
fn weigh_any(from: &[u8], lanes: usize, windows: &Windows, into: &mut [u8]) {
    /// Sums that stay in registers.
    const BLOCK: usize = 32;
    for (window, into) in windows.starts.windows(2).zip(into.chunks_exact_mut(lanes)) {
        let (first, weights) = (window[0].0, &windows.weights[window[0].1..window[1].1]);
        let mut blocks = into.chunks_exact_mut(BLOCK);
        let mut at = first * lanes;
        for block in &mut blocks {
            let mut sums = [1 << (BITS - 1); BLOCK];
            for (row, &weight) in weights.iter().enumerate() {
                let pixels = &from[at + row * lanes..][..BLOCK];
                for (sum, &pixel) in sums.iter_mut().zip(pixels) {
                    *sum += i32::from(pixel) * weight;
                }
            }
            for (into, sum) in block.iter_mut().zip(sums) {
                *into = (sum >> BITS).clamp(0, 255) as u8;
            }
            at += BLOCK;
        }
        for into in blocks.into_remainder() {
            let products = weights.iter().zip(from[at..].iter().step_by(lanes));
            let sum: i32 = products.map(|(weight, &pixel)| i32::from(pixel) * weight).sum();
            *into = ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8;
            at += 1;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `image` as one plane scaled to `height` rows, with the processor's best instructions or
    /// without.
    pub fn rows(image: &Raster, height: usize, filter: Interpolation, best: bool) -> Vec<u8> {
        let [channels, rows, width] = image.shape;
        let windows = Windows::new(channels * rows, height, filter);
        let mut into = vec![0; height * width];
        let weigh = if best { weigh } else { weigh_any };
        weigh(&image.pixels, width, &windows, &mut into);
        into
    }
}
