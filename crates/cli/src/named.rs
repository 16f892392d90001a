//! Complaints about what stands in files, with the names of the files.

use std::path::Path;

use steepness_lab::{Error, Result};

/// Adds names to what arithmetic says, which knows arrays only.
pub trait Named {
    /// With the files that the arrays came from.
    fn of<'a>(self, files: impl IntoIterator<Item = &'a Path>) -> Self;
}

impl<T> Named for Result<T> {
    fn of<'a>(self, files: impl IntoIterator<Item = &'a Path>) -> Self {
        let problem = match self {
            Err(Error::Request(problem)) => problem,
            Err(Error::Loss(error)) => error.to_string(),
            other => return other,
        };
        let files: Vec<_> = files.into_iter().map(|file| file.display().to_string()).collect();
        Err(Error::Request(format!("{}: {problem}", files.join(", "))))
    }
}
