//! The temporary file that becomes another one: one writer at a time, and away with the program.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What this process is writing under temporary names.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A temporary file or folder; while this lives, [`remove_unfinished`] takes it away.
pub struct PartialFile(PathBuf);

impl PartialFile {
    /// Before it is made.
    pub fn new(path: &Path) -> Self {
        unfinished().insert(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        unfinished().remove(&self.0);
    }
}

/// Takes away what is half written, for a program that ends now: whoever begins another file waits
/// for that end.
pub fn remove_unfinished() {
    let all = unfinished();
    remove(&all);
    std::mem::forget(all);
}

pub(super) fn remove(all: &BTreeSet<PathBuf>) {
    for path in all {
        let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
    }
}

/// Whether `path` would be taken away now.
#[cfg(test)]
pub(super) fn is_unfinished(path: &Path) -> bool {
    unfinished().contains(path)
}

/// The name under which `path` is written before it is complete.
pub(super) fn name_for(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// How often the file is taken away by others before that is an error.
const ATTEMPTS: usize = 1000;

/// Opens the temporary file `path`, for one writer at a time: the lock goes with the file. What one
/// that was killed has left there is taken, and still in it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    for _ in 0..ATTEMPTS {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match file.lock() {
            // Without locks two that write one path at once may still spoil each other's file.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            locked => locked?,
        }
        match fs::symlink_metadata(path) {
            Ok(about) if same(&file.metadata()?, &about) => return Ok(file),
            // Somebody else's, and not to be followed.
            Ok(about) if about.is_symlink() => fs::remove_file(path)?,
            // Renamed or removed by the one who held it.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("another process writes it all the time"))
}

#[cfg(unix)]
pub(super) fn same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
pub(super) fn same(_: &Metadata, _: &Metadata) -> bool {
    true
}
