//! How margins and likelihoods are distributed (the paper's Figure 6).

use super::{Card, Figure, histogram, legend, seeds};
use crate::measure::{Histogram, Measures};
use crate::report::axis::Axis;
use crate::report::chart::{Mark, Panel, Shape};
use crate::{Comparison, Group};

/// See [`margin`].
pub const MARGIN: Card = Card { name: "margin", draw: |comparison, _| margin(comparison) };
/// See [`likelihood`].
pub const LIKELIHOOD: Card =
    Card { name: "likelihood", draw: |comparison, _| likelihood(comparison) };

/// Margins z_y − max_{k≠y} z_k of test and of training examples, all losses on one grid.
fn margin(comparison: &Comparison) -> Option<Figure> {
    let both = |group| histograms(group, margins).chain(histograms(group, learned));
    let edges = histogram::grid(comparison.groups.iter().flat_map(both), 60)?;
    let panel = |title: &str, pick: Pick| {
        let mut marks = steps(comparison, &edges, pick);
        let top = highest(&marks);
        let guide = Shape::Guide(vec![(0.0, 0.0), (0.0, 2.0 * top)]);
        let drawn = !marks.is_empty();
        marks.insert(0, Mark { series: 0, shape: guide });
        drawn.then(|| Panel {
            title: title.to_owned(),
            x: Axis::linear("margin", edges[0], edges[edges.len() - 1]),
            y: Axis::holding("share of examples, %", [0.0, top]),
            marks,
        })
    };
    let panels = [panel("test part", margins), panel("training part", learned)];
    Some(Figure {
        name: MARGIN.name.to_owned(),
        title: "Margins".to_owned(),
        caption: format!(
            "How far the label's logit lies above the largest other one (Figure 6 of the paper): \
             {}, as shares of the examples on one common grid of 60 bins; each run's 20 bins are \
             shared out by overlap. Left of the dashed line at 0 an example is classified wrongly; \
             the further right, the clearer the decision. Training examples are measured as the \
             test part is, without augmentation.",
            seeds::pooled(&comparison.signature.seeds)
        ),
        legend: legend(comparison),
        panels: panels.into_iter().flatten().collect(),
    })
}

/// The label's probability.
fn likelihood(comparison: &Comparison) -> Option<Figure> {
    let all = comparison.groups.iter().flat_map(|group| histograms(group, likelihoods));
    let edges = histogram::grid(all, 20)?;
    let marks = steps(comparison, &edges, likelihoods);
    let heights = marks.iter().flat_map(|mark| match &mark.shape {
        Shape::Steps { heights, .. } => heights.as_slice(),
        _ => &[],
    });
    let y = Axis::logarithmic("share of examples, %", heights.copied().chain([100.0]));
    Some(Figure {
        name: LIKELIHOOD.name.to_owned(),
        title: "Probability of the label on the test part".to_owned(),
        caption: format!(
            "Which probability p the classifier gives the right class: {}, as shares of the test \
             examples in 20 bins. The axis is logarithmic, since nearly all examples lie in the \
             last bin; a bin without any reaches the floor.",
            seeds::pooled(&comparison.signature.seeds)
        ),
        legend: legend(comparison),
        panels: vec![Panel {
            title: "distribution of p".to_owned(),
            x: Axis::linear("p of the label", edges[0], edges[edges.len() - 1]),
            y,
            marks,
        }],
    })
}

/// Where a run's histogram is, if it has it.
type Pick = fn(&Measures) -> Option<&Histogram>;

fn margins(measures: &Measures) -> Option<&Histogram> {
    Some(&measures.margin.histogram)
}

fn learned(measures: &Measures) -> Option<&Histogram> {
    measures.train.as_ref().map(|train| &train.margin.histogram)
}

fn likelihoods(measures: &Measures) -> Option<&Histogram> {
    Some(&measures.likelihood)
}

fn histograms(group: &Group, pick: Pick) -> impl Iterator<Item = &Histogram> {
    group.runs.iter().filter_map(move |run| pick(&run.measures))
}

/// One step histogram a loss.
fn steps(comparison: &Comparison, edges: &[f64], pick: Pick) -> Vec<Mark> {
    let groups = comparison.groups.iter().enumerate();
    groups
        .filter_map(|(series, group)| {
            let shares = histogram::pooled(histograms(group, pick), edges)?;
            Some(histogram::steps(series, edges, &shares))
        })
        .collect()
}

/// The greatest height of step histograms.
pub fn highest(marks: &[Mark]) -> f64 {
    let heights = marks.iter().flat_map(|mark| match &mark.shape {
        Shape::Steps { heights, .. } => heights.as_slice(),
        _ => &[],
    });
    heights.copied().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_loss_has_its_whole_mass() {
        let figure = margin(&sample::comparison(&["ce", "el(le=1)"], 3)).unwrap();
        let mut seen = 0;
        assert_eq!(figure.panels.len(), 2);
        for mark in figure.panels.iter().flat_map(|panel| &panel.marks) {
            if let Shape::Steps { heights, .. } = &mark.shape {
                seen += 1;
                assert!((heights.iter().sum::<f64>() - 100.0).abs() < 1e-9);
            }
        }
        assert_eq!(seen, 2 * 2);
    }

    #[test]
    fn a_run_with_an_infinite_range_is_left_out() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 2);
        comparison.groups[1].runs[0].measures.margin.histogram.low = f64::NEG_INFINITY;
        let figure = margin(&comparison).unwrap();
        assert!(figure.panels[0].x.low.is_finite());
        for group in &mut comparison.groups {
            for run in &mut group.runs {
                run.measures.train = None;
                run.measures.margin.histogram.high = f64::NAN;
            }
        }
        assert!(margin(&comparison).is_none());
    }
}
