//! [`Origin`]: the files that a path in a recipe leads to.

use std::path::{Path, PathBuf};

/// What one path in a recipe leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Which path it is: "data", "data.test_path", "ood clothes".
    pub key: String,
    /// Where that leads.
    pub path: PathBuf,
    /// The folder that the names of the files count from, however the path led there; of a single
    /// file the file itself.
    pub base: PathBuf,
    /// The files that are read, each once.
    pub files: Vec<PathBuf>,
}

impl Origin {
    /// A single file.
    pub fn file(key: &str, path: &Path) -> Self {
        let [path, base] = [path.to_owned(), path.to_owned()];
        Self { key: key.to_owned(), files: vec![path.clone()], path, base }
    }

    /// `files` in the folder `base`, which `path` leads to, under the key "data".
    pub fn folder(path: PathBuf, base: PathBuf, files: Vec<PathBuf>) -> Self {
        Self { key: "data".to_owned(), path, base, files }
    }
}
