//! [`Select`]: which weights of a run are measured.

use serde::{Deserialize, Serialize};

/// Which weights of a run are measured. The test part chooses only where that is asked for, as the
/// paper does; every table then says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Select {
    /// Those of the epoch with the highest validation accuracy; of equals the one with the lowest
    /// validation NLL, then the latest.
    Best,
    /// Those after the last epoch.
    Last,
    /// Those of the epoch with the highest test accuracy, ties as in `Best`: the number that is reported was chosen.
    Test,
}

impl Select {
    /// The part that is looked at after each epoch.
    pub fn part(self) -> &'static str {
        match self {
            Select::Best | Select::Last => "validation",
            Select::Test => "test",
        }
    }

    /// As a signature says it.
    pub fn describe(self) -> &'static str {
        match self {
            Select::Best => "best validation accuracy",
            Select::Last => "last epoch",
            Select::Test => "best TEST accuracy (chosen on what is reported: too good)",
        }
    }
}
