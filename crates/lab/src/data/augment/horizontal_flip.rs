//! Mirroring left and right.

use super::raster::Raster;

/// Mirrors `image`.
pub fn horizontal_flip(image: &mut Raster) {
    image.rows_mut().for_each(<[u8]>::reverse);
}
