//! Training curves: validation accuracy and negative log-likelihood by epoch.
//!
//! Not the training loss: it is another function for each loss, so curves of it do not compare.

use super::{Card, Figure, legend, seeds};
use crate::report::axis::Axis;
use crate::report::chart::{Mark, Panel, Shape};
use crate::{Comparison, EpochMetrics, Run};

/// See [`figure`].
pub const CARD: Card = Card { name: "training", draw: |comparison, _| figure(comparison) };

/// The figure; `None` where no run has an epoch.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let accuracy = marks(comparison, |epoch| 100.0 * epoch.val_accuracy);
    let nll = marks(comparison, |epoch| epoch.val_nll);
    let last = heights(&accuracy, |(epoch, _)| epoch).into_iter().reduce(f64::max)?;
    let x = || Axis::linear("epoch", 1.0, last.max(2.0));

    // The first epochs lie far below all others: the axis starts where nine of ten points are.
    let mut shown = heights(&accuracy, |(_, accuracy)| accuracy);
    shown.sort_by(f64::total_cmp);
    let shown = shown.split_off(shown.len() / 10);
    let part = comparison.select.part();
    let percent = Axis::holding(&format!("{part} accuracy, %"), shown);
    let percent = Axis { high: percent.high.min(100.0), ..percent };

    let nats = format!("{part} NLL, nats");
    let nats = Axis::logarithmic(&nats, heights(&nll, |(_, nll)| nll));
    let panel = |title: &str, y, marks| Panel { title: title.to_owned(), x: x(), y, marks };
    Some(Figure {
        name: CARD.name.to_owned(),
        title: "Training curves".to_owned(),
        caption: format!(
            "Accuracy and negative log-likelihood on the {part} part after each epoch: {}. The \
             accuracy axis leaves out the lowest tenth of the points, the first epochs; the \
             likelihood axis is logarithmic. Training losses are not shown, since each is a \
             different function.",
            seeds::described(&comparison.signature.seeds)
        ),
        legend: legend(comparison),
        panels: vec![
            panel("accuracy", percent, accuracy),
            panel("negative log-likelihood", nats, nll),
        ],
    })
}

fn marks(comparison: &Comparison, value: impl Fn(&EpochMetrics) -> f64) -> Vec<Mark> {
    let curve = |run: &Run| run.epochs.iter().map(|e| (e.epoch as f64, value(e))).collect();
    let groups = comparison.groups.iter().enumerate();
    groups
        .flat_map(|(series, group)| {
            seeds::mean_and_band(series, &group.runs.iter().map(curve).collect::<Vec<_>>())
        })
        .collect()
}

/// A coordinate of every point of the lines.
fn heights(marks: &[Mark], coordinate: impl Fn((f64, f64)) -> f64) -> Vec<f64> {
    let lines = marks.iter().filter_map(|mark| match &mark.shape {
        Shape::Line(points) => Some(points),
        _ => None,
    });
    lines.flatten().map(|point| coordinate(*point)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn shows_every_epoch_of_every_loss() {
        let figure = figure(&sample::comparison(&["ce", "el(le=1)"], 3)).unwrap();
        for panel in &figure.panels {
            assert_eq!(panel.marks.len(), 2 * 2);
            assert_eq!(heights(&panel.marks, |point| point.0).len(), 2 * sample::EPOCHS);
            assert_eq!(panel.x.high, sample::EPOCHS as f64);
        }
    }

    #[test]
    fn no_epochs_no_figure() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].epochs.clear();
        assert!(figure(&comparison).is_none());
    }
}
