//! The command `steepness`.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Does what the words of a command line say and returns the exit code; a signal ends the process.
#[pyfunction]
pub fn main_from(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| steepness_cli::main_from(words))
}
