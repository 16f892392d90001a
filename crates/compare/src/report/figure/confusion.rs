//! Which classes are taken for which.

use super::{Card, Figure, seeds};
use crate::report::axis::Axis;
use crate::report::chart::{Mark, Panel, Shape};
use crate::{Comparison, Group};

/// See [`figure`].
pub const CARD: Card = Card { name: "confusion", draw: |comparison, _| figure(comparison) };

/// Classes shown, at most: beyond, a square is too small to be seen.
const MOST: usize = 40;
/// Names on an axis, at most, and their length.
const NAMES: usize = 12;
const NAME: usize = 10;
/// Series of the squares on and off the diagonal.
const RIGHT: usize = 2;
const WRONG: usize = 1;

/// One panel a loss; `None` without counts, without classes or with too many.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let classes = comparison.classes.len();
    if classes == 0 || classes > MOST {
        return None;
    }
    let panels: Vec<Panel> =
        comparison.groups.iter().filter_map(|group| panel(group, &comparison.classes)).collect();
    (!panels.is_empty()).then(|| Figure {
        name: CARD.name.to_owned(),
        title: "What is taken for what".to_owned(),
        caption: format!(
            "Predictions by class: {}, each row of squares the test examples of one class, from \
             which the shares are taken. What is right lies on the diagonal; what is wrong is \
             drawn ten times as strong, full colour from a tenth of the class on.",
            seeds::pooled(&comparison.signature.seeds)
        ),
        legend: vec![(RIGHT, "right".to_owned()), (WRONG, "wrong (×10)".to_owned())],
        panels,
    })
}

fn panel(group: &Group, names: &[String]) -> Option<Panel> {
    let classes = names.len();
    let mut counts = vec![0u64; classes * classes];
    for &(label, prediction, count) in group.runs.iter().flat_map(|run| &run.measures.confusion) {
        *counts.get_mut(label * classes + prediction)? += count;
    }
    let mut cells = [Vec::new(), Vec::new()];
    for (label, row) in counts.chunks_exact(classes).enumerate() {
        let examples: u64 = row.iter().sum();
        for (prediction, &count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
            let share = count as f64 / examples as f64;
            let cell = (prediction as f64, label as f64, share);
            cells[usize::from(label != prediction)].push(cell);
        }
    }
    if cells.iter().all(Vec::is_empty) {
        return None;
    }
    let [right, wrong] = cells;
    let mark = |series, cells, full| Mark { series, shape: Shape::Cells { cells, full } };
    Some(Panel {
        title: group.setting.to_string(),
        x: axis("prediction", names, false),
        y: axis("label", names, true),
        marks: vec![mark(RIGHT, right, 1.0), mark(WRONG, wrong, 0.1)],
    })
}

/// One unit a class; the first label is on top, as in a matrix.
pub(super) fn axis(label: &str, names: &[String], upright: bool) -> Axis {
    let end = names.len() as f64 - 0.5;
    let (low, high) = if upright { (end, -0.5) } else { (-0.5, end) };
    // Names of a few classes, of more their numbers.
    let step = names.len().div_ceil(NAMES);
    let shown = names.iter().enumerate().step_by(step);
    let label_of = |(at, name): (usize, &String)| {
        (at as f64, if step == 1 { super::shortened(name, NAME) } else { at.to_string() })
    };
    Axis { names: Some(shown.map(label_of).collect()), ..Axis::linear(label, low, high) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn shares_are_those_of_a_class() {
        let figure = figure(&sample::comparison(&["ce", "el(le=1)"], 3)).unwrap();
        assert_eq!(figure.panels.len(), 2);
        let [Shape::Cells { cells: right, .. }, Shape::Cells { cells: wrong, .. }] =
            [&figure.panels[0].marks[0].shape, &figure.panels[0].marks[1].shape]
        else {
            panic!()
        };
        assert_eq!((right.len(), wrong.len()), (10, 10));
        assert!(right.iter().all(|cell| cell.0 == cell.1 && cell.2 == 0.9));
        assert!(wrong.iter().all(|cell| cell.2 == 0.1), "{wrong:?}");
    }

    #[test]
    fn long_names_show_that_they_go_on() {
        let names = ["Iris-versicolor", "cat"].map(str::to_owned);
        let shown = axis("label", &names, true).names.unwrap();
        assert_eq!(shown, [(0.0, "Iris-vers…".to_owned()), (1.0, "cat".to_owned())]);
    }

    #[test]
    fn none_without_counts_or_with_too_many_classes() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.classes = (0..100).map(|class| class.to_string()).collect();
        assert!(figure(&comparison).is_none());
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].measures.confusion.clear();
        assert!(figure(&comparison).is_none());
    }
}
