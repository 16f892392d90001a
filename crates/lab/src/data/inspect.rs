//! [`inspect`]: what is at a path, before anything is trained on it. What `steepness data check`
//! says.
//!
//! It reads everything: an image that cannot be decoded is found here.

use std::path::Path;

use super::{Inspection, TableChoices, detect};
use crate::{Error, Result};

/// Reads all that is at `path`. `watch` hears how many images of how many are decoded.
///
/// # Errors
/// What is no data set, and what is broken in it, with file and place.
pub fn inspect(
    path: &Path,
    asked: &TableChoices,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Result<Inspection> {
    let format = detect(path)?;
    let card = format.card();
    let card = card.ok_or_else(|| Error::Work(format!("{format}: they are at no path")))?;
    if !card.has_columns && (asked.target.is_some() || !asked.ignore.is_empty()) {
        return Err(Error::Request(format!(
            "{} is {format}: a target and columns to ignore are for tables",
            path.display()
        )));
    }
    let found = (card.inspect)(path, asked, watch)?;
    Ok(Inspection { path: path.display().to_string(), ..found })
}

#[cfg(test)]
mod tests;
