//! The steepness that test examples actually feel, by their probability.

use super::{Card, Figure, legend, seeds};
use crate::report::axis::Axis;
use crate::report::chart::{Mark, Panel, Shape};
use crate::{Comparison, Group};

/// See [`figure`].
pub const CARD: Card = Card { name: "steepness", draw: |comparison, _| figure(comparison) };

/// One bin of p, all runs together.
struct Bin {
    low: f64,
    high: f64,
    count: f64,
    /// Sum of |∂L/∂z_y|.
    total: f64,
}

/// The figure; `None` where no run has a bin with examples.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let bins: Vec<Vec<Bin>> = comparison.groups.iter().map(pooled).collect();
    let filled = |bins: &[Bin]| -> Vec<(f64, f64)> {
        let filled = bins.iter().filter(|bin| bin.count > 0.0);
        filled.map(|bin| ((bin.low + bin.high) / 2.0, bin.total / bin.count)).collect()
    };
    let lines: Vec<_> = bins.iter().map(|bins| filled(bins)).collect();
    if lines.iter().all(Vec::is_empty) {
        return None;
    }
    let means = lines.iter().enumerate().flat_map(|(series, points)| {
        let dots = points.iter().map(|&(x, y)| (x, y, 2.6)).collect();
        [Shape::Line(points.clone()), Shape::Dots(dots)].map(|shape| Mark { series, shape })
    });
    let shares = bins.iter().enumerate().map(|(series, bins)| {
        let all: f64 = bins.iter().map(|bin| bin.total).sum();
        let edges = bins.iter().take(1).map(|bin| bin.low).chain(bins.iter().map(|bin| bin.high));
        let heights = bins.iter().map(|bin| 100.0 * bin.total / all);
        let (edges, heights) = (edges.collect(), heights.collect());
        Mark { series, shape: Shape::Steps { edges, heights } }
    });
    let p = || Axis::linear("p of the label", 0.0, 1.0);
    let heights = lines.iter().flatten().map(|point| point.1);
    Some(Figure {
        name: CARD.name.to_owned(),
        title: "The steepness actually felt".to_owned(),
        caption: format!(
            "How hard each loss pulls on the label's logit of the test examples: {}, in 20 bins of \
             the label's probability p. Left, the mean |∂L/∂z| of a bin's examples; bins without \
             examples have no point. Right, which share of the whole pull comes from each bin: \
             far left are the badly classified examples, far right the well classified ones.",
            seeds::pooled(&comparison.signature.seeds)
        ),
        legend: legend(comparison),
        panels: vec![
            Panel {
                title: "mean steepness by p".to_owned(),
                x: p(),
                y: Axis::holding("mean |∂L/∂z| of the label", heights.chain([0.0, 1.05])),
                marks: means.collect(),
            },
            Panel {
                title: "where the pull comes from".to_owned(),
                x: p(),
                y: Axis::linear("share of the sum, %", 0.0, 100.0),
                marks: shares.collect(),
            },
        ],
    })
}

fn pooled(group: &Group) -> Vec<Bin> {
    let mut pooled: Vec<Bin> = Vec::new();
    for run in &group.runs {
        for (at, bin) in run.measures.steepness.iter().enumerate() {
            if at == pooled.len() {
                pooled.push(Bin { low: bin.low, high: bin.high, count: 0.0, total: 0.0 });
            }
            if bin.count > 0 {
                pooled[at].count += bin.count as f64;
                pooled[at].total += bin.count as f64 * bin.gradient;
            }
        }
    }
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::SteepnessBin;
    use crate::report::sample;

    #[test]
    fn pooling_weighs_by_count_and_shares_sum_to_all() {
        let mut comparison = sample::comparison(&["ce"], 2);
        let bin = |low, count, gradient| SteepnessBin { low, high: low + 0.5, count, gradient };
        let bins =
            [vec![bin(0.0, 1, 0.5), bin(0.5, 3, 0.1)], vec![bin(0.0, 0, 0.0), bin(0.5, 1, 0.3)]];
        for (run, bins) in comparison.groups[0].runs.iter_mut().zip(bins) {
            run.measures.steepness = bins;
        }
        let figure = figure(&comparison).unwrap();
        let Shape::Line(line) = &figure.panels[0].marks[0].shape else { panic!() };
        assert_eq!(line.len(), 2);
        assert!((line[0].1 - 0.5).abs() < 1e-12 && (line[1].1 - 0.15).abs() < 1e-12);
        let Shape::Steps { heights, .. } = &figure.panels[1].marks[0].shape else { panic!() };
        assert!((heights[0] - 100.0 * 0.5 / 1.1).abs() < 1e-9);
    }

    #[test]
    fn none_without_examples() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].measures.steepness.clear();
        assert!(figure(&comparison).is_none());
    }
}
