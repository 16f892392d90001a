//! A multilayer perceptron: one hidden layer with ReLU.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::layers::{Linear, Normalise};
use super::{Mode, Model, Weights};
use crate::Result;
use crate::data::Examples;

/// Its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpRecipe {
    /// Units of the hidden layer.
    pub hidden: usize,
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
    /// Draws it for images like `train`.
    pub fn new(recipe: &MlpRecipe, train: &Examples, mut weights: Weights) -> Result<Self> {
        let pixels = train.shape.iter().product();
        let normalise = Normalise::new(&mut weights, train)?;
        let hidden = Linear::new(&mut weights, "hidden", pixels, recipe.hidden)?;
        let out = Linear::new(&mut weights, "out", recipe.hidden, train.classes.len())?;
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
