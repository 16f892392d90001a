//! Encouraging loss and its family (front page follows).
mod adapt;
mod criterion;
mod curve;
mod element;
mod error;
mod jsd;
#[cfg(feature = "linear")]
mod linear;
mod loss;
mod lsoftmax;
mod matrix;
mod odds;
mod real;
mod rows;
mod spec;
mod threads;
mod weights;
pub use criterion::{Batch, Criterion, Outcome, Reduction, State};
pub use curve::{Base, Bonus, Curve, PUBLISHED_CLAMP, Shape};
pub use element::{Element, Stored};
pub use error::{Error, Result};
#[cfg(feature = "linear")]
pub use linear::{Linear, LinearGradients};
pub use loss::*;
pub use lsoftmax::{LSoftmax, LSoftmaxLogits, LSoftmaxState};
pub use odds::Odds;
pub use rows::{Row, Targets};
pub use weights::{BonusWeights, Shots, Weighting, effective_number_weights, ldam_margins};
