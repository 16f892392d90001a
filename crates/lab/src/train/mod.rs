//! Training: one engine for every data set, model and loss.

pub mod checkpoint;
mod engine;
mod evaluate;
mod optimizer;
mod schedule;
mod state;
pub(crate) mod tensors;

pub use engine::{Monitor, Trained, Training};
pub use evaluate::{Predictions, predict};
pub use optimizer::{OptimizerRecipe, Sgd, SgdRecipe};
pub use schedule::Schedule;
