//! The table for programs: what `--json` prints.

use super::ruling::{Ruling, SettingVerdict, word};
use super::sheet::{self, Sheet};
use super::significance::Seeds;
use super::swept::{Point, SweepTable};
use super::table::{Cell, Column, Table};
use super::tables::{Output, sheets};
use crate::measure::{Direction, Overlap};
use crate::{Comparison, Panel};
use serde_json::{Value, json};

/// `{"losses": [{"loss", "metrics": {key: {"mean", "std", …}}}], "headline", "seeds", "intervals",
/// "epochs", "majority", "warnings", "signature"}`, `"verdict"` where there is one, `"sweep"` where there was
/// one, each table of this form under its key, and under `"panels"` the same of each panel; numbers in full precision, `null` for what is absent or not finite.
pub fn render(comparison: &Comparison, table: &Table) -> Value {
    let losses: Vec<Value> = table
        .losses
        .iter()
        .enumerate()
        .map(|(row, loss)| {
            let metrics: serde_json::Map<_, _> = table
                .columns
                .iter()
                .chain(&table.more)
                .map(|column| (column.metric.key.to_owned(), cell(column, &column.cells[row])))
                .collect();
            json!({ "loss": loss, "metrics": metrics })
        })
        .collect();
    let mut all = json!({
        "losses": losses,
        "headline": table.columns.first().map(|column| column.metric.key),
        "seeds": table.seeds,
        "intervals": intervals(table.overlap),
        "epochs": table.epochs.as_ref().map(|epochs| json!({
            "measured": epochs.range,
            "median": epochs.median,
            "of": epochs.of,
            "runs": epochs.runs,
            "in_the_first_tenth": epochs.early,
        })),
        "majority": table.majority.as_ref().map(|majority| {
            let columns = table.columns.iter().chain(&table.more).map(|column| column.metric.key);
            let values = columns.filter_map(|key| Some((key.to_owned(), json!(majority.value(key)?))));
            json!({
                "class": majority.class,
                "uneven": majority.uneven,
                "metrics": values.collect::<serde_json::Map<_, _>>(),
            })
        }),
        "warnings": table.warnings,
        "signature": table.signature,
    });
    if let Some(ruling) = &table.ruling {
        all["verdict"] = self::ruling(ruling, table);
    }
    if let Some(swept) = &table.swept {
        all["sweep"] = self::swept(swept);
    }
    for (key, sheet) in sheets(comparison, table, Output::Json) {
        all[key] = self::sheet(&sheet);
    }
    for Panel { key, title, comparison } in &comparison.panels {
        all["panels"][key] = render(comparison, &Table::new(comparison));
        all["panels"][key]["title"] = json!(title);
    }
    all
}

/// `{"rows": [{"loss", …}], "notes"}`: each row by the titles of its columns.
fn sheet(sheet: &Sheet) -> Value {
    let value = |value: &sheet::Value| match value {
        sheet::Value::Text(text) => json!(text),
        sheet::Value::Count(count) => json!(count),
        sheet::Value::Number(number) | sheet::Value::Rounded(_, number) => json!(number),
    };
    let row = |row: &sheet::Row| -> serde_json::Map<String, Value> {
        let titles = sheet.head.iter().map(|head| head.title.plain());
        let cells = titles.zip(row.cells.iter().map(|cell| value(&cell.value)));
        [(sheet.corner.plain(), json!(row.label.plain()))].into_iter().chain(cells).collect()
    };
    json!({
        "rows": sheet.rows.iter().map(row).collect::<Vec<_>>(),
        "notes": sheet.notes.iter().flatten().map(|note| note.plain()).collect::<Vec<_>>(),
    })
}

/// `{"answer", "beside", "rules", "worth", "losses": [{"loss", "verdict", "over", "interval", "p_holm",
/// "seeds_needed"}]}`, of the headline; `over` says what the interval is over.
fn ruling(ruling: &Ruling, table: &Table) -> Value {
    let column = table.columns.first();
    let one = |(at, judged): (usize, &SettingVerdict)| {
        let difference = column.and_then(|column| column.cells.get(at + 1)?.difference.as_ref());
        let both = difference.is_some_and(|difference| difference.over_both.is_some());
        let over = if both { "seeds and test examples" } else { "seeds" };
        let direction = column.map_or(Direction::Undefined, |column| column.metric.direction);
        json!({
            "loss": judged.loss,
            "verdict": word(judged, direction),
            "over": judged.estimate.map(|_| over),
            "interval": judged.estimate.map(|estimate| <[f64; 2]>::from(estimate.interval(0.95))),
            "p_holm": judged.verdict.map(|verdict| verdict.p),
            "seeds_needed": seeds(judged.seeds),
        })
    };
    json!({
        "answer": ruling.answer,
        "beside": ruling.beside,
        "rules": ruling.rules,
        "worth": ruling.worth,
        "losses": ruling.judged.iter().enumerate().map(one).collect::<Vec<_>>(),
    })
}

fn seeds(seeds: Option<Seeds>) -> Value {
    match seeds {
        None => Value::Null,
        Some(Seeds::Enough(seeds)) => json!(seeds),
        Some(Seeds::Never) => json!("never"),
    }
}

/// What the intervals are made by: the variance of a mean difference is 1/n + n_test/n_train of that of
/// the differences, the latter 0 without overlap.
fn intervals(overlap: Overlap) -> Value {
    let (drawn, sizes) = match overlap {
        Overlap::None => ("one test part for all seeds", None),
        Overlap::Redrawn { test, train } => ("anew by each seed", Some((test, train))),
        Overlap::Folds { test, train } => ("a fold a seed", Some((test, train))),
    };
    json!({
        "test": "paired t",
        "level": 0.95,
        "drawn": drawn,
        "correction": overlap.source(),
        "n_test": sizes.map(|sizes| sizes.0),
        "n_train": sizes.map(|sizes| sizes.1),
    })
}

/// `{"key", "lines": [{"loss", "points": [{"value", "mean", "std", "values"}]}]}`; the value is
/// `null` for a loss without the key.
fn swept(swept: &SweepTable) -> Value {
    let lines = swept.lines.iter().map(|line| {
        let points = swept.values.iter().zip(&line.points).filter_map(|(value, point)| {
            let Point { values, mean, std } = point.as_ref()?;
            Some(json!({ "value": value, "mean": mean, "std": std, "values": values }))
        });
        json!({ "loss": line.loss, "points": points.collect::<Vec<_>>() })
    });
    json!({ "key": swept.key, "metric": swept.title, "lines": lines.collect::<Vec<_>>() })
}

fn cell(column: &Column, cell: &Cell) -> Value {
    let difference = cell.difference.as_ref().map(|difference| {
        json!({
            "n": difference.n,
            "mean": difference.mean,
            "interval": difference.interval.map(|(low, high)| [low, high]),
            "interval_over_examples_too": difference
                .over_both
                .map(|estimate| <[f64; 2]>::from(estimate.interval(0.95))),
            "mark": difference.mark.map(|mark| mark.word()),
            "significance": difference.significance.as_ref().map(|test| {
                json!({
                    "p": test.p,
                    "p_holm": test.holm,
                    "p_signs": test.signs,
                    "effect": test.effect,
                    "seeds_needed": seeds(test.seeds),
                })
            }),
        })
    });
    json!({
        "title": column.title,
        "unit": column.metric.unit,
        "better": column.metric.direction.word(),
        "n": cell.n,
        "mean": cell.mean,
        "std": cell.std,
        "values": cell.values,
        "difference": difference,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn absent_and_infinite_numbers_are_null() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 1);
        comparison.groups[1].runs[0].measures.margin.mean = f64::NEG_INFINITY;
        let json = render(&comparison, &Table::new(&comparison));
        assert_eq!(json["losses"][0]["metrics"]["accuracy"]["difference"], Value::Null);
        assert_eq!(json["losses"][1]["metrics"]["margin"]["mean"], Value::Null);
        assert_eq!(json["losses"][1]["metrics"]["accuracy"]["difference"]["n"], 1);
        assert_eq!(json["losses"][1]["metrics"]["accuracy"]["difference"]["interval"], Value::Null);
        assert_eq!(json["seeds"], json!([1]));
    }

    #[test]
    fn says_what_the_numbers_are_made_by() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 5);
        let json = |comparison: &_| render(comparison, &Table::new(comparison));
        let plain = json(&comparison);
        assert_eq!(plain["headline"], "accuracy");
        assert_eq!(
            (&plain["intervals"]["correction"], &plain["warnings"]),
            (&Value::Null, &json!([]))
        );
        assert_eq!(plain["majority"]["uneven"], false);
        let verdict = &plain["verdict"];
        assert!(verdict["answer"].as_str().unwrap().starts_with("Take el(le=1)"), "{verdict}");
        let one = &verdict["losses"][0];
        assert_eq!((&one["verdict"], &one["over"]), (&json!("better"), &json!("seeds")));
        let interval = &plain["losses"][1]["metrics"]["accuracy"]["difference"]["interval"];
        assert_eq!(&one["interval"], interval);
        assert_eq!(plain["epochs"]["of"], json!([sample::EPOCHS, sample::EPOCHS]));
        comparison = sample::overlapping(comparison, Overlap::Folds { test: 1, train: 4 });
        comparison.primary = Some("nll".to_owned());
        let folds = json(&comparison);
        assert_eq!(folds["headline"], "nll");
        assert_eq!(folds["intervals"]["correction"], "Bouckaert and Frank (2004)");
        let low = |json: &Value| {
            let nll = &json["losses"][1]["metrics"]["nll"]["difference"];
            nll["mean"].as_f64().unwrap() - nll["interval"][0].as_f64().unwrap()
        };
        assert!((low(&folds) / low(&plain) - 1.5).abs() < 1e-9);
    }

    #[test]
    fn a_table_is_a_list_of_rows() {
        use sheet::{Head, Row, Words};
        let cells = [
            sheet::Value::Text("=x".to_owned()),
            sheet::Value::Rounded("0.33".to_owned(), Some(1.0 / 3.0)),
            sheet::Value::Number(None),
        ];
        let found = sheet(&Sheet {
            corner: Words::text("loss"),
            head: ["a", "b", "c"].map(|title| Head::new(Words::text(title))).into(),
            rows: vec![Row::new(Words::code("ce"), cells.map(Into::into).into())],
            notes: vec![vec![Words::text("So it is.")]],
            ..Sheet::default()
        });
        let row = json!({ "loss": "ce", "a": "=x", "b": 1.0 / 3.0, "c": null });
        assert_eq!(found, json!({ "rows": [row], "notes": ["So it is."] }));
    }
}
