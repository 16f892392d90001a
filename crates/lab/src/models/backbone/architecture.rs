//! [`Architecture`]: the networks that pretrained weights are known for, by timm's names.

use super::vit::{self, Vit};
use crate::Result;
use crate::data::InputSpec;
use crate::models::efficientnet::EfficientNet;
use crate::models::resnet::ResNet;
use crate::models::{EfficientNetRecipe, Model, ResNetRecipe, Stem, Variant, Weights};

/// A network whose pretrained weights can be read.
#[derive(Debug)]
pub struct Architecture {
    /// timm's name.
    pub name: &'static str,
    network: Network,
}

#[derive(Clone, Copy, Debug)]
enum Network {
    ResNet(u32),
    EfficientNet(Variant),
    Vit(vit::Size),
}

/// How a file calls what a network of ours has.
#[derive(Clone, Copy)]
pub struct Naming {
    /// The last layer, which is not read.
    pub classifier: &'static str,
    /// The name in the file of the tensor that we call so.
    pub of: fn(&str) -> String,
}

const fn resnet(name: &'static str, depth: u32) -> Architecture {
    Architecture { name, network: Network::ResNet(depth) }
}

const fn efficientnet(name: &'static str, variant: Variant) -> Architecture {
    Architecture { name, network: Network::EfficientNet(variant) }
}

const fn vit(name: &'static str, width: usize, [heads, patch]: [usize; 2]) -> Architecture {
    // DINOv2's are those with patches of 14 pixels.
    let size = vit::Size { width, depth: 12, heads, patch, scaled: patch == 14 };
    Architecture { name, network: Network::Vit(size) }
}

/// All that are known.
pub static ALL: [Architecture; 12] = [
    resnet("resnet18", 18),
    resnet("resnet34", 34),
    resnet("resnet50", 50),
    efficientnet("efficientnet_b0", Variant::Timm),
    efficientnet("efficientnet_lite0", Variant::Lite),
    efficientnet("tf_efficientnet_b0", Variant::Tf),
    efficientnet("tf_efficientnet_lite0", Variant::TfLite),
    vit("vit_tiny_patch16_224", 192, [3, 16]),
    vit("vit_small_patch16_224", 384, [6, 16]),
    vit("vit_base_patch16_224", 768, [12, 16]),
    vit("vit_small_patch14_dinov2", 384, [6, 14]),
    vit("vit_base_patch14_dinov2", 768, [12, 14]),
];

impl Architecture {
    /// The one of that name; what follows a dot, as in `resnet18.a1_in1k`, says how it was trained.
    pub fn of(name: &str) -> Option<&'static Self> {
        let name = name.split('.').next().unwrap_or(name);
        ALL.iter().find(|known| known.name == name)
    }

    /// The names of all, for messages.
    pub fn names() -> String {
        ALL.each_ref().map(|known| known.name).join(", ")
    }

    /// How many pixels a side of an image are a multiple of, and at least: 32 where five steps halve it.
    pub fn unit(&self) -> usize {
        match self.network {
            Network::ResNet(_) | Network::EfficientNet(_) => 32,
            Network::Vit(size) => size.patch,
        }
    }

    /// What its features are of what its last block gives, as timm calls it.
    pub fn pooling(&self) -> &'static str {
        match self.network {
            Network::ResNet(_) | Network::EfficientNet(_) => "avg",
            Network::Vit(_) => "token",
        }
    }

    /// The ways in which files call its tensors, timm's first.
    pub fn namings(&self) -> &'static [Naming] {
        match self.network {
            Network::ResNet(_) => RESNET,
            // torchvision has no other.
            Network::EfficientNet(Variant::Timm) => EFFICIENTNET,
            Network::EfficientNet(_) => LITE,
            Network::Vit(_) => VIT,
        }
    }

    /// The network, for such images.
    pub fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        let (unbiased_head, new_head) = (false, false);
        Ok(match self.network {
            Network::ResNet(depth) => {
                let stem = Stem::Imagenet;
                let recipe = ResNetRecipe { depth, stem, unbiased_head, weights: None, new_head };
                Box::new(ResNet::new(&recipe, input, weights)?)
            }
            Network::EfficientNet(variant) => {
                let recipe = EfficientNetRecipe {
                    variant,
                    dropout: 0.0,
                    drop_path: 0.0,
                    unbiased_head,
                    weights: None,
                    new_head,
                };
                Box::new(EfficientNet::new(&recipe, input, weights)?)
            }
            Network::Vit(size) => Box::new(Vit::new(size, input, weights)?),
        })
    }
}

const RESNET: &[Naming] = &[Naming { classifier: "fc", of: same }];
const LITE: &[Naming] = &[Naming { classifier: "classifier", of: timms }];
const EFFICIENTNET: &[Naming] = &[
    Naming { classifier: "classifier", of: timms },
    Naming { classifier: "classifier.1", of: same },
];
const VIT: &[Naming] = &[Naming { classifier: "head", of: same }];

fn same(ours: &str) -> String {
    ours.to_owned()
}

/// timm's name of a tensor of an EfficientNet, of which we have torchvision's.
fn timms(ours: &str) -> String {
    let parts: Vec<&str> = ours.split('.').collect();
    let layer = |conv: &str, norm: &str, which: &str| match which {
        "0" => conv.to_owned(),
        _ => norm.to_owned(),
    };
    match parts[..] {
        ["features", "0", which, value] => format!("{}.{value}", layer("conv_stem", "bn1", which)),
        ["features", "8", which, value] => format!("{}.{value}", layer("conv_head", "bn2", which)),
        ["features", stage, block, "block", part, which, value] => {
            // The first stage has no convolution that widens.
            let layer = match (which, stage, part) {
                ("fc1", ..) => "se.conv_reduce".to_owned(),
                ("fc2", ..) => "se.conv_expand".to_owned(),
                (_, "1", "0") => layer("conv_dw", "bn1", which),
                (_, "1", _) => layer("conv_pw", "bn2", which),
                (_, _, "0") => layer("conv_pw", "bn1", which),
                (_, _, "1") => layer("conv_dw", "bn2", which),
                _ => layer("conv_pwl", "bn3", which),
            };
            let stage = stage.parse::<usize>().unwrap_or(1).saturating_sub(1);
            format!("blocks.{stage}.{block}.{layer}.{value}")
        }
        _ => ours.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_dot_is_how_it_was_trained() {
        assert_eq!(Architecture::of("resnet18.a1_in1k").unwrap().name, "resnet18");
        assert!(Architecture::of("resnet18d").is_none() && Architecture::of("").is_none());
        assert!(Architecture::names().contains("tf_efficientnet_lite0, vit_tiny_patch16_224"));
    }

    /// ```python
    /// list(timm.create_model("efficientnet_b0").state_dict())
    /// ```
    #[test]
    fn an_efficientnet_is_called_as_timm_does() {
        for (ours, expected) in [
            ("features.0.1.running_var", "bn1.running_var"),
            ("features.1.0.block.0.0.weight", "blocks.0.0.conv_dw.weight"),
            ("features.1.0.block.1.fc1.bias", "blocks.0.0.se.conv_reduce.bias"),
            ("features.1.0.block.2.1.bias", "blocks.0.0.bn2.bias"),
            ("features.4.2.block.0.1.weight", "blocks.3.2.bn1.weight"),
            ("features.4.2.block.1.0.weight", "blocks.3.2.conv_dw.weight"),
            ("features.4.2.block.2.fc2.weight", "blocks.3.2.se.conv_expand.weight"),
            ("features.7.0.block.3.0.weight", "blocks.6.0.conv_pwl.weight"),
            ("features.8.0.weight", "conv_head.weight"),
        ] {
            assert_eq!(timms(ours), expected);
        }
    }
}
