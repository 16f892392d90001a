//! A linear layer on the inputs themselves: logistic regression. What is put on features that another network
//! has computed.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::layers::{Linear, Normalise};
use super::{Mode, Model, Network, Weights};
use crate::data::{InputKind, InputSpec};
use crate::{Result, Validate};

/// It has no settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearRecipe {}

impl Validate for LinearRecipe {}

impl Network for LinearRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Images, InputKind::Rows];

    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        Ok(Box::new(LinearNet::new(input, weights)?))
    }
}

/// The network: the features of its last and only layer are the normalised inputs.
#[derive(Debug)]
struct LinearNet {
    normalise: Normalise,
    out: Linear,
    weights: Weights,
}

impl LinearNet {
    fn new(input: &InputSpec, mut weights: Weights) -> Result<Self> {
        let normalise = Normalise::new(&mut weights, input)?;
        let out = Linear::new(&mut weights, "out", input.shape.values(), input.classes)?;
        Ok(Self { normalise, out, weights })
    }
}

impl Model for LinearNet {
    fn features(&self, inputs: &[Tensor], _: Mode) -> Result<Tensor> {
        let x = self.normalise.forward(&inputs[0])?;
        Ok(x.f_flatten(1, -1)?.f_to_kind(Kind::Float)?)
    }

    fn head(&self) -> &Linear {
        &self.out
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }
}
