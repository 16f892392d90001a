//! The words that the program was called with: of Python's, those after the interpreter; and how it is
//! called again.

use std::ffi::OsString;
use std::sync::OnceLock;

static WORDS: OnceLock<(Vec<OsString>, Vec<String>)> = OnceLock::new();

/// Keeps the words of this call, and those of an interpreter that makes it; of several calls, the first's.
pub fn remember(words: Vec<OsString>, interpreter: Vec<String>) {
    WORDS.get_or_init(|| (words, interpreter));
}

/// The program's name and what follows it.
pub fn words() -> &'static [OsString] {
    WORDS.get().map_or(&[], |(words, _)| words)
}

/// An interpreter that has loaded us, with the words that make it call us: `python -m steepness`. None:
/// the program's name is that of a file.
pub fn interpreter() -> Option<(&'static str, &'static [String])> {
    let (first, before) = WORDS.get()?.1.split_first()?;
    Some((first, before))
}
