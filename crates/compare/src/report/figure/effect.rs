//! The differences with their intervals: what a comparison is about, in one look.

use super::{Card, Figure, seeds, shortened};
use crate::report::axis::Axis;
use crate::report::chart::{Mark, Panel, Shape};
use crate::report::table::{Column, Difference, Table};

pub const CARD: Card = Card { name: "differences", draw: |_, table| figure(table) };

/// Characters of a loss beside its line.
const NAME: usize = 18;
/// Half the height of the bar behind a line, of which the next is one away.
const BAR: f64 = 0.17;

/// One panel a metric, one line a loss; `None` where no difference has an interval.
fn figure(table: &Table) -> Option<Figure> {
    let (first, others) = table.losses.split_first()?;
    let panel = |(at, column)| {
        // What is worth having is said of the first metric.
        let worth = table.ruling.as_ref().map_or(0.0, |ruling| ruling.worth);
        panel(column, others, if at == 0 { worth } else { 0.0 })
    };
    let panels: Vec<Panel> = table.columns.iter().enumerate().filter_map(panel).collect();
    let both = table.columns.iter().flat_map(differences).any(|(_, of)| of.over_both.is_some());
    let intervals = match both {
        true => {
            "the line is the 95 % interval over seeds and test examples where the metric is a mean over \
             examples, the bar behind it that over seeds alone, with these test examples"
        }
        false => "the line is its 95 % interval",
    };
    (!panels.is_empty()).then(|| Figure {
        name: CARD.name.to_owned(),
        title: format!("Differences to {first}"),
        caption: format!(
            "Mean difference to {first}, paired by seed, {}: the dot is the mean, {intervals}. The dashed \
             line is no difference; an arrow in a title says which way is better.",
            seeds::mean_only(&table.seeds)
        ),
        legend: others.iter().cloned().enumerate().map(|(at, loss)| (at + 1, loss)).collect(),
        panels,
    })
}

/// The settings that have a difference in `column`, by their place after the first.
fn differences(column: &Column) -> impl Iterator<Item = (usize, &Difference)> {
    let differences = column.cells.iter().skip(1).enumerate();
    differences.filter_map(|(at, cell)| Some((at, cell.difference.as_ref()?)))
}

fn panel(column: &Column, losses: &[String], worth: f64) -> Option<Panel> {
    let (mut marks, mut ends) = (Vec::new(), vec![0.0]);
    for (at, difference) in differences(column) {
        let Some(over_seeds) = difference.interval else { continue };
        let (series, y) = (at + 1, at as f64);
        let over_both = difference.over_both.map(|estimate| estimate.interval(0.95));
        if over_both.is_some() {
            let bar = [over_seeds.0, over_seeds.1].map(|x| (x, y - BAR, y + BAR));
            marks.push(Mark { series, shape: Shape::Band(bar.to_vec()) });
        }
        let (low, high) = over_both.unwrap_or(over_seeds);
        marks.push(Mark { series, shape: Shape::Line(vec![(low, y), (high, y)]) });
        marks.push(Mark { series, shape: Shape::Dots(vec![(difference.mean, y, 4.0)]) });
        ends.extend([low, high, over_seeds.0, over_seeds.1]);
    }
    if marks.is_empty() {
        return None;
    }
    let unit = if column.metric.unit == "%" { ", points" } else { "" };
    let names = losses.iter().enumerate().map(|(at, loss)| (at as f64, shortened(loss, NAME)));
    let y = Axis {
        names: Some(names.collect()),
        // The first loss is on top, as in the table.
        ..Axis::linear("", losses.len() as f64 - 0.5, -0.5)
    };
    if worth > 0.0 {
        ends.extend([-worth, worth]);
        let bound = |x| Mark { series: 0, shape: Shape::Vertical(x) };
        marks.splice(0..0, [bound(-worth), bound(worth)]);
    }
    let zero = Shape::Guide(vec![(0.0, y.low), (0.0, y.high)]);
    marks.insert(0, Mark { series: 0, shape: zero });
    Some(Panel {
        title: format!("{} {}", column.title, column.metric.direction.arrow()).trim().to_owned(),
        x: Axis::holding(&format!("difference{unit}"), ends),
        y,
        marks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_difference_is_a_line_where_its_interval_lies() {
        let mut comparison = sample::comparison(&["ce", "el(le=0.5)", "el(le=1)"], 4);
        comparison.worth = Some(0.5);
        let table = Table::new(&comparison);
        let figure = figure(&table).unwrap();
        assert_eq!(figure.panels.len(), table.columns.len());
        assert_eq!(figure.legend[1], (2, "el(le=1)".to_owned()));
        let accuracy = &figure.panels[0];
        let lines: Vec<_> = accuracy
            .marks
            .iter()
            .filter_map(|mark| match &mark.shape {
                Shape::Line(points) => Some((mark.series, points.clone())),
                _ => None,
            })
            .collect();
        for (at, cell) in table.columns[0].cells[1..].iter().enumerate() {
            let (low, high) = cell.difference.as_ref().unwrap().interval.unwrap();
            let y = at as f64;
            assert_eq!(lines[at], (at + 1, vec![(low, y), (high, y)]));
            assert!(accuracy.x.low <= low && accuracy.x.high >= high);
        }
        // The margin is one of accuracy alone.
        let margins = |panel: &Panel| {
            panel.marks.iter().filter(|mark| matches!(mark.shape, Shape::Vertical(_))).count()
        };
        assert_eq!((margins(accuracy), margins(&figure.panels[1])), (2, 0));
    }

    #[test]
    fn without_an_interval_there_is_nothing_to_draw() {
        for (losses, seeds) in [(&["ce", "el(le=1)"][..], 1), (&["ce"], 3)] {
            assert!(figure(&Table::new(&sample::comparison(losses, seeds))).is_none());
        }
    }
}
