//! What a model sees of the rows of a file, whose columns hold what those of the training file did.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::column::{Column, ColumnKind};
use super::date::Dates;
use super::grid::{Grid, Row};
use super::infer::{category, known};
use super::missing::is_missing;
use super::number::{Notation, Survey};
use crate::{Error, Result};

/// More numbers are not kept in memory: a gigabyte.
const MOST_NUMBERS: usize = 1 << 28;

/// What is unusual about a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CellIssue {
    /// There is no value.
    Missing,
    /// The training rows do not have this category.
    New,
    /// It is farther from what the training file holds than that reaches from end to end.
    Far,
}

/// How the cells of one file become numbers.
pub(super) struct Encoder<'a> {
    grid: &'a Grid,
    seen: Vec<EncodedColumn<'a>>,
    width: usize,
}

/// A column that a model sees, and where it is in the file.
struct EncodedColumn<'a> {
    column: &'a Column,
    at: usize,
    reading: Reading<'a>,
}

enum Reading<'a> {
    /// How it is written, and what is not far.
    Number(Notation, RangeInclusive<f64>),
    /// How it is written, the first, and what is not far.
    Date(Dates, f64, RangeInclusive<f64>),
    Category(HashMap<&'a str, usize>),
}

impl<'a> Encoder<'a> {
    /// For the columns of `grid` that are at the places and hold what is said of them; those that a model
    /// does not see are passed over.
    ///
    /// # Errors
    /// More numbers than are kept in memory.
    pub fn new(grid: &'a Grid, columns: impl Iterator<Item = (usize, &'a Column)>) -> Result<Self> {
        let seen: Vec<EncodedColumn> = columns
            .filter(|(_, column)| column.width() > 0)
            .map(|(at, column)| EncodedColumn {
                column,
                at,
                reading: Reading::of(grid, at, &column.kind),
            })
            .collect();
        let width = seen.iter().map(|seen| seen.column.width()).sum::<usize>();
        match width.checked_mul(grid.rows.len()) {
            Some(..=MOST_NUMBERS) => Ok(Self { grid, seen, width }),
            _ => {
                let rows = grid.rows.len();
                let problem = format!("{width} numbers in each of {rows} rows are too many");
                Err(Error::malformed(&grid.path, "columns", problem))
            }
        }
    }

    /// What a model sees of all rows: NaN where a number is missing, and 0 for every category where that
    /// is missing or new. `odd` hears of both and of what is far, by the row's place, from 0.
    ///
    /// # Errors
    /// Names the file, the line and the column of what is no number or no date.
    pub fn rows(
        &self,
        mut odd: impl FnMut(usize, &'a Column, &str, CellIssue),
    ) -> Result<Vec<f32>> {
        let mut to = Vec::with_capacity(self.width * self.grid.rows.len());
        for (place, row) in self.grid.rows.iter().enumerate() {
            for seen in &self.seen {
                let cell = self.grid.cell(row, seen.at);
                let found =
                    seen.encode(cell, &mut to).map_err(|problem| self.wrong(row, seen, problem))?;
                if let Some(found) = found {
                    odd(place, seen.column, cell, found);
                }
            }
        }
        Ok(to)
    }

    fn wrong(&self, row: &Row, seen: &EncodedColumn, problem: String) -> Error {
        Error::malformed(&self.grid.path, self.grid.place(row, seen.at), problem)
    }
}

impl<'a> Reading<'a> {
    fn of(grid: &Grid, at: usize, kind: &'a ColumnKind) -> Self {
        match kind {
            ColumnKind::Categorical(values) => {
                Reading::Category(values.iter().map(String::as_str).zip(0..).collect())
            }
            ColumnKind::Date { written: Dates::Clock, first, last, .. } => {
                Reading::Date(Dates::Clock, 0.0, near(*first, *last))
            }
            ColumnKind::Date { written, first, last, .. } => {
                Reading::Date(*written, *first, near(*first, *last))
            }
            ColumnKind::Numeric { written, min, max } => {
                // Another file may have another mark before fractions, if its cells leave no doubt.
                let survey = Survey::of(known(grid, at));
                let decimal = survey.proven().filter(|_| !survey.is_mixed());
                let decimal = decimal.unwrap_or(written.decimal);
                Reading::Number(Notation { decimal, ..written.clone() }, near(*min, *max))
            }
            _ => Reading::Number(Notation::default(), f64::NEG_INFINITY..=f64::INFINITY),
        }
    }
}

impl EncodedColumn<'_> {
    /// Appends what a model sees of `cell`; the error says what is wrong with it.
    fn encode(
        &self,
        cell: &str,
        to: &mut Vec<f32>,
    ) -> std::result::Result<Option<CellIssue>, String> {
        let mut odd = None;
        match &self.reading {
            Reading::Category(values) => {
                let place = values.get(cell).or_else(|| values.get(&*category(cell)));
                if place.is_none() {
                    odd = Some(if is_missing(cell) { CellIssue::Missing } else { CellIssue::New });
                }
                to.extend((0..values.len()).map(|at| if Some(&at) == place { 1.0 } else { 0.0 }));
            }
            _ if is_missing(cell) => {
                odd = Some(CellIssue::Missing);
                to.push(f32::NAN);
            }
            Reading::Number(written, near) => {
                let value = written.read(cell).ok_or_else(|| {
                    let unit = written.unit.as_ref();
                    let unit = unit.map_or(String::new(), |unit| format!(" with {unit}"));
                    format!("{cell:?} is no number{unit}")
                })?;
                odd = (!near.contains(&value)).then_some(CellIssue::Far);
                to.push(single(value, cell)?);
            }
            Reading::Date(written, first, near) => {
                let value =
                    written.read(cell).ok_or_else(|| format!("{cell:?} is no date as before"))?;
                odd = (!near.contains(&value)).then_some(CellIssue::Far);
                to.push(single(value - first, cell)?);
            }
        }
        if self.column.missing > 0 {
            to.push(if odd == Some(CellIssue::Missing) { 1.0 } else { 0.0 });
        }
        Ok(odd)
    }
}

/// What lies no farther from the range than that is wide.
fn near(min: f64, max: f64) -> RangeInclusive<f64> {
    let wide = max - min;
    min - wide..=max + wide
}

fn single(value: f64, cell: &str) -> std::result::Result<f32, String> {
    let value = value as f32;
    value
        .is_finite()
        .then_some(value)
        .ok_or_else(|| format!("{cell} is too large for single precision"))
}
