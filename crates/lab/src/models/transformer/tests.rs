//! The network beside one of PyTorch's own layers, put together after fairseq's definition: the same
//! weights and sentences give the same features, logits and gradients.
//!
//! Weights are functions of their names and places, as in [`super::super::golden`], and of the gradients
//! of each layer's weights the sum with such numbers is kept. The lines that gave them, in f64:
//!
//! ```python
//! # pip install torch==2.11.0
//! import math, numpy as np, torch
//! from torch import nn
//! from torch.nn import functional as F
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
//!     else: u = u + 0.5 if name.endswith("weight") else u - 0.5
//!     return torch.from_numpy(u.astype(np.float32)).double()
//!
//! def positions(tokens, d):                                     # fairseq's, padding_idx = 1
//!     at = torch.cumsum(tokens != 1, 1) * (tokens != 1) + 1
//!     w = torch.exp(torch.arange(d // 2).double() * -(math.log(10000) / (d // 2 - 1)))
//!     table = torch.cat([torch.sin(at[..., None] * w), torch.cos(at[..., None] * w)], 2)
//!     return table * (tokens != 1)[..., None]
//!
//! class Layer(nn.Module):
//!     def __init__(self, d, hidden, heads, cross, pre):
//!         super().__init__()
//!         attention = lambda: nn.MultiheadAttention(d, heads, batch_first=True)
//!         self.attention, self.attention_norm = attention(), nn.LayerNorm(d)
//!         if cross: self.source, self.source_norm = attention(), nn.LayerNorm(d)
//!         self.widen, self.narrow = nn.Linear(d, hidden), nn.Linear(hidden, d)
//!         self.feed_forward_norm, self.cross, self.pre = nn.LayerNorm(d), cross, pre
//!     def around(self, x, norm, f):
//!         return x + f(norm(x)) if self.pre else norm(x + f(x))
//!     def forward(self, x, pad, states=None):
//!         past = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1) if self.cross else None
//!         own = lambda x: self.attention(x, x, x, key_padding_mask=None if self.cross else pad, attn_mask=past)[0]
//!         x = self.around(x, self.attention_norm, own)
//!         if self.cross:
//!             x = self.around(x, self.source_norm, lambda x: self.source(x, states, states, key_padding_mask=pad)[0])
//!         return self.around(x, self.feed_forward_norm, lambda x: self.narrow(self.widen(x).relu()))
//!
//! class Net(nn.Module):
//!     def __init__(self, sharing, pre, d=16, hidden=24, heads=2, layers=2, sizes=(13, 11)):
//!         super().__init__()
//!         self.d = d
//!         self.layers = nn.ModuleDict({side: nn.ModuleList(Layer(d, hidden, heads, side == "decoder", pre)
//!                                      for _ in range(layers)) for side in ("encoder", "decoder")})
//!         self.norms = nn.ModuleDict({side: nn.LayerNorm(d) if pre else nn.Identity() for side in self.layers})
//!         table = lambda n: nn.Embedding(n, d, padding_idx=1)
//!         source = table(sizes[0])
//!         target = source if sharing == "all" else table(sizes[1])
//!         self.embeddings = nn.ModuleDict({"encoder": source, "decoder": target})
//!         self.output = nn.Linear(d, target.num_embeddings, bias=False)
//!         if sharing != "separate": self.output.weight = target.weight
//!         self.named = {}
//!         if sharing == "all": self.named["embedding.weight"] = source.weight
//!         else: self.named |= {"encoder.embedding.weight": source.weight, "decoder.embedding.weight": target.weight}
//!         if sharing == "separate": self.named["output.weight"] = self.output.weight
//!         for side in self.layers:
//!             for at, layer in enumerate(self.layers[side]):
//!                 for part in ("attention", "source") if layer.cross else ("attention",):
//!                     name, a = f"{side}.{at}.{part}.", getattr(layer, part)
//!                     for k, which in enumerate(("query", "key", "value")):   # parts of one tensor
//!                         self.named[name + which + ".weight"] = (a.in_proj_weight, k)
//!                         self.named[name + which + ".bias"] = (a.in_proj_bias, k)
//!                     self.named |= {name + "output.weight": a.out_proj.weight, name + "output.bias": a.out_proj.bias}
//!                     self.norm(name, getattr(layer, part + "_norm"))
//!                 name = f"{side}.{at}.feed_forward."
//!                 for which in "widen", "narrow":
//!                     linear = getattr(layer, which)
//!                     self.named |= {name + which + ".weight": linear.weight, name + which + ".bias": linear.bias}
//!                 self.norm(name, layer.feed_forward_norm)
//!             if pre: self.norm(side + ".", self.norms[side])
//!     def norm(self, name, norm):
//!         self.named |= {name + "norm.weight": norm.weight, name + "norm.bias": norm.bias}
//!     def part(self, which, get=lambda p: p):
//!         return get(which[0]).chunk(3)[which[1]] if isinstance(which, tuple) else get(which)
//!     def run(self, side, tokens, pad, states=None):
//!         x = self.embeddings[side](tokens) * math.sqrt(self.d) + positions(tokens, self.d)
//!         for layer in self.layers[side]: x = layer(x, pad, states)
//!         return self.norms[side](x)
//!     def forward(self, source, previous):
//!         states = self.run("encoder", source, source == 1)
//!         return self.run("decoder", previous, source == 1, states)
//!
//! def golden(sharing, pre, seed="", **sizes):
//!     net = Net(sharing, pre, **sizes).double()
//!     with torch.no_grad():
//!         for name, which in net.named.items():
//!             p = net.part(which)
//!             p.copy_(value(seed + name, p.shape))
//!     return net
//!
//! source = torch.tensor([[4, 7, 9, 12, 5, 2], [6, 10, 2, 1, 1, 1], [8, 11, 3, 2, 1, 1]])
//! previous = torch.tensor([[2, 4, 6, 1, 1], [2, 5, 9, 10, 7], [2, 8, 1, 1, 1]])
//! at = (previous != 1).flatten().nonzero().flatten()
//! for sharing, pre, sizes in (("separate", False, (13, 11)), ("decoder", True, (13, 11)), ("all", False, (13, 13))):
//!     net = golden(sharing, pre, sizes=sizes)
//!     x = net(source, previous).flatten(0, 1)[at]
//!     z = net.output(x)
//!     (z * torch.from_numpy(uniform("upstream", z.shape))).sum().backward()
//!     probe = lambda name, t: (t.detach() * torch.from_numpy(uniform("probe/" + name, t.shape))).sum().item()
//!     print(sharing, pre, "features", round(probe("features", x), 6), [round(v, 6) for v in z[-1].tolist()])
//!     sums = {}
//!     for name, which in net.named.items():
//!         group = ".".join(name.split(".")[:2])
//!         sums[group] = sums.get(group, 0) + probe(name, net.part(which, lambda p: p.grad))
//!     print({group: round(found, 6) for group, found in sums.items()})
//! ```

use super::*;
use crate::data::text::EOS;
use crate::models::golden::{uniform, value};
use crate::models::{ModelRecipe, Precision};
use tch::{Device, Kind};

const TRAIN: Mode = Mode::Train { seed: 3, pass: 5, precision: Precision::F32 };

fn recipe(toml: &str) -> TransformerRecipe {
    match toml::from_str(&format!("[transformer]\n{toml}")).unwrap() {
        ModelRecipe::Transformer(recipe) => recipe,
        other => panic!("{other:?}"),
    }
}

const TINY: &str = "width = 16\nhidden = 24\nheads = 2\nencoder_layers = 2\ndecoder_layers = 2\n";

/// With the weights of the reference.
fn golden(toml: &str, seed: &str, sizes: [usize; 2]) -> Transformer {
    let model =
        Transformer::new(&recipe(&format!("{TINY}{toml}")), sizes, Weights::new(0)).unwrap();
    let named = model.weights().named();
    let named =
        named.map(|(name, t)| (name.to_owned(), value(&format!("{seed}{name}"), &t.size())));
    model.weights().restore(&named.collect::<Vec<_>>()).unwrap();
    model
}

/// Three sentences, two of which are padded.
fn source() -> Tensor {
    Tensor::from_slice(&[4i64, 7, 9, 12, 5, 2, 6, 10, 2, 1, 1, 1, 8, 11, 3, 2, 1, 1]).view([3, 6])
}

/// For the tests of what writes with it.
pub(crate) fn golden_with_source(
    toml: &str,
    seed: &str,
    sizes: [usize; 2],
) -> (Transformer, Tensor) {
    (golden(toml, seed, sizes), source())
}

fn inputs() -> [Tensor; 3] {
    let previous =
        Tensor::from_slice(&[2i64, 4, 6, 1, 1, 2, 5, 9, 10, 7, 2, 8, 1, 1, 1]).view([3, 5]);
    [source(), previous, Tensor::from_slice(&[0i64, 1, 2, 5, 6, 7, 8, 9, 10, 11])]
}

/// Σ of `tensor` times the numbers of `name`.
fn probe(name: &str, tensor: &Tensor) -> f64 {
    let numbers = Tensor::from_slice(&uniform(name, tensor.numel())).view(tensor.size().as_slice());
    (tensor.to_kind(Kind::Double) * numbers).sum(Kind::Double).double_value(&[])
}

fn close(what: &str, found: f64, expected: f64, size: f64) {
    assert!((found - expected).abs() < 1e-5 * size.max(1.0), "{what}: {found}, {expected}");
}

/// `logits` are those of the last place.
fn compare(
    toml: &str,
    sizes: [usize; 2],
    features: f64,
    logits: &[f64],
    gradients: &[(&str, f64)],
) {
    let model = golden(toml, "", sizes);
    let found = model.features(&inputs(), Mode::Evaluate).unwrap();
    assert_eq!(found.size(), [10, 16]);
    close("features", probe("probe/features", &found), features, 16.0);
    let found = model.forward(&inputs(), Mode::Evaluate).unwrap();
    for (class, expected) in logits.iter().enumerate() {
        close("logit", found.double_value(&[9, class as i64]), *expected, 1.0);
    }
    let upstream = Tensor::from_slice(&uniform("upstream", found.numel()));
    let upstream = upstream.view(found.size().as_slice()).to_kind(Kind::Float);
    (&found * upstream).sum(None::<Kind>).backward();
    for &(group, expected) in gradients {
        let own = |name: &str| name == group || name.starts_with(&format!("{group}."));
        let (mut sum, mut size) = (0.0, 0.0);
        for (name, parameter) in model.weights().named().filter(|(name, _)| own(name)) {
            let gradient = parameter.grad();
            sum += probe(&format!("probe/{name}"), &gradient);
            size += gradient.abs().sum(Kind::Double).double_value(&[]);
        }
        close(group, sum, expected, size);
    }
    let grouped = |name: &str| gradients.iter().any(|(group, _)| name.starts_with(group));
    assert!(model.weights().named().all(|(name, _)| grouped(name)));
}

#[test]
fn separate_tables() {
    compare(
        "",
        [13, 11],
        -16.405376,
        &[
            -0.960698, -0.437043, -2.324754, 0.641201, 2.957782, -0.189289, -1.110598, 0.806505,
            0.075942, -0.465174, 2.176048,
        ],
        &[
            ("encoder.embedding", 69.450638),
            ("decoder.embedding", -0.074677),
            ("output", -119.216384),
            ("encoder.0", 150.798882),
            ("encoder.1", 106.496009),
            ("decoder.0", -9.91625),
            ("decoder.1", -4.807557),
        ],
    );
}

#[test]
fn normalised_before_with_a_table_for_the_decoder() {
    compare(
        "norm = 'pre'\nembeddings = 'decoder'",
        [13, 11],
        -1.981674,
        &[
            -0.38045, 1.566839, 0.550519, 1.015551, -1.117829, -0.262912, 0.273702, -3.602747,
            2.217914, 0.136258, 0.322901,
        ],
        &[
            ("encoder.embedding", 0.097857),
            ("decoder.embedding", -13.114418),
            ("encoder.0", -28.350354),
            ("encoder.1", -4.575481),
            ("encoder.norm", 20.023897),
            ("decoder.0", 11.020959),
            ("decoder.1", -40.830262),
            ("decoder.norm", 22.3524),
        ],
    );
}

#[test]
fn a_single_table() {
    compare(
        "embeddings = 'all'",
        [13, 13],
        -15.17475,
        &[
            0.837239, 2.464571, -0.641757, -3.138439, 2.587572, -0.180499, 0.825196, 0.334426,
            -0.035061, -1.424287, 1.819834, -0.849866, -0.091876,
        ],
        &[
            ("embedding", -84.927003),
            ("encoder.0", -71.47427),
            ("encoder.1", 26.685496),
            ("decoder.0", 8.642793),
            ("decoder.1", 0.885254),
        ],
    );
}

/// fairseq prints 39,469,056 for `transformer_iwslt_de_en --share-decoder-input-output-embed` on
/// IWSLT'14 German to English. By hand: an attention has 4·(512·512 + 512), the feed-forward layers
/// 2·512·1024 + 1024 + 512, a normalisation 2·512; two or three of these a layer.
#[test]
fn it_has_as_many_parameters_as_published() {
    let (attention, feed_forward, norm) = (4 * (512 * 512 + 512), 2 * 512 * 1024 + 1536, 1024);
    let layers = |of_each: usize| {
        let encoder = attention + feed_forward + 2 * norm;
        of_each * (2 * encoder + attention + norm)
    };
    for (toml, sizes, expected) in [
        ("embeddings = 'decoder'", [8848, 6632], 39_469_056),
        ("encoder_layers = 2\ndecoder_layers = 2", [848, 632], layers(2) + 512 * (848 + 632 + 632)),
        (
            "encoder_layers = 1\ndecoder_layers = 1\nembeddings = 'all'\nnorm = 'pre'",
            [700, 700],
            layers(1) + 512 * 700 + 2 * norm,
        ),
    ] {
        let model = Transformer::new(&recipe(toml), sizes, Weights::new(0)).unwrap();
        let count: usize = model.weights().parameters().map(Tensor::numel).sum();
        assert_eq!(count, expected, "{toml}");
    }
    assert_eq!(layers(6) + 512 * (8848 + 6632), 39_469_056);
}

fn largest(difference: Tensor) -> f64 {
    difference.abs().max().double_value(&[])
}

#[test]
fn later_tokens_do_not_change_earlier_places() {
    let model = golden("", "", [13, 11]);
    let [source, previous, at] = inputs();
    let before = model.features(&[source.copy(), previous.copy(), at.copy()], TRAIN).unwrap();
    // The last token of the second sentence, which only the place of number 9 sees: row 7 of 10.
    let _ = previous.get(1).get(4).fill_(3);
    let difference = before - model.features(&[source, previous, at], TRAIN).unwrap();
    assert_eq!(largest(difference.narrow(0, 0, 7)), 0.0);
    assert!(largest(difference.get(7)) > 0.1);
    assert_eq!(largest(difference.narrow(0, 8, 2)), 0.0);
}

#[test]
fn more_padding_changes_nothing() {
    let model = golden("", "", [13, 11]);
    let [source, previous, at] = inputs();
    let pad = |tokens: &Tensor, count| {
        let padding = Tensor::full([3, count], PAD, (Kind::Int64, Device::Cpu));
        Tensor::cat(&[tokens, &padding], 1)
    };
    let wider = &at + at.floor_divide_scalar(5) * 2;
    let found = model.features(&[pad(&source, 3), pad(&previous, 2), wider], Mode::Evaluate);
    let expected = model.features(&inputs(), Mode::Evaluate).unwrap();
    assert!(largest(found.unwrap() - expected) < 1e-6);
}

/// Step by step, with what was kept of the steps before, logits are those of all places at once.
#[test]
fn steps_are_the_places_of_a_sentence() {
    for toml in ["", "norm = 'pre'"] {
        let model = golden(toml, "", [13, 11]);
        let previous = Tensor::from_slice(&[2i64, 4, 6, 5, 2, 5, 9, 10, 2, 8, 7, 4]).view([3, 4]);
        let at = Tensor::arange(12, (Kind::Int64, Device::Cpu));
        let all = model.forward(&[source(), previous.copy(), at], Mode::Evaluate).unwrap();
        let all = all.view([3, 4, 11]);
        let mut state = model.start(&source()).unwrap();
        for at in 0..4 {
            let found = model.step(&previous.select(1, at), &mut state).unwrap();
            assert!(largest(found - all.select(1, at)) < 1e-5, "{toml}, {at}");
        }
    }
}

#[test]
fn padding_learns_nothing_and_starts_as_nothing() {
    let model = Transformer::new(&recipe(TINY), [13, 11], Weights::new(1)).unwrap();
    let logits = model.forward(&inputs(), TRAIN).unwrap();
    logits.square().sum(None::<Kind>).backward();
    for name in ["encoder.embedding.weight", "decoder.embedding.weight"] {
        let (_, table) = model.weights().named().find(|(other, _)| *other == name).unwrap();
        assert_eq!(largest(table.get(PAD)), 0.0, "{name}");
        assert_eq!(largest(table.grad().get(PAD)), 0.0, "{name}");
        assert!(largest(table.grad().get(EOS)) > 0.0 && largest(table.get(EOS)) > 0.0, "{name}");
    }
}

#[test]
fn dropout_is_that_of_seed_and_pass() {
    let toml = format!("{TINY}attention_dropout = 0.2\nactivation_dropout = 0.1");
    let model = Transformer::new(&recipe(&toml), [13, 11], Weights::new(1)).unwrap();
    let features = |mode| model.features(&inputs(), mode).unwrap();
    assert_eq!(features(TRAIN), features(TRAIN));
    let other = Mode::Train { seed: 3, pass: 6, precision: Precision::F32 };
    assert!(largest(features(TRAIN) - features(other)) > 0.1);
    assert!(largest(features(TRAIN) - features(Mode::Evaluate)) > 0.1);
}

/// In bfloat16 features stay f32, and near: 8 bits of mantissa through eight layers.
#[test]
fn bfloat16_is_near() {
    let model = golden("dropout = 0.0", "", [13, 11]);
    let features = |precision| {
        let mode = Mode::Train { seed: 0, pass: 0, precision };
        let features = model.features(&inputs(), mode).unwrap();
        assert_eq!(features.kind(), Kind::Float);
        features
    };
    let difference = largest(features(Precision::F32) - features(Precision::Bf16));
    assert!(difference > 0.0 && difference < 0.2, "{difference}");
}

#[test]
fn senseless_sizes_are_refused() {
    for (toml, sizes, expected) in [
        ("width = 15\nheads = 3", [9, 9], "width = 15 must be even"),
        ("width = 16\nheads = 3", [9, 9], "heads = 3 must divide width = 16"),
        ("hidden = 0", [9, 9], "hidden = 0 must be at least 1"),
        ("decoder_layers = 0", [9, 9], "decoder_layers = 0 must be at least 1"),
        ("dropout = 1.0", [9, 9], "dropout = 1 must lie in [0, 1)"),
        ("embeddings = 'all'", [9, 8], "needs one vocabulary, not 9 and 8 tokens"),
        ("", [9, 4], "a vocabulary of 4 tokens has none but the 4 special"),
        ("hidden = 1099511627776", [9, 9], "cannot have the shape"),
    ] {
        let error = Transformer::new(&recipe(toml), sizes, Weights::new(0)).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(expected), "{error}");
    }
}
