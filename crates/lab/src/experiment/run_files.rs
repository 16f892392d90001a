//! [`RunFiles`]: the files of a run as they are read. They are input like any other: whole, as the
//! manifest knows them, and then within the ranges that make sense, before anything is built on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tch::Tensor;

use super::checked;
use super::folder::folder_content;
use super::{Environment, EpochMetrics, Run, RunRecipe};
use crate::data::text::Vocabulary;
use crate::data::{Content, Examples, Reader, npy};
use crate::manifest::Manifest;
use crate::measure::{FeatureMap, Threshold};
use crate::models::{self, Model};
use crate::{Error, Result, tensors};

pub(super) const RECIPE: &str = "recipe.toml";
pub(super) const DATA: &str = "data-hashes.json";
pub(super) const ENVIRONMENT: &str = "environment.json";
pub(super) const CLASSES: &str = "classes.json";
pub(super) const INPUTS: &str = "inputs.json";
pub(super) const METRICS: &str = "metrics.jsonl";
pub(super) const WEIGHTS: &str = "weights.safetensors";
pub(super) const THRESHOLD: &str = "threshold.json";
pub(super) const LOGITS: &str = "logits.npy";
pub(super) const LABELS: &str = "labels.npy";
pub(super) const MAP: &str = "map.npy";
pub(super) const MEASURES: &str = "measure.json";
pub(super) const VOCABULARIES: [&str; 2] = ["vocabulary.source.json", "vocabulary.target.json"];
pub(super) const TRANSLATIONS: [&str; 3] =
    ["test.source.txt", "test.translation.txt", "test.reference.txt"];
pub(super) const MANIFEST: &str = "manifest.json";

/// Folders in that of a run.
pub(super) const FOLDERS: [&str; 4] = ["checkpoint", "crt", "probe", "attack"];

/// Whether `name` is that of a file which the manifest knows: what a run is made of, and what it found.
pub(super) fn is_result(name: &str) -> bool {
    let one_of = |names: &[&str]| names.contains(&name);
    one_of(&[RECIPE, DATA, ENVIRONMENT, CLASSES, INPUTS, METRICS, WEIGHTS, THRESHOLD])
        || one_of(&[LOGITS, LABELS, MAP, MEASURES])
        || one_of(&VOCABULARIES)
        || one_of(&TRANSLATIONS)
        || name.starts_with("ood_logits.") && name.ends_with(".npy")
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
        if has("comparison.toml") {
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
    pub(super) fn has(&self, name: &str) -> Result<bool> {
        let path = self.path.join(name);
        path.try_exists().map_err(Error::input(&path))
    }

    /// Makes sure that no file is missing or shorter than it was, as far as there is a manifest.
    ///
    /// # Errors
    /// Names the file; so do the others.
    pub fn check_sizes(&self) -> Result<()> {
        let manifest = self.manifest.as_ref();
        manifest.map_or(Ok(()), |manifest| manifest.check_sizes(&self.path)).map_err(damaged)
    }

    /// Reads all there is and makes sure that it is what was written, and that it can be: a run that
    /// is finished as a whole, of one that is not what it begins with.
    ///
    /// # Errors
    /// Names the file and the place.
    pub fn check(&self) -> Result<()> {
        let (recipe, classes, _) = (self.recipe()?, self.classes()?, self.content()?);
        self.read_json::<Environment>(ENVIRONMENT)?;
        self.reader()?;
        if !self.is_finished()? {
            return Ok(());
        }
        for name in self.manifest.iter().flat_map(Manifest::names) {
            self.bytes(name)?;
        }
        self.run(&recipe, classes.len())?;
        if self.has(WEIGHTS)? {
            self.weights()?;
            self.threshold()?;
        }
        if self.has(VOCABULARIES[0])? {
            self.vocabularies()?;
        }
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

    /// What was trained. Relative paths in it lead to where the data were found at that time.
    ///
    /// # Errors
    /// Names the file that is missing or damaged, and the place; so do the others.
    pub fn recipe(&self) -> Result<RunRecipe> {
        let text = self.text(RECIPE)?;
        let mut recipe = RunRecipe::parse(&self.path.join(RECIPE), &text).map_err(damaged)?;
        if let Some(content) = self.content()? {
            recipe.data.found_at(&|key| content.path(key).map(Path::to_owned));
        }
        Ok(recipe)
    }

    /// The hashes of the data that it learned from; not of older runs.
    ///
    /// # Errors
    /// As [`RunFiles::recipe`].
    pub fn content(&self) -> Result<Option<Content>> {
        if self.has(DATA)? { self.read_json(DATA).map(Some) } else { Ok(None) }
    }

    /// The names of the classes by their numbers.
    ///
    /// # Errors
    /// As [`RunFiles::recipe`].
    pub fn classes(&self) -> Result<Vec<String>> {
        let classes: Vec<String> = self.read_json(CLASSES)?;
        self.ensure(CLASSES, "classes", classes.len() > 1, &|| {
            format!("{} classes, expected two at least", classes.len())
        })?;
        Ok(classes)
    }

    /// How inputs are read.
    ///
    /// # Errors
    /// As [`RunFiles::recipe`]; a shape that inputs cannot have.
    pub fn reader(&self) -> Result<Reader> {
        let reader: Reader = self.read_json(INPUTS)?;
        let refused = reader.check_soundness();
        refused.map_err(|problem| damage(&self.path.join(INPUTS), "shape", problem))?;
        Ok(reader)
    }

    /// Where out-of-distribution begins.
    ///
    /// # Errors
    /// As [`RunFiles::recipe`].
    pub fn threshold(&self) -> Result<Threshold> {
        let threshold: Threshold = self.read_json(THRESHOLD)?;
        let kept = threshold.kept;
        self.ensure(THRESHOLD, "kept", (0.0..=1.0).contains(&kept), &|| {
            format!("{kept} is no share of the examples")
        })?;
        Ok(threshold)
    }

    /// The weights that were measured, f32 and finite.
    ///
    /// # Errors
    /// As [`RunFiles::recipe`].
    pub fn weights(&self) -> Result<Vec<(String, Tensor)>> {
        let path = self.path.join(WEIGHTS);
        let weights = tensors::decode(&self.bytes(WEIGHTS)?)
            .map_err(|error| damage(&path, "whole file", error.to_string()))?;
        for (name, tensor) in &weights {
            let finite = tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1;
            self.ensure(WEIGHTS, name, finite, &|| "values that are not finite".to_owned())?;
        }
        Ok(weights)
    }

    /// The network of `recipe` for examples like `like`, with the weights that were measured.
    ///
    /// # Errors
    /// As [`RunFiles::recipe`]; weights that do not fit.
    pub fn model(&self, recipe: &RunRecipe, like: &Examples) -> Result<Box<dyn Model>> {
        let weights = self.weights()?;
        models::rebuild(&recipe.model, like, &weights)
            .map_err(|error| damage(&self.path.join(WEIGHTS), "tensors", error.to_string()))
    }

    /// Makes sure that the data of `recipe` are those that the run learned from, as far as that is
    /// known.
    ///
    /// # Errors
    /// Says what differs.
    pub fn check_data(&self, recipe: &RunRecipe) -> Result<()> {
        let Some(before) = self.content()? else { return Ok(()) };
        // The folder of the comparison knows the single files.
        let known = self.path.ancestors().skip(1).take(3).find_map(|folder| {
            let known = folder_content(folder).ok().flatten();
            known.filter(|known| known.is_same(&before))
        });
        let now = Content::of(&recipe.data.origins()?, known.as_ref())?;
        let before = known.unwrap_or(before).of_data();
        match before.is_same(&now) {
            true => Ok(()),
            false => Err(Error::Request(format!(
                "{} learned from other data: {}",
                self.path.display(),
                before.differences(&now).join("; ")
            ))),
        }
    }

    /// What makes the pieces of source and target.
    ///
    /// # Errors
    /// As [`RunFiles::recipe`].
    pub fn vocabularies(&self) -> Result<[Arc<Vocabulary>; 2]> {
        let [source, target] = VOCABULARIES.map(|name| {
            let vocabulary = Vocabulary::of_text(self.text(name)?);
            let at = self.path.join(name);
            vocabulary.map_err(|problem| damage(&at, "vocabulary", problem))
        });
        Ok([Arc::new(source?), Arc::new(target?)])
    }

    /// What was found of a finished run of `recipe` with so many `classes`.
    ///
    /// # Errors
    /// As [`RunFiles::recipe`]; numbers that no run finds.
    pub fn run(&self, recipe: &RunRecipe, classes: usize) -> Result<Run> {
        let (log, text) = (self.path.join(METRICS), self.text(METRICS)?);
        let line = |(row, line): (usize, &str)| parse::<EpochMetrics>(&log, row, line);
        let epochs = text.lines().enumerate().map(line).collect::<Result<_>>()?;
        let measures = self.read_json(MEASURES)?;
        let run = Run { seed: recipe.seed, epochs, measures, map: self.map()? };
        checked::check(&run, recipe, classes)
            .map_err(|(file, place, problem)| damage(&self.path.join(file), &place, problem))?;
        Ok(run)
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
            .map_err(|error| damage(&path, "data", error.to_string()))
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        parse(&self.path.join(name), 0, &self.text(name)?)
    }

    fn text(&self, name: &str) -> Result<String> {
        String::from_utf8(self.bytes(name)?).map_err(|error| {
            let place = format!("byte {}", error.utf8_error().valid_up_to());
            damage(&self.path.join(name), &place, "not text (UTF-8)")
        })
    }

    /// The contents of the file `name`, which are what the manifest says, if there is one.
    fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.path.join(name);
        // A pipe has no end.
        let about = fs::metadata(&path).map_err(Error::input(&path))?;
        if !about.is_file() {
            return Err(damage(&path, "whole file", "a folder, a pipe or a device"));
        }
        let bytes = fs::read(&path).map_err(Error::input(&path))?;
        if let Some(manifest) = &self.manifest {
            manifest.check(name, &path, &bytes).map_err(damaged)?;
        }
        Ok(bytes)
    }

    /// Refuses the file `name` unless it `holds`.
    fn ensure(
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
        damage(path, &place, error.to_string())
    })
}

fn damage(path: &Path, place: &str, problem: impl Into<String>) -> Error {
    damaged(Error::malformed(path, place, problem))
}

/// Says of a file of a run, which a user has not written, that it is damaged.
fn damaged(error: Error) -> Error {
    match error {
        Error::Malformed { path, place, problem } => {
            Error::Malformed { path, place, problem: format!("{problem} (the file is damaged)") }
        }
        error => error,
    }
}

#[cfg(test)]
mod tests;
