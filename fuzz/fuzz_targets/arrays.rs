//! Arrays to learn from: a folder of which the input replaces some files, or behind a z an archive. What is
//! learned from is what is asked about when the same rows are predicted.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Place, Set, refused};
use steepness_lab::data::Inputs;
use steepness_lab::data::arrays::{self, Arrays};

static SET: LazyLock<Set> = LazyLock::new(|| {
    let x: Vec<u8> = (0..12u8).flat_map(|at| f32::from(at).to_le_bytes()).collect();
    let y: Vec<u8> = "cdcdcd".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    Set::new(
        "arrays",
        &[
            ("x.npy", npy("<f4", "(6, 2)", &x)),
            ("y.npy", npy("<U1", "(6,)", &y)),
            ("split.npy", npy("|u1", "(6,)", &[0, 0, 0, 0, 1, 2])),
            ("group.npy", npy("|i1", "(6,)", &[1, 1, 2, 2, 3, 4])),
        ],
    )
});

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("arrays-archive"));

fuzz_target!(|data: &[u8]| {
    if let Some((b'z', archive)) = data.split_first() {
        let path = PLACE.put("all.npz", archive);
        look(&path, &path);
        return;
    }
    SET.with(data, |folder| look(folder, &folder.join("x.npy")));
});

fn look(path: &Path, x: &Path) {
    match Arrays::load(path) {
        Ok(found) => {
            let learned = [Some(&found.examples), found.validation.as_ref(), found.test.as_ref()];
            let mut count = 0;
            for part in learned.into_iter().flatten() {
                let Inputs::Numbers(values) = &part.inputs else { panic!("no numbers") };
                assert!(values.iter().all(|value| value.is_finite()));
                assert_eq!(values.len(), part.len() * part.shape.values());
                count += values.len();
            }
            // Parts with arrays of their own have no x for all.
            match arrays::rows(x, found.examples.shape.values()) {
                Ok(asked) => assert_eq!(asked.len(), count),
                Err(error) => refused(&error),
            }
        }
        Err(error) => refused(&error),
    }
}

/// As numpy writes it; there are four, for as long as the fuzzer runs.
fn npy(dtype: &str, shape: &str, data: &[u8]) -> &'static [u8] {
    let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}");
    let length = (text.len() as u16).to_le_bytes();
    let all = [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), data].concat();
    Box::leak(all.into_boxed_slice())
}
