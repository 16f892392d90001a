//! The headline, accuracy mostly, against the swept value (the paper's Figure 4): one line a loss.

use super::{Card, Figure, seeds};
use crate::Comparison;
use crate::report::axis::{Axis, range};
use crate::report::chart::{Mark, Panel, Shape};
use crate::report::headline;
use crate::report::swept::{Line, SweepTable};

/// See [`figure`].
pub const CARD: Card = Card { name: "sweep", draw: |comparison, _| figure(comparison) };

/// The figure; `None` where nothing was swept.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let swept = SweepTable::new(comparison, headline::of(comparison)?)?;
    let values: Vec<f64> = swept.values.iter().flatten().copied().collect();
    let x = axis(swept.key, &values);
    let marks: Vec<Mark> = swept
        .lines
        .iter()
        .enumerate()
        .flat_map(|(series, line)| marks(series, line, &swept, &x))
        .collect();
    let spread = swept.lines.iter().flat_map(|line| line.points.iter().flatten());
    let spread = spread.flat_map(|point| {
        let std = point.std.unwrap_or(0.0);
        [point.mean - std, point.mean + std]
    });
    let test = format!("test {}", swept.metric);
    let percent = swept.unit == "%";
    let y = Axis::holding(&if percent { format!("{test}, %") } else { test.clone() }, spread);
    let y = Axis { high: if percent { y.high.min(100.0) } else { y.high }, ..y };
    let (by, paper) = match swept.key {
        "le" => ("log end", "Figure 4 of the paper"),
        _ => ("learning rate", "the question of the paper's Table 2"),
    };
    let flat = if swept.values[0].is_none() {
        format!(" A loss without {} is the same everywhere: a level line.", swept.key)
    } else {
        String::new()
    };
    Some(Figure {
        name: CARD.name.to_owned(),
        title: format!("{} by {by}", capital(&swept.metric)),
        caption: format!(
            "{} against {} ({paper}): {}.{flat}",
            capital(&test),
            swept.key,
            seeds::described(&comparison.signature.seeds)
        ),
        legend: swept.lines.iter().map(|line| line.loss.clone()).enumerate().collect(),
        panels: vec![Panel { title: test, x, y, marks }],
    })
}

/// With a capital in front.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// Learning rates by their ratio; either way the ticks are the values that were tried.
fn axis(key: &str, values: &[f64]) -> Axis {
    let names = values.iter().map(|value| (*value, value.to_string())).collect();
    let axis = match (key, range(values.iter().copied())) {
        ("lr", Some((low, high))) => {
            let margin = (high / low).powf(0.06).max(1.1);
            let axis = Axis::logarithmic("learning rate", values.iter().copied());
            Axis { low: low / margin, high: high * margin, ..axis }
        }
        (_, Some((low, high))) => {
            let margin = (0.05 * (high - low)).max(0.02);
            Axis::linear("log end, le", low - margin, high + margin)
        }
        (_, None) => Axis::linear(key, 0.0, 1.0),
    };
    Axis { names: Some(names), ..axis }
}

/// A line with its band and dots; a level one from side to side for a loss without the value.
fn marks(series: usize, line: &Line, swept: &SweepTable, x: &Axis) -> Vec<Mark> {
    let point = |(at, seed): (usize, usize)| {
        Some((swept.values[at]?, *line.points[at].as_ref()?.values.get(seed)?))
    };
    let seeds = line.points.iter().flatten().map(|point| point.values.len()).max().unwrap_or(0);
    if let (None, Some(level)) = (swept.values[0], &line.points[0]) {
        let curve = |value: &f64| vec![(x.low, *value), (x.high, *value)];
        return seeds::mean_and_band(series, &level.values.iter().map(curve).collect::<Vec<_>>());
    }
    let curve = |seed| (0..swept.values.len()).filter_map(|at| point((at, seed))).collect();
    let mut marks = seeds::mean_and_band(series, &(0..seeds).map(curve).collect::<Vec<_>>());
    let dots = swept.values.iter().zip(&line.points);
    let dots = dots.filter_map(|(value, point)| Some(((*value)?, point.as_ref()?.mean, 3.0)));
    marks.push(Mark { series, shape: Shape::Dots(dots.collect()) });
    marks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sweep;
    use crate::report::sample;

    #[test]
    fn a_loss_without_the_value_is_a_level_line() {
        let mut comparison = sample::comparison(&["ce", "el(le=0)", "el(le=1)"], 2);
        assert!(figure(&comparison).is_none());
        comparison.sweep = Some(Sweep::Le(vec![0.0, 1.0]));
        let figure = figure(&comparison).unwrap();
        let lines = figure.panels[0].marks.iter().filter_map(|mark| match &mark.shape {
            Shape::Line(points) => Some((mark.series, points.clone())),
            _ => None,
        });
        let lines: Vec<_> = lines.collect();
        assert_eq!((lines.len(), figure.legend.len()), (2, 2));
        assert_eq!(lines[0].1[0].1, lines[0].1[1].1);
        assert!(lines[0].1[0].0 < 0.0 && lines[0].1[1].0 > 1.0, "from side to side");
        let x: Vec<f64> = lines[1].1.iter().map(|point| point.0).collect();
        assert_eq!(x, [0.0, 1.0]);
    }

    #[test]
    fn learning_rates_are_told_by_their_ratio() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 1);
        comparison.groups[0].setting.lr = Some(0.01);
        comparison.groups[1].setting.lr = Some(0.04);
        comparison.sweep = Some(Sweep::Lr(vec![0.01, 0.04]));
        let x = figure(&comparison).unwrap().panels.remove(0).x;
        let at = |value| x.position(value).unwrap();
        assert!((at(0.02) - 0.5).abs() < 1e-9);
        assert_eq!(x.ticks(), [(0.01, "0.01".to_owned()), (0.04, "0.04".to_owned())]);
    }
}
