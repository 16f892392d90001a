//! Measurements: one file each, pure functions on arrays.
//!
//! None of them needs a model, so they serve people who bring logits from elsewhere as well as our
//! own runs. [`Measures`] is the record of all of them for one run, the contents of `measure.json`;
//! [`Summary`] holds the single numbers of an evaluation of foreign logits.

mod accuracy;
mod calibration;
mod energy;
mod groups;
mod histogram;
mod logits;
mod margin;
mod measures;
mod nll;
mod ood;
mod roc;
mod softmax;
mod stats;
mod steepness;
mod student_t;
mod summary;
mod threshold;
pub mod translation;

#[cfg(test)]
mod sample;

pub use accuracy::{accuracy, correct};
pub use calibration::{ece, reliability};
pub use energy::{energy_profile, label_energy};
pub use groups::Groups;
pub use histogram::range;
pub use logits::{Logit, Logits};
pub use margin::margins;
pub use measures::*;
pub use nll::{likelihoods, nll};
pub use ood::Scores;
pub use roc::{auroc, fpr95};
pub use stats::{PairedDifference, mean, median, std};
pub use steepness::steepness;
pub use summary::{Detection, OodSummary, Summary};
pub use threshold::Threshold;
