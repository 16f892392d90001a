//! [`Part`]: an x with its y, as they are read and checked against each other.

use std::path::{Path, PathBuf};

use super::classes::Classes;
use super::name::{ArrayName, What};
use super::place::Place;
use super::{MOST_NUMBERS, MOST_WIDTH, files};
use crate::data::parts::Role;
use crate::data::{Examples, Inputs, Shape};
use crate::measure::npy::{self, Floats, Labels};
use crate::{Error, Result};

/// Rows with their labels.
#[derive(Clone, Debug)]
pub struct Part {
    /// Row by row, all finite.
    pub values: Vec<f32>,
    /// Numbers in a row.
    pub width: usize,
    /// One a row.
    pub labels: Labels,
    /// One a row, and where they are, if there are some.
    pub groups: Option<(Labels, PathBuf)>,
    /// Where x and y are.
    pub at: [PathBuf; 2],
    /// The place of each row there, if there are others between them.
    rows: Option<Vec<usize>>,
}

impl Part {
    /// The rows of `part`, or of all parts in one, if they are there.
    ///
    /// # Errors
    /// An x without y or the other way round; numbers of rows that differ; what is not finite; a label
    /// without a letter.
    pub fn read(place: &mut Place, part: Option<Role>) -> Result<Option<Self>> {
        let mut take = |what| place.take(ArrayName { what, part });
        let (x, y) = (take(What::Inputs)?, take(What::Labels)?);
        let groups = take(What::Group)?;
        let ((x, x_at), (y, y_at)) = match (x, y) {
            (Some(x), Some(y)) => (x, y),
            (Some((_, at)), None) => return Err(alone(&at, "y", "the labels")),
            (None, Some((_, at))) => return Err(alone(&at, "x", "the rows")),
            (None, None) => {
                return groups.map_or(Ok(None), |(_, at)| Err(alone(&at, "x", "the rows")));
            }
        };
        let (values, width) = inputs(x, &x_at)?;
        let labels = npy::labels_of(y, &y_at)?;
        if let Labels::Words(words) = &labels
            && let Some(row) = words.iter().position(String::is_empty)
        {
            return Err(Error::malformed(&y_at, format!("row {row}"), "no label: it is empty"));
        }
        let rows = values.len() / width;
        same_rows(labels.len(), &y_at, rows, &x_at)?;
        let groups = groups.map(|(bytes, at)| -> Result<_> {
            let groups = npy::labels_of(bytes, &at)?;
            same_rows(groups.len(), &at, rows, &x_at)?;
            Ok((groups, at))
        });
        let (groups, at) = (groups.transpose()?, [x_at, y_at]);
        Ok(Some(Self { values, width, labels, groups, at, rows: None }))
    }

    /// The rows at `rows`, in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let row = |row: &usize| &self.values[row * self.width..(row + 1) * self.width];
        Self {
            values: rows.iter().flat_map(row).copied().collect(),
            width: self.width,
            labels: select(&self.labels, rows),
            groups: self.groups.as_ref().map(|(all, at)| (select(all, rows), at.clone())),
            at: self.at.clone(),
            rows: Some(rows.to_vec()),
        }
    }

    /// The rows as examples of `classes`, if they are as long as those that are learned from.
    ///
    /// # Errors
    /// Rows of another length than `width`, and labels that are not among the classes.
    pub fn examples(self, classes: &Classes, width: usize) -> Result<Examples> {
        let [x_at, y_at] = &self.at;
        if self.width != width {
            let problem =
                format!("rows of {} numbers, those that are learned from have {width}", self.width);
            return Err(Error::malformed(x_at, "shape", problem));
        }
        let row = |row: usize| self.rows.as_ref().map_or(row, |rows| rows[row]);
        let labels = classes.numbers(&self.labels, y_at, row)?;
        let (inputs, shape) = (Inputs::Numbers(self.values), Shape::Row(width));
        Ok(Examples { inputs, shape, labels, classes: classes.names() })
    }
}

fn select(labels: &Labels, rows: &[usize]) -> Labels {
    match labels {
        Labels::Numbers(all) => Labels::Numbers(rows.iter().map(|&row| all[row]).collect()),
        Labels::Words(all) => Labels::Words(rows.iter().map(|&row| all[row].clone()).collect()),
    }
}

/// The numbers of an array in single precision, and how many a row has: one at least, as there is one row.
///
/// # Errors
/// What is no matrix of finite numbers.
pub fn inputs(bytes: Vec<u8>, at: &Path) -> Result<(Vec<f32>, usize)> {
    let npy::Matrix { rows, columns, values } = npy::numbers_of(bytes, at)?;
    let refuse = |problem: String| Err(Error::malformed(at, "shape", problem));
    match rows.checked_mul(columns) {
        Some(0) | None => {
            return refuse(format!("({rows}, {columns}): there are no numbers in it"));
        }
        Some(_) if columns > MOST_WIDTH => {
            return refuse(format!("rows of {columns} numbers, of at most {MOST_WIDTH}"));
        }
        Some(numbers) if numbers > MOST_NUMBERS => {
            return refuse(format!("({rows}, {columns}) is more than {MOST_NUMBERS} numbers"));
        }
        Some(_) => {}
    }
    let wrong = |at_number: usize, problem: String| {
        let place = format!("row {}, column {}", at_number / columns, at_number % columns);
        Error::malformed(at, place, problem)
    };
    let single = match values {
        Floats::F32(values) => values,
        Floats::F64(values) => {
            let too_large = |x: &f64| x.is_finite() && !(*x as f32).is_finite();
            if let Some(found) = values.iter().position(too_large) {
                let problem = format!("{:e} is too large for single precision", values[found]);
                return Err(wrong(found, problem));
            }
            values.into_iter().map(|value| value as f32).collect()
        }
    };
    match single.iter().position(|value| !value.is_finite()) {
        Some(first) => {
            let count = single.iter().filter(|value| !value.is_finite()).count();
            let all = single.len();
            let problem = format!("{} ({count} of {all} numbers are not finite)", single[first]);
            Err(wrong(first, problem))
        }
        None => Ok((single, columns)),
    }
}

/// Refuses another number of labels than of rows.
fn same_rows(found: usize, at: &Path, rows: usize, x: &Path) -> Result<()> {
    if found == rows {
        return Ok(());
    }
    let problem = format!("{found} rows, {} has {rows}", files::name(x));
    Err(Error::malformed(at, "shape", problem))
}

/// Refuses an array without the one that belongs to it.
fn alone(at: &Path, lacking: &str, what: &str) -> Error {
    let problem = format!("there is no {lacking} for it, {what}");
    Error::malformed(at, "arrays", problem)
}
