//! The handwritten digits that the examples train on: 1797 images of 8×8 pixels ("Optical
//! Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, 1998, CC BY 4.0).

use flate2::read::GzDecoder;
use std::io::Read;

/// Pixels of an image.
pub const PIXELS: usize = 64;

/// The pixels in \[0, 1\], row-major of shape (1797, 64), and the labels 0 to 9.
pub fn load() -> (Vec<f32>, Vec<i64>) {
    let file = include_bytes!("../../../lab/assets/digits.csv.gz");
    let mut text = String::new();
    GzDecoder::new(&file[..]).read_to_string(&mut text).expect("the file is a gzip of text");
    let (mut images, mut labels) = (vec![], vec![]);
    for line in text.lines() {
        let mut fields = line.split(',').map(|field| field.parse::<u8>().expect("a small number"));
        images.extend(fields.by_ref().take(PIXELS).map(|shade| f32::from(shade) / 16.0));
        labels.extend(fields.map(i64::from));
    }
    assert_eq!(images.len(), PIXELS * labels.len(), "a row is 64 pixels and a label");
    (images, labels)
}
