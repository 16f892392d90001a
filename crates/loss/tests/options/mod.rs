//! Every option of a loss, with every curve for which it makes sense, on the slice kernel.
//!
//! The values are compared with the definition written out in f64 ([`reference`]), the gradients with
//! central differences of that definition.

mod batches;
mod class_weights;
mod edges;
mod jsd;
mod means;
mod modifiers;
mod per_class;
mod reference;
mod widths;

use crate::curves::CURVES;

/// Training examples of each class: many, medium, few, medium.
const COUNTS: [u64; 4] = [500, 60, 7, 30];

/// The curves that look at the label's probability alone, so that nothing is held in their gradient.
fn of_the_label_alone() -> impl Iterator<Item = &'static str> {
    CURVES.iter().copied().filter(|spec| !loss(spec).curve().unwrap().needs_squares())
}

fn loss(spec: &str) -> steepness::Loss {
    spec.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// `count` numbers between −spread and spread, others for another seed (SplitMix64).
fn draws(seed: u64, count: usize, spread: f64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    };
    (0..count).map(|_| spread * (2.0 * draw() - 1.0)).collect()
}

/// `count` classes below `classes`.
fn labels(seed: u64, count: usize, classes: usize) -> Vec<i64> {
    let draws = draws(!seed, count, 0.5);
    draws
        .into_iter()
        .map(|d| (((d + 0.5) * classes as f64) as i64).min(classes as i64 - 1))
        .collect()
}
