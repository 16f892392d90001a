//! A small convolutional network: two blocks of 3×3 convolution, 2×2 max pooling and ReLU, then a
//! linear layer. On 8×8 images it has a few thousand weights.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::layers::{Conv, Linear, Normalise, Window};
use super::{Mode, Model, Network, Weights};
use crate::data::{InputKind, InputSpec};
use crate::{Error, Result, Validate};

/// Its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CnnRecipe {
    /// Channels of the first and of the second convolution.
    pub channels: [usize; 2],
}

impl Validate for CnnRecipe {}

impl Network for CnnRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Images];

    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        Ok(Box::new(Cnn::new(self, input, weights)?))
    }
}

/// The network.
#[derive(Debug)]
pub struct Cnn {
    normalise: Normalise,
    conv1: Conv,
    conv2: Conv,
    out: Linear,
    weights: Weights,
}

impl Cnn {
    /// Draws it for such images.
    pub fn new(recipe: &CnnRecipe, input: &InputSpec, mut weights: Weights) -> Result<Self> {
        let [channels, height, width] = input.shape.image()?;
        let [first, second] = recipe.channels;
        if height < 4 || width < 4 {
            return Err(Error::Request(format!(
                "the cnn halves images twice, so {height}×{width} pixels are too few"
            )));
        }
        let features = second.saturating_mul((height / 4) * (width / 4));
        let normalise = Normalise::new(&mut weights, input)?;
        let conv1 = Conv::new(&mut weights, "conv1", [channels, first], Window::same(3))?;
        let conv2 = Conv::new(&mut weights, "conv2", [first, second], Window::same(3))?;
        let out = Linear::new(&mut weights, "out", features, input.classes)?;
        Ok(Self { normalise, conv1, conv2, out, weights })
    }
}

impl Model for Cnn {
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        // The larger of two rectified values is the rectified larger one: pooling first is the same
        // and rectifies a quarter of the values.
        let pool = |x: Tensor| x.f_max_pool2d(2, 2, 0, 1, false)?.f_relu();
        let x = self.normalise.forward(&inputs[0])?;
        let x = pool(self.conv1.forward(&x, mode)?)?;
        let x = pool(self.conv2.forward(&x, mode)?)?;
        Ok(x.f_flatten(1, -1)?.f_to_kind(Kind::Float)?)
    }

    fn head(&self) -> &Linear {
        &self.out
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }
}
