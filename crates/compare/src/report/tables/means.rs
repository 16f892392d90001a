//! A row a loss, a column a metric: means ± deviations over seeds, and below, of uneven classes, what
//! the majority class is worth. On the page the differences to the first loss stand in the same cells.

use super::differences::legend;
use super::{Card, Output, none};
use crate::report::number;
use crate::report::sheet::{Cell, Head, Row, Sheet, Value, Words};
use crate::report::table::{self, Column, Table};

pub const CARD: Card = Card {
    key: "means",
    forms: &[Output::Text, Output::Markdown, Output::Page],
    sheet: |_, table, form| Some(sheet(table, form)),
};

fn sheet(table: &Table, form: Output) -> Sheet {
    let notes = match form {
        Output::Page => vec![on_page(table), vec![Words::text(&table.signature)]],
        _ => spread(table, form).into_iter().chain(remarks(table)).map(alone).collect(),
    };
    Sheet { notes, explained: true, ..grid(table, &table.columns, form) }
}

/// A paragraph of one sentence.
fn alone(sentence: String) -> Vec<Words> {
    vec![Words::text(sentence)]
}

/// The losses by the metrics of `columns`.
pub fn grid(table: &Table, columns: &[Column], form: Output) -> Sheet {
    let seeds = table.seeds.len();
    let losses = table.losses.iter().enumerate().map(|(row, loss)| {
        let cells = columns.iter().map(|column| cell(&column.cells[row], column, seeds));
        Row::new(Words::code(loss), cells.collect())
    });
    let worth = |column: &Column| table.majority.as_ref()?.value(column.metric.key);
    // The page has room for it wherever a column says something of it.
    let majority = match form {
        Output::Page => {
            table.majority.as_ref().filter(|_| columns.iter().any(|c| worth(c).is_some()))
        }
        _ => table.baseline(),
    };
    let majority = majority.map(|majority| {
        let cell = |column: &Column| {
            let value = worth(column);
            let text = value.map(|value| number::plain(value, column.metric.decimals));
            Value::Rounded(text.unwrap_or_else(none), value).into()
        };
        Row {
            hint: Some(format!("always {}", majority.class)),
            baseline: true,
            ..Row::new(Words::text(majority.label()), columns.iter().map(cell).collect())
        }
    });
    Sheet {
        corner: Words::text("loss"),
        head: columns.iter().map(head).collect(),
        rows: losses.chain(majority).collect(),
        ..Sheet::default()
    }
}

fn head(column: &Column) -> Head {
    let unit = format!("{} {}", column.metric.unit, column.metric.direction.arrow());
    Head {
        unit: Some(unit.trim().to_owned()),
        meaning: Some(column.metric.meaning),
        ..Head::new(Words::text(&column.title))
    }
}

/// The mean, and below it the difference, its interval and what it is made of.
fn cell(cell: &table::Cell, column: &Column, seeds: usize) -> Cell {
    let decimals = column.metric.decimals;
    let mut below = Vec::new();
    if let Some(difference) = &cell.difference {
        let amount = number::signed(difference.mean, decimals);
        below.push((amount, difference.mark));
        let interval = difference.interval.map(|interval| number::interval(interval, decimals));
        below.extend(interval.map(|interval| (interval, None)));
        let few = (difference.n < seeds).then(|| format!("n = {}", difference.n));
        below.extend(few.map(|few| (few, None)));
    }
    Cell { value: Value::Rounded(mean(cell, decimals), cell.mean), mark: None, below }
}

/// "98.61 ± 0.25", with the count where it is not every seed's.
fn mean(cell: &table::Cell, decimals: usize) -> String {
    let Some(mean) = cell.mean else { return none() };
    let mut text = number::plain(mean, decimals);
    if let Some(std) = cell.std {
        text += &format!(" ± {}", number::plain(std, decimals));
    }
    if cell.n < cell.values.len() {
        text += &format!(" (n={})", cell.n);
    }
    text
}

/// What a cell holds.
fn spread(table: &Table, form: Output) -> Option<String> {
    match (table.seeds.len(), form) {
        (1, Output::Markdown) => None,
        (1, _) => {
            Some("One seed: no deviation, and no interval to judge a difference by.".to_owned())
        }
        (n, _) => Some(format!("Mean ± standard deviation over {n} seeds.")),
    }
}

/// What has to be known of all numbers, a sentence each.
pub fn remarks(table: &Table) -> Vec<String> {
    let epochs = table.epochs.as_ref().map(|epochs| epochs.sentence());
    let majority = table.baseline().map(|majority| {
        let class = crate::plain::name(&majority.class);
        let rule = majority.rule();
        format!("Majority class: what it is worth to say \"{class}\" always. {rule}")
    });
    majority.into_iter().chain(epochs).collect()
}

/// The note of the page, whose cells hold the differences, too.
fn on_page(table: &Table) -> Vec<Words> {
    let spread = match table.seeds.len() {
        1 => "One seed: no deviation.".to_owned(),
        n => format!("First line: mean ± standard deviation over {n} seeds."),
    };
    let several = table.losses.len() > 1;
    let below = several.then(|| format!("Below: {}", lower_first(&legend(table).join(" "))));
    let majority = table.majority.as_ref().map(|majority| {
        let uneven = if majority.uneven { format!(" {}", majority.rule()) } else { String::new() };
        format!("Majority class: what it is worth to say \"{}\" always.{uneven}", majority.class)
    });
    let epochs = table.epochs.as_ref().map(|epochs| epochs.sentence());
    [Some(spread), below, majority, epochs].into_iter().flatten().map(Words::text).collect()
}

fn lower_first(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}
