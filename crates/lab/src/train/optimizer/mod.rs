//! Optimizers: one file each, with its [`Card`], and what they have in common.
//!
//! An optimizer is a `Rule` that moves one parameter by its gradient and by tensors that it carries
//! from step to step. Weight decay, the learning rate and what a checkpoint holds are the same for
//! all of them. The list in `optimizers!` below is all that recipes, the documentation and the tests
//! know of them.

mod adam;
mod adamw;
mod rmsprop;
mod sgd;

pub use adam::AdamRecipe;
pub use rmsprop::RmspropRecipe;
pub use sgd::SgdRecipe;

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor, no_grad};

use crate::card::{Card, Parameter, Range};
use crate::{Error, Result, Validate};

/// Makes [`OptimizerRecipe`] and [`OPTIMIZERS`] of one list. An entry is an optimizer's file, the
/// variant that its card is called after, and the settings that its `rule` is made of.
macro_rules! optimizers {
    ($($(#[$doc:meta])* $file:ident: $Name:ident($Recipe:ty),)*) => {
        /// Which optimizer a recipe asks for: `[optimizer.sgd]`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub enum OptimizerRecipe {
            $($(#[$doc])* $Name($Recipe),)*
        }

        /// What each optimizer says of itself, in the order in which they are spoken of.
        pub static OPTIMIZERS: &[&Card] = &[$(&$file::CARD),*];

        impl OptimizerRecipe {
            fn common(&self) -> Common {
                match self {
                    $(OptimizerRecipe::$Name(recipe) => Common {
                        lr: recipe.lr,
                        weight_decay: recipe.weight_decay,
                        weight_decay_on: recipe.weight_decay_on,
                    },)*
                }
            }

            /// Sets the learning rate.
            pub fn set_lr(&mut self, lr: f64) {
                match self {
                    $(OptimizerRecipe::$Name(recipe) => recipe.lr = lr,)*
                }
            }

            fn rule(&self, device: Device) -> Box<dyn Rule> {
                match self {
                    $(OptimizerRecipe::$Name(recipe) => $file::rule(recipe, device),)*
                }
            }
        }

        impl Validate for OptimizerRecipe {
            fn validate(&self) -> Result<()> {
                match self {
                    $(OptimizerRecipe::$Name(recipe) => recipe.validate(),)*
                }
            }
        }
    };
}

optimizers! {
    /// Stochastic gradient descent with momentum.
    sgd: Sgd(SgdRecipe),
    /// Adam; weight decay is part of the gradient.
    adam: Adam(AdamRecipe),
    /// Adam with weight decay beside the gradient (Loshchilov and Hutter 2019).
    adamw: Adamw(AdamRecipe),
    /// RMSprop as TensorFlow defines it.
    rmsprop: Rmsprop(RmspropRecipe),
}

/// Which parameters weight decay pulls towards 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightDecayOn {
    /// Every one.
    #[default]
    All,
    /// Those with two dimensions or more: matrices and kernels, but neither biases nor what
    /// normalisation learns.
    Kernels,
}

impl WeightDecayOn {
    /// For `skip_serializing_if`: a recipe that does not say it stays as it was.
    fn is_all(&self) -> bool {
        *self == WeightDecayOn::All
    }
}

/// On every card.
const LR: Parameter = Parameter {
    name: "lr",
    default: None,
    range: Range::Positive,
    what: "η, the learning rate before the schedule",
};

/// On every card.
const WEIGHT_DECAY: Parameter = Parameter {
    name: "weight_decay",
    default: Some("0.0"),
    range: Range::AtLeast(0.0),
    what: "λ, the pull of each weight towards 0",
};

/// On every card.
const WEIGHT_DECAY_ON: Parameter = Parameter {
    name: "weight_decay_on",
    default: Some("\"all\""),
    range: Range::Words("all or kernels"),
    what: "which parameters it pulls: `kernels` spares those of one dimension",
};

/// What the settings of all optimizers say.
#[derive(Clone, Copy, Debug)]
struct Common {
    lr: f64,
    weight_decay: f64,
    weight_decay_on: WeightDecayOn,
}

/// What an optimizer does with one parameter.
trait Rule: std::fmt::Debug {
    /// What the tensors that it carries for a parameter are filled with before the first step.
    fn start(&self) -> &'static [f64];

    /// Whether weight decay acts beside the gradient, not in it.
    fn decay_is_decoupled(&self) -> bool {
        false
    }

    /// Called before each step with its learning rate and its number, from 1.
    fn begin(&mut self, lr: f64, step: u64);

    /// Moves `parameter` against `gradient`, which it may use as scratch.
    fn update(
        &self,
        parameter: &mut Tensor,
        gradient: &mut Tensor,
        carried: &mut [Tensor],
    ) -> Result<()>;
}

impl OptimizerRecipe {
    /// The learning rate before the schedule.
    pub fn lr(&self) -> f64 {
        self.common().lr
    }
}

fn refuse(problem: String) -> Error {
    Error::Request(format!("optimizer: {problem}"))
}

/// An optimizer with what it carries from step to step.
#[derive(Debug)]
pub struct Optimizer {
    rule: Box<dyn Rule>,
    common: Common,
    /// λ as a tensor without dimensions: `addcmul` takes no plain numbers.
    weight_decay: Tensor,
    /// The rule's tensors of each parameter.
    carried: Vec<Vec<Tensor>>,
}

impl Optimizer {
    /// At rest, for `parameters`.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn new<'a>(
        recipe: &OptimizerRecipe,
        parameters: impl Iterator<Item = &'a Tensor>,
    ) -> Result<Self> {
        let mut parameters = parameters.peekable();
        let device = parameters.peek().map_or(Device::Cpu, |parameter| parameter.device());
        let (rule, common) = (recipe.rule(device), recipe.common());
        let start = |parameter: &Tensor| -> Result<Vec<Tensor>> {
            let full = |&value: &f64| Ok(parameter.f_detach()?.f_full_like(value)?);
            rule.start().iter().map(full).collect()
        };
        let carried = parameters.map(start).collect::<Result<_>>()?;
        Ok(Self {
            rule,
            common,
            weight_decay: Tensor::from(common.weight_decay as f32).f_to(device)?,
            carried,
        })
    }

    /// Takes the step with the number `step`, from 1, with the learning rate `lr`, and clears the
    /// gradients.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn step<'a>(
        &mut self,
        parameters: impl Iterator<Item = &'a Tensor>,
        lr: f64,
        step: u64,
    ) -> Result<()> {
        self.rule.begin(lr, step);
        no_grad(|| {
            for (parameter, carried) in parameters.zip(&mut self.carried) {
                let mut parameter = parameter.shallow_clone();
                let mut gradient = parameter.f_grad()?;
                let decayed = self.common.weight_decay_on.is_all() || parameter.dim() > 1;
                if self.common.weight_decay != 0.0 && decayed {
                    let _ = if self.rule.decay_is_decoupled() {
                        parameter.f_mul_scalar_(1.0 - lr * self.common.weight_decay)?
                    } else {
                        gradient.f_addcmul_(&parameter, &self.weight_decay)?
                    };
                }
                self.rule.update(&mut parameter, &mut gradient, carried)?;
                let _ = gradient.f_zero_()?;
            }
            Ok(())
        })
    }

    /// All that it carries, parameter by parameter, for a checkpoint.
    pub fn carried(&self) -> Vec<Tensor> {
        self.carried.iter().flatten().map(Tensor::shallow_clone).collect()
    }

    /// Takes over what was saved.
    ///
    /// # Errors
    /// When it does not have the shapes of what is carried here.
    pub fn restore(&mut self, saved: &[Tensor]) -> Result<()> {
        let sizes = |tensors: &[Tensor]| tensors.iter().map(Tensor::size).collect::<Vec<_>>();
        if sizes(saved) != sizes(&self.carried()) {
            return Err(Error::Work(format!(
                "the optimizer's {} saved tensors are not those of this model",
                saved.len()
            )));
        }
        for (ours, saved) in self.carried.iter_mut().flatten().zip(saved) {
            *ours = saved.copy().f_to(ours.device())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::tests::says_what_is_read;

    #[test]
    fn cards_say_what_is_read() {
        OPTIMIZERS.iter().for_each(|card| says_what_is_read::<OptimizerRecipe>("optimizer", card));
    }

    /// Four steps on f = Σ c·p⁴ with a kernel p = (0.7, −1.1), c = (1, ½), and a bias p = 0.2, c = 2.
    /// Gives the three values after each step.
    pub fn four_steps(toml: &str) -> Vec<[f64; 3]> {
        let recipe: OptimizerRecipe = toml::from_str(toml).unwrap();
        recipe.validate().unwrap();
        let kernel = Tensor::from_slice(&[0.7f32, -1.1]).reshape([1, 2]).set_requires_grad(true);
        let bias = Tensor::from_slice(&[0.2f32]).set_requires_grad(true);
        let scale = Tensor::from_slice(&[1f32, 0.5]);
        let parameters = || [&kernel, &bias].into_iter();
        let mut optimizer = Optimizer::new(&recipe, parameters()).unwrap();
        let mut found = Vec::new();
        for step in 1..=4 {
            let loss = (kernel.pow_tensor_scalar(4) * &scale).sum(None)
                + (bias.pow_tensor_scalar(4) * 2.0).sum(None);
            loss.backward();
            // As a resumed training does.
            let saved: Vec<Tensor> = optimizer.carried().iter().map(Tensor::copy).collect();
            optimizer = Optimizer::new(&recipe, parameters()).unwrap();
            optimizer.restore(&saved).unwrap();
            optimizer.step(parameters(), recipe.lr(), step).unwrap();
            found.push([
                kernel.double_value(&[0, 0]),
                kernel.double_value(&[0, 1]),
                bias.double_value(&[0]),
            ]);
        }
        found
    }

    /// Compares with what Python printed, rounded to seven digits, with `make` below:
    ///
    /// ```python
    /// import torch, timm.optim                       # torch 2.11.0, timm 1.0.31
    /// def run(make):
    ///     w = torch.nn.Parameter(torch.tensor([[0.7, -1.1]]))
    ///     b = torch.nn.Parameter(torch.tensor([0.2]))
    ///     opt = make(w, b)
    ///     for _ in range(4):
    ///         opt.zero_grad()
    ///         ((torch.tensor([1., .5]) * w**4).sum() + (2 * b**4).sum()).backward()
    ///         opt.step()
    ///         print([round(float(v), 7) for v in (*w[0], *b)])
    /// kernels = lambda w, b: [{"params": [w]}, {"params": [b], "weight_decay": 0}]
    /// ```
    pub fn assert_steps(toml: &str, expected: [[f64; 3]; 4]) {
        for (step, (found, expected)) in four_steps(toml).iter().zip(expected).enumerate() {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 3e-7, "{toml}, {step}: {found}, {expected}");
            }
        }
    }

    #[test]
    fn senseless_settings_are_refused() {
        for (toml, expected) in [
            ("sgd = { lr = 0.0 }", "lr = 0 must be above 0"),
            ("sgd = { lr = nan }", "lr = NaN must be above 0"),
            ("sgd = { lr = 1.0, momentum = 1.0 }", "momentum = 1 must lie in [0, 1)"),
            ("sgd = { lr = 1.0, nesterov = true }", "nesterov = true needs a momentum"),
            ("sgd = { lr = 1.0, weight_decay = -1.0 }", "weight_decay = -1 must be at least 0"),
            ("adam = { lr = 1.0, betas = [0.9, 1.0] }", "betas[1] = 1 must lie in [0, 1)"),
            ("adamw = { lr = 1.0, eps = 0.0 }", "eps = 0 must be above 0"),
            ("rmsprop = { lr = 1.0, alpha = -0.1 }", "alpha = -0.1 must lie in [0, 1)"),
            ("rmsprop = { lr = 1.0, momentum = 2.0 }", "momentum = 2 must lie in [0, 1)"),
        ] {
            let error = toml::from_str::<OptimizerRecipe>(toml).unwrap().validate().unwrap_err();
            assert_eq!(error.to_string(), format!("optimizer: {expected}"));
            assert_eq!(error.exit_code(), 2);
        }
        assert!(toml::from_str::<OptimizerRecipe>("adam = { lr = 1.0, beta = 0.9 }").is_err());
    }

    #[test]
    fn what_another_model_carried_is_refused() {
        let recipe: OptimizerRecipe = toml::from_str("adam = { lr = 1.0 }").unwrap();
        let parameter = Tensor::from_slice(&[1f32, 2.0]);
        let mut adam = Optimizer::new(&recipe, [&parameter].into_iter()).unwrap();
        assert_eq!(adam.carried().len(), 2);
        assert!(adam.restore(&adam.carried()).is_ok());
        let message = adam.restore(&adam.carried()[..1]).unwrap_err().to_string();
        assert!(message.contains("optimizer's 1 saved tensors"), "{message}");
    }
}
