//! The lines of a file of numbers, one after the other: none is kept that is not used, however many
//! there are.

use std::path::Path;
use std::str::FromStr;

use super::super::files;
use super::MOST_NUMBERS;
use crate::{Error, Result};

/// No data set of the collection has files of more bytes.
const MOST_BYTES: u64 = 1 << 31;

/// No line of numbers is longer.
const MOST_LINE: usize = 1 << 20;

/// As many numbers for each line of a file.
#[derive(Debug)]
pub struct Rows<T> {
    /// How many in each.
    pub width: usize,
    values: Vec<T>,
}

impl<T> Rows<T> {
    /// Those of `line`, which counts from 0.
    pub fn row(&self, line: usize) -> &[T] {
        &self.values[line * self.width..(line + 1) * self.width]
    }

    /// The number at `column` of each line.
    pub fn column(&self, column: usize) -> impl Iterator<Item = &T> {
        self.values.iter().skip(column).step_by(self.width.max(1))
    }

    /// Number by number, line by line.
    pub fn values(&self) -> &[T] {
        &self.values
    }
}

/// Hands each line to `take`, with its number from 0, but for empty ones at the end; how many there
/// are.
///
/// # Errors
/// What `take` says; an empty line between others; more than `most` lines.
pub fn each(
    path: &Path,
    most: usize,
    take: &mut dyn FnMut(usize, &str) -> Result<()>,
) -> Result<usize> {
    let (mut lines, mut blank) = (0, None);
    files::each_line(path, MOST_BYTES, MOST_LINE, &mut |at, line| {
        let line = line.trim();
        match blank {
            _ if line.is_empty() => {
                blank.get_or_insert(at);
                return Ok(());
            }
            Some(blank) => return Err(at_line(path, blank, "it is empty")),
            None if at >= most => {
                return Err(at_line(path, at, format!("more than {most} lines")));
            }
            None => {}
        }
        lines = at + 1;
        take(at, line)
    })?;
    Ok(lines)
}

/// Rows of numbers, as many in each, one for each of `count` nodes.
pub fn rows<T: FromStr>(path: &Path, count: usize) -> Result<Rows<T>> {
    let mut found = Rows { width: 0, values: Vec::new() };
    let lines = each(path, usize::MAX, &mut |line, text| {
        if line >= count {
            return Ok(()); // they are counted
        }
        let before = found.values.len();
        numbers(path, line, text, &mut found.values)?;
        let width = found.values.len() - before;
        if line == 0 {
            found.width = width;
            if width.saturating_mul(count) > MOST_NUMBERS {
                let problem = format!("{width} values for each of {count} nodes are too many");
                return Err(at_line(path, line, problem));
            }
        }
        expected(path, line, width, found.width)
    })?;
    as_many_as(path, lines, count, "nodes")?;
    Ok(found)
}

/// One whole number a line, on at most `most` lines.
pub fn column(path: &Path, most: usize) -> Result<Vec<i64>> {
    let mut found = Vec::new();
    each(path, most, &mut |line, text| {
        let number = text.parse();
        let number =
            number.map_err(|_| at_line(path, line, format!("{text:?} is no whole number")));
        found.push(number?);
        Ok(())
    })?;
    Ok(found)
}

/// One number a line, from 1 to the number of `what`; from 0 here.
pub fn indices(path: &Path, most: usize, count: Option<usize>, what: &str) -> Result<Vec<usize>> {
    let (mut found, mut row) = (Vec::new(), Vec::new());
    each(path, most, &mut |line, text| {
        row.clear();
        numbers::<usize>(path, line, text, &mut row)?;
        let &[index] = &row[..] else {
            return Err(at_line(path, line, format!("{text:?} is not one number")));
        };
        found.push(index);
        Ok(())
    })?;
    // Without a number of graphs there are no more of them than lines, as each has a node.
    let count = count.unwrap_or(found.len());
    for (line, index) in found.iter_mut().enumerate() {
        below(path, line, *index, count, what)?;
        *index -= 1;
    }
    Ok(found)
}

/// Appends the numbers of a line, with commas between them.
pub fn numbers<T: FromStr>(path: &Path, line: usize, row: &str, to: &mut Vec<T>) -> Result<()> {
    for word in row.split(',').map(str::trim) {
        let number = word.parse();
        to.push(
            number
                .map_err(|_| at_line(path, line, format!("{word:?} is no number of its kind")))?,
        );
    }
    Ok(())
}

/// Refuses an `index` that is not from 1 to `most`.
pub fn below(path: &Path, line: usize, index: usize, most: usize, what: &str) -> Result<()> {
    if (1..=most).contains(&index) {
        return Ok(());
    }
    Err(at_line(path, line, format!("{index} is not one of the {most} {what}, counted from 1")))
}

/// Refuses another number of values than is `expected`.
pub fn expected(path: &Path, line: usize, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(at_line(path, line, format!("{found} values, expected {expected}")))
}

/// Refuses another number of lines than is `expected`.
pub fn as_many_as(path: &Path, found: usize, expected: usize, what: &str) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::malformed(path, "lines", format!("{found} lines for {expected} {what}")))
}

/// `line` counts from 0.
pub fn at_line(
    path: &Path,
    line: usize,
    problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::malformed(path, format!("line {}", line + 1), problem)
}
