//! The figures: one file a figure (or a pair that belongs together), each a function from the
//! comparison to a [`Figure`], or `None` where the runs do not hold what it shows.

mod calibration;
mod confusion;
mod curves;
mod distributions;
mod energy;
mod felt;
mod growth;
mod histogram;
mod layout;
mod map;
mod ood;
pub mod robustness;
mod seeds;
mod sweep;
mod training;

pub use layout::{Figure, GENERATOR};

use crate::Comparison;

/// Every figure that the comparison has data for, in the order of the page.
pub fn all(comparison: &Comparison) -> Vec<Figure> {
    let mut losses: Vec<_> = comparison.groups.iter().map(|g| g.setting.loss.clone()).collect();
    // With several learning rates a loss is there several times.
    losses.dedup();
    let mut figures: Vec<Figure> = sweep::figure(comparison).into_iter().collect();
    figures.extend(analytic(&losses));
    figures.extend(
        [
            training::figure(comparison),
            growth::figure(comparison),
            felt::figure(comparison),
            distributions::margin(comparison),
            distributions::likelihood(comparison),
            energy::figure(comparison),
            confusion::figure(comparison),
            map::figure(comparison),
            ood::figure(comparison),
            robustness::figure(comparison),
            calibration::figure(comparison),
        ]
        .into_iter()
        .flatten(),
    );
    figures
}

/// The figures that need no training: the paper's Figures 2 and 3, and the curves of `losses`.
pub fn analytic(losses: &[steepness::Loss]) -> Vec<Figure> {
    [curves::figure2(), curves::figure3()].into_iter().chain(curves::figure(losses)).collect()
}

/// The legend that most figures share: one entry a loss.
fn legend(comparison: &Comparison) -> Vec<(usize, String)> {
    comparison.groups.iter().map(|group| group.setting.to_string()).enumerate().collect()
}

/// A name of at most `most` characters; of a longer one the end is left out, and that is shown.
fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
