//! Arrays: rows of numbers that a network of somebody's made of examples, embeddings most of all, with the
//! class of each. Either in a folder of `.npy` files or in one `.npz`:
//!
//! ```text
//! train_x  train_y  [train_group]  [valid_x  valid_y …]  [test_x  test_y …]     the parts as they come
//! x  y  [split]  [group]                                                        all in one
//! ```
//!
//! x is numbers (N, D), y one label a row, numbers or words; split names the part of each row (train,
//! valid, test, or 0, 1, 2), and the rows of a group, such as one patient's, stay in one part. Nothing is
//! ever read that numpy would have to unpickle.

mod classes;
mod name;
mod part;
mod place;
mod split;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::examples::learnable;
use super::parts::Role;
use super::{Examples, files};
use crate::measure::npy::Labels;
use crate::words::several;
use crate::{Error, Result};
use classes::Classes;
use name::{ArrayName, What};
use part::{Part, inputs};
use place::Place;

/// Numbers in one array, at most: 4 GiB of them as a model sees them.
const MOST_NUMBERS: usize = 1 << 30;
/// Numbers in a row, at most: more are no features of an example.
pub(super) const MOST_WIDTH: usize = 1 << 20;

/// Arrays as examples.
#[derive(Clone, Debug)]
pub struct Arrays {
    /// What is learned from, and what is held out of it.
    pub examples: Examples,
    /// The part that chooses among epochs, if it is given.
    pub validation: Option<Examples>,
    /// The part that is measured, if it is given.
    pub test: Option<Examples>,
    /// The group of each of the examples, from 0.
    pub groups: Option<Vec<usize>>,
    /// What was found, and what there is to say of it, a sentence each.
    pub notes: Vec<String>,
}

impl Arrays {
    /// Reads all that is at `path`, a folder or an `.npz`.
    ///
    /// # Errors
    /// Names the array and the place in it: numbers of rows that differ, what is not finite, labels that
    /// are no classes, objects, arrays without a known name.
    pub fn load(path: &Path) -> Result<Self> {
        let mut place = Place::open(path)?;
        let mut notes: Vec<String> = place.not_read().into_iter().collect();
        let [train, validation, test] = parts(&mut place, path, &mut notes)?;
        let train = train.ok_or_else(|| no_train(path))?;
        let classes = Classes::of(&train.labels, &train.at[1])?;
        let groups = groups(&train, [validation.as_ref(), test.as_ref()], &mut notes);
        let width = train.width;
        let examples = |part: Part| part.examples(&classes, width);
        let held_out = |part: Option<Part>| part.map(examples).transpose();
        let (mut validation, mut test) = (held_out(validation)?, held_out(test)?);
        if test.is_none() && validation.is_some() {
            notes.push("there is no test part: the validation part is measured".to_owned());
            test = validation.take();
        }
        let examples = examples(train)?;
        learnable(path, &examples.labels, &examples.classes)?;
        Ok(Self { examples, validation, test, groups, notes })
    }
}

/// Whether a folder has arrays of those names.
pub fn is_there(folder: &Path) -> bool {
    let entries = files::entries(folder).unwrap_or_default();
    entries.iter().filter_map(|file| place::named(file)).any(|name| name.what == What::Inputs)
}

/// Whether a file holds several arrays, by its name.
pub fn is_archive(path: &Path) -> bool {
    files::name(path).to_ascii_lowercase().ends_with(".npz")
}

/// The files that [`Arrays::load`] reads.
///
/// # Errors
/// A folder that cannot be read.
pub fn origins(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let is_read = |file: &PathBuf| place::named(file).is_some();
    Ok(files::entries(path)?.into_iter().filter(is_read).collect())
}

/// The rows of an array `.npy`, or of x in an `.npz`, for a model that takes rows of `width` numbers.
///
/// # Errors
/// As [`Arrays::load`]; rows of other lengths.
pub fn rows(path: &Path, width: usize) -> Result<Vec<f32>> {
    let (values, found) = match is_archive(path) {
        true => {
            let mut place = Place::open(path)?;
            let name = ArrayName { what: What::Inputs, part: None };
            let (bytes, at) = place.take(name)?.ok_or_else(|| {
                Error::malformed(path, "arrays", format!("no x in it, but {}", place.listed()))
            })?;
            inputs(bytes, &at)?
        }
        false => inputs(place::read(path)?, path)?,
    };
    if found != width {
        let problem = format!("rows of {found} numbers, those of the run have {width}");
        return Err(Error::malformed(path, "shape", problem));
    }
    Ok(values)
}

/// Training, validation and test part, as far as they are there. One array in which nothing says what is
/// of which part is all for training.
fn parts(place: &mut Place, path: &Path, notes: &mut Vec<String>) -> Result<[Option<Part>; 3]> {
    let all = [Role::Train, Role::Validation, Role::Test];
    let in_one = place.has(|name| name.part.is_none());
    if in_one && place.has(|name| name.part.is_some()) {
        let problem = format!(
            "{}: either x and y for all rows, or an x and a y for each part",
            place.listed()
        );
        return Err(Error::malformed(path, "arrays", problem));
    }
    let mut found: [Option<Part>; 3] = [None, None, None];
    if !in_one {
        for (part, role) in found.iter_mut().zip(all) {
            *part = Part::read(place, Some(role))?;
        }
        notes.insert(0, described(found.iter().flatten()));
        return Ok(found);
    }
    let whole = Part::read(place, None)?.ok_or_else(|| no_train(path))?;
    notes.insert(0, described([&whole]));
    let Some((bytes, at)) = place.take(ArrayName { what: What::Split, part: None })? else {
        found[0] = Some(whole);
        return Ok(found);
    };
    let roles = split::roles(bytes, &at, whole.labels.len())?;
    for (part, role) in found.iter_mut().zip(all) {
        let rows: Vec<usize> = (0..roles.len()).filter(|&row| roles[row] == role).collect();
        *part = (!rows.is_empty()).then(|| whole.select(&rows));
    }
    let counts = found.each_ref().map(|part| part.as_ref().map_or(0, |part| part.labels.len()));
    notes.push(format!(
        "{} says the parts: {} rows for training, {} for validation, {} for test",
        files::name(&at),
        counts[0],
        counts[1],
        counts[2]
    ));
    Ok(found)
}

/// "arrays: train_x.npy (12000, 768), train_y.npy (12000)".
fn described<'a>(parts: impl IntoIterator<Item = &'a Part>) -> String {
    let of_part = |part: &Part| {
        let rows = part.labels.len();
        let [x, y] = part.at.each_ref().map(|at| files::name(at));
        let group = part.groups.as_ref().map(|(_, at)| format!(", {} ({rows})", files::name(at)));
        format!("{x} ({rows}, {}), {y} ({rows}){}", part.width, group.unwrap_or_default())
    };
    let all: Vec<String> = parts.into_iter().map(of_part).collect();
    format!("arrays: {}", all.join(", "))
}

/// The group of each training row, numbered from 0; `notes` hears of those that parts share.
fn groups(
    train: &Part,
    held_out: [Option<&Part>; 2],
    notes: &mut Vec<String>,
) -> Option<Vec<usize>> {
    let named = |part: &Part| part.groups.as_ref().map(|(labels, _)| names(labels));
    let own = named(train)?;
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut of_row = Vec::with_capacity(own.len());
    for name in &own {
        let next = numbers.len();
        of_row.push(*numbers.entry(name).or_insert(next));
    }
    if held_out.iter().any(Option::is_none) {
        let (count, rows) = (several(numbers.len(), "group"), several(own.len(), "row"));
        notes.push(format!("{count} of {rows}: all rows of one fall into the same part"));
    }
    for (part, what) in held_out.into_iter().zip(["validation", "test"]) {
        let Some(theirs) = part.and_then(named) else { continue };
        let shared = theirs.iter().filter(|name| numbers.contains_key(name.as_str())).count();
        if shared > 0 {
            notes.push(format!(
                "{shared} of {} {what} rows are of groups that are learned from, too: what is known of \
                 a group helps there",
                theirs.len()
            ));
        }
    }
    Some(of_row)
}

/// Names of groups, of which those of numbers and of words may be alike.
fn names(labels: &Labels) -> Vec<String> {
    match labels {
        Labels::Numbers(numbers) => numbers.iter().map(i64::to_string).collect(),
        Labels::Words(words) => words.clone(),
    }
}

fn no_train(path: &Path) -> Error {
    let problem = "no rows to learn from: expected train_x and train_y, or x and y";
    Error::malformed(path, "arrays", problem)
}

#[cfg(test)]
mod tests;
