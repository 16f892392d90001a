//! What recipes of any training have in common, as their files hold it.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::num::NonZeroUsize;

use serde::Deserialize;
use steepness::Loss;

use super::cores;
use super::layout::is_plain;
use crate::{Error, Result};

/// For `deserialize_with`: a name that is safe as a folder.
pub fn name<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<String, D::Error> {
    let name = String::deserialize(from)?;
    if !is_plain(&name) {
        return Err(serde::de::Error::custom(format!(
            "the name {name:?} must be 1 to 100 letters, digits, '-', '_' or '.', without a dot in \
             front"
        )));
    }
    Ok(name)
}

/// For `deserialize_with`: a difference that is worth having, or none.
pub fn worth<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<f64>, D::Error> {
    let worth = Option::<f64>::deserialize(from)?;
    match worth.filter(|worth| !(*worth > 0.0 && worth.is_finite())) {
        None => Ok(worth),
        Some(worth) => Err(serde::de::Error::custom(format!("worth = {worth} must be above 0"))),
    }
}

/// For `deserialize_with`: options with their values as they are typed, numbers as they are written.
pub fn values<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> std::result::Result<BTreeMap<String, Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a number")]
    enum Typed {
        Text(String),
        Whole(i64),
        Number(f64),
        Truth(bool),
    }
    let text = |typed: Typed| match typed {
        Typed::Text(text) => text,
        Typed::Whole(number) => number.to_string(),
        Typed::Number(number) => number.to_string(),
        Typed::Truth(truth) => truth.to_string(),
    };
    let all: BTreeMap<String, Vec<Typed>> = BTreeMap::deserialize(from)?;
    let values = |values: Vec<Typed>| values.into_iter().map(text).collect();
    Ok(all.into_iter().map(|(name, all)| (name, values(all))).collect())
}

/// For `deserialize_with`: at least one seed, none twice.
pub fn seeds<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Vec<u64>, D::Error> {
    let seeds = Vec::deserialize(from)?;
    validate_seeds(&seeds).map_err(serde::de::Error::custom)?;
    Ok(seeds)
}

/// More than any machine has for one training.
const MOST_THREADS: usize = 1024;

/// For `deserialize_with`: see [`validate_threads`].
pub fn threads<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> std::result::Result<NonZeroUsize, D::Error> {
    let threads = NonZeroUsize::deserialize(from)?;
    validate_threads(threads).map_err(serde::de::Error::custom)?;
    Ok(threads)
}

/// Refuses more threads than any machine has cores; libtorch would start them.
///
/// # Errors
/// Says how many cores there are.
pub fn validate_threads(threads: NonZeroUsize) -> Result<()> {
    if threads.get() <= MOST_THREADS {
        return Ok(());
    }
    Err(Error::Request(format!(
        "threads = {threads} is above {MOST_THREADS}; this machine has {} cores",
        cores()
    )))
}

/// The largest seed: whole numbers of TOML, as which a run keeps it, have 63 bits.
const LARGEST_SEED: u64 = i64::MAX as u64;

/// Refuses no seeds, a seed that a recipe cannot hold, and one that is there twice.
///
/// # Errors
/// Names the seed.
pub fn validate_seeds(seeds: &[u64]) -> Result<()> {
    if seeds.is_empty() {
        return Err(Error::Request("at least one seed is needed".to_owned()));
    }
    if let Some(seed) = seeds.iter().find(|&&seed| seed > LARGEST_SEED) {
        return Err(Error::Request(format!(
            "the seed {seed} is above {LARGEST_SEED}, the largest that a recipe can hold"
        )));
    }
    match repeated(seeds.iter()) {
        Some(seed) => Err(Error::Request(format!("the seed {seed} is there twice"))),
        None => Ok(()),
    }
}

/// Refuses no losses, and a loss that is there twice.
///
/// # Errors
/// Names the loss.
pub fn validate_losses(losses: &[Loss]) -> Result<()> {
    if losses.is_empty() {
        return Err(Error::Request("at least one loss is needed".to_owned()));
    }
    // A loss is what it is written as.
    match repeated(losses.iter().map(Loss::to_string)) {
        Some(loss) => Err(Error::Request(format!("the loss {loss} is there twice"))),
        None => Ok(()),
    }
}

/// The first of `all` that was there before, in a time that grows with their number and no faster.
pub(super) fn repeated<T: Clone + Eq + Hash>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = HashSet::new();
    all.find(|one| !seen.insert(one.clone()))
}
