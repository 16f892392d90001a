//! [`Manifest`]: the sizes and hashes of files that belong together, so that damage is told from
//! what was written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::layout::is_result;
use crate::{Error, Result};

/// The files of a folder by name; the manifest itself is none of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    bytes: u64,
    sha256: String,
}

impl Manifest {
    /// That of files in memory.
    pub fn of<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        Self { entries: files.map(|(name, bytes)| (name.to_owned(), Entry::of(bytes))).collect() }
    }

    /// One file more.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        self.entries.insert(name.to_owned(), Entry::of(bytes));
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// What is no manifest; one that names anything but files beside it, and those of test sets.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).map_err(Error::input(path))?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Error::malformed(path, place, error)
        })?;
        for name in manifest.names() {
            let outside = name.contains(['/', '\\']) || name.starts_with('.');
            if outside && !is_result(name) {
                return Err(Error::malformed(path, "names", format!("{name:?} is no file")));
            }
        }
        Ok(manifest)
    }

    /// As the contents of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a map of strings is JSON");
        text.push(b'\n');
        text
    }

    /// The files' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Makes sure that `bytes` are what was written to the file `name`, which lies at `path`.
    ///
    /// # Errors
    /// Names the file with both sizes and both hashes; a file that the manifest does not know.
    pub fn verify(&self, name: &str, path: &Path, bytes: &[u8]) -> Result<()> {
        let found = Entry::of(bytes);
        match self.entries.get(name) {
            Some(expected) if *expected == found => Ok(()),
            Some(expected) => Err(Error::malformed(
                path,
                "whole file",
                format!(
                    "{} bytes with SHA-256 {:.12}…, expected {} with {:.12}…",
                    found.bytes, found.sha256, expected.bytes, expected.sha256
                ),
            )),
            None => Err(Error::malformed(path, "whole file", "the manifest does not know it")),
        }
    }

    /// Makes sure that all files are in `folder` and as long as they were written, without reading
    /// them.
    ///
    /// # Errors
    /// Names the file with both sizes.
    pub fn verify_sizes(&self, folder: &Path) -> Result<()> {
        for (name, Entry { bytes, .. }) in &self.entries {
            let path = folder.join(name);
            let about = fs::metadata(&path).map_err(Error::input(&path))?;
            if !about.is_file() {
                return Err(Error::malformed(&path, "whole file", "it is no file any more"));
            }
            if about.len() != *bytes {
                let problem = format!("{} bytes, expected {bytes}", about.len());
                return Err(Error::malformed(&path, "whole file", problem));
            }
        }
        Ok(())
    }
}

impl Entry {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: format!("{:x}", Sha256::digest(bytes)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_told_by_size_and_by_hash() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("a");
        fs::write(&at, "one").unwrap();
        let manifest = Manifest::of([("a", &b"one"[..])].into_iter());
        let path = folder.path().join("m");
        fs::write(&path, manifest.to_bytes()).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), manifest);
        manifest.verify_sizes(folder.path()).unwrap();
        manifest.verify("a", &at, b"one").unwrap();
        let error = manifest.verify("a", &at, b"two").unwrap_err().to_string();
        assert!(error.contains("a: whole file: 3 bytes with SHA-256 "), "{error}");
        assert!(manifest.verify("b", &at, b"one").is_err());
        fs::write(&at, "four").unwrap();
        let error = manifest.verify_sizes(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("a: whole file: 4 bytes, expected 3"), "{error}");
        fs::remove_file(&at).unwrap();
        assert!(manifest.verify_sizes(folder.path()).is_err());
        let set = Manifest::of([("test/rain/labels.npy", &b"1"[..])].into_iter());
        fs::write(&path, set.to_bytes()).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), set);
        for wrong in [
            "{\"test/../labels.npy\": {\"bytes\": 1, \"sha256\": \"\"}}",
            "{",
            "{\"../a\": {\"bytes\": 1, \"sha256\": \"\"}}",
            "[]",
        ] {
            fs::write(&path, wrong).unwrap();
            assert!(Manifest::read(&path).is_err(), "{wrong}");
        }
    }
}
