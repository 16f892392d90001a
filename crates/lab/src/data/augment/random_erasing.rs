//! [`RandomErasing`]: rectangles that are painted over (Zhong et al. 2020), as timm's.

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::raster::{Area, Patch};
use super::transform::{Context, Sample, Transform};
use super::{refuse, validate};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "random_erasing",
    title: "random erasing",
    what: "rectangles that are painted over",
    source: "Zhong et al. 2020; timm's `RandomErasing`",
    parameters: &[
        Parameter {
            name: "probability",
            default: None,
            range: Range::Within(0.0, 1.0),
            what: "of an image to be painted over at all",
        },
        Parameter {
            name: "mode",
            default: Some("\"const\""),
            range: Range::Words("const, rand or pixel"),
            what: "with the mean colour, with a normal number for each channel, or for each pixel too",
        },
        Parameter {
            name: "min_area",
            default: Some("0.02"),
            range: Range::Words("above 0 and not above max_area"),
            what: "least share of the image's area",
        },
        Parameter {
            name: "max_area",
            default: Some("0.3333333333333333"),
            range: Range::Words("at most 1"),
            what: "largest share of it, of all rectangles together",
        },
        Parameter {
            name: "min_aspect",
            default: Some("0.3"),
            range: Range::PositiveShare,
            what: "least height over width; the largest is its inverse",
        },
        Parameter {
            name: "count",
            default: Some("1"),
            range: Range::Within(1.0, 100.0),
            what: "at most so many rectangles, each number alike",
        },
    ],
    example: "augment.random_erasing = { probability = 0.2, mode = \"pixel\" }",
};

/// `random_erasing = { probability = 0.2, mode = "pixel" }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomErasing {
    /// Of an image to be painted over at all.
    pub probability: f64,
    /// With what.
    #[serde(default)]
    pub mode: Erase,
    /// Least share of the image's area.
    #[serde(default = "default_min_area")]
    pub min_area: f64,
    /// Largest share of the image's area, of all rectangles together.
    #[serde(default = "default_max_area")]
    pub max_area: f64,
    /// Least height over width; the largest is its inverse.
    #[serde(default = "default_min_aspect")]
    pub min_aspect: f64,
    /// At most so many rectangles, each number alike.
    #[serde(default = "one")]
    pub count: usize,
}

/// What is painted, in the units of normalised pixels: mean 0 and standard deviation 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Erase {
    /// 0.
    #[default]
    Const,
    /// A standard normal number for each channel.
    Rand,
    /// A standard normal number for each pixel and channel.
    Pixel,
}

fn default_min_area() -> f64 {
    0.02
}

fn default_max_area() -> f64 {
    1.0 / 3.0
}

fn default_min_aspect() -> f64 {
    0.3
}

fn one() -> usize {
    1
}

impl Validate for RandomErasing {
    fn validate(&self) -> Result<()> {
        validate(&CARD, self)?;
        let Self { min_area, max_area, .. } = *self;
        if !(0.0 < min_area && min_area <= max_area && max_area <= 1.0) {
            return refuse(format!(
                "random_erasing: min_area = {min_area} and max_area = {max_area} must ascend within \
                 (0, 1]"
            ));
        }
        Ok(())
    }
}

impl Transform for RandomErasing {
    fn apply(&self, sample: &mut Sample, context: &Context) {
        let mut draws = context.draws("augment/random-erasing");
        for area in self.draw(sample.image.shape, &mut draws) {
            sample.patches.push(self.patch(area, context.moments, &mut draws));
        }
    }
}

impl RandomErasing {
    /// Where to erase. A rectangle that does not fit into the image is drawn again, ten times, and
    /// then left out.
    pub fn draw(&self, [_, height, width]: [usize; 3], draws: &mut Draws) -> Vec<Area> {
        if !draws.chance(self.probability) {
            return Vec::new();
        }
        let count = 1 + draws.below(self.count);
        let most = (1.0 / self.min_aspect).ln();
        let mut rectangle = || {
            for _ in 0..10 {
                let share = draws.uniform(self.min_area, self.max_area);
                let area = share * (height * width) as f64 / count as f64;
                let aspect = draws.uniform(-most, most).exp();
                let rows = (area * aspect).sqrt().round_ties_even() as usize;
                let columns = (area / aspect).sqrt().round_ties_even() as usize;
                if rows < height && columns < width {
                    let (top, left) =
                        (draws.below(height - rows + 1), draws.below(width - columns + 1));
                    return Some(Area { top, left, height: rows, width: columns });
                }
            }
            None
        };
        (0..count).filter_map(|_| rectangle()).collect()
    }

    /// What is painted on `area`, where `moments` are mean and standard deviation of each channel.
    pub fn patch(&self, area: Area, moments: &[(f64, f64)], draws: &mut Draws) -> Patch {
        let plane = area.height * area.width;
        let mut values = Vec::with_capacity(moments.len() * plane);
        for (mean, std) in moments {
            let level = |normal: f64| (mean + std * normal) as f32;
            match self.mode {
                Erase::Const => values.extend(std::iter::repeat_n(level(0.0), plane)),
                Erase::Rand => values.extend(std::iter::repeat_n(level(draws.normal()), plane)),
                Erase::Pixel => values.extend((0..plane).map(|_| level(draws.normal()))),
            }
        }
        Patch { area, values }
    }
}
