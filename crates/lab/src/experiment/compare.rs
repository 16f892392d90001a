//! A comparison in the laboratory: the data are loaded, the recipe is tried out, and the runs are made
//! in its folder.

use std::path::Path;
use std::sync::Arc;

use super::environment::libraries;
use super::laboratory::Laboratory;
use super::{LabReader, Options, Recipe, frozen};
use crate::compare::launch::{Launch, Single};
use crate::compare::layout::MARKER;
use crate::compare::{
    self, AnyRecipe, Claim, Comparison, Content, EarlyProgress, Folder, SaidLines, Select, Setting,
    Work, folder_content,
};
use crate::data::{DataSet, InputSpec, Inputs, Shape, load};
use crate::models::{self, Backbone};
use crate::train::LargeMargin;
use crate::{Error, Result, Stop};

/// Makes all runs of `recipe` in the folder `out` that are not finished there already, where `launch` has
/// them made, and returns all of them, with the folder, which stays ours for the report.
///
/// # Errors
/// Before anything is written, what the recipe asks in vain, and a folder that cannot be taken (see
/// [`Folder::claim`]); then those of [`Work::make`].
pub fn compare(
    recipe: &Recipe,
    out: &Path,
    launch: &Launch,
    options: &Options,
) -> Result<(Comparison, Folder)> {
    launch.validate(&options.runs)?;
    with_work(recipe, out, options, true, |work| launch.make(work))
}

/// The runs of `recipe` that are not finished in the folder `out`, which is claimed for it: what
/// [`run_one`] is to make.
///
/// # Errors
/// As [`compare()`].
pub fn unfinished(recipe: &Recipe, out: &Path, options: &Options) -> Result<Vec<(Setting, u64)>> {
    with_work(recipe, out, options, false, |work| work.unfinished()).map(|(left, _)| left)
}

/// Makes the run of the setting that prints as `setting` and of `seed` of the comparison in the folder
/// `out`, whoever else works there; returns whether it was still to be made. `text` is the recipe that lies
/// there.
///
/// # Errors
/// A recipe that is none of the laboratory; those of [`Single::make`].
pub fn run_one(
    out: &Path,
    text: &str,
    setting: &str,
    seed: u64,
    options: &Options,
) -> Result<bool> {
    // Its paths are relative to where the comparison was started.
    let recipe = Recipe::parse(&out.join(MARKER), text, None)?;
    let stop = Stop(options.runs.stop);
    let (data, content) = read(&recipe, out, stop)?;
    let data = frozen::features(&recipe, data, &content, out, options.device, stop)?;
    let (data, plan) = (Arc::new(data), recipe.plan()?);
    let runner =
        Laboratory { recipe: &recipe, plan: &plan, data: &data, content: content.brief(), options };
    let (reader, stop) = (&LabReader, options.runs.stop);
    let single = Single { out, plan: &plan, reader, runner: &runner, content: &content, stop };
    Ok(single.make(setting, seed)?)
}

/// Claims the folder `out` for `recipe`, and has `done` what is to be done with its runs; `made` says
/// whether that makes any.
fn with_work<T>(
    recipe: &Recipe,
    out: &Path,
    options: &Options,
    made: bool,
    done: impl FnOnce(Work) -> compare::Result<T>,
) -> Result<(T, Folder)> {
    recipe.validate_writable()?;
    let recipe = &recipe.settled();
    // What cannot be tuned is said before the data are read.
    recipe.plan()?;
    attacked_in_vain(recipe)?;
    frozen::validate(recipe)?;
    let stop = Stop(options.runs.stop);
    let settings = recipe.settings()?;
    let (data, content) = read(recipe, out, stop)?;
    let data = Arc::new(data);
    let examples = stop.leave({
        let (recipe, data) = (recipe.clone(), data.clone());
        move || try_out(&recipe, &settings, &data)
    })?;
    let absent = data.absent(&recipe.seeds)?;
    let about = [vec![data.describe()], absent].concat().join("; ");
    let fresh = options.runs.fresh;
    let claim = Claim { recipe, reader: &LabReader, content: &content, about: &about, fresh };
    let (folder, recipe) = Folder::claim(out, claim)?;
    let data = match made && recipe.model.backbone().is_some() {
        true => {
            let images = Arc::unwrap_or_clone(data);
            Arc::new(frozen::features(&recipe, images, &content, out, options.device, stop)?)
        }
        false => data,
    };
    let plan = recipe.plan()?;
    let runner =
        Laboratory { recipe: &recipe, plan: &plan, data: &data, content: content.brief(), options };
    let work = Work {
        plan: &plan,
        reader: &LabReader,
        runner: &runner,
        folder: &folder,
        content: &content,
        about,
        classes: data.examples.classes.clone(),
        libraries: libraries(),
        epochs: recipe.all_epochs(),
        examples,
        options: &options.runs,
        said: SaidLines::default(),
    };
    let found = done(work)?;
    Ok((found, folder))
}

/// The data of `recipe` and their content, which does not change meanwhile; what the folder `out` knows of
/// them is believed.
fn read(recipe: &Recipe, out: &Path, stop: Stop) -> Result<(DataSet, Content)> {
    let (whole, path) = (recipe.clone(), out.to_owned());
    let (origins, known) = stop.leave(move || -> Result<_> {
        Ok((whole.origins(), folder_content(&path).ok().flatten()))
    })?;
    let hashed = origins.and_then(|origins| {
        let hashing = EarlyProgress::of_hashes(stop);
        let content = Content::watched(&origins, known.as_ref(), &|bytes| hashing.hear(bytes))?;
        Ok((origins, content))
    });
    stop.check()?;
    // What is wrong with the data, loading them says better than hashing.
    let recipe = recipe.clone();
    let data = stop.leave(move || load_all(&recipe))?;
    let (origins, content) = hashed?;
    let hashing = EarlyProgress::of_hashes(stop);
    content.verify_unchanged(&origins, &|bytes| hashing.hear(bytes))?;
    Ok((data, content))
}

/// The data, and all that is to be told from it.
fn load_all(recipe: &Recipe) -> Result<DataSet> {
    let mut data = load(&recipe.data)?;
    data.notes.extend(attacked_in_vain(recipe)?);
    if let Some(asked) = recipe.model.backbone() {
        // What is wrong with it is said before anything is written.
        let backbone = Backbone::load(&asked.path)?;
        let (name, side, width) = (backbone.name(), backbone.side(), backbone.width());
        data.notes.push(format!(
            "what learns sees the {width} features that {name}, frozen, makes of {side}×{side} pixels"
        ));
    }
    for asked in &recipe.ood {
        if data.ood.iter().any(|set| set.name == asked.name) {
            return Err(Error::Request(format!(
                "there are two sets of out-of-distribution examples called {}",
                asked.name
            )));
        }
        let set = asked.load(data.examples.shape)?;
        data.ood.push(set);
    }
    Ok(data)
}

/// Builds what the first runs need, so that a senseless recipe leaves nothing behind, and returns how
/// many predictions an epoch learns from.
fn try_out(recipe: &Recipe, settings: &[Setting], data: &DataSet) -> Result<usize> {
    if recipe.select == Select::Best && data.test_validates() {
        return Err(Error::Request(
            "validation = 0 leaves nothing to choose an epoch by: hold a share out, or say \
             select = \"last\" or \"test\""
                .to_owned(),
        ));
    }
    if recipe.tune.is_some() && (recipe.select == Select::Test || data.test_validates()) {
        return Err(Error::Request(
            "tune: there is no validation part that trials could be judged by: hold a share out with \
             validation, and say select = \"best\" or \"last\""
                .to_owned(),
        ));
    }
    if recipe.update.average.is_some()
        && (recipe.select != Select::Last || recipe.patience.is_some())
    {
        return Err(Error::Request(
            "update.average is the mean of the last epochs: it needs select = \"last\", and no \
             patience"
                .to_owned(),
        ));
    }
    let seed = recipe.seeds[0];
    let parts = data.parts(seed)?;
    let (train, input) = match recipe.model.backbone() {
        // However many features it makes, one layer is built on them.
        Some(_) => {
            let input = InputSpec::of_trained(Shape::Row(1), parts.train.classes.len());
            (parts.train, input)
        }
        None => {
            let train = recipe.augment.parts(parts, seed)?.train;
            let input = train.spec();
            (train, input)
        }
    };
    let model = models::build(&recipe.model, &input, seed)?;
    if let Some(margin) = &recipe.l_softmax {
        if recipe.augment.mix.is_some() {
            return Err(Error::Request(
                "l_softmax widens the angle of one label, and mix gives an example several".into(),
            ));
        }
        LargeMargin::new(margin, model.head())?;
    }
    if matches!(train.inputs, Inputs::Pairs(_)) && !recipe.ood.is_empty() {
        return Err(Error::Request(
            "ood is for images, tables and graphs, not for text".to_owned(),
        ));
    }
    if recipe.adversarial.is_some() && !train.are_images() {
        return Err(Error::Request(
            "adversarial is for images: a move of ε means nothing to other data".into(),
        ));
    }
    if let Some(adversarial) = &recipe.adversarial {
        adversarial.on(train.classes.len())?;
    }
    if let Some(attack) = recipe.attack.as_ref().filter(|_| train.are_images()) {
        attack.on(train.classes.len())?;
    }
    for Setting { loss, .. } in settings {
        let criterion = loss.criterion_with_counts(&train.counts())?;
        recipe.augment.validate_loss(loss, &criterion)?;
    }
    Ok(train.targets())
}
/// What there is to say of attacks of the recipe on data that are not attacked.
///
/// # Errors
/// Refuses those that would move an input: whoever asks for them expects to see what they did.
fn attacked_in_vain(recipe: &Recipe) -> Result<Option<String>> {
    let (why, meant) = match recipe.model.backbone() {
        Some(_) => ("attacks do not go through a frozen backbone", false),
        None => {
            let why = "attacks are for images: a move of ε means nothing to other data";
            (why, recipe.data.are_images())
        }
    };
    match recipe.attack.as_ref().filter(|_| !meant) {
        None => Ok(None),
        Some(attack) if attack.moves() => {
            Err(Error::Request(format!("[attack]: {why}; take it out of the recipe")))
        }
        Some(_) => Ok(Some(format!("[attack] has no effect: {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tch::Device;

    use super::*;
    use crate::attack::AttackRecipe;
    use std::num::NonZeroUsize;
    use std::sync::atomic::AtomicBool;

    /// A comparison on a table of 60 rows in `folder`.
    fn on_a_table(folder: &Path) -> Recipe {
        let rows: String = (0..60).map(|at| format!("{at}.5,{}\n", ["a", "b"][at % 2])).collect();
        let path = folder.join("t.csv");
        std::fs::write(&path, format!("x,kind\n{rows}")).unwrap();
        let data = toml::from_str(&format!("table = {{ path = {path:?} }}")).unwrap();
        Recipe { data, attack: None, ..Recipe::embedded().unwrap() }
    }

    /// Nothing is written by a comparison that is interrupted while it reads its data.
    #[test]
    fn a_signal_is_seen_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let stop = AtomicBool::new(true);
        let options = Options {
            runs: compare::Options {
                jobs: None,
                stop: &stop,
                terminal: false,
                fresh: false,
                keep_going: false,
            },
            device: Device::Cpu,
            checkpoint_every: Duration::ZERO,
            tensorboard: false,
            remarks: false,
        };
        let ended = super::compare(&on_a_table(folder.path()), &out, &Launch::default(), &options);
        assert!(ended.is_err_and(|error| error.is_interrupted()));
        assert!(!out.exists());
    }

    #[test]
    fn attacks_on_what_is_no_image_are_said_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let one = NonZeroUsize::MIN;
        let attacked = |epsilons: &[f64]| Recipe {
            attack: Some(AttackRecipe::short(epsilons, one, 0.1)),
            ..on_a_table(folder.path())
        };
        let error = load_all(&attacked(&[0.0, 0.1])).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains("take it out"), "{error}");
        let idle = attacked(&[0.0]);
        let about = load_all(&idle).unwrap().describe();
        assert!(about.contains("; [attack] has no effect: attacks are for images"), "{about}");
        // What has no effect makes no other run of it, whatever an earlier version left there.
        let without = on_a_table(folder.path());
        let setting = &idle.settings().unwrap()[0];
        for attacked in [idle.clone(), attacked(&[0.0, 0.1])] {
            let [attacked, without] = [&attacked, &without].map(|recipe| recipe.plan().unwrap());
            assert_eq!(attacked.differences(&without), [""; 0]);
            assert_eq!(attacked.run(setting, 0).unwrap(), without.run(setting, 0).unwrap());
        }
        let digits = Recipe::embedded().unwrap();
        assert!(digits.data.are_images() && digits.attack.is_some());
        let without = Recipe { attack: None, ..digits.clone() };
        assert!(!digits.plan().unwrap().differences(&without.plan().unwrap()).is_empty());
        assert_eq!(attacked_in_vain(&digits).unwrap(), None);
    }
}
