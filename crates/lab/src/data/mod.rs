//! What a model learns from: one file a data set, then how it is split and drawn from.
//!
//! A data set of another kind (graphs, sentences) is a new file that implements [`Source`], one
//! variant of [`DataRecipe`] and one line in [`load`]; the engine needs to know nothing of it.

mod digits;
mod examples;
pub mod npy;
mod sampler;
mod split;

pub use examples::Examples;
pub use sampler::{Batch, Source, order};
pub use split::{Fractions, Split, stratified};

use crate::{Check, Result};
use serde::{Deserialize, Serialize};

/// Which data a recipe asks for: `[data.digits]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DataRecipe {
    /// 1797 handwritten digits of 8×8 pixels, embedded in the program.
    Digits(Fractions),
}

impl DataRecipe {
    /// The shares held out for validation and test.
    pub fn fractions(&self) -> Fractions {
        match self {
            DataRecipe::Digits(fractions) => *fractions,
        }
    }
}

impl Check for DataRecipe {
    fn check(&self) -> Result<()> {
        self.fractions().check()
    }
}

/// A data set before it is split.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// One sentence on what it is.
    pub description: String,
    /// All of its examples.
    pub examples: Examples,
    /// Examples of the same shape from another world, to be told from these: their name and they.
    pub ood: Option<(String, Examples)>,
}

/// Reads what `recipe` asks for.
///
/// # Errors
/// Names the file and the place in it.
pub fn load(recipe: &DataRecipe) -> Result<DataSet> {
    match recipe {
        DataRecipe::Digits(_) => digits::load(),
    }
}
