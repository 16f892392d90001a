//! [`RunDir`]: the folder of one run.
//!
//! ```text
//! <out>/<loss>[/lr=<rate>]/seed=<k>/   recipe.toml  environment.json  classes.json  inputs.json
//!     metrics.jsonl  checkpoint/  weights.safetensors  threshold.json
//!     logits.npy  labels.npy  ood_logits.npy  ood_logits.<name>.npy  map.npy  measure.json
//!     vocabulary.source.json  vocabulary.target.json  test.source.txt  test.translation.txt
//!     test.reference.txt   (of translation, in place of the .npy)
//!     crt/  probe/  events.out.tfevents.steepness   (where asked for)
//! ```
//!
//! `measure.json` is written last: where it is, the run is finished.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment::Environment;
use super::translated::Translations;
use super::{EpochMetrics, Run, RunRecipe, Setting};
use crate::data::text::Vocabulary;
use crate::data::{Reader, npy};
use crate::measure::{FeatureMap, Measures, Threshold};
use crate::models::Weights;
use crate::train::Predictions;
use crate::{Error, Result, durable, tensors};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tch::{Device, Tensor};

const CLASSES: &str = "classes.json";
const INPUTS: &str = "inputs.json";
const WEIGHTS: &str = "weights.safetensors";
const VOCABULARIES: [&str; 2] = ["vocabulary.source.json", "vocabulary.target.json"];
const MAP: &str = "map.npy";
const THRESHOLD: &str = "threshold.json";

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// That of `setting` and `seed` in the folder `out`.
    pub fn new(out: &Path, setting: &Setting, seed: u64) -> Self {
        let mut path = out.join(folder_name(&setting.loss.to_string()));
        if let Some(lr) = setting.lr {
            path.push(format!("lr={lr}"));
        }
        Self { path: path.join(format!("seed={seed}")) }
    }

    /// The folder of a run, wherever it lies.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the run of `recipe` is finished here.
    ///
    /// # Errors
    /// When the folder belongs to another recipe, or cannot be read.
    pub fn finished(&self, recipe: &RunRecipe) -> Result<bool> {
        let (written, asked) = (self.path.join("recipe.toml"), recipe.to_toml());
        match fs::read_to_string(&written) {
            Ok(text) if text == asked => {
                let measures = self.path.join("measure.json");
                measures.try_exists().map_err(Error::output(&measures))
            }
            Ok(_) => Err(Error::Request(format!(
                "{} belongs to a run with another recipe",
                self.path.display()
            ))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::output(&written)(error)),
        }
    }

    /// Writes what is known before the first step; `classes` are the names of the classes by their
    /// numbers and `reader` says what is in an input, which nothing else here does.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn begin(
        &self,
        recipe: &RunRecipe,
        classes: &[String],
        reader: &Reader,
        device: Device,
    ) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(Error::output(&self.path))?;
        self.write_json("environment.json", &Environment::of(recipe.threads.get(), device))?;
        self.write_json(CLASSES, &classes)?;
        self.write_json(INPUTS, reader)?;
        durable::write(&self.path.join("recipe.toml"), recipe.to_toml().as_bytes())
    }

    /// Writes what a model said about the held-out part, and about examples from other worlds, each
    /// with its name; the first ones are `ood_logits.npy`.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_predictions(&self, test: &Predictions, ood: &[(&str, Predictions)]) -> Result<()> {
        let at = |name: &str| self.path.join(name);
        npy::write_matrix(&at("logits.npy"), &test.logits, test.classes)?;
        npy::write_vector(&at("labels.npy"), &test.labels)?;
        ood.iter().enumerate().try_for_each(|(place, (name, ood))| {
            let file = match place {
                0 => "ood_logits.npy".to_owned(),
                _ => format!("ood_logits.{name}.npy"),
            };
            npy::write_matrix(&at(&file), &ood.logits, ood.classes)
        })
    }

    /// Writes what makes the pieces of source and target.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_vocabularies(&self, vocabularies: [&Arc<Vocabulary>; 2]) -> Result<()> {
        let mut files = VOCABULARIES.iter().zip(vocabularies);
        files.try_for_each(|(name, vocabulary)| vocabulary.save(&self.path.join(name)))
    }

    /// What makes the pieces of source and target.
    ///
    /// # Errors
    /// As [`RunDir::recipe`].
    pub fn vocabularies(&self) -> Result<[Arc<Vocabulary>; 2]> {
        let [source, target] = VOCABULARIES.map(|name| Vocabulary::load(&self.path.join(name)));
        Ok([Arc::new(source?), Arc::new(target?)])
    }

    /// Writes the test sentences, their translations and their references, a line each.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub(super) fn write_translations(&self, all: &Translations) -> Result<()> {
        for (name, lines) in [
            ("test.source.txt", &all.sources),
            ("test.translation.txt", &all.hypotheses),
            ("test.reference.txt", &all.references),
        ] {
            let text: String = lines.iter().map(|line| line.clone() + "\n").collect();
            durable::write(&self.path.join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// Writes the maps of test examples.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_map(&self, map: &FeatureMap) -> Result<()> {
        let (values, columns) = map.matrix();
        npy::write_matrix(&self.path.join(MAP), &values, columns)
    }

    /// The maps of test examples, where there are some.
    fn map(&self) -> Result<Option<FeatureMap>> {
        let path = self.path.join(MAP);
        if !path.try_exists().map_err(Error::input(&path))? {
            return Ok(None);
        }
        let matrix = npy::matrix(&path)?;
        FeatureMap::from_matrix(&matrix.values.to_f64(), matrix.columns)
            .map(Some)
            .map_err(|error| Error::malformed(&path, "data", error.to_string()))
    }

    /// Writes the weights that were measured, and where out-of-distribution begins with them.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_model(&self, weights: &Weights, threshold: &Threshold) -> Result<()> {
        durable::write(&self.path.join(WEIGHTS), &tensors::encode(&weights.snapshot()?)?)?;
        self.write_json(THRESHOLD, threshold)
    }

    /// What was trained.
    ///
    /// # Errors
    /// Names the file that is missing or damaged, and the place; so do the others.
    pub fn recipe(&self) -> Result<RunRecipe> {
        RunRecipe::read(&self.path.join("recipe.toml"))
    }

    /// The names of the classes by their numbers.
    ///
    /// # Errors
    /// As [`RunDir::recipe`].
    pub fn classes(&self) -> Result<Vec<String>> {
        self.read_json(CLASSES)
    }

    /// How inputs are read.
    ///
    /// # Errors
    /// As [`RunDir::recipe`].
    pub fn reader(&self) -> Result<Reader> {
        self.read_json(INPUTS)
    }

    /// Where out-of-distribution begins.
    ///
    /// # Errors
    /// As [`RunDir::recipe`].
    pub fn threshold(&self) -> Result<Threshold> {
        self.read_json(THRESHOLD)
    }

    /// The weights that were measured.
    ///
    /// # Errors
    /// As [`RunDir::recipe`].
    pub fn weights(&self) -> Result<Vec<(String, Tensor)>> {
        let path = self.path.join(WEIGHTS);
        let bytes = fs::read(&path).map_err(Error::input(&path))?;
        tensors::decode(&bytes)
            .map_err(|error| Error::malformed(&path, "whole file", error.to_string()))
    }

    /// Writes what was measured; the run is then finished.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn finish(&self, measures: &Measures) -> Result<()> {
        self.write_json("measure.json", measures)
    }

    /// Reads a finished run.
    ///
    /// # Errors
    /// Names the file that is missing or damaged, and the place.
    pub fn read(&self, seed: u64) -> Result<Run> {
        let log = self.path.join("metrics.jsonl");
        let text = fs::read_to_string(&log).map_err(Error::input(&log))?;
        let line = |(row, line): (usize, &str)| parse::<EpochMetrics>(&log, row, line);
        let epochs = text.lines().enumerate().map(line).collect::<Result<_>>()?;
        Ok(Run { seed, epochs, measures: self.read_json("measure.json")?, map: self.map()? })
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let path = self.path.join(name);
        let text = fs::read_to_string(&path).map_err(Error::input(&path))?;
        parse(&path, 0, &text)
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.path.join(name);
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Error::Work(format!("{}: {error}", path.display())))?;
        durable::write(&path, (text + "\n").as_bytes())
    }
}

/// Reads JSON that starts in line `row` (from 0) of `path`.
fn parse<T: DeserializeOwned>(path: &Path, row: usize, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}, column {}", row + error.line(), error.column());
        Error::malformed(path, place, error.to_string())
    })
}

/// A loss spec as the name of a folder: `el(le=0.5) + smooth(0.1)` → `el_le=0.5+smooth_0.1`.
///
/// Letters, digits and `=.,+-` stay; an opening parenthesis becomes `_`; the rest is left out.
fn folder_name(spec: &str) -> String {
    let readable = |c: char| match c {
        '(' => Some('_'),
        c if c.is_ascii_alphanumeric() || "=.,+-_".contains(c) => Some(c),
        _ => None,
    };
    spec.chars().filter_map(readable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_plain() {
        assert_eq!(folder_name("ce"), "ce");
        assert_eq!(folder_name("el(le=0.5) + smooth(0.1)"), "el_le=0.5+smooth_0.1");
        assert_eq!(folder_name("el(le=1, clamp=1e-5)"), "el_le=1,clamp=1e-5");
        assert_eq!(folder_name("../x/\0"), "..x");
        let setting = Setting { loss: "el(le=1)".parse().unwrap(), lr: Some(1e-5) };
        let dir = RunDir::new(Path::new("out"), &setting, 3);
        assert_eq!(dir.path(), Path::new("out/el_le=1/lr=0.00001/seed=3"));
    }

    #[test]
    fn arrays_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir { path: dir.path().to_owned() };
        let test =
            Predictions { logits: vec![0.5, -1.0, 2.0, 3.0], labels: vec![0, 1], classes: 2 };
        run.write_predictions(&test, &[]).unwrap();
        let file =
            npyz::NpyFile::new(fs::File::open(dir.path().join("logits.npy")).unwrap()).unwrap();
        assert_eq!(file.shape(), [2, 2]);
        assert_eq!(file.into_vec::<f32>().unwrap(), test.logits);
        let file =
            npyz::NpyFile::new(fs::File::open(dir.path().join("labels.npy")).unwrap()).unwrap();
        assert_eq!(file.into_vec::<i64>().unwrap(), test.labels);
        assert!(!dir.path().join("ood_logits.npy").exists());
        run.write_predictions(&test, &[("near", test.clone()), ("far", test.clone())]).unwrap();
        for name in ["ood_logits.npy", "ood_logits.far.npy"] {
            assert!(dir.path().join(name).exists(), "{name}");
        }
        assert_eq!(run.map().unwrap(), None);
        let map =
            FeatureMap { labels: vec![3], pca: vec![[0.5, -1.0]], tsne: vec![[2.0, 1.0 / 3.0]] };
        run.write_map(&map).unwrap();
        assert_eq!(run.map().unwrap(), Some(map));
    }

    #[test]
    fn a_damaged_run_is_named_by_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir { path: dir.path().to_owned() };
        fs::write(dir.path().join("metrics.jsonl"), "{\"epoch\": 1").unwrap();
        let error = run.read(0).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl: line 1, column"), "{error}");
    }

    #[test]
    fn another_recipe_is_not_taken_for_this_one() {
        let dir = tempfile::tempdir().unwrap();
        let recipe = super::super::Recipe::embedded().unwrap();
        let setting = &recipe.settings().unwrap()[0];
        let run = RunDir::new(dir.path(), setting, 1);
        let ours = recipe.run(setting, 1);
        assert!(!run.finished(&ours).unwrap());
        let reader = Reader { shape: [1, 8, 8], side: None, columns: Vec::new(), nodes: None };
        run.begin(&ours, &["b".to_owned(), "a\"\n".to_owned()], &reader, Device::Cpu).unwrap();
        assert_eq!(run.classes().unwrap(), ["b", "a\"\n"]);
        assert_eq!((run.reader().unwrap(), run.recipe().unwrap()), (reader, ours.clone()));
        assert!(!run.finished(&ours).unwrap());
        fs::write(run.path().join("measure.json"), "{}").unwrap();
        assert!(run.finished(&ours).unwrap());
        assert_eq!(run.finished(&recipe.run(setting, 2)).unwrap_err().exit_code(), 2);
    }
}
