//! How margins and energies grow while training goes on.

use super::{Card, Figure, legend, seeds};
use crate::report::axis::Axis;
use crate::report::chart::{Mark, Panel, Shape};
use crate::{Comparison, EpochMetrics, Run};

/// See [`figure`].
pub const CARD: Card = Card { name: "growth", draw: |comparison, _| figure(comparison) };

/// The figure; `None` where no run has logged them.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let part = comparison.select.part();
    let margin = panel(comparison, "margin", "mean margin", |epoch| epoch.val_margin)?;
    let energy =
        panel(comparison, "label energy", "mean −z of the label", |epoch| epoch.val_energy)?;
    Some(Figure {
        name: CARD.name.to_owned(),
        title: "Growth of margin and energy".to_owned(),
        caption: format!(
            "The mean margin and the mean conditional energy of the label on the {part} part after \
             each epoch: {}. Where a loss goes on rewarding what is classified well already, both \
             go on growing after the accuracy has settled.",
            seeds::described(&comparison.signature.seeds)
        ),
        legend: legend(comparison),
        panels: vec![margin, energy],
    })
}

fn panel(
    comparison: &Comparison,
    title: &str,
    label: &str,
    value: fn(&EpochMetrics) -> Option<f64>,
) -> Option<Panel> {
    let curve = |run: &Run| -> Vec<(f64, f64)> {
        run.epochs.iter().filter_map(|e| Some((e.epoch as f64, value(e)?))).collect()
    };
    let groups = comparison.groups.iter().enumerate();
    let marks: Vec<Mark> = groups
        .flat_map(|(series, group)| {
            seeds::mean_and_band(series, &group.runs.iter().map(curve).collect::<Vec<_>>())
        })
        .collect();
    let points = || {
        let lines = marks.iter().filter_map(|mark| match &mark.shape {
            Shape::Line(points) => Some(points),
            _ => None,
        });
        lines.flatten().copied()
    };
    let last = points().map(|(epoch, _)| epoch).reduce(f64::max)?;
    Some(Panel {
        title: title.to_owned(),
        x: Axis::linear("epoch", 1.0, last.max(2.0)),
        y: Axis::holding(label, points().map(|(_, value)| value).chain([0.0])),
        marks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn shows_both_for_every_loss() {
        let figure = figure(&sample::comparison(&["ce", "el(le=1)"], 3)).unwrap();
        assert_eq!(figure.panels.len(), 2);
        for panel in &figure.panels {
            assert_eq!(panel.marks.len(), 2 * 2);
            assert_eq!(panel.x.high, sample::EPOCHS as f64);
        }
    }

    #[test]
    fn none_of_older_logs() {
        let mut comparison = sample::comparison(&["ce"], 2);
        for epoch in comparison.groups[0].runs.iter_mut().flat_map(|run| &mut run.epochs) {
            epoch.val_energy = None;
        }
        assert!(figure(&comparison).is_none());
    }
}
