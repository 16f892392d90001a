//! The arrays of a `steepness measure`, read and checked; a complaint names the file.

use std::path::{Path, PathBuf};
use steepness_compare::measure::{self, Features, Logits};
use steepness_compare::npy;
use steepness_compare::{Error, Result};

/// A matrix of an .npy file, widened to double precision.
pub struct Table {
    path: PathBuf,
    values: Vec<f64>,
    columns: usize,
}

impl Table {
    /// Reads it.
    ///
    /// # Errors
    /// A file that is missing or is no matrix of floats.
    pub fn read(path: &Path) -> Result<Self> {
        let matrix = npy::matrix(path)?;
        let values = matrix.values.to_f64();
        Ok(Self { path: path.to_owned(), values, columns: matrix.columns })
    }

    /// The matrix as logits.
    ///
    /// # Errors
    /// What [`Logits::new`] refuses.
    pub fn logits(&self) -> Result<Logits<'_, f64>> {
        Logits::new(&self.values, self.columns).map_err(|problem| self.malformed(problem))
    }

    /// The matrix as features or as the weights of a head.
    ///
    /// # Errors
    /// What [`Features::new`] refuses.
    pub fn features(&self) -> Result<Features<'_, f64>> {
        Features::new(&self.values, self.columns).map_err(|problem| self.malformed(problem))
    }

    fn malformed(&self, problem: measure::Error) -> Error {
        Error::malformed(&self.path, "data", problem)
    }
}

/// Reads a matrix where one was asked for.
///
/// # Errors
/// As [`Table::read`].
pub fn table(path: &Option<PathBuf>) -> Result<Option<Table>> {
    path.as_deref().map(Table::read).transpose()
}

/// Reads labels or counts where they were asked for.
///
/// # Errors
/// A file that is missing or is no vector of whole numbers.
pub fn integers(path: &Option<PathBuf>) -> Result<Option<Vec<i64>>> {
    Ok(path.as_deref().map(npy::integers).transpose()?)
}
