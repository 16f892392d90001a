//! [`RandomCrop`]: a crop of fixed size from anywhere in the padded image, as torchvision's.

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::raster::{Area, Raster};
use super::transform::{Context, Sample, Transform};
use super::{MOST_SIDE, refuse, validate};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "random_crop",
    title: "random crop",
    what: "a crop of fixed size from anywhere in the padded image",
    source: "torchvision's `RandomCrop`",
    parameters: &[
        Parameter {
            name: "size",
            default: None,
            range: Range::Within(1.0, MOST_SIDE as f64),
            what: "height and width of what is left",
        },
        Parameter {
            name: "padding",
            default: Some("0"),
            range: Range::Within(0.0, MOST_SIDE as f64),
            what: "pixels that are added on each side before",
        },
        Parameter {
            name: "padding_mode",
            default: Some("\"constant\""),
            range: Range::Words("constant, edge, reflect or symmetric"),
            what: "what they are: black, or how the image is continued",
        },
    ],
    example: "augment.random_crop = { size = 32, padding = 4 }",
};

/// `random_crop = { size = 32, padding = 4 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    /// Height and width of what is left.
    pub size: usize,
    /// Pixels that are added on each side before.
    #[serde(default)]
    pub padding: usize,
    /// What they are.
    #[serde(default)]
    pub padding_mode: PaddingMode,
}

/// What lies outside of an image. The pixels a b c d are continued to the left, from right to left,
/// as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaddingMode {
    /// 0 0 0 …
    #[default]
    Constant,
    /// a a a …
    Edge,
    /// b c d …
    Reflect,
    /// a b c …
    Symmetric,
}

impl Validate for RandomCrop {
    fn validate(&self) -> Result<()> {
        validate(&CARD, self)
    }
}

impl Transform for RandomCrop {
    fn side(&self) -> Option<usize> {
        Some(self.size)
    }

    /// Not fewer pixels than the crop has, or than are reflected.
    fn fits(&self, [_, height, width]: [usize; 3]) -> Result<()> {
        let Self { size, padding, padding_mode } = *self;
        if height == 0 || width == 0 {
            return refuse("random_crop takes images of one size only".to_owned());
        }
        let least = height.min(width);
        if least + 2 * padding < size {
            return refuse(format!(
                "random_crop: {height}×{width} pixels with a padding of {padding} are fewer than \
                 size = {size}"
            ));
        }
        let reflected = match padding_mode {
            PaddingMode::Reflect => padding + 1,
            PaddingMode::Symmetric => padding,
            PaddingMode::Constant | PaddingMode::Edge => 0,
        };
        if reflected > least {
            return refuse(format!(
                "random_crop: {height}×{width} pixels are too few for a mirrored padding of {padding}"
            ));
        }
        Ok(())
    }

    fn apply(&self, sample: &mut Sample, context: &Context) {
        let corner = self.draw(sample.image.shape, &mut context.draws("augment/random-crop"));
        sample.image = self.crop(&sample.image, corner);
    }
}

impl RandomCrop {
    /// Where the crop begins in the padded image: row and column, each place alike.
    pub fn draw(&self, [_, height, width]: [usize; 3], draws: &mut Draws) -> [usize; 2] {
        [height, width].map(|side| draws.below(side + 2 * self.padding - self.size + 1))
    }

    /// The crop that begins at `top` and `left` of the padded image.
    pub fn crop(&self, image: &Raster, [top, left]: [usize; 2]) -> Raster {
        let [channels, height, width] = image.shape;
        let Self { size, padding, padding_mode } = *self;
        let from = |at: usize, side: usize| padding_mode.from(at as isize - padding as isize, side);
        let columns: Vec<Option<usize>> = (left..left + size).map(|at| from(at, width)).collect();
        let mut pixels = vec![0; channels * size * size];
        for (plane, into) in image.planes().zip(pixels.chunks_exact_mut(size * size)) {
            for (row, into) in (top..top + size).zip(into.chunks_exact_mut(size)) {
                let Some(row) = from(row, height) else { continue };
                let row = &plane[row * width..][..width];
                for (into, column) in into.iter_mut().zip(&columns) {
                    *into = column.map_or(0, |column| row[column]);
                }
            }
        }
        Raster { pixels, shape: [channels, size, size] }
    }
}

impl PaddingMode {
    /// Which of `side` pixels stands at `at`; none for 0.
    fn from(self, at: isize, side: usize) -> Option<usize> {
        let side = side as isize;
        let inside = (0..side).contains(&at);
        let mirrored = |at: isize, edge: isize| {
            if at < 0 { -at - edge } else { 2 * side - 2 + edge - at }
        };
        let at = match self {
            _ if inside => at,
            PaddingMode::Constant => return None,
            PaddingMode::Edge => at.clamp(0, side - 1),
            PaddingMode::Reflect => mirrored(at, 0),
            PaddingMode::Symmetric => mirrored(at, 1),
        };
        Some(at as usize)
    }
}

/// The middle of an image, as torchvision's `CenterCrop`; what an image is too small for is black.
pub fn center_crop(image: &Raster, size: usize) -> Raster {
    let [channels, height, width] = image.shape;
    // Where the crop lies in the image, where the image lies in the crop, and how much they share.
    let shared = |side: usize| match side >= size {
        true => (((side - size) as f64 / 2.0).round_ties_even() as usize, 0, size),
        false => (0, (size - side) / 2, side),
    };
    let ((top, down, rows), (left, right, columns)) = (shared(height), shared(width));
    let middle = image.crop(Area { top, left, height: rows, width: columns });
    if rows == size && columns == size {
        return middle;
    }
    let mut pixels = vec![0; channels * size * size];
    for (plane, into) in middle.planes().zip(pixels.chunks_exact_mut(size * size)) {
        for (row, into) in plane.chunks_exact(columns).zip(into.chunks_exact_mut(size).skip(down)) {
            into[right..right + columns].copy_from_slice(row);
        }
    }
    Raster { pixels, shape: [channels, size, size] }
}
