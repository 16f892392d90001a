//! What is compared with what: the recipe, the run directory, the comparison.

mod comparison;

pub use comparison::{Comparison, EpochMetrics, Group, Run, Signature};
