//! Settings × seeds: makes the runs, several at once where cores are idle, and puts them together.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tch::Device;

use super::environment::cores;
use super::folder::{Claim, folder_content};
use super::hashing::Hashing;
use super::progress::Progress;
use super::{
    Comparison, Estimate, Folder, Group, Recipe, Run, RunDir, RunFiles, Select, Setting, run,
};
use crate::data::{Content, DataSet, Inputs, load};
use crate::models;
use crate::train::LargeMargin;
use crate::{Error, Result, Stop};

/// How a comparison is made; nothing here changes its result.
#[derive(Debug)]
pub struct Options<'a> {
    /// Runs side by side; without it, as many as the cores have room for.
    pub jobs: Option<usize>,
    /// Where the models run.
    pub device: Device,
    /// Set from outside to stop: runs save a checkpoint after their step and leave.
    pub stop: &'a AtomicBool,
    /// Least time between two checkpoints of a training; there is always one at its end.
    pub checkpoint_every: Duration,
    /// Whether each training gets an event file for TensorBoard.
    pub tensorboard: bool,
    /// Whether the standard error is a terminal that a bar can be drawn on.
    pub terminal: bool,
    /// Whether what is damaged in the folder, and what was made of other data or of another recipe, is
    /// set aside and made anew, where it would be refused.
    pub fresh: bool,
    /// Whether what is to be known of the data is still to be said.
    pub remarks: bool,
}

/// Makes all runs of `recipe` in the folder `out` that are not finished there already, and returns
/// all of them, with the folder, which stays ours for the report.
///
/// # Errors
/// Before anything is written, what the recipe asks in vain, and a folder that cannot be taken (see
/// [`Folder::claim`]); then [`Error::Interrupted`] once `stop` is set, and the first failure of a
/// run, after the runs beside it have saved where they stand.
pub fn compare(recipe: &Recipe, out: &Path, options: &Options) -> Result<(Comparison, Folder)> {
    recipe.check_writable()?;
    attacked_in_vain(recipe)?;
    let stop = Stop(options.stop);
    let settings = recipe.settings()?;
    let (data, content) = read(recipe, out, stop)?;
    let data = Arc::new(data);
    let examples = stop.leave({
        let (recipe, settings, data) = (recipe.clone(), settings.clone(), data.clone());
        move || try_out(&recipe, &settings, &data)
    })?;
    let claim = Claim { recipe, content: &content, about: data.describe(), fresh: options.fresh };
    let folder = Folder::claim(out, claim)?;
    let recipe = &folder.recipe;
    // Pairs of a seed come together, so that a stopped comparison has whole pairs.
    let each = |&seed: &u64| settings.iter().map(move |setting| (setting, seed));
    let pairs: Vec<(&Setting, u64)> = recipe.seeds.iter().flat_map(each).collect();
    let work = Work { recipe, data: &data, content: content.brief(), out, options };
    let estimate = work.estimate(&pairs, stop)?;
    let measuring = estimate.map_or(0.0, |estimate| estimate.measuring) as u64;
    let (epochs, terminal) = (recipe.all_epochs(), options.terminal);
    let progress = Progress::new(pairs.len(), epochs, examples, measuring, terminal);
    folder.notes.iter().for_each(|note| progress.say(note));
    if let Some(estimate) = estimate {
        if options.remarks {
            data.remarks().iter().for_each(|remark| progress.say(remark));
        }
        attacks_in_others_place(recipe, &data)?.iter().for_each(|word| progress.say(word));
        progress.say(&estimate.to_string());
    }
    let runs = work.make_all(&pairs, &progress);
    progress.close();
    let mut runs = runs?;
    for (run, (_, seed)) in runs.iter_mut().zip(&pairs) {
        // Older runs do not say it.
        if let Some(run) = run.as_mut().filter(|run| run.measures.overlap.is_none()) {
            run.measures.overlap = Some(data.overlap(*seed)?);
        }
    }
    let groups = settings.iter().enumerate().map(|(at, setting)| {
        let of_setting = |seed: usize| runs[seed * settings.len() + at].take();
        let of_setting = (0..recipe.seeds.len()).filter_map(of_setting).collect();
        Group { setting: setting.clone(), runs: of_setting }
    });
    let groups = groups.collect();
    let classes = data.examples.classes.clone();
    Ok((Comparison::of(recipe, data.describe(), classes, groups), folder))
}

/// The data of `recipe` and their content, which does not change meanwhile; what the folder `out` knows of
/// them is believed.
fn read(recipe: &Recipe, out: &Path, stop: Stop) -> Result<(DataSet, Content)> {
    let (whole, path) = (recipe.clone(), out.to_owned());
    let found = stop.leave(move || Ok((whole.origins(), folder_content(&path).ok().flatten())))?;
    let (origins, known) = found;
    let hashed = origins.and_then(|origins| {
        let hashing = Hashing::new(stop);
        let content = Content::watched(&origins, known.as_ref(), &|bytes| hashing.hear(bytes))?;
        Ok((origins, content))
    });
    stop.check()?;
    // What is wrong with the data, loading them says better than hashing.
    let recipe = recipe.clone();
    let data = stop.leave(move || load_all(&recipe))?;
    let (origins, content) = hashed?;
    let hashing = Hashing::new(stop);
    content.check_still(&origins, &|bytes| hashing.hear(bytes))?;
    Ok((data, content))
}

/// The data, and all that is to be told from it.
fn load_all(recipe: &Recipe) -> Result<DataSet> {
    let mut data = load(&recipe.data)?;
    data.notes.extend(attacked_in_vain(recipe)?);
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
    let train = recipe.augment.parts(data.parts(seed)?, seed)?.train;
    let model = models::build(&recipe.model, &train, seed)?;
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
    if recipe.adversarial.is_some() && !train.inputs.are_images() {
        return Err(Error::Request(
            "adversarial is for images: a move of ε means nothing to other data".into(),
        ));
    }
    if let Some(adversarial) = &recipe.adversarial {
        adversarial.on(train.classes.len())?;
    }
    if let Some(attack) = recipe.attack.as_ref().filter(|_| train.inputs.are_images()) {
        attack.on(train.classes.len())?;
    }
    for Setting { loss, .. } in settings {
        let criterion = loss.criterion_with_counts(&train.counts())?;
        recipe.augment.check_loss(loss, &criterion)?;
    }
    Ok(train.targets())
}

/// What there is to say of attacks of the recipe on data that are not attacked.
///
/// # Errors
/// Refuses those that would move an input: whoever asks for them expects to see what they did.
fn attacked_in_vain(recipe: &Recipe) -> Result<Option<String>> {
    let why = "attacks are for images: a move of ε means nothing to other data";
    match recipe.attack.as_ref().filter(|_| !recipe.data.are_images()) {
        None => Ok(None),
        Some(attack) if attack.moves() => {
            Err(Error::Request(format!("[attack]: {why}; take it out of the recipe")))
        }
        Some(_) => Ok(Some(format!("[attack] has no effect: {why}"))),
    }
}

/// A word for each attack of the recipe that another takes the place of, on images of two classes.
fn attacks_in_others_place(recipe: &Recipe, data: &DataSet) -> Result<Vec<String>> {
    match recipe.attack.as_ref().filter(|_| data.examples.inputs.are_images()) {
        Some(attack) => Ok(attack.on(data.examples.classes.len())?.1),
        None => Ok(Vec::new()),
    }
}

/// What all runs of a comparison have in common.
struct Work<'a> {
    recipe: &'a Recipe,
    data: &'a Arc<DataSet>,
    content: Content,
    out: &'a Path,
    options: &'a Options<'a>,
}

impl Work<'_> {
    /// What the runs take that are not finished; `None` if all are.
    fn estimate(&self, pairs: &[(&Setting, u64)], stop: Stop) -> Result<Option<Estimate>> {
        let (mut left, mut last) = (0, None);
        for &(setting, seed) in pairs {
            let run = self.recipe.run(setting, seed);
            if !RunDir::new(self.out, setting, seed).finished(&run, &self.content)? {
                left += 1;
                last = Some(run);
            }
        }
        let Some(last) = last else { return Ok(None) };
        if left < pairs.len() {
            self.check_choice(pairs)?;
        }
        let jobs = self.jobs(left);
        let (data, device) = (self.data.clone(), self.options.device);
        let threads = self.recipe.threads.get();
        stop.leave(move || {
            // A thread of its own: libtorch's number of threads belongs to the thread that sets it.
            tch::set_num_threads(threads as i32);
            Estimate::new(&last, &data, device, left, jobs).map(Some)
        })
    }

    /// Refuses to add runs to finished ones whose epoch an older version chose by another rule: their
    /// difference would be one of rules, not of losses.
    fn check_choice(&self, pairs: &[(&Setting, u64)]) -> Result<()> {
        let select = self.recipe.select;
        if select == Select::Last {
            return Ok(());
        }
        for &(setting, seed) in pairs {
            let (dir, recipe) =
                (RunDir::new(self.out, setting, seed), self.recipe.run(setting, seed));
            if !dir.finished(&recipe, &self.content)? {
                continue;
            }
            let classes = self.data.examples.classes.len();
            let run = RunFiles::at(dir.path())?.run(&recipe, classes)?;
            if let (Some(then), Some(today)) = (run.epoch(select), run.epoch_today(select)) {
                return Err(Error::Request(format!(
                    "{} was measured after epoch {then} by an older version, which took the earliest \
                     of equally accurate epochs; today it would be epoch {today}, and new runs are \
                     not compared with that: --out names another folder",
                    dir.path().display()
                )));
            }
        }
        Ok(())
    }

    /// How many of `runs` are made side by side.
    fn jobs(&self, runs: usize) -> usize {
        // Of a GPU there is one, however many cores there are.
        let one = self.options.device.is_cuda();
        let most = if one { 1 } else { cores() / self.recipe.threads.get() };
        self.options.jobs.unwrap_or(most).clamp(1, runs)
    }

    /// Makes `pairs` in worker threads; the runs come back in the order of the pairs.
    fn make_all(&self, pairs: &[(&Setting, u64)], progress: &Progress) -> Result<Vec<Option<Run>>> {
        let threads = self.recipe.threads.get();
        let stop = self.options.stop;
        let next = AtomicUsize::new(0);
        let runs: Mutex<Vec<Option<Run>>> = Mutex::new(pairs.iter().map(|_| None).collect());
        let failure = Mutex::new(None);
        let work = || {
            // libtorch keeps this number for each thread that calls it.
            tch::set_num_threads(threads as i32);
            while !stop.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(&(setting, seed)) = pairs.get(at) else { return };
                match self.make(setting, seed, progress) {
                    Ok(run) => hold(&runs)[at] = Some(run),
                    Err(error) => {
                        // The first failure stops the runs beside it, whose own answer is then
                        // that they were interrupted.
                        hold(&failure).get_or_insert(error);
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs(pairs.len()) {
                scope.spawn(work);
            }
        });
        match failure.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            Some(error) => Err(error),
            None if stop.load(Ordering::Relaxed) => Err(Error::Interrupted),
            None => Ok(runs.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())),
        }
    }

    /// One run: made, or read back where it is finished.
    fn make(&self, setting: &Setting, seed: u64, progress: &Progress) -> Result<Run> {
        let place = |error: Error| match error {
            Error::Work(problem) => Error::Work(format!("{setting}, seed {seed}: {problem}")),
            error => error,
        };
        let epochs = self.recipe.all_epochs();
        let (dir, recipe) = (RunDir::new(self.out, setting, seed), self.recipe.run(setting, seed));
        let classes = self.data.examples.classes.len();
        if dir.finished(&recipe, &self.content)? {
            progress.skipped(epochs);
            let files = RunFiles::at(dir.path())?;
            // Runs of earlier versions read some tables in another way: they are no partners.
            if !self.data.columns.is_empty()
                && let Some(what) = files.reader()?.difference(self.data)
            {
                return Err(Error::Request(format!(
                    "{} read its table in another way, as an earlier version did: {what}; \
                     `compare --fresh` makes it anew",
                    dir.path().display()
                )));
            }
            let run = files.run(&recipe, classes)?;
            if !files.is_sealed() {
                // From now on it is noticed if something happens to it.
                dir.seal()?;
            }
            return Ok(run);
        }
        let monitor = progress.of(setting, seed);
        run(&recipe, self.data, &self.content, &dir, self.options, &monitor).map_err(place)?;
        let run = RunFiles::at(dir.path())?.run(&recipe, classes)?;
        progress.finished(setting, &run);
        Ok(run)
    }
}

fn hold<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::AttackRecipe;
    use std::num::NonZeroUsize;

    /// A comparison on a table of 60 rows in `folder`.
    fn on_a_table(folder: &Path) -> Recipe {
        let rows: String = (0..60).map(|at| format!("{at}.5,{}\n", ["a", "b"][at % 2])).collect();
        let path = folder.join("t.csv");
        std::fs::write(&path, format!("x,kind\n{rows}")).unwrap();
        let data = toml::from_str(&format!("table = {{ path = {path:?} }}")).unwrap();
        Recipe { data, ..Recipe::embedded().unwrap() }
    }

    /// Nothing is written by a comparison that is interrupted while it reads its data.
    #[test]
    fn a_signal_is_seen_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let stop = AtomicBool::new(true);
        let options = Options {
            jobs: None,
            device: Device::Cpu,
            stop: &stop,
            checkpoint_every: Duration::ZERO,
            tensorboard: false,
            terminal: false,
            fresh: false,
            remarks: false,
        };
        let ended = compare(&on_a_table(folder.path()), &out, &options);
        assert!(matches!(ended, Err(Error::Interrupted)));
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
        let without = Recipe { attack: None, ..on_a_table(folder.path()) };
        let setting = &idle.settings().unwrap()[0];
        for attacked in [idle.clone(), attacked(&[0.0, 0.1])] {
            assert_eq!(attacked.differences(&without), [""; 0]);
            assert_eq!(attacked.run(setting, 0).differences(&without.run(setting, 0)), [""; 0]);
        }
        let digits = Recipe::embedded().unwrap();
        assert!(digits.data.are_images() && digits.attack.is_some());
        let without = Recipe { attack: None, ..digits.clone() };
        assert!(!digits.differences(&without).is_empty());
        assert_eq!(attacked_in_vain(&digits).unwrap(), None);
    }
}
