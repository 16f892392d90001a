//! [`Evaluate`]: what is done to the images that are measured, the same each time.

use serde::{Deserialize, Serialize};

use super::random_crop::center_crop;
use super::raster::Raster;
use super::resample::{Interpolation, resize};
use super::{MOST_SIDE, refuse};
use crate::{Result, Validate};

/// `[augment.evaluate]`, such as `resize = 256` and `crop = 224`: torchvision's `Resize` and
/// `CenterCrop`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// Scales the shorter side to so many pixels, and the longer one with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<usize>,
    /// Then takes so many pixels from the middle, in height and width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<usize>,
    /// The filter of the scaling.
    #[serde(default)]
    pub interpolation: Interpolation,
}

impl Validate for Evaluate {
    fn validate(&self) -> Result<()> {
        for (name, side) in [("resize", self.resize), ("crop", self.crop)] {
            if let Some(side) = side.filter(|side| !(1..=MOST_SIDE).contains(side)) {
                return refuse(format!("evaluate: {name} = {side} must lie in [1, {MOST_SIDE}]"));
            }
        }
        Ok(())
    }
}

impl Evaluate {
    /// Height and width of `height`×`width` pixels after [`Evaluate::resize`].
    fn resized(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        let Some(short) = self.resize else { return [height, width] };
        match width <= height {
            true => [(short * height) / width.max(1), short],
            false => [short, (short * width) / height.max(1)],
        }
    }

    /// The shape of what becomes of an image of `shape`; that of images of several sizes, 0×0, stays
    /// so unless they are cropped.
    pub fn shape(&self, [channels, height, width]: [usize; 3]) -> [usize; 3] {
        let [height, width] = match self.crop {
            Some(crop) => [crop; 2],
            None if height * width == 0 => [0; 2],
            None => self.resized([height, width]),
        };
        [channels, height, width]
    }

    /// The image as it is measured.
    pub fn apply(&self, image: &Raster) -> Raster {
        let [_, height, width] = image.shape;
        let resized =
            resize(image, image.area(), self.resized([height, width]), self.interpolation);
        self.crop.map_or_else(|| resized.clone(), |crop| center_crop(&resized, crop))
    }
}
