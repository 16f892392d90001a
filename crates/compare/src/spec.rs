//! Losses in files: each is written as its one-line spec.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use steepness::Loss;

/// A loss that reads and writes itself as its spec.
struct Spec(Loss);

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let spec = String::deserialize(from)?;
        spec.parse().map(Spec).map_err(|error: steepness::Error| {
            // The lines after the first draw a caret under the spec.
            let problem = error.to_string();
            D::Error::custom(format!("{spec:?}: {}", problem.lines().next().unwrap_or_default()))
        })
    }
}

/// For `#[serde(with = "spec::one")]`.
pub mod one {
    use super::*;

    /// As its spec.
    pub fn serialize<S: Serializer>(loss: &Loss, to: S) -> Result<S::Ok, S::Error> {
        Spec(loss.clone()).serialize(to)
    }

    /// From its spec.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Loss, D::Error> {
        Ok(Spec::deserialize(from)?.0)
    }
}

/// For `#[serde(with = "spec::option")]`, with a `default`.
pub mod option {
    use super::*;

    /// From a spec.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Loss>, D::Error> {
        super::one::deserialize(from).map(Some)
    }
}

/// For `#[serde(with = "spec::list")]`: at least one loss, none twice.
pub mod list {
    use super::*;

    /// As a list of specs.
    pub fn serialize<S: Serializer>(losses: &[Loss], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(losses.iter().cloned().map(Spec))
    }

    /// From a list of specs.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Loss>, D::Error> {
        let losses: Vec<Spec> = Vec::deserialize(from)?;
        let losses: Vec<Loss> = losses.into_iter().map(|spec| spec.0).collect();
        crate::validate_losses(&losses).map_err(D::Error::custom)?;
        Ok(losses)
    }
}
