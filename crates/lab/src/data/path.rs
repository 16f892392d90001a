//! [`DataPath`]: where a recipe's data lie.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path as a recipe has it, and the folder that it is relative to.
///
/// Only what is written counts and is saved: the same recipe has the same hash wherever it lies.
#[derive(Clone, Debug, Default)]
pub struct DataPath {
    /// As the recipe has it.
    pub(super) written: String,
    /// What it is relative to.
    pub(super) base: PathBuf,
}

impl DataPath {
    /// `written`, relative to the current folder.
    pub fn new(written: impl Into<String>) -> Self {
        Self { written: written.into(), base: PathBuf::new() }
    }

    /// Where it is.
    pub fn resolve(&self) -> PathBuf {
        self.base.join(&self.written)
    }
}

impl PartialEq for DataPath {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Serialize for DataPath {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        self.written.serialize(to)
    }
}

impl<'de> Deserialize<'de> for DataPath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let written = String::deserialize(from)?;
        if written.is_empty() {
            return Err(serde::de::Error::custom("the path is empty"));
        }
        Ok(Self::new(written))
    }
}
