//! [`RandomErasing`]: rectangles that are painted over (Zhong et al. 2020), as timm's.

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::raster::Area;
use super::{check_probability, refuse};
use crate::{Check, Result};

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

/// What covers an area of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Where.
    pub area: Area,
    /// As a model sees pixels, from 0 to 1 and beyond: row-major as channels × height × width.
    pub values: Vec<f32>,
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

impl Check for RandomErasing {
    fn check(&self) -> Result<()> {
        let Self { probability, min_area, max_area, min_aspect, count, .. } = *self;
        check_probability("random_erasing: probability", probability)?;
        if !(0.0 < min_area && min_area <= max_area && max_area <= 1.0) {
            return refuse(format!(
                "random_erasing: min_area = {min_area} and max_area = {max_area} must ascend within \
                 (0, 1]"
            ));
        }
        if !(0.0 < min_aspect && min_aspect <= 1.0) {
            return refuse(format!("random_erasing: min_aspect = {min_aspect} must lie in (0, 1]"));
        }
        if !(1..=100).contains(&count) {
            return refuse(format!("random_erasing: count = {count} must lie in [1, 100]"));
        }
        Ok(())
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
