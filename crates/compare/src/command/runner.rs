//! [`CommandRunner`]: makes the runs of a comparison by running a command.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::contract::{self, RunOutput};
use super::outputs;
use super::program::path;
use super::recipe::CommandRecipe;
use super::words::{filled, quoted};
use super::{Partners, libraries};
use crate::layout::{CLASSES, DATA, ENVIRONMENT, LOG, MANIFEST, RECIPE, TEST_MEASURES};
use crate::measure::Overlap;
use crate::process::{self, ExitReason, Limits, described, last_words};
use crate::work::Options;
use crate::{
    AnyRecipe, Content, Environment, Error, Forecast, Monitor, Origin, PlainReader, Plan, Result,
    RunDir, RunFiles, Runner, Setting, Stop, cores,
};

/// What says what a run is, and that it is finished: a command may not write over it.
const OURS: [&str; 4] = [RECIPE, DATA, ENVIRONMENT, MANIFEST];

/// What is wrong with what a command left, and what it said last.
#[derive(Debug, thiserror::Error)]
#[error("{}; {last_words}", .error.whole())]
struct UnusableOutput {
    error: Error,
    last_words: String,
}

/// Runs the command of a recipe whose inputs have that content.
pub(super) struct CommandRunner<'a> {
    recipe: &'a CommandRecipe,
    plan: Plan,
    content: &'a Content,
    origins: &'a [Origin],
    timeout: Option<Duration>,
    options: &'a Options<'a>,
    /// Cores of a run, where several are made side by side.
    threads: Option<usize>,
    /// GPUs that no run has.
    gpus: Mutex<Vec<String>>,
    of: usize,
    partners: Mutex<Partners>,
}

impl<'a> CommandRunner<'a> {
    /// # Errors
    /// What the recipe asks in vain.
    pub fn new(
        recipe: &'a CommandRecipe,
        content: &'a Content,
        origins: &'a [Origin],
        gpus: &[String],
        options: &'a Options<'a>,
    ) -> Result<Self> {
        let jobs = options.jobs.unwrap_or(gpus.len().max(1));
        Ok(Self {
            recipe,
            plan: recipe.plan()?,
            content,
            origins,
            timeout: recipe.timeout()?,
            options,
            threads: (jobs > 1).then(|| (cores() / jobs).max(1)),
            of: gpus.len(),
            gpus: Mutex::new(gpus.to_vec()),
            partners: Mutex::new(Partners::default()),
        })
    }

    /// What the placeholders stand for.
    fn values(setting: &Setting, seed: u64, run: &Path) -> Vec<(String, String)> {
        let loss = ("loss".to_owned(), setting.loss.to_string());
        let loss = (!setting.without_loss).then_some(loss);
        let own = [("seed", seed.to_string()), ("out", run.display().to_string())];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        loss.into_iter().chain(own).chain(setting.options.iter().cloned()).collect()
    }

    fn command(&self, values: &[(String, String)], gpu: Option<&str>) -> Command {
        let words: Vec<String> =
            self.recipe.run.command.iter().map(|word| filled(word, values)).collect();
        let run = &self.recipe.run;
        let program = match words[0].contains('/') {
            true => path(run, &words[0]),
            false => PathBuf::from(&words[0]),
        };
        let mut command = Command::new(program);
        command.args(&words[1..]).current_dir(&run.directory);
        // So that the log says what was going on when a run was killed.
        inherited(&mut command, "PYTHONUNBUFFERED", "1");
        if let Some(threads) = self.threads {
            inherited(&mut command, "OMP_NUM_THREADS", &threads.to_string());
        }
        if let Some(gpu) = gpu {
            command.env("CUDA_VISIBLE_DEVICES", gpu);
        }
        for (name, value) in values {
            command.env(variable(name), value);
        }
        command.envs(&self.recipe.run.env);
        command
    }

    /// Refuses to go on with inputs that are not what they were.
    fn validate_inputs(&self) -> Result<()> {
        let stop = Stop(self.options.stop);
        let now = Content::watched(self.origins, Some(self.content), &|_| Ok(stop.check()?))?;
        match self.content.differences(&now).first() {
            None => Ok(()),
            Some(difference) => Err(Error::Request(format!(
                "{difference} while runs were made: with the next call it is refused, or \
                 --fresh makes all of them anew"
            ))),
        }
    }

    /// Takes away what an earlier attempt left, so that it is not taken for what this one leaves.
    fn clear(run: &Path) -> Result<()> {
        outputs::remove(&run.join(MANIFEST))?;
        // A pipe in place of the log would hold us up for ever.
        if !run.join(LOG).is_file() {
            outputs::remove(&run.join(LOG))?;
        }
        outputs::clear(run)
    }

    /// What the names that are ours stand for; of what is no file nothing is read.
    fn ours(run: &Path) -> [Option<Vec<u8>>; OURS.len()] {
        OURS.map(|name| {
            let path = run.join(name);
            match path.is_file() {
                true => fs::read(path).ok(),
                false => path.symlink_metadata().ok().map(|_| Vec::new()),
            }
        })
    }

    /// The first of them that is not what it was when the run `begun`. What is there now is taken away, so
    /// that nobody takes it for ours.
    fn written_over(run: &Path, begun: &[Option<Vec<u8>>]) -> Result<Option<&'static str>> {
        let now = Self::ours(run);
        let differs = |at: &usize| now[*at] != begun[*at];
        let others: Vec<&str> = (0..OURS.len()).filter(differs).map(|at| OURS[at]).collect();
        for name in &others {
            outputs::remove(&run.join(name))?;
        }
        Ok(others.first().copied())
    }

    fn partners(&self) -> MutexGuard<'_, Partners> {
        self.partners.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn gpus(&self) -> MutexGuard<'_, Vec<String>> {
        self.gpus.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Runs the command to its end.
    fn execute(&self, setting: &Setting, seed: u64, run: &Path) -> Result<()> {
        let values = Self::values(setting, seed, run);
        let gpu = self.gpus().pop();
        let mut command = self.command(&values, gpu.as_deref());
        command.env("STEEPNESS_RUN", run);
        let program = command.get_program().to_owned();
        let began = Instant::now();
        let limits = Limits { timeout: self.timeout, stop: self.options.stop };
        let log = run.join(LOG);
        let ended = process::run(command, &log, &limits);
        self.gpus().extend(gpu);
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let program = Path::new(&program).display();
                let directory = self.recipe.run.directory.display();
                let place = format!("cannot run {program} in {directory}: ");
                return Err(match error.kind() {
                    ErrorKind::NotFound | ErrorKind::PermissionDenied => {
                        Error::refused(place, error)
                    }
                    _ => Error::failed(place, error),
                });
            }
        };
        let took = began.elapsed().as_secs_f64();
        match ended {
            ExitReason::Exited(status) if status.success() => Ok(()),
            // A scheduler that ends us ends it as well, and may have come to it first.
            ExitReason::Exited(_) if self.options.stop.load(Ordering::Relaxed) => {
                Err(Error::Interrupted)
            }
            ExitReason::Exited(status) => {
                Err(Self::failed(run, &format!("{} after {took:.1} s", described(status))))
            }
            ExitReason::TimedOut => {
                let most = self.recipe.run.timeout.as_deref().unwrap_or_default();
                Err(Self::failed(run, &format!("it was stopped after {most}, its timeout")))
            }
            ExitReason::Stopped => Err(Error::Interrupted),
        }
    }

    /// Why the run in the folder `run` failed, with what it said last.
    fn failed(run: &Path, problem: &str) -> Error {
        Error::Work(format!("{problem}; {}", last_words(&run.join(LOG))))
    }

    /// Reads what the command left, and measures it.
    fn measure(&self, setting: &Setting, seed: u64, run: &Path) -> Result<RunOutput> {
        let loss = (!setting.without_loss).then_some(&setting.loss);
        let stop = Stop(self.options.stop);
        let read = || {
            let found = contract::read(run, loss, &self.plan.directions, stop)?;
            self.partners().meet(run, seed, &found)?;
            Ok(found)
        };
        read().map_err(|error: Error| match error {
            error if error.is_interrupted() => error,
            // Whatever is wrong with it, the command has written it.
            error => {
                Error::failed("", UnusableOutput { error, last_words: last_words(&run.join(LOG)) })
            }
        })
    }
}

impl Runner for CommandRunner<'_> {
    fn most_at_once(&self) -> usize {
        // A training takes all that there is, unless its user says otherwise.
        self.of.max(1)
    }

    fn forecast(&self, _: &Setting, _: u64, runs: usize, jobs: usize) -> Result<Forecast> {
        let all = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
        let words = quoted(&self.recipe.run.command);
        let side = if jobs > 1 { format!(", {jobs} side by side") } else { String::new() };
        Ok(Forecast { measuring: 0.0, notes: vec![format!("{all} of {words}{side}")] })
    }

    fn make(&self, setting: &Setting, seed: u64, dir: &RunDir, _: &dyn Monitor) -> Result<()> {
        self.validate_inputs()?;
        let dir = &dir.flushed_at_once();
        let run = std::path::absolute(dir.path()).map_err(Error::output(dir.path()))?;
        let _lock = dir.lock()?;
        let plan = self.plan.run(setting, seed)?;
        if dir.finished(&plan, &self.content.brief(), &PlainReader)? {
            // By another process, a moment ago.
            return Ok(());
        }
        Self::clear(&run)?;
        let environment = Environment::of(libraries(), None, "not known".to_owned(), cores());
        dir.begin(&plan.text(), self.content, &[], &environment)?;
        let begun = Self::ours(&run);
        let executed = self.execute(setting, seed, &run);
        let written_over = Self::written_over(&run, &begun)?;
        executed?;
        if let Some(name) = written_over {
            let problem = format!("it wrote over {name}, whose name is reserved");
            return Err(Self::failed(&run, &problem));
        }
        let found = self.measure(setting, seed, &run)?;
        if !found.classes.is_empty() {
            dir.write_json(CLASSES, &found.classes)?;
        }
        if let Some(map) = &found.map {
            dir.write_map(map)?;
        }
        if !found.tests.is_empty() {
            let sets = found.tests.iter().map(|(name, (measures, _))| (name, measures));
            dir.write_json(TEST_MEASURES, &sets.collect::<BTreeMap<_, _>>())?;
        }
        match &found.measures {
            Some(measures) => dir.finish(measures),
            None => dir.seal(),
        }
    }

    fn validate_partner(&self, files: &RunFiles) -> Result<()> {
        let plan = files.plan(&PlainReader)?;
        let classes = files.classes_of(&plan)?;
        let run = files.run(&plan, classes.len())?;
        self.partners().meet_again(files.path(), &run, &classes)
    }

    fn overlap(&self, _: u64) -> Result<Option<Overlap>> {
        Ok(self.partners().overlap())
    }
}

/// Sets a variable that is not set already.
fn inherited(command: &mut Command, name: &str, value: &str) {
    if std::env::var_os(name).is_none() {
        command.env(name, value);
    }
}

/// What the variable is called that holds the value of `name`: STEEPNESS_LOSS.
fn variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("STEEPNESS_{}", name.chars().map(letter).collect::<String>())
}
