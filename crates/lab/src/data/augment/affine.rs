//! Affine maps as Pillow does them for bytes: `PIL.Image.transform(size, AFFINE, ...)` with a fill
//! colour, and `PIL.Image.rotate`.

use super::raster::Raster;
use super::resample::Interpolation;

/// The pixel (x, y) of the result is taken at (a·x + b·y + c, d·x + e·y + f), each pixel standing for
/// its centre.
pub type Matrix = [f64; 6];

/// Turns counter-clockwise by `degrees` about the centre of an image of `height`×`width` pixels.
pub fn rotation(degrees: f64, [height, width]: [usize; 2]) -> Matrix {
    // Pillow brings the angle to [0, 360) first, and rounds sines to 15 digits.
    let angle = -degrees.rem_euclid(360.0).to_radians();
    let digits = |x: f64| format!("{x:.15}").parse().unwrap_or(x);
    let (sin, cos): (f64, f64) = (digits(angle.sin()), digits(angle.cos()));
    let (x, y) = (width as f64 / 2.0, height as f64 / 2.0);
    let c = cos * -x + sin * -y + x;
    let f = -sin * -x + cos * -y + y;
    [cos, sin, c, -sin, cos, f]
}

/// Maps `image` onto itself; what comes from outside of it is `fill`, a level for each channel.
pub fn affine(image: &Raster, matrix: &Matrix, filter: Interpolation, fill: &[u8]) -> Raster {
    match filter {
        Interpolation::Bilinear => {
            map(image, matrix, fill, |[a, b]: [f64; 2], behind| a + (b - a) * behind)
        }
        Interpolation::Bicubic => map(image, matrix, fill, |[a, b, c, d]: [f64; 4], behind| {
            let (p2, p3, p4) = (-a + c, 2.0 * (a - b) + c - d, -a + b - c + d);
            b + behind * (p2 + behind * (p3 + behind * p4))
        }),
    }
}

/// [`affine`] where `mix` gives the value between `N` pixels in a row, at a place so far behind the
/// one before the middle.
fn map<const N: usize>(
    image: &Raster,
    [a, b, c, d, e, f]: &Matrix,
    fill: &[u8],
    mix: impl Fn([f64; N], f64) -> f64,
) -> Raster {
    let [_, height, width] = image.shape;
    let mut mapped = image.clone();
    mapped.planes_mut().zip(fill).for_each(|(plane, &fill)| plane.fill(fill));
    let inside = |at: f64, side: usize| at >= 0.0 && at < side as f64;
    for row in 0..height {
        for column in 0..width {
            let (x, y) = (column as f64 + 0.5, row as f64 + 0.5);
            let (from_x, from_y) = (a * x + b * y + c, d * x + e * y + f);
            if !inside(from_x, width) || !inside(from_y, height) {
                continue;
            }
            let (rows, below) = around::<N>(from_y - 0.5, height);
            let (columns, behind) = around::<N>(from_x - 0.5, width);
            for (plane, into) in image.planes().zip(mapped.planes_mut()) {
                // Loops, because closures over arrays are calls here.
                let mut along = [0.0; N];
                for (along, row) in along.iter_mut().zip(rows) {
                    let line = &plane[row * width..][..width];
                    let mut pixels = [0.0; N];
                    for (pixel, column) in pixels.iter_mut().zip(columns) {
                        *pixel = f64::from(line[column]);
                    }
                    *along = mix(pixels, behind);
                }
                into[row * width + column] = mix(along, below) as u8;
            }
        }
    }
    mapped
}

/// The `N` of `side` pixels around a place, the borders repeated, and how far it lies behind the one
/// before the middle.
fn around<const N: usize>(at: f64, side: usize) -> ([usize; N], f64) {
    // Rounds down, for what is not below −1, without the call that `floor` is on older processors.
    let before = if at < 0.0 { -1 } else { at as isize };
    let last = side as isize - 1;
    let mut pixels = [0; N];
    for (n, pixel) in pixels.iter_mut().enumerate() {
        *pixel = (before + 1 + n as isize - (N / 2) as isize).clamp(0, last) as usize;
    }
    (pixels, at - before as f64)
}
