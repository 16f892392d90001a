//! The properties of what is drawn, and what is refused; the kernels are held against others' in [`golden`].

mod golden;

use std::borrow::Cow;

use tch::{Kind, Tensor};

use super::*;
use crate::Validate;
use crate::data::{Batch, DataSet, Examples, HeldOut, ImageList, Inputs, Order, Parts, Shape};
use golden::{grey, made};

fn recipe(text: &str) -> AugmentRecipe {
    let recipe: AugmentRecipe = toml::from_str(text).unwrap();
    recipe.validate().unwrap();
    recipe
}

/// χ² of `counts` against a uniform distribution.
fn chi2(counts: &[u32]) -> f64 {
    let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    counts.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum()
}

#[test]
fn crops_and_flips_are_uniform() {
    let crop = RandomCrop { size: 32, padding: 4, padding_mode: PaddingMode::Constant };
    let mut corners = [0u32; 81];
    let mut flips = [0u32; 2];
    for example in 0..20_000 {
        let draws = |transform| Draws::new(1, transform, 3, example);
        let [top, left] = crop.draw([3, 32, 32], &mut draws("augment/random-crop"));
        corners[top * 9 + left] += 1;
        flips[usize::from(draws("augment/horizontal-flip").chance(0.5))] += 1;
    }
    assert!(chi2(&corners) < 124.8, "{corners:?}"); // 80 degrees of freedom, p = 0.001
    assert!(chi2(&flips) < 10.8, "{flips:?}"); // 1 degree
}

#[test]
fn resized_crops_have_uniform_areas_and_log_ratios() {
    let crop: RandomResizedCrop = toml::from_str("size = 224").unwrap();
    // A square so large that what does not fit, and is drawn again, stays the exception: a ratio r
    // fits up to an area of min(r, 1/r).
    let (mut areas, mut ratios, mut fitting) = ([0u32; 10], [0u32; 10], 0);
    for example in 0..20_000 {
        let mut draws = Draws::new(1, "augment/random-resized-crop", 3, example);
        let area = crop.draw([3, 1000, 1000], &mut draws);
        assert!(area.top + area.height <= 1000 && area.left + area.width <= 1000);
        let share = (area.height * area.width) as f64 / 1e6;
        let ratio = area.width as f64 / area.height as f64;
        assert!((0.079..=1.001).contains(&share) && (0.745..1.34).contains(&ratio), "{area:?}");
        if share < 0.74 {
            fitting += 1;
            areas[((share - 0.08) / 0.66 * 10.0).clamp(0.0, 9.0) as usize] += 1;
            let log = (ratio.ln() / (4.0f64 / 3.0).ln() + 1.0) / 2.0;
            ratios[(log * 10.0).clamp(0.0, 9.0) as usize] += 1;
        }
    }
    assert!(fitting > 14_000, "{fitting}");
    assert!(chi2(&areas) < 27.9, "{areas:?}"); // 9 degrees of freedom, p = 0.001
    assert!(chi2(&ratios) < 27.9, "{ratios:?}");
    // Nothing of these shares fits: the middle, as wide as the ratio allows.
    let narrow = RandomResizedCrop { scale: [1.0, 1.0], ..crop };
    let area = narrow.draw([3, 10, 100], &mut Draws::new(1, "x", 1, 1));
    assert_eq!(area, Area { top: 0, left: 43, height: 10, width: 13 });
    let area = narrow.draw([3, 100, 10], &mut Draws::new(1, "x", 1, 1));
    assert_eq!(area, Area { top: 43, left: 0, height: 13, width: 10 });
}

#[test]
fn erased_areas_and_their_noise_are_as_asked() {
    let erasing: RandomErasing =
        toml::from_str("probability = 0.25\nmode = \"pixel\"\ncount = 2").unwrap();
    let (mut erased, mut noise) = (0, Vec::new());
    for example in 0..4000 {
        let mut draws = Draws::new(1, "augment/random-erasing", 3, example);
        let areas = erasing.draw([2, 60, 80], &mut draws);
        erased += usize::from(!areas.is_empty());
        for area in areas {
            assert!(area.top + area.height <= 60 && area.left + area.width <= 80);
            let share = (area.height * area.width) as f64 / 4800.0;
            assert!((0.008..0.36).contains(&share), "{area:?}");
            let patch = erasing.patch(area, &[(0.5, 0.2), (0.1, 0.0)], &mut draws);
            let (first, second) = patch.values.split_at(area.height * area.width);
            noise.extend(first.iter().map(|&x| f64::from(x)));
            assert!(second.iter().all(|&x| x == 0.1) && second.len() == first.len());
        }
    }
    assert!((900..1100).contains(&erased), "{erased}");
    let mean = noise.iter().sum::<f64>() / noise.len() as f64;
    let variance = noise.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / noise.len() as f64;
    assert!((mean - 0.5).abs() < 2e-3 && (variance - 0.04).abs() < 2e-4, "{mean} {variance}");
    let one = |mode: &str| -> Vec<f32> {
        let text = format!("probability = 1.0\nmode = \"{mode}\"");
        let erasing: RandomErasing = toml::from_str(&text).unwrap();
        let area = Area { top: 0, left: 0, height: 2, width: 3 };
        erasing.patch(area, &[(0.5, 0.2); 2], &mut Draws::new(1, "x", 1, 1)).values
    };
    assert_eq!(one("const"), [0.5; 12]);
    let rand = one("rand");
    assert!(rand[..6] == [rand[0]; 6] && rand[6..] == [rand[6]; 6] && rand[0] != rand[6]);
}

#[test]
fn rand_augment_draws_every_operation_alike() {
    let policy: RandAugment = "rand-m9-mstd0.5".parse().unwrap();
    let (mut counts, mut turns, mut filters) = ([0u32; 15], Vec::new(), [0u32; 2]);
    for example in 0..15_000 {
        let mut draws = Draws::new(1, "augment/rand-augment", 3, example);
        for (operation, filter) in policy.draw(Filter::Random, &mut draws) {
            let same = |index| {
                let other = Operation::at(index, 0.5, false, false);
                std::mem::discriminant(&other) == std::mem::discriminant(&operation)
            };
            counts[(0..15).position(same).unwrap()] += 1;
            filters[usize::from(filter == Interpolation::Bicubic)] += 1;
            if let Operation::Rotate(degrees) = operation {
                turns.push(degrees / 3.0);
            }
        }
    }
    assert!(chi2(&counts) < 36.1, "{counts:?}"); // 14 degrees of freedom, p = 0.001
    assert!(chi2(&filters) < 10.8, "{filters:?}");
    // Magnitudes are normal with mean 9 and standard deviation 0.5, cut at 10; signs are even.
    let magnitude = turns.iter().map(|turn| turn.abs()).sum::<f64>() / turns.len() as f64;
    assert!((magnitude - 9.0).abs() < 0.06, "{magnitude}");
    assert!(turns.iter().all(|turn| turn.abs() <= 10.0));
    let left = turns.iter().filter(|turn| **turn > 0.0).count() as f64 / turns.len() as f64;
    assert!((left - 0.5).abs() < 0.05, "{left}");
}

#[test]
fn mixtures_are_as_often_as_asked() {
    let mix: Mix =
        toml::from_str("mixup = 0.2\ncutmix = 1.0\nprobability = 0.8\nswitch_probability = 0.25")
            .unwrap();
    let mut counts = [0; 3];
    for batch in 0..4000 {
        match mix.draw([3, 20, 30], &mut Draws::new(1, "augment/mix", 1, batch)) {
            Mixing::None => counts[0] += 1,
            Mixing::Mixup(lambda) => {
                assert!((0.0..=1.0).contains(&lambda));
                counts[1] += 1;
            }
            Mixing::Cutmix(area) => {
                assert!(area.top + area.height <= 20 && area.left + area.width <= 30);
                counts[2] += 1;
            }
        }
    }
    for (count, expected) in counts.into_iter().zip([800, 2400, 800]) {
        assert!(i32::abs(count - expected) < 110, "{counts:?}");
    }
}

/// `count` images of 12×10 pixels in three classes.
fn examples(count: usize) -> Examples {
    let image = |n: usize| made(12, 10).pixels.into_iter().map(move |x| x.wrapping_add(n as u8));
    Examples {
        inputs: Inputs::bytes((0..count).flat_map(image).collect()),
        shape: Shape::Image([3, 12, 10]),
        labels: (0..count as i64).map(|n| n % 3).collect(),
        classes: ["a", "b", "c"].map(String::from).to_vec(),
    }
}

const EVERYTHING: &str = "horizontal_flip = 0.5
rand_augment = \"rand-m9-mstd0.5\"
random_resized_crop = { size = 16, interpolation = \"random\" }
color_jitter = { brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1 }
random_erasing = { probability = 0.5, mode = \"pixel\" }
evaluate = { resize = 20, crop = 16 }
";

fn parts(recipe: &AugmentRecipe, count: usize) -> crate::Result<Parts<'static>> {
    let part = || Cow::Owned(examples(6));
    let parts = Parts { train: examples(count), validation: part(), test: part() };
    recipe.parts(parts, 7)
}

/// Inputs and targets of each example by its row.
fn by_row(batches: crate::data::Batches, rows: &[usize]) -> Vec<(usize, Vec<f32>, i64)> {
    let all: Vec<Batch> = batches.map(Result::unwrap).collect();
    let inputs: Vec<Tensor> = all.iter().map(|batch| batch.inputs[0].shallow_clone()).collect();
    let labels: Vec<Tensor> = all.iter().map(|batch| batch.labels().unwrap()).collect();
    let (inputs, labels) = (Tensor::cat(&inputs, 0), Tensor::cat(&labels, 0));
    assert_eq!(inputs.size()[0], rows.len() as i64);
    let mut found: Vec<_> = rows
        .iter()
        .zip(0..)
        .map(|(&row, at)| {
            let values = inputs.get(at).flatten(0, -1).try_into().unwrap();
            (row, values, labels.int64_value(&[at]))
        })
        .collect();
    found.sort_by_key(|(row, ..)| *row);
    found
}

#[test]
fn threads_and_order_change_no_image_and_epochs_do() {
    let parts = parts(&recipe(EVERYTHING), 23).unwrap();
    let Inputs::Augmented(images) = &parts.train.inputs else { panic!() };
    let source = AugmentedSource::new(images.clone(), [3, 16, 16], parts.train.labels.clone(), 3);
    let found = |threads, epoch, rows: Vec<usize>, size| {
        let order = Order::new(epoch, rows);
        by_row(source.batches_by(threads, &order, size).unwrap(), &order.rows)
    };
    let forwards: Vec<usize> = (0..23).collect();
    let first = found(1, 1, forwards.clone(), 5);
    assert_eq!(first, found(4, 1, forwards.iter().rev().copied().collect(), 7));
    assert_eq!(first[20..], found(2, 1, vec![21, 20, 22], 100));
    let next = found(2, 2, forwards, 5);
    assert!(first.iter().zip(&next).all(|(a, b)| a.1 != b.1 && a.2 == b.2));
    assert!(first.iter().all(|(row, _, label)| *label == *row as i64 % 3));
}

/// As a class-balanced sampler repeats the examples of a rare class.
#[test]
fn an_image_that_comes_again_is_another_one() {
    let parts = parts(&recipe(EVERYTHING), 23).unwrap();
    let source = parts.train.source().unwrap();
    let order = Order::new(1, vec![4, 7, 4, 4]);
    assert_eq!(order.repeats, [0, 0, 1, 2]);
    // One at a time, so that none is mixed with another.
    let images = |order: &Order| -> Vec<Vec<f32>> {
        let batches = source.batches(order, 1).unwrap();
        batches.map(|batch| batch.unwrap().inputs[0].flatten(0, -1).try_into().unwrap()).collect()
    };
    let whole = images(&order);
    assert!(whole[0] != whole[2] && whole[2] != whole[3] && whole[0] != whole[3]);
    assert_eq!(images(&order.after(2)), whole[2..]);
}

#[test]
fn what_is_measured_is_the_same_each_time() {
    let parts = parts(&recipe(EVERYTHING), 9).unwrap();
    assert_eq!([parts.train.shape, parts.test.shape], [Shape::Image([3, 16, 16]); 2]);
    let evaluate = recipe(EVERYTHING).evaluate.unwrap();
    let expected: Vec<f32> = (0..6)
        .flat_map(|row| {
            let image = examples(6).inputs.image(row, [3, 12, 10]).unwrap();
            evaluate.apply(&image).pixels.into_iter().map(|pixel| f32::from(pixel) / 255.0)
        })
        .collect();
    let found: Vec<f32> = parts.test.tensor().unwrap().flatten(0, -1).try_into().unwrap();
    assert_eq!(found, expected);
    // Moments stay those of the images as they are stored.
    assert_eq!(parts.train.moments(), examples(9).moments());
    assert_eq!(parts.test.select(&[2]).tensor().unwrap().size(), [1, 3, 16, 16]);
}

#[test]
fn images_of_several_sizes_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = [(12, 10), (7, 9), (30, 4), (8, 8)];
    let write = |(at, (height, width)): (usize, (usize, usize))| {
        let image = made(height, width);
        let level =
            |x: u32, y: u32, c: usize| image.pixels[(c * height + y as usize) * width + x as usize];
        let path = folder.path().join(format!("{at}.png"));
        image::RgbImage::from_fn(width as u32, height as u32, |x, y| {
            image::Rgb([0, 1, 2].map(|c| level(x, y, c)))
        })
        .save(&path)
        .unwrap();
        path
    };
    let files = sizes.into_iter().enumerate().map(write).collect();
    let classes = ["a", "b"].map(String::from).to_vec();
    let examples = ImageList { files, labels: vec![0, 1, 0, 1], classes }.examples(None, None);
    let examples = examples.unwrap();
    let moments = examples.moments();
    let all: Vec<f64> = sizes
        .iter()
        .flat_map(|&(height, width)| grey(&made(height, width)).pixels)
        .map(|pixel| f64::from(pixel) / 255.0)
        .collect();
    assert!((moments[0].0 - all.iter().sum::<f64>() / all.len() as f64).abs() < 1e-9);
    let parts = |text: &str| {
        let part = Cow::Borrowed(&examples);
        let parts = Parts { train: examples.clone(), validation: part.clone(), test: part };
        recipe(text).parts(parts, 7)
    };
    let crop = "random_resized_crop = { size = 6 }\n";
    let both = parts(&format!("{crop}evaluate = {{ resize = 8, crop = 6 }}")).unwrap();
    assert_eq!(both.train.tensor().unwrap().size(), [4, 3, 6, 6]);
    let evaluate = Evaluate { resize: Some(8), crop: Some(6), ..Evaluate::default() };
    let expected: Vec<f32> = sizes
        .iter()
        .flat_map(|&(height, width)| evaluate.apply(&made(height, width)).pixels)
        .map(|pixel| f32::from(pixel) / 255.0)
        .collect();
    let found: Vec<f32> = both.test.tensor().unwrap().flatten(0, -1).try_into().unwrap();
    assert_eq!(found, expected);
    for (text, expected) in [
        (crop, "the validation images are of several sizes: `size` of the data"),
        ("", "brings them to one, and so does random_resized_crop"),
        ("random_crop = { size = 4 }", "random_crop takes images of one size only"),
        ("random_resized_crop = { size = 6 }\nevaluate = { resize = 6 }", "the validation images"),
    ] {
        let error = parts(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn patches_lie_on_top_of_the_image() {
    let erase = "random_erasing = { probability = 1.0 }\nnormalize = { mean = [7.0, 8.0, 9.0], \
                 std = [1.0, 1.0, 1.0] }";
    let recipe = recipe(erase);
    let parts = parts(&recipe, 4).unwrap();
    assert_eq!(parts.train.moments(), [(7.0, 1.0), (8.0, 1.0), (9.0, 1.0)]);
    let (erased, whole) = (parts.train.tensor().unwrap(), examples(4).tensor().unwrap());
    for example in 0..4 {
        let mut draws = Draws::new(7, "augment/random-erasing", 0, example);
        let area = recipe.random_erasing.as_ref().unwrap().draw([3, 12, 10], &mut draws)[0];
        let expected = whole.get(example as i64).copy();
        for channel in 0..3 {
            let rows = expected.get(channel).narrow(0, area.top as i64, area.height as i64);
            let _ = rows.narrow(1, area.left as i64, area.width as i64).fill_(7.0 + channel as f64);
        }
        assert_eq!(erased.get(example as i64), expected);
    }
}

#[test]
fn few_levels_become_256() {
    let inputs = Inputs::Pixels { values: vec![0, 1, 8, 16], brightest: 16 };
    assert_eq!(inputs.image(0, [1, 2, 2]).unwrap().pixels, [0, 16, 128, 255]);
    assert!(Inputs::Numbers(vec![0.0; 4]).image(0, [1, 2, 2]).is_err());
}

#[test]
fn no_augmentation_leaves_everything_as_it_is() {
    let parts = parts(&AugmentRecipe::default(), 5).unwrap();
    assert_eq!(parts.train, examples(5));
    assert_eq!(*parts.test, examples(6));
    assert_eq!(toml::to_string(&AugmentRecipe::default()).unwrap(), "");
}

#[test]
fn settings_are_spelt_out_and_come_back() {
    let all = recipe(&format!("{EVERYTHING}mix = {{ cutmix = 1.0 }}"));
    let text = toml::to_string(&all).unwrap();
    assert_eq!(recipe(&text), all);
    for line in [
        "horizontal_flip = 0.5",
        "rand_augment = \"rand-m9-mstd0.5\"",
        "scale = [0.08, 1.0]",
        "min_aspect = 0.3",
        "switch_probability = 0.5",
        "interpolation = \"bilinear\"",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn cards_say_what_is_read() {
    for card in AUGMENTATIONS {
        crate::card::tests::says_what_is_read::<AugmentRecipe>("augment", card);
        // A card is that of the key it is called after.
        let example: toml::Table = card.example.parse().unwrap();
        let recipe: AugmentRecipe = example["augment"].clone().try_into().unwrap();
        let asked: Vec<&str> = recipe.transforms().map(|(card, _)| card.name).collect();
        assert_eq!(asked, [card.name]);
    }
}

#[test]
fn senseless_settings_are_refused() {
    for (text, expected) in [
        ("horizontal_flip = 1.5", "horizontal_flip = 1.5 must lie in [0, 1]"),
        ("random_crop = { size = 0 }", "size = 0 must lie in [1, 4096]"),
        ("random_resized_crop = { size = 8, scale = [0.5, 0.1] }", "must ascend within (0, 1]"),
        ("random_resized_crop = { size = 8, ratio = [0.0, 1.0] }", "must ascend from above 0"),
        ("random_crop = { size = 8 }\nrandom_resized_crop = { size = 8 }", "exclude each other"),
        ("color_jitter = { hue = 0.6 }", "hue = 0.6 must lie in [0, 0.5]"),
        ("color_jitter = { contrast = -1.0 }", "contrast = -1 must be at least 0"),
        ("random_erasing = { probability = nan }", "probability = NaN must lie in [0, 1]"),
        ("random_erasing = { probability = 0.1, max_area = 2.0 }", "max_area = 2 must ascend"),
        ("mix = {}", "neither mixup nor cutmix"),
        ("mix = { mixup = 0.0 }", "mixup = 0 must lie in [0.001, 1000]"),
        ("normalize = { mean = [0.5], std = [0.0] }", "std above 0"),
        ("evaluate = { resize = 5000 }", "resize = 5000 must lie in [1, 4096]"),
    ] {
        let recipe: AugmentRecipe = toml::from_str(text).unwrap();
        let error = recipe.validate().unwrap_err().to_string();
        assert!(error.starts_with("augment: ") && error.contains(expected), "{error}");
    }
    let unknown = |text: &str| toml::from_str::<AugmentRecipe>(text).unwrap_err().to_string();
    for text in
        ["vertical_flip = 0.5", "random_crop = { size = 8, pad = 1 }", "evaluate = { a = 1 }"]
    {
        assert!(unknown(text).contains("unknown field"), "{}", unknown(text));
    }
    for (policy, expected) in [
        ("m9", "must begin with \"rand\""),
        ("rand-m11", "m must be whole, 0 to 10"),
        ("rand-m9.5", "m must be whole"),
        ("rand-w0", "\"w\" is none of m, mstd, n, p and inc"),
        ("rand-m", "\"m\" must be a key and a number"),
        ("rand-p1.5", "p must not exceed 1"),
    ] {
        let error = unknown(&format!("rand_augment = \"{policy}\""));
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_does_not_fit_the_images_is_refused() {
    let complaint = |text: &str| parts(&recipe(text), 3).unwrap_err().to_string();
    let bare = complaint("random_resized_crop = { size = 16 }");
    assert!(bare.contains("16×16 pixels, but measured ones 12×10: `evaluate`"), "{bare}");
    let large = complaint("random_crop = { size = 32, padding = 4 }");
    assert!(large.contains("12×10 pixels with a padding of 4 are fewer than size = 32"), "{large}");
    let mirror = complaint("random_crop = { size = 8, padding = 10, padding_mode = \"reflect\" }");
    assert!(mirror.contains("12×10 pixels are too few for a mirrored padding of 10"), "{mirror}");
    let means = complaint("normalize = { mean = [0.5], std = [0.5] }");
    assert!(means.contains("1 means for images of 3 channels"), "{means}");
    let inputs = Inputs::Numbers(vec![0.0; 360 * 3]);
    let numbers = Examples { inputs, shape: Shape::Row(360), ..examples(3) };
    let held_out = HeldOut::Given { validation: numbers.clone(), test: numbers.clone() };
    let data = DataSet::new("numbers".to_owned(), numbers, held_out);
    // Neither is there anything else to say of them, such as how many channels or pixels they have.
    for text in [
        "horizontal_flip = 0.5",
        "normalize = { mean = [0.5], std = [0.5] }",
        "random_crop = { size = 8 }",
        "evaluate = { crop = 8 }",
    ] {
        let error = recipe(text).parts(data.parts(1).unwrap(), 1).unwrap_err().to_string();
        assert_eq!(error, "augment: the examples are rows of numbers, not images");
    }
}

#[test]
fn a_loss_without_soft_targets_is_refused_where_there_are_some() {
    let (plain, mixed) = (recipe("horizontal_flip = 0.5"), recipe("mix = { mixup = 0.2 }"));
    for (spec, takes) in [("ce", true), ("el(le=0.5)", true), ("multimargin", false)] {
        let loss: steepness::Loss = spec.parse().unwrap();
        let criterion = loss.criterion(3).unwrap();
        assert!(plain.validate_loss(&loss, &criterion).is_ok());
        match mixed.validate_loss(&loss, &criterion) {
            Ok(()) => assert!(takes, "{spec}"),
            Err(error) => {
                let text = error.to_string();
                assert!(
                    !takes && text.contains("the loss multimargin(margin=1) does not take"),
                    "{text}"
                );
            }
        }
    }
    let parts = parts(&mixed, 6).unwrap();
    let source = parts.train.source().unwrap();
    let batch = source.in_order(6).unwrap().next().unwrap().unwrap();
    assert_eq!((batch.targets.size(), batch.targets.kind()), (vec![6, 3], Kind::Float));
    let sums: Vec<f32> = batch.targets.sum_dim_intlist(-1, false, Kind::Float).try_into().unwrap();
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6), "{sums:?}");
}
