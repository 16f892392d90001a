//! The table for programs: what `--json` prints.

use super::swept::{Point, Swept};
use super::table::{Cell, Column, Table};
use serde_json::{Value, json};

/// `{"losses": [{"loss", "metrics": {key: {"mean", "std", …}}}], "seeds", …, "signature"}`, and
/// `"sweep"` where there was one; numbers in full precision, `null` for what is absent or not finite.
pub fn render(table: &Table) -> Value {
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
    let mut all = json!({ "losses": losses, "seeds": table.seeds, "signature": table.signature });
    if let Some(swept) = &table.swept {
        all["sweep"] = self::swept(swept);
    }
    all
}

/// `{"key", "lines": [{"loss", "points": [{"value", "mean", "std", "values"}]}]}`; the value is
/// `null` for a loss without the key.
fn swept(swept: &Swept) -> Value {
    let lines = swept.lines.iter().map(|line| {
        let points = swept.values.iter().zip(&line.points).filter_map(|(value, point)| {
            let Point { values, mean, std } = point.as_ref()?;
            Some(json!({ "value": value, "mean": mean, "std": std, "values": values }))
        });
        json!({ "loss": line.loss, "points": points.collect::<Vec<_>>() })
    });
    json!({ "key": swept.key, "lines": lines.collect::<Vec<_>>() })
}

fn cell(column: &Column, cell: &Cell) -> Value {
    let difference = cell.difference.as_ref().map(|difference| {
        json!({
            "n": difference.n,
            "mean": difference.mean,
            "interval": difference.interval.map(|(low, high)| [low, high]),
            "mark": difference.mark.map(|mark| mark.word()),
            "significance": difference.significance.as_ref().map(|test| {
                json!({
                    "p": test.p,
                    "p_holm": test.holm,
                    "p_signs": test.signs,
                    "effect": test.effect,
                    "seeds_needed": test.seeds,
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
        let json = render(&Table::new(&comparison));
        assert_eq!(json["losses"][0]["metrics"]["accuracy"]["difference"], Value::Null);
        assert_eq!(json["losses"][1]["metrics"]["margin"]["mean"], Value::Null);
        assert_eq!(json["losses"][1]["metrics"]["accuracy"]["difference"]["n"], 1);
        assert_eq!(json["losses"][1]["metrics"]["accuracy"]["difference"]["interval"], Value::Null);
        assert_eq!(json["seeds"], json!([1]));
    }
}
