//! What lies in the folder of a run under the names of the contract: files, and folders of them. Whatever
//! else is called so is named and not read: a pipe has no end, and a folder that is passed over would leave
//! out of the comparison what its author believes to be in it.

use std::fs::{self, FileType};
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::layout::{
    CLASSES, FEATURES, LABELS, LOGITS, MAP, MEASURES, METRICS, OOD, OWN_EPOCHS, OWN_METRICS, TEST,
    TEST_MEASURES, TRAIN_COUNTS, VAL_LABELS, VAL_LOGITS, is_plain,
};
use crate::{Error, Result, durable};

/// Everything that a command may leave, by the names in its folder: what is there before it begins is
/// not its own.
const FILES: [&str; 13] = [
    LOGITS,
    LABELS,
    OWN_METRICS,
    METRICS,
    OWN_EPOCHS,
    VAL_LOGITS,
    VAL_LABELS,
    FEATURES,
    TRAIN_COUNTS,
    CLASSES,
    MEASURES,
    TEST_MEASURES,
    MAP,
];
/// Folders of files.
const FOLDERS: [&str; 2] = [OOD, TEST];

/// Refuses what is called like an output of the run in the folder `run` and is not what it should be.
///
/// # Errors
/// Names the path and what is there; a folder that cannot be read.
pub fn validate(run: &Path) -> Result<()> {
    for name in FILES {
        validate_file(&run.join(name))?;
    }
    for name in FOLDERS {
        match kind(&run.join(name))? {
            Some("a folder") | None => {}
            Some(kind) => return refuse(&run.join(name), kind, "folder"),
        }
    }
    for path in entries(&run.join(OOD))? {
        if path.extension().is_some_and(|end| end == "npy") {
            validate_file(&path)?;
        }
    }
    for set in entries(&run.join(TEST))? {
        let name = set.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_plain(&name) && set.is_dir() {
            validate_file(&set.join(LOGITS))?;
            validate_file(&set.join(LABELS))?;
        }
    }
    Ok(())
}

/// Takes away all outputs in the folder `run`, so that none is taken for what the next attempt leaves.
///
/// # Errors
/// What cannot be removed.
pub fn clear(run: &Path) -> Result<()> {
    FILES.iter().chain(&FOLDERS).try_for_each(|name| remove(&run.join(name)))
}

/// Takes away what is at `path`, whatever it is.
///
/// # Errors
/// What cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path).is_ok_and(|about| about.is_dir()) {
        true => Ok(durable::remove_folder(path)?),
        false => Ok(durable::remove_file(path)?),
    }
}

/// There is a file, or nothing.
fn validate_file(path: &Path) -> Result<()> {
    match kind(path)? {
        Some("a file") | None => Ok(()),
        Some(kind) => refuse(path, kind, "file"),
    }
}

fn refuse<T>(path: &Path, kind: &str, expected: &str) -> Result<T> {
    Err(Error::Work(format!("it left {}, which is {kind} and no {expected}", path.display())))
}

/// What is at `path`, where links lead; `None` where there is nothing.
fn kind(path: &Path) -> Result<Option<&'static str>> {
    let of = |kind: FileType| {
        if kind.is_file() {
            "a file"
        } else if kind.is_dir() {
            "a folder"
        } else if kind.is_fifo() {
            "a FIFO"
        } else if kind.is_socket() {
            "a socket"
        } else {
            "a device"
        }
    };
    match fs::metadata(path) {
        Ok(about) => Ok(Some(of(about.file_type()))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(path.is_symlink().then_some("a link that leads nowhere"))
        }
        Err(error) => Err(Error::input(path)(error)),
    }
}

/// What is in a folder, in the order of its names; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::input(folder))?,
    };
    let path =
        |entry: std::io::Result<fs::DirEntry>| Ok(entry.map_err(Error::input(folder))?.path());
    let mut found = entries.map(path).collect::<Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_is_no_file_is_named_and_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path();
        let sets = ["ood/x.npy", "test/rain/logits.npy", "test/rain/labels.npy"];
        for name in FILES.iter().chain(&sets) {
            let path = run.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let expect = |kind: &str| {
                let error = validate(run).unwrap_err();
                let expected = format!("it left {}, which is {kind} and no file", path.display());
                assert_eq!(error.to_string(), expected);
                remove(&path).unwrap();
                validate(run).unwrap();
            };
            fs::create_dir_all(path.join("more")).unwrap();
            expect("a folder");
            symlink(run, &path).unwrap();
            expect("a folder");
            symlink("nowhere", &path).unwrap();
            expect("a link that leads nowhere");
            symlink("/dev/null", &path).unwrap();
            expect("a device");
            let _socket = UnixListener::bind(&path).unwrap();
            expect("a socket");
            fs::write(run.join("elsewhere"), "").unwrap();
            symlink(run.join("elsewhere"), &path).unwrap();
            validate(run).unwrap();
        }
        clear(run).unwrap();
        assert!(FOLDERS.iter().all(|name| !run.join(name).exists()));
        for name in FOLDERS {
            fs::write(run.join(name), "").unwrap();
            let error = validate(run).unwrap_err().to_string();
            assert!(error.ends_with(&format!("{name}, which is a file and no folder")), "{error}");
            clear(run).unwrap();
            validate(run).unwrap();
        }
    }
}
