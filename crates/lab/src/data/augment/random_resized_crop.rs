//! [`RandomResizedCrop`]: a crop of random area and shape, scaled to a fixed size, as torchvision's
//! and timm's (Szegedy et al. 2015, §6).

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::raster::{Area, Raster};
use super::resample::{Filter, Interpolation, resize};
use super::transform::{Context, Sample, Transform};
use super::{MOST_SIDE, refuse, validate};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "random_resized_crop",
    title: "random resized crop",
    what: "a crop of random area and shape, scaled to a fixed size",
    source: "Szegedy et al. 2015, §6; torchvision's and timm's `RandomResizedCrop`",
    parameters: &[
        Parameter {
            name: "size",
            default: None,
            range: Range::Within(1.0, MOST_SIDE as f64),
            what: "height and width of the result",
        },
        Parameter {
            name: "scale",
            default: Some("[0.08, 1.0]"),
            range: Range::Words("ascending within (0, 1]"),
            what: "least and largest share of the image's area",
        },
        Parameter {
            name: "ratio",
            default: Some("[0.75, 1.3333333333333333]"),
            range: Range::Words("ascending from above 0"),
            what: "least and largest width over height",
        },
        Parameter {
            name: "interpolation",
            default: Some("\"bilinear\""),
            range: Range::Words("bilinear, bicubic or random"),
            what: "the filter of the scaling; `random` draws one for each image",
        },
    ],
    example: "augment.random_resized_crop = { size = 224 }",
};

/// `random_resized_crop = { size = 224 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// Height and width of the result.
    pub size: usize,
    /// Least and largest share of the image's area.
    #[serde(default = "default_scale")]
    pub scale: [f64; 2],
    /// Least and largest width over height.
    #[serde(default = "default_ratio")]
    pub ratio: [f64; 2],
    /// The filter of the scaling.
    #[serde(default)]
    pub interpolation: Filter,
}

fn default_scale() -> [f64; 2] {
    [0.08, 1.0]
}

fn default_ratio() -> [f64; 2] {
    [3.0 / 4.0, 4.0 / 3.0]
}

impl Validate for RandomResizedCrop {
    fn validate(&self) -> Result<()> {
        validate(&CARD, self)?;
        let Self { scale, ratio, .. } = self;
        if !(0.0 < scale[0] && scale[0] <= scale[1] && scale[1] <= 1.0) {
            return refuse(format!(
                "random_resized_crop: scale = {scale:?} must ascend within (0, 1]"
            ));
        }
        if !(0.0 < ratio[0] && ratio[0] <= ratio[1] && ratio[1].is_finite()) {
            return refuse(format!(
                "random_resized_crop: ratio = {ratio:?} must ascend from above 0"
            ));
        }
        Ok(())
    }
}

impl Transform for RandomResizedCrop {
    fn side(&self) -> Option<usize> {
        Some(self.size)
    }

    fn filter(&self) -> Option<Filter> {
        Some(self.interpolation)
    }

    fn apply(&self, sample: &mut Sample, context: &Context) {
        let mut draws = context.draws("augment/random-resized-crop");
        let area = self.draw(sample.image.shape, &mut draws);
        sample.image = self.crop(&sample.image, area, self.interpolation.draw(&mut draws));
    }
}

impl RandomResizedCrop {
    /// The crop: area and logarithm of the ratio uniform, then each place alike. What does not fit
    /// into the image is drawn again, ten times; then the largest crop of an allowed ratio in the
    /// middle is taken.
    pub fn draw(&self, [_, height, width]: [usize; 3], draws: &mut Draws) -> Area {
        let [low, high] = self.ratio;
        let area = (height * width) as f64;
        for _ in 0..10 {
            let area = area * draws.uniform(self.scale[0], self.scale[1]);
            let ratio = draws.uniform(low.ln(), high.ln()).exp();
            let rows = (area / ratio).sqrt().round_ties_even() as usize;
            let columns = (area * ratio).sqrt().round_ties_even() as usize;
            if (1..=height).contains(&rows) && (1..=width).contains(&columns) {
                let top = draws.below(height - rows + 1);
                let left = draws.below(width - columns + 1);
                return Area { top, left, height: rows, width: columns };
            }
        }
        let ratio = width as f64 / height as f64;
        let part = |of: f64, most: usize| (of.round_ties_even() as usize).clamp(1, most);
        let (rows, columns) = if ratio < low {
            (part(width as f64 / low, height), width)
        } else if ratio > high {
            (height, part(height as f64 * high, width))
        } else {
            (height, width)
        };
        Area { top: (height - rows) / 2, left: (width - columns) / 2, height: rows, width: columns }
    }

    /// What lies in `area`, scaled.
    pub fn crop(&self, image: &Raster, area: Area, filter: Interpolation) -> Raster {
        resize(image, area, [self.size; 2], filter)
    }
}
