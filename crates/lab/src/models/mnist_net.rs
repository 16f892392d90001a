//! The paper's network for MNIST, which is that of Liu et al. 2016 ("Large-margin softmax loss"):
//! eleven 3×3 convolutions of 64 channels, each with PReLU and batch normalisation, in four stages.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::layers::{BatchNorm, Conv, Linear, Normalise, PRelu, Window, channels_last};
use super::{Mode, Model, Network, Weights};
use crate::data::{InputKind, InputSpec};
use crate::{Error, Result, Validate};

const CHANNELS: usize = 64;
const FEATURES: usize = 256;

/// Convolutions of each stage.
const STAGES: [usize; 4] = [1, 3, 4, 3];

/// It has no sizes to choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MnistNetRecipe {
    /// A safetensors file with the initial weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// Whether the last layer is drawn anew all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_head: bool,
}

impl Validate for MnistNetRecipe {}

impl Network for MnistNetRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Images];

    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        Ok(Box::new(MnistNet::new(input, weights)?))
    }

    fn initial(&self) -> (Option<&Path>, bool) {
        (self.weights.as_deref(), self.new_head)
    }

    fn initial_mut(&mut self) -> Option<(&mut Option<PathBuf>, &mut bool)> {
        Some((&mut self.weights, &mut self.new_head))
    }
}

/// The network: 522,125 parameters for images of 1×28×28 and ten classes.
#[derive(Debug)]
pub struct MnistNet {
    normalise: Normalise,
    bn: BatchNorm,
    stages: Vec<Vec<Block>>,
    fc: Linear,
    fc_bn: BatchNorm,
    head: Linear,
    weights: Weights,
}

#[derive(Debug)]
struct Block {
    conv: Conv,
    prelu: PRelu,
    bn: BatchNorm,
}

impl MnistNet {
    /// Draws it for such images.
    pub fn new(input: &InputSpec, mut weights: Weights) -> Result<Self> {
        let [channels, height, width] = input.shape.image()?;
        // The first convolution has no zeros around, and all stages but the first halve.
        let side = |pixels: usize| pixels.saturating_sub(2) / 8;
        if side(height) == 0 || side(width) == 0 {
            return Err(Error::Request(format!(
                "mnist-net needs images of at least 10×10 pixels, not {height}×{width}"
            )));
        }
        let normalise = Normalise::new(&mut weights, input)?;
        let w = &mut weights;
        let bn = BatchNorm::new(w, "conv_0.0", channels)?;
        let mut stages = Vec::new();
        for (stage, blocks) in STAGES.into_iter().enumerate() {
            let block = |at: usize| {
                // The first stage begins with the batch normalisation of the pixels.
                let (inputs, window, first) = match stage {
                    0 => (channels, Window::valid(3), 1),
                    _ => (CHANNELS, Window::same(3), 3 * at),
                };
                let name = |layer: usize| format!("conv_{stage}.{}", first + layer);
                Ok(Block {
                    conv: Conv::new(w, &name(0), [inputs, CHANNELS], window)?,
                    prelu: PRelu::new(w, &name(1))?,
                    bn: BatchNorm::new(w, &name(2), CHANNELS)?,
                })
            };
            stages.push((0..blocks).map(block).collect::<Result<_>>()?);
        }
        let fc = Linear::new(w, "fc.0", CHANNELS * side(height) * side(width), FEATURES)?;
        let fc_bn = BatchNorm::new(w, "fc.1", FEATURES)?;
        let head = Linear::unbiased(w, "head", FEATURES, input.classes)?;
        Ok(Self { normalise, bn, stages, fc, fc_bn, head, weights })
    }
}

impl Model for MnistNet {
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        let x = channels_last(&self.normalise.forward(&inputs[0])?)?;
        let mut x = self.bn.forward(&x, mode)?;
        for (stage, blocks) in self.stages.iter().enumerate() {
            for block in blocks {
                x = block.prelu.forward(&block.conv.forward(&x, mode)?)?;
                x = block.bn.forward(&x, mode)?;
            }
            if stage > 0 {
                x = x.f_max_pool2d(2, 2, 0, 1, false)?;
            }
        }
        let x = self.fc.forward(&x.f_flatten(1, -1)?, mode)?;
        Ok(self.fc_bn.forward(&x, mode)?.f_to_kind(Kind::Float)?)
    }

    fn head(&self) -> &Linear {
        &self.head
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }
}
