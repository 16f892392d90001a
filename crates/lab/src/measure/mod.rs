//! Measurements: one file each, pure functions on arrays.
//!
//! None of them needs a model, so they serve people who bring logits from elsewhere as well as our
//! own runs. [`Measures`] is the record of all of them for one run, the contents of `measure.json`.

mod logits;
mod measures;

pub use logits::Logits;
pub use measures::*;
