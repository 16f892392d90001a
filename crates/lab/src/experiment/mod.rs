//! What is compared with what: the recipe, the run directory, the comparison.

mod attacked;
mod compare;
mod comparison;
mod device;
mod environment;
mod estimate;
mod folder;
mod head;
mod predictor;
mod progress;
mod proposal;
pub(crate) mod recipe;
mod representation;
mod run;
mod run_dir;
mod spec;
mod sweep;
mod translated;
mod translator;

pub use attacked::Attacked;
pub use compare::{Options, compare};
pub use comparison::{Comparison, EpochMetrics, Group, Run, Signature};
pub use device::device;
pub use environment::{Environment, cores};
pub use estimate::Estimate;
pub use folder::Folder;
pub use head::HeadRecipe;
pub use predictor::{Prediction, Predictor, Ranked};
pub use proposal::Proposal;
pub use recipe::{Recipe, RunRecipe, Select, check_losses, check_seeds};
pub use run::run;
pub use run_dir::RunDir;
pub use sweep::{Setting, Sweep};
pub use translator::{Translated, Translation, TranslationRun, Translator};
