//! Residual networks (He et al. 2016, "Deep residual learning for image recognition") as torchvision
//! builds, names and draws them: the stride of a bottleneck is in its 3×3 convolution ("v1.5").

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::layers::{BatchNorm, Conv, Linear, Normalise, Window, channels_last};
use super::{Init, Mode, Model, Network, Weights};
use crate::data::{InputKind, InputSpec};
use crate::{Error, Result, Validate};

/// Which of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResNetRecipe {
    /// 18, 34 or 50.
    pub depth: u32,
    /// What comes before the blocks.
    pub stem: Stem,
    /// Whether the last layer has no bias and is drawn as MNISTNet's: what large margins need.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unbiased_head: bool,
    /// A safetensors file with the initial weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// Whether the last layer is drawn anew all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_head: bool,
}

impl ResNetRecipe {
    /// The blocks of each stage, and whether they are bottlenecks (table 1).
    fn stages(&self) -> Result<([usize; 4], bool)> {
        match self.depth {
            18 => Ok(([2, 2, 2, 2], false)),
            34 => Ok(([3, 4, 6, 3], false)),
            50 => Ok(([3, 4, 6, 3], true)),
            other => Err(Error::Request(format!("resnet: depth = {other} must be 18, 34 or 50"))),
        }
    }
}

impl Validate for ResNetRecipe {
    fn validate(&self) -> Result<()> {
        self.stages().map(|_| ())
    }
}

/// What comes before the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// 7×7 at stride 2, then a 3×3 maximum at stride 2: a quarter of the height and width.
    Imagenet,
    /// 3×3 at stride 1, for images of 32×32.
    Cifar,
}

impl Network for ResNetRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Images];

    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        Ok(Box::new(ResNet::new(self, input, weights)?))
    }

    fn initial(&self) -> (Option<&Path>, bool) {
        (self.weights.as_deref(), self.new_head)
    }

    fn initial_mut(&mut self) -> Option<(&mut Option<PathBuf>, &mut bool)> {
        Some((&mut self.weights, &mut self.new_head))
    }
}

/// The network: 25,557,032 parameters at depth 50 with the ImageNet stem and 1000 classes.
#[derive(Debug)]
pub struct ResNet {
    normalise: Normalise,
    stem: Stem,
    conv1: Conv,
    bn1: BatchNorm,
    blocks: Vec<Block>,
    fc: Linear,
    weights: Weights,
}

/// Convolutions, each followed by its batch normalisation, beside a way around them.
#[derive(Debug)]
struct Block {
    layers: Vec<(Conv, BatchNorm)>,
    downsample: Option<(Conv, BatchNorm)>,
}

impl ResNet {
    /// Draws it for such images.
    pub fn new(recipe: &ResNetRecipe, input: &InputSpec, mut weights: Weights) -> Result<Self> {
        let (stages, bottleneck) = recipe.stages()?;
        let normalise = Normalise::new(&mut weights, input)?;
        let w = &mut weights;
        let window = match recipe.stem {
            Stem::Imagenet => Window::same(7).with_stride(2),
            Stem::Cifar => Window::same(3),
        };
        let conv1 = conv(w, "conv1", [input.shape.channels(), 64], window)?;
        let bn1 = BatchNorm::new(w, "bn1", 64)?;
        let mut blocks = Vec::new();
        let mut inputs = 64;
        for (stage, count) in stages.into_iter().enumerate() {
            let width = 64 << stage;
            let outputs = if bottleneck { 4 * width } else { width };
            for at in 0..count {
                let name = format!("layer{}.{at}", stage + 1);
                let stride = if stage > 0 && at == 0 { 2 } else { 1 };
                let middle = Window::same(3).with_stride(stride);
                let plan: &[_] = &if bottleneck {
                    vec![
                        ([inputs, width], Window::same(1)),
                        ([width, width], middle),
                        ([width, outputs], Window::same(1)),
                    ]
                } else {
                    vec![([inputs, width], middle), ([width, width], Window::same(3))]
                };
                blocks.push(Block::new(w, &name, plan, stride)?);
                inputs = outputs;
            }
        }
        let classes = input.classes;
        let fc = match recipe.unbiased_head {
            true => Linear::unbiased(w, "fc", inputs, classes)?,
            false => Linear::new(w, "fc", inputs, classes)?,
        };
        Ok(Self { normalise, stem: recipe.stem, conv1, bn1, blocks, fc, weights })
    }
}

impl Block {
    /// `plan`: the channels and the window of each convolution.
    fn new(
        w: &mut Weights,
        name: &str,
        plan: &[([usize; 2], Window)],
        stride: usize,
    ) -> Result<Self> {
        let mut layers = Vec::new();
        for (at, &(channels, window)) in (1..).zip(plan) {
            let conv = conv(w, &format!("{name}.conv{at}"), channels, window)?;
            layers.push((conv, BatchNorm::new(w, &format!("{name}.bn{at}"), channels[1])?));
        }
        let [inputs, outputs] = [plan[0].0[0], plan[plan.len() - 1].0[1]];
        let downsample = if stride == 1 && inputs == outputs {
            None
        } else {
            let name = format!("{name}.downsample");
            let window = Window::same(1).with_stride(stride);
            let conv = conv(w, &format!("{name}.0"), [inputs, outputs], window)?;
            Some((conv, BatchNorm::new(w, &format!("{name}.1"), outputs)?))
        };
        Ok(Self { layers, downsample })
    }

    fn forward(&self, x: Tensor, mode: Mode) -> Result<Tensor> {
        let around = match &self.downsample {
            Some((conv, bn)) => bn.forward(&conv.forward(&x, mode)?, mode)?,
            None => x.shallow_clone(),
        };
        let mut x = x;
        for (at, (conv, bn)) in self.layers.iter().enumerate() {
            if at > 0 {
                x = x.f_relu_()?;
            }
            x = bn.forward(&conv.forward(&x, mode)?, mode)?;
        }
        Ok(x.f_add_(&around)?.f_relu_()?)
    }
}

/// A convolution without bias, drawn with the variance that the fan out asks for.
fn conv(w: &mut Weights, name: &str, channels: [usize; 2], window: Window) -> Result<Conv> {
    let init = Init::kaiming(channels[1] * window.kernel * window.kernel);
    Conv::with(w, name, channels, window, init, None)
}

impl Model for ResNet {
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        let x = channels_last(&self.normalise.forward(&inputs[0])?)?;
        let mut x = self.bn1.forward(&self.conv1.forward(&x, mode)?, mode)?.f_relu_()?;
        if self.stem == Stem::Imagenet {
            x = x.f_max_pool2d(3, 2, 1, 1, false)?;
        }
        for block in &self.blocks {
            x = block.forward(x, mode)?;
        }
        Ok(x.f_adaptive_avg_pool2d([1, 1])?.f_flatten(1, -1)?.f_to_kind(Kind::Float)?)
    }

    fn head(&self) -> &Linear {
        &self.fc
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }
}
