//! `table.md`: the means, the paired differences, the signature.

use super::swept::Swept;
use super::table::Table;
use super::text;

/// The whole file.
pub fn render(table: &Table) -> String {
    let mut headings = vec!["loss".to_owned()];
    headings.extend(table.columns.iter().map(|column| escaped(&column.heading())));
    let means = table.losses.iter().enumerate().map(|(row, loss)| {
        let cells = table
            .columns
            .iter()
            .map(|column| text::mean(&column.cells[row], column.metric.decimals));
        std::iter::once(code(loss)).chain(cells).collect()
    });
    let majority = table.baseline().map(|majority| {
        let cells = table.columns.iter().map(|column| text::baseline(table, column));
        std::iter::once(majority.label().to_owned()).chain(cells).collect()
    });
    let mut page = table.swept.as_ref().map_or(String::new(), |swept| self::swept(swept) + "\n");
    page += &rows(&headings, means.chain(majority));
    if table.seeds.len() > 1 {
        page += &format!("\nMean ± standard deviation over {} seeds.\n", table.seeds.len());
    }
    for remark in text::remarks(table) {
        page += &format!("\n{}\n", escaped(&remark));
    }

    if table.losses.len() > 1 {
        let mut headings = vec![format!("minus {}", code(&table.losses[0]))];
        headings.extend(table.losses[1..].iter().map(|loss| code(loss)));
        let differences = table.columns.iter().map(|column| {
            let cells = column.cells[1..].iter().map(|cell| match &cell.difference {
                Some(d) => {
                    let text = text::difference(d, table.seeds.len(), column.metric.decimals);
                    let mark = d.mark.map_or("", |mark| mark.sign());
                    format!("{text} {mark}").trim_end().to_owned()
                }
                None => "–".to_owned(),
            });
            std::iter::once(escaped(&column.heading())).chain(cells).collect()
        });
        page += &format!(
            "\n{}\n{}\n",
            rows(&headings, differences),
            escaped(&text::legend(table).join(" "))
        );
    }
    for warning in &table.warnings {
        page += &format!("\n**Warning:** {}.\n", escaped(warning));
    }
    page + &format!("\n{}\n", escaped(&table.signature))
}

/// A row a loss, a column a swept value.
fn swept(swept: &Swept) -> String {
    let columns = swept.values.iter().map(|value| escaped(&swept.heading(*value)));
    let headings: Vec<_> = std::iter::once(escaped(&swept.title)).chain(columns).collect();
    let point = |point: &_| text::point(point, swept.decimals);
    let lines = swept.lines.iter().map(|line| {
        std::iter::once(code(&line.loss)).chain(line.points.iter().map(point)).collect()
    });
    rows(&headings, lines)
}

fn rows(headings: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|---|{}\n", "---:|".repeat(headings.len() - 1));
    line(headings) + &rule + &rows.map(|cells| line(&cells)).collect::<String>()
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

    #[test]
    fn every_row_has_every_column() {
        let page = render(&Table::new(&sample::comparison(&["ce", "el(le=1)"], 3)));
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
        let page = render(&Table::new(&comparison));
        assert!(page.contains(r"best\|\<b\> \# last\*"), "{page}");
    }
}
