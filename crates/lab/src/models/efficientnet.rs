//! EfficientNet-B0 (Tan and Le 2019): inverted bottlenecks with depthwise convolutions, squeeze and
//! excitation, and swish. Its tensors have torchvision's names. EfficientNet-Lite0 is the same for small
//! processors: without squeeze and excitation, and with ReLU cut off at 6.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::layers::{BatchNorm, Conv, DropPath, Dropout, Linear, Normalise, Window, channels_last};
use super::{Init, Mode, Model, Network, Weights};
use crate::data::{InputKind, InputSpec};
use crate::{Error, Result, Validate};

/// Channels after the stem and before the last layer.
const STEM: usize = 32;
const FEATURES: usize = 1280;

/// Of each stage: expansion, output channels, blocks, stride of the first, kernel (table 1).
const STAGES: [[usize; 5]; 7] = [
    [1, 16, 1, 1, 3],
    [6, 24, 2, 2, 3],
    [6, 40, 2, 2, 5],
    [6, 80, 3, 2, 3],
    [6, 112, 3, 1, 5],
    [6, 192, 4, 2, 5],
    [6, 320, 1, 1, 3],
];

/// In all stages.
const BLOCKS: usize = 16;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EfficientNetRecipe {
    /// Whose.
    pub variant: Variant,
    /// The share of the features that is left out while training.
    #[serde(default = "fifth")]
    pub dropout: f64,
    /// The share of the examples that go around a block while training: of every one (cifar), or
    /// what it grows towards from 0 in the first (timm).
    #[serde(default = "fifth")]
    pub drop_path: f64,
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

fn fifth() -> f64 {
    0.2
}

/// Whose EfficientNet-B0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// timm's and torchvision's, as for ImageNet: the same zeros on all sides, the drop path grows
    /// from block to block; drawn as timm does, where the fan out of a depthwise convolution is
    /// that of one group.
    Timm,
    /// That of the paper's CIFAR experiments: zeros as TensorFlow places them, the same drop path
    /// everywhere, a fan out that knows no groups.
    Cifar,
    /// timm's EfficientNet-Lite0, drawn as its B0.
    Lite,
    /// As timm's, but with zeros as TensorFlow places them and 10⁻³ added to variances: weights that
    /// TensorFlow has trained need it.
    Tf,
    /// Likewise of Lite0.
    TfLite,
}

impl Variant {
    /// What lies between a convolution and the next.
    fn activate(self, x: Tensor) -> Result<Tensor> {
        Ok(match self {
            Variant::Timm | Variant::Cifar | Variant::Tf => x.f_silu()?,
            Variant::Lite | Variant::TfLite => x.f_relu6()?,
        })
    }

    /// Whether its blocks weigh their channels.
    fn squeezes(self) -> bool {
        !matches!(self, Variant::Lite | Variant::TfLite)
    }

    /// `window` with its zeros where they belong.
    fn padded(self, window: Window) -> Window {
        match self {
            Variant::Timm | Variant::Lite => window,
            Variant::Cifar | Variant::Tf | Variant::TfLite => window.with_tensorflow_padding(),
        }
    }

    /// The batch normalisation of a convolution.
    fn norm(self, norm: BatchNorm) -> BatchNorm {
        match self {
            Variant::Tf | Variant::TfLite => norm.with_eps(1e-3),
            Variant::Timm | Variant::Cifar | Variant::Lite => norm,
        }
    }
}

impl EfficientNetRecipe {
    /// The share of the examples that go around `block`, from 0.
    fn drop_path_of(&self, block: usize) -> f64 {
        match self.variant {
            Variant::Cifar => self.drop_path,
            _ => self.drop_path * block as f64 / BLOCKS as f64,
        }
    }
}

impl Validate for EfficientNetRecipe {
    fn validate(&self) -> Result<()> {
        for (name, rate) in [("dropout", self.dropout), ("drop_path", self.drop_path)] {
            if !(0.0..1.0).contains(&rate) {
                return Err(Error::Request(format!(
                    "efficientnet-b0: {name} = {rate} must lie in [0, 1)"
                )));
            }
        }
        Ok(())
    }
}

impl Network for EfficientNetRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Images];

    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        Ok(Box::new(EfficientNet::new(self, input, weights)?))
    }

    fn initial(&self) -> (Option<&Path>, bool) {
        (self.weights.as_deref(), self.new_head)
    }

    fn initial_mut(&mut self) -> Option<(&mut Option<PathBuf>, &mut bool)> {
        Some((&mut self.weights, &mut self.new_head))
    }
}

/// The network: 5,288,548 parameters with 1000 classes.
#[derive(Debug)]
pub struct EfficientNet {
    variant: Variant,
    normalise: Normalise,
    stem: ConvNorm,
    blocks: Vec<Block>,
    last: ConvNorm,
    dropout: Dropout,
    classifier: Linear,
    weights: Weights,
}

impl EfficientNet {
    /// Draws it for such images.
    pub fn new(
        recipe: &EfficientNetRecipe,
        input: &InputSpec,
        mut weights: Weights,
    ) -> Result<Self> {
        let normalise = Normalise::new(&mut weights, input)?;
        let (w, variant) = (&mut weights, recipe.variant);
        let channels = [input.shape.channels(), STEM];
        let stem =
            ConvNorm::new(w, "features.0", channels, Window::same(3).with_stride(2), variant)?;
        let mut blocks = Vec::new();
        let mut inputs = STEM;
        for (stage, [expansion, outputs, count, stride, kernel]) in (1..).zip(STAGES) {
            for at in 0..count {
                let name = format!("features.{stage}.{at}.block");
                let drop_path = recipe.drop_path_of(blocks.len());
                let window = Window::same(kernel).with_stride(if at == 0 { stride } else { 1 });
                let channels = [inputs, inputs * expansion, outputs];
                blocks.push(Block::new(w, &name, channels, window, variant, drop_path)?);
                inputs = outputs;
            }
        }
        let last = ConvNorm::new(w, "features.8", [inputs, FEATURES], Window::same(1), variant)?;
        let classes = input.classes;
        let init = Init::fan_in(classes);
        let zero = Some(Init::Constant(0.0));
        let classifier = match recipe.unbiased_head {
            true => Linear::unbiased(w, "classifier.1", FEATURES, classes)?,
            false => Linear::with(w, "classifier.1", [FEATURES, classes], init, zero)?,
        };
        let dropout = Dropout::new("classifier.0", recipe.dropout);
        Ok(Self { variant, normalise, stem, blocks, last, dropout, classifier, weights })
    }
}

impl Model for EfficientNet {
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        let x = channels_last(&self.normalise.forward(&inputs[0])?)?;
        let mut x = self.variant.activate(self.stem.forward(&x, mode)?)?;
        for block in &self.blocks {
            x = block.forward(x, mode)?;
        }
        let x = self.variant.activate(self.last.forward(&x, mode)?)?;
        let x = x.f_adaptive_avg_pool2d([1, 1])?.f_flatten(1, -1)?.f_to_kind(Kind::Float)?;
        self.dropout.forward(x, mode)
    }

    fn head(&self) -> &Linear {
        &self.classifier
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }
}

/// A convolution without bias, and its batch normalisation.
#[derive(Debug)]
struct ConvNorm {
    conv: Conv,
    bn: BatchNorm,
}

impl ConvNorm {
    fn new(
        w: &mut Weights,
        name: &str,
        channels: [usize; 2],
        window: Window,
        variant: Variant,
    ) -> Result<Self> {
        let fan_out = channels[1] * window.kernel * window.kernel;
        let groups = if variant == Variant::Cifar { 1 } else { window.groups };
        let (init, window) = (Init::kaiming(fan_out / groups), variant.padded(window));
        let conv = Conv::with(w, &format!("{name}.0"), channels, window, init, None)?;
        let bn = variant.norm(BatchNorm::new(w, &format!("{name}.1"), channels[1])?);
        Ok(Self { conv, bn })
    }

    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.bn.forward(&self.conv.forward(x, mode)?, mode)
    }
}

/// Expand, filter each channel, weigh the channels, project; and a way around where nothing changes
/// its shape.
#[derive(Debug)]
struct Block {
    variant: Variant,
    expand: Option<ConvNorm>,
    depthwise: ConvNorm,
    squeeze: Option<Squeeze>,
    project: ConvNorm,
    around: Option<DropPath>,
}

impl Block {
    fn new(
        w: &mut Weights,
        name: &str,
        [inputs, wide, outputs]: [usize; 3],
        window: Window,
        variant: Variant,
        drop_path: f64,
    ) -> Result<Self> {
        let one = Window::same(1);
        let mut names = (0..).map(|part| format!("{name}.{part}"));
        let mut name = || names.next().unwrap_or_default();
        let expand = if wide == inputs {
            None
        } else {
            Some(ConvNorm::new(w, &name(), [inputs, wide], one, variant)?)
        };
        let depthwise = ConvNorm::new(w, &name(), [wide, wide], window.with_groups(wide), variant)?;
        let squeeze = match variant.squeezes() {
            true => Some(Squeeze::new(w, &name(), [wide, (inputs / 4).max(1)])?),
            false => None,
        };
        let last = name();
        let project = ConvNorm::new(w, &last, [wide, outputs], one, variant)?;
        let whole = window.stride == 1 && inputs == outputs;
        let around = whole.then(|| DropPath::new(&last, drop_path));
        Ok(Self { variant, expand, depthwise, squeeze, project, around })
    }

    fn forward(&self, input: Tensor, mode: Mode) -> Result<Tensor> {
        let wide = match &self.expand {
            Some(expand) => self.variant.activate(expand.forward(&input, mode)?)?,
            None => input.shallow_clone(),
        };
        let x = self.variant.activate(self.depthwise.forward(&wide, mode)?)?;
        let x = match &self.squeeze {
            Some(squeeze) => squeeze.forward(&x, mode)?,
            None => x,
        };
        let x = self.project.forward(&x, mode)?;
        match &self.around {
            Some(drop_path) => Ok(drop_path.forward(x, mode)?.f_add_(&input)?),
            None => Ok(x),
        }
    }
}

/// Squeeze and excitation (Hu et al. 2018): a weight for each channel, from the means of all.
#[derive(Debug)]
struct Squeeze {
    squeeze: Conv,
    excite: Conv,
}

impl Squeeze {
    fn new(w: &mut Weights, name: &str, [wide, narrow]: [usize; 2]) -> Result<Self> {
        let mut conv = |part, channels: [usize; 2]| {
            let (init, zero) = (Init::kaiming(channels[1]), Some(Init::Constant(0.0)));
            Conv::with(w, &format!("{name}.{part}"), channels, Window::same(1), init, zero)
        };
        Ok(Self { squeeze: conv("fc1", [wide, narrow])?, excite: conv("fc2", [narrow, wide])? })
    }

    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let means = x.f_adaptive_avg_pool2d([1, 1])?;
        let weigh = self.squeeze.forward(&means, mode)?.f_silu()?;
        Ok(x.f_mul(&self.excite.forward(&weigh, mode)?.f_sigmoid()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// [m.drop_prob for m in timm.create_model("efficientnet_b0", drop_path_rate=.2).modules()
    ///  if isinstance(m, timm.layers.DropPath)]        # of the blocks 1 to 15
    /// ```
    #[test]
    fn drop_path_grows_with_timm_and_is_constant_with_cifar() {
        let rates = |variant: &str| -> Vec<f64> {
            let recipe = format!("variant = '{variant}'");
            let recipe: EfficientNetRecipe = toml::from_str(&recipe).unwrap();
            (0..BLOCKS).map(|block| recipe.drop_path_of(block)).collect()
        };
        for (block, rate) in rates("timm").into_iter().enumerate() {
            assert!((rate - 0.0125 * block as f64).abs() < 1e-12, "{block}: {rate}");
        }
        assert_eq!(rates("cifar"), [0.2; 16]);
    }
}
