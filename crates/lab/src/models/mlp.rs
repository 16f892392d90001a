//! A multilayer perceptron: one hidden layer with ReLU.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::layers::{Linear, Normalise};
use super::{Mode, Model, Network, Weights};
use crate::data::{InputKind, InputSpec};
use crate::{Result, Validate};

/// Its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpRecipe {
    /// Units of the hidden layer.
    pub hidden: usize,
}

impl Validate for MlpRecipe {}

impl Network for MlpRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Images, InputKind::Rows];

    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        Ok(Box::new(Mlp::new(self, input, weights)?))
    }
}

/// The network.
#[derive(Debug)]
pub struct Mlp {
    normalise: Normalise,
    hidden: Linear,
    out: Linear,
    weights: Weights,
}

impl Mlp {
    /// Draws it for such images or rows.
    pub fn new(recipe: &MlpRecipe, input: &InputSpec, mut weights: Weights) -> Result<Self> {
        let numbers = input.shape.values();
        let normalise = Normalise::new(&mut weights, input)?;
        let hidden = Linear::new(&mut weights, "hidden", numbers, recipe.hidden)?;
        let out = Linear::new(&mut weights, "out", recipe.hidden, input.classes)?;
        Ok(Self { normalise, hidden, out, weights })
    }
}

impl Model for Mlp {
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        let x = self.normalise.forward(&inputs[0])?.f_flatten(1, -1)?;
        Ok(self.hidden.forward(&x, mode)?.f_relu()?.f_to_kind(Kind::Float)?)
    }

    fn head(&self) -> &Linear {
        &self.out
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }
}
