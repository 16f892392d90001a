//! [`Column`]: what a column of a table holds, and how a model sees it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::grid::Grid;
use super::number;
use crate::{Error, Result};

/// A column with more categories is no feature of a small table.
const MOST_CATEGORIES: usize = 1000;
/// A column of words is an identifier if it has more than these and more than half the rows.
const FEW_CATEGORIES: usize = 50;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, or "column 3" where there are no names.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The class.
    Target,
    /// Numbers, seen as they are.
    Numeric {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Words, seen as one number a category, 1 where it is that and else 0.
    Categorical(Vec<String>),
    /// Left out: the same value in every row.
    Constant(String),
    /// Left out: a name for the row.
    Identifier {
        /// How many different ones.
        values: usize,
    },
    /// Left out because the recipe says so.
    Ignored,
}

impl Kind {
    /// What the column at `at` of `grid` holds.
    ///
    /// # Errors
    /// A value that is missing, a word among numbers, a number too large, too many categories.
    pub(super) fn of(grid: &Grid, at: usize, categorical: bool) -> Result<Self> {
        if let Some(row) = grid.rows.iter().find(|row| is_missing(&row.cells[at])) {
            return Err(missing(grid, row, at));
        }
        let values: BTreeSet<&str> = grid.cells(at).collect();
        if values.len() == 1 {
            return Ok(Kind::Constant(values.into_iter().collect()));
        }
        let numbers: Vec<Option<f64>> = grid.cells(at).map(number).collect();
        let words = numbers.iter().filter(|number| number.is_none()).count();
        if words == 0 && !categorical {
            let numbers = || numbers.iter().flatten().copied();
            let (min, max) =
                (numbers().fold(f64::MAX, f64::min), numbers().fold(f64::MIN, f64::max));
            return Ok(Kind::Numeric { min, max });
        }
        if words * 10 < numbers.len() && !categorical {
            // A typing error; where it is meant, `categorical` says so.
            let row = numbers.iter().position(Option::is_none).unwrap_or(0);
            let row = &grid.rows[row];
            let problem = format!(
                "{:?} is no number, as nearly all others of the column are (`categorical` makes \
                 them categories)",
                row.cells[at]
            );
            return Err(Error::malformed(&grid.path, grid.place(row, at), problem));
        }
        let count = values.len();
        let unique = count == numbers.len() || count > FEW_CATEGORIES && count * 2 > numbers.len();
        if unique && !categorical {
            return Ok(Kind::Identifier { values: count });
        }
        if count > MOST_CATEGORIES {
            let problem = format!(
                "{count} categories are more than {MOST_CATEGORIES}: `ignore` leaves it out"
            );
            return Err(Error::malformed(&grid.path, format!("column {}", at + 1), problem));
        }
        Ok(Kind::Categorical(values.into_iter().map(str::to_owned).collect()))
    }

    /// How many numbers a model sees of it.
    pub(super) fn width(&self) -> usize {
        match self {
            Kind::Numeric { .. } => 1,
            Kind::Categorical(values) => values.len(),
            _ => 0,
        }
    }

    /// Appends what a model sees of the cell; the error says what is wrong with it.
    pub(super) fn encode(&self, cell: &str, to: &mut Vec<f32>) -> std::result::Result<(), String> {
        match self {
            Kind::Numeric { .. } => {
                let value = number(cell).ok_or_else(|| format!("{cell:?} is no number"))? as f32;
                if !value.is_finite() {
                    return Err(format!("{cell} is too large for single precision"));
                }
                to.push(value);
            }
            Kind::Categorical(values) => {
                let known = values.binary_search_by(|value| value.as_str().cmp(cell));
                let known = known.map_err(|_| {
                    format!("the category {cell:?} is not among those of the training rows")
                })?;
                to.extend((0..values.len()).map(|at| if at == known { 1.0 } else { 0.0 }));
            }
            _ => {}
        }
        Ok(())
    }

    /// One line for a person.
    pub fn describe(&self) -> String {
        match self {
            Kind::Target => "the class".to_owned(),
            Kind::Numeric { min, max } => format!("numeric, {min} to {max}"),
            Kind::Categorical(values) => {
                let shown =
                    values.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if values.len() > 5 { ", …" } else { "" };
                format!("{} categories: {shown}{more}", values.len())
            }
            Kind::Constant(value) => format!("left out: {value:?} in every row"),
            Kind::Identifier { values } => format!("left out: {values} different names"),
            Kind::Ignored => "left out, as asked".to_owned(),
        }
    }
}

/// How tables say that a value is not known.
pub(super) fn is_missing(cell: &str) -> bool {
    cell.is_empty()
        || cell == "?"
        || ["na", "n/a", "nan", "null"].iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// The error for a value that is missing.
pub(super) fn missing(grid: &Grid, row: &super::grid::Row, at: usize) -> Error {
    let missing = grid.cells(at).filter(|cell| is_missing(cell)).count();
    let problem = format!(
        "the value is missing ({:?}), as {missing} of {} in the column are: fill them in, leave the \
         rows out, or `ignore` the column",
        row.cells[at],
        grid.rows.len()
    );
    Error::malformed(&grid.path, grid.place(row, at), problem)
}
