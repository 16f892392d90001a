//! Stochastic gradient descent with momentum, as PyTorch defines it.
//!
//! ```text
//! d = g + λ·p        v ← μ·v + d        p ← p − η·v        (Nesterov: p − η·(d + μ·v))
//! ```

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor, no_grad};

use crate::{Check, Error, Result};

/// Which optimizer a recipe asks for: `[optimizer.sgd]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimizerRecipe {
    /// Stochastic gradient descent.
    Sgd(SgdRecipe),
}

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
}

impl OptimizerRecipe {
    /// Sets the learning rate.
    pub fn set_lr(&mut self, lr: f64) {
        let OptimizerRecipe::Sgd(recipe) = self;
        recipe.lr = lr;
    }
}

impl Check for OptimizerRecipe {
    fn check(&self) -> Result<()> {
        let OptimizerRecipe::Sgd(recipe) = self;
        recipe.check()
    }
}

impl Check for SgdRecipe {
    fn check(&self) -> Result<()> {
        let Self { lr, momentum, nesterov, weight_decay } = *self;
        let refuse = |problem: String| Err(Error::Request(format!("optimizer: {problem}")));
        if !(lr > 0.0 && lr.is_finite()) {
            return refuse(format!("lr = {lr} must be above 0"));
        }
        if !(0.0..1.0).contains(&momentum) {
            return refuse(format!("momentum = {momentum} must lie in [0, 1)"));
        }
        if nesterov && momentum == 0.0 {
            return refuse("nesterov = true needs a momentum".to_owned());
        }
        if !(weight_decay >= 0.0 && weight_decay.is_finite()) {
            return refuse(format!("weight_decay = {weight_decay} must not be negative"));
        }
        Ok(())
    }
}

/// The optimizer and its velocities, one tensor a parameter.
#[derive(Debug)]
pub struct Sgd {
    recipe: SgdRecipe,
    /// μ and λ as tensors without dimensions: `addcmul` takes no plain numbers.
    momentum: Tensor,
    weight_decay: Tensor,
    velocities: Vec<Tensor>,
}

impl Sgd {
    /// At rest, for `parameters`.
    pub fn new<'a>(recipe: &SgdRecipe, parameters: impl Iterator<Item = &'a Tensor>) -> Self {
        let velocities: Vec<Tensor> = parameters.map(|p| p.detach().zeros_like()).collect();
        let device = velocities.first().map_or(Device::Cpu, Tensor::device);
        Self {
            recipe: recipe.clone(),
            momentum: Tensor::from(recipe.momentum as f32).to_device(device),
            weight_decay: Tensor::from(recipe.weight_decay as f32).to_device(device),
            velocities,
        }
    }

    /// The learning rate before the schedule.
    pub fn lr(&self) -> f64 {
        self.recipe.lr
    }

    /// The velocities, in the order of the parameters.
    pub fn velocities(&self) -> &[Tensor] {
        &self.velocities
    }

    /// Takes one step with the learning rate `lr` and clears the gradients.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn step<'a>(
        &mut self,
        parameters: impl Iterator<Item = &'a Tensor>,
        lr: f64,
    ) -> Result<()> {
        let descent = Tensor::from(-lr as f32).f_to(self.momentum.device())?;
        no_grad(|| {
            for (parameter, velocity) in parameters.zip(&mut self.velocities) {
                let mut gradient = parameter.f_grad()?;
                if self.recipe.weight_decay != 0.0 {
                    let _ = gradient.f_addcmul_(parameter, &self.weight_decay)?;
                }
                *velocity = gradient.f_addcmul(velocity, &self.momentum)?;
                let direction = if self.recipe.nesterov {
                    &gradient.f_addcmul_(velocity, &self.momentum)?
                } else {
                    &*velocity
                };
                let _ = parameter.shallow_clone().f_addcmul_(direction, &descent)?;
                let _ = gradient.f_zero_()?;
            }
            Ok(())
        })
    }

    /// Takes over saved velocities.
    ///
    /// # Errors
    /// When they do not have the parameters' shapes.
    pub fn restore(&mut self, saved: &[Tensor]) -> Result<()> {
        let sizes = |tensors: &[Tensor]| tensors.iter().map(Tensor::size).collect::<Vec<_>>();
        if sizes(saved) != sizes(&self.velocities) {
            return Err(Error::Work("the saved velocities are of another model".to_owned()));
        }
        let device = self.momentum.device();
        self.velocities = saved.iter().map(|saved| saved.copy().to_device(device)).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::nn::{self, OptimizerConfig};

    /// Five steps on f(p) = Σ c·p⁴ beside libtorch's own `torch::optim::SGD`.
    #[test]
    fn steps_are_those_of_libtorch() {
        for (momentum, nesterov, weight_decay) in
            [(0.0, false, 0.0), (0.9, false, 0.0), (0.9, false, 0.01), (0.9, true, 0.01)]
        {
            let recipe = SgdRecipe { lr: 0.05, momentum, nesterov, weight_decay };
            let start = Tensor::from_slice(&[0.7f32, -1.1, 0.2]);
            let scale = Tensor::from_slice(&[1f32, 0.5, 2.0]);
            let loss = |p: &Tensor| (p.pow_tensor_scalar(4) * &scale).sum(None);

            let store = nn::VarStore::new(tch::Device::Cpu);
            let theirs = store.root().var_copy("p", &start);
            let config = nn::Sgd { momentum, dampening: 0.0, wd: weight_decay, nesterov };
            let mut reference = config.build(&store, recipe.lr).unwrap();

            let ours = start.copy().set_requires_grad(true);
            let mut sgd = Sgd::new(&recipe, [&ours].into_iter());
            for _ in 0..5 {
                reference.backward_step(&loss(&theirs));
                loss(&ours).backward();
                sgd.step([&ours].into_iter(), recipe.lr).unwrap();
                let difference = (&ours - &theirs).abs().max().double_value(&[]);
                assert!(difference < 1e-6, "{recipe:?}: {difference}");
            }
            assert!((&ours - &start).abs().min().double_value(&[]) > 1e-4);
        }
    }

    /// python: `p = v = 1.0, 0.0` and twice
    /// `g = 2 * p + .1 * p; v = .9 * v + g; p -= .1 * v` gives p = 0.79, then 0.4351.
    #[test]
    fn two_steps_by_hand() {
        let recipe = SgdRecipe { lr: 0.1, momentum: 0.9, nesterov: false, weight_decay: 0.1 };
        let p = Tensor::from(1f32).set_requires_grad(true);
        let mut sgd = Sgd::new(&recipe, [&p].into_iter());
        for expected in [0.79, 0.4351] {
            p.square().backward();
            sgd.step([&p].into_iter(), 0.1).unwrap();
            assert!((p.double_value(&[]) - expected).abs() < 1e-6, "{p:?}");
        }
    }

    #[test]
    fn senseless_settings_are_refused() {
        let good = SgdRecipe { lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.0 };
        assert!(good.check().is_ok());
        for bad in [
            SgdRecipe { lr: 0.0, ..good.clone() },
            SgdRecipe { lr: f64::NAN, ..good.clone() },
            SgdRecipe { momentum: 1.0, ..good.clone() },
            SgdRecipe { momentum: 0.0, ..good.clone() },
            SgdRecipe { weight_decay: -1.0, ..good.clone() },
        ] {
            assert_eq!(bad.check().unwrap_err().exit_code(), 2, "{bad:?}");
        }
    }
}
