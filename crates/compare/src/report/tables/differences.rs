//! A row a metric, a column a loss: by how much it differs from the first loss, with intervals, which
//! are wide, while losses are few.

use super::{Card, Output, none};
use crate::measure::Overlap;
use crate::report::number;
use crate::report::sheet::{Cell, Head, Row, Sheet, Span, Value, Words};
use crate::report::table::{self, Difference, Table};

pub const CARD: Card = Card {
    key: "differences",
    forms: &[Output::Text, Output::Markdown],
    sheet: |_, table, _| (table.losses.len() > 1).then(|| sheet(table)),
};

fn sheet(table: &Table) -> Sheet {
    let (first, others) = (&table.losses[0], &table.losses[1..]);
    let head = |loss| Head { marked: true, ..Head::new(Words::code(loss)) };
    let rows = table.columns.iter().map(|column| {
        let decimals = column.metric.decimals;
        let cells = column.cells[1..].iter().map(|cell| self::cell(cell, table, decimals));
        Row::new(Words::text(column.heading()), cells.collect())
    });
    Sheet {
        corner: Words(vec![Span::Text("minus ".to_owned()), Span::Code(first.clone())]),
        head: others.iter().map(head).collect(),
        rows: rows.collect(),
        notes: vec![legend(table).into_iter().map(Words::text).collect()],
        ..Sheet::default()
    }
}

fn cell(cell: &table::Cell, table: &Table, decimals: usize) -> Cell {
    let Some(difference) = &cell.difference else {
        return Value::Rounded(none(), None).into();
    };
    let text = written(difference, table.seeds.len(), decimals);
    let value = Value::Rounded(text, Some(difference.mean));
    Cell { value, mark: difference.mark, below: Vec::new() }
}

/// "+0.22 [+0.05, +0.39]", with the count where it is not every seed's.
fn written(difference: &Difference, seeds: usize, decimals: usize) -> String {
    let mut text = number::signed(difference.mean, decimals);
    if let Some(interval) = difference.interval {
        text += &format!(" {}", number::interval(interval, decimals));
    }
    if difference.n < seeds {
        text += &format!(" (n={})", difference.n);
    }
    text
}

/// What the differences and their marks mean, a sentence each.
pub fn legend(table: &Table) -> Vec<String> {
    let first = &table.losses[0];
    let n = table.seeds.len();
    if n < 2 {
        return vec![format!("Difference to {first} with the same seed.")];
    }
    let test = if table.overlap == Overlap::None { "paired t" } else { "corrected paired t" };
    let mut legend = vec![
        format!("Difference to {first}, paired by seed, with its 95 % interval ({test}, n = {n})."),
        "Marked only where the interval excludes 0: ✓ better, ✗ worse, ● differs.".to_owned(),
    ];
    legend.extend(correction(table.overlap));
    let mut differences =
        table.columns.iter().flat_map(|c| &c.cells).filter_map(|cell| cell.difference.as_ref());
    if differences.any(|difference| difference.n > 1 && difference.interval.is_none()) {
        let why = "Without an interval: all seeds differ by the same amount or not at all, or hardly any \
                   has both values, so that the spread is unknown.";
        legend.push(why.to_owned());
    }
    legend
}

/// What is done about test parts that overlap.
fn correction(overlap: Overlap) -> Option<String> {
    let (test, train, drawn) = match overlap {
        Overlap::None => return None,
        Overlap::Redrawn { test, train } => (test, train, "draws its test part anew"),
        Overlap::Folds { test, train } => (test, train, "tests one fold"),
    };
    Some(format!(
        "Each seed {drawn} from the same examples, so the variance of a mean difference is taken as \
         1/n + {test}/{train} of that of the differences, not 1/n: {}.",
        overlap.source().unwrap_or_default()
    ))
}
