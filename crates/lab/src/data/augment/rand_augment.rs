//! [`RandAugment`]: a few operations drawn from a list, all of one strength (Cubuk et al. 2020), as
//! timm defines them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::affine::{affine, rotation};
use super::draws::Draws;
use super::raster::Raster;
use super::resample::{Filter, Interpolation};
use super::transform::{Context, Sample, Transform};
use super::{color, levels};
use crate::card::{Card, Parameter, Range};
use crate::{Error, Result, Validate};

pub(super) static CARD: Card = Card {
    name: "rand_augment",
    title: "RandAugment",
    what: "operations drawn from a list of 15, all of one strength, written as timm writes it",
    source: "Cubuk et al. 2020; timm's `rand_augment_transform`",
    parameters: &[
        Parameter {
            name: "m",
            default: Some("10"),
            range: Range::Within(0.0, MOST),
            what: "the magnitude, a whole number",
        },
        Parameter {
            name: "mstd",
            default: Some("0"),
            range: Range::AtLeast(0.0),
            what: "the standard deviation of each operation's own magnitude; above 100, it is uniform",
        },
        Parameter {
            name: "n",
            default: Some("2"),
            range: Range::Within(1.0, 100.0),
            what: "operations an image",
        },
        Parameter {
            name: "p",
            default: Some("0.5"),
            range: Range::Within(0.0, 1.0),
            what: "the probability of a drawn operation to be carried out",
        },
        Parameter {
            name: "inc",
            default: Some("0"),
            range: Range::Words("0 or 1"),
            what: "1 lets posterize, solarize and the enhancements grow stronger with the magnitude too",
        },
    ],
    example: "augment.rand_augment = \"rand-m9-mstd0.5\"",
};

/// The largest magnitude: that of the strongest operations.
const MOST: f64 = 10.0;

/// Magnitudes that scatter by more than this are uniform.
const UNIFORM: f64 = 100.0;

/// `rand_augment = "rand-m9-mstd0.5"`, the way timm writes it:
///
/// ```
/// use steepness_lab::data::augment::RandAugment;
/// let policy: RandAugment = "rand-m9-mstd0.5".parse()?;
/// assert_eq!((policy.magnitude, policy.magnitude_std, policy.layers), (9, 0.5, 2));
/// assert_eq!("rand-n3-m7-p0.8-inc1".parse::<RandAugment>()?.to_string(), "rand-m7-n3-p0.8-inc1");
/// # Ok::<(), steepness_lab::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandAugment {
    /// `m`: 0 to 10; 10 without it.
    pub magnitude: u32,
    /// `mstd`: the standard deviation of each operation's own magnitude, which is cut to 0 to 10;
    /// above 100, it is uniform from 0 to `magnitude` instead. 0 without it.
    pub magnitude_std: f64,
    /// `n`: operations an image, each drawn from all; 2 without it.
    pub layers: u32,
    /// `p`: the probability that a drawn operation is carried out; ½ without it.
    pub probability: f64,
    /// `inc`: whether posterize, solarize and the enhancements too grow stronger with the magnitude;
    /// 0 without it.
    pub increasing: bool,
}

impl Default for RandAugment {
    fn default() -> Self {
        let (magnitude, magnitude_std, layers, probability) = (10, 0.0, 2, 0.5);
        Self { magnitude, magnitude_std, layers, probability, increasing: false }
    }
}

impl FromStr for RandAugment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |problem: String| {
            let example = "such as \"rand-m9-mstd0.5\"";
            Error::Request(format!("augment: rand_augment, {example}: {text:?}: {problem}"))
        };
        let mut parts = text.split('-');
        if parts.next() != Some("rand") {
            return Err(wrong("it must begin with \"rand\"".to_owned()));
        }
        let mut policy = Self::default();
        for part in parts {
            let digits = part.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(part.len());
            let (key, value) = part.split_at(digits);
            let Some(number) = value.parse::<f64>().ok().filter(|number| *number >= 0.0) else {
                return Err(wrong(format!("{part:?} must be a key and a number")));
            };
            let whole = |least: f64, most: f64| {
                let fits = number.fract() == 0.0 && (least..=most).contains(&number);
                match fits {
                    true => Ok(number as u32),
                    false => Err(wrong(format!("{key} must be whole, {least} to {most}"))),
                }
            };
            match key {
                "m" => policy.magnitude = whole(0.0, MOST)?,
                "n" => policy.layers = whole(1.0, 100.0)?,
                "inc" => policy.increasing = whole(0.0, 1.0)? == 1,
                "mstd" => policy.magnitude_std = number,
                "p" if number <= 1.0 => policy.probability = number,
                "p" => return Err(wrong("p must not exceed 1".to_owned())),
                _ => return Err(wrong(format!("{key:?} is none of m, mstd, n, p and inc"))),
            }
        }
        Ok(policy)
    }
}

impl fmt::Display for RandAugment {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        let plain = Self::default();
        write!(to, "rand-m{}", self.magnitude)?;
        if self.magnitude_std != plain.magnitude_std {
            write!(to, "-mstd{}", self.magnitude_std)?;
        }
        if self.layers != plain.layers {
            write!(to, "-n{}", self.layers)?;
        }
        if self.probability != plain.probability {
            write!(to, "-p{}", self.probability)?;
        }
        if self.increasing {
            write!(to, "-inc1")?;
        }
        Ok(())
    }
}

impl Serialize for RandAugment {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RandAugment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What its reader takes makes sense.
impl Validate for RandAugment {
    fn validate(&self) -> Result<()> {
        Ok(())
    }
}

impl Transform for RandAugment {
    /// What comes into the image from outside has the mean colour.
    fn apply(&self, sample: &mut Sample, context: &Context) {
        let level = |(mean, _): &(f64, f64)| (255.0 * mean).round_ties_even() as u8;
        let fill: Vec<u8> = context.moments.iter().map(level).collect();
        let drawn = self.draw(context.filter, &mut context.draws("augment/rand-augment"));
        for (operation, filter) in drawn {
            operation.apply(&mut sample.image, filter, &fill);
        }
    }
}

/// An operation with its argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    /// Stretches each channel to all levels.
    AutoContrast,
    /// Evens out the histogram of each channel.
    Equalize,
    /// Turns each level around.
    Invert,
    /// Turns by degrees, counter-clockwise.
    Rotate(f64),
    /// Keeps so many bits.
    Posterize(u32),
    /// Inverts levels from this one on.
    Solarize(usize),
    /// Adds to levels below 128.
    SolarizeAdd(usize),
    /// Saturation by a factor.
    Color(f64),
    /// Contrast by a factor.
    Contrast(f64),
    /// Brightness by a factor.
    Brightness(f64),
    /// Sharpness by a factor.
    Sharpness(f64),
    /// Columns moved for each row.
    ShearX(f64),
    /// Rows moved for each column.
    ShearY(f64),
    /// Moved by a share of the width.
    TranslateXRel(f64),
    /// Moved by a share of the height.
    TranslateYRel(f64),
}

/// How many operations there are.
const OPERATIONS: usize = 15;

impl Operation {
    /// The operation at `index` of the list, at `level` 0 to 1; `negate` turns those around that
    /// have two directions.
    pub(super) fn at(index: usize, level: f64, increasing: bool, negate: bool) -> Self {
        let signed = |x: f64| if negate { -x } else { x };
        let enhance = match increasing {
            true => (1.0 + signed(level * 0.9)).max(0.1),
            false => level * 1.8 + 0.1,
        };
        let bits = (level * 4.0) as u32;
        let threshold = ((level * 256.0) as usize).min(256);
        match index {
            0 => Self::AutoContrast,
            1 => Self::Equalize,
            2 => Self::Invert,
            3 => Self::Rotate(signed(level * 30.0)),
            4 => Self::Posterize(if increasing { 4 - bits } else { bits }),
            5 => Self::Solarize(if increasing { 256 - threshold } else { threshold }),
            6 => Self::SolarizeAdd(((level * 110.0) as usize).min(128)),
            7 => Self::Color(enhance),
            8 => Self::Contrast(enhance),
            9 => Self::Brightness(enhance),
            10 => Self::Sharpness(enhance),
            11 => Self::ShearX(signed(level * 0.3)),
            12 => Self::ShearY(signed(level * 0.3)),
            13 => Self::TranslateXRel(signed(level * 0.45)),
            _ => Self::TranslateYRel(signed(level * 0.45)),
        }
    }

    /// Changes the image. What comes from outside of it is `fill`, a level for each channel.
    pub fn apply(self, image: &mut Raster, filter: Interpolation, fill: &[u8]) {
        let [_, height, width] = image.shape;
        let moved = |matrix| affine(image, &matrix, filter, fill);
        match self {
            Self::AutoContrast => levels::auto_contrast(image),
            Self::Equalize => levels::equalize(image),
            Self::Invert => levels::invert(image),
            Self::Posterize(bits) => levels::posterize(image, bits),
            Self::Solarize(threshold) => levels::solarize(image, threshold),
            Self::SolarizeAdd(add) => levels::solarize_add(image, add),
            Self::Color(factor) => color::saturation(image, factor),
            Self::Contrast(factor) => color::contrast(image, factor),
            Self::Brightness(factor) => color::brightness(image, factor),
            Self::Sharpness(factor) => color::sharpness(image, factor),
            Self::Rotate(degrees) => *image = moved(rotation(degrees, [height, width])),
            Self::ShearX(by) => *image = moved([1.0, by, 0.0, 0.0, 1.0, 0.0]),
            Self::ShearY(by) => *image = moved([1.0, 0.0, 0.0, by, 1.0, 0.0]),
            Self::TranslateXRel(share) => {
                *image = moved([1.0, 0.0, share * width as f64, 0.0, 1.0, 0.0]);
            }
            Self::TranslateYRel(share) => {
                *image = moved([1.0, 0.0, 0.0, 0.0, 1.0, share * height as f64]);
            }
        }
    }
}

impl RandAugment {
    /// The operations for one image, each with the filter that it needs if it moves pixels.
    pub fn draw(&self, filter: Filter, draws: &mut Draws) -> Vec<(Operation, Interpolation)> {
        let mut drawn = Vec::new();
        for _ in 0..self.layers {
            let index = draws.below(OPERATIONS);
            if !draws.chance(self.probability) {
                continue;
            }
            let magnitude = f64::from(self.magnitude);
            let magnitude = match self.magnitude_std {
                0.0 => magnitude,
                std if std > UNIFORM => draws.uniform(0.0, magnitude),
                std => (magnitude + std * draws.normal()).clamp(0.0, MOST),
            };
            let negate = draws.chance(0.5);
            let operation = Operation::at(index, magnitude / MOST, self.increasing, negate);
            drawn.push((operation, filter.draw(draws)));
        }
        drawn
    }
}
