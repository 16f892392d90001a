//! [`decode`]: an image file as bytes.

use std::io::Cursor;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use image::{RgbImage, imageops, metadata::Orientation};

use super::files;
use crate::{Error, Result};

/// A side of more pixels than this is an error in the file, or an attack.
const MOST_SIDE: u32 = 1 << 15;

/// No photograph has so many bytes.
const MOST_BYTES: u64 = 1 << 30;

/// Images of more bytes when decoded wait for each other: a few threads would otherwise hold as many
/// times the 512 MiB that one of them may have.
const LARGE: u64 = 1 << 26;
static ONE_LARGE: Mutex<()> = Mutex::new(());
type LargeImageGuard = Option<MutexGuard<'static, ()>>;

/// What files of images end with, in lower case, those that torchvision's ImageFolder takes among them.
const ENDINGS: [&str; 14] = [
    "jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "ppm", "pgm", "pbm", "pnm", "jfif",
    "jpe",
];

/// What files of images end with that are not read.
const FOREIGN: [&str; 18] = [
    "heic", "heif", "avif", "jxl", "jp2", "j2k", "svg", "psd", "raw", "dng", "cr2", "nef", "arw",
    "exr", "hdr", "tga", "ico", "dds",
];

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
    /// Whether the file has pixels that are not wholly opaque. Their colours are taken all the same.
    pub transparent: bool,
}

/// Whether the name of `path` is that of an image which [`decode`] reads.
pub(super) fn is_image(path: &Path) -> bool {
    has_ending(path, &ENDINGS)
}

/// Whether the name of `path` is that of an image of a kind that is not read.
pub(super) fn is_foreign_image(path: &Path) -> bool {
    has_ending(path, &FOREIGN)
}

fn has_ending(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    known.iter().any(|known| extension == *known)
}

/// Reads a JPEG, PNG, WebP, GIF, BMP, TIFF or PNM, whatever its name ends with, as red, green and
/// blue. Of several frames or pages the first is taken. The orientation that a camera has noted
/// (EXIF) is applied, as viewers do; transparency is dropped, as PIL's `convert("RGB")` does. With a
/// `side`, the largest square in the middle is taken and scaled to `side`×`side` pixels (linear, as
/// wide as needed to leave no aliasing).
///
/// # Errors
/// Names the file, and says what is wrong with it: no regular file, another format, damage, more
/// pixels than 512 MiB hold, or an end that is missing (which most decoders let pass, and fill with
/// grey).
pub fn decode(path: &Path, side: Option<usize>) -> Result<Image> {
    let broken = |problem: &str| Error::malformed(path, "image", problem);
    let bytes = files::read_regular(path, MOST_BYTES)?;
    let format = format_of(&bytes).map_err(broken)?;
    if format == ImageFormat::Jpeg && !ends(&bytes) {
        return Err(broken("the file is cut off: a JPEG without its end marker"));
    }
    let decoded = pixels(bytes, format);
    let (image, _alone) = decoded.map_err(|error| Error::malformed(path, "image", error))?;
    if matches!(image.color(), ColorType::Rgb32F | ColorType::Rgba32F) {
        let problem = "its brightness is a floating point number, without a brightest one";
        return Err(broken(problem));
    }
    let has_no_colours =
        matches!(image.color(), ColorType::L8 | ColorType::L16 | ColorType::La8 | ColorType::La16);
    let transparent = is_transparent(&image);
    let image = image.into_rgb8();
    let grey = has_no_colours || !tells_grey(format) && image.pixels().all(is_grey);
    let image = match side {
        Some(side) => square(&image, side as u32),
        None => image,
    };
    let (width, height) = (image.width() as usize, image.height() as usize);
    let interleaved = image.into_raw();
    let channel = |c: usize| interleaved.iter().skip(c).step_by(3);
    let pixels = (0..3).flat_map(channel).copied().collect();
    Ok(Image { height, width, pixels, grey, transparent })
}

/// The format that the first bytes of a file tell, or what is the matter with it.
fn format_of(bytes: &[u8]) -> std::result::Result<ImageFormat, &'static str> {
    match image::guess_format(bytes) {
        Ok(
            format @ (ImageFormat::Jpeg
            | ImageFormat::Png
            | ImageFormat::WebP
            | ImageFormat::Gif
            | ImageFormat::Bmp
            | ImageFormat::Tiff
            | ImageFormat::Pnm),
        ) => Ok(format),
        _ if bytes.is_empty() => Err("the file is empty"),
        _ if bytes.get(4..8) == Some(b"ftyp") => Err("HEIC, AVIF or a film, which are not read"),
        _ => Err("none of JPEG, PNG, WebP, GIF, BMP, TIFF and PNM"),
    }
}

/// Whether a format says of an image that it has no colours; of others the pixels are asked.
fn tells_grey(format: ImageFormat) -> bool {
    !matches!(format, ImageFormat::Gif | ImageFormat::WebP | ImageFormat::Bmp)
}

fn is_grey(image::Rgb([red, green, blue]): &image::Rgb<u8>) -> bool {
    red == green && green == blue
}

/// Whether a pixel lets something shine through. Many images have the channel, and nothing in it.
fn is_transparent(image: &DynamicImage) -> bool {
    use DynamicImage::{ImageLumaA8, ImageLumaA16, ImageRgba8, ImageRgba16};
    match image {
        ImageLumaA8(image) => image.pixels().any(|pixel| pixel.0[1] < u8::MAX),
        ImageRgba8(image) => image.pixels().any(|pixel| pixel.0[3] < u8::MAX),
        ImageLumaA16(image) => image.pixels().any(|pixel| pixel.0[1] < u16::MAX),
        ImageRgba16(image) => image.pixels().any(|pixel| pixel.0[3] < u16::MAX),
        _ => false,
    }
}

/// Decodes, the right way up; with what keeps other large images waiting.
fn pixels(
    bytes: Vec<u8>,
    format: ImageFormat,
) -> image::ImageResult<(DynamicImage, LargeImageGuard)> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::default(); // 512 MiB
    (limits.max_image_width, limits.max_image_height) = (Some(MOST_SIDE), Some(MOST_SIDE));
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    // A header is free to promise anything: what it promises is not taken from memory before.
    let size = decoder.total_bytes();
    limits.reserve(size)?;
    let wait = || ONE_LARGE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let alone = (size > LARGE).then(wait);
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok((image, alone))
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
    use std::fs;

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
        let dropped = decode(&path, None).unwrap();
        assert_eq!((&dropped.pixels[..], dropped.transparent), (&[1, 2, 3][..], true));
        RgbaImage::from_pixel(1, 1, image::Rgba([1, 2, 3, 255])).save(&path).unwrap();
        assert!(!decode(&path, None).unwrap().transparent);
        DynamicImage::ImageLuma8(GrayImage::from_pixel(1, 1, image::Luma([7])))
            .save(&path)
            .unwrap();
        assert_eq!(
            decode(&path, None).unwrap(),
            Image { height: 1, width: 1, pixels: vec![7; 3], grey: true, transparent: false }
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
        fs::write(at("heic.jpg"), b"\0\0\0\x18ftypheic").unwrap();
        decode(&at("whole.jpg"), None).unwrap();
        for name in
            ["cut.jpg", "half.jpg", "text.png", "empty.jpg", "gif.jpg", "heic.jpg", "gone.png"]
        {
            let error = decode(&at(name), None).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(name), "{error}");
        }
        // In the chunk of pixels, a missing end is an error of the decoder.
        let bytes = fs::read(at("cut.png")).unwrap();
        fs::write(at("cut.png"), &bytes[..bytes.len() - 20]).unwrap();
        assert!(decode(&at("cut.png"), None).unwrap_err().to_string().contains("cut.png: image: "));
    }

    /// What people have beside JPEG and PNG comes with the same pixels, and grey where it is.
    #[test]
    fn other_formats_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let of = |x: u32, y: u32| image::Rgb([40 * x as u8, 60 * y as u8, 200]);
        let (colour, grey) = (
            RgbImage::from_fn(3, 4, of),
            GrayImage::from_fn(3, 4, |x, _| image::Luma([9 * x as u8])),
        );
        for name in ["a.webp", "a.bmp", "a.tif", "a.ppm", "wrong.png", "a.gif"] {
            let path = folder.path().join(name);
            let format = ImageFormat::from_path(&path).unwrap();
            let format = if name == "wrong.png" { ImageFormat::Bmp } else { format };
            colour.save_with_format(&path, format).unwrap();
            let found = decode(&path, None).unwrap();
            assert_eq!((found.height, found.width, found.grey), (4, 3, false), "{name}");
            let expected = |c: usize| colour.pixels().map(move |pixel| pixel[c]);
            let pixels: Vec<u8> = (0..3).flat_map(expected).collect();
            assert_eq!(found.pixels, pixels, "{name}");
            if !["a.ppm", "wrong.png"].contains(&name) {
                DynamicImage::from(grey.clone()).into_rgb8().save(&path).unwrap();
                assert_eq!(decode(&path, None).unwrap().grey, name != "a.tif", "{name}");
            }
            // Half of a file is no image.
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            assert!(decode(&path, None).is_err(), "{name}");
        }
        let image = image::Rgb32FImage::from_pixel(2, 2, image::Rgb([0.5, 3.0, 200.0]));
        image.save(folder.path().join("f.tif")).unwrap();
        let error = decode(&folder.path().join("f.tif"), None).unwrap_err().to_string();
        assert!(error.contains("a floating point number"), "{error}");
    }

    /// A JPEG of 3×2 pixels that a camera has turned: with an EXIF segment behind its first marker.
    fn turned(path: &Path, orientation: u8) {
        let image = RgbImage::from_fn(24, 16, |x, y| {
            image::Rgb([if x < 12 { 250 } else { 5 }, if y < 8 { 250 } else { 5 }, 0])
        });
        image.save(path).unwrap();
        let mut bytes = fs::read(path).unwrap();
        let mut exif =
            b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        bytes.splice(2..2, exif);
        fs::write(path, bytes).unwrap();
    }

    /// Where the corner lies that is bright in red and green, as the standard's table has it: row and
    /// column 0 are top and left, right and so on.
    #[test]
    fn images_are_turned_as_the_camera_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        for (orientation, [bottom, right], wide) in [
            (1, [0, 0], true),
            (2, [0, 1], true),
            (3, [1, 1], true),
            (4, [1, 0], true),
            (5, [0, 0], false),
            (6, [0, 1], false),
            (7, [1, 1], false),
            (8, [1, 0], false),
            (9, [0, 0], true),
        ] {
            turned(&path, orientation);
            let image = decode(&path, None).unwrap();
            let [height, width] = if wide { [16, 24] } else { [24, 16] };
            assert_eq!([image.height, image.width], [height, width], "{orientation}");
            let corner = |bottom: usize, right: usize| {
                let at = (bottom * (height - 1)) * width + right * (width - 1);
                image.pixels[at] > 128 && image.pixels[height * width + at] > 128
            };
            let found: Vec<[usize; 2]> = [[0, 0], [0, 1], [1, 0], [1, 1]]
                .into_iter()
                .filter(|[bottom, right]| corner(*bottom, *right))
                .collect();
            assert_eq!(found, [[bottom, right]], "{orientation}");
        }
    }

    /// Small files that promise very many pixels are refused before memory is taken for them.
    #[test]
    fn promises_are_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("a.png"), 1);
        write(&at("a.jpg"), 1);
        RgbImage::new(3, 2).save(at("a.bmp")).unwrap();
        RgbImage::new(3, 2).save(at("a.gif")).unwrap();
        let edit = |name: &str, place: usize, new: &[u8]| {
            let mut bytes = fs::read(at(name)).unwrap();
            bytes[place..place + new.len()].copy_from_slice(new);
            fs::write(at(name), bytes).unwrap();
        };
        let jpeg = fs::read(at("a.jpg")).unwrap();
        let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        for [low, high] in [[0xff, 0xff], [0xff, 0x7f]] {
            edit("a.jpg", frame + 5, &[high, low, high, low]);
            edit("a.gif", 6, &[low, high, low, high]);
            edit("a.bmp", 18, &[low, high, 0, 0, low, high, 0, 0]);
            for name in ["a.jpg", "a.gif", "a.bmp"] {
                assert!(decode(&at(name), None).is_err(), "{name}");
            }
        }
        fs::write(at("a.ppm"), "P6\n99999 99999\n255\nxyz").unwrap();
        assert!(decode(&at("a.ppm"), None).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        for path in [&path, Path::new("/dev/zero")] {
            let error = decode(path, None).unwrap_err();
            assert!(
                error.exit_code() == 2 && error.to_string().contains("not a regular file"),
                "{error}"
            );
        }
    }
}
