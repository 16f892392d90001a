//! The table for programs: what `--json` prints.

use super::table::{Cell, Column, Table};
use serde_json::{Value, json};

/// `{"losses": [{"loss", "metrics": {key: {"mean", "std", …}}}], "seeds", …, "signature"}`; numbers
/// in full precision, `null` for what is absent or not finite.
pub fn render(table: &Table) -> Value {
    let losses: Vec<Value> = table
        .losses
        .iter()
        .enumerate()
        .map(|(row, loss)| {
            let metrics: serde_json::Map<_, _> = table
                .columns
                .iter()
                .map(|column| (column.metric.key.to_owned(), cell(column, &column.cells[row])))
                .collect();
            json!({ "loss": loss, "metrics": metrics })
        })
        .collect();
    json!({ "losses": losses, "seeds": table.seeds, "signature": table.signature })
}

fn cell(column: &Column, cell: &Cell) -> Value {
    let difference = cell.difference.as_ref().map(|difference| {
        json!({
            "n": difference.n,
            "mean": difference.mean,
            "interval": difference.interval.map(|(low, high)| [low, high]),
            "mark": difference.mark.map(|mark| mark.word()),
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
