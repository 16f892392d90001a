//! What the laboratory's recipes and runs are to a comparison.

mod folder;
mod plan;
mod run_dir;
mod run_files;

use std::path::Path;

use super::{LabReader, RunRecipe};
use crate::compare::layout::RECIPE;
use crate::compare::{RecipeReader, RunPlan};
use crate::data::Reader;

fn plan(recipe: &RunRecipe) -> RunPlan {
    LabReader.run_plan(Path::new(RECIPE), &recipe.to_toml()).unwrap()
}

/// Of grey images of 8×8 pixels.
fn reader() -> Reader {
    let (columns, fill) = (Vec::new(), Vec::new());
    Reader { shape: [1, 8, 8], side: None, columns, fill, nodes: None, array: false }
}

fn ce() -> steepness::Loss {
    "ce".parse().unwrap()
}
