//! [`Cells`]: the text of a table cut into cells, in one piece of memory.
//!
//! Whitespace, a character with quotes as in RFC 4180, or the keys of JSON objects.

mod objects;

use std::path::Path;

use crate::{Error, Result};

/// More cells are not kept in memory: half a gigabyte for where they end, whatever is in them.
const MOST_CELLS: usize = 1 << 27;

/// All cells, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Cells {
    text: String,
    /// Where each ends in `text`.
    ends: Vec<u32>,
}

/// Where a row is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The line on which it begins, from 1.
    pub line: u32,
    /// How many cells it has.
    pub count: u32,
    first: u32,
}

impl Cells {
    /// The cell of `row` at `column`.
    pub fn of(&self, row: &Row, column: usize) -> &str {
        let at = row.first as usize + column;
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[begin as usize..self.ends[at] as usize]
    }

    /// Cuts `text` at whitespace; empty lines are no rows.
    ///
    /// # Errors
    /// Too many cells.
    pub fn by_whitespace(path: &Path, text: &str) -> Result<(Self, Vec<Row>)> {
        let (mut cells, mut rows) = (Self::default(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            let first = cells.ends.len();
            for cell in line.split_whitespace() {
                cells.text.push_str(cell);
                cells.end(path, at + 1)?;
            }
            let count = (cells.ends.len() - first) as u32;
            if count > 0 {
                rows.push(Row { line: (at + 1) as u32, count, first: first as u32 });
            }
        }
        Ok((cells, rows))
    }

    /// Cuts `text` at `separator` outside of quotes; empty lines are no rows. Whitespace around a value
    /// belongs to none.
    ///
    /// # Errors
    /// A quote that does not end, or something behind one; too many cells.
    pub fn by_character(path: &Path, text: &str, separator: char) -> Result<(Self, Vec<Row>)> {
        let (mut cells, mut rows) = (Self::default(), Vec::new());
        let (mut line, mut begun, mut was_quoted) = (1, 1, false);
        let (mut first, mut begin) = (0, 0);
        let mut chars = text.chars().peekable();
        loop {
            let mut next = chars.next();
            if next == Some('\r') {
                // The end of a line of three systems: \n, \r\n, and \r of old.
                chars.next_if_eq(&'\n');
                next = Some('\n');
            }
            match next {
                Some('"') if !was_quoted && cells.text.len() == begin => {
                    was_quoted = true;
                    line += cells.quoted(path, &mut chars, line)?;
                }
                Some(c) if c != separator && c != '\n' => {
                    if was_quoted && !c.is_whitespace() {
                        let problem = format!("{c:?} behind a closing quote");
                        return Err(Error::malformed(path, format!("line {line}"), problem));
                    }
                    let leading = cells.text.len() == begin && c.is_whitespace();
                    if !was_quoted && !leading {
                        cells.text.push(c);
                    }
                }
                _ => {
                    cells.trim(begin);
                    cells.end(path, line)?;
                    (begin, was_quoted) = (cells.text.len(), false);
                    if next != Some(separator) {
                        let count = cells.ends.len() - first;
                        let row = Row { line: begun, count: count as u32, first: first as u32 };
                        if count > 1 || !cells.of(&row, 0).is_empty() {
                            rows.push(row);
                        } else {
                            cells.ends.pop();
                        }
                        first = cells.ends.len();
                        line += 1;
                        begun = line as u32;
                    }
                    if next.is_none() {
                        return Ok((cells, rows));
                    }
                }
            }
        }
    }

    /// Takes what stands in quotes that were just opened on `line`, and returns how many lines it goes on.
    fn quoted(
        &mut self,
        path: &Path,
        chars: &mut std::iter::Peekable<std::str::Chars>,
        line: usize,
    ) -> Result<usize> {
        let mut lines = 0;
        loop {
            match chars.next() {
                Some('"') if chars.next_if_eq(&'"').is_some() => self.text.push('"'),
                Some('"') => return Ok(lines),
                Some(c) => {
                    lines += usize::from(c == '\n');
                    self.text.push(c);
                }
                None => {
                    let problem = "a quote is opened and not closed";
                    return Err(Error::malformed(path, format!("line {line}"), problem));
                }
            }
        }
    }

    /// Takes the whitespace from both ends of the cell that begins at `begin` and is the last.
    fn trim(&mut self, begin: usize) {
        self.text.truncate(begin + self.text[begin..].trim_end().len());
        let leading = self.text.len() - begin - self.text[begin..].trim_start().len();
        if leading > 0 {
            self.text.replace_range(begin..begin + leading, "");
        }
    }

    /// Ends a cell.
    fn end(&mut self, path: &Path, line: usize) -> Result<()> {
        if self.ends.len() == MOST_CELLS {
            let problem = format!("more than {MOST_CELLS} values");
            return Err(Error::malformed(path, format!("line {line}"), problem));
        }
        // A table has fewer bytes than this can count.
        self.ends.push(self.text.len() as u32);
        Ok(())
    }
}
