//! [`LabReader`]: reads the recipes that the laboratory has written into folders.

use std::path::Path;

use super::{LabFiles, Recipe, RunRecipe};
use crate::compare::layout::{VOCABULARIES, WEIGHTS};
use crate::compare::{Plan, RecipeReader, Result, RunFiles, RunPlan};

/// Refuses what makes no sense in a recipe of the laboratory, and spells out what an older version left
/// to be understood.
#[derive(Clone, Copy, Debug, Default)]
pub struct LabReader;

impl RecipeReader for LabReader {
    fn plan(&self, path: &Path, text: &str) -> Result<Plan> {
        Plan::parse(path, &Recipe::parse(path, text, None)?.to_toml())
    }

    fn run_plan(&self, path: &Path, text: &str) -> Result<RunPlan> {
        RunPlan::parse(path, &RunRecipe::parse(path, text)?.to_toml())
    }

    fn validate(&self, files: &RunFiles, finished: bool) -> Result<()> {
        files.reader()?;
        if finished && files.has(WEIGHTS)? {
            files.weights()?;
        }
        if finished && files.has(VOCABULARIES[0])? {
            files.vocabularies()?;
        }
        Ok(())
    }
}
