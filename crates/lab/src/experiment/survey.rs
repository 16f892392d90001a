//! [`survey`]: which comparisons and runs lie below a folder, and how they stand.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::folder::MARKER;
use super::run_files::{METRICS, RECIPE};
use super::{Recipe, RunFiles, tidy};
use crate::{Error, Result};

/// Folders of folders end somewhere.
const MOST_DEPTH: usize = 12;

/// A comparison, or a run that lies alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
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
        /// Share of the test examples that it classifies correctly.
        accuracy: f64,
        /// Whether its files were held against a manifest, which runs of earlier versions do not have.
        verified: bool,
    },
    /// On its way.
    Begun {
        /// Epochs that are over.
        epochs: usize,
        /// Epochs of its training.
        of: usize,
    },
    /// Something in it is not what was written.
    Damaged {
        /// What.
        problem: String,
    },
}

/// What lies in the folder `path` and below it, in the order of the names. Every file of a finished run
/// is read and checked. Links are not followed.
///
/// # Errors
/// A folder that is not there, or cannot be read.
pub fn survey(path: &Path) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    look_into(path, 0, &mut found)?;
    Ok(found)
}

fn look_into(path: &Path, depth: usize, found: &mut Vec<Found>) -> Result<()> {
    if path.join(MARKER).is_file() {
        found.push(comparison(path)?);
        return Ok(());
    }
    if path.join(RECIPE).is_file() && path.join(super::run_files::CLASSES).is_file() {
        let run = run(path)?;
        let bytes = run.bytes;
        let (losses, seeds, runs) = (Vec::new(), Vec::new(), vec![run]);
        found.push(Found { path: path.to_owned(), losses, seeds, problem: None, runs, bytes });
        return Ok(());
    }
    if depth < MOST_DEPTH {
        for folder in tidy::folders(path)? {
            look_into(&folder, depth + 1, found)?;
        }
    }
    Ok(())
}

fn comparison(path: &Path) -> Result<Found> {
    let runs = tidy::runs(path)?.iter().map(|path| run(path)).collect::<Result<_>>()?;
    let (recipe, problem) = match Recipe::read(&path.join(MARKER), None) {
        Ok(recipe) => (Some(recipe), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let settings = recipe.as_ref().and_then(|recipe| recipe.settings().ok()).unwrap_or_default();
    let losses = settings.iter().map(ToString::to_string).collect();
    let seeds = recipe.map_or_else(Vec::new, |recipe| recipe.seeds);
    Ok(Found { path: path.to_owned(), losses, seeds, problem, runs, bytes: bytes(path, 0)? })
}

fn run(path: &Path) -> Result<FoundRun> {
    let files = RunFiles::at(path);
    let recipe = files.as_ref().ok().and_then(|files| files.recipe().ok());
    let state = match files.and_then(|files| state(&files)) {
        Ok(state) => state,
        Err(error) => RunState::Damaged { problem: error.to_string() },
    };
    let swept = super::attacked::swept_lr(path).map_or(String::new(), |lr| format!(", lr={lr}"));
    let loss = recipe.as_ref().map(|recipe| format!("{}{swept}", recipe.loss));
    let seed = recipe.map(|recipe| recipe.seed);
    Ok(FoundRun { path: path.to_owned(), loss, seed, state, bytes: bytes(path, 0)? })
}

fn state(files: &RunFiles) -> Result<RunState> {
    files.check()?;
    let recipe = files.recipe()?;
    if files.is_finished()? {
        let run = files.run(&recipe, files.classes()?.len())?;
        let (accuracy, verified) = (run.measures.accuracy, files.is_sealed());
        return Ok(RunState::Finished { accuracy, verified });
    }
    let log = fs::read_to_string(files.path().join(METRICS)).unwrap_or_default();
    Ok(RunState::Begun { epochs: log.lines().count(), of: recipe.epochs.get() })
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
