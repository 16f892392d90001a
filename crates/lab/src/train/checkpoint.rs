//! Checkpoints that survive whatever stops the program.
//!
//! A checkpoint is a folder `step-<n>` of files and a manifest with their sizes and SHA-256. It
//! appears whole or not at all, and the one before it is kept. Reading takes the newest one that its
//! manifest confirms; a damaged one is named and passed over.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::compare::Manifest;
use crate::{Error, Result, durable};

const MANIFEST: &str = "manifest.json";

/// The newest and the one to fall back on.
const KEPT: usize = 2;

/// The files of a checkpoint, by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Saves `files` as the checkpoint of `step` in `folder`, then removes all but the newest two. What a
/// killed process left half written makes room first.
///
/// # Errors
/// Names the path that could not be written; what was saved before is untouched.
pub fn save(folder: &Path, step: u64, files: &Files) -> Result<()> {
    let mut all: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let manifest = Manifest::of(all.iter().copied()).to_bytes();
    all.push((MANIFEST, &manifest));
    fs::create_dir_all(folder).map_err(Error::output(folder))?;
    for (name, path) in entries(folder)? {
        if name.starts_with("step-") && name.ends_with(".part") {
            durable::remove_folder(&path)?;
        }
    }
    durable::write_folder(&folder.join(format!("step-{step:09}")), &all)?;
    for (_, old) in list(folder)?.into_iter().rev().skip(KEPT) {
        durable::remove_folder(&old)?;
    }
    Ok(())
}

/// The newest checkpoint in `folder` that is whole; `warn` is told of those that are not.
///
/// # Errors
/// Only when the folder itself cannot be read; without a checkpoint the answer is `None`.
pub fn newest(folder: &Path, warn: &dyn Fn(&str)) -> Result<Option<Files>> {
    for (_, path) in list(folder)?.into_iter().rev() {
        match read(&path) {
            Ok(files) => return Ok(Some(files)),
            Err(error) => warn(&format!("damaged checkpoint passed over: {error}")),
        }
    }
    Ok(None)
}

/// Checkpoints in `folder` by step, oldest first.
fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let step =
        |(name, path): (String, PathBuf)| Some((name.strip_prefix("step-")?.parse().ok()?, path));
    let mut found: Vec<_> = entries(folder)?.into_iter().filter_map(step).collect();
    found.sort();
    Ok(found)
}

/// What is in `folder`, by name; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::stored(folder))?,
    };
    let named =
        |entry: fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), entry.path());
    entries.map(|entry| entry.map(named).map_err(Error::stored(folder))).collect()
}

fn read(path: &Path) -> Result<Files> {
    let manifest = Manifest::read(&path.join(MANIFEST))?;
    let mut files = Files::new();
    for name in manifest.names() {
        let file = path.join(name);
        let bytes = fs::read(&file).map_err(Error::input(&file))?;
        manifest.verify(name, &file, &bytes)?;
        files.insert(name.to_owned(), bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn files(text: &str) -> Files {
        [("a".to_owned(), text.into()), ("b".to_owned(), vec![7; 100])].into()
    }

    fn newest_with_warnings(folder: &Path) -> (Option<Files>, Vec<String>) {
        let warnings = RefCell::new(Vec::new());
        let found = newest(folder, &|text| warnings.borrow_mut().push(text.to_owned())).unwrap();
        (found, warnings.into_inner())
    }

    #[test]
    fn the_newest_two_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(newest_with_warnings(&dir.path().join("none")), (None, vec![]));
        for step in [9, 10, 2_000_000_000] {
            save(dir.path(), step, &files(&step.to_string())).unwrap();
        }
        assert_eq!(
            list(dir.path()).unwrap().iter().map(|x| x.0).collect::<Vec<_>>(),
            [10, 2_000_000_000]
        );
        assert_eq!(newest_with_warnings(dir.path()), (Some(files("2000000000")), vec![]));
    }

    #[test]
    fn damage_falls_back_and_names_the_file() {
        type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
        let damages: [Damage; 5] = [
            ("a", &|path| fs::write(path.join("a"), "3").unwrap()),
            ("b", &|path| fs::write(path.join("b"), [7; 99]).unwrap()),
            ("b", &|path| fs::remove_file(path.join("b")).unwrap()),
            (MANIFEST, &|path| fs::write(path.join(MANIFEST), "{\"a\":").unwrap()),
            (MANIFEST, &|path| {
                fs::write(path.join(MANIFEST), r#"{"../a":{"bytes":1,"sha256":""}}"#).unwrap()
            }),
        ];
        for (name, damage) in damages {
            let dir = tempfile::tempdir().unwrap();
            save(dir.path(), 1, &files("1")).unwrap();
            save(dir.path(), 2, &files("2")).unwrap();
            let newest = dir.path().join("step-000000002");
            damage(&newest);
            let (found, warnings) = newest_with_warnings(dir.path());
            assert_eq!(found, Some(files("1")));
            assert_eq!(warnings.len(), 1);
            assert!(warnings[0].contains(newest.join(name).to_str().unwrap()), "{warnings:?}");
        }
    }

    #[test]
    fn a_half_written_checkpoint_is_not_seen_and_does_not_stay() {
        let dir = tempfile::tempdir().unwrap();
        save(dir.path(), 1, &files("1")).unwrap();
        for step in [2, 3] {
            fs::create_dir(dir.path().join(format!("step-00000000{step}.part"))).unwrap();
        }
        assert_eq!(newest_with_warnings(dir.path()), (Some(files("1")), vec![]));
        save(dir.path(), 2, &files("2")).unwrap();
        assert_eq!(newest_with_warnings(dir.path()), (Some(files("2")), vec![]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
