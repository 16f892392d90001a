//! Checkpoints: of two, whatever the newer one holds, the answer is what its manifest confirms, or the
//! older one.
#![no_main]

use std::cell::Cell;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::Set;
use steepness_lab::train::checkpoint;

/// SHA-256 of "a" and of "b".
const A: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
const B: &str = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d";

static SET: LazyLock<Set> = LazyLock::new(|| {
    let manifest = |sum: &str| -> &'static [u8] {
        let text = format!("{{\"state\": {{\"bytes\": 1, \"sha256\": \"{sum}\"}}}}");
        Box::leak(text.into_boxed_str()).as_bytes()
    };
    Set::new(
        "checkpoint",
        &[
            ("step-000000002/manifest.json", manifest(B)),
            ("step-000000002/state", b"b"),
            ("step-000000001/manifest.json", manifest(A)),
            ("step-000000001/state", b"a"),
        ],
    )
});

fuzz_target!(|data: &[u8]| {
    SET.with(data, |folder| {
        let warned = Cell::new(0);
        let found = checkpoint::newest(folder, &|_| warned.set(warned.get() + 1));
        match found.expect("the folder can be read") {
            Some(_) => assert!(warned.get() < 2),
            None => assert_eq!(warned.get(), 2),
        }
    });
});
