//! [`RunFiles`]: the files of a run as they are read. They are input like any other: whole, as the
//! manifest knows them, and then within the ranges that make sense, before anything is built on them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::layout::{
    CLASSES, DATA, ENVIRONMENT, LOGITS, MANIFEST, MAP, MARKER, MEASURES, METRICS, OWN_EPOCHS,
    OWN_METRICS, RECIPE, TEST_MEASURES, THRESHOLD, WEIGHTS,
};
use super::{Content, Environment, EpochMetrics, Plan, Run, RunPlan, own_log, validate};
use crate::manifest::Manifest;
use crate::measure::{FeatureMap, Measures, Threshold};
use crate::npy;
use crate::{Error, Result};

/// Reads what whoever trains has written into the folders of comparisons and runs. The laboratory
/// knows every key of its recipes and refuses what makes no sense; who knows nothing takes them as they
/// are.
pub trait RecipeReader: Sync {
    /// Reads the `text` of a comparison's recipe, which lies at `path`.
    ///
    /// # Errors
    /// Names the file, the line and the column, and what was expected there.
    fn plan(&self, path: &Path, text: &str) -> Result<Plan>;

    /// Reads that of a run.
    ///
    /// # Errors
    /// As [`RecipeReader::plan`].
    fn run_plan(&self, path: &Path, text: &str) -> Result<RunPlan>;

    /// Makes sure that what only this reader understands of a run's files can be what was written: how
    /// inputs are read, and of one that is `finished` its weights.
    ///
    /// # Errors
    /// Names the file and the place.
    fn validate(&self, files: &RunFiles, finished: bool) -> Result<()>;
}

/// The files of one run.
#[derive(Clone, Debug)]
pub struct RunFiles {
    path: PathBuf,
    manifest: Option<Manifest>,
}

impl RunFiles {
    /// Those in the folder `path`, of which there may be none.
    ///
    /// # Errors
    /// A damaged manifest.
    pub fn at(path: &Path) -> Result<Self> {
        let at = path.join(MANIFEST);
        let manifest = match at.try_exists().map_err(Error::input(&at))? {
            true => Some(Manifest::read(&at).map_err(damaged)?),
            false => None,
        };
        Ok(Self { path: path.to_owned(), manifest })
    }

    /// Those of the finished run in the folder `path`.
    ///
    /// # Errors
    /// A folder that holds no run, or one that is not finished.
    pub fn of_finished(path: &Path) -> Result<Self> {
        let refuse = |problem: &str| {
            Err(Error::Request(format!("{} is no finished run: {problem}", path.display())))
        };
        let has = |name: &str| path.join(name).is_file();
        if !path.is_dir() {
            return refuse("there is no such folder");
        }
        if has(MARKER) {
            return refuse(
                "it holds a comparison; name one of its runs, such as LOSS/seed=0 in it",
            );
        }
        if !has(RECIPE) {
            return refuse("there is no recipe.toml in it; runs are the folders LOSS/seed=0");
        }
        let files = Self::at(path)?;
        if !has(MEASURES) || !files.is_finished()? {
            return refuse("`steepness compare` has to end first");
        }
        if !has(WEIGHTS) {
            return refuse("an earlier version made it and kept no weights.safetensors");
        }
        Ok(files)
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the run came to its end. An earlier version wrote no manifest, and no hashes of its data.
    ///
    /// # Errors
    /// A folder that cannot be looked into; so do the others.
    pub fn is_finished(&self) -> Result<bool> {
        Ok(self.is_sealed() || self.has(MEASURES)? && !self.has(DATA)?)
    }

    /// Whether there is a manifest.
    pub fn is_sealed(&self) -> bool {
        self.manifest.is_some()
    }

    /// What is to be said before anything is built on a run without a manifest.
    pub fn unverified(&self) -> Option<String> {
        (!self.is_sealed()).then(|| {
            format!(
                "{} has no manifest, as an earlier version left it: nothing says whether its files are \
                 as they were written (`steepness compare` takes it over)",
                self.path.display()
            )
        })
    }

    /// Whether there is a file of that name.
    ///
    /// # Errors
    /// A folder that cannot be looked into.
    pub fn has(&self, name: &str) -> Result<bool> {
        let path = self.path.join(name);
        path.try_exists().map_err(Error::input(&path))
    }

    /// Makes sure that no file is missing or shorter than it was, as far as there is a manifest.
    ///
    /// # Errors
    /// Names the file; so do the others.
    pub fn verify_sizes(&self) -> Result<()> {
        let manifest = self.manifest.as_ref();
        manifest.map_or(Ok(()), |manifest| manifest.verify_sizes(&self.path)).map_err(damaged)
    }

    /// Reads all there is and makes sure that it is what was written, and that it can be: a run that
    /// is finished as a whole, of one that is not what it begins with.
    ///
    /// # Errors
    /// Names the file and the place.
    pub fn validate(&self, reader: &dyn RecipeReader) -> Result<()> {
        let plan = self.plan(reader)?;
        let classes = self.classes_of(&plan)?;
        self.environment()?;
        let finished = self.is_finished()?;
        if !finished {
            return reader.validate(self, finished);
        }
        for name in self.manifest.iter().flat_map(Manifest::names) {
            self.bytes(name)?;
        }
        self.run(&plan, classes.len())?;
        if self.has(WEIGHTS)? {
            self.threshold()?;
        }
        reader.validate(self, finished)?;
        for name in [LOGITS, "ood_logits.npy"] {
            if self.has(name)? {
                let bytes = self.bytes(name)?;
                let matrix = npy::matrix_of(bytes, &self.path.join(name));
                let matrix = matrix.map_err(|error| damaged(error.into()))?;
                let columns = matrix.columns;
                self.ensure(name, "shape", columns == classes.len(), &|| {
                    format!("{columns} columns for {} classes", classes.len())
                })?;
            }
        }
        Ok(())
    }

    /// What was trained, as `reader` reads it.
    ///
    /// # Errors
    /// Names the file that is missing or damaged, and the place; so do the others.
    pub fn plan(&self, reader: &dyn RecipeReader) -> Result<RunPlan> {
        let text = self.text(RECIPE)?;
        let plan = reader.run_plan(&self.path.join(RECIPE), &text).map_err(damaged)?;
        self.content()?;
        Ok(plan)
    }

    /// What it was made with.
    ///
    /// # Errors
    /// As [`RunFiles::plan`].
    pub fn environment(&self) -> Result<Environment> {
        self.read_json(ENVIRONMENT)
    }

    /// The hashes of the data that it learned from; not of older runs.
    ///
    /// # Errors
    /// As [`RunFiles::plan`].
    pub fn content(&self) -> Result<Option<Content>> {
        if self.has(DATA)? { self.read_json(DATA).map(Some) } else { Ok(None) }
    }

    /// The names of the classes by their numbers.
    ///
    /// # Errors
    /// As [`RunFiles::plan`].
    pub fn classes(&self) -> Result<Vec<String>> {
        let classes: Vec<String> = self.read_json(CLASSES)?;
        self.ensure(CLASSES, "classes", classes.len() > 1, &|| {
            format!("{} classes, expected two at least", classes.len())
        })?;
        Ok(classes)
    }

    /// The same of a run of `plan`: that of a command has none before it has left predictions, and
    /// none at all where it leaves metrics alone.
    ///
    /// # Errors
    /// As [`RunFiles::plan`].
    pub fn classes_of(&self, plan: &RunPlan) -> Result<Vec<String>> {
        match plan.is_of_command() && !self.has(CLASSES)? {
            true => Ok(Vec::new()),
            false => self.classes(),
        }
    }

    /// Where out-of-distribution begins.
    ///
    /// # Errors
    /// As [`RunFiles::plan`].
    pub fn threshold(&self) -> Result<Threshold> {
        let threshold: Threshold = self.read_json(THRESHOLD)?;
        let kept = threshold.kept;
        self.ensure(THRESHOLD, "kept", (0.0..=1.0).contains(&kept), &|| {
            format!("{kept} is no share of the examples")
        })?;
        Ok(threshold)
    }

    /// What was found of a finished run of `plan` with so many `classes`.
    ///
    /// # Errors
    /// As [`RunFiles::plan`]; numbers that no run finds.
    pub fn run(&self, plan: &RunPlan, classes: usize) -> Result<Run> {
        let of_command = plan.is_of_command();
        let epochs = match of_command {
            // What it logs has names of its own.
            true => Vec::new(),
            false => self.epochs()?,
        };
        let measures = match of_command && !self.has(MEASURES)? {
            true => Measures::default(),
            false => self.read_json(MEASURES)?,
        };
        let tests = match of_command && self.has(TEST_MEASURES)? {
            true => self.read_json(TEST_MEASURES)?,
            false => BTreeMap::new(),
        };
        let own = match of_command && self.has(OWN_METRICS)? {
            true => self.read_json(OWN_METRICS)?,
            false => BTreeMap::new(),
        };
        let own_epochs = if of_command { self.own_epochs()? } else { Vec::new() };
        let map = self.map()?;
        let run = Run { seed: plan.seed, epochs, measures, tests, own, own_epochs, map };
        validate::validate_run(&run, plan, classes)
            .map_err(|(file, place, problem)| damage(&self.path.join(file), &place, problem))?;
        Ok(run)
    }

    /// What was logged after each epoch.
    fn epochs(&self) -> Result<Vec<EpochMetrics>> {
        let (log, text) = (self.path.join(METRICS), self.text(METRICS)?);
        let line = |(row, line): (usize, &str)| parse::<EpochMetrics>(&log, row, line);
        text.lines().enumerate().map(line).collect()
    }

    /// What a command logged after each epoch, in one of two forms.
    fn own_epochs(&self) -> Result<own_log::Log> {
        for name in [METRICS, OWN_EPOCHS] {
            if self.has(name)? {
                let log = own_log::parse(&self.path.join(name), &self.text(name)?);
                return log.map_err(damaged);
            }
        }
        Ok(Vec::new())
    }

    /// The maps of test examples, where there are some.
    fn map(&self) -> Result<Option<FeatureMap>> {
        if !self.has(MAP)? {
            return Ok(None);
        }
        let path = self.path.join(MAP);
        let matrix =
            npy::matrix_of(self.bytes(MAP)?, &path).map_err(|error| damaged(error.into()))?;
        FeatureMap::from_matrix(&matrix.values.to_f64(), matrix.columns)
            .map(Some)
            .map_err(|error| damage(&path, "data", error))
    }

    /// The file `name` as JSON.
    ///
    /// # Errors
    /// As [`RunFiles::plan`].
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        parse(&self.path.join(name), 0, &self.text(name)?)
    }

    /// The file `name` as text.
    ///
    /// # Errors
    /// As [`RunFiles::plan`].
    pub fn text(&self, name: &str) -> Result<String> {
        String::from_utf8(self.bytes(name)?).map_err(|error| {
            let place = format!("byte {}", error.utf8_error().valid_up_to());
            damage(&self.path.join(name), &place, "not text (UTF-8)")
        })
    }

    /// The contents of the file `name`, which are what the manifest says, if there is one.
    ///
    /// # Errors
    /// As [`RunFiles::plan`].
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.path.join(name);
        // A pipe has no end.
        let about = fs::metadata(&path).map_err(Error::input(&path))?;
        if !about.is_file() {
            return Err(damage(&path, "whole file", "a folder, a pipe or a device"));
        }
        let bytes = fs::read(&path).map_err(Error::input(&path))?;
        if let Some(manifest) = &self.manifest {
            manifest.verify(name, &path, &bytes).map_err(damaged)?;
        }
        Ok(bytes)
    }

    /// Refuses the file `name` unless it `holds`.
    ///
    /// # Errors
    /// As [`RunFiles::plan`].
    pub fn ensure(
        &self,
        name: &str,
        place: &str,
        holds: bool,
        problem: &dyn Fn() -> String,
    ) -> Result<()> {
        if holds { Ok(()) } else { Err(damage(&self.path.join(name), place, problem())) }
    }
}

/// Reads JSON that starts in line `row` (from 0) of `path`.
fn parse<T: DeserializeOwned>(path: &Path, row: usize, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}, column {}", row + error.line(), error.column());
        damage(path, &place, error)
    })
}

/// What is wrong at `place` of the file of a run at `path`.
pub fn damage(
    path: &Path,
    place: &str,
    problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    damaged(Error::malformed(path, place, problem))
}

/// Says of a file of a run, which a user has not written, that it is damaged.
pub fn damaged(error: Error) -> Error {
    error.remarked("the file is damaged")
}
