//! What is compared with what: the recipe, the run directory, the comparison.

mod compare;
mod comparison;
mod environment;
mod folder;
mod head;
mod progress;
pub(crate) mod recipe;
mod run;
mod run_dir;
mod spec;

pub use compare::{Options, compare};
pub use comparison::{Comparison, EpochMetrics, Group, Run, Signature};
pub use environment::{Environment, cores};
pub use folder::Folder;
pub use head::HeadRecipe;
pub use recipe::{AttackRecipe, Recipe, RunRecipe, Select, check_losses, check_seeds};
pub use run::run;
pub use run_dir::RunDir;
