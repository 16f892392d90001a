//! What maps the levels of a channel one by one, as `PIL.ImageOps` and timm's `SolarizeAdd` do.

use super::raster::Raster;

/// What becomes of each level.
type Table = [u8; 256];

/// A table from what becomes of a level.
fn table(level: impl Fn(usize) -> usize) -> Table {
    std::array::from_fn(|at| level(at).min(255) as u8)
}

fn map(image: &mut Raster, table: &Table) {
    image.pixels.iter_mut().for_each(|pixel| *pixel = table[usize::from(*pixel)]);
}

/// Maps each channel by the table that its histogram asks for.
fn map_channels(image: &mut Raster, of: impl Fn(&[usize; 256]) -> Option<Table>) {
    for plane in image.planes_mut() {
        let mut histogram = [0; 256];
        plane.iter().for_each(|&pixel| histogram[usize::from(pixel)] += 1);
        if let Some(table) = of(&histogram) {
            plane.iter_mut().for_each(|pixel| *pixel = table[usize::from(*pixel)]);
        }
    }
}

/// 255 − level.
pub fn invert(image: &mut Raster) {
    map(image, &table(|level| 255 - level));
}

/// Keeps the upper `bits` of each level, 0 to 8.
pub fn posterize(image: &mut Raster, bits: u32) {
    let mask = !(255usize >> bits.min(8));
    map(image, &table(|level| level & mask));
}

/// Inverts levels from `threshold` on.
pub fn solarize(image: &mut Raster, threshold: usize) {
    map(image, &table(|level| if level < threshold { level } else { 255 - level }));
}

/// Adds `add` to levels below 128.
pub fn solarize_add(image: &mut Raster, add: usize) {
    map(image, &table(|level| if level < 128 { level + add } else { level }));
}

/// Stretches each channel to all 256 levels.
pub fn auto_contrast(image: &mut Raster) {
    map_channels(image, |histogram| {
        let low = histogram.iter().position(|&count| count > 0)?;
        let high = histogram.iter().rposition(|&count| count > 0)?;
        if high <= low {
            return None;
        }
        let scale = 255.0 / (high - low) as f64;
        let offset = -(low as f64) * scale;
        Some(table(|level| (level as f64 * scale + offset) as usize)) // what is below 0 becomes 0
    });
}

/// Gives each channel a histogram as even as a map of levels can.
pub fn equalize(image: &mut Raster) {
    map_channels(image, |histogram| {
        let last = histogram.iter().rposition(|&count| count > 0)?;
        let step = histogram[..last].iter().sum::<usize>() / 255;
        if step == 0 {
            return None;
        }
        let mut below = step / 2;
        Some(histogram.map(|count| {
            let level = below / step;
            below += count;
            level.min(255) as u8
        }))
    });
}
