//! The annotations of iNaturalist, which name image files.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Set, refused};
use steepness_lab::data::INaturalist;

const PART: &[u8] = br#"{"images":[{"id":1,"file_name":"i/1.jpg"},{"id":2,"file_name":"i/2.jpg"}],
"annotations":[{"id":1,"image_id":1,"category_id":0},{"id":2,"image_id":2,"category_id":1}],
"categories":[{"id":0,"name":"a"},{"id":1,"name":"b"}]}"#;

static SET: LazyLock<Set> =
    LazyLock::new(|| Set::new("inaturalist", &[("train2018.json", PART), ("val2018.json", PART)]));

fuzz_target!(|data: &[u8]| {
    SET.with(data, |folder| {
        INaturalist::list(folder).map(drop).unwrap_or_else(|error| refused(&error));
    });
});
