//! Who works in the folder of a comparison or of a run: one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::{Error, Result};

/// Takes the lock `path`, which the system gives back however this process ends.
pub fn lock(path: &Path) -> Result<File> {
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open.map_err(Error::output(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder); // who it is, where it can be read
            return Err(Error::Request(format!(
                "{} is in use by {}",
                path.parent().unwrap_or(path).display(),
                if holder.is_empty() { "another process" } else { holder.trim() }
            )));
        }
        Err(TryLockError::Error(error)) => return Err(Error::output(path)(error)),
    }
    let note = format!("process {}\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(note.as_bytes()))
        .map_err(Error::output(path))?;
    Ok(file)
}
