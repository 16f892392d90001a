//! [`Work`]: makes the runs of a comparison, several at once where cores are idle, and puts them
//! together.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::progress::Progress;
use super::{
    Comparison, Content, Examples, Folder, Forecast, Group, Plan, RecipeReader, Run, RunDir,
    RunFiles, RunPlan, Runner, Select, Setting,
};
use crate::measure::Error as MeasureError;
use crate::{Error, Result};

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
}

impl Work<'_> {
    /// Makes all runs that are not finished already, and returns all of them.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once it was told to stop, and the first failure of a run, after the runs
    /// beside it have saved where they stand; runs that are no partners of those that are made today.
    /// Where it is to [keep going](Options::keep_going), runs that failed are counted at the end.
    pub fn make(self) -> Result<Comparison> {
        let settings = self.plan.settings()?;
        let pairs = self.pairs(&settings);
        let maker = self.maker();
        let forecast = maker.forecast(&pairs)?;
        let measuring = forecast.as_ref().map_or(0.0, |forecast| forecast.measuring) as u64;
        let Options { terminal, .. } = *self.options;
        let progress = Progress::new(pairs.len(), self.epochs, self.examples, measuring, terminal);
        let notes = forecast.iter().flat_map(|forecast| &forecast.notes);
        self.folder.notes.iter().chain(notes).for_each(|note| progress.say(note));
        let runs = maker.make_all(&pairs, &progress);
        progress.close();
        let mut runs = runs?;
        for (run, (_, seed)) in runs.iter_mut().zip(&pairs) {
            // Older runs do not say it.
            if let Some(run) = run.as_mut().filter(|run| run.measures.overlap.is_none()) {
                run.measures.overlap = self.runner.overlap(*seed)?;
            }
        }
        let groups = settings.iter().enumerate().map(|(at, setting)| {
            let of_setting = |seed: usize| runs[seed * settings.len() + at].take();
            let of_setting = (0..self.plan.seeds.len()).filter_map(of_setting).collect();
            Group { setting: setting.clone(), runs: of_setting }
        });
        let groups = groups.collect();
        let classes = match self.classes.is_empty() {
            true => self.classes_of_runs(&pairs)?,
            false => self.classes,
        };
        let mut comparison = Comparison::of(self.plan, self.libraries, self.about, classes, groups);
        let (out, seeds) = (&self.folder.path, &self.plan.seeds);
        let folders = settings.iter().map(|setting| RunDir::paths(out, setting, seeds));
        let folders: Vec<Vec<PathBuf>> = folders.collect();
        comparison.examples = Examples::read(&comparison, &folders);
        Ok(comparison)
    }

    /// The settings, each with each seed.
    fn pairs<'a>(&self, settings: &'a [Setting]) -> Vec<(&'a Setting, u64)> {
        // Pairs of a seed come together, so that a stopped comparison has whole pairs.
        let each = |&seed: &u64| settings.iter().map(move |setting| (setting, seed));
        self.plan.seeds.iter().flat_map(each).collect()
    }

    fn maker(&self) -> Maker<'_> {
        Maker { work: self, content: self.content.brief() }
    }

    /// Those that are not finished.
    ///
    /// # Errors
    /// As [`Work::make`].
    pub fn unfinished(&self) -> Result<Vec<(Setting, u64)>> {
        let settings = self.plan.settings()?;
        let (maker, mut left) = (self.maker(), Vec::new());
        for (setting, seed) in self.pairs(&settings) {
            if !maker.look_at(setting, seed)?.2 {
                left.push((setting.clone(), seed));
            }
        }
        Ok(left)
    }

    /// Those of the first run, which those of the others are like.
    fn classes_of_runs(&self, pairs: &[(&Setting, u64)]) -> Result<Vec<String>> {
        let Some(&(setting, seed)) = pairs.first() else { return Ok(Vec::new()) };
        let (dir, plan, _) = self.maker().look_at(setting, seed)?;
        RunFiles::at(dir.path())?.classes_of(&plan)
    }
}

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
    fn forecast(&self, pairs: &[(&Setting, u64)]) -> Result<Option<Forecast>> {
        let (mut left, mut last) = (0, None);
        for &(setting, seed) in pairs {
            let (.., finished) = self.look_at(setting, seed)?;
            if !finished {
                left += 1;
                last = Some((setting, seed));
            }
        }
        let Some((setting, seed)) = last else { return Ok(None) };
        if left < pairs.len() {
            self.validate_choice(pairs)?;
        }
        self.work.runner.forecast(setting, seed, left, self.jobs(left)).map(Some)
    }

    /// Refuses to add runs to finished ones whose epoch an older version chose by another rule: their
    /// difference would be one of rules, not of losses.
    fn validate_choice(&self, pairs: &[(&Setting, u64)]) -> Result<()> {
        let select = self.work.plan.select;
        if select == Select::Last {
            return Ok(());
        }
        for &(setting, seed) in pairs {
            let (dir, plan, finished) = self.look_at(setting, seed)?;
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

    /// Makes `pairs` in worker threads; the runs come back in the order of the pairs.
    fn make_all(&self, pairs: &[(&Setting, u64)], progress: &Progress) -> Result<Vec<Option<Run>>> {
        let stop = self.work.options.stop;
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(Vec::new());
        let runs: Mutex<Vec<Option<Run>>> = Mutex::new(pairs.iter().map(|_| None).collect());
        let failure = Mutex::new(None);
        let work = || {
            while !stop.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(&(setting, seed)) = pairs.get(at) else { return };
                match self.make(setting, seed, progress) {
                    Ok(run) => hold(&runs)[at] = Some(run),
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
            None if !hold(&failed).is_empty() => {
                let mut failed = hold(&failed);
                failed.sort_unstable();
                Err(failures(pairs, &failed))
            }
            None => Ok(runs.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())),
        }
    }

    /// One run: made, or read back where it is finished.
    fn make(&self, setting: &Setting, seed: u64, progress: &Progress) -> Result<Run> {
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
            return Ok(run);
        }
        let monitor = progress.of(setting, seed);
        let began = Instant::now();
        let made = runner.make(setting, seed, &dir, &monitor);
        made.map_err(|error| error.broken_off_at(format!("{setting}, seed {seed}: ")))?;
        let files = RunFiles::at(dir.path())?;
        let run = files.run(&plan, files.classes_of(&plan)?.len())?;
        progress.finished(setting, &run, began.elapsed());
        Ok(run)
    }
}

/// What is said at the end of runs of which those at `failed` did not succeed.
fn failures(pairs: &[(&Setting, u64)], failed: &[usize]) -> Error {
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
