//! Images. The first byte says whether they are scaled; the rest is the file.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Place, refused};
use steepness_lab::data::decode;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("image"));

fuzz_target!(|data: &[u8]| {
    let Some((&how, data)) = data.split_first() else { return };
    let path = PLACE.put("image", data);
    let side = (how % 2 == 1).then_some(usize::from(how % 16) + 1);
    match decode(&path, side) {
        Ok(image) => {
            assert_eq!(image.pixels.len(), 3 * image.height * image.width);
            assert!(side.is_none_or(|side| [image.height, image.width] == [side; 2]));
        }
        Err(error) => refused(&error),
    }
});
