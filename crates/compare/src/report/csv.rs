//! Tables as files: full precision, RFC 4180.
//!
//! A number is the shortest decimal that reads back as the same double, so equal runs give equal bytes.
//! The last rows are what has to be known of the numbers, each behind a `#` that readers take as a
//! comment.

use super::sheet::{Sheet, Value};

/// The whole file.
pub fn sheet(sheet: &Sheet) -> String {
    let titles = sheet.head.iter().map(|head| text(&head.title.plain()));
    let head: Vec<String> = [text(&sheet.corner.plain())].into_iter().chain(titles).collect();
    let mut file = line(&head);
    for row in &sheet.rows {
        let cells = row.cells.iter().map(|cell| value(&cell.value));
        file += &line(&[text(&row.label.plain())].into_iter().chain(cells).collect::<Vec<_>>());
    }
    for sentence in sheet.notes.iter().flatten() {
        let mut cells = vec![String::new(); head.len()];
        // A comment is one bare cell: without commas and quotes of its own.
        cells[0] = format!("# {}", bare(&sentence.plain()));
        file += &line(&cells);
    }
    file
}

fn value(value: &Value) -> String {
    match value {
        Value::Text(words) => text(words),
        Value::Count(count) => count.to_string(),
        Value::Number(number) | Value::Rounded(_, number) => {
            number.map_or(String::new(), |number| number.to_string())
        }
    }
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
    use crate::Comparison;
    use crate::report::tables::{Output, sheets};
    use crate::report::{Table, sample};

    /// `table.csv`.
    fn rendered(comparison: &Comparison) -> String {
        let table = Table::new(comparison);
        let found = sheets(comparison, &table, Output::Csv).find(|(key, _)| *key == "table");
        sheet(&found.unwrap().1)
    }

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
        let file = rendered(&comparison);
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
        let file = || rendered(&sample::comparison(&["ce", "el(le=1)"], 3));
        assert_eq!(file(), file());
    }
}
