//! [`Notation`]: how a column writes its numbers: with a decimal point or comma, with marks between
//! thousands, with a percent or currency sign, or with a unit behind each.
//!
//! `1,234` may be 1.234 or 1234, so that a column is asked as a whole: cells that can only be read in one
//! way decide for all others, then the other columns of the file, then its separator.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What may stand before every number of a column as well as behind it.
const UNITS: [&str; 13] =
    ["%", "‰", "$", "€", "£", "¥", "₹", "USD", "EUR", "GBP", "CHF", "JPY", "INR"];

/// Letters of the longest unit: "minutes".
const LONGEST: usize = 7;

/// The mark before the fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decimal {
    /// 1234.5
    #[default]
    Point,
    /// 1234,5
    Comma,
}

/// How a column writes its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notation {
    /// The mark before the fraction.
    pub decimal: Decimal,
    /// Whether marks stand between thousands in some cell.
    pub grouped: bool,
    /// What stands before or behind every number: "%", "$", "kg".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

impl Notation {
    /// Digits with a decimal point, and nothing else.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The finite number that `cell` writes.
    pub(super) fn read(&self, cell: &str) -> Option<f64> {
        match &self.unit {
            None => number(cell, self.decimal).map(|(value, _)| value),
            Some(unit) => number(&without(cell, unit)?, self.decimal).map(|(value, _)| value),
        }
    }

    /// " (decimal comma)", or nothing where it is plain.
    pub(super) fn describe(&self) -> String {
        let marks = match (self.decimal, self.grouped) {
            (Decimal::Point, false) => None,
            (Decimal::Point, true) => Some("marks between thousands, decimal point"),
            (Decimal::Comma, false) => Some("decimal comma"),
            (Decimal::Comma, true) => Some("marks between thousands, decimal comma"),
        };
        let parts = [self.unit.as_ref().map(|unit| format!("in {unit}")), marks.map(str::to_owned)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
    }
}

/// What the cells of a column say of how it writes numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    /// Cells that were looked at.
    pub cells: usize,
    /// What stands beside most numbers.
    unit: Option<String>,
    /// What stands beside any number, and how many have it; "" is nothing.
    units: BTreeMap<String, usize>,
    /// Cells that are numbers with a decimal point, and with a decimal comma.
    reads: [usize; 2],
    /// Those that are numbers in this way only.
    proves: [usize; 2],
    /// Those with marks between thousands, read in this way.
    grouped: [usize; 2],
    /// Numbers in both ways, and two different ones, by the mark: ".", ",".
    open: [usize; 2],
}

impl Survey {
    /// Looks at all `cells`, none of which is missing.
    pub fn of<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> Self {
        let mut survey = Self::default();
        for cell in cells.clone() {
            // Most cells are numbers without any.
            let unit = match is_plain(cell) {
                true => Some(""),
                false => unit_of(cell).or_else(|| is_number(cell).then_some("")),
            };
            if let Some(unit) = unit {
                *survey.units.entry(unit.to_owned()).or_default() += 1;
            }
        }
        let most = survey.units.iter().max_by_key(|(_, count)| **count);
        survey.unit = most.map(|(unit, _)| unit.clone()).filter(|unit| !unit.is_empty());
        for cell in cells {
            survey.cells += 1;
            let bare = match &survey.unit {
                None => Some(Cow::Borrowed(cell)),
                Some(unit) => without(cell, unit).map(Into::into),
            };
            let Some(bare) = bare else { continue };
            let found = [Decimal::Point, Decimal::Comma].map(|decimal| number(&bare, decimal));
            for (at, found) in found.iter().enumerate() {
                survey.reads[at] += usize::from(found.is_some());
                survey.grouped[at] += usize::from(found.is_some_and(|(_, grouped)| grouped));
            }
            match found {
                [Some(_), None] => survey.proves[0] += 1,
                [None, Some(_)] => survey.proves[1] += 1,
                [Some((a, _)), Some((b, _))] if a != b => {
                    survey.open[usize::from(bare.contains(','))] += 1;
                }
                _ => {}
            }
        }
        survey
    }

    /// Which mark the cells prove, if they prove one.
    pub fn proven(&self) -> Option<Decimal> {
        match self.proves {
            [0, 0] => None,
            [points, commas] if points >= commas => Some(Decimal::Point),
            _ => Some(Decimal::Comma),
        }
    }

    /// Whether nearly all cells are numbers, and both marks are there for certain.
    pub fn is_mixed(&self) -> bool {
        let numbers = self.reads[0] + self.proves[1];
        self.proves[0] > 0 && self.proves[1] > 0 && numbers * 10 >= self.cells * 9
    }

    /// How the column is to be read: as it proves, or else by `otherwise`.
    pub fn notation(&self, otherwise: Decimal) -> Notation {
        let decimal = self.proven().unwrap_or(otherwise);
        let open = self.open != [0, 0] || self.proves != [0, 0];
        // Without a mark in any cell it is no question.
        let decimal = if open { decimal } else { Decimal::Point };
        let grouped = self.grouped[decimal as usize] > 0;
        Notation { decimal, grouped, unit: self.unit.clone() }
    }

    /// Whether there are commas, and nothing in the column says what for.
    pub fn asks_about_commas(&self) -> bool {
        self.open[1] > 0
    }

    /// The mark that may stand before a fraction or between thousands, if nothing in the column says
    /// which: all of `1,234`, `17` and `5,678` are two numbers each.
    pub fn open_mark(&self) -> Option<char> {
        let [points, commas] = self.open;
        match self.proven() {
            None if points > 0 => Some('.'),
            None if commas > 0 => Some(','),
            _ => None,
        }
    }

    /// What stands beside the numbers, where that is not the same for all and nearly all cells are numbers;
    /// "" is nothing.
    pub fn several_units(&self) -> Option<Vec<&str>> {
        let numbers: usize = self.units.values().sum();
        (self.units.len() > 1 && numbers * 10 >= self.cells * 9)
            .then(|| self.units.keys().map(String::as_str).collect())
    }

    /// How many cells are no numbers in `notation`.
    pub fn words(&self, notation: &Notation) -> usize {
        self.cells - self.reads[notation.decimal as usize]
    }
}

/// Whether `cell` has digits and marks alone.
fn is_plain(cell: &str) -> bool {
    cell.bytes().all(|byte| byte.is_ascii_digit() || b"+-.,".contains(&byte))
}

/// The unit beside the number in `cell`.
fn unit_of(cell: &str) -> Option<&str> {
    sign_of(cell).or_else(|| letters_behind(cell))
}

/// The sign of a share or a currency beside the number in `cell`.
pub(super) fn sign_of(cell: &str) -> Option<&'static str> {
    UNITS.into_iter().find(|unit| without(cell, unit).is_some_and(|bare| is_number(&bare)))
}

/// "kg" of "300.5 kg", "km/h" of "12km/h", "m²" of "7 m²": letters, at once or after a space, behind a
/// number. What stands there is no matter of a list; that all cells of a column have the same makes it a
/// unit.
fn letters_behind(cell: &str) -> Option<&str> {
    let begins = |c: char| c.is_alphabetic() || c == '°';
    let goes_on = |c: char| begins(c) || "/·^²³⁻¹".contains(c);
    let is_unit = |text: &str| {
        // m2 and m3 are m² and m³ for those who have no such key.
        let letters = text.strip_suffix(['2', '3']).unwrap_or(text);
        text.chars().count() <= LONGEST && letters.chars().all(goes_on)
    };
    // An exponent begins with a letter, too: of "1e3kg" the unit begins at the second.
    let places = cell.char_indices().filter(|(_, c)| begins(*c)).map(|(at, _)| at);
    let behind = places
        .map(|at| cell.split_at(at))
        .find(|(bare, unit)| is_unit(unit) && is_number(bare.trim_end()) && !is_number(cell));
    behind.map(|(_, unit)| unit)
}

/// Whether `cell` is a number, with either mark before the fraction.
fn is_number(cell: &str) -> bool {
    [Decimal::Point, Decimal::Comma].iter().any(|decimal| number(cell, *decimal).is_some())
}

/// `cell` without `unit` before or behind it; "-$5" becomes "-5".
fn without(cell: &str, unit: &str) -> Option<String> {
    if let Some(bare) = cell.strip_suffix(unit) {
        return Some(bare.trim_end().to_owned());
    }
    let (sign, rest) = match cell.strip_prefix(['-', '−', '+']) {
        Some(rest) if cell.starts_with('+') => ("+", rest),
        Some(rest) => ("-", rest),
        None => ("", cell),
    };
    Some(format!("{sign}{}", rest.trim_start().strip_prefix(unit)?.trim_start()))
}

/// The finite number that `cell` writes with this decimal mark, and whether marks stand between its
/// thousands.
pub(super) fn number(cell: &str, decimal: Decimal) -> Option<(f64, bool)> {
    let finite = |value: f64| value.is_finite().then_some(value);
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // Most numbers are as programs write them.
    let plain: &[u8] = if decimal == Decimal::Point { b"+-eE." } else { b"+-eE" };
    if cell.bytes().all(|byte| byte.is_ascii_digit() || plain.contains(&byte)) {
        return cell.parse().ok().and_then(finite).map(|value| (value, false));
    }
    let (negative, unsigned) = match cell.strip_prefix(['-', '−', '+']) {
        Some(rest) => (!cell.starts_with('+'), rest),
        None => (false, cell),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            (!digits.is_empty() && is_digits(digits)).then_some((mantissa, exponent))?
        }
        None => (unsigned, "0"),
    };
    let mark = if decimal == Decimal::Point { '.' } else { ',' };
    let (whole, fraction) = mantissa.split_once(mark).unwrap_or((mantissa, ""));
    if !is_digits(fraction) || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (digits, grouped) = match is_digits(whole) {
        true => (whole.to_owned(), false),
        false => (ungrouped(whole, decimal)?, true),
    };
    let value: f64 = format!("{digits}.{fraction}e{exponent}").parse().ok()?;
    finite(if negative { -value } else { value }).map(|value| (value, grouped))
}

/// "1,234,567" without the marks: the same mark every three digits, and no 0 at the beginning.
fn ungrouped(whole: &str, decimal: Decimal) -> Option<String> {
    let other = if decimal == Decimal::Point { ',' } else { '.' };
    // Spaces of several widths, and the apostrophe as in Switzerland.
    let marks = [other, ' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '’'];
    let mark = whole.chars().find(|c| !c.is_ascii_digit()).filter(|c| marks.contains(c))?;
    let mut groups = whole.split(mark);
    let first = groups.next()?;
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let begins = (1..=3).contains(&first.len()) && !first.starts_with('0') && is_digits(first);
    let goes_on = groups.all(|group| group.len() == 3 && is_digits(group));
    (begins && goes_on).then(|| whole.split(mark).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notation(cells: &[&str], otherwise: Decimal) -> (Notation, usize) {
        let survey = Survey::of(cells.iter().copied());
        let notation = survey.notation(otherwise);
        let words = survey.words(&notation);
        (notation, words)
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        use Decimal::{Comma, Point};
        for (cell, decimal, expected) in [
            ("12", Point, Some(12.0)),
            ("-0.5", Point, Some(-0.5)),
            (".5", Point, Some(0.5)),
            ("1.", Point, Some(1.0)),
            ("+4e-1", Point, Some(0.4)),
            ("−3", Point, Some(-3.0)),
            ("1,234.5", Point, Some(1234.5)),
            ("1,234,567", Point, Some(1_234_567.0)),
            ("1 234", Point, Some(1234.0)),
            ("1\u{202f}234,5", Comma, Some(1234.5)),
            ("1'234.5", Point, Some(1234.5)),
            ("1.234,5", Comma, Some(1234.5)),
            ("0,2934", Comma, Some(0.2934)),
            ("1234,5", Comma, Some(1234.5)),
            ("1e5", Comma, Some(1e5)),
            // No numbers, or not in this notation.
            ("0,2934", Point, None),
            ("0,293", Point, None),
            ("1.5", Comma, None),
            ("12,34", Point, None),
            ("1,2345", Point, None),
            ("1,234 567", Point, None),
            ("1.2.3", Point, None),
            ("1.2.3", Comma, None),
            ("", Point, None),
            (".", Point, None),
            ("-", Point, None),
            ("e5", Point, None),
            ("1e", Point, None),
            ("nan", Point, None),
            ("inf", Point, None),
            ("1e999", Point, None),
            ("--1", Point, None),
            ("1,", Point, None),
            ("٣", Point, None),
        ] {
            assert_eq!(number(cell, decimal).map(|(value, _)| value), expected, "{cell}");
        }
    }

    #[test]
    fn a_column_decides_for_all_its_cells() {
        use Decimal::{Comma, Point};
        for (cells, otherwise, decimal, words) in [
            (&["1,234", "12,5"][..], Point, Comma, 0),
            (&["1,234", "12.5"], Comma, Point, 0),
            (&["1,234", "2,345"], Point, Point, 0),
            (&["1,234", "2,345"], Comma, Comma, 0),
            (&["1.234", "1.234,5"], Point, Comma, 0),
            (&["1.234", "17"], Point, Point, 0),
            (&["1", "2"], Comma, Point, 0),
            (&["1,5", "2,5", "x"], Point, Comma, 1),
        ] {
            let (found, no_numbers) = notation(cells, otherwise);
            assert_eq!((found.decimal, no_numbers), (decimal, words), "{cells:?}");
        }
        assert!(Survey::of(["1,5", "1.5"].into_iter()).is_mixed());
        let (grouped, _) = notation(&["1,234", "12.5"], Point);
        assert_eq!(grouped.describe(), " (marks between thousands, decimal point)");
    }

    #[test]
    fn units_are_the_same_in_every_cell() {
        for (cells, unit, value) in [
            (["5%", "12.5 %"], "%", 5.0),
            (["-$1,234.50", "$3"], "$", -1234.5),
            (["1.234,50 €", "-2 €"], "€", 1234.5),
            (["USD 7", "USD 8"], "USD", 7.0),
        ] {
            let (found, words) = notation(&cells, Decimal::Point);
            assert_eq!((found.unit.as_deref(), words), (Some(unit), 0));
            assert_eq!(found.read(cells[0]), Some(value));
        }
        let (dollars, words) = notation(&["$5", "€5", "$7", "5"], Decimal::Point);
        assert_eq!(
            (words, dollars.read("€5"), dollars.describe()),
            (2, None, " (in $)".to_owned())
        );
    }

    #[test]
    fn letters_behind_every_number_are_a_unit() {
        for (cells, unit, value) in [
            (["300.5 kg", "2 kg"], "kg", 300.5),
            (["300.5kg", "2kg"], "kg", 300.5),
            (["12 km/h", "7 km/h"], "km/h", 12.0),
            (["-3.5 °C", "20 °C"], "°C", -3.5),
            (["7 m²", "8 m²"], "m²", 7.0),
            (["7m2", "8m2"], "m2", 7.0),
            (["1.234,5 kWh", "3 kWh"], "kWh", 1234.5),
            (["1e3kg", "2kg"], "kg", 1000.0),
            (["5 µm", "6 µm"], "µm", 5.0),
        ] {
            let (found, words) = notation(&cells, Decimal::Point);
            assert_eq!((found.unit.as_deref(), words), (Some(unit), 0), "{cells:?}");
            assert_eq!(found.read(cells[0]), Some(value), "{cells:?}");
        }
        for cells in [&["1e5", "2"][..], &["C85", "C3"], &["12 Main St", "3 Main St"], &["x", "5"]]
        {
            assert_eq!(notation(cells, Decimal::Point).0.unit, None, "{cells:?}");
        }
        // The unit of most cells counts, whatever stands first.
        assert_eq!(notation(&["5", "6 kg", "7 kg"], Decimal::Point).0.unit.as_deref(), Some("kg"));
        assert_eq!(notation(&["5 kg", "6", "7"], Decimal::Point).0.unit, None);
        let several = Survey::of(["5 kg", "6 g", "7"].into_iter());
        assert_eq!(several.several_units(), Some(vec!["", "g", "kg"]));
        assert_eq!(Survey::of(["5 kg", "6 kg"].into_iter()).several_units(), None);
        assert_eq!(Survey::of(["5 kg", "x", "6 g"].into_iter()).several_units(), None);
    }

    #[test]
    fn marks_that_nothing_explains_are_told() {
        for (cells, mark) in [
            (&["574", "5.196"][..], Some('.')),
            (&["5,196", "1,234"], Some(',')),
            (&["5.196", "0.574"], None),
            (&["5.196", "1.234.567"], None),
            (&["574", "12"], None),
            (&["5.196 kg", "574 kg"], Some('.')),
        ] {
            assert_eq!(Survey::of(cells.iter().copied()).open_mark(), mark, "{cells:?}");
        }
    }
}
