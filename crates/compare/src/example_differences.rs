//! [`ExampleDifferences`]: what single test examples say of the differences.
//!
//! Where all runs were tested on the same examples, seeds are one source of chance and examples another.

use crate::measure::{OF_EACH, TwoWay};

/// What single test examples say of the differences to the first setting.
#[derive(Clone, Debug, Default)]
pub enum ExampleDifferences {
    /// Nobody asked them: there is nothing to compare, or each seed has test examples of its own.
    #[default]
    NotAsked,
    /// They are not to be had; why, in words.
    Absent(String),
    /// They were asked.
    Asked {
        /// How many there are.
        count: usize,
        /// A setting after the first: its differences for each of [`OF_EACH`], seeds × examples; `None`
        /// where one is not finite.
        differences: Vec<[Option<TwoWay>; OF_EACH.len()]>,
    },
}

impl ExampleDifferences {
    /// The differences of each metric of one setting after the first, by its place; `key` is the metric's.
    pub fn of(&self, setting: usize, key: &str) -> Option<&TwoWay> {
        let ExampleDifferences::Asked { differences, .. } = self else { return None };
        let metric = OF_EACH.iter().position(|of_each| *of_each == key)?;
        differences.get(setting.checked_sub(1)?)?[metric].as_ref()
    }
}
