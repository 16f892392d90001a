//! The features that a pretrained network makes of images, once for all losses and seeds.
//!
//! What a frozen network says of an image is the same in every run: it is computed before the runs and kept
//! in the comparison's folder, below `features`, under a hash of all that decides it. There it is found again
//! by a later call, and by the processes that make single runs. What is kept is written whole, some hundred
//! images at a time, so that little is lost when the work is interrupted, each file with its hash beside it:
//! one that is damaged is made anew.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use sha2::{Digest, Sha256};
use tch::Device;

use super::Recipe;
use crate::compare::{Content, EarlyProgress, cores};
use crate::data::augment::AugmentRecipe;
use crate::data::{DataSet, Examples, HeldOut, Inputs, OodSet, Shape, npy};
use crate::models::Backbone;
use crate::words::several;
use crate::{Error, Result, Stop, console, durable};

/// Images at a time: what a network makes of so many takes some hundred megabytes, and a signal waits for
/// them.
const BATCH: usize = 8;
/// Images whose features are in a file.
const KEPT: usize = 512;
/// What else a file of features holds, at most: its head.
const HEAD: u64 = 1024;
/// Another number where features are made in another way than before.
const VERSION: u32 = 1;
/// Where they lie in a comparison's folder.
const FOLDER: &str = "features";

/// Refuses what a recipe with a frozen network asks in vain: its images are not changed from epoch to epoch.
///
/// # Errors
/// Names it.
pub(super) fn validate(recipe: &Recipe) -> Result<()> {
    if recipe.model.backbone().is_none() {
        return Ok(());
    }
    recipe.model.validate_takes(recipe.data.format().kind())?;
    let problem = if recipe.augment != AugmentRecipe::default() {
        "[augment]: a frozen backbone sees each image once, as its config.json says"
    } else if recipe.adversarial.is_some() {
        "[adversarial]: a frozen backbone does not learn from moved images"
    } else {
        return Ok(());
    };
    Err(Error::Request(format!("{problem}; take it out of the recipe")))
}

/// `data`, images of that `content`, as the features that the network of `recipe` makes of them, if it is a
/// frozen one; from the folder `out` as far as they are there, and kept there.
///
/// # Errors
/// A network that cannot be read, images that cannot be, features that are not finite;
/// [`Error::Interrupted`] once it is time to stop.
pub(super) fn features(
    recipe: &Recipe,
    data: DataSet,
    content: &Content,
    out: &Path,
    device: Device,
    stop: Stop,
) -> Result<DataSet> {
    let Some(asked) = recipe.model.backbone() else { return Ok(data) };
    let folder = out.join(FOLDER).join(key(recipe, content)?);
    fs::create_dir_all(&folder).map_err(Error::output(&folder))?;
    let work = || -> Result<DataSet> {
        tch::set_num_threads(cores() as i32);
        let backbone = Backbone::load(&asked.path)?;
        backbone.move_to(device)?;
        let total = all(&data).map(Examples::len).sum::<usize>();
        let line = move |done: u64| format!("features: {done} of {}", several(total, "image"));
        Cache { backbone, folder: &folder, counting: EarlyProgress::new(stop, line) }.of(data)
    };
    // A thread of its own: libtorch's number of threads belongs to the thread that sets it.
    let done = thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What decides the features: the files of the network and of the images, and how these are read.
fn key(recipe: &Recipe, content: &Content) -> Result<String> {
    let broken = |error: toml::ser::Error| Error::failed("features: ", error);
    let mut said = vec![VERSION.to_string(), content.digest()];
    said.push(toml::to_string(&recipe.data).map_err(broken)?);
    for ood in &recipe.ood {
        said.push(toml::to_string(ood).map_err(broken)?);
    }
    Ok(format!("{:x}", Sha256::digest(said.join("\0")))[..16].to_owned())
}

/// All examples of a data set.
fn all(data: &DataSet) -> impl Iterator<Item = &Examples> {
    let held_out: Vec<&Examples> = match &data.held_out {
        HeldOut::Shares(..) => Vec::new(),
        HeldOut::Validation { test, .. } => vec![test],
        HeldOut::Given { validation, test } => vec![validation, test],
    };
    let ood = data.ood.iter().map(|set| &set.examples);
    std::iter::once(&data.examples).chain(held_out).chain(ood)
}

/// The features of `examples`, images as they are stored: f32, row-major (examples, width). `hear` is told
/// how many images more are done.
///
/// # Errors
/// What cannot be decoded, features that are not finite, those of `hear`.
pub(super) fn of_images(
    backbone: &Backbone,
    examples: Examples,
    hear: &dyn Fn(usize) -> Result<()>,
) -> Result<Vec<f32>> {
    let evaluate = Some(backbone.transform().clone());
    let transform = AugmentRecipe { evaluate, ..AugmentRecipe::default() };
    let seen = transform.measured(Cow::Owned(examples))?;
    seen_features(backbone, &seen, hear)
}

/// As [`of_images`], of images that are scaled and cut already.
///
/// # Errors
/// As [`of_images`].
pub(super) fn seen_features(
    backbone: &Backbone,
    seen: &Examples,
    hear: &dyn Fn(usize) -> Result<()>,
) -> Result<Vec<f32>> {
    let mut values = Vec::with_capacity(seen.len() * backbone.width());
    for batch in seen.source()?.in_order(BATCH)? {
        let batch = batch?.to(backbone.device())?;
        let features = backbone.features(&batch.inputs[0])?;
        let first = values.len() / backbone.width().max(1);
        values.extend(Vec::<f32>::try_from(features.f_flatten(0, -1)?)?);
        if let Some(at) = values[first * backbone.width()..].iter().position(|x| !x.is_finite()) {
            let image = first + at / backbone.width().max(1) + 1;
            let (name, count) = (backbone.name(), seen.len());
            return Err(Error::Work(format!(
                "the features that {name} makes of image {image} of {count} are not finite"
            )));
        }
        hear(batch.len())?;
    }
    Ok(values)
}

/// Makes features, or finds them.
struct Cache<'a> {
    backbone: Backbone,
    folder: &'a Path,
    counting: EarlyProgress<'a>,
}

impl Cache<'_> {
    fn of(&self, data: DataSet) -> Result<DataSet> {
        // Whatever the size of an image, the network scales it.
        let [channels, ..] = data.examples.shape.image()?;
        let photos = Some(Shape::Image([channels, 0, 0]));
        let examples = self.part("examples", data.examples)?;
        let held_out = match data.held_out {
            shares @ HeldOut::Shares(..) => shares,
            HeldOut::Validation { share, test } => {
                HeldOut::Validation { share, test: self.part("test", test)? }
            }
            HeldOut::Given { validation, test } => HeldOut::Given {
                validation: self.part("validation", validation)?,
                test: self.part("test", test)?,
            },
        };
        let outside = |(at, set): (usize, OodSet)| -> Result<OodSet> {
            let examples = self.part(&format!("ood-{at}"), set.examples)?;
            Ok(OodSet { examples, ..set })
        };
        let ood = data.ood.into_iter().enumerate().map(outside).collect::<Result<_>>()?;
        Ok(DataSet { photos, examples, held_out, ood, ..data })
    }

    /// The features of a part.
    fn part(&self, name: &str, images: Examples) -> Result<Examples> {
        let width = self.backbone.width();
        let mut values = Vec::with_capacity(images.len() * width);
        for first in (0..images.len()).step_by(KEPT) {
            let rows: Vec<usize> = (first..images.len().min(first + KEPT)).collect();
            let path = self.folder.join(format!("{name}-{first:07}.npy"));
            if let Some(found) = read(&path, rows.len(), width)? {
                values.extend(found);
                self.counting.hear(rows.len() as u64)?;
                continue;
            }
            let hear = |done: usize| -> Result<()> { Ok(self.counting.hear(done as u64)?) };
            let made = of_images(&self.backbone, images.select(&rows), &hear)?;
            write(&path, &made, width)?;
            values.extend(made);
        }
        let (inputs, shape) = (Inputs::Numbers(values), Shape::Row(width));
        Ok(Examples { inputs, shape, ..images })
    }
}

/// Where the hash of the file at `path` is.
fn hash_of(path: &Path) -> PathBuf {
    path.with_extension("npy.sha256")
}

/// As `sha256sum` writes it and looks it up.
fn hash_line(path: &Path, bytes: &[u8]) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("{:x}  {name}\n", Sha256::digest(bytes))
}

/// Writes features, then their hash: without it they do not count.
fn write(path: &Path, values: &[f32], width: usize) -> Result<()> {
    npy::write_matrix(path, values, width)?;
    let bytes = fs::read(path).map_err(Error::input(path))?;
    Ok(durable::write(&hash_of(path), hash_line(path, &bytes).as_bytes())?)
}

/// The features of so many images that are kept at `path`; nothing where there are none, or where they are
/// damaged, which is said.
fn read(path: &Path, rows: usize, width: usize) -> Result<Option<Vec<f32>>> {
    let Ok(line) = fs::read_to_string(hash_of(path)) else { return Ok(None) };
    let most = (rows * width * 4) as u64 + HEAD;
    let found = || -> Result<Option<Vec<f32>>> {
        let about = fs::metadata(path).map_err(Error::input(path))?;
        if !about.is_file() || about.len() > most {
            return Ok(None);
        }
        let bytes = fs::read(path).map_err(Error::input(path))?;
        if hash_line(path, &bytes) != line {
            return Ok(None);
        }
        let found = npy::matrix_of(bytes, path)?;
        Ok(([found.rows, found.columns] == [rows, width]).then(|| found.values.to_f32()))
    };
    let found = found().ok().flatten();
    if found.is_none() {
        console::say(&format!("{} is damaged: its features are made anew", path.display()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::compare::{self, launch::Launch};
    use crate::data::{DataRecipe, TableChoices, load};
    use crate::experiment::{LabFiles, Options, Prediction, Predictor, Proposal, TrainingChoices};
    use crate::models::{ModelRecipe, vision_transformer};

    /// Photos of several sizes in two classes, and the recipe for them with a network in `folder`.
    fn photos(folder: &Path) -> Recipe {
        let path = folder.join("photos");
        for (class, red) in [("red", 200), ("blue", 20)] {
            fs::create_dir_all(path.join(class)).unwrap();
            for n in 0..12u8 {
                let photo = RgbImage::from_fn(40 + u32::from(n), 50, |x, y| {
                    Rgb([red + n, (x * 5) as u8, 220 - red + (y % 9) as u8])
                });
                photo.save(path.join(class).join(format!("{n}.png"))).unwrap();
            }
        }
        let network = folder.join("network");
        fs::create_dir_all(&network).unwrap();
        vision_transformer(&network);
        let epochs = NonZeroUsize::new(30);
        let wishes = TrainingChoices { backbone: Some(network), epochs, ..Default::default() };
        let scratch =
            Proposal::new(&path, &TableChoices::default(), &Default::default(), &|_, _| {});
        let word = "backbone    a pretrained network tells photos apart";
        assert!(scratch.unwrap().to_string().contains(word));
        let proposal = Proposal::new(&path, &TableChoices::default(), &wishes, &|_, _| {}).unwrap();
        let said = proposal.to_string();
        let model = "model       linear layer on the 192 features that vit_tiny_patch16_224, pretrained and \
                     frozen, makes of 32×32 pixels";
        assert!(said.contains(model) && !said.contains("--backbone"), "{said}");
        let mut recipe = proposal.recipe;
        recipe.losses.truncate(2);
        recipe.seeds = vec![0, 1];
        let DataRecipe::ImageFolder(images) = &recipe.data else { panic!() };
        assert_eq!(
            (images.size, &recipe.attack),
            (None, &None),
            "the network says how they are scaled"
        );
        recipe
    }

    fn content(recipe: &Recipe) -> Content {
        Content::of(&recipe.origins().unwrap(), None).unwrap()
    }

    /// The features, as all calls get them.
    fn made(recipe: &Recipe, out: &Path) -> DataSet {
        let (data, content) = (load(&recipe.data).unwrap(), content(recipe));
        features(recipe, data, &content, out, Device::Cpu, Stop::never()).unwrap()
    }

    #[test]
    fn features_are_made_once_and_damaged_ones_anew() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = photos(folder.path());
        let out = folder.path().join("out");
        let first = made(&recipe, &out);
        let shape = (first.examples.shape, first.examples.len(), first.photos);
        assert_eq!(shape, (Shape::Row(192), 24, Some(Shape::Image([3, 0, 0]))));
        let Inputs::Numbers(values) = &first.examples.inputs else { panic!() };
        let kept = out.join(FOLDER).join(key(&recipe, &content(&recipe)).unwrap());
        let file = kept.join("examples-0000000.npy");
        assert_eq!(npy::matrix(&file).unwrap().values.to_f32(), *values);

        // Whoever writes other numbers there, and their hash, gets them back: nothing is computed again.
        let other = vec![0.5f32; values.len()];
        write(&file, &other, 192).unwrap();
        assert_eq!(made(&recipe, &out).examples.inputs, Inputs::Numbers(other));

        let mut bytes = fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        for damaged in [&bytes[..], &bytes[..100], &[]] {
            fs::write(&file, damaged).unwrap();
            assert_eq!(made(&recipe, &out).examples.inputs, first.examples.inputs);
        }
        fs::remove_file(hash_of(&file)).unwrap();
        assert_eq!(made(&recipe, &out).examples.inputs, first.examples.inputs);

        // What decides them has another place.
        let before = key(&recipe, &content(&recipe)).unwrap();
        fs::copy(folder.path().join("photos/red/1.png"), folder.path().join("photos/red/99.png"))
            .unwrap();
        assert_ne!(key(&recipe, &content(&recipe)).unwrap(), before);
    }

    /// From photos to predictions, with a network that stays as it is.
    #[test]
    fn a_comparison_learns_from_features_and_predicts_photos() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = photos(folder.path());
        let out = folder.path().join("out");
        let stop = AtomicBool::new(false);
        let runs = compare::Options {
            jobs: Some(1),
            stop: &stop,
            terminal: false,
            fresh: false,
            keep_going: false,
        };
        let options = Options {
            runs,
            device: Device::Cpu,
            checkpoint_every: Duration::from_secs(60),
            tensorboard: false,
            remarks: true,
        };
        let made = |recipe: &Recipe| {
            crate::experiment::compare(recipe, &out, &Launch::default(), &options)
                .map(|(all, _)| all)
        };
        made(&recipe).unwrap();
        assert_eq!(fs::read_dir(out.join(FOLDER)).unwrap().count(), 1);
        let run = out.join("ce/seed=1");
        let files = compare::RunFiles::of_finished(&run).unwrap();
        let names: Vec<String> =
            files.weights().unwrap().into_iter().map(|(name, _)| name).collect();
        assert!(
            names.iter().all(|name| name.starts_with("head.") || name.starts_with("normalise."))
        );

        let predictor = Predictor::load(&run, Device::Cpu).unwrap();
        let found = predictor.predict(&[folder.path().join("photos")]).unwrap();
        assert_eq!((found.predictions.len(), found.not_read.len()), (24, 0));
        let is_right =
            |one: &&Prediction| one.name.contains(&format!("/{}/", one.classes[0].class));
        let right = found.predictions.iter().filter(is_right);
        assert!(right.count() > 20, "{:?}", found.predictions);

        // Without the network nothing can be said, and with another one nothing true.
        let weights = folder.path().join("network/model.safetensors");
        let mut bytes = fs::read(&weights).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&weights, &bytes).unwrap();
        let message = Predictor::load(&run, Device::Cpu).err().unwrap().to_string();
        assert!(
            message.contains("learned from its features: model.backbone has changed"),
            "{message}"
        );
        let message = made(&recipe).unwrap_err().to_string();
        assert!(
            message.contains("was made with other data: model.backbone has changed"),
            "{message}"
        );
        fs::remove_file(&weights).unwrap();
        let message = Predictor::load(&run, Device::Cpu).err().unwrap().to_string();
        assert!(message.contains("model.safetensors"), "{message}");
    }

    #[test]
    fn what_is_asked_of_it_in_vain_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let sound = photos(folder.path());
        validate(&sound).unwrap();
        let refused = |recipe: &Recipe| {
            let error = validate(recipe).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        let augment = toml::from_str("horizontal_flip = 0.5").unwrap();
        let flipped = Recipe { augment, ..sound.clone() };
        assert!(refused(&flipped).contains("[augment]: a frozen backbone sees each image once"));
        let data = toml::from_str("table = { path = 't.csv' }").unwrap();
        let rows = refused(&Recipe { data, ..sound.clone() });
        assert_eq!(rows, "the data are rows of numbers, which model.linear or model.mlp takes");
        let again = Recipe::parse(Path::new("again"), &sound.to_toml(), None).unwrap();
        assert_eq!(again, sound);
        assert!(matches!(again.model, ModelRecipe::Backbone(_)));
    }
}
