//! Every kernel against what Pillow, torchvision and timm give.
//!
//! The digests come from Pillow 13.0, torchvision 0.26 and timm 1.0.31 through these lines; each test
//! has the generator of its own case. `F` is `torchvision.transforms.functional`, `aa` is
//! `timm.data.auto_augment`.
//!
//! ```python
//! BL, BC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC
//! def made(h, w):
//!     c, y, x = np.mgrid[0:3, 0:h, 0:w]
//!     return ((x*x*7 + y*13 + x*y*(c+1) + c*101 + ((x//5 + y//3) % 2) * 60) % 256).astype(np.uint8)
//! MADE = [made(23, 37), made(40, 12), made(1, 1), made(2, 5)]
//! records = np.fromfile("cifar-10-subset/data_batch_1_first4000.bin", np.uint8).reshape(-1, 3073)
//! CIFAR = [record[1:].reshape(3, 32, 32) for record in records[:8]]
//! def digest(images, case):
//!     h = hashlib.sha256()
//!     for a in images:
//!         for im in [Image.fromarray(a.transpose(1, 2, 0).copy()), Image.fromarray(a[0])]:
//!             for out in case(im):
//!                 out = np.asarray(out)
//!                 h.update((out if out.ndim == 2 else out.transpose(2, 0, 1)).tobytes())
//!     return h.hexdigest()[:16]
//! def ops(name, args, filters=(BL,)):
//!     fill = lambda im: (125, 123, 114) if im.mode == "RGB" else 125
//!     return lambda im: (getattr(aa, name)(im, *a, fillcolor=fill(im), resample=f)
//!                        for a in args for f in filters)
//! ```

use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use super::super::affine::{Matrix, affine, rotation};
use super::super::horizontal_flip::horizontal_flip;
use super::super::*;
use crate::data::files::test_data;

const BOTH: [Interpolation; 2] = [Interpolation::Bilinear, Interpolation::Bicubic];

/// `made(h, w)` above.
pub(super) fn made(height: usize, width: usize) -> Raster {
    let level = |c: usize, y: usize, x: usize| {
        x * x * 7 + y * 13 + x * y * (c + 1) + c * 101 + ((x / 5 + y / 3) % 2) * 60
    };
    let shape = [3, height, width];
    let at = |n: usize| level(n / (height * width), n / width % height, n % width) as u8;
    Raster { pixels: (0..3 * height * width).map(at).collect(), shape }
}

/// `CIFAR` above, unless there is none.
fn cifar() -> Option<Vec<Raster>> {
    let folder = test_data("augmentation of CIFAR-10")?;
    let path = folder.join("cifar-10-subset/data_batch_1_first4000.bin");
    let bytes = std::fs::read(path).unwrap();
    let image = |record: &[u8]| Raster { pixels: record[1..].to_vec(), shape: [3, 32, 32] };
    Some(bytes.chunks_exact(3073).take(8).map(image).collect())
}

/// Its first channel.
pub(super) fn grey(image: &Raster) -> Raster {
    let [_, height, width] = image.shape;
    Raster { pixels: image.pixels[..height * width].to_vec(), shape: [1, height, width] }
}

/// The first 16 hex digits of the SHA-256 of what `case` makes of `images`.
fn digest(images: &[Raster], case: &dyn Fn(&Raster) -> Vec<Raster>) -> String {
    let mut hash = Sha256::new();
    for image in images {
        for image in [image.clone(), grey(image)] {
            case(&image).iter().for_each(|image| hash.update(&image.pixels));
        }
    }
    format!("{:x}", hash.finalize())[..16].to_owned()
}

/// Compares what `case` makes of `MADE` and `CIFAR` with their digests.
fn golden(expected: [&str; 2], case: impl Fn(&Raster) -> Vec<Raster>) {
    let images = [made(23, 37), made(40, 12), made(1, 1), made(2, 5)];
    assert_eq!(digest(&images, &case), expected[0]);
    if let Some(images) = cifar() {
        assert_eq!(digest(&images, &case), expected[1]);
    }
}

/// `ops(name, args)` above for operations in place.
fn in_place(image: &Raster, change: impl Fn(&mut Raster)) -> Raster {
    let mut image = image.clone();
    change(&mut image);
    image
}

/// lambda im: (F.resized_crop(im, t, l, h, w, s, f) for f in (BL, BC)
///     for t, l, h, w in [(0, 0, im.height, im.width),
///         (im.height // 3, im.width // 4, (im.height + 1) // 2, (im.width + 1) // 2)]
///     for s in [(224, 224), (7, 9), (im.height, 5), (3, im.width),
///         ((im.height + 1) // 2, (im.width + 1) // 2)])
#[test]
fn scaling_is_pillows() {
    golden(["9fafafa03443454a", "5bbb512f206cb5d1"], |image| {
        let [_, h, w] = image.shape;
        let half = Area { top: h / 3, left: w / 4, height: h.div_ceil(2), width: w.div_ceil(2) };
        let sizes = [[224, 224], [7, 9], [h, 5], [3, w], [h.div_ceil(2), w.div_ceil(2)]];
        let mut made = Vec::new();
        for filter in BOTH {
            for area in [image.area(), half] {
                made.extend(sizes.map(|size| resize(image, area, size, filter)));
            }
        }
        made
    });
}

/// With and without AVX2 the same.
#[test]
fn scaling_does_not_depend_on_the_processor() {
    let image = made(61, 97);
    for filter in BOTH {
        let [fast, plain] =
            [true, false].map(|fast| resample::tests::rows(&image, 33, filter, fast));
        assert_eq!(fast, plain);
    }
}

fn mapped(image: &Raster, matrices: &[Matrix]) -> Vec<Raster> {
    let fill = &[125, 123, 114][..image.shape[0]];
    let both = |matrix| BOTH.map(|filter| affine(image, matrix, filter, fill));
    matrices.iter().flat_map(both).collect()
}

/// ops("rotate", [(0,), (27.,), (-13.7,), (90.,), (180.,), (30.,)], (BL, BC)), and
/// "shear_x" [(0.,), (0.27,), (-0.3,)], "shear_y" [(0.27,), (-0.3,)], "translate_x_rel" and
/// "translate_y_rel" [(0.405,), (-0.45,)]
#[test]
fn affine_maps_are_pillows() {
    golden(["ee29e885eb718577", "51a4ed1a5ae7601e"], |image| {
        let [_, height, width] = image.shape;
        let angles = [0.0, 27.0, -13.7, 90.0, 180.0, 30.0];
        mapped(image, &angles.map(|angle| rotation(angle, [height, width])))
    });
    golden(["4c31c759dc84c608", "450820b4d1577d3c"], |image| {
        mapped(image, &[0.0, 0.27, -0.3].map(|by| [1.0, by, 0.0, 0.0, 1.0, 0.0]))
    });
    golden(["16744f470b286042", "eabcc29662db33a0"], |image| {
        mapped(image, &[0.27, -0.3].map(|by| [1.0, 0.0, 0.0, by, 1.0, 0.0]))
    });
    golden(["036109e4ee5c1a7a", "126bbad93a8521a1"], |image| {
        let width = image.shape[2] as f64;
        mapped(image, &[0.405, -0.45].map(|by| [1.0, 0.0, by * width, 0.0, 1.0, 0.0]))
    });
    golden(["3ee0a16fe2c7b350", "c31c54b31cbd987c"], |image| {
        let height = image.shape[1] as f64;
        mapped(image, &[0.405, -0.45].map(|by| [1.0, 0.0, 0.0, 0.0, 1.0, by * height]))
    });
}

/// ops("auto_contrast", [()]), "equalize" [()], "invert" [()], "posterize" [(1,), ..., (8,)],
/// "solarize" [(0,), (26,), (128,), (256,)], "solarize_add" [(0,), (99,), (110,)]
#[test]
fn maps_of_levels_are_pillows() {
    golden(["d6427867dcc24be1", "50321185edb34c20"], |image| {
        vec![in_place(image, levels::auto_contrast)]
    });
    golden(["b236094ae5baf24e", "aee0dec34dcbbcfa"], |image| {
        vec![in_place(image, levels::equalize)]
    });
    golden(["76169eb00f4f925f", "b03886bf040d5bc7"], |image| vec![in_place(image, levels::invert)]);
    golden(["fe88a81a4d4c5599", "9c1020f54e881036"], |image| {
        (1..9).map(|bits| in_place(image, |image| levels::posterize(image, bits))).collect()
    });
    golden(["b1dbf0a615553361", "32c7ac3b15f08789"], |image| {
        let solarize = |from| in_place(image, |image| levels::solarize(image, from));
        [0, 26, 128, 256].map(solarize).to_vec()
    });
    golden(["254467dcbf28f2f4", "29464c3d2a89d35a"], |image| {
        [0, 99, 110].map(|add| in_place(image, |image| levels::solarize_add(image, add))).to_vec()
    });
    // Pillow refuses 0 bits, timm's older versions had none left.
    let black = in_place(&made(3, 4), |image| levels::posterize(image, 0));
    assert!(black.pixels.iter().all(|&pixel| pixel == 0));
}

/// ops("color", [(0.1,), (0.5,), (1.,), (1.72,), (1.9,)]), and the same for "contrast", "brightness"
/// and "sharpness"; lambda im: (F.adjust_hue(im, t) for t in (-0.5, -0.1, 0., 0.1, 0.5))
#[test]
fn colours_are_pillows() {
    let factors = |image: &Raster, change: fn(&mut Raster, f64)| {
        let one = |factor| in_place(image, |image| change(image, factor));
        [0.1, 0.5, 1.0, 1.72, 1.9].map(one).to_vec()
    };
    golden(["532a985b6cf96f95", "4c3a6520085d35f0"], |image| factors(image, color::saturation));
    golden(["9295ab9174236f6d", "5734569136ab9f9f"], |image| factors(image, color::contrast));
    golden(["d2fdd867588ef40c", "b94f14e7e1ec5bc9"], |image| factors(image, color::brightness));
    golden(["628c8a4a782fa784", "2352949487b5f682"], |image| factors(image, color::sharpness));
    golden(["884e7bb2327569a7", "f907b67e66f30381"], |image| {
        let turn = |turns| in_place(image, |image| color::hue(image, turns));
        [-0.5, -0.1, 0.0, 0.1, 0.5].map(turn).to_vec()
    });
}

/// lambda im: (F.center_crop(F.resize(im, s, f), c) for s, c, f in [(256, 224, BL), (16, 13, BC),
///     (8, 11, BL)]), where f are torchvision's `InterpolationMode`s
#[test]
fn evaluation_is_torchvisions() {
    golden(["a517c15f781f7ad9", "a75603ffe8d31cf8"], |image| {
        let case = |(resize, crop, interpolation)| {
            let evaluate = Evaluate { resize: Some(resize), crop: Some(crop), interpolation };
            let made = evaluate.apply(image);
            assert_eq!(made.shape, evaluate.shape(image.shape));
            made
        };
        [(256, 224, BOTH[0]), (16, 13, BOTH[1]), (8, 11, BOTH[0])].map(case).to_vec()
    });
}

/// lambda im: (F.crop(F.pad(im, 4, 0, m), 3, 1, min(im.size), min(im.size)) for m in
///     (("constant", "edge", "reflect", "symmetric") if min(im.size) > 4 else ("constant", "edge")))
#[test]
fn padded_crops_are_torchvisions() {
    golden(["660fd5f10a9adb94", "7a58fb4fa9aa1be8"], |image| {
        let [_, height, width] = image.shape;
        let modes = [
            PaddingMode::Constant,
            PaddingMode::Edge,
            PaddingMode::Reflect,
            PaddingMode::Symmetric,
        ];
        let crop = |padding_mode| RandomCrop { size: height.min(width), padding: 4, padding_mode };
        let fitting = modes.map(crop).into_iter().filter(|crop| crop.fits(image.shape).is_ok());
        fitting.map(|crop| crop.crop(image, [3, 1])).collect()
    });
}

#[test]
fn flips_mirror_rows() {
    let image = made(3, 5);
    let mirrored = in_place(&image, horizontal_flip);
    for (row, mirrored) in image.rows().zip(mirrored.rows()) {
        assert!(row.iter().eq(mirrored.iter().rev()));
    }
}

/// aa.LEVEL_TO_ARG[name](m, {}) for every name of aa._RAND_TRANSFORMS and
/// aa._RAND_INCREASING_TRANSFORMS, with aa._randomly_negate = lambda v: v, and -v
#[test]
fn magnitudes_are_timms() {
    let arguments = |magnitude: f64, increasing, negate| -> Vec<f64> {
        let argument = |index| match Operation::at(index, magnitude / 10.0, increasing, negate) {
            Operation::AutoContrast | Operation::Equalize | Operation::Invert => None,
            Operation::Posterize(bits) => Some(f64::from(bits)),
            Operation::Solarize(level) | Operation::SolarizeAdd(level) => Some(level as f64),
            Operation::Rotate(x)
            | Operation::Color(x)
            | Operation::Contrast(x)
            | Operation::Brightness(x)
            | Operation::Sharpness(x)
            | Operation::ShearX(x)
            | Operation::ShearY(x)
            | Operation::TranslateXRel(x)
            | Operation::TranslateYRel(x) => Some(x),
        };
        (0..15).filter_map(argument).collect()
    };
    let moves = |turn: f64, shear: f64, shift: f64| [turn, shear, shear, shift, shift];
    for (magnitude, increasing, negate, [rotate, rest @ ..], tones, enhance) in [
        (3.7, false, false, moves(11.1, 0.111, 0.1665), [1.0, 94.0, 40.0], 0.766),
        (9.0, false, true, moves(-27.0, -0.27, -0.405), [3.0, 230.0, 99.0], 1.7200000000000002),
        (10.0, false, false, moves(30.0, 0.3, 0.45), [4.0, 256.0, 110.0], 1.9000000000000001),
        (0.0, false, false, moves(0.0, 0.0, 0.0), [0.0, 0.0, 0.0], 0.1),
        (9.0, true, false, moves(27.0, 0.27, 0.405), [1.0, 26.0, 99.0], 1.81),
        (9.0, true, true, moves(-27.0, -0.27, -0.405), [1.0, 26.0, 99.0], 0.18999999999999995),
        (10.0, true, true, moves(-30.0, -0.3, -0.45), [0.0, 0.0, 110.0], 0.1),
    ] {
        let expected: Vec<f64> =
            [rotate].into_iter().chain(tones).chain([enhance; 4]).chain(rest).collect();
        assert_eq!(arguments(magnitude, increasing, negate), expected, "{magnitude}");
    }
}

/// x = torch.tensor((np.arange(4*3*6*5) * 37 % 256).reshape(4, 3, 6, 5).astype(np.float32)) / 255
/// mixup = timm.data.mixup.Mixup(num_classes=3, label_smoothing=0.)
/// mixup._params_per_batch = lambda: (0.3, False)   # and (0.3, True) with
/// timm.data.mixup.cutmix_bbox_and_lam = lambda *a, **k: ((1, 4, 2, 5), 1 - 9/30.)
/// x, t = mixup(x.clone(), torch.tensor([2, 0, 1, 1])); hashlib.sha256(x.numpy().tobytes())
#[test]
fn mixing_is_timms() {
    let values: Vec<f32> = (0..4 * 3 * 6 * 5).map(|n| (n * 37 % 256) as f32).collect();
    let images = Tensor::from_slice(&values).view([4, 3, 6, 5]) / 255.0;
    let labels = Tensor::from_slice(&[2i64, 0, 1, 1]);
    let area = Area { top: 1, left: 2, height: 3, width: 3 };
    for (mixing, inputs, own, other) in [
        (Mixing::Mixup(0.3), "909d46a5d2f2bdbb", 0.3f32, 0.7f32),
        (Mixing::Cutmix(area), "1181f8f52cbf4ac4", 0.7, 0.3),
    ] {
        let mut mixed = images.copy();
        let targets = mixing.apply(&mut mixed, &labels, [3, 6, 5], 3).unwrap();
        let values: Vec<f32> = mixed.flatten(0, -1).try_into().unwrap();
        let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        assert_eq!(format!("{:x}", Sha256::digest(bytes))[..16], *inputs);
        let targets: Vec<f32> = targets.flatten(0, -1).try_into().unwrap();
        let rows = [[0.0, other, own], [own, other, 0.0], [other, own, 0.0], [0.0, own, other]];
        assert_eq!(targets, rows.concat());
    }
    let mut same = images.copy();
    let targets = Mixing::None.apply(&mut same, &labels, [3, 6, 5], 3).unwrap();
    assert!(same == images && targets.kind() == Kind::Float);
    assert_eq!(targets.argmax(-1, false), labels);
}
