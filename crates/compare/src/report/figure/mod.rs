//! The figures: one file a figure (or a pair that belongs together), each with a [`Card`] that is listed
//! in [`FIGURES`], or in [`ANALYTIC`] where it needs no training.

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
use crate::{Comparison, Panel};

/// What introduces a figure.
pub struct Card {
    /// Name of its files, without the ending.
    pub name: &'static str,
    /// Draws it; `None` where the runs do not hold what it shows.
    pub draw: fn(&Comparison, &Table) -> Option<Figure>,
}

/// Those of what was measured, in the order of the page.
pub const FIGURES: [Card; 14] = [
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
];

/// Those that need no training. They come last: nobody compares to see them.
pub const ANALYTIC: [Card; 3] = [curves::LOSS_AND_BONUS, curves::BONUSES, curves::CURVES];

/// Every figure that the comparison has data for.
pub fn all(comparison: &Comparison, table: &Table) -> Vec<Figure> {
    FIGURES.iter().chain(&ANALYTIC).filter_map(|card| (card.draw)(comparison, table)).collect()
}

/// The same of a panel, whose table is `table`: the losses themselves are the comparison's, and drawn there.
pub fn of_panel(panel: &Panel, table: &Table) -> Vec<Figure> {
    let Panel { key, title, comparison } = panel;
    let drawn = FIGURES.iter().filter_map(|card| (card.draw)(comparison, table));
    drawn.map(|figure| figure.of_panel(key, title)).collect()
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
    use std::collections::BTreeSet;

    #[test]
    fn every_figure_is_drawn_under_the_name_of_its_card() {
        let mut comparison = sample::comparison(&["ce", "el(le=0)", "el(le=1)"], 2);
        comparison.sweep = Some(crate::Sweep::Le(vec![0.0, 1.0]));
        let every = || FIGURES.iter().chain(&ANALYTIC);
        let cards: BTreeSet<_> = every().map(|card| card.name.to_owned()).collect();
        assert_eq!(cards.len(), every().count(), "a name twice");
        let all = all(&comparison, &Table::new(&comparison));
        assert_eq!(all.into_iter().map(|figure| figure.name).collect::<BTreeSet<_>>(), cards);
    }
}
