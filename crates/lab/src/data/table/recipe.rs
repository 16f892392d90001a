//! [`TableRecipe`]: which table, and how it is read.

use serde::{Deserialize, Serialize};

use super::Target;
use crate::data::{DataPath, Fractions, LongTail};
use crate::{Result, Validate};

/// `[data.table]`: the rows of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRecipe {
    /// The file.
    pub path: DataPath,
    /// The column that holds the class: its name, or its number, from 1, or from −1 backwards. The
    /// last one without it.
    #[serde(default)]
    pub target: Target,
    /// Whether the first line names the columns; without it, the file is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Columns to leave out.
    #[serde(default)]
    pub ignore: Vec<Target>,
    /// Columns whose values are names of categories, whatever they look like: numbers, or "NA".
    #[serde(default)]
    pub categorical: Vec<Target>,
    /// Columns that are seen although they look like names of rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Target>,
    /// A file with the same columns that is the test part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_path: Option<DataPath>,
    /// Share of the rows that is held out for validation.
    #[serde(default = "a_fifth")]
    pub validation: f64,
    /// Share of the rows that is held out for test, where there is no test file.
    #[serde(default = "a_fifth")]
    pub test: f64,
    /// Makes the training part long-tailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_tail: Option<LongTail>,
}

fn a_fifth() -> f64 {
    0.2
}

impl TableRecipe {
    /// That of `path` with all defaults.
    pub fn new(path: DataPath) -> Self {
        Self {
            path,
            target: Target::default(),
            header: None,
            ignore: Vec::new(),
            categorical: Vec::new(),
            keep: Vec::new(),
            test_path: None,
            validation: a_fifth(),
            test: a_fifth(),
            long_tail: None,
        }
    }

    /// The shares that are held out.
    pub fn shares(&self) -> Fractions {
        Fractions { validation: self.validation, test: self.test }
    }
}

impl Validate for TableRecipe {
    fn validate(&self) -> Result<()> {
        self.shares().validate()?;
        self.long_tail.validate()
    }
}
