//! Each loss at its own best: `[tune]` of a recipe, and `--tune`.
//!
//! A loss that changes the gradient's length is not at its best with the learning rate that was chosen for
//! another one. So every loss gets the same trials ([`Tuning`]), which are judged on the validation part
//! ([`Judge`]) with seeds that the comparison does not use, and is then compared at the point that it takes
//! ([`TuningResult`]), beside the comparison at one point for all.

mod choice;
mod facts;
mod grid;
mod judge;
mod recipe;
mod score;
mod views;

pub use choice::{TuningResult, TuningRow, mean};
pub use facts::{Facts, TrainingFacts};
pub use grid::{Point, Tuning, in_words};
pub use judge::{Judge, Score};
pub use recipe::{TrialSeeds, Tune};
pub use views::{View, Views};
