//! Complaints about what stands in files, with the names of the files.

use std::path::Path;

use steepness_compare::{Error, Result};

/// Adds names to what arithmetic says, which knows arrays only.
pub trait WithFiles<T> {
    /// With the files that the arrays came from.
    fn of<'a>(self, files: impl IntoIterator<Item = &'a Path>) -> Result<T>;
}

impl<T, E: Into<Error>> WithFiles<T> for std::result::Result<T, E> {
    fn of<'a>(self, files: impl IntoIterator<Item = &'a Path>) -> Result<T> {
        let error = match self.map_err(E::into) {
            Err(error) if error.is_request() => error,
            other => return other,
        };
        let files: Vec<_> = files.into_iter().map(|file| file.display().to_string()).collect();
        Err(error.at(format!("{}: ", files.join(", "))))
    }
}
