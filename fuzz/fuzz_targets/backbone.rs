//! A pretrained network: timm's description ('a') and the file of weights ('b'), of which no input is large
//! enough to hold one. Whatever they are is refused, by file and place.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Set, one_thread, refused};
use steepness_lab::models::Backbone;

static SET: LazyLock<Set> = LazyLock::new(|| {
    let config = r#"{"architecture": "resnet18", "num_features": 512, "pretrained_cfg": {"input_size":
[3, 32, 32], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "crop_pct": 0.9, "classifier": "fc"}}"#;
    let header: &[u8] = b"\x02\0\0\0\0\0\0\0{}";
    Set::new("backbone", &[("config.json", config.as_bytes()), ("model.safetensors", header)])
});

fuzz_target!(init: one_thread(), |data: &[u8]| {
    let load = |folder: &std::path::Path| Backbone::load(folder).map(|_| ());
    match SET.with(data, load) {
        Ok(()) => panic!("a network of a few bytes"),
        Err(error) => refused(&error),
    }
});
