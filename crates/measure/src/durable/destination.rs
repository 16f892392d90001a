//! Where bytes for a path go: beside a file that they replace, or into what cannot be replaced.

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Where bytes for a path go.
pub(super) enum Destination {
    /// To this file, which was that before.
    File { path: PathBuf, before: Option<Metadata> },
    /// Into a FIFO, a device or an open file of a process.
    Stream,
}

/// Links that are followed: as many as Linux does.
const MOST_LINKS: usize = 40;

/// Follows links, also one that leads to what is not there yet.
pub(super) fn destination(path: &Path) -> io::Result<Destination> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let about = match fs::symlink_metadata(&path) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Destination::File { path, before: None });
            }
            Err(error) => return Err(error),
        };
        if about.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if about.is_file() {
            // What may not be written to is not replaced either.
            OpenOptions::new().write(true).open(&path)?;
            return Ok(Destination::File { path, before: Some(about) });
        }
        // Those of /proc, where /dev/stdout leads, stand for open files, which have no names.
        if !about.is_symlink() || fs::canonicalize(parent(&path))?.starts_with("/proc") {
            return Ok(Destination::Stream);
        }
        path = parent(&path).join(fs::read_link(&path)?);
    }
    Err(io::Error::other("too many links that lead to links"))
}

/// The folder that `path` is in.
pub(super) fn parent(path: &Path) -> &Path {
    let parent = path.parent().unwrap_or(Path::new("."));
    if parent.as_os_str().is_empty() { Path::new(".") } else { parent }
}
