//! Errors of the libraries as those that Python programmers expect, with the same words.

use pyo3::PyErr;
use pyo3::exceptions::{PyIndexError, PyRuntimeError, PyValueError};

/// A target that is no class is an `IndexError`, as in PyTorch, all else a `ValueError`.
pub fn of_loss(error: steepness::Error) -> PyErr {
    let words = error.to_string();
    match error {
        steepness::Error::Target { .. } => PyIndexError::new_err(words),
        steepness::Error::Framework(_) => PyRuntimeError::new_err(words),
        _ => PyValueError::new_err(words),
    }
}

/// What was asked in vain is a `ValueError`, work that failed a `RuntimeError`.
pub fn of_measure(error: steepness_measure::Error) -> PyErr {
    let words = error.to_string();
    if error.exit_code() == 2 {
        PyValueError::new_err(words)
    } else {
        PyRuntimeError::new_err(words)
    }
}
