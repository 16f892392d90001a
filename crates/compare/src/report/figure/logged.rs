//! What a command logged by epoch, by names of its own.

use std::collections::BTreeSet;

use super::{Card, Figure, legend, seeds};
use crate::report::axis::Axis;
use crate::report::chart::{Panel, Shape};
use crate::{Comparison, Run};

/// More names are in the files of the runs.
const MOST: usize = 4;
/// What counts the epochs, where a line says it.
const EPOCH: &str = "epoch";

/// See [`figure`].
pub const CARD: Card = Card { name: "logged", draw: |comparison, _| figure(comparison) };

/// The figure; `None` where no run has an epoch.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let runs = comparison.groups.iter().flat_map(|group| &group.runs);
    let lines = runs.flat_map(|run| &run.own_epochs);
    let mut names: BTreeSet<&String> = lines.flat_map(|line| line.keys()).collect();
    names.retain(|name| *name != EPOCH);
    let all = names.len();
    let panels: Vec<Panel> =
        names.into_iter().take(MOST).filter_map(|name| panel(comparison, name)).collect();
    if panels.is_empty() {
        return None;
    }
    let more = match all > MOST {
        true => format!(" The first {MOST} of {all} names are shown."),
        false => String::new(),
    };
    Some(Figure {
        name: CARD.name.to_owned(),
        title: "What the command logged".to_owned(),
        caption: format!(
            "Numbers of its own after each epoch: {}.{more}",
            seeds::described(&comparison.signature.seeds)
        ),
        legend: legend(comparison),
        panels,
    })
}

fn panel(comparison: &Comparison, name: &str) -> Option<Panel> {
    let curve = |run: &Run| -> Vec<(f64, f64)> {
        let lines = run.own_epochs.iter().zip(1u32..);
        lines
            .filter_map(|(line, at)| {
                let epoch = line.get(EPOCH).copied().unwrap_or(f64::from(at));
                Some((epoch, line.get(name).copied().filter(|value| value.is_finite())?))
            })
            .collect()
    };
    let groups = comparison.groups.iter().enumerate();
    let marks: Vec<_> = groups
        .flat_map(|(series, group)| {
            seeds::mean_and_band(series, &group.runs.iter().map(curve).collect::<Vec<_>>())
        })
        .collect();
    let lines = marks.iter().filter_map(|mark| match &mark.shape {
        Shape::Line(points) => Some(points),
        _ => None,
    });
    let points: Vec<(f64, f64)> = lines.flatten().copied().collect();
    let last = points.iter().map(|point| point.0).reduce(f64::max)?;
    let heights: Vec<f64> = points.iter().map(|point| point.1).collect();
    let x = Axis::linear("epoch", 1.0, last.max(2.0));
    Some(Panel { title: name.to_owned(), x, y: Axis::holding(name, heights), marks })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_name_has_a_panel() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 2);
        let figure = figure(&comparison).unwrap();
        assert_eq!(figure.panels.len(), 1);
        assert_eq!((figure.panels[0].title.as_str(), figure.panels[0].x.high), ("bpc", 5.0));
        assert!(figure.csv().contains("bpc,el(le=1),line,5,6.5,"), "{}", figure.csv());
        for run in comparison.groups.iter_mut().flat_map(|group| &mut group.runs) {
            run.own_epochs.clear();
        }
        assert!(super::figure(&comparison).is_none());
    }
}
