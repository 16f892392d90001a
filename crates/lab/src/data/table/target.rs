//! [`Target`]: how a recipe names a column.

use std::fmt;
use std::num::NonZeroI64;

use serde::{Deserialize, Serialize};

const LAST: NonZeroI64 = NonZeroI64::new(-1).unwrap();

/// Names a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "the name of a column, or its number from 1 or from -1 backwards")]
pub enum Target {
    /// By its place, from 1, or from −1 backwards.
    Number(NonZeroI64),
    /// By its name, or by a number that no column has as its name.
    Name(String),
}

impl Default for Target {
    /// The last column.
    fn default() -> Self {
        Target::Number(LAST)
    }
}

impl From<&str> for Target {
    fn from(name: &str) -> Self {
        Target::Name(name.to_owned())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Target::Number(number) => number.fmt(f),
            Target::Name(name) => write!(f, "{name:?}"),
        }
    }
}
