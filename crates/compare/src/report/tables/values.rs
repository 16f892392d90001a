//! `table.csv`: a row a loss and metric, everything in full precision. What has to be known of the
//! numbers, and what made them, are its notes.

use super::differences::legend;
use super::means::remarks;
use super::{Card, Output};
use crate::measure::Card as Measurement;
use crate::report::sheet::{Cell, Head, Row, Sheet, Value, Words};
use crate::report::table::{self, Table};

pub const CARD: Card =
    Card { key: "table", forms: &[Output::Csv], sheet: |_, table, _| Some(sheet(table)) };

/// The columns behind the loss and before the seeds.
const HEAD: [&str; 16] = [
    "metric",
    "unit",
    "better",
    "n",
    "mean",
    "std",
    "pairs",
    "difference",
    "low",
    "high",
    "mark",
    "p",
    "p holm",
    "p signs",
    "effect",
    "seeds needed",
];

fn sheet(table: &Table) -> Sheet {
    let columns = || table.columns.iter().chain(&table.more);
    let seeds = table.seeds.iter().map(|seed| format!("seed {seed}"));
    let head: Vec<Head> = HEAD
        .map(str::to_owned)
        .into_iter()
        .chain(seeds)
        .map(|t| Head::new(Words::text(t)))
        .collect();
    let losses = table.losses.iter().enumerate().flat_map(|(row, loss)| {
        columns().map(move |column| {
            let cells = cells(column.metric, &column.cells[row]);
            Row::new(Words::code(loss), cells.into_iter().map(Cell::from).collect())
        })
    });
    let majority = table.majority.iter().flat_map(|majority| {
        let width = head.len();
        columns().filter_map(move |column| {
            let value = majority.value(column.metric.key)?;
            let mut cells = vec![Cell::default(); width];
            for (cell, named) in cells.iter_mut().zip(named(column.metric)) {
                *cell = named.into();
            }
            cells[4] = Value::Number(Some(value)).into();
            Some(Row::new(Words::text(majority.label()), cells))
        })
    });
    let rows = losses.chain(majority).collect();
    let compared = if table.losses.len() > 1 { legend(table) } else { Vec::new() };
    let warnings = table.warnings.iter().map(|warning| format!("Warning: {warning}."));
    let notes = remarks(table).into_iter().chain(compared).chain(warnings);
    let notes = notes.chain([table.signature.clone()]).map(|note| vec![Words::text(note)]);
    Sheet { corner: Words::text("loss"), rows, notes: notes.collect(), head, ..Sheet::default() }
}

/// The metric, its unit and which way is better.
fn named(metric: &Measurement) -> [Value; 3] {
    [metric.key, metric.unit, metric.direction.word()].map(|word| Value::Text(word.to_owned()))
}

fn cells(metric: &Measurement, cell: &table::Cell) -> Vec<Value> {
    let difference = cell.difference.as_ref();
    let interval = difference.and_then(|d| d.interval);
    let test = difference.and_then(|d| d.significance.as_ref());
    let text = |text: Option<String>| Value::Text(text.unwrap_or_default());
    let mut cells = Vec::from(named(metric));
    cells.extend([
        Value::Count(cell.n as u64),
        Value::Number(cell.mean),
        Value::Number(cell.std),
        text(difference.map(|d| d.n.to_string())),
        Value::Number(difference.map(|d| d.mean)),
        Value::Number(interval.map(|i| i.0)),
        Value::Number(interval.map(|i| i.1)),
        text(difference.and_then(|d| d.mark).map(|mark| mark.word().to_owned())),
        Value::Number(test.map(|test| test.p)),
        Value::Number(test.map(|test| test.holm)),
        Value::Number(test.and_then(|test| test.signs)),
        Value::Number(test.and_then(|test| test.effect)),
        text(test.and_then(|test| test.seeds).map(|seeds| seeds.to_string())),
    ]);
    cells.extend(cell.values.iter().map(|value| Value::Number(*value)));
    cells
}
