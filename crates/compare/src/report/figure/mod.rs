//! The figures: one file a figure (or a pair that belongs together), each with a [`Card`] that is listed
//! in [`FIGURES`].

mod calibration;
mod confusion;
mod curves;
mod distributions;
mod effect;
mod energy;
mod felt_steepness;
mod growth;
mod histogram;
mod layout;
mod logged;
mod map;
mod ood;
pub mod robustness;
mod seeds;
mod sweep;
mod training;

pub use layout::{Figure, GENERATOR};

use super::table::Table;
use crate::Comparison;

/// What introduces a figure.
pub struct Card {
    /// Name of its files, without the ending.
    pub name: &'static str,
    /// Draws it; `None` where the runs do not hold what it shows.
    pub draw: fn(&Comparison, &Table) -> Option<Figure>,
}

/// All of them, in the order of the page.
pub const FIGURES: [Card; 17] = [
    effect::CARD,
    sweep::CARD,
    training::CARD,
    logged::CARD,
    growth::CARD,
    felt_steepness::CARD,
    distributions::MARGIN,
    distributions::LIKELIHOOD,
    energy::CARD,
    confusion::CARD,
    map::CARD,
    ood::CARD,
    robustness::CARD,
    calibration::CARD,
    // What needs no training comes last: nobody compares to see it.
    curves::LOSS_AND_BONUS,
    curves::BONUSES,
    curves::CURVES,
];

/// Every figure that the comparison has data for.
pub fn all(comparison: &Comparison, table: &Table) -> Vec<Figure> {
    FIGURES.iter().filter_map(|card| (card.draw)(comparison, table)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_figure_is_drawn_under_the_name_of_its_card() {
        let mut comparison = sample::comparison(&["ce", "el(le=0)", "el(le=1)"], 2);
        comparison.sweep = Some(crate::Sweep::Le(vec![0.0, 1.0]));
        let names = |figures: Vec<&'static str>| -> std::collections::BTreeSet<_> {
            figures.into_iter().collect()
        };
        let cards = names(FIGURES.iter().map(|card| card.name).collect());
        assert_eq!(cards.len(), FIGURES.len(), "a name twice");
        assert_eq!(
            names(
                all(&comparison, &Table::new(&comparison))
                    .iter()
                    .map(|figure| figure.name)
                    .collect()
            ),
            cards
        );
    }
}
