//! [`PlainReader`]: reads recipes of which nobody here knows more than what every training has.

use std::path::Path;

use super::{Plan, RecipeReader, RunFiles, RunPlan};
use crate::Result;

/// Takes recipes as they are written, and weights and inputs for what the manifest says of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainReader;

impl RecipeReader for PlainReader {
    fn plan(&self, path: &Path, text: &str) -> Result<Plan> {
        Plan::parse(path, text)
    }

    fn run_plan(&self, path: &Path, text: &str) -> Result<RunPlan> {
        RunPlan::parse(path, text)
    }

    fn validate(&self, _files: &RunFiles, _finished: bool) -> Result<()> {
        Ok(())
    }
}
