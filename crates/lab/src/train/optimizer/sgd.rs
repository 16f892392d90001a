//! Stochastic gradient descent with momentum, as PyTorch defines it.
//!
//! ```text
//! d = g + λ·p        v ← μ·v + d        p ← p − η·v        (Nesterov: p − η·(d + μ·v))
//! ```

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::{LR, Rule, WEIGHT_DECAY, WEIGHT_DECAY_ON, WeightDecayOn, refuse};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "sgd",
    title: "SGD",
    what: "stochastic gradient descent, with momentum: v ← μ·v + g, p ← p − η·v",
    source: "PyTorch's `SGD`",
    parameters: &[
        LR,
        MOMENTUM,
        Parameter {
            name: "nesterov",
            default: Some("false"),
            range: Range::Words("true or false"),
            what: "whether the step looks ahead along the velocity",
        },
        WEIGHT_DECAY,
        WEIGHT_DECAY_ON,
    ],
    example: "optimizer.sgd = { lr = 0.1, momentum = 0.9 }",
};

pub(super) const MOMENTUM: Parameter = Parameter {
    name: "momentum",
    default: Some("0.0"),
    range: Range::BelowOne,
    what: "μ, the share of the velocity that is kept",
};

/// Settings of stochastic gradient descent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SgdRecipe {
    /// η, the learning rate before the schedule.
    pub lr: f64,
    /// μ, the share of the velocity that is kept.
    #[serde(default)]
    pub momentum: f64,
    /// Whether the step looks ahead along the velocity.
    #[serde(default)]
    pub nesterov: bool,
    /// λ, the pull of each weight towards 0.
    #[serde(default)]
    pub weight_decay: f64,
    /// Which parameters it pulls.
    #[serde(default, skip_serializing_if = "WeightDecayOn::is_all")]
    pub weight_decay_on: WeightDecayOn,
}

impl Validate for SgdRecipe {
    fn validate(&self) -> Result<()> {
        CARD.validate(self).map_err(refuse)?;
        if self.nesterov && self.momentum == 0.0 {
            return Err(refuse("nesterov = true needs a momentum".to_owned()));
        }
        Ok(())
    }
}

/// The rule. It carries a velocity.
#[derive(Debug)]
struct Sgd {
    nesterov: bool,
    /// μ and −η as tensors without dimensions: `addcmul` takes no plain numbers.
    momentum: Tensor,
    descent: Tensor,
}

pub(super) fn rule(recipe: &SgdRecipe, device: Device) -> Box<dyn Rule> {
    Box::new(Sgd {
        nesterov: recipe.nesterov,
        momentum: Tensor::from(recipe.momentum as f32).to_device(device),
        descent: Tensor::from(0f32).to_device(device),
    })
}

impl Rule for Sgd {
    fn start(&self) -> &'static [f64] {
        &[0.0]
    }

    fn begin(&mut self, lr: f64, _step: u64) {
        self.descent = Tensor::from(-lr as f32).to_device(self.momentum.device());
    }

    fn update(
        &self,
        parameter: &mut Tensor,
        gradient: &mut Tensor,
        carried: &mut [Tensor],
    ) -> Result<()> {
        let velocity = &mut carried[0];
        *velocity = gradient.f_addcmul(velocity, &self.momentum)?;
        let direction = if self.nesterov {
            &gradient.f_addcmul_(velocity, &self.momentum)?
        } else {
            &*velocity
        };
        let _ = parameter.f_addcmul_(direction, &self.descent)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_steps;
    use super::super::{Optimizer, OptimizerRecipe};
    use super::*;
    use tch::nn::{self, OptimizerConfig};

    /// Five steps on f(p) = Σ c·p⁴ beside libtorch's own `torch::optim::SGD`.
    #[test]
    fn steps_are_those_of_libtorch() {
        for (momentum, nesterov, weight_decay) in
            [(0.0, false, 0.0), (0.9, false, 0.0), (0.9, false, 0.01), (0.9, true, 0.01)]
        {
            let lr = 0.05;
            let weight_decay_on = WeightDecayOn::All;
            let recipe = SgdRecipe { lr, momentum, nesterov, weight_decay, weight_decay_on };
            let start = Tensor::from_slice(&[0.7f32, -1.1, 0.2]);
            let scale = Tensor::from_slice(&[1f32, 0.5, 2.0]);
            let loss = |p: &Tensor| (p.pow_tensor_scalar(4) * &scale).sum(None);

            let store = nn::VarStore::new(tch::Device::Cpu);
            let theirs = store.root().var_copy("p", &start);
            let config = nn::Sgd { momentum, dampening: 0.0, wd: weight_decay, nesterov };
            let mut reference = config.build(&store, lr).unwrap();

            let ours = start.copy().set_requires_grad(true);
            let recipe = OptimizerRecipe::Sgd(recipe);
            let mut sgd = Optimizer::new(&recipe, [&ours].into_iter()).unwrap();
            for step in 1..=5 {
                reference.backward_step(&loss(&theirs));
                loss(&ours).backward();
                sgd.step([&ours].into_iter(), lr, step).unwrap();
                let difference = (&ours - &theirs).abs().max().double_value(&[]);
                assert!(difference < 1e-6, "{recipe:?}: {difference}");
            }
            assert!((&ours - &start).abs().min().double_value(&[]) > 1e-4);
        }
    }

    /// `torch.optim.SGD(kernels(w, b), lr=.05, momentum=.9, nesterov=True, weight_decay=.1)`
    #[test]
    fn decay_can_spare_biases() {
        assert_steps(
            "[sgd]\nlr = 0.05\nmomentum = 0.9\nnesterov = true\nweight_decay = 0.1\n\
             weight_decay_on = 'kernels'",
            [
                [0.56301, -0.83666, 0.19392],
                [0.4314444, -0.60517, 0.1857858],
                [0.3130755, -0.4054443, 0.1762167],
                [0.2083058, -0.2318463, 0.1657543],
            ],
        );
    }

    /// python: `p = v = 1.0, 0.0` and twice
    /// `g = 2 * p + .1 * p; v = .9 * v + g; p -= .1 * v` gives p = 0.79, then 0.4351.
    #[test]
    fn two_steps_by_hand() {
        let recipe: OptimizerRecipe =
            toml::from_str("sgd = { lr = 0.1, momentum = 0.9, weight_decay = 0.1 }").unwrap();
        let p = Tensor::from(1f32).set_requires_grad(true);
        let mut sgd = Optimizer::new(&recipe, [&p].into_iter()).unwrap();
        for (step, expected) in [(1, 0.79), (2, 0.4351)] {
            p.square().backward();
            sgd.step([&p].into_iter(), 0.1, step).unwrap();
            assert!((p.double_value(&[]) - expected).abs() < 1e-6, "{p:?}");
        }
    }
}
