//! The network that the paper attacks: three 5×5 convolutions without zeros around, on pixels as
//! they are.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::layers::{Conv, Linear, Window, channels_last};
use super::{Mode, Model, Network, Weights};
use crate::data::{InputKind, InputSpec};
use crate::{Error, Result, Validate};

/// It has no sizes to choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackCnnRecipe {
    /// A safetensors file with the initial weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// Whether the last layer is drawn anew all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_head: bool,
}

impl Validate for AttackCnnRecipe {}

impl Network for AttackCnnRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Images];

    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        Ok(Box::new(AttackCnn::new(input, weights)?))
    }

    fn initial(&self) -> (Option<&Path>, bool) {
        (self.weights.as_deref(), self.new_head)
    }

    fn initial_mut(&mut self) -> Option<(&mut Option<PathBuf>, &mut bool)> {
        Some((&mut self.weights, &mut self.new_head))
    }
}

/// The network: 123,222 parameters for images of 1×28×28 and ten classes.
#[derive(Debug)]
pub struct AttackCnn {
    conv1: Conv,
    conv2: Conv,
    conv3: Conv,
    fc1: Linear,
    fc2: Linear,
    weights: Weights,
}

impl AttackCnn {
    /// Draws it for such images.
    pub fn new(input: &InputSpec, mut weights: Weights) -> Result<Self> {
        let [channels, height, width] = input.shape.image()?;
        // Each convolution takes 4 pixels; the pools are after the second and the third.
        let side = |pixels: usize| (pixels.saturating_sub(8) / 2).saturating_sub(4) / 2;
        if side(height) == 0 || side(width) == 0 {
            return Err(Error::Request(format!(
                "attack-cnn needs images of at least 20×20 pixels, not {height}×{width}"
            )));
        }
        let w = &mut weights;
        let conv1 = Conv::new(w, "conv1", [channels, 16], Window::valid(5))?;
        let conv2 = Conv::new(w, "conv2", [16, 32], Window::valid(5))?;
        let conv3 = Conv::new(w, "conv3", [32, 64], Window::valid(5))?;
        let fc1 = Linear::new(w, "fc1", 64 * side(height) * side(width), 100)?;
        let fc2 = Linear::new(w, "fc2", 100, input.classes)?;
        Ok(Self { conv1, conv2, conv3, fc1, fc2, weights })
    }
}

impl Model for AttackCnn {
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        // Pooling commutes with ReLU and leaves it a quarter of the values.
        let pool = |x: Tensor| x.f_max_pool2d(2, 2, 0, 1, false)?.f_relu();
        let x = self.conv1.forward(&channels_last(&inputs[0])?, mode)?.f_relu()?;
        let x = pool(self.conv2.forward(&x, mode)?)?;
        let x = pool(self.conv3.forward(&x, mode)?)?;
        Ok(self.fc1.forward(&x.f_flatten(1, -1)?, mode)?.f_relu()?.f_to_kind(Kind::Float)?)
    }

    fn head(&self) -> &Linear {
        &self.fc2
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }
}
