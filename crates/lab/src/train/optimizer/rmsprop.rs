//! RMSprop as TensorFlow defines it, which EfficientNet was trained with: ε is under the root, the
//! mean square starts at 1 and the learning rate is inside the velocity (timm's `RMSpropTF`).
//!
//! ```text
//! s ← α·s + (1 − α)·g²        v ← μ·v + η·g/√(s + ε)        p ← p − v
//! ```

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::sgd::MOMENTUM;
use super::{LR, Rule, WEIGHT_DECAY, WEIGHT_DECAY_ON, WeightDecayOn, refuse};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "rmsprop",
    title: "RMSprop",
    what: "gradients over the root of their mean square, with momentum; ε under the root",
    source: "TensorFlow's form: timm's `RMSpropTF`",
    parameters: &[
        LR,
        Parameter {
            name: "alpha",
            default: Some("0.9"),
            range: Range::BelowOne,
            what: "α, the share of the mean square that is kept",
        },
        MOMENTUM,
        Parameter {
            name: "eps",
            default: Some("0.001"),
            range: Range::Positive,
            what: "ε, added under the root",
        },
        WEIGHT_DECAY,
        WEIGHT_DECAY_ON,
    ],
    example: "optimizer.rmsprop = { lr = 0.048, momentum = 0.9 }",
};

/// Settings of RMSprop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RmspropRecipe {
    /// η, the learning rate before the schedule.
    pub lr: f64,
    /// α, the share of the mean square that is kept.
    #[serde(default = "alpha")]
    pub alpha: f64,
    /// μ, the share of the velocity that is kept.
    #[serde(default)]
    pub momentum: f64,
    /// ε, added under the root.
    #[serde(default = "eps")]
    pub eps: f64,
    /// λ, the pull of each weight towards 0; it is part of the gradient.
    #[serde(default)]
    pub weight_decay: f64,
    /// Which parameters it pulls.
    #[serde(default, skip_serializing_if = "WeightDecayOn::is_all")]
    pub weight_decay_on: WeightDecayOn,
}

fn alpha() -> f64 {
    0.9
}

fn eps() -> f64 {
    1e-3
}

impl Validate for RmspropRecipe {
    fn validate(&self) -> Result<()> {
        CARD.validate(self).map_err(refuse)
    }
}

/// The rule. It carries the mean square and the velocity.
#[derive(Debug)]
struct Rmsprop {
    alpha: f64,
    eps: f64,
    lr: f64,
    /// μ as a tensor without dimensions: `addcmul` takes no plain numbers.
    momentum: Tensor,
}

pub(super) fn rule(recipe: &RmspropRecipe, device: Device) -> Box<dyn Rule> {
    let momentum = Tensor::from(recipe.momentum as f32).to_device(device);
    Box::new(Rmsprop { alpha: recipe.alpha, eps: recipe.eps, lr: recipe.lr, momentum })
}

impl Rule for Rmsprop {
    fn start(&self) -> &'static [f64] {
        &[1.0, 0.0]
    }

    fn begin(&mut self, lr: f64, _step: u64) {
        self.lr = lr;
    }

    fn update(
        &self,
        parameter: &mut Tensor,
        gradient: &mut Tensor,
        carried: &mut [Tensor],
    ) -> Result<()> {
        let [square, velocity] = carried else { unreachable!("start() says two") };
        let _ = square.f_lerp_(&gradient.f_square()?, 1.0 - self.alpha)?;
        let root = square.f_add_scalar(self.eps)?.f_sqrt_()?;
        let _ = gradient.f_div_(&root)?.f_mul_scalar_(self.lr)?;
        *velocity = gradient.f_addcmul(velocity, &self.momentum)?;
        let _ = parameter.f_sub_(velocity)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_steps;

    /// `timm.optim.RMSpropTF([w, b], lr=.05, alpha=.9, momentum=.9, eps=1e-3, weight_decay=.1)`,
    /// then `timm.optim.RMSpropTF(kernels(w, b), lr=.05, alpha=.9, momentum=0, eps=1e-3,
    /// weight_decay=.1)`
    #[test]
    fn rmsprop_is_that_of_timm() {
        assert_steps(
            "rmsprop = { lr = 0.05, momentum = 0.9, weight_decay = 0.1 }",
            [
                [0.6315329, -0.9927288, 0.195577],
                [0.5191646, -0.8220979, 0.1871911],
                [0.3880306, -0.6249552, 0.1754822],
                [0.2559764, -0.4265213, 0.1612005],
            ],
        );
        assert_steps(
            "rmsprop = { lr = 0.05, weight_decay = 0.1, weight_decay_on = 'kernels' }",
            [
                [0.6315329, -0.9927288, 0.1966295],
                [0.580785, -0.918642, 0.1932544],
                [0.5401463, -0.8606132, 0.1898777],
                [0.506133, -0.8123485, 0.1865027],
            ],
        );
    }
}
