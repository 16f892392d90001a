//! The pretrained networks beside timm's: the same weights and images give the same features.
//!
//! Weights and images are functions of names and places, as in the networks' golden file, whose `uniform`
//! and `value` these lines go on with; they reach the network as a folder of timm's does. The normalisation
//! is part of it.
//!
//! ```python
//! # pip install torch==2.11.0 timm==1.0.31
//! @torch.no_grad()
//! def golden(name, side, **more):
//!     model = timm.create_model(name, num_classes=7, **more).eval()
//!     for key, tensor in model.state_dict().items():
//!         if tensor.dtype == torch.float32: tensor.copy_(value(key, tensor.shape))
//!     x = torch.from_numpy(uniform("input", (2, 3, side, side)).astype(np.float32))
//!     mean, std = [torch.tensor(v).reshape(3, 1, 1) for v in ((.485, .456, .406), (.229, .224, .225))]
//!     x = model.forward_head(model.forward_features((x - mean) / std), pre_logits=True)
//!     print(name, x[1, :4], x[1].norm())
//!
//! for name in ("resnet18", "resnet34", "resnet50", "efficientnet_b0", "efficientnet_lite0",
//!              "tf_efficientnet_b0", "tf_efficientnet_lite0"):
//!     golden(name, 64)
//! for name in "vit_tiny_patch16_224", "vit_small_patch16_224", "vit_base_patch16_224":
//!     golden(name, 32, img_size=32)
//! for name in "vit_small_patch14_dinov2", "vit_base_patch14_dinov2":
//!     golden(name, 28, img_size=28)
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;
use tch::{Kind, Tensor};

use super::architecture::{ALL, Architecture};
use super::*;
use crate::models::golden::{uniform, value};
use crate::models::layers::Normalise;
use crate::tensors::encode;

/// The tensors of a file of timm's for images of `side` pixels, with a last layer for seven classes and a
/// counter of PyTorch's. `naming` is the way of calling them, 0 for timm's.
fn weights(architecture: &Architecture, side: usize, naming: usize) -> BTreeMap<String, Tensor> {
    let (shape, moments) = (Shape::Image([3, side, side]), vec![(0.0, 1.0); 3]);
    let input = InputSpec { shape, moments, examples: 0, classes: 1 };
    let model = architecture.build(&input, Weights::blank()).unwrap();
    let (width, head) = (model.head().weight.size()[1], format!("{}.", model.head().name));
    let naming = architecture.namings()[naming];
    let mut all = BTreeMap::new();
    for (ours, tensor) in model.weights().named() {
        if !ours.starts_with(Normalise::NAME) && !ours.starts_with(&head) {
            let theirs = (naming.of)(ours);
            let values = value(&theirs, &tensor.size());
            assert!(all.insert(theirs, values).is_none(), "{ours}");
        }
    }
    all.insert(format!("{}.weight", naming.classifier), Tensor::zeros([7, width], CPU));
    all.insert(format!("{}.bias", naming.classifier), Tensor::zeros([7], CPU));
    all
}

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Makes `folder` that of a small vision transformer for images of 32×32 pixels.
pub(crate) fn vision_transformer(folder: &Path) {
    let name = "vit_tiny_patch16_224";
    write(folder, name, 32, &weights(Architecture::of(name).unwrap(), 32, 0));
}

fn write(folder: &Path, name: &str, side: usize, weights: &BTreeMap<String, Tensor>) {
    let config = json!({
        "architecture": name,
        "pretrained_cfg": {
            "input_size": [3, side, side],
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        }
    });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let named: Vec<_> = weights.iter().map(|(name, t)| (name.clone(), t.shallow_clone())).collect();
    fs::write(folder.join("model.safetensors"), encode(&named).unwrap()).unwrap();
}

#[test]
fn features_are_timms() {
    for (name, side, first, norm) in [
        ("resnet18", 64, [24.99251, 0.5525304, 42.83718, 18.02596], 767.4222),
        ("resnet34", 64, [1037.931, 327.631, 2636.951, 145.6192], 21819.79),
        ("resnet50", 64, [1760.828, 18265.42, 3559.453, 11766.22], 430178.8),
        ("efficientnet_b0", 64, [-0.02027979, -0.1938118, 0.001164563, 0.05497383], 85.86254),
        ("efficientnet_lite0", 64, [1.126872, 0.1750478, 0.570155, 0.0], 79.88924),
        ("tf_efficientnet_b0", 64, [0.7052897, 0.005657479, 0.6079032, 0.9688164], 105.5399),
        ("tf_efficientnet_lite0", 64, [1.570513, 0.1606642, 0.0, 0.0], 80.66702),
        ("vit_tiny_patch16_224", 32, [-0.331315, 2.11137, 0.8508562, -0.751865], 14.29391),
        ("vit_small_patch16_224", 32, [-2.372439, 1.023821, 0.5030466, -0.698239], 21.60344),
        ("vit_base_patch16_224", 32, [-0.3245035, -1.185259, 0.834774, 1.385253], 30.09679),
        ("vit_small_patch14_dinov2", 28, [-0.5875216, -0.346094, 0.6571233, -1.261814], 20.71782),
        ("vit_base_patch14_dinov2", 28, [0.7612702, 1.599447, -0.8066798, 2.364276], 29.55431),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let architecture = Architecture::of(name).unwrap();
        write(folder.path(), name, side, &weights(architecture, side, 0));
        let backbone = Backbone::load(folder.path()).unwrap();
        assert_eq!((backbone.name(), backbone.side()), (name, side));
        let images: Vec<f32> =
            uniform("input", 2 * 3 * side * side).iter().map(|&u| u as f32).collect();
        let images = Tensor::from_slice(&images).reshape([2, 3, side as i64, side as i64]);
        let features = backbone.features(&images).unwrap();
        assert_eq!(features.size(), [2, backbone.width() as i64]);
        let row: Vec<f32> = features.select(0, 1).try_into().unwrap();
        let tolerance = 1e-4 * f64::from(row.iter().fold(0f32, |most, x| most.max(x.abs())));
        for (found, expected) in row.iter().zip(first) {
            assert!(
                (f64::from(*found) - expected).abs() < tolerance,
                "{name}: {found}, {expected}"
            );
        }
        let found = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        assert!((found / norm - 1.0).abs() < 1e-4, "{name}: {found}, {norm}");
    }
    assert_eq!(ALL.len(), 12, "each is held against timm's");
}

/// torchvision calls the tensors of its EfficientNet otherwise.
#[test]
fn torchvisions_names_are_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let architecture = Architecture::of("efficientnet_b0").unwrap();
    let weights = weights(architecture, 32, 1);
    assert!(
        weights.contains_key("features.0.0.weight") && weights.contains_key("classifier.1.bias")
    );
    write(folder.path(), "efficientnet_b0", 32, &weights);
    assert_eq!(Backbone::load(folder.path()).unwrap().width(), 1280);
}

/// A grey image is one whose three colours are the same.
#[test]
fn grey_images_have_three_equal_channels() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "resnet18", 32, &weights(Architecture::of("resnet18").unwrap(), 32, 0));
    let backbone = Backbone::load(folder.path()).unwrap();
    let grey = Tensor::arange(2 * 32 * 32, CPU).sin().abs().reshape([2, 1, 32, 32]);
    let [one, three] =
        [&grey, &grey.repeat([1, 3, 1, 1])].map(|images| backbone.features(images).unwrap());
    assert!((one - three).abs().max().double_value(&[]) < 1e-3);
}

#[test]
fn weights_that_are_not_the_networks_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let sound = weights(Architecture::of("resnet18").unwrap(), 32, 0);
    let copy = || -> BTreeMap<String, Tensor> {
        sound.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect()
    };
    let load = || -> String {
        let error = Backbone::load(path).err().unwrap();
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    };
    let refused = |weights: &BTreeMap<String, Tensor>| {
        write(path, "resnet18", 32, weights);
        load()
    };
    write(path, "resnet18", 32, &sound);
    Backbone::load(path).unwrap();

    let mut wrong = copy();
    for name in ["bn1.bias", "bn1.weight", "conv1.weight", "layer1.0.bn1.bias"] {
        wrong.remove(name);
    }
    wrong.insert("layer4.1.conv2.weight".to_owned(), Tensor::zeros([512, 512, 1, 1], CPU));
    wrong.insert("layer5.weight".to_owned(), Tensor::zeros([1], CPU));
    let message = refused(&wrong);
    for part in [
        "model.safetensors: tensors: not those of resnet18: ",
        "missing: 4 tensors (bn1.bias, bn1.weight, conv1.weight, …); ",
        "of another shape: 1 tensor (layer4.1.conv2.weight ([512, 512, 1, 1] in place of [512, 512, 3, 3])); ",
        "unknown: 1 tensor (layer5.weight)",
    ] {
        assert!(message.contains(part), "{message}");
    }

    let mut broken = copy();
    let _ = broken.get_mut("bn1.bias").unwrap().fill_(f64::NAN);
    assert!(refused(&broken).contains("not finite: 1 tensor (bn1.bias)"));

    // Another network than the description says.
    write(path, "resnet34", 32, &sound);
    assert!(load().contains("not those of resnet34: missing: "));
    write(path, "resnet18", 32, &sound);
    let config = path.join("config.json");
    let said = fs::read_to_string(&config).unwrap();
    for (key, value, expected) in [
        ("num_features", "2048", "config.json: num_features: 2048, and resnet18 has 512"),
        ("classifier", "\"layer4\"", "config.json calls the last layer \"layer4\""),
    ] {
        fs::write(&config, said.replacen('{', &format!("{{\"{key}\":{value},"), 1)).unwrap();
        assert!(load().contains(expected), "{}", load());
    }
    fs::write(&config, &said).unwrap();

    let file = path.join("model.safetensors");
    let whole = fs::read(&file).unwrap();
    for cut in [0, 7, 8, 100, whole.len() - 1] {
        fs::write(&file, &whole[..cut]).unwrap();
        assert!(load().contains("model.safetensors: tensors: safetensors: "), "{cut}: {}", load());
    }
    fs::write(&file, b"\x80\x02}q\x00.").unwrap();
    assert!(load().contains("model.safetensors: tensors: "), "a pickle is none: {}", load());
    fs::remove_file(&file).unwrap();
    assert!(load().starts_with("cannot read"), "{}", load());
}
