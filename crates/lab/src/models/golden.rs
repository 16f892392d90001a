//! The networks beside torchvision's, timm's and PyTorch's: the same weights and inputs give the
//! same logits, in evaluation and in training.
//!
//! The weights are functions of their names and places, so that nothing has to be kept but a few
//! logits, and so that a wrong name shows. They reach the network through a file, as those of others
//! do. The lines that gave the numbers:
//!
//! ```python
//! # pip install torch==2.11.0 torchvision==0.26.0 timm==1.0.31
//! import math, numpy as np, torch, torchvision
//! from torch import nn
//! from torchvision.models import resnet18, resnet34, resnet50, efficientnet_b0
//!
//! def fnv1a(text):
//!     h = 0xCBF29CE484222325
//!     for b in text.encode(): h = ((h ^ b) * 0x100000001B3) % 2**64
//!     return h
//!
//! def uniform(name, shape):                                     # splitmix64
//!     u64 = np.uint64
//!     z = (np.arange(math.prod(shape), dtype=u64) + u64(fnv1a(name))) * u64(0x9E3779B97F4A7C15)
//!     z = (z ^ (z >> u64(30))) * u64(0xBF58476D1CE4E5B9)
//!     z = (z ^ (z >> u64(27))) * u64(0x94D049BB133111EB)
//!     return (((z ^ (z >> u64(31))) >> u64(11)) * 2.0**-53).reshape(shape)
//!
//! def value(name, shape):
//!     u = uniform(name, shape)
//!     if len(shape) > 1: u = (2*u - 1) * math.sqrt(6 / math.prod(shape[1:]))
//!     else: u = u + 0.5 if name.endswith(("weight", "running_var")) else u - 0.5
//!     return torch.from_numpy(u.astype(np.float32))
//!
//! @torch.no_grad()
//! def golden(model, shape, buffer):
//!     for name, tensor in model.state_dict().items():
//!         if tensor.dtype == torch.float32: tensor.copy_(value(name, tensor.shape))
//!     x = torch.from_numpy(uniform("input", shape).astype(np.float32))
//!     print(model.eval()(x)[0, :4], model.train()(x)[0, :4], model.state_dict()[buffer][0])
//!
//! golden(resnet18(num_classes=10), (4, 3, 64, 64), "layer4.1.bn2.running_var")   # 34, 50 likewise
//! cifar = resnet18(num_classes=10)
//! cifar.conv1, cifar.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
//! golden(cifar, (4, 3, 32, 32), "layer4.1.bn2.running_var")
//!
//! # timm's efficientnet_b0 gives the same with the same tensors in the same order.
//! eff = lambda: efficientnet_b0(num_classes=10, dropout=0.0, stochastic_depth_prob=0.0)
//! golden(eff(), (4, 3, 64, 64), "features.8.1.running_var")
//! same = eff()
//! for conv in same.modules():
//!     if isinstance(conv, nn.Conv2d) and conv.stride[0] == 2:
//!         p, conv.padding = conv.kernel_size[0] - 2, (0, 0)
//!         pad = lambda _, x, p=p: (nn.functional.pad(x[0], (p // 2, p - p // 2) * 2),)
//!         conv.register_forward_pre_hook(pad)
//! golden(same, (4, 3, 64, 64), "features.8.1.running_var")
//!
//! class MnistNet(nn.Module):
//!     def __init__(self):
//!         super().__init__()
//!         block = lambda i, p: [nn.Conv2d(i, 64, 3, padding=p), nn.PReLU(), nn.BatchNorm2d(64)]
//!         self.conv_0 = nn.Sequential(nn.BatchNorm2d(1), *block(1, 0))
//!         for k, n in (1, 3), (2, 4), (3, 3):
//!             blocks = sum((block(64, 1) for _ in range(n)), [])
//!             setattr(self, f"conv_{k}", nn.Sequential(*blocks, nn.MaxPool2d(2)))
//!         self.fc = nn.Sequential(nn.Linear(576, 256), nn.BatchNorm1d(256))
//!         self.head = nn.Linear(256, 10, bias=False)
//!     def forward(self, x):
//!         x = self.conv_3(self.conv_2(self.conv_1(self.conv_0(x))))
//!         return self.head(self.fc(x.flatten(1)))
//! golden(MnistNet(), (4, 1, 28, 28), "fc.1.running_var")
//!
//! class AttackCnn(nn.Module):
//!     def __init__(self):
//!         super().__init__()
//!         self.conv1, self.conv2, self.conv3 = [nn.Conv2d(i, 2 * max(i, 8), 5) for i in (1, 16, 32)]
//!         self.fc1, self.fc2 = nn.Linear(576, 100), nn.Linear(100, 10)
//!     def forward(self, x):
//!         x = self.conv1(x).relu()
//!         x = nn.functional.max_pool2d(self.conv2(x).relu(), 2)
//!         x = nn.functional.max_pool2d(self.conv3(x).relu(), 2)
//!         return self.fc2(self.fc1(x.flatten(1)).relu())
//! golden(AttackCnn(), (4, 1, 28, 28), "conv1.bias")
//! ```

use std::path::{Path, PathBuf};

use tch::{Tensor, no_grad};

use super::tests::images;
use super::*;
use crate::tensors;

pub(super) fn uniform(name: &str, count: usize) -> Vec<f64> {
    let start = name.bytes().fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    let one = |at: u64| {
        let z = start.wrapping_add(at).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 * (-53f64).exp2()
    };
    (0..count as u64).map(one).collect()
}

pub(super) fn value(name: &str, shape: &[i64]) -> Tensor {
    let bound = (6.0 / shape[1..].iter().product::<i64>() as f64).sqrt();
    let scaled = |u: f64| match name {
        "normalise.mean" => 0.0,
        "normalise.std" => 1.0,
        _ if shape.len() > 1 => (2.0 * u - 1.0) * bound,
        _ if name.ends_with("weight") || name.ends_with("running_var") => u + 0.5,
        _ => u - 0.5,
    };
    let values = uniform(name, shape.iter().product::<i64>() as usize);
    let values: Vec<f32> = values.into_iter().map(|u| scaled(u) as f32).collect();
    Tensor::from_slice(&values).reshape(shape)
}

/// A file with the weights of `recipe` on images of `shape`.
fn file(recipe: &ModelRecipe, shape: [usize; 3], folder: &Path) -> PathBuf {
    let model = build(recipe, &images(shape, 10).spec(), 0).unwrap();
    let named = model.weights().named().map(|(name, t)| (name.to_owned(), value(name, &t.size())));
    let path = folder.join("weights.safetensors");
    std::fs::write(&path, tensors::encode(&named.collect::<Vec<_>>()).unwrap()).unwrap();
    path
}

/// What is expected of a network.
struct Golden {
    shape: [usize; 3],
    eval: [f64; 4],
    train: [f64; 4],
    /// The first value of a tensor after the training pass.
    after: (&'static str, f64),
}

/// `recipe` makes the recipe with a file of weights.
fn compare(recipe: impl Fn(Option<PathBuf>) -> ModelRecipe, golden: &Golden) {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&recipe(None), golden.shape, dir.path());
    let model = build(&recipe(Some(path)), &images(golden.shape, 10).spec(), 1).unwrap();
    let shape = [4, golden.shape[0], golden.shape[1], golden.shape[2]].map(|n| n as i64);
    let inputs: Vec<f32> = uniform("input", shape.iter().product::<i64>() as usize)
        .iter()
        .map(|&u| u as f32)
        .collect();
    let inputs = [Tensor::from_slice(&inputs).reshape(shape)];
    let train = Mode::Train { seed: 0, pass: 0, precision: Precision::F32 };
    for (mode, expected) in [(Mode::Evaluate, golden.eval), (train, golden.train)] {
        let logits = no_grad(|| model.forward(&inputs, mode)).unwrap();
        assert_eq!(logits.size(), [4, 10]);
        let tolerance = 1e-4 * logits.abs().max().double_value(&[]);
        for (class, expected) in expected.into_iter().enumerate() {
            let found = logits.double_value(&[0, class as i64]);
            assert!((found - expected).abs() < tolerance, "{mode:?}, {class}: {found}, {expected}");
        }
    }
    let (name, expected) = golden.after;
    let (_, tensor) = model.weights().named().find(|(other, _)| *other == name).unwrap();
    let found = tensor.double_value(&[0]);
    assert!((found - expected).abs() < 1e-4, "{name}: {found}, {expected}");
}

fn resnet(depth: u32, stem: Stem) -> impl Fn(Option<PathBuf>) -> ModelRecipe {
    move |weights| {
        ModelRecipe::ResNet(ResNetRecipe {
            depth,
            stem,
            weights,
            new_head: false,
            unbiased_head: false,
        })
    }
}

fn efficientnet(variant: Variant) -> impl Fn(Option<PathBuf>) -> ModelRecipe {
    move |weights| {
        let (dropout, drop_path, new_head) = (0.0, 0.0, false);
        let recipe = EfficientNetRecipe {
            variant,
            dropout,
            drop_path,
            weights,
            new_head,
            unbiased_head: false,
        };
        ModelRecipe::EfficientNet(recipe)
    }
}

#[test]
fn resnet18() {
    compare(
        resnet(18, Stem::Imagenet),
        &Golden {
            shape: [3, 64, 64],
            eval: [27.97895, -39.3317, -29.25344, 20.12367],
            train: [1.1521, -2.18459, 0.11115, -0.13219],
            after: ("layer4.1.bn2.running_var", 0.995564),
        },
    );
}

#[test]
fn resnet34() {
    compare(
        resnet(34, Stem::Imagenet),
        &Golden {
            shape: [3, 64, 64],
            eval: [214.61179, -644.20941, -303.97577, 649.83832],
            train: [1.39874, -1.02238, -1.20061, -1.03268],
            after: ("layer4.1.bn2.running_var", 0.979985),
        },
    );
}

#[test]
fn resnet50() {
    compare(
        resnet(50, Stem::Imagenet),
        &Golden {
            shape: [3, 64, 64],
            eval: [-1761.07019, -2187.27148, 4095.55322, 5124.06885],
            train: [-1.49777, 5.92675, 1.94085, -0.41634],
            after: ("layer4.1.bn2.running_var", 1.011504),
        },
    );
}

#[test]
fn resnet18_with_the_cifar_stem() {
    compare(
        resnet(18, Stem::Cifar),
        &Golden {
            shape: [3, 32, 32],
            eval: [21.12255, -67.52251, -36.49652, 26.23346],
            train: [1.44078, -1.81503, -0.47989, 0.04027],
            after: ("layer4.1.bn2.running_var", 1.020090),
        },
    );
}

#[test]
fn efficientnet_of_timm() {
    compare(
        efficientnet(Variant::Timm),
        &Golden {
            shape: [3, 64, 64],
            eval: [2.12121, 1.35948, -2.83662, 0.38864],
            train: [-0.206, 0.46455, 0.15997, 0.80991],
            after: ("features.8.1.running_var", 0.853684),
        },
    );
}

#[test]
fn efficientnet_of_the_cifar_experiments() {
    compare(
        efficientnet(Variant::Cifar),
        &Golden {
            shape: [3, 64, 64],
            eval: [0.23041, 2.31419, -2.10677, -1.51286],
            train: [0.51509, 0.36223, -0.03529, 1.13616],
            after: ("features.8.1.running_var", 0.717153),
        },
    );
}

#[test]
fn mnist_net() {
    compare(
        |weights| ModelRecipe::MnistNet(MnistNetRecipe { weights, new_head: false }),
        &Golden {
            shape: [1, 28, 28],
            eval: [-37.55155, -224.10962, -44.3647, 67.20047],
            train: [-1.00043, 0.53663, -1.8167, 1.08339],
            after: ("fc.1.running_var", 0.848179),
        },
    );
}

#[test]
fn attack_cnn() {
    let expected = [-0.89524, -0.01378, -1.92187, 0.40745];
    compare(
        |weights| ModelRecipe::AttackCnn(AttackCnnRecipe { weights, new_head: false }),
        &Golden {
            shape: [1, 28, 28],
            eval: expected,
            train: expected,
            after: ("conv1.bias", uniform("conv1.bias", 1)[0] - 0.5),
        },
    );
}
