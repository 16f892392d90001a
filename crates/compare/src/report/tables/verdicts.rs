//! A row a metric and loss: the interval of its difference over seeds alone, the one over seeds and test
//! examples, and what may be claimed.

use super::{Card, Output, none};
use crate::report::number;
use crate::report::ruling::{SettingVerdict, judge, word};
use crate::report::sheet::{Cell, Head, Row, Sheet, Span, Value, Words};
use crate::report::table::{Column, Table};

pub const CARD: Card = Card {
    key: "verdicts",
    forms: &[Output::Page, Output::Csv],
    sheet: |_, table, form| sheet(table, form),
};

/// The columns behind the metric and the loss, where there is room for every number.
const HEAD: [&str; 8] = [
    "loss",
    "difference",
    "low over seeds",
    "high over seeds",
    "low over both",
    "high over both",
    "verdict",
    "p holm",
];

fn sheet(table: &Table, form: Output) -> Option<Sheet> {
    let ruling = table.ruling.as_ref()?;
    let mut rows = Vec::new();
    for (at, column) in table.columns.iter().chain(&table.more).enumerate() {
        // A margin is one of the first metric.
        let margin = if at == 0 { ruling.worth } else { 0.0 };
        for (place, judged) in judge(&table.losses[1..], column, margin).iter().enumerate() {
            rows.extend(row(column, place + 1, judged, form));
        }
    }
    let (corner, head): (&str, Vec<Head>) = match form {
        Output::Csv => ("metric", HEAD.map(|title| Head::new(Words::text(title))).into()),
        _ => {
            let head =
                ["difference", "over seeds", "over seeds and examples", "verdict", "p, Holm"];
            ("metric, loss", head.map(|title| Head::new(Words::text(title))).into())
        }
    };
    (!rows.is_empty()).then(|| Sheet {
        folded: Some(
            "Verdicts on every difference, with the intervals that they rest on".to_owned(),
        ),
        corner: Words::text(corner),
        head,
        rows,
        notes: vec![ruling.rules.iter().map(Words::text).collect()],
        explained: false,
    })
}

/// `None` where there is no difference to judge.
fn row(column: &Column, place: usize, judged: &SettingVerdict, form: Output) -> Option<Row> {
    let difference = column.cells[place].difference.as_ref()?;
    let decimals = column.metric.decimals;
    let over_both = difference.over_both.map(|estimate| estimate.interval(0.95));
    let verdict = word(judged, column.metric.direction);
    let p = judged.verdict.map(|verdict| verdict.p);
    if form == Output::Csv {
        let ends = [difference.interval, over_both].map(|interval| interval.unzip());
        let ends = ends.into_iter().flat_map(|(low, high)| [low, high]).map(Value::Number);
        let cells = [Value::Text(judged.loss.clone()), Value::Number(Some(difference.mean))]
            .into_iter()
            .chain(ends)
            .chain([Value::Text(verdict.to_owned()), Value::Number(p)]);
        return Some(Row::new(Words::text(column.metric.key), cells.map(Cell::from).collect()));
    }
    let interval = |interval: Option<(f64, f64)>| {
        Value::Text(interval.map_or_else(none, |interval| number::interval(interval, decimals)))
    };
    let label =
        vec![Span::Text(format!("{}, ", column.heading())), Span::Code(judged.loss.clone())];
    let cells = [
        Value::Rounded(number::signed(difference.mean, decimals), Some(difference.mean)),
        interval(difference.interval),
        interval(over_both),
        Value::Text(verdict.to_owned()),
        Value::Rounded(p.map_or_else(none, |p| format!("{p:.4}")), p),
    ];
    Some(Row::new(Words(label), cells.map(Cell::from).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{csv, sample};

    #[test]
    fn says_of_every_difference_what_may_be_claimed() {
        let table = Table::new(&sample::comparison(&["ce", "el(le=0.5)", "el(le=1)"], 3));
        let of = |form| sheet(&table, form).unwrap();
        let differences = 2 * (table.columns.len() + table.more.len());
        assert_eq!(of(Output::Csv).rows.len(), differences);
        assert_eq!(of(Output::Page).rows.len(), differences);
        let file = csv::sheet(&of(Output::Csv));
        let line = file.lines().find(|line| line.starts_with("margin,el(le=1),")).unwrap();
        let cells: Vec<&str> = line.trim_end().split(',').collect();
        assert_eq!((cells.len(), cells[5], cells[6], cells[7]), (9, "", "", "differs"), "{line}");
        let (low, high): (f64, f64) = (cells[3].parse().unwrap(), cells[4].parse().unwrap());
        assert!(low > 0.0 && high > low, "{line}");
        assert!(sheet(&Table::new(&sample::comparison(&["ce"], 3)), Output::Csv).is_none());
    }
}
