//! Scores of examples from another data set beside those of the test part.

use super::{Card, Figure, distributions::highest, histogram, seeds};
use crate::measure::{Histogram, Ood, mean};
use crate::report::axis::Axis;
use crate::report::chart::Panel;
use crate::report::number;
use crate::{Comparison, Group};

/// See [`figure`].
pub const CARD: Card = Card { name: "ood", draw: |comparison, _| figure(comparison) };

/// Series of the two data sets.
const INSIDE: usize = 2;
const OUTSIDE: usize = 1;

/// One panel a data set and loss; `None` where no run has the measurement.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let mut runs = comparison.groups.iter().flat_map(|group| &group.runs);
    let sets = &runs.find(|run| !run.measures.ood.is_empty())?.measures.ood;
    let several = sets.len() > 1;
    let names: Vec<&str> = sets.iter().map(|set| set.data.as_str()).collect();
    let data = names.join(", ");
    let panels: Vec<Panel> = names
        .iter()
        .flat_map(|name| comparison.groups.iter().map(move |group| (group, *name)))
        .filter_map(|(group, name)| panel(group, name, several))
        .collect();
    (!panels.is_empty()).then(|| Figure {
        name: CARD.name.to_owned(),
        title: format!("Telling the test part from {data}"),
        caption: format!(
            "The largest logit, the paper's indicator (minus the lowest conditional energy), of \
             test examples and of {data}: {}, as shares of each data set in 40 bins. Each loss has \
             its own axis, since only the overlap matters and not the scale. In-distribution is \
             the positive class: the further right, the more familiar. AUROC is the mean over \
             seeds.",
            seeds::pooled(&comparison.signature.seeds)
        ),
        legend: vec![
            (INSIDE, "test part".to_owned()),
            (OUTSIDE, if several { "the other data".to_owned() } else { data }),
        ],
        panels,
    })
}

/// The panel of the data set `name`, which its title says where there are `several`.
fn panel(group: &Group, name: &str, several: bool) -> Option<Panel> {
    let oods: Vec<&Ood> = group
        .runs
        .iter()
        .filter_map(|run| run.measures.ood.iter().find(|ood| ood.data == name))
        .collect();
    let inside = || oods.iter().map(|ood| &ood.energy.inside);
    let outside = || oods.iter().map(|ood| &ood.energy.outside);
    let edges = histogram::grid(inside().chain(outside()), 40)?;
    let steps = |series, histograms: &mut dyn Iterator<Item = &Histogram>| {
        Some(histogram::steps(series, &edges, &histogram::pooled(histograms, &edges)?))
    };
    let marks: Vec<_> = [steps(INSIDE, &mut inside()), steps(OUTSIDE, &mut outside())]
        .into_iter()
        .flatten()
        .collect();
    let auroc = mean(&oods.iter().map(|ood| 100.0 * ood.energy.auroc).collect::<Vec<_>>())?;
    Some(Panel {
        title: format!(
            "{}{} — AUROC {} %",
            if several { format!("{name}: ") } else { String::new() },
            group.setting,
            number::plain(auroc, 2)
        ),
        x: Axis::linear("largest logit", edges[0], edges[edges.len() - 1]),
        y: Axis::holding("share of examples, %", [0.0, highest(&marks)]),
        marks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn one_panel_a_loss() {
        let figure = figure(&sample::comparison(&["ce", "el(le=1)"], 2)).unwrap();
        assert_eq!(figure.panels.len(), 2);
        assert!(figure.panels.iter().all(|panel| panel.marks.len() == 2));
        assert!(figure.panels[0].title.starts_with("ce — AUROC"), "{}", figure.panels[0].title);
    }

    #[test]
    fn several_data_sets_have_panels_of_their_own() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 2);
        for run in comparison.groups.iter_mut().flat_map(|group| &mut group.runs) {
            let near = Ood { data: "letters".to_owned(), ..run.measures.ood[0].clone() };
            run.measures.ood.push(near);
        }
        let figure = figure(&comparison).unwrap();
        let titles: Vec<_> = figure.panels.iter().map(|panel| &panel.title[..8]).collect();
        assert_eq!(titles, ["clothes:", "clothes:", "letters:", "letters:"]);
    }

    #[test]
    fn none_without_the_measurement() {
        let mut comparison = sample::comparison(&["ce"], 2);
        for run in &mut comparison.groups[0].runs {
            run.measures.ood.clear();
        }
        assert!(figure(&comparison).is_none());
    }
}
