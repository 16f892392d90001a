//! What a command prints, as far as anybody will read it: the beginning and the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes of the beginning that are kept, and of the end at least.
const KEPT: u64 = 4 << 20;

/// A file that does not grow without bound.
pub struct Log {
    file: File,
    /// Bytes in it.
    length: u64,
    /// Bytes that were left out of its middle.
    left_out: u64,
    /// Where the middle is: behind the beginning and the line that says what is left out.
    middle: u64,
}

impl Log {
    /// An empty one, in place of an earlier one.
    ///
    /// # Errors
    /// A file that cannot be written; so do the others.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut open = OpenOptions::new();
        let file = open.read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Self { file, length: 0, left_out: 0, middle: 0 })
    }

    /// More at its end.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        if self.length >= 3 * KEPT { self.shorten() } else { Ok(()) }
    }

    /// Takes the middle out.
    fn shorten(&mut self) -> io::Result<()> {
        let mut end = vec![0; KEPT as usize];
        self.file.seek(SeekFrom::Start(self.length - KEPT))?;
        self.file.read_exact(&mut end)?;
        self.left_out += self.length - KEPT - self.middle.max(KEPT);
        // As wide as any number, so that it can be written over.
        let note = format!("\n[steepness: {:>20} bytes are left out here]\n", self.left_out);
        self.middle = KEPT + note.len() as u64;
        self.file.seek(SeekFrom::Start(KEPT))?;
        self.file.write_all(note.as_bytes())?;
        self.file.write_all(&end)?;
        self.length = self.middle + KEPT;
        self.file.set_len(self.length)
    }

    /// No more is to come.
    pub fn finish(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The last `lines` of the file at `path` that are not empty, each of a bounded length; none where there
/// is no file: a pipe is not waited for.
pub fn tail(path: &Path, lines: usize) -> Vec<String> {
    const READ: u64 = 1 << 14;
    const LINE: usize = 200;
    let read = || -> io::Result<Vec<u8>> {
        if !path.is_file() {
            return Ok(Vec::new());
        }
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(READ)))?;
        let mut bytes = Vec::new();
        file.take(READ).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    // A bar that is drawn over and over again is one line of many.
    let mut found: Vec<String> = text
        .split(['\n', '\r'])
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(lines)
        .map(|line| line.chars().take(LINE).collect())
        .collect();
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        let mut log = Log::create(&path).unwrap();
        let line = |at: usize| format!("{at:09} {}\n", "x".repeat(1013));
        const LINES: usize = 40_000;
        for at in 0..LINES {
            log.write(line(at).as_bytes()).unwrap();
        }
        log.finish().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() < 3 * KEPT as usize && text.len() > 2 * KEPT as usize);
        assert!(text.starts_with(&line(0)) && text.ends_with(&line(LINES - 1)));
        let note = text.lines().find(|line| line.starts_with("[steepness: ")).unwrap();
        let left_out: usize = note.split_whitespace().nth(1).unwrap().parse().unwrap();
        let written = LINES * line(0).len();
        assert_eq!(left_out + text.len() - note.len() - 2, written);
        assert_eq!(text.matches("[steepness: ").count(), 1);
        assert_eq!(tail(&path, 2)[1].len(), 200);
    }

    #[test]
    fn the_last_lines_are_those_with_something_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        assert_eq!(tail(&path, 3), [""; 0]);
        fs::write(&path, b"a\nb\n10 %\r20 %\r30 %\n\nError: no\xff data\n\n").unwrap();
        assert_eq!(tail(&path, 2), ["30 %", "Error: no\u{fffd} data"]);
    }
}
