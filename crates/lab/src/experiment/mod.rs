//! The laboratory's comparisons: the recipe of networks, data and training, and the runs that are made
//! of it.

mod attacked;
mod attacks;
mod compare;
mod device;
mod effort;
mod embeddings;
mod environment;
mod estimate;
mod frozen;
mod head;
mod head_recipe;
mod identity;
mod lab_dir;
mod lab_files;
mod lab_reader;
mod laboratory;
mod options;
mod partial_findings;
mod predictor;
mod proposal;
mod recipe;
mod representation;
mod run;
mod select;
#[cfg(test)]
mod tests;
mod translated;
mod translator;

pub use attacks::{AttackStatus, Attacks};
pub use compare::{compare, run_one, unfinished};
pub use device::device;
pub use estimate::Estimate;
pub use head_recipe::HeadRecipe;
pub use lab_files::LabFiles;
pub use lab_reader::LabReader;
pub use options::Options;
pub use partial_findings::PartialFindings;
pub use predictor::{ClassProbability, Prediction, PredictionList, Predictor};
pub use proposal::{Proposal, TrainingChoices};
pub use recipe::{Recipe, RunRecipe};
pub use run::run;
pub use translator::{LineTranslation, Translation, TranslationRun, Translator};
