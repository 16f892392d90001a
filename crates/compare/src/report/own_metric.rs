//! Metrics that only the user of a command knows: columns like the others, by the names that the runs
//! have.
//!
//! A column is known by reference for as long as the program runs, since the list of those that we know
//! is part of it. What a comparison adds is therefore kept for as long: a few names, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use crate::measure::{Card, Direction, Range, Source};
use crate::{Better, Comparison, Run};

/// Names and directions that were met.
static KNOWN: LazyLock<Mutex<BTreeMap<Column, &'static Card>>> = LazyLock::new(Mutex::default);

/// What a column is known by: the metric's name, which way is better, and whether we measure something of
/// that name ourselves.
type Column = (String, Option<Better>, bool);

/// Those of `comparison`: the declared ones first, then by their names.
pub fn own_metrics(comparison: &Comparison) -> Vec<&'static Card> {
    let runs = comparison.groups.iter().flat_map(|group| &group.runs);
    let measured = runs.clone().any(Run::has_predictions);
    let names: BTreeSet<&String> = runs.flat_map(|run| run.own.keys()).collect();
    let mut found: Vec<(bool, &'static Card)> = names
        .into_iter()
        .map(|name| {
            let better = comparison.directions.get(name).copied();
            let taken = measured && Card::all().any(|ours| ours.key == *name);
            (better.is_none(), known((name.clone(), better, taken)))
        })
        .collect();
    found.sort_by_key(|(undeclared, _)| *undeclared);
    found.into_iter().map(|(_, metric)| metric).collect()
}

fn known(column: Column) -> &'static Card {
    let mut known = KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (name, better, taken) = column.clone();
    known.entry(column).or_insert_with(|| {
        let (direction, meaning) = match better {
            Some(Better::Higher) => (Direction::Higher, "as the command reports it"),
            Some(Better::Lower) => (Direction::Lower, "as the command reports it"),
            None => {
                (Direction::Undefined, "as the command reports it, which way is better is not said")
            }
        };
        let keep = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let key = keep(if taken { format!("own_{name}") } else { name.clone() });
        Box::leak(Box::new(Card {
            key,
            title: key,
            unit: "",
            direction,
            decimals: 4,
            meaning,
            range: Range::Any,
            source: Source::Own(keep(name)),
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Table, sample};

    #[test]
    fn columns_have_the_names_and_directions_of_the_command() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 3);
        for (at, group) in comparison.groups.iter_mut().enumerate() {
            for run in &mut group.runs {
                let wer = 10.0 - at as f64 - 0.01 * run.seed as f64 * (at + 1) as f64;
                run.own = [("wer".to_owned(), wer), ("minutes".to_owned(), 3.0)].into();
            }
        }
        comparison.directions.insert("wer".to_owned(), Better::Lower);
        let table = Table::new(&comparison);
        let last: Vec<_> = table.columns.iter().rev().take(2).rev().collect();
        assert_eq!(last.iter().map(|c| c.heading()).collect::<Vec<_>>(), ["wer ↓", "minutes"]);
        let difference = last[0].cells[1].difference.as_ref().unwrap();
        assert!(difference.mark.is_some() && difference.mean < -0.9, "{difference:?}");
        assert!(std::ptr::eq(own_metrics(&comparison)[0], own_metrics(&comparison)[0]));
        for run in comparison.groups.iter_mut().flat_map(|group| &mut group.runs) {
            run.own = [("accuracy".to_owned(), 0.5)].into();
        }
        let table = Table::new(&comparison);
        assert_eq!(table.columns.last().unwrap().heading(), "own_accuracy");
        comparison.primary = Some("own_accuracy".to_owned());
        assert_eq!(Table::new(&comparison).columns[0].metric.key, "own_accuracy");
    }

    #[test]
    fn without_predictions_there_is_nothing_else() {
        let mut comparison = sample::comparison(&["ce"], 2);
        comparison.classes.clear();
        for run in &mut comparison.groups[0].runs {
            run.measures = Default::default();
            run.epochs.clear();
            run.map = None;
            run.own = [("score".to_owned(), 0.5)].into();
        }
        let table = Table::new(&comparison);
        assert_eq!(table.columns.len() + table.more.len(), 1);
        let folder = tempfile::tempdir().unwrap();
        let written = crate::report::write(&comparison, "", folder.path()).unwrap();
        let names = written.figures.iter().map(|path| path.file_name().unwrap().to_str().unwrap());
        // Those of the losses themselves.
        assert!(names.clone().all(|name| !name.starts_with("training")), "{:?}", written.figures);
    }
}
