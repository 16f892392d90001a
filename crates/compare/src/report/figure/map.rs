//! Maps of the features of test examples.

use std::collections::BTreeSet;

use super::{Card, Figure};
use crate::measure::FeatureMap;
use crate::report::axis::Axis;
use crate::report::chart::{Mark, Panel, Shape};
use crate::{Comparison, Group};

/// See [`figure`].
pub const CARD: Card = Card { name: "map", draw: |comparison, _| figure(comparison) };

/// Two panels a loss, its first seed; `None` where no run has a map.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let panels = |title: &str, pick: fn(&FeatureMap) -> &[[f64; 2]]| -> Vec<Panel> {
        let panel = |group: &Group| panel(group, title, pick);
        comparison.groups.iter().filter_map(panel).collect()
    };
    let mut all = panels("principal components", |map| &map.pca);
    all.extend(panels("t-SNE", |map| &map.tsne));
    let seed = comparison.signature.seeds.first()?;
    (!all.is_empty()).then(|| Figure {
        name: CARD.name.to_owned(),
        title: "Maps of the features".to_owned(),
        caption: format!(
            "What the last layer sees of up to 300 test examples, seed {seed}, each drawn as the \
             number of its class. Principal components keep distances, as far as two dimensions \
             can; t-SNE keeps neighbours, and its distances between groups and the sizes of groups \
             mean nothing. Each panel has its own scale."
        ),
        legend: Vec::new(),
        panels: all,
    })
}

fn panel(group: &Group, title: &str, pick: fn(&FeatureMap) -> &[[f64; 2]]) -> Option<Panel> {
    let map = group.runs.first()?.map.as_ref()?;
    let places = pick(map);
    let classes: BTreeSet<i64> = map.labels.iter().copied().collect();
    let marks = classes.into_iter().map(|class| {
        let own = map.labels.iter().zip(places).filter(|(label, _)| **label == class);
        let labels = own.map(|(label, [x, y])| (*x, *y, label.to_string())).collect();
        Mark { series: class as usize, shape: Shape::Labels(labels) }
    });
    let axis = |at: usize, label| {
        let values = places.iter().map(|place| place[at]);
        Axis { names: Some(Vec::new()), ..Axis::holding(label, values) }
    };
    Some(Panel {
        title: format!("{} — {title}", group.setting),
        x: axis(0, "first axis"),
        y: axis(1, "second axis"),
        marks: marks.filter(|mark| !mark.shape.rows().is_empty()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_example_is_on_both_maps() {
        let figure = figure(&sample::comparison(&["ce", "el(le=1)"], 3)).unwrap();
        assert_eq!(figure.panels.len(), 4);
        for panel in &figure.panels {
            assert_eq!(panel.marks.iter().map(|mark| mark.shape.rows().len()).sum::<usize>(), 30);
        }
    }

    #[test]
    fn older_runs_have_none() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].map = None;
        assert!(figure(&comparison).is_none());
    }
}
