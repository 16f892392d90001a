//! What may be wrong with columns that a model is to see: a number that stands for none, a copy of the
//! class, a postal code. Nothing is changed for it: it is said, and whoever knows the data decides.

use std::collections::HashMap;

use super::column::{Column, ColumnKind};
use super::grid::Grid;
use super::infer::known;
use super::{Inputs, named};
use crate::data::Examples;

/// Fewer rows agree by chance.
const ENOUGH_ROWS: usize = 20;

/// A number that stands for none is in at least one of so many rows.
const ONE_OF: usize = 200;

/// What there is to say of the `columns` of `grid`, of which `examples` were made: a sentence a kind.
pub(super) fn doubts(grid: &Grid, columns: &[Column], examples: &Examples) -> Vec<String> {
    let Inputs::Numbers(values) = &examples.inputs else { return Vec::new() };
    let width = examples.shape.values().max(1);
    let (mut codes, mut copies, mut postal, mut place) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (at, column) in columns.iter().enumerate() {
        let seen = place..place + column.width();
        place = seen.end;
        if seen.is_empty() {
            continue;
        }
        if copies_the_class(values.chunks_exact(width).map(|row| &row[seen.clone()]), examples) {
            copies.push(column.name.clone());
        }
        if matches!(column.kind, ColumnKind::Numeric { .. }) {
            let numbers = values.iter().skip(seen.start).step_by(width).copied();
            let found = stand_ins(numbers.filter(|value| !value.is_nan()).collect());
            codes.extend(found.into_iter().map(|(value, count)| {
                format!("{value} in {count} of {} rows of {}", examples.len(), column.name)
            }));
            if is_postal(grid, at) {
                postal.push(column.name.clone());
            }
        }
    }
    let say = |found: Vec<String>, say: &str| {
        (!found.is_empty()).then(|| format!("{}: {say}", named(found)))
    };
    let copies = say(
        copies,
        "each of its values goes with one class and each class with one of its values, as in a copy \
         of the class; what is not known before the class is has to be ignored",
    );
    let codes = say(
        codes,
        "far from all others there, as a number that stands for a missing one; it is learned from as \
         it is, where an empty cell would be seen as missing",
    );
    let postal = say(
        postal,
        "seen as numbers, although postal codes and the like, with zeros before them, measure nothing; \
         `categorical` makes them categories",
    );
    [copies, codes, postal].into_iter().flatten().collect()
}

/// Whether what a model sees of a column tells the class, and the class what it sees.
fn copies_the_class<'a>(column: impl Iterator<Item = &'a [f32]>, examples: &Examples) -> bool {
    let mut values: HashMap<Vec<u32>, i64> = HashMap::new();
    for (value, &label) in column.zip(&examples.labels) {
        let value = value.iter().map(|x| (x + 0.0).to_bits()).collect();
        if *values.entry(value).or_insert(label) != label || values.len() > examples.classes.len() {
            return false;
        }
    }
    examples.len() >= ENOUGH_ROWS && values.len() == examples.classes.len()
}

/// Of a column's numbers those that are likely to stand for a missing one, and how often each is there:
/// −1 below numbers that are never negative, more frequent than any of them; 999 and its like, and the
/// limits of integers, where they are farther from the nearest other than the middle half is wide.
fn stand_ins(mut numbers: Vec<f32>) -> Vec<(f32, usize)> {
    numbers.sort_unstable_by(f32::total_cmp);
    let count = numbers.len();
    let mut runs: Vec<(f32, usize)> = Vec::new();
    for &number in &numbers {
        match runs.last_mut() {
            Some((last, count)) if *last == number => *count += 1,
            _ => runs.push((number, 1)),
        }
    }
    let often = |times: usize| times > 1 && times * ONE_OF >= count;
    let mut found = Vec::new();
    // The outermost first: −9999 may stand beyond −999.
    while let [first, .., last] = runs[..] {
        let lowest = often(first.1) && stands_apart(first, &runs[1..]);
        let highest = often(last.1) && stands_apart(last, &runs[..runs.len() - 1]);
        if highest {
            found.extend(runs.pop());
        } else if lowest {
            found.push(runs.remove(0));
        } else {
            break;
        }
    }
    found
}

/// Whether `one` is a number that people write for none, and looks it among the `others`, which are
/// sorted, and all to one side of it.
fn stands_apart((one, times): (f32, usize), others: &[(f32, usize)]) -> bool {
    let [(least, _), .., (most, _)] = *others else { return false };
    if one == -1.0 || one == -9.0 {
        return least >= 0.0 && others.len() >= 10 && others.iter().all(|other| other.1 < times);
    }
    // One of them may be such a number, too, and does not widen the middle half.
    let all: usize = others.iter().map(|other| other.1).sum();
    let quantile = |part: usize| {
        let mut left = all * part / 4;
        let found = others.iter().find(|other| {
            let here = left < other.1;
            left = left.saturating_sub(other.1);
            here
        });
        found.map_or(most, |other| other.0)
    };
    let middle = quantile(3) - quantile(1);
    let scale = if middle > 0.0 { middle } else { most - least };
    let gap = if one > most { one - most } else { least - one };
    is_code(one) && gap > scale
}

/// 99, −999, 9999.0 and so on, and the limits of integers of 16 and of 32 bits.
fn is_code(number: f32) -> bool {
    const LIMITS: [f32; 5] = [65535.0, 32767.0, -32768.0, 2147483648.0, -2147483648.0];
    let nines = [2, 3, 4, 5, 6, 7].map(|digits| 10f32.powi(digits) - 1.0);
    nines.contains(&number.abs()) || LIMITS.contains(&number)
}

/// Whether a column of numbers has the name of postal codes, or whole numbers with zeros before them.
fn is_postal(grid: &Grid, at: usize) -> bool {
    let name = grid.names[at].to_lowercase();
    let words = || name.split(|c: char| !c.is_alphanumeric());
    let bare: String = words().collect();
    let named = words().any(|word| ["zip", "plz", "postal"].contains(&word))
        || ["zipcode", "postcode", "postalcode", "postleitzahl"].iter().any(|n| bare.contains(n));
    let digits = |cell: &str| cell.bytes().all(|byte| byte.is_ascii_digit());
    // Not the hours 00 to 23.
    let padded = |cell: &str| cell.len() >= 4 && cell.starts_with('0');
    known(grid, at).all(digits) && (named || known(grid, at).any(padded))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Table;

    /// The notes on a table of 40 rows, of which `cell` says what the one before the class holds.
    fn notes(name: &str, cell: impl Fn(usize) -> String) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let row = |at: usize| format!("{},{},{}\n", at * 7 % 11, cell(at), ["a", "b"][at % 2]);
        let text = format!("x,{name},class\n") + &(0..40).map(row).collect::<String>();
        fs::write(&path, text).unwrap();
        let recipe = format!("path = {:?}", path.to_str().unwrap());
        Table::load(&toml::from_str(&recipe).unwrap()).unwrap().notes.join("\n")
    }

    #[test]
    fn numbers_that_stand_for_none_are_named() {
        let age = |code: &'static str| {
            move |at: usize| if at % 9 == 1 { code.to_owned() } else { (20 + at % 13).to_string() }
        };
        for code in ["-999", "9999", "-1", "-999.0", "99"] {
            let value = code.trim_end_matches(".0");
            let said = notes("age", age(code));
            let expected = format!("{value} in 5 of 40 rows of age: far from all others");
            assert!(said.contains(&expected), "{code}: {said}");
        }
        // Both at once, and where nearly all others are alike.
        let both = notes("age", |at| match at % 8 {
            0 => "-999".to_owned(),
            1 => "9999".to_owned(),
            _ => (at % 7).to_string(),
        });
        assert!(both.contains("9999 in 5 of 40 rows of age, -999 in 5 of 40"), "{both}");
        let gain = notes("gain", |at| match at % 10 {
            0 => "99999".to_owned(),
            1 => (2000 + at).to_string(),
            _ => "0".to_owned(),
        });
        assert!(gain.contains("99999 in 4 of 40 rows of gain"), "{gain}");
    }

    #[test]
    fn other_numbers_are_not_suspected() {
        for cell in [
            // Once; among its like; near the others; of numbers below 0; one of few.
            (|at| if at == 3 { "999" } else { ["1", "2", "3"][at % 3] }.to_owned())
                as fn(usize) -> String,
            |at| (at % 12 * 9).to_string(),
            |at| (88 + at % 12).to_string(),
            |at| (at as i64 % 14 - 3).to_string(),
            |at| ["-1", "0", "1"][at % 3].to_owned(),
            |at| (if at % 3 == 0 { 500 } else { at % 5 }).to_string(),
        ] {
            assert_eq!(notes("x2", cell), "");
        }
    }

    #[test]
    fn copies_of_the_class_are_named() {
        let said = notes("outcome", |at| ["yes", "no"][at % 2].to_owned());
        assert!(said.starts_with("outcome: each of its values goes with one class"), "{said}");
        let numbers = notes("code", |at| ["1", "2"][at % 2].to_owned());
        assert!(numbers.starts_with("code: each of its values"), "{numbers}");
        // A gap is a value, too.
        let gaps = notes("cause", |at| ["7", ""][at % 2].to_owned());
        assert!(gaps.contains("cause: each of its values"), "{gaps}");
        let nearly = notes("sign", |at| ["yes", "no"][(at + usize::from(at == 9)) % 2].to_owned());
        assert_eq!(nearly, "");
        // Each value one class, but a class has several.
        assert_eq!(notes("part", |at| ["p", "q", "r", "q"][at % 4].to_owned()), "");
    }

    #[test]
    fn postal_codes_are_named() {
        for (name, first) in [("zip", 10115), ("Postal Code", 10115), ("branch", 1067)] {
            let said = notes(name, |at| format!("{:05}", first + at * 811 % 97));
            assert!(said.contains(&format!("{name}: seen as numbers")), "{name}: {said}");
        }
        assert_eq!(notes("zipper", |at| (at * 811 % 97).to_string()), "");
        assert_eq!(notes("zip", |at| format!("{}.5", at % 31)), "");
    }
}
