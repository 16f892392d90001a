//! Text from outside, line by line.

use std::path::Path;

use steepness_compare::{Error, Result};

/// The lines of `bytes`, which `path` holds; an end of line at their end begins no further one.
///
/// # Errors
/// Names the line that is not UTF-8.
pub fn split(bytes: &[u8], path: &Path) -> Result<Vec<String>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = |(at, line): (usize, &[u8])| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let place = || format!("line {}", at + 1);
        String::from_utf8(line.to_owned())
            .map_err(|_| Error::malformed(path, place(), "it is not UTF-8".to_owned()))
    };
    bytes.split(|byte| *byte == b'\n').enumerate().map(line).collect()
}

/// Those of the file `path`.
///
/// # Errors
/// A file that cannot be read; see [`split`].
pub fn read(path: &Path) -> Result<Vec<String>> {
    split(&std::fs::read(path).map_err(Error::input(path))?, path)
}
