//! What the laboratory's recipes and runs are to a comparison.

mod folder;
mod plan;
mod run_dir;
mod run_files;

use std::path::Path;

use super::{LabReader, RunRecipe};
use crate::compare::layout::RECIPE;
use crate::compare::{RecipeReader, RunPlan};

fn plan(recipe: &RunRecipe) -> RunPlan {
    LabReader.run_plan(Path::new(RECIPE), &recipe.to_toml()).unwrap()
}

fn ce() -> steepness::Loss {
    "ce".parse().unwrap()
}
