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
        let recipe = Recipe::parse(path, text, None)?;
        Ok(Plan::parse(path, &recipe.to_toml())?.without(recipe.data.without_effect()))
    }

    fn run_plan(&self, path: &Path, text: &str) -> Result<RunPlan> {
        let recipe = RunRecipe::parse(path, text)?;
        Ok(RunPlan::parse(path, &recipe.to_toml())?.without(recipe.data.without_effect()))
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
