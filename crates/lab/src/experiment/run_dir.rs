//! [`RunDir`]: the folder of one run, as it is written.
//!
//! ```text
//! <out>/<loss>[/lr=<rate>]/seed=<k>/   recipe.toml  data-hashes.json  environment.json
//!     classes.json  inputs.json  metrics.jsonl  checkpoint/  weights.safetensors  threshold.json
//!     logits.npy  labels.npy  ood_logits.npy  ood_logits.<name>.npy  map.npy  measure.json
//!     vocabulary.source.json  vocabulary.target.json  test.source.txt  test.translation.txt
//!     test.reference.txt   (of translation, in place of the .npy)
//!     crt/  probe/  events.out.tfevents.steepness   (where asked for)
//!     manifest.json
//! ```
//!
//! `manifest.json` is written last and knows the size and the SHA-256 of every file beside it: where it
//! is, the run is finished. `data-hashes.json` holds the hashes of the data that it learned from. Runs of
//! earlier versions have neither: they are finished where there is a `measure.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment::Environment;
use super::run_files::{
    CLASSES, DATA, ENVIRONMENT, INPUTS, LABELS, LOGITS, MANIFEST, MAP, MEASURES, RECIPE, RunFiles,
    THRESHOLD, TRANSLATIONS, VOCABULARIES, WEIGHTS, is_result,
};
use super::translated::Translations;
use super::{RunRecipe, Setting};
use crate::data::text::Vocabulary;
use crate::data::{Content, Reader, npy};
use crate::manifest::Manifest;
use crate::measure::{FeatureMap, Measures, Threshold};
use crate::models::Weights;
use crate::train::Predictions;
use crate::{Error, Result, durable, tensors};
use serde::Serialize;
use tch::Device;

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

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the run of `recipe` on data of this `content` is finished here.
    ///
    /// # Errors
    /// A folder that belongs to another recipe (the message says what differs) or to other data, one
    /// that is damaged, and one that cannot be read.
    pub fn finished(&self, recipe: &RunRecipe, content: &Content) -> Result<bool> {
        let run = RunFiles::at(&self.path)?;
        if !run.has(RECIPE)? {
            return Ok(false);
        }
        let other = |what: String| {
            let anew = "`compare --fresh` makes it anew";
            Err(Error::Request(format!("{} {what}; {anew}", self.path.display())))
        };
        let differences = run.recipe()?.differences(recipe);
        if !differences.is_empty() {
            let differences = differences.join("; ");
            return other(format!("belongs to a run with another recipe: {differences}"));
        }
        if let Some(before) = run.content()?
            && !before.is_same(content)
        {
            let differences = before.differences(content).join("; ");
            return other(format!("was made with other data: {differences}"));
        }
        run.check_sizes()?;
        run.is_finished()
    }

    /// Writes what is known before the first step; `content` is that of the data, `classes` are the
    /// names of the classes by their numbers and `reader` says what is in an input, which nothing else
    /// here does.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn begin(
        &self,
        recipe: &RunRecipe,
        content: &Content,
        classes: &[String],
        reader: &Reader,
        device: Device,
    ) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(Error::output(&self.path))?;
        self.write_json(DATA, &content.brief())?;
        self.write_json(ENVIRONMENT, &Environment::of(recipe.threads.get(), device))?;
        self.write_json(CLASSES, &classes)?;
        self.write_json(INPUTS, reader)?;
        Ok(durable::write(&self.path.join(RECIPE), recipe.to_toml().as_bytes())?)
    }

    /// Writes what a model said about the held-out part, and about examples from other worlds, each
    /// with its name; the first ones are `ood_logits.npy`.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_predictions(&self, test: &Predictions, ood: &[(&str, Predictions)]) -> Result<()> {
        let at = |name: &str| self.path.join(name);
        npy::write_matrix(&at(LOGITS), &test.logits, test.classes)?;
        npy::write_vector(&at(LABELS), &test.labels)?;
        ood.iter().enumerate().try_for_each(|(place, (name, ood))| {
            let file = match place {
                0 => "ood_logits.npy".to_owned(),
                _ => format!("ood_logits.{name}.npy"),
            };
            Ok(npy::write_matrix(&at(&file), &ood.logits, ood.classes)?)
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

    /// Writes the test sentences, their translations and their references, a line each.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub(super) fn write_translations(&self, all: &Translations) -> Result<()> {
        let lines = [&all.sources, &all.hypotheses, &all.references];
        for (name, lines) in TRANSLATIONS.into_iter().zip(lines) {
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
        Ok(npy::write_matrix(&self.path.join(MAP), &values, columns)?)
    }

    /// Writes the weights that were measured, and where out-of-distribution begins with them.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_model(&self, weights: &Weights, threshold: &Threshold) -> Result<()> {
        durable::write(&self.path.join(WEIGHTS), &tensors::encode(&weights.snapshot()?)?)?;
        self.write_json(THRESHOLD, threshold)
    }

    /// Writes what was measured; the run is then finished.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn finish(&self, measures: &Measures) -> Result<()> {
        self.write_json(MEASURES, measures)?;
        self.seal()
    }

    /// Writes the manifest of what there is.
    ///
    /// # Errors
    /// Names the path that cannot be read or written.
    pub(super) fn seal(&self) -> Result<()> {
        let entries = fs::read_dir(&self.path).map_err(Error::output(&self.path))?;
        let mut manifest = Manifest::default();
        for entry in entries {
            let path = entry.map_err(Error::output(&self.path))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_result(&name) && path.is_file() {
                let bytes = fs::read(&path).map_err(Error::output(&path))?;
                manifest.add(&name, &bytes);
            }
        }
        Ok(durable::write(&self.path.join(MANIFEST), &manifest.to_bytes())?)
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.path.join(name);
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Error::Work(format!("{}: {error}", path.display())))?;
        Ok(durable::write(&path, (text + "\n").as_bytes())?)
    }
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
    use crate::data::Origin;
    use steepness::Loss;

    #[test]
    fn folder_names_are_plain() {
        assert_eq!(folder_name("ce"), "ce");
        assert_eq!(folder_name("el(le=0.5) + smooth(0.1)"), "el_le=0.5+smooth_0.1");
        assert_eq!(folder_name("el(le=1, clamp=1e-5)"), "el_le=1,clamp=1e-5");
        assert_eq!(folder_name("../x/\0"), "..x");
        let setting =
            Setting { lr: Some(1e-5), ..Setting::from("el(le=1)".parse::<Loss>().unwrap()) };
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
    }

    #[test]
    fn another_recipe_is_not_taken_for_this_one() {
        let dir = tempfile::tempdir().unwrap();
        let recipe = super::super::Recipe::embedded().unwrap();
        let setting = &recipe.settings().unwrap()[0];
        let run = RunDir::new(dir.path(), setting, 1);
        let ours = recipe.run(setting, 1);
        let content = Content::default();
        assert!(!run.finished(&ours, &content).unwrap());
        let reader = Reader {
            shape: [1, 8, 8],
            side: None,
            columns: Vec::new(),
            fill: Vec::new(),
            nodes: None,
        };
        let classes = ["b".to_owned(), "a\"\n".to_owned()];
        run.begin(&ours, &content, &classes, &reader, Device::Cpu).unwrap();
        let files = RunFiles::at(run.path()).unwrap();
        assert_eq!(files.classes().unwrap(), ["b", "a\"\n"]);
        assert_eq!((files.reader().unwrap(), files.recipe().unwrap()), (reader, ours.clone()));
        files.check().unwrap();
        // What is measured last is not the end: the manifest is.
        fs::write(run.path().join(MEASURES), "{}").unwrap();
        assert!(!run.finished(&ours, &content).unwrap());
        run.seal().unwrap();
        assert!(run.finished(&ours, &content).unwrap());
        let refused = |recipe: &RunRecipe, content: &Content| {
            let error = run.finished(recipe, content).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        let message = refused(&recipe.run(setting, 2), &content);
        assert!(
            message.contains("belongs to a run with another recipe: seed is 1 there, 2 asked for"),
            "{message}"
        );
        let data = dir.path().join("t.csv");
        fs::write(&data, "x").unwrap();
        let other = Content::of(&[Origin::file("data", &data)], None).unwrap();
        let message = refused(&ours, &other);
        assert!(message.contains("was made with other data: data is read from"), "{message}");
        fs::remove_file(run.path().join(MANIFEST)).unwrap();
        let written = run.path().join(RECIPE);
        fs::write(&written, fs::read_to_string(&written).unwrap().replace("epochs", "epoks"))
            .unwrap();
        let message = refused(&ours, &content);
        assert!(
            message.contains("recipe.toml: line 3, column 1: unknown field `epoks`")
                && message.ends_with("(the file is damaged)"),
            "{message}"
        );
    }
}
