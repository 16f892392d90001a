//! What a sweep found: the headline, accuracy mostly, against the swept value, one line a loss (the
//! paper's Figure 4 and Table 2).

use std::cmp::Ordering;
use std::collections::HashMap;

use super::metric::column;
use crate::measure::{Card, mean, std};
use crate::{Comparison, Group};

/// The table of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepTable {
    /// What was varied: "le", "lr".
    pub key: &'static str,
    /// What is shown: "accuracy".
    pub metric: String,
    /// The same with unit and arrow: "accuracy % ↑".
    pub title: String,
    /// Its unit, and how many digits are shown after the point.
    pub unit: &'static str,
    /// See `unit`.
    pub decimals: usize,
    /// Its values, ascending; `None` first, where a loss has no such thing.
    pub values: Vec<Option<f64>>,
    /// One line a loss.
    pub lines: Vec<Line>,
}

/// One loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The loss without its swept value: "ce", "el(le=…)".
    pub loss: String,
    /// One for each of [`SweepTable::values`], where it was made.
    pub points: Vec<Option<Point>>,
}

/// One loss at one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// One value a seed.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation, for two or more.
    pub std: Option<f64>,
}

impl SweepTable {
    /// That of `comparison` by `metric`, if it is one.
    pub fn new(comparison: &Comparison, metric: &Card) -> Option<Self> {
        let sweep = comparison.sweep.as_ref()?;
        let (name, cells) = column(metric, comparison);
        // Where each setting stands, told once: of thousands of them, to look for each among all others
        // would take their square.
        let mut losses: Vec<String> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut places: Vec<(usize, Option<f64>)> = Vec::new();
        for Group { setting, .. } in &comparison.groups {
            let line = *known.entry(sweep.line(setting)).or_insert_with_key(|loss| {
                losses.push(loss.clone());
                losses.len() - 1
            });
            places.push((line, sweep.value(setting)));
        }
        let mut values: Vec<Option<f64>> = places.iter().map(|(_, value)| *value).collect();
        values.sort_by(ascending);
        values.dedup();
        let mut lines: Vec<Line> = losses
            .into_iter()
            .map(|loss| Line { loss, points: vec![None; values.len()] })
            .collect();
        for ((line, value), cells) in places.into_iter().zip(&cells) {
            let column = values.partition_point(|other| ascending(other, &value).is_lt());
            let point = &mut lines[line].points[column];
            *point = point.take().or_else(|| Point::new(cells));
        }
        let title = [name.as_str(), metric.unit, metric.direction.arrow()];
        let title = title.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        let (unit, decimals) = (metric.unit, metric.decimals);
        Some(Self { key: sweep.key(), metric: name, title, unit, decimals, values, lines })
    }

    /// A column's head: "le=0.5", "without".
    pub fn heading(&self, value: Option<f64>) -> String {
        value.map_or(format!("no {}", self.key), |value| format!("{}={value}", self.key))
    }
}

/// Without a value first; there is no NaN among those of a sweep.
fn ascending(a: &Option<f64>, b: &Option<f64>) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

impl Point {
    fn new(values: &[Option<f64>]) -> Option<Self> {
        let values: Vec<f64> = values.iter().flatten().copied().collect();
        Some(Self { mean: mean(&values)?, std: std(&values), values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sweep;
    use crate::measure::MAIN;
    use crate::report::sample;

    #[test]
    fn points_stand_in_their_lines_and_columns() {
        let losses = ["ce", "el(le=1)", "el(le=0.5)"];
        let mut comparison = sample::comparison(&losses, 2);
        assert_eq!(SweepTable::new(&comparison, MAIN[0]), None);
        comparison.sweep = Some(Sweep::Le(vec![1.0, 0.5]));
        for (group, accuracy) in comparison.groups.iter_mut().zip([0.5, 0.7, 0.6]) {
            group.runs[0].measures.accuracy = accuracy;
            group.runs[1].measures.accuracy = accuracy + 0.02;
        }
        let swept = SweepTable::new(&comparison, MAIN[0]).unwrap();
        assert_eq!(swept.values, [None, Some(0.5), Some(1.0)]);
        let headings: Vec<_> = swept.values.iter().map(|v| swept.heading(*v)).collect();
        assert_eq!(headings, ["no le", "le=0.5", "le=1"]);
        let [ce, el] = &swept.lines[..] else { panic!("{swept:?}") };
        assert_eq!((ce.loss.as_str(), el.loss.as_str()), ("ce", "el(le=…)"));
        assert!(ce.points[1].is_none() && ce.points[2].is_none() && el.points[0].is_none());
        let means: Vec<f64> = el.points.iter().flatten().map(|point| point.mean).collect();
        assert!((means[0] - 61.0).abs() < 1e-9 && (means[1] - 71.0).abs() < 1e-9, "{means:?}");
        // std of (x, x + 2) with ddof = 1 is √2.
        let std = ce.points[0].as_ref().unwrap().std.unwrap();
        assert!((std - 2f64.sqrt()).abs() < 1e-9, "{std}");
    }

    /// Each setting once: 5,000 take a moment, where their square took minutes.
    #[test]
    fn many_settings_take_no_square() {
        const VALUES: usize = 1250;
        let losses = ["el(le=0)", "focal + bonus(le=0)", "el(le=0) + temp(2)", "ce"];
        let mut comparison = sample::comparison(&losses, 1);
        let values: Vec<f64> = (0..VALUES).rev().map(|at| at as f64 / VALUES as f64).collect();
        let sweep = Sweep::Le(values.clone());
        let losses: Vec<_> = losses.iter().map(|loss| loss.parse().unwrap()).collect();
        let settings = sweep.settings(&losses).unwrap();
        let runs = comparison.groups[0].runs.clone();
        let group = |setting| Group { setting, runs: runs.clone() };
        comparison.groups = settings.into_iter().map(group).collect();
        comparison.sweep = Some(sweep);
        let start = std::time::Instant::now();
        let swept = SweepTable::new(&comparison, MAIN[0]).unwrap();
        assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
        assert_eq!((swept.values.len(), swept.lines.len()), (VALUES + 1, 4));
        let found = |line: &Line| line.points.iter().flatten().count();
        let counts: Vec<usize> = swept.lines.iter().map(found).collect();
        assert_eq!(counts, [VALUES, VALUES, VALUES, 1]);
    }
}
