//! Brightness, contrast, saturation and sharpness as `PIL.ImageEnhance` has them, and hue as
//! torchvision's `adjust_hue` has it on PIL images.
//!
//! The first four go from a degenerate image (factor 0: black, grey, without colours, smooth) through
//! the image itself (1) and beyond.

use super::raster::Raster;

/// Towards black.
pub fn brightness(image: &mut Raster, factor: f64) {
    blend_level(image, 0, factor);
}

/// Towards the mean of the grey image.
pub fn contrast(image: &mut Raster, factor: f64) {
    let grey = grey(image);
    let sum: u64 = grey.iter().map(|&level| u64::from(level)).sum();
    let mean = (sum as f64 / grey.len().max(1) as f64 + 0.5) as u8;
    blend_level(image, mean, factor);
}

/// Towards the grey image; what is grey stays as it is.
pub fn saturation(image: &mut Raster, factor: f64) {
    let grey = grey(image);
    image.planes_mut().for_each(|plane| blend(plane, &grey, factor));
}

/// Towards the image under a 3×3 filter, whose middle weighs 5/13 and the others 1/13.
pub fn sharpness(image: &mut Raster, factor: f64) {
    let smooth = smooth(image);
    blend(&mut image.pixels, &smooth, factor);
}

/// Turns the hue by `turns`, −½ to ½; grey images have none.
pub fn hue(image: &mut Raster, turns: f64) {
    if image.shape[0] != 3 {
        return;
    }
    let shift = (turns * 255.0) as i32 as u8; // a negative one wraps
    let plane = image.pixels.len() / 3;
    let (red, rest) = image.pixels.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let [hue, saturation, value] = hsv([*r, *g, *b]);
        [*r, *g, *b] = rgb([hue.wrapping_add(shift), saturation, value]);
    }
}

/// ITU-R 601 luma, as `convert("L")` rounds it.
fn grey(image: &Raster) -> Vec<u8> {
    let mut planes = image.planes();
    let (Some(red), Some(green), Some(blue)) = (planes.next(), planes.next(), planes.next()) else {
        return image.pixels.clone();
    };
    let luma = |((&r, &g), &b): ((&u8, &u8), &u8)| {
        ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
    };
    red.iter().zip(green).zip(blue).map(luma).collect()
}

/// What lies `factor` of the way from `from` to `to`, without what is behind the point.
fn between(from: u8, to: u8, factor: f32) -> u8 {
    (f32::from(from) + factor * (f32::from(to) - f32::from(from))) as u8
}

/// Takes `pixels` to `factor` of the way from `degenerate` to them.
fn blend(pixels: &mut [u8], degenerate: &[u8], factor: f64) {
    let blended = |(pixel, from): (&mut u8, &u8)| *pixel = between(*from, *pixel, factor as f32);
    pixels.iter_mut().zip(degenerate).for_each(blended);
}

/// [`blend`] where the degenerate image is one level.
fn blend_level(image: &mut Raster, level: u8, factor: f64) {
    let table: [u8; 256] = std::array::from_fn(|at| between(level, at as u8, factor as f32));
    image.pixels.iter_mut().for_each(|pixel| *pixel = table[usize::from(*pixel)]);
}

/// The image under the filter of [`sharpness`]; its border stays as it is.
fn smooth(image: &Raster) -> Vec<u8> {
    const SIDE: f32 = 1.0 / 13.0;
    const MIDDLE: f32 = 5.0 / 13.0;
    let [_, height, width] = image.shape;
    let mut smooth = image.pixels.clone();
    if height < 3 || width < 3 {
        return smooth;
    }
    for (plane, into) in image.planes().zip(smooth.chunks_exact_mut(height * width)) {
        for row in 1..height - 1 {
            let [above, here, below] = [row - 1, row, row + 1].map(|row| &plane[row * width..]);
            let into = &mut into[row * width..][..width];
            for at in 1..width - 1 {
                // Each row is summed on its own, the last one first: the order is part of the result.
                let weighted = |row: &[u8], middle: f32| {
                    let [a, b, c] = [row[at - 1], row[at], row[at + 1]].map(f32::from);
                    a * SIDE + b * middle + c * SIDE
                };
                let sum = 0.5 + weighted(below, SIDE) + weighted(here, MIDDLE);
                into[at] = (sum + weighted(above, SIDE)) as u8;
            }
        }
    }
    smooth
}

/// Red, green and blue as hue, saturation and value, each in 255 steps.
fn hsv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    if high == low {
        return [0, 0, high];
    }
    let range = f32::from(high - low);
    let saturation = range / f32::from(high);
    let [rc, gc, bc] = [r, g, b].map(|level| f32::from(high - level) / range);
    // In f64 between f32 values, as C computes it.
    let wide = |x: f32, from: f32| (f64::from(x), f64::from(from));
    let sixths = if r == high {
        bc - gc
    } else if g == high {
        let (rc, bc) = wide(rc, bc);
        (2.0 + rc - bc) as f32
    } else {
        let (gc, rc) = wide(gc, rc);
        (4.0 + gc - rc) as f32
    };
    let hue = ((f64::from(sixths) / 6.0 + 1.0) % 1.0) as f32;
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, high]
}

/// Back from [`hsv`].
fn rgb([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let sixths = f64::from(hue) * 6.0 / 255.0;
    let behind = f64::from((sixths - sixths.floor()) as f32);
    let saturation = f64::from((f64::from(saturation) / 255.0) as f32);
    let level = |share: f64| (f64::from(value) * (1.0 - share)).round() as u8;
    let p = level(saturation);
    let q = level(saturation * behind);
    let t = level(saturation * (1.0 - behind));
    match sixths.floor() as u8 % 6 {
        0 => [value, t, p],
        1 => [q, value, p],
        2 => [p, value, t],
        3 => [p, q, value],
        4 => [t, p, value],
        _ => [value, p, q],
    }
}
