//! [`Classes`]: the labels that are learned from, each a class.

use std::fmt::Debug;
use std::path::Path;

use crate::measure::npy::Labels;
use crate::{Error, Result};

/// The classes, sorted: numbers by size, words by their letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classes {
    /// Called by numbers, of which there may be gaps between.
    Numbers(Vec<i64>),
    /// Called by words.
    Words(Vec<String>),
}

impl Classes {
    /// Those among `labels`, which are at `at`.
    ///
    /// # Errors
    /// More different labels than classes can be: nearly each row its own.
    pub fn of(labels: &Labels, at: &Path) -> Result<Self> {
        fn distinct<T: Ord + Clone>(all: &[T]) -> Vec<T> {
            let mut all = all.to_vec();
            all.sort_unstable();
            all.dedup();
            all
        }
        let (classes, count) = match labels {
            Labels::Numbers(all) => {
                let classes = distinct(all);
                let count = classes.len();
                (Classes::Numbers(classes), count)
            }
            Labels::Words(all) => {
                let classes = distinct(all);
                let count = classes.len();
                (Classes::Words(classes), count)
            }
        };
        if count > 2 && count * 2 > labels.len() {
            let problem = format!("{count} different ones in {} rows are no classes", labels.len());
            return Err(Error::malformed(at, "labels", problem));
        }
        Ok(classes)
    }

    /// What they are called.
    pub fn names(&self) -> Vec<String> {
        match self {
            Classes::Numbers(numbers) => numbers.iter().map(i64::to_string).collect(),
            Classes::Words(words) => words.clone(),
        }
    }

    /// The number of the class of each of `labels`, which are at `at`, in the rows that `row` says.
    ///
    /// # Errors
    /// A label that is none of the classes, with its row.
    pub fn numbers(
        &self,
        labels: &Labels,
        at: &Path,
        row: impl Fn(usize) -> usize,
    ) -> Result<Vec<i64>> {
        let unknown = |place: usize, label: &dyn Debug| {
            let problem = format!("the label {label:?} is not among those that are learned from");
            Error::malformed(at, format!("row {}", row(place)), problem)
        };
        match (self, labels) {
            (Classes::Numbers(classes), Labels::Numbers(labels)) => find(classes, labels, unknown),
            (Classes::Words(classes), Labels::Words(labels)) => find(classes, labels, unknown),
            (Classes::Numbers(_), Labels::Words(_)) => Err(Error::malformed(
                at,
                "labels",
                "words, those that are learned from are numbers",
            )),
            (Classes::Words(_), Labels::Numbers(_)) => Err(Error::malformed(
                at,
                "labels",
                "numbers, those that are learned from are words",
            )),
        }
    }
}

/// The place among the sorted `classes` of each of the `labels`.
fn find<T: Ord + Debug>(
    classes: &[T],
    labels: &[T],
    unknown: impl Fn(usize, &dyn Debug) -> Error,
) -> Result<Vec<i64>> {
    let place = |(row, label): (usize, &T)| match classes.binary_search(label) {
        Ok(at) => Ok(at as i64),
        Err(_) => Err(unknown(row, label)),
    };
    labels.iter().enumerate().map(place).collect()
}
