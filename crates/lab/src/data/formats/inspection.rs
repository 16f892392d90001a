//! [`Inspection`]: what a format says of the data at a path, before anything is trained on them.

pub(super) mod images;
mod text;

use serde::Serialize;

use super::{DataRecipe, Format};
use crate::data::table::{Column, Target};

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The path.
    pub path: String,
    /// Its format.
    pub format: Format,
    /// What there is more to say, such as that it is a subset.
    pub notes: Vec<String>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Training part, then validation and test where it has them. Of sentences and their
    /// translations, without classes, the counts are those of the pairs.
    pub parts: Vec<PartInspection>,
    /// Of images, or of the numbers that a model sees of a row or of a node.
    pub size: Size,
    /// Mean and standard deviation of each channel, or number of a row, over the training part;
    /// pixels from 0 to 1.
    pub channels: Vec<Channel>,
    /// The columns of a table and what was inferred of them.
    pub columns: Vec<Column>,
    /// Number of classes with many (over 100), a medium number of (20 to 100) and few (under 20)
    /// training examples.
    pub many_medium_few: [usize; 3],
    /// As a recipe asks for it, with all defaults.
    pub recipe: Option<DataRecipe>,
}

/// A part of the data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartInspection {
    /// "training", "validation" or "test".
    pub name: &'static str,
    /// How many examples.
    pub examples: usize,
    /// How many of each class.
    pub counts: Vec<u64>,
}

/// The size of the examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Channels of an image, or numbers of a row or of a node.
    pub channels: usize,
    /// Smallest height and width, 1×1 for a row or a node.
    pub smallest: [usize; 2],
    /// Largest height and width.
    pub largest: [usize; 2],
}

/// A channel of images, or a number of a row or of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Channel {
    /// "red", "grey", or the name of the column or of the feature.
    pub name: String,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
}

/// What is asked beyond the path, for tables.
#[derive(Clone, Debug, Default)]
pub struct TableChoices {
    /// The column that holds the class; the last without it.
    pub target: Option<Target>,
    /// Columns to leave out.
    pub ignore: Vec<Target>,
}

impl Size {
    /// That of a row or a node of so many numbers.
    pub(super) fn flat(numbers: usize) -> Self {
        Self { channels: numbers, smallest: [1, 1], largest: [1, 1] }
    }
}

/// A part with so many examples of each class.
pub(super) fn part(name: &'static str, counts: Vec<u64>) -> PartInspection {
    PartInspection { name, examples: counts.iter().sum::<u64>() as usize, counts }
}
