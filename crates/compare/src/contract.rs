//! What a training that is compared leaves behind, for trainings in Rust: `steepness compare --run` says by
//! variables of the environment which run it is, and reads these files when it has ended.
//!
//! ```
//! use steepness_compare::contract::Run;
//! # let folder = tempfile::tempdir()?;
//! # let run = Run::in_folder(folder.path(), Some("el(le=0.75)"), 3);
//! // let run = Run::current()?;
//! let loss: steepness::Loss = run.loss().unwrap_or("ce").parse()?;
//! # assert_eq!((loss.to_string().as_str(), run.seed()), ("el(le=0.75)", 3));
//! for epoch in 1..=2 {
//!     // ... train with `loss`, on random numbers that are those of `run.seed()` ...
//!     run.epoch(epoch, &[("train_loss", 0.5), ("val_accuracy", 0.8)])?;
//! }
//! let (logits, labels) = ([2.0f32, -1.0, 0.5, 0.1, 0.2, 0.3], [0, 2]);
//! run.test(&logits, 3, &labels)?;
//! # assert!(folder.path().join("logits.npy").is_file());
//! # assert_eq!(std::fs::read_to_string(folder.path().join("metrics.jsonl"))?.lines().count(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::layout::{
    FEATURES, LABELS, LOGITS, METRICS, OOD, OWN_METRICS, TRAIN_COUNTS, VAL_LABELS, VAL_LOGITS,
    further, is_plain,
};
use crate::{Error, Result, durable, npy};

/// The run that this process is to make.
#[derive(Clone, Debug)]
pub struct Run {
    folder: PathBuf,
    loss: Option<String>,
    seed: u64,
}

impl Run {
    /// That which `STEEPNESS_RUN`, `STEEPNESS_LOSS` and `STEEPNESS_SEED` say.
    ///
    /// # Errors
    /// Outside of a comparison: a variable that is not set, or is no seed.
    pub fn current() -> Result<Self> {
        let variable = |name: &str| {
            std::env::var(name).map_err(|_| {
                let problem = format!("{name} is not set: this is no run of `steepness compare`");
                Error::Request(problem)
            })
        };
        let seed = variable("STEEPNESS_SEED")?;
        let seed = seed
            .parse()
            .map_err(|_| Error::Request(format!("STEEPNESS_SEED is {seed:?}, which is no seed")))?;
        let folder = variable("STEEPNESS_RUN")?.into();
        Ok(Self { folder, loss: std::env::var("STEEPNESS_LOSS").ok(), seed })
    }

    /// One in the folder `folder`, to try it out without a comparison.
    pub fn in_folder(folder: &Path, loss: Option<&str>, seed: u64) -> Self {
        Self { folder: folder.to_owned(), loss: loss.map(str::to_owned), seed }
    }

    /// Its folder: what else it writes, such as checkpoints, may lie there.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The loss, as it is written; `None` where it has no part in the comparison.
    pub fn loss(&self) -> Option<&str> {
        self.loss.as_deref()
    }

    /// The seed, which every random number is to depend on.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Leaves the predictions of the test part: `logits` (N, C) row by row, C being `classes`, and
    /// `labels` (N,).
    ///
    /// # Errors
    /// Arrays that do not fit each other; a file that cannot be written. So do the others.
    pub fn test(&self, logits: &[f32], classes: usize, labels: &[i64]) -> Result<()> {
        let [logits_file, labels_file] = [LOGITS, LABELS].map(|file| self.folder.join(file));
        predictions([&logits_file, &labels_file], logits, classes, labels)
    }

    /// Leaves those of a further test set called `name`, such as photos of another camera: it is reported
    /// apart from the test part, which has to be there, too. A name is of letters, digits, '-', '_' and '.'.
    pub fn test_set(
        &self,
        name: &str,
        logits: &[f32],
        classes: usize,
        labels: &[i64],
    ) -> Result<()> {
        if !is_plain(name) {
            return Err(Error::Request(format!(
                "the test set {name:?} must be called by letters, digits, '-', '_' or '.', without a dot in \
                 front"
            )));
        }
        let folder = self.folder.join(further(name));
        fs::create_dir_all(&folder).map_err(Error::output(&folder))?;
        let [logits_file, labels_file] = [LOGITS, LABELS].map(|file| folder.join(file));
        predictions([&logits_file, &labels_file], logits, classes, labels)
    }

    /// Leaves those of the validation part, for temperature scaling and for tuning.
    pub fn validation(&self, logits: &[f32], classes: usize, labels: &[i64]) -> Result<()> {
        let [logits_file, labels_file] =
            [VAL_LOGITS, VAL_LABELS].map(|file| self.folder.join(file));
        predictions([&logits_file, &labels_file], logits, classes, labels)
    }

    /// Leaves the logits of examples from another data set called `name`.
    pub fn foreign(&self, name: &str, logits: &[f32], classes: usize) -> Result<()> {
        let folder = self.folder.join(OOD);
        fs::create_dir_all(&folder).map_err(Error::output(&folder))?;
        Ok(npy::write_matrix(&folder.join(format!("{name}.npy")), logits, classes)?)
    }

    /// Leaves the features of the test part: (N, D) row by row, D being `dimensions`.
    pub fn features(&self, features: &[f32], dimensions: usize) -> Result<()> {
        Ok(npy::write_matrix(&self.folder.join(FEATURES), features, dimensions)?)
    }

    /// Leaves how many training examples each class has.
    pub fn train_counts(&self, counts: &[i64]) -> Result<()> {
        Ok(npy::write_vector(&self.folder.join(TRAIN_COUNTS), counts)?)
    }

    /// Leaves metrics of its own, all at once.
    pub fn metrics(&self, metrics: &[(&str, f64)]) -> Result<()> {
        let path = self.folder.join(OWN_METRICS);
        Ok(durable::write(&path, object(metrics)?.as_bytes())?)
    }

    /// Notes what is known after an epoch, from 1.
    pub fn epoch(&self, epoch: usize, metrics: &[(&str, f64)]) -> Result<()> {
        let path = self.folder.join(METRICS);
        let line = object(&[&[("epoch", epoch as f64)], metrics].concat())? + "\n";
        let open = OpenOptions::new().append(true).create(true).open(&path);
        let written = open.and_then(|mut file| file.write_all(line.as_bytes()));
        written.map_err(Error::output(&path))
    }
}

fn predictions(
    [logits_file, labels_file]: [&Path; 2],
    logits: &[f32],
    classes: usize,
    labels: &[i64],
) -> Result<()> {
    if labels.len().checked_mul(classes) != Some(logits.len()) {
        return Err(Error::Request(format!(
            "{} logits are not {} rows, one a label, of {classes} classes",
            logits.len(),
            labels.len()
        )));
    }
    npy::write_matrix(logits_file, logits, classes)?;
    Ok(npy::write_vector(labels_file, labels)?)
}

/// As JSON, which has no numbers that are not finite.
fn object(metrics: &[(&str, f64)]) -> Result<String> {
    if let Some((name, value)) = metrics.iter().find(|(_, value)| !value.is_finite()) {
        return Err(Error::Request(format!("the metric {name} is {value}")));
    }
    let metrics: BTreeMap<&str, f64> = metrics.iter().copied().collect();
    serde_json::to_string(&metrics).map_err(|error| Error::failed("", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_writes_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let run = Run::in_folder(folder.path(), None, 0);
        let logits = [2.0, 0.0, 0.0, 2.0, 1.0, 0.0];
        run.test(&logits, 2, &[0, 1, 1]).unwrap();
        run.validation(&logits, 2, &[0, 1, 1]).unwrap();
        run.test_set("rain", &logits[..4], 2, &[1, 1]).unwrap();
        run.foreign("noise", &[0.1, 0.2], 2).unwrap();
        run.features(&[1.0, 2.0, 3.0], 1).unwrap();
        run.train_counts(&[30, 500]).unwrap();
        run.metrics(&[("wer", 0.25)]).unwrap();
        run.epoch(1, &[("train_loss", 0.5)]).unwrap();
        let read = crate::command::read_run(folder.path()).unwrap();
        let (measures, own) = (read.measures.unwrap(), read.own);
        let (rain, labels) = &read.tests["rain"];
        assert_eq!((rain.accuracy, rain.ood.len(), &labels[..]), (0.5, 0, &[1, 1][..]));
        assert!(rain.recalibrated.is_some(), "by the validation part of the run");
        assert!(run.test_set("../rain", &logits[..4], 2, &[1, 1]).is_err());
        assert_eq!((measures.examples, own["wer"]), (3, 0.25));
        assert_eq!((measures.ood[0].data.as_str(), measures.ood[0].examples), ("noise", 1));
        assert!(measures.representation.is_some() && measures.groups.is_some());
        assert!(run.test(&logits, 4, &[0, 1, 1]).unwrap_err().to_string().contains("6 logits"));
        assert!(run.metrics(&[("loss", f64::NAN)]).is_err());
    }

    #[test]
    fn outside_of_a_comparison_it_says_so() {
        let error = Run::current().unwrap_err().to_string();
        assert!(error.contains("this is no run of `steepness compare`"), "{error}");
    }
}
