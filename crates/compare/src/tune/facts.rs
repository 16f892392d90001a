//! [`Facts`]: what tuning has to know of a recipe, whatever trains.

use std::collections::BTreeMap;

use crate::{Better, Select};

/// What tuning has to know of a recipe.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The seeds of the comparison.
    pub seeds: &'a [u64],
    /// The metric that the table begins with, where one was asked for.
    pub primary: Option<&'a str>,
    /// The metrics that the user declared, and which way is better.
    pub directions: &'a BTreeMap<String, Better>,
    /// Which weights are measured.
    pub select: Select,
    /// Where the laboratory trains.
    pub training: Option<TrainingFacts>,
}

/// What it has to know of a training in the laboratory.
#[derive(Clone, Copy, Debug)]
pub struct TrainingFacts {
    /// The recipe's own learning rate.
    pub rate: Option<f64>,
    /// Whether the learning rate is swept.
    pub is_swept: bool,
    /// Whether the classifier is trained anew at the end.
    pub has_second_stage: bool,
}
