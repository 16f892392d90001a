//! Who reads the recipes that lie in folders: those of commands are read as they are, all others by the
//! laboratory where it is there, since it knows every key of its own.

use std::path::Path;

#[cfg(not(feature = "lab"))]
use steepness_compare::PlainReader as Others;
use steepness_compare::command::is_of_command;
use steepness_compare::layout::RECIPE;
use steepness_compare::{PlainReader, Plan, RecipeReader, Result, RunFiles, RunPlan};
#[cfg(feature = "lab")]
use steepness_lab::experiment::LabReader as Others;

/// Reads a recipe by what it is of: a command, or training in the laboratory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader;

impl Reader {
    fn of(text: &str) -> &'static dyn RecipeReader {
        if is_of_command(text) { &PlainReader } else { &Others }
    }
}

impl RecipeReader for Reader {
    fn plan(&self, path: &Path, text: &str) -> Result<Plan> {
        Self::of(text).plan(path, text)
    }

    fn run_plan(&self, path: &Path, text: &str) -> Result<RunPlan> {
        Self::of(text).run_plan(path, text)
    }

    fn validate(&self, files: &RunFiles, finished: bool) -> Result<()> {
        Self::of(&files.text(RECIPE)?).validate(files, finished)
    }
}
