//! Weights: what is read is written and read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::one_thread;
use steepness_lab::tensors;

fuzz_target!(init: one_thread(), |data: &[u8]| {
    let Ok(mut named) = tensors::decode(data) else { return };
    let bytes = tensors::encode(&named).expect("f32 tensors can be written");
    let mut again = tensors::decode(&bytes).expect("it was just written");
    named.sort_by(|a, b| a.0.cmp(&b.0));
    again.sort_by(|a, b| a.0.cmp(&b.0));
    for ((name, tensor), (same, copy)) in named.iter().zip(&again) {
        assert_eq!((name, tensor.size()), (same, copy.size()));
    }
    assert_eq!(named.len(), again.len());
});
