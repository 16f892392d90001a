//! `table.csv`: a row a loss and metric, full precision, RFC 4180.
//!
//! The shortest decimal that reads back as the same double, so equal runs give equal bytes. The
//! last rows are what has to be known of the numbers, and the signature, each behind a `#` that readers
//! take as a comment.

use super::table::Table;
use super::text::{legend, remarks};

/// The whole file.
pub fn render(table: &Table) -> String {
    let mut header: Vec<String> =
        ["loss", "metric", "unit", "better", "n", "mean", "std", "pairs", "difference", "low"]
            .into_iter()
            .chain(["high", "mark", "p", "p holm", "p signs", "effect", "seeds needed"])
            .map(str::to_owned)
            .collect();
    header.extend(table.seeds.iter().map(|seed| format!("seed {seed}")));
    let width = header.len();
    let mut file = line(&header);
    for (row, loss) in table.losses.iter().enumerate() {
        for column in table.columns.iter().chain(&table.more) {
            let cell = &column.cells[row];
            let difference = cell.difference.as_ref();
            let interval = difference.and_then(|d| d.interval);
            let mut cells = vec![
                text(loss),
                text(column.metric.key),
                text(column.metric.unit),
                text(column.metric.direction.word()),
                cell.n.to_string(),
                number(cell.mean),
                number(cell.std),
                difference.map_or(String::new(), |d| d.n.to_string()),
                number(difference.map(|d| d.mean)),
                number(interval.map(|i| i.0)),
                number(interval.map(|i| i.1)),
                text(difference.and_then(|d| d.mark).map_or("", |mark| mark.word())),
            ];
            let test = difference.and_then(|d| d.significance.as_ref());
            cells.extend([
                number(test.map(|test| test.p)),
                number(test.map(|test| test.holm)),
                number(test.and_then(|test| test.signs)),
                number(test.and_then(|test| test.effect)),
                test.and_then(|test| test.seeds).map_or(String::new(), |seeds| seeds.to_string()),
            ]);
            cells.extend(cell.values.iter().map(|value| number(*value)));
            file += &line(&cells);
        }
    }
    if let Some(majority) = &table.majority {
        for column in table.columns.iter().chain(&table.more) {
            let Some(value) = majority.value(column.metric.key) else { continue };
            let metric = column.metric;
            let mut cells = vec![String::new(); width];
            cells[0] = text(majority.label());
            cells[1] = text(metric.key);
            cells[2] = text(metric.unit);
            cells[3] = text(metric.direction.word());
            cells[5] = number(Some(value));
            file += &line(&cells);
        }
    }
    let compared = if table.losses.len() > 1 { legend(table) } else { Vec::new() };
    let known = remarks(table).into_iter().chain(compared);
    let warnings = table.warnings.iter().map(|warning| format!("Warning: {warning}."));
    for remark in known.chain(warnings).chain([table.signature.clone()]) {
        let mut cells = vec![String::new(); width];
        // A comment is one bare cell: without commas and quotes of its own.
        cells[0] = format!("# {}", bare(&remark));
        file += &line(&cells);
    }
    file
}

/// Without what would need quotes, behind which a `#` is no comment.
fn bare(text: &str) -> String {
    let bare = |c| match c {
        ',' => ';',
        '"' => '\'',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(bare).collect()
}

/// Cells that are already quoted where they need it.
pub(super) fn line(cells: &[String]) -> String {
    cells.join(",") + "\r\n"
}

fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// A text cell: quoted where RFC 4180 asks for it, and with an apostrophe in front where a
/// spreadsheet would take it for a formula (OWASP, "CSV injection").
pub(super) fn text(value: &str) -> String {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guarded = if formula { format!("'{value}") } else { value.to_owned() };
    if guarded.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn text_is_quoted_and_never_a_formula() {
        assert_eq!(text("el(le=1, clamp=0)"), "\"el(le=1, clamp=0)\"");
        assert_eq!(text("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(text("=1+1"), "'=1+1");
        assert_eq!(text("@x,y"), "\"'@x,y\"");
        assert_eq!(text("plain"), "plain");
    }

    #[test]
    fn holds_every_value_in_full() {
        let mut comparison = sample::comparison(&["ce", "el(le=1)"], 2);
        comparison.groups[0].runs[1].measures.nll = 0.1 + 0.2;
        let file = render(&Table::new(&comparison));
        let lines: Vec<_> = file.split_terminator("\r\n").collect();
        let table = Table::new(&comparison);
        // The accuracy of the majority class; which epochs, what the intervals are, the signature.
        assert_eq!(lines.len(), 1 + 2 * (9 + table.more.len()) + 1 + (1 + 2 + 1));
        let commas = lines[0].matches(',').count();
        assert!(lines.iter().all(|line| line.matches(',').count() == commas), "{file}");
        assert!(lines[0].ends_with(",seed 1,seed 2"));
        assert!(lines[2].ends_with(",0.30000000000000004"), "{}", lines[2]);
        assert!(lines.last().unwrap().starts_with("# recipe 0123456789ab; seeds 1 2; "));
    }

    #[test]
    fn the_same_comparison_gives_the_same_bytes() {
        let file = || render(&Table::new(&sample::comparison(&["ce", "el(le=1)"], 3)));
        assert_eq!(file(), file());
    }
}
