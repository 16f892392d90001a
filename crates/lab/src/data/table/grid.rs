//! [`Grid`]: the cells of a table as text. Whitespace, commas, semicolons or tabs between them;
//! quotes as in RFC 4180.

use std::path::{Path, PathBuf};

use super::super::files;
use super::near::no_column;
use super::{Target, number};
use crate::{Error, Result};

/// Tables are small; what is larger is surely something else.
const MOST_BYTES: u64 = 1 << 30;

/// A table in which every row has the same number of cells.
#[derive(Debug)]
pub(super) struct Grid {
    pub path: PathBuf,
    /// Names of the columns: the header, or "column 1" and so on.
    pub names: Vec<String>,
    pub has_header: bool,
    pub separator: Separator,
    pub rows: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Row {
    /// Where it begins, from 1.
    pub line: usize,
    pub cells: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Whitespace,
    Character(char),
}

impl Grid {
    /// Reads the file at `path`, which may be gzip. Without `header` the cells tell whether the
    /// first line names the columns.
    ///
    /// # Errors
    /// Rows of different lengths, a quote that does not end, fewer than two rows or columns.
    pub fn read(path: &Path, header: Option<bool>) -> Result<Self> {
        let text = files::read_text(path, MOST_BYTES)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let separator = separator(text);
        let mut rows = match separator {
            Separator::Whitespace => by_whitespace(text),
            Separator::Character(character) => by_character(path, text, character)?,
        };
        let place = |row: &Row| format!("line {}", row.line);
        let columns = rows.first().map_or(0, |row| row.cells.len());
        if let Some(row) = rows.iter().find(|row| row.cells.len() != columns) {
            let problem = format!("{} values, the first line has {columns}", row.cells.len());
            return Err(Error::malformed(path, place(row), problem));
        }
        if columns < 2 {
            let problem = format!("{columns} columns, expected a class and what it depends on");
            return Err(Error::malformed(path, "line 1", problem));
        }
        let has_header = header.unwrap_or_else(|| looks_like_header(&rows));
        let names = match has_header {
            true => rows.remove(0).cells,
            false => (0..columns).map(unnamed).collect(),
        };
        if let Some(name) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name))
        {
            let problem = format!("two columns are named {:?}", name.1);
            return Err(Error::malformed(path, "line 1", problem));
        }
        if rows.is_empty() {
            return Err(Error::malformed(path, "line 2", "there are no rows"));
        }
        Ok(Self { path: path.to_owned(), names, has_header, separator, rows })
    }

    /// The column that `target` means.
    ///
    /// # Errors
    /// Names the columns that there are.
    pub fn column(&self, target: &Target) -> Result<usize> {
        let columns = self.names.len();
        let by_number = |number: i64| match number {
            1.. => usize::try_from(number - 1).ok().filter(|at| *at < columns),
            _ => usize::try_from(number.unsigned_abs()).ok().and_then(|n| columns.checked_sub(n)),
        };
        let found = match target {
            Target::Number(number) => by_number(number.get()),
            Target::Name(name) => {
                let by_name = self.names.iter().position(|other| other == name);
                let number = name.parse().ok().filter(|number| *number != 0);
                by_name.or_else(|| number.and_then(by_number))
            }
        };
        found.ok_or_else(|| {
            let name = match target {
                Target::Name(name) => name,
                Target::Number(_) => "",
            };
            no_column(&self.path, name, target, &self.names)
        })
    }

    /// "line 3, column 7 (alcohol)".
    pub fn place(&self, row: &Row, column: usize) -> String {
        match self.has_header {
            true => format!("line {}, column {} ({})", row.line, column + 1, self.names[column]),
            false => format!("line {}, column {}", row.line, column + 1),
        }
    }

    /// The cells of a column from top to bottom.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().map(move |row| row.cells[column].as_str())
    }
}

/// The name of a column that has none; `at` counts from 0.
pub(super) fn unnamed(at: usize) -> String {
    format!("column {}", at + 1)
}

/// What stands between the cells: the tab, semicolon or comma that is in the first line outside of
/// quotes, best as often as in the second.
fn separator(text: &str) -> Separator {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let [first, second] = [(); 2].map(|()| lines.next().unwrap_or_default());
    let count = |line: &str, character: char| {
        let mut quoted = false;
        line.chars()
            .filter(|&c| {
                quoted ^= c == '"';
                !quoted && c == character
            })
            .count()
    };
    let candidates =
        ['\t', ';', ','].map(|c| (count(first, c) == count(second, c), count(first, c), c));
    let best = candidates.into_iter().filter(|(_, count, _)| *count > 0).max();
    best.map_or(Separator::Whitespace, |(_, _, character)| Separator::Character(character))
}

fn by_whitespace(text: &str) -> Vec<Row> {
    let row = |(at, line): (usize, &str)| Row {
        line: at + 1,
        cells: line.split_whitespace().map(str::to_owned).collect(),
    };
    text.lines().enumerate().map(row).filter(|row| !row.cells.is_empty()).collect()
}

fn by_character(path: &Path, text: &str, separator: char) -> Result<Vec<Row>> {
    let (mut rows, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut begun, mut was_quoted) = (1, 1, false);
    let mut chars = text.chars().peekable();
    loop {
        let next = chars.next();
        match next {
            Some('"') if !was_quoted && cell.trim().is_empty() => {
                let opened = line;
                (cell, was_quoted) = (String::new(), true);
                loop {
                    match chars.next() {
                        Some('"') if chars.peek() == Some(&'"') => cell.extend(chars.next()),
                        Some('"') => break,
                        Some(c) => {
                            line += usize::from(c == '\n');
                            cell.push(c);
                        }
                        None => {
                            let problem = "a quote is opened and not closed";
                            return Err(Error::malformed(path, format!("line {opened}"), problem));
                        }
                    }
                }
            }
            Some(c) if c != separator && c != '\n' => {
                if was_quoted && !c.is_whitespace() {
                    let problem = format!("{c:?} behind a closing quote");
                    return Err(Error::malformed(path, format!("line {line}"), problem));
                }
                // Whitespace around quotes, or a carriage return, belongs to no value.
                if !was_quoted {
                    cell.push(c);
                }
            }
            _ => {
                let whole = std::mem::take(&mut cell);
                let value = if was_quoted { whole } else { whole.trim().to_owned() };
                was_quoted = false;
                cells.push(value);
                if next != Some(separator) {
                    let cells = std::mem::take(&mut cells);
                    if cells.len() > 1 || cells.iter().any(|cell| !cell.is_empty()) {
                        rows.push(Row { line: begun, cells });
                    }
                    line += 1;
                    begun = line;
                }
                if next.is_none() {
                    return Ok(rows);
                }
            }
        }
    }
}

/// Whether the first row names the columns: somewhere it has a word above numbers only, or, in a
/// table without numbers, words that its columns do not have again.
fn looks_like_header(rows: &[Row]) -> bool {
    let [first, rest @ ..] = rows else { return false };
    if rest.is_empty() {
        return false;
    }
    let is_number = |cell: &str| number(cell).is_some();
    let columns = 0..first.cells.len();
    let mut numeric = columns.clone().filter(|&c| rest.iter().all(|row| is_number(&row.cells[c])));
    if numeric.clone().next().is_some() {
        return numeric.any(|c| !is_number(&first.cells[c]) && !first.cells[c].is_empty());
    }
    let again = |c: usize| rest.iter().any(|row| row.cells[c] == first.cells[c]);
    columns.clone().all(|c| !is_number(&first.cells[c])) && !columns.clone().any(again)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn grid(text: &str) -> Result<Grid> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        fs::write(&path, text).unwrap();
        Grid::read(&path, None)
    }

    fn cells(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let grid = grid(text).unwrap();
        (grid.names, grid.rows.into_iter().map(|row| row.cells).collect())
    }

    #[test]
    fn separators_are_found() {
        let expected = vec![vec!["1".to_owned(), "2".to_owned()], vec!["3".into(), "4".into()]];
        for text in
            ["1,2\n3,4\n", "1;2\r\n3;4", "1\t2\n\n3\t4\n", " 1  2\n3 4 \n", "\u{feff}1, 2\n3 ,4\n"]
        {
            let (names, rows) = cells(text);
            assert_eq!(rows, expected, "{text:?}");
            assert_eq!(names, ["column 1", "column 2"]);
        }
        assert_eq!(cells("a,b;c\n1;2\n").0, ["a,b", "c"]);
    }

    #[test]
    fn quotes_protect_what_they_hold() {
        let (names, rows) = cells("\"x, \"\"y\"\"\",z\n\"1\" ,\"a\nb\"\n2, c \n");
        assert_eq!(names, ["x, \"y\"", "z"]);
        assert_eq!(rows, [["1", "a\nb"], ["2", "c"]]);
        let lines: Vec<_> =
            grid("a,b\n1,\"a\nb\"\n2,c\n").unwrap().rows.iter().map(|r| r.line).collect();
        assert_eq!(lines, [2, 4]);
    }

    #[test]
    fn headers_are_found() {
        assert_eq!(cells("a,b\n1,x\n2,y\n").0, ["a", "b"]);
        assert_eq!(cells("1,x\n2,y\n").0, ["column 1", "column 2"]);
        assert_eq!(cells("size,colour\nbig,red\nsmall,red\n").0, ["size", "colour"]);
        assert_eq!(cells("big,red\nsmall,red\n").0, ["column 1", "column 2"]);
    }

    #[test]
    fn columns_have_names_and_numbers() {
        let grid = grid("a,b,7\n1,2,3\n4,5,6\n").unwrap();
        for (target, expected) in [
            (Target::from("b"), 1),
            ("7".into(), 2),
            ("2".into(), 1),
            ("-1".into(), 2),
            ("-3".into(), 0),
        ] {
            assert_eq!(grid.column(&target).unwrap(), expected, "{target}");
        }
        for wrong in ["c", "4", "-4", "0", "99999999999999999999"] {
            let error = grid.column(&wrong.into()).unwrap_err().to_string();
            assert!(error.contains("there are a, b, 7"), "{error}");
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for (text, expected) in [
            ("", "line 1: 0 columns"),
            ("a\nb\n", "line 1: 1 columns"),
            ("a,b\n", "line 2: there are no rows"),
            ("1,2\n3,4\n5,6,7\n", "line 3: 3 values, the first line has 2"),
            ("a,b\n1,\"2\n", "line 2: a quote is opened and not closed"),
            ("a,b\n1,\"2\"3\n", "line 2: '3' behind a closing quote"),
            ("a,a\n1,2\n", "line 1: two columns are named \"a\""),
        ] {
            let header = if text == "a,b\n" { Some(true) } else { None };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.csv");
            fs::write(&path, text).unwrap();
            let error = Grid::read(&path, header).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
