//! [`Better`]: which way is better, of a metric that only its user knows.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
}

/// As it is typed.
impl FromStr for Better {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "higher" => Ok(Better::Higher),
            "lower" => Ok(Better::Lower),
            _ => Err(format!("{text:?} is neither higher nor lower")),
        }
    }
}
