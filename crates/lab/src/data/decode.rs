//! [`decode`]: an image file as bytes.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{ColorType, ImageFormat, ImageReader, RgbImage, imageops};

use crate::{Error, Result};

/// A side of more pixels than this is an error in the file, or an attack.
const MOST_SIDE: u32 = 1 << 15;

/// A decoded image of 256 levels of red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Row-major as channels × height × width.
    pub pixels: Vec<u8>,
    /// Whether the file has no colours; its three channels are then the same.
    pub grey: bool,
}

/// Reads a JPEG or PNG as red, green and blue; transparency is dropped, as PIL's
/// `convert("RGB")` does. With a `side`, the largest square in the middle is taken and scaled to
/// `side`×`side` pixels (linear, as wide as needed to leave no aliasing).
///
/// # Errors
/// Names the file, and says what is wrong with it: another format, damage, or an end that is
/// missing (which most decoders let pass, and fill with grey).
pub fn decode(path: &Path, side: Option<usize>) -> Result<Image> {
    let broken = |problem: String| Error::malformed(path, "image", problem);
    let bytes = fs::read(path).map_err(Error::input(path))?;
    let format = image::guess_format(&bytes)
        .ok()
        .filter(|format| matches!(format, ImageFormat::Jpeg | ImageFormat::Png));
    let Some(format) = format else {
        return Err(broken("neither JPEG nor PNG".to_owned()));
    };
    if format == ImageFormat::Jpeg && !ends(&bytes) {
        return Err(broken("the file is cut off: a JPEG without its end marker".to_owned()));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::default(); // 512 MiB
    (limits.max_image_width, limits.max_image_height) = (Some(MOST_SIDE), Some(MOST_SIDE));
    reader.limits(limits);
    let image = reader.decode().map_err(|error| broken(error.to_string()))?;
    let grey =
        matches!(image.color(), ColorType::L8 | ColorType::L16 | ColorType::La8 | ColorType::La16);
    let image = match side {
        Some(side) => square(&image.into_rgb8(), side as u32),
        None => image.into_rgb8(),
    };
    let (width, height) = (image.width() as usize, image.height() as usize);
    let interleaved = image.into_raw();
    let channel = |c: usize| interleaved.iter().skip(c).step_by(3);
    let pixels = (0..3).flat_map(channel).copied().collect();
    Ok(Image { height, width, pixels, grey })
}

/// The square in the middle of `image`, scaled. Cutting comes first: a very long image scaled as a
/// whole would take very much memory.
fn square(image: &RgbImage, side: u32) -> RgbImage {
    let (width, height) = image.dimensions();
    let short = width.min(height);
    let middle = imageops::crop_imm(image, (width - short) / 2, (height - short) / 2, short, short);
    imageops::resize(&*middle, side, side, imageops::FilterType::Triangle)
}

/// Whether a JPEG has an end: the marker FF D9 behind the first scan. (A thumbnail's own end lies
/// in a segment before it; within a scan, FF is never followed by D9.)
fn ends(bytes: &[u8]) -> bool {
    let mut at = 2;
    // Segments before the scan: FF, a marker, and a length that counts itself.
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        if marker == 0xda {
            return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]);
        }
        at += match marker {
            0xff => 1, // a fill byte
            0x01 | 0xd0..=0xd8 => 2,
            _ => 2 + usize::from(u16::from_be_bytes([high, low])),
        };
    }
    false
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use image::{DynamicImage, GrayImage, RgbaImage};

    /// A folder's image file of 2×3 pixels whose first one is (`red`, 10, 20), PNG or JPEG by name.
    pub fn write(path: &Path, red: u8) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut image = RgbImage::new(3, 2);
        image.put_pixel(0, 0, image::Rgb([red, 10, 20]));
        image.save(path).unwrap();
    }

    #[test]
    fn pixels_come_channel_by_channel() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        write(&path, 200);
        let image = decode(&path, None).unwrap();
        assert_eq!((image.height, image.width, image.grey), (2, 3, false));
        assert_eq!([image.pixels[0], image.pixels[6], image.pixels[12]], [200, 10, 20]);
        assert_eq!(image.pixels.iter().map(|&x| u64::from(x)).sum::<u64>(), 230);
        // Transparency is dropped, and nothing is mixed with a background.
        RgbaImage::from_pixel(1, 1, image::Rgba([1, 2, 3, 0])).save(&path).unwrap();
        assert_eq!(decode(&path, None).unwrap().pixels, [1, 2, 3]);
        DynamicImage::ImageLuma8(GrayImage::from_pixel(1, 1, image::Luma([7])))
            .save(&path)
            .unwrap();
        assert_eq!(
            decode(&path, None).unwrap(),
            Image { height: 1, width: 1, pixels: vec![7; 3], grey: true }
        );
    }

    #[test]
    fn a_side_takes_the_square_in_the_middle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        // Columns 0 to 5 of brightness 10 to 60: the middle four are 20 to 50, in pairs 25 and 45.
        let image = RgbImage::from_fn(6, 4, |x, _| image::Rgb([10 * (x as u8 + 1); 3]));
        image.save(&path).unwrap();
        let whole = decode(&path, Some(4)).unwrap();
        assert_eq!((whole.height, whole.width), (4, 4));
        assert_eq!(whole.pixels[..4], [20, 30, 40, 50]);
        // Half the size: a triangle two old pixels wide on each side of the centre of a new one,
        // (3·20 + 3·30 + 40) / 7 and (30 + 3·40 + 3·50) / 7 at the borders.
        assert_eq!(decode(&path, Some(2)).unwrap().pixels[..2], [27, 43]);
        assert_eq!(decode(&path, Some(9)).unwrap().pixels.len(), 3 * 81);
        RgbImage::new(30_000, 1).save(&path).unwrap();
        assert_eq!(decode(&path, Some(224)).unwrap().pixels, vec![0; 3 * 224 * 224]);
    }

    #[test]
    fn broken_images_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, cut) in [("cut.png", 4), ("cut.jpg", 2), ("half.jpg", 200)] {
            write(&at("whole.jpg"), 3);
            write(&at(name), 3);
            let bytes = fs::read(at(name)).unwrap();
            fs::write(at(name), &bytes[..bytes.len() - cut]).unwrap();
        }
        fs::write(at("text.png"), "hello").unwrap();
        fs::write(at("empty.jpg"), "").unwrap();
        fs::write(at("gif.jpg"), b"GIF89a\x01\0\x01\0\0\0\0").unwrap();
        decode(&at("whole.jpg"), None).unwrap();
        for name in ["cut.jpg", "half.jpg", "text.png", "empty.jpg", "gif.jpg", "gone.png"] {
            let error = decode(&at(name), None).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(name), "{error}");
        }
        // In the chunk of pixels, a missing end is an error of the decoder.
        let bytes = fs::read(at("cut.png")).unwrap();
        fs::write(at("cut.png"), &bytes[..bytes.len() - 20]).unwrap();
        assert!(decode(&at("cut.png"), None).unwrap_err().to_string().contains("cut.png: image: "));
    }
}
