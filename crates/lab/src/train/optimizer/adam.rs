//! Adam (Kingma and Ba 2015, algorithm 1) as PyTorch defines it; weight decay is part of the gradient.
//!
//! ```text
//! m ← β₁·m + (1 − β₁)·g      v ← β₂·v + (1 − β₂)·g²
//! p ← p − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
//! ```

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::{LR, Rule, WEIGHT_DECAY, WEIGHT_DECAY_ON, WeightDecayOn, refuse};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "adam",
    title: "Adam",
    what: "steps of the mean gradient over the root of its mean square; weight decay in the gradient",
    source: "Kingma and Ba 2015, algorithm 1; PyTorch's `Adam`",
    parameters: &[
        LR,
        Parameter {
            name: "betas",
            default: Some("[0.9, 0.999]"),
            range: Range::BelowOne,
            what: "β₁ and β₂, the shares of the two moments that are kept",
        },
        Parameter {
            name: "eps",
            default: Some("1e-8"),
            range: Range::Positive,
            what: "ε, added to the root",
        },
        WEIGHT_DECAY,
        WEIGHT_DECAY_ON,
    ],
    example: "optimizer.adam = { lr = 0.001 }",
};

/// Settings of Adam and of AdamW.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamRecipe {
    /// η, the learning rate before the schedule.
    pub lr: f64,
    /// β₁ and β₂, the shares of the two moments that are kept.
    #[serde(default = "betas")]
    pub betas: [f64; 2],
    /// ε, added to the root.
    #[serde(default = "eps")]
    pub eps: f64,
    /// λ, the pull of each weight towards 0.
    #[serde(default)]
    pub weight_decay: f64,
    /// Which parameters it pulls.
    #[serde(default, skip_serializing_if = "WeightDecayOn::is_all")]
    pub weight_decay_on: WeightDecayOn,
}

fn betas() -> [f64; 2] {
    [0.9, 0.999]
}

fn eps() -> f64 {
    1e-8
}

impl Validate for AdamRecipe {
    fn validate(&self) -> Result<()> {
        CARD.validate(self).map_err(refuse)
    }
}

/// The rule. It carries the two moments.
#[derive(Debug)]
pub(super) struct Adam {
    betas: [f64; 2],
    eps: f64,
    /// Whether weight decay acts beside the gradient.
    decoupled: bool,
    /// η/(1 − β₁ᵗ) and √(1 − β₂ᵗ).
    descent: f64,
    root: f64,
}

impl Adam {
    pub fn new(recipe: &AdamRecipe, decoupled: bool) -> Self {
        Self { betas: recipe.betas, eps: recipe.eps, decoupled, descent: 0.0, root: 1.0 }
    }
}

pub(super) fn rule(recipe: &AdamRecipe, _: Device) -> Box<dyn Rule> {
    Box::new(Adam::new(recipe, false))
}

impl Rule for Adam {
    fn start(&self) -> &'static [f64] {
        &[0.0, 0.0]
    }

    fn decay_is_decoupled(&self) -> bool {
        self.decoupled
    }

    fn begin(&mut self, lr: f64, step: u64) {
        let missing = self.betas.map(|beta| 1.0 - beta.powf(step as f64));
        (self.descent, self.root) = (lr / missing[0], missing[1].sqrt());
    }

    fn update(
        &self,
        parameter: &mut Tensor,
        gradient: &mut Tensor,
        carried: &mut [Tensor],
    ) -> Result<()> {
        let [mean, square] = carried else { unreachable!("start() says two") };
        let _ = mean.f_lerp_(gradient, 1.0 - self.betas[0])?;
        let _ = square.f_lerp_(&gradient.f_square_()?, 1.0 - self.betas[1])?;
        let mut root = square.f_sqrt()?;
        let _ = root.f_div_scalar_(self.root)?.f_add_scalar_(self.eps)?;
        let step = mean.f_div(&root)?.f_mul_scalar_(self.descent)?;
        let _ = parameter.f_sub_(&step)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_steps;

    /// `torch.optim.Adam([w, b], lr=.05, weight_decay=.1)` and
    /// `torch.optim.Adam([w, b], lr=.05, betas=(.8, .95), eps=1e-3)`
    #[test]
    fn adam_is_that_of_pytorch() {
        assert_steps(
            "adam = { lr = 0.05, weight_decay = 0.1 }",
            [
                [0.65, -1.0500001, 0.15],
                [0.6005602, -1.0002906, 0.103391],
                [0.5520896, -0.9510798, 0.0616951],
                [0.5049906, -0.9025794, 0.025226],
            ],
        );
        assert_steps(
            "adam = { lr = 0.05, betas = [0.8, 0.95], eps = 0.001 }",
            [
                [0.6500364, -1.0500188, 0.1507692],
                [0.600852, -1.0004573, 0.1069133],
                [0.5530078, -0.9516115, 0.0703667],
                [0.5070494, -0.9037781, 0.0408843],
            ],
        );
    }
}
