//! A folder of idx files, of which the input replaces some.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Set, refused};
use steepness_lab::data::idx;

/// Two images of 2×2 pixels and their labels in both parts.
const IMAGES: &[u8] = b"\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x02abcdefgh";
const LABELS: &[u8] = b"\0\0\x08\x01\0\0\0\x02\0\x01";

static SET: LazyLock<Set> = LazyLock::new(|| {
    Set::new(
        "idx",
        &[
            ("train-images-idx3-ubyte", IMAGES),
            ("train-labels-idx1-ubyte", LABELS),
            ("t10k-images-idx3-ubyte", IMAGES),
            ("t10k-labels-idx1-ubyte", LABELS),
            ("classes.txt", b"cat\ndog\n"),
        ],
    )
});

fuzz_target!(|data: &[u8]| {
    SET.with(data, |folder| match idx::load(folder) {
        Ok((train, test)) => {
            for part in [train, test] {
                assert_eq!(part.inputs.len(), part.len() * part.shape.values());
                let classes = part.classes.len() as i64;
                assert!(part.labels.iter().all(|label| (0..classes).contains(label)));
            }
        }
        Err(error) => refused(&error),
    });
});
