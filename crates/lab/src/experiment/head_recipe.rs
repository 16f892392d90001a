//! [`HeadRecipe`]: how the last layer is trained anew.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::data::Sampling;
use crate::train::{OptimizerRecipe, Schedule};
use crate::validate::validated;

/// `[crt]` and `[probe]`; what is not said is as in the training before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadRecipe {
    /// How many epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<NonZeroUsize>,
    /// How often the examples of each class are seen; without it class-balanced in `[crt]`,
    /// instance-balanced in `[probe]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampler: Option<Sampling>,
    /// How the layer learns.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "validated")]
    pub optimizer: Option<OptimizerRecipe>,
    /// How the learning rate changes; one of its own has no warm-up.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "validated")]
    pub schedule: Option<Schedule>,
}
