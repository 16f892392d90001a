//! The command `steepness`.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Does what the words of a command line say and returns the exit code; a signal ends the process. The
/// `interpreter` is how it is called again: `python -m steepness`, or nothing where `words` begin with a file.
#[pyfunction]
#[pyo3(signature = (words, interpreter))]
pub fn main_from(py: Python<'_>, words: Vec<OsString>, interpreter: Vec<String>) -> u8 {
    py.detach(|| steepness_cli::main_within(interpreter, words))
}
