//! [`Grid`]: the cells of a table as text, and the names of its columns.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::super::files;
use super::Target;
use super::cells::Cells;
pub(super) use super::cells::Row;
use super::date::Dates;
use super::missing::is_missing;
use super::near::no_column;
use super::number::{Decimal, Survey, number, sign_of};
use crate::words::several;
use crate::{Error, Result};

/// Tables are small; what is larger is surely something else.
const MOST_BYTES: u64 = 1 << 30;
/// So many rows tell whether there is a header.
const ASKED: usize = 1000;

/// A table in which every row has the same number of cells.
#[derive(Debug)]
pub(super) struct Grid {
    pub path: PathBuf,
    /// Names of the columns: the header, or "column 1" and so on.
    pub names: Vec<String>,
    pub has_header: bool,
    pub separator: Separator,
    pub rows: Vec<Row>,
    cells: Cells,
}

/// What stands between the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Whitespace,
    Character(char),
    /// Each row is a JSON object.
    Objects,
}

impl Separator {
    /// For a sentence.
    pub fn describe(self) -> &'static str {
        match self {
            Separator::Whitespace => "whitespace between the values",
            Separator::Character('\t') => "tab between the values",
            Separator::Character(';') => "semicolon between the values",
            Separator::Character('|') => "bar between the values",
            Separator::Character(_) => "comma between the values",
            Separator::Objects => "a JSON object in each line",
        }
    }
}

impl Grid {
    /// Reads the file at `path`, which may be gzip: JSON objects if its name says so, or text with
    /// something between the values. Of the latter, without `header`, the cells tell whether the first line
    /// names the columns.
    ///
    /// # Errors
    /// Rows of different lengths, a quote that does not end, fewer than two rows or columns.
    pub fn read(path: &Path, header: Option<bool>) -> Result<Self> {
        let text = files::read_text(path, MOST_BYTES)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        if holds_objects(path) {
            return Self::of_objects(path, text);
        }
        let (separator, (cells, mut rows)) = match separator(text) {
            None => (Separator::Whitespace, Cells::by_whitespace(path, text)?),
            Some(c) => (Separator::Character(c), Cells::by_character(path, text, c)?),
        };
        let columns = rows.first().map_or(0, |row| row.count as usize);
        let begins = |row: &Row| format!("line {}", row.line);
        // A separator behind the last value of each row, and none behind the last name.
        let trails =
            |row: &Row| row.count as usize == columns + 1 && cells.of(row, columns).is_empty();
        if rows.len() > 1 && rows[1..].iter().all(trails) {
            rows[1..].iter_mut().for_each(|row| row.count -= 1);
        }
        if let Some(row) = rows.iter().find(|row| row.count as usize != columns) {
            let problem = format!("{} values, the first line has {columns}", row.count);
            return Err(Error::malformed(path, begins(row), problem));
        }
        if columns < 2 {
            let problem = format!("{columns} columns, expected a class and what it depends on");
            return Err(Error::malformed(path, "line 1", problem));
        }
        let has_header = header.unwrap_or_else(|| looks_like_header(&cells, &rows));
        let names: Vec<String> = match has_header {
            true => {
                let first = rows.remove(0);
                let named = |at| match cells.of(&first, at) {
                    "" => unnamed(at),
                    name => name.to_owned(),
                };
                (0..columns).map(named).collect()
            }
            false => (0..columns).map(unnamed).collect(),
        };
        if rows.is_empty() {
            return Err(Error::malformed(path, "line 2", "there are no rows"));
        }
        Ok(Self { path: path.to_owned(), names, has_header, separator, rows, cells })
    }

    /// Rows that are JSON objects.
    fn of_objects(path: &Path, text: &str) -> Result<Self> {
        let (cells, rows, names) = Cells::by_objects(path, text)?;
        if rows.is_empty() {
            return Err(Error::malformed(path, "line 1", "there are no rows"));
        }
        if names.len() < 2 {
            let keys = several(names.len(), "key");
            let problem = format!("{keys}, expected a class and what it depends on");
            return Err(Error::malformed(path, "line 1", problem));
        }
        let (path, separator) = (path.to_owned(), Separator::Objects);
        Ok(Self { path, names, has_header: true, separator, rows, cells })
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

    /// The columns that `target` means: all of that name, where it names one.
    ///
    /// # Errors
    /// As [`column`](Self::column).
    pub fn columns(&self, target: &Target) -> Result<Vec<usize>> {
        let first = self.column(target)?;
        Ok(match target {
            Target::Name(name) if self.names[first] == *name => {
                (0..self.names.len()).filter(|&at| self.names[at] == *name).collect()
            }
            _ => vec![first],
        })
    }

    /// Refuses two columns of one name among those at `places`: nothing later would know which is meant.
    ///
    /// # Errors
    /// Names them.
    pub fn validate_names(&self, places: impl IntoIterator<Item = usize>) -> Result<()> {
        let mut seen = HashSet::new();
        match places.into_iter().find(|&at| !seen.insert(&self.names[at])) {
            None => Ok(()),
            Some(at) => {
                let name = &self.names[at];
                let problem = format!(
                    "two columns are named {name:?}; ignored by that name, both are left out"
                );
                Err(Error::malformed(&self.path, "line 1", problem))
            }
        }
    }

    /// The cell of `row` in the column at `column`.
    pub fn cell(&self, row: &Row, column: usize) -> &str {
        self.cells.of(row, column)
    }

    /// "line 3, column 7 (alcohol)".
    pub fn place(&self, row: &Row, column: usize) -> String {
        format!("line {}, {}", row.line, self.name(column))
    }

    /// "column 7 (alcohol)".
    pub fn name(&self, column: usize) -> String {
        match self.has_header {
            true => format!("column {} ({})", column + 1, self.names[column]),
            false => format!("column {}", column + 1),
        }
    }

    /// The cells of a column from top to bottom.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = &str> + Clone {
        self.rows.iter().map(move |row| self.cells.of(row, column))
    }
}

/// The name of a column that has none; `at` counts from 0.
pub(super) fn unnamed(at: usize) -> String {
    format!("column {}", at + 1)
}

/// Whether a file holds a JSON object in each line, by its name.
pub fn holds_objects(path: &Path) -> bool {
    let name = files::name(path).to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    [".jsonl", ".ndjson"].iter().any(|end| plain.ends_with(end))
}

/// What stands between the cells: of tab, semicolon, bar and comma, outside of quotes, what is in every
/// one of the first lines equally often, or else most often in the first. A comma between digits alone is
/// the mark before a fraction, if there is another candidate. Nothing where it is whitespace.
fn separator(text: &str) -> Option<char> {
    const CANDIDATES: [char; 4] = ['\t', ';', '|', ','];
    const LINES: usize = 50;
    let mut counts: Vec<[usize; 4]> = Vec::new();
    let (mut line, mut quoted, mut blank, mut before) = ([0; 4], false, true, '\n');
    let (mut commas, mut between_digits) = (0, 0);
    let mut chars = text.chars().chain(['\n']).peekable();
    while let Some(c) = chars.next() {
        quoted ^= c == '"';
        if !quoted && (c == '\n' || c == '\r') {
            if !blank {
                counts.push(line);
            }
            if counts.len() == LINES {
                break;
            }
            (line, blank) = ([0; 4], true);
        } else if !quoted && let Some(at) = CANDIDATES.iter().position(|candidate| *candidate == c)
        {
            line[at] += 1;
            // Of the names in a first line, nothing is to be learned of numbers.
            if c == ',' && !counts.is_empty() {
                let after = chars.peek().is_some_and(char::is_ascii_digit);
                commas += 1;
                between_digits += usize::from(before.is_ascii_digit() && after);
            }
            blank = false;
        } else {
            blank &= c.is_whitespace();
        }
        before = c;
    }
    let first = counts.first()?;
    let steady = |at: usize| counts.iter().all(|line| line[at] == first[at]);
    let fractions = commas > 0 && commas == between_digits;
    let another = (0..3).any(|at| first[at] > 0 && steady(at));
    let candidates = (0..4).filter(|&at| first[at] > 0 && !(at == 3 && fractions && another));
    let best = candidates.max_by_key(|&at| (steady(at), first[at], std::cmp::Reverse(at)));
    best.map(|at| CANDIDATES[at])
}

/// Whether the first row names the columns: somewhere it has a word above numbers or dates only, or, in a
/// table without such, words that its columns do not have again.
fn looks_like_header(cells: &Cells, rows: &[Row]) -> bool {
    let [first, rest @ ..] = rows else { return false };
    if rest.is_empty() {
        // Names with no rows below, rather than a row without names, where nothing in it is a number.
        let cells = (0..first.count as usize).map(|c| cells.of(first, c));
        let none = [Decimal::Point, Decimal::Comma];
        return cells
            .into_iter()
            .all(|cell| !is_missing(cell) && none.iter().all(|d| number(cell, *d).is_none()));
    }
    let rest = &rest[..rest.len().min(ASKED)];
    let columns = 0..first.count as usize;
    let known =
        |c: usize| rest.iter().map(move |row| cells.of(row, c)).filter(|cell| !is_missing(cell));
    let is_number = |cell: &str| {
        [Decimal::Point, Decimal::Comma].iter().any(|decimal| number(cell, *decimal).is_some())
    };
    let are_quantities = |c: usize| {
        let Some(cell) = known(c).next() else { return false };
        let numbers = || {
            let survey = Survey::of(known(c));
            survey.words(&survey.notation(Decimal::Point)) == 0
        };
        // Most columns of words are told by their first cell.
        let begins = cell.chars().any(|c| c.is_ascii_digit());
        begins && (numbers() || Dates::of(known(c)).is_some())
    };
    let mut quantities = columns.clone().filter(|&c| are_quantities(c)).peekable();
    let is_word = |c: usize| {
        let cell = cells.of(first, c);
        // "2h" is a name above plain numbers, and a quantity above others in hours.
        let as_below = || Survey::of(known(c)).notation(Decimal::Point).read(cell).is_some();
        let quantity = is_number(cell) || sign_of(cell).is_some() || as_below();
        !quantity && !is_missing(cell) && Dates::of([cell].into_iter()).is_none()
    };
    if quantities.peek().is_some() {
        return quantities.any(is_word);
    }
    let again = |c: usize| rest.iter().any(|row| cells.of(row, c) == cells.of(first, c));
    columns.clone().all(|c| !is_number(cells.of(first, c))) && !columns.clone().any(again)
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
        let row =
            |row: &Row| (0..grid.names.len()).map(|at| grid.cell(row, at).to_owned()).collect();
        let rows = grid.rows.iter().map(row).collect();
        (grid.names, rows)
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
        assert_eq!(cells("1h,2h\n5,6\n7,8\n").0, ["1h", "2h"]);
        assert_eq!(cells("1 kg,7 h\n5 kg,6 h\n7 kg,8 h\n").0, ["column 1", "column 2"]);
        assert_eq!(cells("weight,x\n5 kg,a\n7 kg,b\n").0, ["weight", "x"]);
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
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.csv");
            fs::write(&path, text).unwrap();
            let error = Grid::read(&path, None).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
