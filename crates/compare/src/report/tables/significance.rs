//! A row a metric and loss: what tests say of its difference to the first.

use super::{Card, Output, none};
use crate::measure::Overlap;
use crate::report::number;
use crate::report::sheet::{Head, Row, Sheet, Span, Value, Words};
use crate::report::significance::{ALPHA, POWER, Significance};
use crate::report::table::{Column, Difference, Table};

pub const CARD: Card =
    Card { key: "significance", forms: &[Output::Page], sheet: |_, table, _| sheet(table) };

fn sheet(table: &Table) -> Option<Sheet> {
    let mut rows = Vec::new();
    for column in table.columns.iter().chain(&table.more) {
        for (loss, cell) in table.losses.iter().zip(&column.cells) {
            let Some(difference) = &cell.difference else { continue };
            let Some(test) = &difference.significance else { continue };
            rows.push(row(column, loss, difference, test));
        }
    }
    // With test parts that overlap there is no test of signs.
    let signs = table.overlap == Overlap::None;
    let head = ["difference", "p", "p, Holm"]
        .into_iter()
        .chain(signs.then_some("p, signs"))
        .chain(["effect", "seeds needed"]);
    (!rows.is_empty()).then(|| Sheet {
        folded: Some("Tests of the differences, and how many seeds they would need".to_owned()),
        corner: Words::text("metric, loss"),
        head: head.map(|title| Head::new(Words::text(title))).collect(),
        rows,
        notes: vec![vec![note(&table.losses[0], signs)]],
        explained: false,
    })
}

fn row(column: &Column, loss: &str, difference: &Difference, test: &Significance) -> Row {
    let p = |p: f64| Value::Rounded(format!("{p:.4}"), Some(p));
    let mean = number::signed(difference.mean, column.metric.decimals);
    let effect = test.effect.map_or_else(none, |effect| number::signed(effect, 2));
    let cells = [Value::Rounded(mean, Some(difference.mean)), p(test.p), p(test.holm)]
        .into_iter()
        .chain(test.signs.map(p))
        .chain([
            Value::Rounded(effect, test.effect),
            Value::Text(test.seeds.map_or_else(none, |seeds| seeds.to_string())),
        ]);
    let label = vec![Span::Text(format!("{}, ", column.heading())), Span::Code(loss.to_owned())];
    Row::new(Words(label), cells.map(Into::into).collect())
}

fn note(first: &str, signs: bool) -> Words {
    let power = format!(
        "Seeds needed: with so many the same t test at {} % finds an effect of that size with a \
         probability of {} %; never: no number of seeds does, but more examples may.",
        100.0 * ALPHA,
        100.0 * POWER
    );
    Words(vec![
        Span::Ours(
            "p: two-sided paired t test over seeds, of the same standard error as the intervals. \
             Holm: the same corrected for having compared every loss with ",
        ),
        Span::Text(first.to_owned()),
        Span::Ours(" by that metric; the metrics are not corrected for each other. "),
        Span::Ours(if signs { SIGNS } else { NO_SIGNS }),
        Span::Ours(" Effect: Hedges's g, the difference in its own standard deviations. "),
        Span::Text(power),
    ])
}

const SIGNS: &str = "Signs: sign-flip permutation test, never below 2/2ⁿ with n seeds.";
const NO_SIGNS: &str = "There is no permutation test: it takes the seeds for independent, and these \
                        share test examples.";
