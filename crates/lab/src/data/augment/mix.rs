//! [`Mix`]: mixup (Zhang et al. 2018) and cutmix (Yun et al. 2019) of a batch, as timm's.
//!
//! Example i is mixed with example N − 1 − i, and so are their targets: t = λ·t_i + (1 − λ)·t_j, one
//! λ for the batch, drawn from Beta(α, α). Mixup mixes each pixel so; cutmix puts a rectangle of
//! about 1 − λ of the area in the place of the other's, and λ becomes what the rectangle leaves.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::draws::Draws;
use super::raster::Area;
use super::transform::{Context, Transform};
use super::{refuse, validate};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "mix",
    title: "mixup and cutmix",
    what: "mixes the images of a batch, and their targets; the loss must take soft ones",
    source: "Zhang et al. 2018; Yun et al. 2019; timm's `Mixup`",
    parameters: &[
        Parameter {
            name: "mixup",
            default: None,
            range: Range::Within(1e-3, 1e3),
            what: "α of mixup; no mixup without it",
        },
        Parameter {
            name: "cutmix",
            default: None,
            range: Range::Within(1e-3, 1e3),
            what: "α of cutmix; no cutmix without it",
        },
        Parameter {
            name: "probability",
            default: Some("1.0"),
            range: Range::Within(0.0, 1.0),
            what: "of a batch to be mixed at all",
        },
        Parameter {
            name: "switch_probability",
            default: Some("0.5"),
            range: Range::Within(0.0, 1.0),
            what: "of cutmix instead of mixup where there are both",
        },
    ],
    example: "augment.mix = { mixup = 0.8, cutmix = 1.0 }",
};

/// `mix = { mixup = 0.8, cutmix = 1.0 }`. The targets become soft, so the loss must take such.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// α of mixup; no mixup without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixup: Option<f64>,
    /// α of cutmix; no cutmix without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutmix: Option<f64>,
    /// Of a batch to be mixed at all.
    #[serde(default = "one")]
    pub probability: f64,
    /// Of cutmix instead of mixup where there are both.
    #[serde(default = "half")]
    pub switch_probability: f64,
}

/// How one batch is mixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mixing {
    /// Not at all.
    None,
    /// Each pixel, with this λ.
    Mixup(f64),
    /// This rectangle comes from the other example.
    Cutmix(Area),
}

fn one() -> f64 {
    1.0
}

fn half() -> f64 {
    0.5
}

impl Validate for Mix {
    fn validate(&self) -> Result<()> {
        validate(&CARD, self)?;
        if self.mixup.is_none() && self.cutmix.is_none() {
            return refuse("mix: neither mixup nor cutmix is given".to_owned());
        }
        Ok(())
    }
}

impl Transform for Mix {
    fn gives_soft_targets(&self) -> bool {
        true
    }

    fn apply_to_batch(
        &self,
        inputs: &mut Tensor,
        labels: Tensor,
        shape: [usize; 3],
        classes: usize,
        context: &Context,
    ) -> Result<Tensor> {
        let mixing = self.draw(shape, &mut context.draws("augment/mix"));
        mixing.apply(inputs, &labels, shape, classes)
    }
}

impl Mix {
    /// How a batch of images of `shape` is mixed.
    pub fn draw(&self, [_, height, width]: [usize; 3], draws: &mut Draws) -> Mixing {
        if !draws.chance(self.probability) {
            return Mixing::None;
        }
        let switch = draws.chance(self.switch_probability);
        match (self.mixup, self.cutmix) {
            (Some(alpha), None) => Mixing::Mixup(draws.beta(alpha)),
            (Some(alpha), Some(_)) if !switch => Mixing::Mixup(draws.beta(alpha)),
            (_, Some(alpha)) => {
                let share = (1.0 - draws.beta(alpha)).sqrt();
                // A rectangle about a centre that may lie anywhere, cut off at the border.
                let mut extent = |side: usize| {
                    let cut = (side as f64 * share) as usize;
                    let centre = draws.below(side);
                    let first = centre.saturating_sub(cut / 2);
                    (first, (centre + cut.div_ceil(2)).min(side) - first)
                };
                let ((top, height), (left, width)) = (extent(height), extent(width));
                Mixing::Cutmix(Area { top, left, height, width })
            }
            (None, None) => Mixing::None,
        }
    }
}

impl Mixing {
    /// The share of an example's own target.
    fn lambda(self, [_, height, width]: [usize; 3]) -> f64 {
        match self {
            Mixing::None => 1.0,
            Mixing::Mixup(lambda) => lambda,
            Mixing::Cutmix(area) => {
                1.0 - (area.height * area.width) as f64 / (height * width) as f64
            }
        }
    }

    /// Mixes `inputs`, f32 (N, C, H, W), in place, and gives the targets, f32 (N, `classes`).
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn apply(
        self,
        inputs: &mut Tensor,
        labels: &Tensor,
        shape: [usize; 3],
        classes: usize,
    ) -> Result<Tensor> {
        match self {
            Mixing::None => {}
            Mixing::Mixup(lambda) => {
                let other = inputs.f_flip([0])?.f_mul_scalar_(1.0 - lambda)?;
                let _ = inputs.f_mul_scalar_(lambda)?.f_add_(&other)?;
            }
            Mixing::Cutmix(area) => {
                let part = |of: &Tensor| {
                    let rows = of.f_narrow(2, area.top as i64, area.height as i64)?;
                    rows.f_narrow(3, area.left as i64, area.width as i64)
                };
                let other = part(&inputs.f_flip([0])?)?;
                part(inputs)?.f_copy_(&other)?;
            }
        }
        let one_hot = labels.f_one_hot(classes as i64)?.f_to_kind(Kind::Float)?;
        let lambda = self.lambda(shape);
        let other = one_hot.f_flip([0])?.f_mul_scalar(1.0 - lambda)?;
        Ok(one_hot.f_mul_scalar(lambda)?.f_add(&other)?)
    }
}
