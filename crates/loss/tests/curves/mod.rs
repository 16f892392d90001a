//! Every curve of the softmax probability, with parameters in general position.

use std::sync::LazyLock;
use steepness::{Card, FAMILIES};

/// The examples of all families, and a bonus on another base than cross entropy.
pub static CURVES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let cards = |card: &'static Card| [card].into_iter().chain(card.presets.iter().copied());
    let families = FAMILIES.iter().flat_map(|family| cards(family.card));
    families
        .flat_map(|card| card.examples)
        .copied()
        .chain(["focal(gamma=2) + bonus(le=0.5)"])
        .collect()
});
