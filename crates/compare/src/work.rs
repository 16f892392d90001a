//! [`Work`]: makes the runs of a comparison, several at once where cores are idle, and puts them
//! together.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::further;
use super::progress::Progress;
use super::tune::{Score, TuningResult, View, Views};
use super::{
    Comparison, Content, ExampleDifferences, Folder, Forecast, Group, Plan, RecipeReader, Run,
    RunDir, RunFiles, RunPlan, Runner, Select, Setting,
};
use crate::measure::Error as MeasureError;
use crate::{Error, Result, console};

/// How the runs of a comparison are made; nothing here changes its result.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Runs side by side; without it, as many as there is room for.
    pub jobs: Option<usize>,
    /// Set from outside to stop: runs save where they stand and leave.
    pub stop: &'a AtomicBool,
    /// Whether the standard error is a terminal that a bar can be drawn on.
    pub terminal: bool,
    /// Whether what is damaged in the folder, and what was made of other data or of another recipe, is
    /// set aside and made anew, where it would be refused.
    pub fresh: bool,
    /// Whether the others are still made where a run has failed.
    pub keep_going: bool,
}

/// What all runs of a comparison have in common.
#[derive(Clone)]
pub struct Work<'a> {
    /// The recipe.
    pub plan: &'a Plan,
    /// Who reads those in the folder.
    pub reader: &'a dyn RecipeReader,
    /// Who makes the runs.
    pub runner: &'a dyn Runner,
    /// Their folder.
    pub folder: &'a Folder,
    /// The content of the data.
    pub content: &'a Content,
    /// One sentence on them.
    pub about: String,
    /// The names of the classes by their numbers; of a command, none: its runs say them.
    pub classes: Vec<String>,
    /// The libraries that decide a result.
    pub libraries: Vec<String>,
    /// Epochs of a run, those of its later stages included, and predictions that each learns from: what
    /// progress is counted in; 0 where a run does not tell how far it is.
    pub epochs: usize,
    /// See `epochs`.
    pub examples: usize,
    /// How they are made.
    pub options: &'a Options<'a>,
    /// What was said so far.
    pub said: SaidLines,
}

/// Lines that were said already, so that none is said for the trials and for the comparison.
#[derive(Clone, Default)]
pub struct SaidLines(Arc<Mutex<HashSet<String>>>);

impl SaidLines {
    /// Whether `line` is said for the first time.
    fn is_new(&self, line: &str) -> bool {
        hold(&self.0).insert(line.to_owned())
    }
}

impl Work<'_> {
    /// Makes all runs that are not finished already, and returns all of them. Where something is tuned, the
    /// trials are made first, then the runs with what each loss has taken and those with what all share.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once it was told to stop, and the first failure of a run, after the runs
    /// beside it have saved where they stand; runs that are no partners of those that are made today.
    /// Where it is to [keep going](Options::keep_going), runs that failed are counted at the end, and trials
    /// that failed are none that a loss can take.
    pub fn make(self) -> Result<Comparison> {
        let tuned = self.tune()?;
        self.compare(tuned)
    }

    /// The first half of [`Work::make`]: makes the trials, and lets each loss take its best; `None` where
    /// nothing is tuned.
    ///
    /// # Errors
    /// As [`Work::make`].
    pub fn tune(&self) -> Result<Option<TuningResult>> {
        let Some(tuning) = self.plan.tuning()? else { return Ok(None) };
        let rows = self.plan.rows()?;
        let pairs = tuning.trials(&rows);
        let about = tuning.in_words(rows.len());
        let score = |files: &RunFiles, run: Run| tuning.judge.score(files, &run);
        let (scores, failed) = self.made(&pairs, Some(&about), &score)?;
        if !failed.is_empty() {
            console::say(&format!(
                "{} of {} trials failed: what they tried cannot be taken, and the same command makes them \
                 again",
                failed.len(),
                pairs.len()
            ));
        }
        let scores: Vec<Option<Score>> = scores.into_iter().map(Option::flatten).collect();
        TuningResult::choose(&tuning, &rows, &scores).map(Some)
    }

    /// The second half: makes what is compared, with what each loss took.
    ///
    /// # Errors
    /// As [`Work::make`].
    pub fn compare(self, tuned: Option<TuningResult>) -> Result<Comparison> {
        let (Some(tuning), Some(tuned)) = (self.plan.tuning()?, tuned) else {
            let rows = self.plan.rows()?;
            let runs = self.runs(&rows)?;
            return self.comparison(&rows, &rows, &rows, &runs);
        };
        let both = Views::new(&tuning, &tuned);
        let all = both.settings();
        let runs = self.runs(&all)?;
        let view = |view: &View| self.comparison(&view.settings, &view.shown, &all, &runs);
        let shared = view(&both.shared)?;
        Ok(view(&both.taken)?.tuned_with(tuned, shared))
    }

    /// That of `settings`, which the report calls as they are `shown`; `runs` are those of `all`.
    fn comparison(
        &self,
        settings: &[Setting],
        shown: &[Setting],
        all: &[Setting],
        runs: &[Vec<Run>],
    ) -> Result<Comparison> {
        let group = |(setting, shown): (&Setting, &Setting)| {
            let at = all.iter().position(|one| one == setting);
            Group { setting: shown.clone(), runs: at.map_or_else(Vec::new, |at| runs[at].clone()) }
        };
        let groups = settings.iter().zip(shown).map(group).collect();
        let classes = match self.classes.is_empty() {
            true => self.classes_of_runs(settings)?,
            false => self.classes.clone(),
        };
        let (libraries, about) = (self.libraries.clone(), self.about.clone());
        let mut comparison = Comparison::of(self.plan, libraries, about, classes, groups);
        let (out, seeds) = (&self.folder.path, &self.plan.seeds);
        let folders = settings.iter().map(|setting| RunDir::paths(out, setting, seeds));
        let folders: Vec<Vec<PathBuf>> = folders.collect();
        comparison.examples = ExampleDifferences::read(&comparison, &folders);
        comparison.panels = further::panels(&comparison, &folders);
        Ok(comparison)
    }

    /// The settings, each with each seed.
    fn pairs(&self, settings: &[Setting]) -> Vec<(Setting, u64)> {
        // Pairs of a seed come together, so that a stopped comparison has whole pairs.
        let each = |&seed: &u64| settings.iter().map(move |setting| (setting.clone(), seed));
        self.plan.seeds.iter().flat_map(each).collect()
    }

    fn maker(&self) -> Maker<'_> {
        Maker { work: self, content: self.content.brief() }
    }

    /// All runs of `settings`, by these and by the seeds.
    fn runs(&self, settings: &[Setting]) -> Result<Vec<Vec<Run>>> {
        let Work { plan, runner, .. } = *self;
        let pairs = self.pairs(settings);
        let (mut runs, failed) = self.made(&pairs, None, &|_, run| Ok(run))?;
        if !failed.is_empty() {
            return Err(failures(&pairs, &failed));
        }
        for (run, (_, seed)) in runs.iter_mut().zip(&pairs) {
            // Older runs do not say it.
            if let Some(run) = run.as_mut().filter(|run| run.measures.overlap.is_none()) {
                run.measures.overlap = runner.overlap(*seed)?;
            }
        }
        let of_setting = |at: usize| {
            let of_seed = |seed: usize| runs[seed * settings.len() + at].take();
            (0..plan.seeds.len()).filter_map(of_seed).collect()
        };
        Ok((0..settings.len()).map(of_setting).collect())
    }

    /// Makes `pairs`, of which `keep` keeps something, after saying what they are `about`; returns what was
    /// kept, and the places of those that failed.
    fn made<T: Send>(
        &self,
        pairs: &[(Setting, u64)],
        about: Option<&str>,
        keep: Keep<T>,
    ) -> Result<Outcomes<T>> {
        let Work { folder, epochs, examples, options, .. } = *self;
        let maker = self.maker();
        let forecast = maker.forecast(pairs)?;
        let measuring = forecast.as_ref().map_or(0.0, |forecast| forecast.measuring) as u64;
        let progress = Progress::new(pairs.len(), epochs, examples, measuring, options.terminal);
        let notes = forecast.iter().flat_map(|forecast| &forecast.notes);
        let about = about.filter(|_| forecast.is_some()).map(str::to_owned);
        for note in folder.notes.iter().cloned().chain(about).chain(notes.cloned()) {
            if self.said.is_new(&note) {
                progress.say(&note);
            }
        }
        let made = maker.make_all(pairs, &progress, keep);
        progress.close();
        made
    }

    /// Those that are not finished. Which settings a loss takes, its trials have to say first: as long as one
    /// of them is left, the runs with these are not among them.
    ///
    /// # Errors
    /// As [`Work::make`].
    pub fn unfinished(&self) -> Result<Vec<(Setting, u64)>> {
        let Some(tuning) = self.plan.tuning()? else { return self.left(None) };
        let mut left = self.trials_left()?;
        if !left.is_empty() {
            left.extend(self.maker().left(self.pairs(&self.plan.settings()?))?);
            return Ok(left);
        }
        let (maker, rows) = (self.maker(), self.plan.rows()?);
        let score = |(setting, seed): &(Setting, u64)| {
            let (dir, plan, _) = maker.look_at(setting, *seed)?;
            let files = RunFiles::at(dir.path())?;
            let run = files.run(&plan, files.classes_of(&plan)?.len())?;
            tuning.judge.score(&files, &run)
        };
        let scores = tuning.trials(&rows).iter().map(score).collect::<Result<Vec<_>>>()?;
        self.left(Some(&TuningResult::choose(&tuning, &rows, &scores)?))
    }

    /// The trials that are not finished.
    ///
    /// # Errors
    /// As [`Work::make`].
    pub fn trials_left(&self) -> Result<Vec<(Setting, u64)>> {
        let Some(tuning) = self.plan.tuning()? else { return Ok(Vec::new()) };
        self.maker().left(tuning.trials(&self.plan.rows()?))
    }

    /// The runs that are not finished of what is compared, with what each loss took.
    ///
    /// # Errors
    /// As [`Work::make`].
    pub fn left(&self, tuned: Option<&TuningResult>) -> Result<Vec<(Setting, u64)>> {
        let settings = match (self.plan.tuning()?, tuned) {
            (Some(tuning), Some(tuned)) => Views::new(&tuning, tuned).settings(),
            _ => self.plan.settings()?,
        };
        self.maker().left(self.pairs(&settings))
    }

    /// Those of the first run, which those of the others are like.
    fn classes_of_runs(&self, settings: &[Setting]) -> Result<Vec<String>> {
        let Some((setting, seed)) = settings.first().zip(self.plan.seeds.first()) else {
            return Ok(Vec::new());
        };
        let (dir, plan, _) = self.maker().look_at(setting, *seed)?;
        RunFiles::at(dir.path())?.classes_of(&plan)
    }
}

/// What is kept of a run that is finished.
type Keep<'a, T> = &'a (dyn Fn(&RunFiles, Run) -> Result<T> + Sync);
/// What was kept of each pair, and the places of those that failed.
type Outcomes<T> = (Vec<Option<T>>, Vec<usize>);

/// Makes runs one by one.
struct Maker<'a> {
    work: &'a Work<'a>,
    /// That of the data, without its single files.
    content: Content,
}

impl Maker<'_> {
    /// The folder of a run, what decides it, and whether it is finished.
    fn look_at(&self, setting: &Setting, seed: u64) -> Result<(RunDir, RunPlan, bool)> {
        let Work { plan, folder, reader, .. } = *self.work;
        let (dir, plan) = (RunDir::new(&folder.path, setting, seed), plan.run(setting, seed)?);
        let finished = dir.finished(&plan, &self.content, reader)?;
        Ok((dir, plan, finished))
    }

    /// What the runs take that are not finished; `None` if all are.
    fn forecast(&self, pairs: &[(Setting, u64)]) -> Result<Option<Forecast>> {
        let left = self.left(pairs.to_vec())?;
        let Some((setting, seed)) = left.last() else { return Ok(None) };
        if left.len() < pairs.len() {
            self.validate_choice(pairs)?;
        }
        let Work { runner, .. } = self.work;
        runner.forecast(setting, *seed, left.len(), self.jobs(left.len())).map(Some)
    }

    /// Those of `pairs` that are not finished.
    fn left(&self, mut pairs: Vec<(Setting, u64)>) -> Result<Vec<(Setting, u64)>> {
        let finished = pairs.iter().map(|(setting, seed)| Ok(self.look_at(setting, *seed)?.2));
        let mut finished = finished.collect::<Result<Vec<bool>>>()?.into_iter();
        pairs.retain(|_| !finished.next().unwrap_or(false));
        Ok(pairs)
    }

    /// Refuses to add runs to finished ones whose epoch an older version chose by another rule: their
    /// difference would be one of rules, not of losses.
    fn validate_choice(&self, pairs: &[(Setting, u64)]) -> Result<()> {
        let select = self.work.plan.select;
        if select == Select::Last {
            return Ok(());
        }
        for (setting, seed) in pairs {
            let (dir, plan, finished) = self.look_at(setting, *seed)?;
            if !finished {
                continue;
            }
            let files = RunFiles::at(dir.path())?;
            let run = files.run(&plan, files.classes_of(&plan)?.len())?;
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
        let Work { runner, options, .. } = self.work;
        options.jobs.unwrap_or_else(|| runner.most_at_once()).clamp(1, runs)
    }

    /// Makes `pairs` in worker threads; what is kept of them comes back in their order, with the places of
    /// those that failed.
    fn make_all<T: Send>(
        &self,
        pairs: &[(Setting, u64)],
        progress: &Progress,
        keep: Keep<T>,
    ) -> Result<Outcomes<T>> {
        let stop = self.work.options.stop;
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(Vec::new());
        let kept: Mutex<Vec<Option<T>>> = Mutex::new(pairs.iter().map(|_| None).collect());
        let failure = Mutex::new(None);
        let work = || {
            while !stop.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some((setting, seed)) = pairs.get(at) else { return };
                let made = self.make(setting, *seed, progress);
                match made.and_then(|(files, run)| keep(&files, run)) {
                    Ok(what) => hold(&kept)[at] = Some(what),
                    Err(error)
                        if self.work.options.keep_going
                            && error.as_measure().is_some_and(MeasureError::is_work) =>
                    {
                        let problem = error.to_string();
                        let mut failed = hold(&failed);
                        // Of many that fail the first is shown as a whole.
                        let first = problem.lines().next().unwrap_or_default();
                        let said = if failed.is_empty() { problem.as_str() } else { first };
                        progress.failed(said);
                        failed.push(at);
                    }
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
            None => {
                let mut failed =
                    failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
                failed.sort_unstable();
                Ok((kept.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()), failed))
            }
        }
    }

    /// One run: made, or read back where it is finished.
    fn make(&self, setting: &Setting, seed: u64, progress: &Progress) -> Result<(RunFiles, Run)> {
        let Work { runner, epochs, .. } = *self.work;
        let (dir, plan, finished) = self.look_at(setting, seed)?;
        if finished {
            progress.skipped(epochs);
            let files = RunFiles::at(dir.path())?;
            runner.validate_partner(&files)?;
            let run = files.run(&plan, files.classes_of(&plan)?.len())?;
            if !files.is_sealed() {
                // From now on it is noticed if something happens to it.
                dir.seal()?;
            }
            return Ok((files, run));
        }
        let monitor = progress.of(setting, seed);
        let began = Instant::now();
        let made = runner.make(setting, seed, &dir, &monitor);
        made.map_err(|error| error.broken_off_at(format!("{setting}, seed {seed}: ")))?;
        let files = RunFiles::at(dir.path())?;
        let run = files.run(&plan, files.classes_of(&plan)?.len())?;
        progress.finished(setting, &run, began.elapsed());
        Ok((files, run))
    }
}

/// What is said at the end of runs of which those at `failed` did not succeed.
fn failures(pairs: &[(Setting, u64)], failed: &[usize]) -> Error {
    const NAMED: usize = 5;
    let name = |at: &usize| format!("{}, seed {}", pairs[*at].0, pairs[*at].1);
    let names: Vec<String> = failed.iter().take(NAMED).map(name).collect();
    let more = if failed.len() > NAMED { "; …" } else { "" };
    let others = if failed.len() < pairs.len() { "the others are finished, and " } else { "" };
    Error::Work(format!(
        "runs that failed: {} of {} ({}{more}); {others}the same command makes these again",
        failed.len(),
        pairs.len(),
        names.join("; ")
    ))
}

fn hold<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
