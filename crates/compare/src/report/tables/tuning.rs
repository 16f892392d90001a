//! A row a loss, a column a point that was tried: what the validation part said, and which point each loss
//! took. As a file a row a trial.

use super::{Card, Output, none};
use crate::Better;
use crate::measure::words::plural;
use crate::report::number;
use crate::report::sheet::{Cell, Head, Row, Sheet, Span, Value, Words};
use crate::tune::{TuningResult, TuningRow, in_words, mean};

pub const CARD: Card = Card {
    key: "tuning",
    forms: &[Output::Text, Output::Markdown, Output::Page, Output::Csv, Output::Json],
    sheet: |comparison, _, form| {
        let tuned = comparison.tuned.as_ref()?;
        Some(if form == Output::Csv { trials(tuned) } else { means(tuned) })
    },
};

/// Digits of a metric that is none of ours.
const DECIMALS: usize = 4;

fn means(tuned: &TuningResult) -> Sheet {
    let judge = &tuned.judge;
    let arrow = if judge.better == Better::Higher { "↑" } else { "↓" };
    let unit = judge.card.map_or("", |card| card.unit);
    let title = judge.card.map_or(judge.name.as_str(), |card| card.title);
    let corner = format!("validation {title} {unit} {arrow}").replace("  ", " ");
    let points = tuned.points.iter().map(in_words).chain(["takes".to_owned()]);
    Sheet {
        corner: Words(vec![Span::Text(corner)]),
        head: points.map(|title| Head::new(Words::text(title))).collect(),
        rows: tuned.rows.iter().map(|row| line(tuned, row)).collect(),
        notes: notes(tuned).into_iter().map(|note| vec![Words::text(note)]).collect(),
        ..Sheet::default()
    }
}

fn line(tuned: &TuningResult, row: &TuningRow) -> Row {
    let decimals = tuned.judge.card.map_or(DECIMALS, |card| card.decimals);
    let cells = row.scores.iter().map(|scores| {
        let mean = mean(scores).map(|score| score.value);
        let text = mean.map_or_else(none, |mean| number::plain(mean, decimals));
        Cell::from(Value::Rounded(text, mean))
    });
    let takes = Value::Text(in_words(tuned.taken(row)));
    Row::new(Words::code(row.setting.to_string()), cells.chain([takes.into()]).collect())
}

/// How it was chosen, a sentence each.
fn notes(tuned: &TuningResult) -> Vec<String> {
    let seeds: Vec<String> = tuned.seeds.iter().map(u64::to_string).collect();
    let drawn = match tuned.points.len() == tuned.of {
        true => String::new(),
        false => format!(", {} drawn of {}", tuned.points.len(), tuned.of),
    };
    vec![format!(
        "What each loss takes for the comparison: the best of the same {} for all{drawn}, by the mean over \
         the {} {}, which the comparison does not use, on the validation part; of equals the one with the \
         lower NLL there, then the first.",
        plural_of(tuned.points.len()),
        plural(seeds.len(), "seed"),
        seeds.join(" ")
    )]
}

/// "3 points".
fn plural_of(points: usize) -> String {
    format!("{points} {}", plural(points, "point"))
}

fn trials(tuned: &TuningResult) -> Sheet {
    let mut rows = Vec::new();
    for row in &tuned.rows {
        for (at, (point, scores)) in tuned.points.iter().zip(&row.scores).enumerate() {
            for (seed, score) in tuned.seeds.iter().zip(scores) {
                let values = point.iter().map(|(_, value)| Value::Text(value.clone()));
                let metric = format!("val_{}", tuned.judge.name);
                let taken = if at == row.taken { "yes" } else { "no" };
                let cells = values.chain([
                    Value::Text(seed.to_string()),
                    Value::Text(metric),
                    Value::Number(score.map(|score| score.value)),
                    Value::Text(taken.to_owned()),
                ]);
                let label = Words::code(row.setting.to_string());
                rows.push(Row::new(label, cells.map(Cell::from).collect()));
            }
        }
    }
    let names = tuned.shared.iter().map(|(name, _)| name.as_str());
    let head = names.chain(["seed", "metric", "value", "taken"]);
    Sheet {
        corner: Words::text("loss"),
        head: head.map(|title| Head::new(Words::text(title))).collect(),
        rows,
        notes: notes(tuned).into_iter().map(|note| vec![Words::text(note)]).collect(),
        ..Sheet::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{csv, sample};

    #[test]
    fn says_what_was_tried_and_what_was_taken() {
        let tuned = sample::tuned(sample::comparison(&["ce", "el(le=1)"], 3)).tuned.unwrap();
        let sheet = means(&tuned);
        assert_eq!(sheet.corner.plain(), "validation accuracy % ↑");
        let text = |row: &Row| row.cells.iter().map(|c| c.value.text()).collect::<Vec<_>>();
        assert_eq!(text(&sheet.rows[0]), ["91.00", "90.00", "lr=0.01"]);
        assert_eq!(text(&sheet.rows[1]), ["80.00", "93.00", "lr=0.1"]);
        let file = csv::sheet(&trials(&tuned));
        let lines: Vec<&str> = file.lines().collect();
        assert_eq!(lines[0], "loss,lr,seed,metric,value,taken");
        assert_eq!(lines[1], "ce,0.01,1000,val_accuracy,91,yes");
        assert_eq!(lines.len(), 1 + 2 * 2 + 1);
    }
}
