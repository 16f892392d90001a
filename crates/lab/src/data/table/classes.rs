//! [`Classes`]: what the column of the class holds.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::grid::{Grid, Row};
use super::infer::{by_value, category};
use super::missing::is_missing;
use super::number::{Decimal, Notation, Survey};
use crate::{Error, Result};

/// A column of numbers with a fraction and more values than these is a quantity; so is one of whole
/// numbers if that are more than a tenth of the rows, too.
const MOST_NUMBERS: usize = 20;
/// Spellings that a note lists.
const MOST_SHOWN: usize = 5;

/// The classes of a table.
pub(super) struct Classes {
    /// Numbers by size, words by their letters.
    pub names: Vec<String>,
    numbers: HashMap<String, i64>,
    /// How they are written, if all are numbers.
    written: Option<Notation>,
    categorical: bool,
}

impl Classes {
    /// Those in the column at `target`; `categorical` says that "NA" and the like are classes, too, and
    /// `decimal` is the file's mark before fractions.
    ///
    /// # Errors
    /// A quantity, and more values than classes can be.
    pub fn of(
        grid: &Grid,
        target: usize,
        categorical: bool,
        decimal: Option<Decimal>,
    ) -> Result<Self> {
        let known = || grid.cells(target).filter(move |cell| !is_gap(cell, categorical));
        let survey = Survey::of(known());
        let written = survey.notation(decimal.unwrap_or_default());
        let words = survey.words(&written);
        let written = (words == 0 && written.unit.is_none() && survey.cells > 0).then_some(written);
        let mut classes = Self { names: Vec::new(), numbers: HashMap::new(), written, categorical };
        let mut values: BTreeMap<String, f64> = BTreeMap::new();
        for cell in known() {
            let value = classes.value(cell).unwrap_or_default();
            values.entry(classes.name(cell)).or_insert(value);
        }
        let (count, rows) = (values.len(), survey.cells);
        let fractions = values.values().any(|value| value.fract() != 0.0);
        let refuse = |problem| Err(Error::malformed(&grid.path, grid.name(target), problem));
        if fractions && count > MOST_NUMBERS {
            return refuse(format!(
                "{count} different numbers, with fractions, in {rows} rows are a quantity and no \
                 classes: make ranges of them, or name another column as the target"
            ));
        }
        let whole = classes.written.is_some() && !categorical;
        if whole && count > MOST_NUMBERS && count * 10 > rows {
            return refuse(format!(
                "{count} different whole numbers in {rows} rows look like a quantity and not like \
                 classes: make ranges of them, or name another column as the target; where they are \
                 classes, a recipe that names the column in `categorical` insists on it"
            ));
        }
        if count > 2 && count * 2 > rows {
            return refuse(format!(
                "{count} different values in {rows} rows are no classes; `target` names another column"
            ));
        }
        let mut values: Vec<(String, f64)> = values.into_iter().collect();
        if classes.written.is_some() {
            values.sort_by(|a, b| a.1.total_cmp(&b.1));
        }
        classes.names = values.into_iter().map(|(name, _)| name).collect();
        classes.numbers = classes.names.iter().cloned().zip(0..).collect();
        Ok(classes)
    }

    /// The number of the class that `cell` names, if there is such a class.
    pub fn number(&self, cell: &str) -> Option<i64> {
        self.numbers.get(&self.name(cell)).or_else(|| self.numbers.get(cell)).copied()
    }

    /// Takes the rows without a class from `grid`, and says how many there were.
    ///
    /// # Errors
    /// No row is left.
    pub fn leave_out(&self, grid: &mut Grid, target: usize) -> Result<Option<String>> {
        let before = grid.rows.len();
        let has_class = |row: &Row| !is_gap(grid.cell(row, target), self.categorical);
        let kept: Vec<Row> = grid.rows.iter().filter(|row| has_class(row)).copied().collect();
        grid.rows = kept;
        let gone = before - grid.rows.len();
        if grid.rows.is_empty() {
            let problem = format!("the class is missing in all {before} rows");
            return Err(Error::malformed(&grid.path, grid.name(target), problem));
        }
        let place = || format!("{} is empty there", grid.name(target));
        Ok((gone > 0).then(|| format!("{gone} of {before} rows are left out: {}", place())))
    }

    /// What there is to say of how `grid` writes the classes: those written in several ways are one, and
    /// those that differ in the case of letters are not.
    pub fn notes(&self, grid: &Grid, target: usize) -> Vec<String> {
        let listed = |mut cells: Vec<&str>| {
            cells.sort_unstable();
            let more = if cells.len() > MOST_SHOWN { ", …" } else { "" };
            let shown: Vec<String> =
                cells.iter().take(MOST_SHOWN).map(|cell| format!("{cell:?}")).collect();
            shown.join(", ") + more
        };
        let spellings: HashSet<&str> = grid.cells(target).collect();
        let place = grid.name(target);
        let mut notes = Vec::new();
        if spellings.len() > self.names.len() {
            let count = self.names.len();
            notes.push(format!(
                "{place}: numbers count by their value, so that {} are {count} classes",
                listed(spellings.into_iter().collect())
            ));
        }
        let mut by_case: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for name in &self.names {
            by_case.entry(name.to_lowercase()).or_default().push(name);
        }
        let alike: Vec<&str> =
            by_case.into_values().filter(|names| names.len() > 1).flatten().collect();
        if !alike.is_empty() {
            notes.push(format!(
                "{place}: classes of their own that differ only in the case of letters: {}",
                listed(alike)
            ));
        }
        notes
    }

    fn value(&self, cell: &str) -> Option<f64> {
        self.written.as_ref().and_then(|written| written.read(cell))
    }

    /// What the class that `cell` names is called: a number by its value.
    fn name(&self, cell: &str) -> String {
        let by_value = self.value(cell).map(|value| by_value(cell, value));
        by_value.unwrap_or_else(|| Some(category(cell))).unwrap_or_else(|| cell.to_owned())
    }
}

/// Whether `cell` says that the class is not known. "None" is a class: of four degrees of harm, for
/// instance, the first.
fn is_gap(cell: &str, categorical: bool) -> bool {
    let word = || cell.eq_ignore_ascii_case("none") || cell.starts_with('-');
    if categorical { cell.is_empty() } else { is_missing(cell) && !word() }
}
