//! Files that are either whole or not there, whatever happens while they are written.
//!
//! Written under a temporary name, flushed to the disk, renamed, and the folder flushed: a crash
//! or a full disk leaves what was there before, and what could not be completed gives its room back.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Writes `bytes` to `path`, replacing what is there only once they are on the disk.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = part_of(path);
    write_and_flush(&part, bytes).inspect_err(|_| {
        let _ = fs::remove_file(&part); // the error to tell of is the one before
    })?;
    fs::rename(&part, path).map_err(Error::output(path))?;
    flush_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Writes a folder of `files` to `path`, which appears only once all of them are on the disk.
pub fn write_folder(path: &Path, files: &[(&str, &[u8])]) -> Result<()> {
    let part = part_of(path);
    remove_folder(&part)?;
    fs::create_dir_all(&part).map_err(Error::output(&part))?;
    let write = |(name, bytes): &(&str, &[u8])| write_and_flush(&part.join(name), bytes);
    files.iter().try_for_each(write).and_then(|()| flush_folder(&part)).inspect_err(|_| {
        let _ = fs::remove_dir_all(&part);
    })?;
    remove_folder(path)?;
    fs::rename(&part, path).map_err(Error::output(path))?;
    flush_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Removes a folder of ours, if it is there.
pub fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::output(path)(error))
        }
        _ => Ok(()),
    }
}

/// The name under which `path` is written before it is complete.
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

fn write_and_flush(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path).map_err(Error::output(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::output(path))
}

fn flush_folder(path: &Path) -> Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|folder| folder.sync_all()).map_err(Error::output(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_replaces_leftovers_and_its_predecessor() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::create_dir(part_of(&path)).unwrap();
        fs::write(part_of(&path).join("torn"), "x").unwrap();
        write_folder(&path, &[("f", b"1"), ("g", b"2")]).unwrap();
        write_folder(&path, &[("f", b"3")]).unwrap();
        assert_eq!(fs::read(path.join("f")).unwrap(), b"3");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_error_names_the_path() {
        let error = write(Path::new("/nowhere/at/all"), b"").unwrap_err();
        assert!(error.to_string().ends_with("/nowhere/at/all.part"), "{error}");
        assert_eq!(error.exit_code(), 1);
    }
}
