//! [`LabDir`]: what of a run's files only the laboratory writes.

use std::fs;
use std::ops::Deref;
use std::sync::Arc;

use tch::Device;

use super::RunRecipe;
use super::environment::environment;
use super::translated::Translations;
use crate::compare::layout::{
    INPUTS, LABELS, LOGITS, THRESHOLD, TRAIN_COUNTS, TRANSLATIONS, VAL_LABELS, VAL_LOGITS,
    VOCABULARIES, WEIGHTS,
};
use crate::compare::{Content, RunDir};
use crate::data::text::Vocabulary;
use crate::data::{Reader, npy};
use crate::measure::Threshold;
use crate::models::Weights;
use crate::train::Predictions;
use crate::{Error, Result, durable, tensors};

/// The folder of a run that is trained in the laboratory.
pub(super) struct LabDir<'a>(&'a RunDir);

impl Deref for LabDir<'_> {
    type Target = RunDir;

    fn deref(&self) -> &RunDir {
        self.0
    }
}

impl<'a> LabDir<'a> {
    /// That of `dir`.
    pub fn new(dir: &'a RunDir) -> Self {
        Self(dir)
    }

    /// Writes what is known before the first step; `content` is that of the data, `classes` are the
    /// names of the classes by their numbers and `reader` says what is in an input, which nothing else
    /// here does.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn begin_training(
        &self,
        recipe: &RunRecipe,
        content: &Content,
        classes: &[String],
        reader: &Reader,
        device: Device,
    ) -> Result<()> {
        let path = self.path();
        fs::create_dir_all(path).map_err(Error::output(path))?;
        self.write_json(INPUTS, reader)?;
        let environment = environment(recipe.threads.get(), device);
        Ok(self.begin(&recipe.to_toml(), content, classes, &environment)?)
    }

    /// Writes what a model said about the held-out part, and about examples of other data sets, each
    /// with its name; the first ones are `ood_logits.npy`.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_predictions(&self, test: &Predictions, ood: &[(&str, Predictions)]) -> Result<()> {
        let at = |name: &str| self.path().join(name);
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

    /// Writes what else the run of a command leaves, so that the measurements can be made again from its
    /// arrays: what a model said about the validation part, where that is another than the test part, and
    /// how many training examples each class has.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_beside(&self, validation: Option<&Predictions>, counts: &[i64]) -> Result<()> {
        let at = |name: &str| self.path().join(name);
        if let Some(Predictions { logits, labels, classes }) = validation {
            npy::write_matrix(&at(VAL_LOGITS), logits, *classes)?;
            npy::write_vector(&at(VAL_LABELS), labels)?;
        }
        Ok(npy::write_vector(&at(TRAIN_COUNTS), counts)?)
    }

    /// Writes what makes the pieces of source and target.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_vocabularies(&self, vocabularies: [&Arc<Vocabulary>; 2]) -> Result<()> {
        let mut files = VOCABULARIES.iter().zip(vocabularies);
        files.try_for_each(|(name, vocabulary)| vocabulary.save(&self.path().join(name)))
    }

    /// Writes the test sentences, their translations and their references, a line each.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_translations(&self, all: &Translations) -> Result<()> {
        let lines = [&all.sources, &all.hypotheses, &all.references];
        for (name, lines) in TRANSLATIONS.into_iter().zip(lines) {
            let text: String = lines.iter().map(|line| line.clone() + "\n").collect();
            durable::write(&self.path().join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// Writes the weights that were measured, and where out-of-distribution begins with them.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_model(&self, weights: &Weights, threshold: &Threshold) -> Result<()> {
        durable::write(&self.path().join(WEIGHTS), &tensors::encode(&weights.snapshot()?)?)?;
        Ok(self.write_json(THRESHOLD, threshold)?)
    }
}
