//! The networks: one file each.
//!
//! A model is its weights, as named tensors in a fixed order, and a forward pass. A new one is a new
//! file, whose recipe says how it is built, and a line in the list of [`ModelRecipe`].

mod attack_cnn;
mod backbone;
mod cnn;
mod efficientnet;
mod generator;
#[cfg(test)]
mod golden;
mod graph_net;
mod init;
mod initial;
mod layers;
mod linear;
mod mlp;
mod mnist_net;
mod mode;
mod network;
mod resnet;
mod transformer;
mod weights;

pub use attack_cnn::AttackCnnRecipe;
#[cfg(test)]
pub(crate) use backbone::vision_transformer;
pub use backbone::{Backbone, BackboneRecipe};
pub use cnn::CnnRecipe;
pub use efficientnet::{EfficientNetRecipe, Variant};
pub use generator::{Generation, Generator};
pub use graph_net::{Convolution, GraphNetRecipe, Pooling};
pub use init::Init;
pub use layers::Linear;
pub use linear::LinearRecipe;
pub use mlp::MlpRecipe;
pub use mnist_net::MnistNetRecipe;
pub use mode::{Mode, Precision};
pub use resnet::{ResNetRecipe, Stem};
#[cfg(test)]
pub(crate) use transformer::golden_transformer;
pub use transformer::{DecoderState, NormPlace, Sharing, Transformer, TransformerRecipe};
pub use weights::Weights;

use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use self::network::{Network, networks};
use crate::data::{InputKind, InputSpec};
use crate::{Error, Result, Validate};

/// A network that maps inputs to features, and those by one linear layer to logits.
pub trait Model {
    /// Features f32 (N, width) of a batch's inputs: what the last layer sees.
    ///
    /// # Errors
    /// What libtorch refuses, such as inputs of another shape.
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor>;

    /// The last layer.
    fn head(&self) -> &Linear;

    /// Its weights, shared with the layers: a change here is a change of the model.
    fn weights(&self) -> &Weights;

    /// Itself, if it can translate.
    fn as_generator(&self) -> Option<&dyn Generator> {
        None
    }

    /// Logits f32 (N, classes) of a batch's inputs.
    ///
    /// # Errors
    /// As [`Model::features`].
    fn forward(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        Ok(self.head().forward(&self.features(inputs, mode)?, mode)?.f_to_kind(Kind::Float)?)
    }
}

networks! {
    /// Three 5×5 convolutions: what the paper attacks.
    "attack-cnn" => AttackCnn(AttackCnnRecipe),
    /// A linear layer on the features of a pretrained network.
    "backbone" => Backbone(BackboneRecipe),
    /// Two convolutions and a linear layer.
    "cnn" => Cnn(CnnRecipe),
    /// EfficientNet-B0.
    "efficientnet-b0" => EfficientNet(EfficientNetRecipe),
    /// Convolutions on graphs, with pooling.
    "graph-net" => GraphNet(GraphNetRecipe),
    /// One linear layer.
    "linear" => Linear(LinearRecipe),
    /// One hidden layer.
    "mlp" => Mlp(MlpRecipe),
    /// The paper's network for MNIST.
    "mnist-net" => MnistNet(MnistNetRecipe),
    /// Residual networks of 18, 34 or 50 layers.
    "resnet" => ResNet(ResNetRecipe),
    /// Encoder and decoder for translation.
    "transformer" => Transformer(TransformerRecipe),
}

/// Builds the network for such inputs, with the initial weights of `seed` or of the file that the recipe
/// names.
///
/// # Errors
/// Sizes that make no network, or none for such inputs; a file that does not fit.
pub fn build(recipe: &ModelRecipe, input: &InputSpec, seed: u64) -> Result<Box<dyn Model>> {
    build_in(Weights::new(seed), recipe, input)
}

/// Builds the network that was trained to have the weights `saved`, whatever it began with.
///
/// # Errors
/// As [`build`]; a network that has other weights than these.
pub fn rebuild(
    recipe: &ModelRecipe,
    input: &InputSpec,
    saved: &[(String, Tensor)],
) -> Result<Box<dyn Model>> {
    // What a recipe asks for is not built before it is known to be as large as what was saved.
    let most = saved.iter().map(|(_, tensor)| tensor.numel()).sum();
    let model = build_in(Weights::within(most), &recipe.with_weights(None), input)?;
    model.weights().restore(saved)?;
    Ok(model)
}

fn build_in(weights: Weights, recipe: &ModelRecipe, input: &InputSpec) -> Result<Box<dyn Model>> {
    recipe.validate()?;
    // A backbone takes images, and what is left to learn its features.
    let kind = input.shape.kind();
    if recipe.backbone().is_none() || kind != InputKind::Rows {
        recipe.validate_takes(kind)?;
    }
    let model = recipe.draw(input, weights)?;
    if let (Some(file), new_head) = recipe.initial() {
        initial::load(&*model, file, new_head)?;
    }
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Examples, Inputs, Shape};

    const TRAIN: Mode = Mode::Train { seed: 3, pass: 5, precision: Precision::F32 };

    /// Two images of `shape`, for networks that are told what they will see.
    pub fn images(shape: [usize; 3], classes: usize) -> Examples {
        let pixels = 2 * shape.iter().product::<usize>();
        Examples {
            inputs: Inputs::Numbers((0..pixels).map(|at| (at % 7) as f32 / 6.0).collect()),
            shape: Shape::Image(shape),
            labels: vec![0, 1],
            classes: (0..classes).map(|class| class.to_string()).collect(),
        }
    }

    /// Inputs of `shape`, of which each number has mean 0 and standard deviation 1.
    pub fn spec(shape: Shape, classes: usize) -> InputSpec {
        InputSpec::of_trained(shape, classes)
    }

    fn recipe(toml: &str) -> ModelRecipe {
        toml::from_str(toml).unwrap()
    }

    /// Of MNISTNet, the attack CNN and ResNet-50 with 1000 classes in the paper's code, of the others
    /// by `sum(p.numel() for p in model.parameters())` of torchvision's.
    #[test]
    fn networks_have_as_many_parameters_as_published() {
        let (mnist, cifar, imagenet) = ([1, 28, 28], [3, 32, 32], [3, 64, 64]);
        for (toml, shape, classes, expected) in [
            ("[linear]", mnist, 10, 7_850),
            ("[mnist-net]", mnist, 10, 522_125),
            ("[attack-cnn]", mnist, 10, 123_222),
            ("resnet = { depth = 18, stem = 'imagenet' }", imagenet, 1000, 11_689_512),
            ("resnet = { depth = 18, stem = 'cifar' }", cifar, 10, 11_173_962),
            ("resnet = { depth = 34, stem = 'imagenet' }", imagenet, 1000, 21_797_672),
            ("resnet = { depth = 50, stem = 'imagenet' }", imagenet, 1000, 25_557_032),
            ("resnet = { depth = 50, stem = 'cifar' }", cifar, 100, 23_705_252),
            (
                "resnet = { depth = 50, stem = 'cifar', unbiased_head = true }",
                cifar,
                100,
                23_705_152,
            ),
            ("efficientnet-b0 = { variant = 'timm' }", imagenet, 1000, 5_288_548),
            ("efficientnet-b0 = { variant = 'timm' }", imagenet, 10, 4_020_358),
            (
                "efficientnet-b0 = { variant = 'timm', unbiased_head = true }",
                imagenet,
                10,
                4_020_348,
            ),
            ("efficientnet-b0 = { variant = 'cifar' }", cifar, 100, 4_135_648),
        ] {
            let model = build(&recipe(toml), &images(shape, classes).spec(), 0).unwrap();
            let count: usize = model.weights().parameters().map(Tensor::numel).sum();
            assert_eq!(count, expected, "{toml}, {classes} classes");
        }
    }

    #[test]
    fn equal_seeds_make_equal_networks_and_others_do_not() {
        for toml in [
            "cnn = { channels = [4, 8] }",
            "[linear]",
            "mlp = { hidden = 16 }",
            "[mnist-net]",
            "[attack-cnn]",
            "resnet = { depth = 18, stem = 'cifar' }",
            "efficientnet-b0 = { variant = 'timm' }",
        ] {
            let recipe = recipe(toml);
            let images = images([1, 32, 32], 10);
            let inputs = [images.tensor().unwrap()];
            let logits = |seed, mode| -> Vec<f32> {
                let model = build(&recipe, &images.spec(), seed).unwrap();
                let logits = tch::no_grad(|| model.forward(&inputs, mode)).unwrap();
                assert_eq!(logits.size(), [2, 10], "{toml}");
                logits.flatten(0, -1).try_into().unwrap()
            };
            for mode in [Mode::Evaluate, TRAIN] {
                assert_eq!(logits(1, mode), logits(1, mode), "{toml}");
                assert_ne!(logits(1, mode), logits(2, mode), "{toml}");
            }
        }
    }

    /// ```python
    /// m = torchvision.models.resnet50(); [m.get_parameter(n).std() for n in names]
    /// m = timm.create_model("efficientnet_b0"); [m.get_parameter(n).std() for n in names]
    /// ```
    #[test]
    fn initial_weights_spread_as_those_of_torchvision_and_timm() {
        let spread = |toml: &str, shape, classes| {
            let model = build(&recipe(toml), &images(shape, classes).spec(), 0).unwrap();
            let weights = model.weights().snapshot().unwrap();
            move |name: &str| {
                let (_, tensor) = weights.iter().find(|(other, _)| other == name).unwrap();
                tensor.std(false).double_value(&[])
            }
        };
        let close = |found: f64, expected: f64, share: f64| {
            assert!((found / expected - 1.0).abs() < share, "{found} is not {expected}");
        };
        let resnet = spread("resnet = { depth = 18, stem = 'imagenet' }", [3, 64, 64], 1000);
        close(resnet("conv1.weight"), (2.0f64 / (64.0 * 49.0)).sqrt(), 0.03);
        close(resnet("layer2.0.downsample.0.weight"), (2.0f64 / 128.0).sqrt(), 0.03);
        close(resnet("fc.weight"), (1.0f64 / 512.0 / 3.0).sqrt(), 0.03);
        let timm = spread("efficientnet-b0 = { variant = 'timm' }", [3, 64, 64], 1000);
        close(timm("features.3.1.block.1.0.weight"), 0.2828, 0.05);
        close(timm("features.1.0.block.1.fc1.weight"), 0.5, 0.15);
        close(timm("classifier.1.weight"), 0.01825, 0.03);
        assert_eq!(timm("classifier.1.bias"), 0.0);
        let cifar = spread("efficientnet-b0 = { variant = 'cifar' }", [3, 32, 32], 100);
        close(cifar("features.3.1.block.1.0.weight"), (2.0f64 / (240.0 * 25.0)).sqrt(), 0.05);
        let mnist = spread("[mnist-net]", [1, 28, 28], 10);
        close(mnist("head.weight"), (2.0f64 / 256.0).sqrt(), 0.05);
    }

    /// The logits are those of the features: what a head that is trained anew, or a loss that is
    /// fused with it, relies on.
    #[test]
    fn logits_are_features_through_the_head() {
        let images = images([1, 28, 28], 10);
        let model = build(&recipe("[mnist-net]"), &images.spec(), 0).unwrap();
        let inputs = [images.tensor().unwrap()];
        let features = model.features(&inputs, Mode::Evaluate).unwrap();
        assert_eq!(features.size(), [2, 256]);
        let logits = features.matmul(&model.head().weight.tr());
        let difference = logits - model.forward(&inputs, Mode::Evaluate).unwrap();
        assert!(difference.abs().max().double_value(&[]) < 1e-5);
        assert_eq!(model.head().name, "head");
    }

    #[test]
    fn senseless_sizes_are_refused() {
        for (toml, shape, expected) in [
            ("cnn = { channels = [0, 8] }", [1, 8, 8], "cannot have the shape"),
            ("mlp = { hidden = 0 }", [1, 8, 8], "cannot have the shape"),
            ("mlp = { hidden = 1099511627776 }", [1, 8, 8], "cannot have the shape"),
            ("[mnist-net]", [1, 8, 28], "at least 10×10 pixels, not 8×28"),
            ("[attack-cnn]", [1, 19, 28], "at least 20×20 pixels, not 19×28"),
            ("resnet = { depth = 51, stem = 'cifar' }", [3, 32, 32], "depth = 51 must be"),
            (
                "efficientnet-b0 = { variant = 'timm', drop_path = 1.0 }",
                [3, 32, 32],
                "drop_path = 1 must lie in [0, 1)",
            ),
            ("mnist-net = { new_head = true }", [1, 28, 28], "new_head = true needs weights"),
        ] {
            let error = build(&recipe(toml), &images(shape, 10).spec(), 0).err().unwrap();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
