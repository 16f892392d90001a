//! Vocabularies: one that is taken gives pieces for any text, and text for its pieces.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Place, refused};
use steepness_lab::data::Vocabulary;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("vocabulary"));

const LINES: [&str; 4] = ["der Mann läuft", "<s> 猫 </s>\u{10ffff}", "", "a ▁b\u{a0}c"];

fuzz_target!(|data: &[u8]| {
    let path = PLACE.put("vocabulary.json", data);
    match Vocabulary::load(&path) {
        Ok(vocabulary) => {
            for line in LINES {
                // What is refused is an error, too.
                let Ok(pieces) = vocabulary.encode(line) else { continue };
                assert!(pieces.iter().all(|&piece| (piece as usize) < vocabulary.len()));
                let _ = vocabulary.decode(&pieces);
            }
        }
        Err(error) => refused(&error),
    }
});
