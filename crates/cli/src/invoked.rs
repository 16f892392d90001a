//! The words that the program was called with: of Python's, those after the interpreter.

use std::ffi::OsString;
use std::sync::OnceLock;

static WORDS: OnceLock<Vec<OsString>> = OnceLock::new();

/// Keeps the words of this call; of several, those of the first.
pub fn remember(words: Vec<OsString>) {
    WORDS.get_or_init(|| words);
}

/// The program's name and what follows it.
pub fn words() -> &'static [OsString] {
    WORDS.get().map_or(&[], Vec::as_slice)
}
