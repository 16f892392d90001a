//! `table.md`: tables with their notes, warnings, the signature.

use super::ruling::Ruling;
use super::sheet::{Cell, Sheet, Span, Value, Words};
use super::table::Table;
use super::tables::{Output, sheets};
use crate::{Comparison, Panel};

/// The whole file.
pub fn render(comparison: &Comparison, table: &Table) -> String {
    let sheets = sheets(comparison, table, Output::Markdown).map(|(_, sheet)| self::sheet(&sheet));
    let mut page = table.ruling.as_ref().map_or(String::new(), ruling);
    page += &sheets.collect::<Vec<_>>().join("\n");
    for warning in &table.warnings {
        page += &format!("\n**Warning:** {}.\n", escaped(warning));
    }
    page += &format!("\n{}\n", escaped(&table.signature));
    for Panel { title, comparison, .. } in &comparison.panels {
        page += &format!("\n## {}\n\n", escaped(title));
        page += &render(comparison, &Table::new(comparison));
    }
    page
}

/// The answer in words, and by which rules.
fn ruling(ruling: &Ruling) -> String {
    let rules = escaped(&ruling.rules.join(" "));
    let rules = if rules.is_empty() { rules } else { rules + "\n\n" };
    format!("**{}** {}", escaped(&ruling.answer), escaped(&ruling.beside)).trim_end().to_owned()
        + "\n\n"
        + &rules
}

/// A table, and its notes, a paragraph each.
fn sheet(sheet: &Sheet) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let titles = sheet.head.iter().map(|head| {
        let unit = head.unit.iter().map(|unit| escaped(unit));
        let parts = [words(&head.title)].into_iter().chain(unit).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(" ")
    });
    let head: Vec<String> = [words(&sheet.corner)].into_iter().chain(titles).collect();
    let mut text = line(&head) + &format!("|---|{}\n", "---:|".repeat(sheet.head.len()));
    for row in &sheet.rows {
        let cells: Vec<String> =
            [words(&row.label)].into_iter().chain(row.cells.iter().map(cell)).collect();
        text += &line(&cells);
    }
    for paragraph in &sheet.notes {
        let sentences: Vec<String> = paragraph.iter().map(|s| escaped(&s.plain())).collect();
        text += &format!("\n{}\n", sentences.join(" "));
    }
    text
}

fn cell(cell: &Cell) -> String {
    let text = match &cell.value {
        Value::Text(text) => escaped(text),
        // Brackets of an interval are no markup with nothing behind them.
        number => number.text(),
    };
    format!("{text} {}", cell.mark.map_or("", |mark| mark.sign())).trim_end().to_owned()
}

fn words(words: &Words) -> String {
    words.written(|part| match part {
        Span::Code(spec) => code(spec),
        part => escaped(part.plain()),
    })
}

/// Text in which no character starts markup, HTML or a new cell.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' => {
                out.extend(['\\', c]);
            }
            _ => out.push(c),
        }
    }
    out
}

/// A loss spec as code; a pipe would end the cell even there.
fn code(spec: &str) -> String {
    format!("`{}`", spec.replace(['`', '\n', '\r'], " ").replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn rendered(comparison: &Comparison) -> String {
        render(comparison, &Table::new(comparison))
    }

    #[test]
    fn every_row_has_every_column() {
        let page = rendered(&sample::comparison(&["ce", "el(le=1)"], 3));
        let cells = |line: &str| line.matches(" | ").count();
        let lines: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).collect();
        assert_eq!(lines.len(), (1 + 2) + (1 + 9));
        assert!(lines[..3].iter().all(|line| cells(line) == 9), "{page}");
        assert!(lines[3..].iter().all(|line| cells(line) == 1), "{page}");
    }

    #[test]
    fn markup_in_a_signature_stays_text() {
        let mut comparison = sample::comparison(&["ce"], 2);
        comparison.signature.selection = "best|<b>\n# last*".to_owned();
        let page = rendered(&comparison);
        assert!(page.contains(r"best\|\<b\> \# last\*"), "{page}");
    }
}
