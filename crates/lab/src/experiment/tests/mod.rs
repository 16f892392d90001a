//! What the laboratory's recipes and runs are to a comparison.

mod folder;
mod plan;
mod run_dir;
mod run_files;

use std::path::Path;

use super::RunRecipe;
use crate::compare::RunPlan;
use crate::compare::layout::RECIPE;

fn plan(recipe: &RunRecipe) -> RunPlan {
    RunPlan::parse(Path::new(RECIPE), &recipe.to_toml()).unwrap()
}

fn ce() -> steepness::Loss {
    "ce".parse().unwrap()
}
