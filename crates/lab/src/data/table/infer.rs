//! What a column holds, told by its cells.

use std::collections::{BTreeSet, HashSet};

use super::column::{Column, ColumnKind};
use super::date::Dates;
use super::grid::{Grid, Separator, unnamed};
use super::missing::is_missing;
use super::number::{Decimal, Notation, Survey, number};
use crate::{Error, Result};

/// A column with more categories is no feature of a small table.
const MOST_CATEGORIES: usize = 1000;
/// A column of words is an identifier if it has more than these and more than half the rows.
const FEW_CATEGORIES: usize = 50;
/// So many rows in order are counted by no measurement.
const COUNTED: usize = 20;

/// What the recipe says of a column.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ColumnChoices {
    /// Its values are names of categories, also where they look like numbers or like nothing.
    pub categorical: bool,
    /// It is to be seen although it looks like a name of the row.
    pub keep: bool,
}

/// A column, and what there is to say of it beyond what it holds.
pub(super) struct InferredColumn {
    pub column: Column,
    pub note: Option<String>,
}

/// What the columns of a file together say of its decimal mark: each column of numbers that proves one has
/// a say.
pub(super) fn decimal(surveys: &[Survey]) -> Option<Decimal> {
    // Of a column of words a few that look like numbers prove nothing.
    let numbers = surveys.iter().filter(|s| s.words(&s.notation(Decimal::Point)) == 0);
    let proven: Vec<Decimal> = numbers.filter_map(Survey::proven).collect();
    let all = |decimal| proven.iter().all(|other| *other == decimal);
    proven.first().copied().filter(|decimal| all(*decimal))
}

/// What the column at `at` holds; `survey` is of its cells, and `decimal` what the file says of its decimal
/// mark.
///
/// # Errors
/// A word among numbers or dates, two decimal marks, a number too large, too many categories.
pub(super) fn infer(
    grid: &Grid,
    at: usize,
    said: ColumnChoices,
    survey: &Survey,
    decimal: Option<Decimal>,
) -> Result<InferredColumn> {
    let is_gap = |cell: &str| if said.categorical { cell.is_empty() } else { is_missing(cell) };
    let missing = grid.cells(at).filter(|cell| is_gap(cell)).count();
    let cells = grid.cells(at).filter(|cell| !is_gap(cell));
    let with = |kind, note| {
        let missing = if matches!(kind, ColumnKind::Empty) { 0 } else { missing };
        Ok(InferredColumn { column: Column { name: grid.names[at].clone(), kind, missing }, note })
    };
    let Some(first) = cells.clone().next() else { return with(ColumnKind::Empty, None) };
    if missing == 0 && cells.clone().all(|cell| cell == first) {
        return with(ColumnKind::Constant(first.to_owned()), None);
    }
    if !said.categorical
        && let Some((kind, note)) = quantity(grid, at, said, survey, decimal)?
    {
        return with(kind, note);
    }
    let values: BTreeSet<String> = cells.map(category).collect();
    let (count, rows) = (values.len(), grid.rows.len() - missing);
    // All different, or nearly: most rows have a word of their own.
    let names = count == rows
        || count > FEW_CATEGORIES && count * 2 > rows
        || count >= 10 && count * 10 >= rows * 9
        || count > MOST_CATEGORIES;
    let units = survey.several_units().filter(|_| !said.categorical).map(|units| {
        let name = |unit: &str| if unit.is_empty() { "none" } else { unit }.to_owned();
        format!(
            "{}: not all its numbers have the same unit ({}), so that they are not seen as numbers; write \
             all in one",
            grid.name(at),
            super::named(units.into_iter().map(name).collect())
        )
    });
    if names && !said.categorical && !said.keep {
        return with(ColumnKind::Identifier { values: count }, units);
    }
    if count > MOST_CATEGORIES {
        let problem =
            format!("{count} categories are more than {MOST_CATEGORIES}: `ignore` leaves it out");
        return Err(Error::malformed(&grid.path, grid.name(at), problem));
    }
    let numbers = values.iter().filter(|value| number(value, Decimal::Point).is_some()).count();
    let note = (numbers > 0 && !said.categorical).then(|| {
        format!(
            "{}: {numbers} of its {count} different values are numbers and the others words, so that \
             each is a category",
            grid.name(at)
        )
    });
    with(ColumnKind::Categorical(values.into_iter().collect()), units.or(note))
}

/// Numbers or dates, if that is what the column holds, and a note.
fn quantity(
    grid: &Grid,
    at: usize,
    said: ColumnChoices,
    survey: &Survey,
    decimal: Option<Decimal>,
) -> Result<Option<(ColumnKind, Option<String>)>> {
    let cells = known(grid, at);
    let otherwise = decimal.unwrap_or(match grid.separator {
        // Where commas do not separate, they are likely to be decimal; not in JSON, whose numbers have
        // points.
        Separator::Character(',') | Separator::Objects => Decimal::Point,
        _ if survey.asks_about_commas() => Decimal::Comma,
        _ => Decimal::Point,
    });
    let written = survey.notation(otherwise);
    let words = survey.words(&written);
    if words == 0 {
        if let Some((Dates::Compact, _)) = Dates::of(cells.clone()) {
            return Ok(Some((dates(cells, Dates::Compact, false), None)));
        }
        let mark = mark_note(grid, at, survey, decimal, &written);
        let numbers: Vec<f64> = cells.filter_map(|cell| written.read(cell)).collect();
        let (min, max) = range(numbers.iter().copied());
        if max.abs().max(min.abs()) > f64::from(f32::MAX) {
            let large =
                |cell: &str| written.read(cell).is_some_and(|x| x.abs() > f64::from(f32::MAX));
            let problem = |cell: &str| format!("{cell} is too large for single precision");
            return Err(wrong(grid, at, large, problem));
        }
        let (name, note) = counted(grid, at, &numbers, said.keep);
        let notes: Vec<String> = mark.into_iter().chain(note).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        return Ok(Some((name.unwrap_or(ColumnKind::Numeric { min, max, written }), note)));
    }
    if let Some((order, open)) = Dates::of(cells.clone()) {
        return Ok(Some((dates(cells, order, open), None)));
    }
    let no_number = |cell: &str| !is_missing(cell) && written.read(cell).is_none();
    if survey.is_mixed() {
        let mark = if written.decimal == Decimal::Point { "point" } else { "comma" };
        let problem = |cell: &str| {
            format!("{cell:?} is no number with a decimal {mark}, as others of the column are")
        };
        return Err(wrong(grid, at, no_number, problem));
    }
    // A typing error; where it is meant, `categorical` says so.
    if words * 10 < survey.cells {
        let unit = written.unit.as_ref().map_or(String::new(), |unit| format!(" with {unit}"));
        let problem = |cell: &str| {
            format!(
                "{cell:?} is no number{unit}, as nearly all others of the column are \
                 (`categorical` makes them categories)"
            )
        };
        return Err(wrong(grid, at, no_number, problem));
    }
    let Some(order) = nearly_dates(cells, survey.cells) else { return Ok(None) };
    let no_date = |cell: &str| !is_missing(cell) && order.read(cell).is_none();
    let problem = |cell: &str| {
        format!(
            "{cell:?} is no date, as nearly all others of the column are (`categorical` makes them \
             categories)"
        )
    };
    Err(wrong(grid, at, no_date, problem))
}

/// What there is to say where nothing tells a decimal mark from one between thousands: how it was taken,
/// and how to write it otherwise. Where commas separate, a point is surely decimal.
fn mark_note(
    grid: &Grid,
    at: usize,
    survey: &Survey,
    decimal: Option<Decimal>,
    written: &Notation,
) -> Option<String> {
    let mark = survey.open_mark().filter(|_| decimal.is_none())?;
    if mark == '.' && matches!(grid.separator, Separator::Character(',') | Separator::Objects) {
        return None;
    }
    let example = known(grid, at).find(|cell| cell.contains(mark))?;
    let whole: String = example.chars().filter(|c| *c != mark).collect();
    let is_decimal = (mark == '.') == (written.decimal == Decimal::Point);
    let (taken, otherwise) = match is_decimal {
        true => ("before a fraction", format!("between thousands, write {whole}")),
        false => {
            let other = if mark == '.' { "," } else { "." };
            (
                "between thousands",
                format!("before a fraction, write {}", example.replace(mark, other)),
            )
        }
    };
    Some(format!(
        "{}: the marks in {example} and its like are taken as those {taken}: nothing tells; if they stand \
         {otherwise}",
        grid.name(at)
    ))
}

/// Dates in which all but a tenth are written.
fn nearly_dates<'a>(cells: impl Iterator<Item = &'a str> + Clone, count: usize) -> Option<Dates> {
    let orders = [Dates::YearFirst, Dates::DayFirst, Dates::MonthFirst, Dates::Clock];
    orders.into_iter().find(|order| {
        let words = cells.clone().filter(|cell| order.read(cell).is_none()).count();
        words * 10 < count
    })
}

fn dates<'a>(cells: impl Iterator<Item = &'a str>, written: Dates, open: bool) -> ColumnKind {
    let (first, last) = range(cells.filter_map(|cell| written.read(cell)));
    ColumnKind::Date { first, last, written, open }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), x| (min.min(x), max.max(x)))
}

/// Whether `numbers` name the rows instead of measuring them, and what to say where that is not sure.
fn counted(
    grid: &Grid,
    at: usize,
    numbers: &[f64],
    keep: bool,
) -> (Option<ColumnKind>, Option<String>) {
    let whole = numbers.iter().all(|x| x.fract() == 0.0);
    if !whole || keep || numbers.len() < 3 {
        return (None, None);
    }
    let named = names_rows(&grid.names[at], at, grid.has_header);
    let every_row = numbers.len() == grid.rows.len();
    let rises = |by: fn(f64) -> bool| numbers.windows(2).all(|pair| by(pair[1] - pair[0]));
    if every_row && rises(|step| step == 1.0) && (named || numbers.len() >= COUNTED) {
        return (Some(ColumnKind::RowNumber), None);
    }
    let distinct: HashSet<u64> = numbers.iter().map(|x| (x + 0.0).to_bits()).collect();
    let values = distinct.len();
    if every_row && values == numbers.len() && named {
        return (Some(ColumnKind::Identifier { values }), None);
    }
    let (min, max) = range(numbers.iter().copied());
    let why = if named {
        "its name says that it names rows"
    } else if numbers.len() < COUNTED || values != numbers.len() {
        return (None, None);
    } else if max - min + 1.0 == values as f64 {
        "it has each whole number of its range once, as a row number that was shuffled"
    } else if rises(|step| step > 0.0) {
        "it rises from row to row, as a row number or a time does"
    } else {
        return (None, None);
    };
    (None, Some(format!("{}: {why}; it is learned from unless ignored", grid.name(at))))
}

/// Whether a column of that name holds names of rows: "id", "PassengerId", "Unnamed: 0", "".
fn names_rows(name: &str, at: usize, has_header: bool) -> bool {
    const NAMES: [&str; 16] = [
        "id",
        "ids",
        "index",
        "idx",
        "key",
        "uuid",
        "guid",
        "row",
        "rowid",
        "rownames",
        "rownum",
        "rownumber",
        "no",
        "nr",
        "#",
        "identifier",
    ];
    let lower = name.trim_end_matches('.').to_lowercase();
    let bare: String = lower.chars().filter(|c| !" _-.".contains(*c)).collect();
    let ends = ["_id", "-id", ".id", " id"].iter().any(|end| lower.ends_with(end));
    // PassengerId, customerID
    let small = |c: char| c.is_lowercase();
    let camel =
        ["Id", "ID"].iter().any(|end| name.strip_suffix(end).is_some_and(|s| s.ends_with(small)));
    has_header && name == unnamed(at)
        || lower.starts_with("unnamed:")
        || NAMES.contains(&bare.as_str())
        || ends
        || camel
}

/// The name of the category that `cell` writes: a number in digits by its value, so that 1 and 1.0 are
/// the same. With a 0 at the beginning it is a code, which stays what it is, and so does what has an
/// exponent or more digits than a number keeps.
pub(super) fn category(cell: &str) -> String {
    let plain = cell.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    let digits = cell.trim_start_matches(['+', '-']);
    let code = digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let value = number(cell, Decimal::Point).filter(|_| plain && !code);
    value.and_then(|(value, _)| by_value(cell, value)).unwrap_or_else(|| cell.to_owned())
}

/// `value` as it is written shortest, unless `cell` has more digits than it keeps.
pub(super) fn by_value(cell: &str, value: f64) -> Option<String> {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    // −0 is 0.
    (digits <= 15).then(|| (value + 0.0).to_string())
}

/// The cells of a column that are not missing.
pub(super) fn known(grid: &Grid, at: usize) -> impl Iterator<Item = &str> + Clone {
    grid.cells(at).filter(|cell| !is_missing(cell))
}

/// The error for the first cell that is `wrong`.
fn wrong(
    grid: &Grid,
    at: usize,
    wrong: impl Fn(&str) -> bool,
    problem: impl Fn(&str) -> String,
) -> Error {
    let found = grid.rows.iter().find(|row| wrong(grid.cell(row, at)));
    match found {
        Some(row) => Error::malformed(&grid.path, grid.place(row, at), problem(grid.cell(row, at))),
        None => Error::malformed(&grid.path, grid.name(at), problem("")),
    }
}
