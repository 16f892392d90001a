//! [`survey`]: which comparisons and runs lie below a folder, and how they stand.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::folder::read_plan;
use super::layout::{ENVIRONMENT, MARKER, METRICS, RECIPE};
use super::{RecipeReader, RunFiles, Setting, tidy};
use crate::{Error, Result};

/// Folders of folders end somewhere.
const MOST_DEPTH: usize = 12;

/// A comparison, or a run that lies alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundFolder {
    /// Its folder.
    pub path: PathBuf,
    /// The losses of its recipe, as they are written; none of a run that lies alone.
    pub losses: Vec<String>,
    /// The seeds of its recipe.
    pub seeds: Vec<u64>,
    /// What is wrong with the folder itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Its runs, by their folders.
    pub runs: Vec<FoundRun>,
    /// Bytes of all files in it.
    pub bytes: u64,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundRun {
    /// Its folder.
    pub path: PathBuf,
    /// The loss, where the recipe can be read, with the learning rate where that was swept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<String>,
    /// The seed, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How it stands.
    #[serde(flatten)]
    pub state: RunState,
    /// Bytes of all files in it.
    pub bytes: u64,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum RunState {
    /// At its end, and whole.
    Finished {
        /// Share of the test examples that it classifies correctly, where it left what says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        accuracy: Option<f64>,
        /// Whether its files were held against a manifest, which runs of earlier versions do not have.
        verified: bool,
    },
    /// On its way.
    Begun {
        /// Epochs that are over.
        epochs: usize,
        /// Epochs of its training, where its recipe says how many.
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<usize>,
    },
    /// Something in it is not what was written.
    Damaged {
        /// What.
        problem: String,
    },
}

/// What lies in the folder `path` and below it, in the order of the names, with recipes as `reader`
/// reads them. Every file of a finished run
/// is read and checked. Links are not followed.
///
/// # Errors
/// A folder that is not there, or cannot be read.
pub fn survey(path: &Path, reader: &dyn RecipeReader) -> Result<Vec<FoundFolder>> {
    let mut found = Vec::new();
    look_into(path, reader, 0, &mut found)?;
    Ok(found)
}

fn look_into(
    path: &Path,
    reader: &dyn RecipeReader,
    depth: usize,
    found: &mut Vec<FoundFolder>,
) -> Result<()> {
    if path.join(MARKER).is_file() {
        found.push(comparison(path, reader)?);
        return Ok(());
    }
    if path.join(RECIPE).is_file() && path.join(ENVIRONMENT).is_file() {
        let run = run(path, reader)?;
        let bytes = run.bytes;
        let (losses, seeds, runs) = (Vec::new(), Vec::new(), vec![run]);
        found.push(FoundFolder {
            path: path.to_owned(),
            losses,
            seeds,
            problem: None,
            runs,
            bytes,
        });
        return Ok(());
    }
    if depth < MOST_DEPTH {
        for folder in tidy::folders(path)? {
            look_into(&folder, reader, depth + 1, found)?;
        }
    }
    Ok(())
}

fn comparison(path: &Path, reader: &dyn RecipeReader) -> Result<FoundFolder> {
    let runs = tidy::runs(path)?.iter().map(|path| run(path, reader)).collect::<Result<_>>()?;
    let (plan, problem) = match read_plan(&path.join(MARKER), reader) {
        Ok(plan) => (Some(plan), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let settings = plan.as_ref().and_then(|plan| plan.settings().ok()).unwrap_or_default();
    let losses = settings.iter().map(ToString::to_string).collect();
    let seeds = plan.map_or_else(Vec::new, |plan| plan.seeds);
    Ok(FoundFolder { path: path.to_owned(), losses, seeds, problem, runs, bytes: bytes(path, 0)? })
}

fn run(path: &Path, reader: &dyn RecipeReader) -> Result<FoundRun> {
    let files = RunFiles::at(path);
    let plan = files.as_ref().ok().and_then(|files| files.plan(reader).ok());
    let state = match files.and_then(|files| state(&files, reader)) {
        Ok(state) => state,
        Err(error) => RunState::Damaged { problem: error.to_string() },
    };
    let loss = plan
        .as_ref()
        .map(|plan| Setting { lr: plan.swept_lr(path), ..plan.setting.clone() }.to_string());
    let seed = plan.map(|plan| plan.seed);
    Ok(FoundRun { path: path.to_owned(), loss, seed, state, bytes: bytes(path, 0)? })
}

fn state(files: &RunFiles, reader: &dyn RecipeReader) -> Result<RunState> {
    files.validate(reader)?;
    let plan = files.plan(reader)?;
    if files.is_finished()? {
        let run = files.run(&plan, files.classes_of(&plan)?.len())?;
        let accuracy = run.has_predictions().then_some(run.measures.accuracy);
        let verified = files.is_sealed();
        return Ok(RunState::Finished { accuracy, verified });
    }
    let log = fs::read_to_string(files.path().join(METRICS)).unwrap_or_default();
    Ok(RunState::Begun { epochs: log.lines().count(), of: plan.epochs })
}

/// Of all files in the folder `path` and below it.
fn bytes(path: &Path, depth: usize) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(path).map_err(Error::input(path))? {
        let entry = entry.map_err(Error::input(path))?;
        // Of a link this is the link itself.
        match entry.metadata() {
            Ok(about) if about.is_dir() && depth < MOST_DEPTH => {
                sum += bytes(&entry.path(), depth + 1)?;
            }
            Ok(about) if about.is_file() => sum += about.len(),
            // What is gone meanwhile takes no room.
            _ => {}
        }
    }
    Ok(sum)
}
