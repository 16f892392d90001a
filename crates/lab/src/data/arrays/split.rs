//! What the array `split` says: the part of each row.

use std::path::Path;

use crate::data::parts::Role;
use crate::measure::npy::{self, Labels};
use crate::{Error, Result};

/// The part of each of `rows` rows, by the array at `at`: a word such as "train", "valid" or "test", or 0, 1
/// and 2 for these.
///
/// # Errors
/// Another number of rows, and what is no part, with its row.
pub fn roles(bytes: Vec<u8>, at: &Path, rows: usize) -> Result<Vec<Role>> {
    let labels = npy::labels_of(bytes, at)?;
    if labels.len() != rows {
        let problem = format!("{} rows, there are {rows} labels", labels.len());
        return Err(Error::malformed(at, "shape", problem));
    }
    let unknown = |row: usize, found: String| {
        let problem = format!("{found} is no part: expected train, valid or test, or 0, 1 or 2");
        Error::malformed(at, format!("row {row}"), problem)
    };
    match &labels {
        Labels::Numbers(numbers) => {
            let role = |(row, number): (usize, &i64)| match number {
                0 => Ok(Role::Train),
                1 => Ok(Role::Validation),
                2 => Ok(Role::Test),
                other => Err(unknown(row, other.to_string())),
            };
            numbers.iter().enumerate().map(role).collect()
        }
        Labels::Words(words) => {
            let role = |(row, word): (usize, &String)| {
                Role::of(word).ok_or_else(|| unknown(row, format!("{word:?}")))
            };
            words.iter().enumerate().map(role).collect()
        }
    }
}
