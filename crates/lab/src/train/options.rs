//! [`TrainingOptions`]: what a recipe says of a training, each option declared once.
//!
//! An option is a key of a comparison's recipe and of a run's, beside others and in an order that the
//! hash of a recipe depends on, and the engine is given its value. So this list is handed to whoever
//! needs it: the struct below, the recipes (`experiment/recipe.rs`), and what takes the options out of
//! one. An option that is left out must not be written, or older recipes become other ones.

use std::num::NonZeroUsize;

use serde::Deserialize;

use super::{OptimizerRecipe, Schedule, Update, Warmup};
use crate::attack::AdversarialRecipe;
use crate::models::Precision;
use crate::validate::validated;

/// Calls the macro `$then` with all options, in the groups between which a recipe has other keys. Who
/// calls it has the types, and `validated`, in scope.
macro_rules! training_options {
    ($then:ident) => {
        $then! {
            {
                /// Epochs of each training.
                epochs: NonZeroUsize,
                /// Examples that go through the model at a time: those of a step, unless `update` says how
                /// many such batches it takes.
                batch: NonZeroUsize,
            }
            {
                /// Ends a training after so many epochs without a better accuracy on the part that chooses.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                patience: Option<NonZeroUsize>,
            }
            {
                /// What the model computes with while training.
                #[serde(default, skip_serializing_if = "Precision::is_default")]
                precision: Precision,
            }
            {
                /// How the learning rate changes.
                #[serde(deserialize_with = "validated")]
                schedule: Schedule,
                /// How it rises before that.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "validated")]
                warmup: Option<Warmup>,
            }
            {
                /// How the weights are moved.
                #[serde(deserialize_with = "validated")]
                optimizer: OptimizerRecipe,
                /// What happens around the optimizer's steps.
                #[serde(default, skip_serializing_if = "Update::is_default", deserialize_with = "validated")]
                update: Update,
                /// Trains on examples that are attacked.
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "validated")]
                adversarial: Option<AdversarialRecipe>,
            }
        }
    };
}
pub(crate) use training_options;

macro_rules! declare {
    ($({ $($(#[$about:meta])* $option:ident: $Option:ty,)* })*) => {
        /// What a recipe says of a training.
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        pub struct TrainingOptions {
            $($($(#[$about])* pub $option: $Option,)*)*
        }
    };
}
training_options!(declare);
