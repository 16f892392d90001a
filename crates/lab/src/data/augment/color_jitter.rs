//! [`ColorJitter`]: brightness, contrast, saturation and hue by random factors in random order, as
//! torchvision's.

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::raster::Raster;
use super::transform::{Context, Sample, Transform};
use super::{color, validate};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "color_jitter",
    title: "colour jitter",
    what: "brightness, contrast, saturation and hue by random factors in random order",
    source: "torchvision's `ColorJitter`",
    parameters: &[
        Parameter {
            name: "brightness",
            default: Some("0.0"),
            range: Range::AtLeast(0.0),
            what: "the factor is uniform in [1 − x, 1 + x], and not below 0",
        },
        Parameter {
            name: "contrast",
            default: Some("0.0"),
            range: Range::AtLeast(0.0),
            what: "likewise",
        },
        Parameter {
            name: "saturation",
            default: Some("0.0"),
            range: Range::AtLeast(0.0),
            what: "likewise",
        },
        Parameter {
            name: "hue",
            default: Some("0.0"),
            range: Range::Within(0.0, 0.5),
            what: "the hue turns by a share of the circle that is uniform in [−x, x]",
        },
    ],
    example: "augment.color_jitter = { brightness = 0.4, contrast = 0.4, saturation = 0.4 }",
};

/// `color_jitter = { brightness = 0.4, contrast = 0.4, saturation = 0.4 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColorJitter {
    /// The factor is uniform in \[1 − x, 1 + x\], and not below 0; the same for the next two.
    #[serde(default)]
    pub brightness: f64,
    /// See [`ColorJitter::brightness`].
    #[serde(default)]
    pub contrast: f64,
    /// See [`ColorJitter::brightness`].
    #[serde(default)]
    pub saturation: f64,
    /// The hue turns by a share of the circle that is uniform in \[−x, x\]; at most ½.
    #[serde(default)]
    pub hue: f64,
}

impl Validate for ColorJitter {
    fn validate(&self) -> Result<()> {
        validate(&CARD, self)
    }
}

/// One of the four, with its factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// Towards black, or away from it.
    Brightness(f64),
    /// Towards the mean grey, or away from it.
    Contrast(f64),
    /// Towards grey, or away from it.
    Saturation(f64),
    /// Around the circle of colours, by a share of it.
    Hue(f64),
}

impl Jitter {
    /// Changes the image.
    pub fn apply(self, image: &mut Raster) {
        match self {
            Self::Brightness(factor) => color::brightness(image, factor),
            Self::Contrast(factor) => color::contrast(image, factor),
            Self::Saturation(factor) => color::saturation(image, factor),
            Self::Hue(turns) => color::hue(image, turns),
        }
    }
}

impl Transform for ColorJitter {
    fn apply(&self, sample: &mut Sample, context: &Context) {
        let drawn = self.draw(&mut context.draws("augment/color-jitter"));
        drawn.into_iter().for_each(|jitter| jitter.apply(&mut sample.image));
    }
}

impl ColorJitter {
    /// The factors for one image, in the order in which they are applied; those that can only be 1
    /// are left out.
    pub fn draw(&self, draws: &mut Draws) -> Vec<Jitter> {
        let mut around = |x: f64| draws.uniform((1.0 - x).max(0.0), 1.0 + x);
        let mut all = vec![
            (self.brightness, Jitter::Brightness(around(self.brightness))),
            (self.contrast, Jitter::Contrast(around(self.contrast))),
            (self.saturation, Jitter::Saturation(around(self.saturation))),
        ];
        all.push((self.hue, Jitter::Hue(draws.uniform(-self.hue, self.hue))));
        for last in (1..all.len()).rev() {
            all.swap(last, draws.below(last + 1));
        }
        all.into_iter().filter(|(range, _)| *range > 0.0).map(|(_, jitter)| jitter).collect()
    }
}
