//! Files that are either whole or not there, whatever happens while they are written.
//!
//! Written under a temporary name, flushed to the disk, renamed, and the folder flushed: a crash
//! or a full disk leaves what was there before, and what could not be completed gives its room back.
//! A link is followed, so that what it leads to is replaced and not the link; a FIFO or a device is
//! written to; a file that was there keeps its mode and its owner.

mod destination;
mod part;
#[cfg(test)]
mod tests;

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

pub use part::{PartialFile, remove_unfinished};

use crate::{Error, Result};
use destination::{Destination, destination, parent};

/// Writes `bytes` to `path`, replacing what is there only once they are on the disk.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |to| to.write_all(bytes))
}

/// Writes to `path` what `fill` writes, replacing what is there only once it is on the disk.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    put(path, fill, true).map_err(Error::output(path))
}

/// Writes without waiting for the disk, for what can be made again from what is on it: a power cut
/// may take it away.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    put(path, |to| to.write_all(bytes), false).map_err(Error::output(path))
}

/// Writes a folder of `files` to `path`, which appears only once all of them are on the disk.
pub fn write_folder(path: &Path, files: &[(&str, &[u8])]) -> Result<()> {
    let part = part::name_for(path);
    let _unfinished = PartialFile::new(&part);
    remove_folder(&part)?;
    fs::create_dir_all(&part).map_err(Error::output(&part))?;
    let write = |(name, bytes): &(&str, &[u8])| {
        let path = part.join(name);
        let mut file = File::create(&path).map_err(Error::output(&path))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::output(&path))
    };
    files.iter().try_for_each(write).and_then(|()| flush_folder(&part)).inspect_err(|_| {
        let _ = fs::remove_dir_all(&part); // the error to tell of is the one before
    })?;
    remove_folder(path)?;
    fs::rename(&part, path).map_err(Error::output(path))?;
    flush_folder(parent(path))
}

/// Removes a folder of ours, if it is there.
pub fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::output(path)(error)),
        _ => Ok(()),
    }
}

/// Removes a file, link or pipe of ours, if it is there.
///
/// # Errors
/// What cannot be removed, such as a folder.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::output(path)(error)),
        _ => Ok(()),
    }
}

fn put(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    flush: bool,
) -> io::Result<()> {
    match destination(path)? {
        Destination::Stream => fill(&mut OpenOptions::new().write(true).open(path)?),
        Destination::File { path, before } => {
            put_whole(&path, before.as_ref(), fill, flush)?;
            if flush { File::open(parent(&path))?.sync_all() } else { Ok(()) }
        }
    }
}

/// Writes beside `path` and renames.
fn put_whole(
    path: &Path,
    before: Option<&Metadata>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    flush: bool,
) -> io::Result<()> {
    let part = part::name_for(path);
    let _unfinished = PartialFile::new(&part);
    let file = part::open(&part)?;
    let complete = || {
        file.set_len(0)?;
        let mut buffer = BufWriter::new(&file);
        fill(&mut buffer)?;
        buffer.flush()?;
        if let Some(before) = before {
            like(&file, before)?;
        }
        if flush { file.sync_all() } else { Ok(()) }
    };
    complete().and_then(|()| fs::rename(&part, path)).inspect_err(|_| {
        let _ = fs::remove_file(&part); // the error to tell of is the one before
    })
}

/// Gives `file` the mode and, where that is allowed, the owner of what it replaces.
fn like(file: &File, before: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let now = file.metadata()?;
        if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
            let _ = fchown(file, Some(before.uid()), Some(before.gid()));
        }
    }
    file.set_permissions(before.permissions())
}

fn flush_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(Error::output(path))
}
