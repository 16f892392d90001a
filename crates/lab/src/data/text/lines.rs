//! [`Text`]: the lines of a data set in two languages, and how they are read from files of lines.

use std::path::{Path, PathBuf};

use super::super::files;
use crate::{Error, Result};

/// A file is not read beyond this. WMT14 has 4.5 million pairs of German and English, and 650 MB; a file
/// of a few bytes may unpack to any number of empty lines, each of which takes its memory.
const MOST_BYTES: u64 = 1 << 31;
const MOST_LINES: usize = 1 << 24;
const MOST_LINE: usize = 1 << 24;

/// The lines of source and target; as many of each.
pub type Lines = [Vec<String>; 2];

/// Lines that lie together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// How its files are called, without the language.
    pub name: String,
    /// What is in them.
    pub lines: Lines,
}

/// All lines of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// What is learned from.
    pub train: Section,
    /// What chooses among epochs.
    pub validation: Section,
    /// What the result is measured on.
    pub test: Section,
}

/// What `read` finds in two files, of which there has to be as much.
pub(super) fn aligned(
    [source, target]: [PathBuf; 2],
    read: &dyn Fn(&Path) -> Result<Vec<String>>,
) -> Result<Lines> {
    let lines = [read(&source)?, read(&target)?];
    let [a, b] = [lines[0].len(), lines[1].len()];
    if a == b {
        return Ok(lines);
    }
    let (short, long) = if a < b { (&source, &target) } else { (&target, &source) };
    Err(Error::malformed(
        short,
        format!("line {}", a.min(b) + 1),
        format!("missing: it has {} lines, {} has {}", a.min(b), files::name(long), a.max(b)),
    ))
}

/// The lines of a file, which may be packed.
pub(super) fn lines(path: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    files::each_line(path, MOST_BYTES, MOST_LINE, &mut |at, line| {
        if at >= MOST_LINES {
            let problem = format!("more than {MOST_LINES} lines are not held in memory");
            return Err(Error::malformed(path, format!("line {}", at + 1), problem));
        }
        found.push(line.to_owned());
        Ok(())
    })?;
    Ok(found)
}
