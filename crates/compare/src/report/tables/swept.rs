//! A row a loss, a column a swept value: the headline.

use super::{Card, Output, none};
use crate::report::number;
use crate::report::sheet::{Cell, Head, Row, Sheet, Span, Value, Words};
use crate::report::swept::{Point, SweepTable};

pub const CARD: Card = Card {
    key: "swept",
    forms: &[Output::Text, Output::Markdown, Output::Page],
    sheet: |_, table, form| table.swept.as_ref().map(|swept| sheet(swept, form)),
};

fn sheet(swept: &SweepTable, form: Output) -> Sheet {
    let rows = swept.lines.iter().map(|line| {
        let cells = line.points.iter().map(|point| cell(point.as_ref(), swept.decimals));
        Row::new(Words::code(&line.loss), cells.collect())
    });
    let note =
        format!("Test {} against what was swept; below, every setting in full.", swept.metric);
    let heads = swept.values.iter().map(|value| Head::new(Words::text(swept.heading(*value))));
    Sheet {
        corner: Words(vec![Span::Unbroken(swept.title.clone())]),
        head: heads.collect(),
        rows: rows.collect(),
        notes: (form == Output::Page).then(|| vec![Words::text(note)]).into_iter().collect(),
        ..Sheet::default()
    }
}

/// "98.61 ± 0.25".
fn cell(point: Option<&Point>, decimals: usize) -> Cell {
    let Some(Point { mean, std, .. }) = point else { return Value::Rounded(none(), None).into() };
    let spread = std.map_or(String::new(), |std| format!(" ± {}", number::plain(std, decimals)));
    Value::Rounded(number::plain(*mean, decimals) + &spread, Some(*mean)).into()
}
