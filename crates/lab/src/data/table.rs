//! Tables: CSV, columns with whitespace between them, or JSON Lines; one column is the class.
//!
//! Columns of numbers are seen as they are (the model normalises them), dates as days, columns of words
//! as one number a category. A value that is missing is NaN here, beside a number that says so; the
//! parts of a run get the median of its training part instead (`fill`). What every row has alike, and
//! names of rows, are left out. Everything that is inferred is in [`Table::columns`] and [`Table::notes`]
//! to be shown.

mod cells;
mod classes;
mod column;
mod date;
mod doubts;
mod encode;
mod grid;
mod infer;
mod missing;
mod near;
mod number;
mod recipe;
mod target;

pub use column::{Column, ColumnKind};
pub use date::Dates;
pub use grid::holds_objects;
pub(super) use missing::{fill, has_missing, medians};
pub use number::{Decimal, Notation};
pub use recipe::TableRecipe;
pub use target::Target;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::examples::learnable;
use super::{Examples, Inputs, Shape};
use crate::{Error, Result};
use classes::Classes;
use encode::{CellIssue, Encoder};
use grid::Grid;
use infer::{ColumnChoices, decimal, infer, known};
use near::listed;
use number::Survey;

/// Of more columns or notes of a kind, the first are named and the others counted.
const MOST_NAMED: usize = 5;

/// A table as examples, and how it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Every column of the file.
    pub columns: Vec<Column>,
    /// Whether the first line names them.
    pub has_header: bool,
    /// How the values are written: "comma between the values", "a JSON object in each line".
    pub separator: &'static str,
    /// What there is to say of the file beyond its columns, a sentence each: rows without a class, values
    /// that are missing, columns that may be no measurements.
    pub notes: Vec<String>,
    /// What a model sees, a name for each number: "age", "colour=red".
    pub features: Vec<String>,
    /// The rows, with as many numbers as there are features; NaN where one is missing.
    pub examples: Examples,
    /// Those of the test file.
    pub test: Option<Examples>,
}

impl Table {
    /// Reads what `recipe` asks for.
    ///
    /// # Errors
    /// Names the file, the line and the column: words among numbers, a target that is no class, a class
    /// of the test file that the training rows do not have.
    pub fn load(recipe: &TableRecipe) -> Result<Self> {
        let mut grid = Grid::read(&recipe.path.resolve(), recipe.header)?;
        let target = grid.column(&recipe.target)?;
        let all = |names: &[Target]| -> Result<HashSet<usize>> {
            let found = names.iter().map(|t| grid.columns(t)).collect::<Result<Vec<_>>>()?;
            Ok(found.into_iter().flatten().collect())
        };
        let (ignored, keep) = (all(&recipe.ignore)?, all(&recipe.keep)?);
        grid.validate_names((0..grid.names.len()).filter(|at| !ignored.contains(at)))?;
        let categorical = all(&recipe.categorical)?;
        let number =
            |at: usize| at != target && !ignored.contains(&at) && !categorical.contains(&at);
        let survey = |grid: &Grid| -> Vec<Survey> {
            let of = |at| if number(at) { Survey::of(known(grid, at)) } else { Survey::default() };
            (0..grid.names.len()).map(of).collect()
        };
        let mut surveys = survey(&grid);
        let mark = decimal(&surveys);
        let classes = Classes::of(&grid, target, categorical.contains(&target), mark)?;
        let mut notes: Vec<String> = classes.leave_out(&mut grid, target)?.into_iter().collect();
        if !notes.is_empty() {
            surveys = survey(&grid);
        }
        notes.extend(classes.notes(&grid, target));
        let (mut columns, mut doubts) = (Vec::new(), Vec::new());
        for (at, name) in grid.names.iter().enumerate() {
            let own = |kind| Column { name: name.clone(), kind, missing: 0 };
            columns.push(if at == target {
                own(ColumnKind::Target)
            } else if ignored.contains(&at) {
                own(ColumnKind::Ignored)
            } else {
                let said = ColumnChoices {
                    categorical: categorical.contains(&at),
                    keep: keep.contains(&at),
                };
                let found = infer(&grid, at, said, &surveys[at], mark)?;
                doubts.extend(found.note);
                found.column
            });
        }
        let features: Vec<String> = columns.iter().flat_map(Column::features).collect();
        if features.is_empty() {
            let left_out: Vec<String> = columns.iter().filter_map(Column::left_out).collect();
            let why = match left_out.is_empty() {
                true => String::new(),
                false => format!(" ({})", named(left_out)),
            };
            let problem = format!("no column is left that the class could depend on{why}");
            return Err(Error::malformed(&grid.path, "columns", problem));
        }
        notes.extend(missing_note(&columns, grid.rows.len()));
        let more = doubts.len().saturating_sub(MOST_NAMED);
        notes.extend(doubts.into_iter().take(MOST_NAMED));
        if more > 0 {
            notes.push(format!("and so of {more} more columns"));
        }
        let examples = encode(&grid, &columns, target, &classes, &mut Vec::new())?;
        learnable(&grid.path, &examples.labels, &classes.names)?;
        notes.extend(doubts::doubts(&grid, &columns, &examples));
        let test = match &recipe.test_path {
            Some(path) => {
                let mut test = Grid::read(&path.resolve(), Some(grid.has_header))?;
                if test.names != grid.names {
                    let problem = format!(
                        "the columns are {}, in {} they are {}",
                        listed(&test.names),
                        grid.path.display(),
                        listed(&grid.names)
                    );
                    return Err(Error::malformed(&test.path, "line 1", problem));
                }
                let left_out = classes.leave_out(&mut test, target)?;
                notes.extend(left_out.map(|note| format!("of the test file, {note}")));
                Some(encode(&test, &columns, target, &classes, &mut notes)?)
            }
            None => None,
        };
        let separator = grid.separator.describe();
        let has_header = grid.has_header;
        Ok(Self { columns, has_header, separator, notes, features, examples, test })
    }
}

/// Names of the columns of the table at `path`, "column 1" and so on where it has none.
///
/// # Errors
/// What is no table.
pub fn columns(path: &Path) -> Result<Vec<String>> {
    Ok(Grid::read(path, None)?.names)
}

/// The rows of a table without their classes.
#[derive(Debug)]
pub struct Rows {
    /// The line of each.
    pub lines: Vec<u32>,
    /// What a model sees of them, one after the other; NaN where a number is missing.
    pub inputs: Vec<f32>,
    /// What there is to say of single rows, by their place from 0: a value that is missing, or far from
    /// all that the training file has, a category that the training rows do not have.
    pub notes: BTreeMap<usize, Vec<String>>,
    /// In how many rows a column is that far, by its name.
    pub far: BTreeMap<String, usize>,
}

/// What a model sees of each row of the table at `path`, whose columns hold what `columns` say. Columns
/// are found by their names; those that a model does not see, and the class, need not be there.
///
/// # Errors
/// Names the file, the line and the column of what is no number or no date.
pub fn rows(path: &Path, columns: &[Column]) -> Result<Rows> {
    let unnamed = columns.iter().enumerate().all(|(at, c)| c.name == grid::unnamed(at));
    let grid = Grid::read(path, Some(!unnamed))?;
    let seen = columns.iter().enumerate().filter(|(_, column)| column.width() > 0);
    // In a file with the same columns each is at its own place, whatever others are called.
    let alike = grid.names.iter().eq(columns.iter().map(|column| &column.name));
    let places: HashMap<&str, usize> = grid.names.iter().map(String::as_str).zip(0..).collect();
    let seen = seen.map(|(own, column)| match places.get(&*column.name) {
        Some(_) if alike => Ok((own, column)),
        Some(at) => {
            let named = (0..grid.names.len()).filter(|&at| grid.names[at] == column.name);
            grid.validate_names(named).map(|()| (*at, column))
        }
        None => {
            let (name, said) = (&column.name, format!("{:?}", column.name));
            Err(near::no_column(path, name, said, &grid.names))
        }
    });
    let seen: Vec<_> = seen.collect::<Result<_>>()?;
    let mut notes: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut far: BTreeMap<String, usize> = BTreeMap::new();
    let inputs = Encoder::new(&grid, seen.into_iter())?.rows(|row, column, cell, odd| {
        if odd == CellIssue::Far {
            *far.entry(column.name.clone()).or_default() += 1;
        }
        notes.entry(row).or_default().push(match odd {
            CellIssue::Missing => format!("{} is missing", column.name),
            CellIssue::New => format!("{} {cell:?} is new", column.name),
            CellIssue::Far => format!("{} {cell} is far from what was learned", column.name),
        });
    })?;
    Ok(Rows { lines: grid.rows.iter().map(|row| row.line).collect(), inputs, notes, far })
}

/// The first column of which a model sees something else than it did `before`, in words.
pub(super) fn difference(before: &[Column], now: &[Column]) -> Option<String> {
    if before.len() != now.len() {
        return Some(format!("{} columns then, {} now", before.len(), now.len()));
    }
    let other = |(before, now): &(&Column, &Column)| before.features() != now.features();
    before.iter().zip(now).find(other).map(|(before, now)| {
        format!("{} was {}, and is now {}", now.name, before.describe(), now.describe())
    })
}

/// How many numbers a row of such columns has, if that can be counted.
pub(super) fn width(columns: &[Column]) -> Option<usize> {
    columns.iter().try_fold(0usize, |sum, column| sum.checked_add(column.width()))
}

/// The rows with their classes; `notes` hears of categories that are new.
fn encode(
    grid: &Grid,
    columns: &[Column],
    target: usize,
    classes: &Classes,
    notes: &mut Vec<String>,
) -> Result<Examples> {
    let mut new: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut missing, mut far) = (new.clone(), new.clone());
    let inputs = Encoder::new(grid, columns.iter().enumerate())?.rows(|_, column, _, odd| {
        let counts = match odd {
            CellIssue::New => &mut new,
            CellIssue::Missing => &mut missing,
            CellIssue::Far => &mut far,
        };
        *counts.entry(&column.name).or_default() += 1;
    })?;
    let counted = |counts: BTreeMap<&str, usize>| {
        named(counts.into_iter().map(|(name, count)| format!("{count} in {name}")).collect())
    };
    if !new.is_empty() {
        notes.push(format!(
            "categories of the test file that the training rows do not have, seen as none of theirs: {}",
            counted(new)
        ));
    }
    if !far.is_empty() {
        notes.push(format!(
            "numbers of the test file that are farther from those of the training rows than these \
             reach: {}",
            counted(far)
        ));
    }
    let unheard = |column: &&Column| column.missing == 0;
    let names: HashSet<&str> = columns.iter().filter(unheard).map(|c| &*c.name).collect();
    missing.retain(|name, _| names.contains(name));
    if !missing.is_empty() {
        notes.push(format!(
            "values missing in the test file, and never in training rows: {}; a number gets the median \
             of the training part, a category is none of theirs",
            counted(missing)
        ));
    }
    let label = |row: &grid::Row| {
        let class = grid.cell(row, target);
        classes.number(class).ok_or_else(|| {
            let problem = format!("the class {class:?} is not among the training rows");
            Error::malformed(&grid.path, grid.place(row, target), problem)
        })
    };
    let labels = grid.rows.iter().map(label).collect::<Result<_>>()?;
    let width = inputs.len() / grid.rows.len().max(1);
    let classes = classes.names.clone();
    Ok(Examples { inputs: Inputs::Numbers(inputs), shape: Shape::Row(width), labels, classes })
}

/// One sentence on all values that are missing.
fn missing_note(columns: &[Column], rows: usize) -> Option<String> {
    let seen = |column: &&Column| column.missing > 0 && column.width() > 0;
    let counts = columns.iter().filter(seen);
    let counts: Vec<_> = counts.map(|c| format!("{} in {}", c.missing, c.name)).collect();
    (!counts.is_empty()).then(|| {
        format!(
            "values missing, of {rows} rows: {}; a number gets the median of the training part, a \
             category none, and a number more says where",
            named(counts)
        )
    })
}

/// The first of a list, and how many more there are.
fn named(all: Vec<String>) -> String {
    match all.len() {
        0..=MOST_NAMED => all.join(", "),
        more => format!("{} and {} more", all[..MOST_NAMED].join(", "), more - MOST_NAMED),
    }
}

#[cfg(test)]
mod tests;
