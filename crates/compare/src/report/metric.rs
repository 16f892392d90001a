//! The columns of every comparison table: the cards of the measurements, and what only a comparison can
//! say of them.

use super::majority::Majority;
use crate::measure::{Card, Measures, RobustnessCurve, Source};
use crate::{Comparison, Run};

/// The budget that robust accuracy is quoted at, in pixel units: inside the paper's range of 0 to
/// 0.3 (Fig. 7) and where neither the floor nor the ceiling hides a difference. A grid without it
/// is quoted at its nearest non-zero point, and the title says which.
const EPSILON: f64 = 0.1;

/// The title of `card` and, loss by loss and seed by seed, the values in its unit; `None` where a run
/// lacks one.
pub fn column(card: &Card, comparison: &Comparison) -> (String, Vec<Vec<Option<f64>>>) {
    let epsilon = match card.source {
        Source::Attack(attack) => quoted_epsilon(comparison, attack),
        _ => None,
    };
    let rare = match card.source {
        Source::RareClass(..) => Majority::new(comparison).and_then(|majority| majority.rare()),
        _ => None,
    };
    let value = |run: &Run| match card.source {
        Source::Own(name) => run.own.get(name).copied(),
        _ if !run.has_predictions() => None,
        Source::Evidence(_) | Source::Field(..) => {
            card.recorded(&run.measures).map(|(_, value)| value)
        }
        Source::RareClass(_, classes) => Some(classes(&run.measures)?[rare?]),
        Source::Epoch => run.epoch(comparison.select).map(|epoch| epoch as f64),
        Source::Attack(name) => {
            let points = &attack(&run.measures, name)?.points;
            points.iter().find(|(e, _)| Some(*e) == epsilon).map(|point| point.1)
        }
    };
    let value = |run: &Run| value(run).map(|value| card.in_unit(value));
    let values =
        comparison.groups.iter().map(|group| group.runs.iter().map(value).collect()).collect();
    let title = match epsilon {
        Some(epsilon) => format!("{} ε={epsilon}", card.title),
        None => card.title.to_owned(),
    };
    (title, values)
}

/// Whether it is accuracy under attack.
pub fn is_of_attack(card: &Card) -> bool {
    matches!(card.source, Source::Attack(_))
}

fn attack<'a>(measures: &'a Measures, name: &str) -> Option<&'a RobustnessCurve> {
    measures.robustness.iter().find(|curve| curve.attack == name)
}

/// The grid point nearest to [`EPSILON`], ε = 0 left out; the smaller of two equally near.
fn quoted_epsilon(comparison: &Comparison, name: &str) -> Option<f64> {
    let mut runs = comparison.groups.iter().flat_map(|group| &group.runs);
    let curve = runs.find_map(|run| attack(&run.measures, name))?;
    let budgets = curve.points.iter().map(|point| point.0).filter(|epsilon| *epsilon > 0.0);
    budgets.min_by(|a, b| (a - EPSILON).abs().total_cmp(&(b - EPSILON).abs()).then(a.total_cmp(b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Groups, MAIN};
    use crate::report::{Table, sample};

    #[test]
    fn fractions_become_percentages_and_plain_values_stay() {
        let mut comparison = sample::comparison(&["ce"], 1);
        let measures = &mut comparison.groups[0].runs[0].measures;
        measures.accuracy = 0.5;
        measures.nll = 0.25;
        assert_eq!(column(MAIN[0], &comparison).1, [[Some(50.0)]]);
        assert_eq!(column(MAIN[2], &comparison).1, [[Some(0.25)]]);
    }

    #[test]
    fn robust_accuracy_is_quoted_at_the_grid_point_that_the_title_names() {
        let mut comparison = sample::comparison(&["ce"], 1);
        for (grid, title, value) in [
            (vec![(0.0, 0.9), (0.05, 0.8), (0.1, 0.7)], "FGSM ε=0.1", Some(70.0)),
            (vec![(0.0, 0.9), (0.25, 0.5)], "FGSM ε=0.25", Some(50.0)),
            (vec![(0.0, 0.9)], "FGSM", None),
        ] {
            comparison.groups[0].runs[0].measures.robustness[0].points = grid;
            let (found, values) = column(MAIN[8], &comparison);
            assert_eq!(found, title);
            assert_eq!(values, [[value]]);
        }
    }

    #[test]
    fn groups_of_classes_are_columns_only_where_they_were_measured() {
        let mut comparison = sample::comparison(&["ce"], 1);
        let column = |comparison: &Comparison, key| {
            let card = MAIN.into_iter().find(|card| card.key == key).unwrap();
            column(card, comparison).1[0][0]
        };
        assert_eq!(column(&comparison, "few"), None);
        let groups = Groups { many: Some(0.9), medium: None, few: Some(0.25) };
        comparison.groups[0].runs[0].measures.groups = Some(groups);
        assert_eq!((column(&comparison, "few"), column(&comparison, "medium")), (Some(25.0), None));
    }

    #[test]
    fn what_is_kept_by_its_key_is_a_column_of_the_runs_that_have_it() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 1);
        let aurc = Card::all().find(|card| card.key == "aurc").unwrap();
        comparison.groups[1].runs[0].measures.numbers.insert("aurc".to_owned(), 0.25);
        assert_eq!(column(aurc, &comparison).1, [[None], [Some(25.0)]]);
        let keys = |table: &Table| table.more.iter().map(|c| c.metric.key).collect::<Vec<_>>();
        assert!(keys(&Table::new(&comparison)).contains(&"aurc"));
        comparison.groups[1].runs[0].measures.numbers.clear();
        assert!(!keys(&Table::new(&comparison)).contains(&"aurc"));
    }

    #[test]
    fn a_run_without_the_measurement_has_no_value() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].measures.ood.clear();
        comparison.groups[0].runs[0].measures.robustness.clear();
        for card in &MAIN[6..] {
            assert_eq!(column(card, &comparison).1, [[None]], "{}", card.key);
        }
    }
}
