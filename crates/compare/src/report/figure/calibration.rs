//! The reliability diagram: how often a classifier is right that is this sure.

use super::{Card, Figure, legend, seeds};
use crate::measure::{Measures, ReliabilityBin};
use crate::report::axis::Axis;
use crate::report::chart::{Mark, Panel, Shape};
use crate::{Comparison, Group};

/// See [`figure`].
pub const CARD: Card = Card { name: "reliability", draw: |comparison, _| figure(comparison) };

/// The figure; `None` where no run has a bin with examples.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let of = |pick: Pick| -> Vec<Vec<ReliabilityBin>> {
        comparison.groups.iter().map(|group| pooled(group, pick)).collect()
    };
    let bins = of(|measures| &measures.reliability);
    if bins.iter().flatten().all(|bin| bin.count == 0) {
        return None;
    }
    let recalibrated = of(|measures| &measures.reliability_recalibrated);
    let mut shares = Vec::new();
    for (series, bins) in bins.iter().enumerate() {
        let share = |bin: &ReliabilityBin| bin.count as f64 / total(bins).max(1) as f64;
        let edges = bins.iter().take(1).map(|bin| bin.low).chain(bins.iter().map(|bin| bin.high));
        shares.push(Mark {
            series,
            shape: Shape::Steps {
                edges: edges.map(|edge| 100.0 * edge).collect(),
                heights: bins.iter().map(|bin| 100.0 * share(bin)).collect(),
            },
        });
    }
    let heights: Vec<f64> = shares
        .iter()
        .flat_map(|mark| match &mark.shape {
            Shape::Steps { heights, .. } => heights.clone(),
            _ => Vec::new(),
        })
        .collect();
    let confidence = || Axis::linear("confidence, %", 0.0, 100.0);
    let diagram = |title: &str, bins: &[Vec<ReliabilityBin>]| Panel {
        title: title.to_owned(),
        x: confidence(),
        y: Axis::linear("accuracy, %", 0.0, 100.0),
        marks: diagram(bins),
    };
    let mut panels = vec![diagram("accuracy by confidence", &bins)];
    if recalibrated.iter().flatten().any(|bin| bin.count > 0) {
        panels.push(diagram("after temperature scaling", &recalibrated));
    }
    panels.push(Panel {
        title: "examples by confidence".to_owned(),
        x: confidence(),
        y: Axis::logarithmic("share of examples, %", heights.into_iter().chain([100.0])),
        marks: shares,
    });
    Some(Figure {
        name: CARD.name.to_owned(),
        title: "Reliability".to_owned(),
        caption: format!(
            "Left, accuracy against confidence (the largest probability) in 15 equal-width bins: \
             {}; a larger dot is more of the examples. On the dashed diagonal confidence is \
             honest; below it the classifier is surer than it should be. Small dots are few \
             examples and scatter. After temperature scaling: all logits divided by the one \
             temperature that makes the validation part most likely; a run without a best one is \
             left out. Right, how the examples spread over the bins before that, on a logarithmic \
             axis.",
            seeds::pooled(&comparison.signature.seeds)
        ),
        legend: legend(comparison),
        panels,
    })
}

/// A line and dots of each loss above the diagonal.
fn diagram(bins: &[Vec<ReliabilityBin>]) -> Vec<Mark> {
    let mut marks = vec![Mark { series: 0, shape: Shape::Guide(vec![(0.0, 0.0), (100.0, 100.0)]) }];
    for (series, bins) in bins.iter().enumerate() {
        let share = |bin: &ReliabilityBin| bin.count as f64 / total(bins).max(1) as f64;
        let filled = || bins.iter().filter(|bin| bin.count > 0);
        let points = filled().map(|bin| (100.0 * bin.confidence, 100.0 * bin.accuracy));
        let dots = filled().map(|bin| {
            (100.0 * bin.confidence, 100.0 * bin.accuracy, 2.0 + 5.0 * share(bin).sqrt())
        });
        marks.push(Mark { series, shape: Shape::Line(points.collect()) });
        marks.push(Mark { series, shape: Shape::Dots(dots.collect()) });
    }
    marks
}

fn total(bins: &[ReliabilityBin]) -> u64 {
    bins.iter().map(|bin| bin.count).sum()
}

/// Where a run's bins are.
type Pick = fn(&Measures) -> &[ReliabilityBin];

/// Bin by bin, all runs' examples together.
fn pooled(group: &Group, pick: Pick) -> Vec<ReliabilityBin> {
    let mut pooled: Vec<ReliabilityBin> = Vec::new();
    for run in &group.runs {
        for (at, bin) in pick(&run.measures).iter().enumerate() {
            let Some(all) = pooled.get_mut(at) else {
                pooled.push(bin.clone());
                continue;
            };
            let (own, before) = (bin.count as f64, all.count as f64);
            if bin.count > 0 {
                let joined = |a: f64, b: f64| (a * before + b * own) / (before + own);
                all.confidence = joined(all.confidence, bin.confidence);
                all.accuracy = joined(all.accuracy, bin.accuracy);
                all.count += bin.count;
            }
        }
    }
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn pooling_weighs_by_count() {
        let mut comparison = sample::comparison(&["ce"], 3);
        let bin = |count, confidence, accuracy| {
            vec![ReliabilityBin { low: 0.0, high: 1.0, count, confidence, accuracy }]
        };
        let bins = [bin(10, 0.5, 0.4), bin(30, 0.9, 0.8), bin(0, 0.0, 0.0)];
        for (run, bins) in comparison.groups[0].runs.iter_mut().zip(bins) {
            run.measures.reliability = bins;
        }
        let all = pooled(&comparison.groups[0], |measures| &measures.reliability);
        assert_eq!((all.len(), all[0].count), (1, 40));
        assert!((all[0].confidence - 0.8).abs() < 1e-12 && (all[0].accuracy - 0.7).abs() < 1e-12);
    }

    #[test]
    fn empty_bins_are_not_drawn() {
        let mut comparison = sample::comparison(&["ce"], 1);
        for bin in &mut comparison.groups[0].runs[0].measures.reliability {
            bin.count = 0;
        }
        assert!(figure(&comparison).is_none());
    }
}
