//! [`HorizontalFlip`]: mirroring left and right, as torchvision's `RandomHorizontalFlip`.

use serde::{Deserialize, Serialize};

use super::raster::Raster;
use super::refuse;
use super::transform::{Context, Sample, Transform};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "horizontal_flip",
    title: "horizontal flip",
    what: "mirrors left and right",
    source: "torchvision's `RandomHorizontalFlip`",
    parameters: &[Parameter {
        name: "horizontal_flip",
        default: None,
        range: Range::Within(0.0, 1.0),
        what: "the probability of an image to be mirrored: it is all that is set",
    }],
    example: "augment.horizontal_flip = 0.5",
};

/// `horizontal_flip = 0.5`: the probability that an image is mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HorizontalFlip(pub f64);

impl Validate for HorizontalFlip {
    fn validate(&self) -> Result<()> {
        CARD.validate(self).or_else(refuse)
    }
}

impl Transform for HorizontalFlip {
    fn apply(&self, sample: &mut Sample, context: &Context) {
        if context.draws("augment/horizontal-flip").chance(self.0) {
            horizontal_flip(&mut sample.image);
        }
    }
}

/// Mirrors `image`.
pub fn horizontal_flip(image: &mut Raster) {
    image.rows_mut().for_each(<[u8]>::reverse);
}
