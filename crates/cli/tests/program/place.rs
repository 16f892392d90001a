//! A comparison in a folder of its own, and what it leaves there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::{PROGRAM, error_text, output};

/// A folder with a recipe in it, and the program run there.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// An empty one, but for the recipe, `tiny.toml`.
    pub fn new(recipe: &str) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(place.path("tiny.toml"), recipe).unwrap();
        place
    }

    /// Where its file `name` is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The comparison into the folder `out`, saved at every opportunity.
    pub fn command(&self, program: &[&str], out: &str) -> Command {
        let mut command = Command::new(program[0]);
        command.current_dir(self.dir.path()).args(&program[1..]);
        command.args(["compare", "tiny.toml", "--out", out]);
        command.args(["--jobs", "1", "--checkpoint-every", "0"]);
        command
    }

    /// The comparison until it ends.
    pub fn run(&self, out: &str) -> Output {
        output(&mut self.command(&[PROGRAM], out))
    }

    /// The comparison, begun.
    pub fn start(&self, out: &str) -> Child {
        let mut command = self.command(&[PROGRAM], out);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Makes the comparison to its end and returns what it found.
    pub fn finish(&self, out: &str) -> Files {
        let output = self.run(out);
        assert!(output.status.success(), "{}", error_text(&output));
        self.results(out)
    }

    /// The files of `out` that time has no part in.
    pub fn results(&self, out: &str) -> Files {
        let timeless = ["table.csv", "logits.npy", "labels.npy", "measure.json"];
        let mut files = read_all(&self.path(out));
        files.retain(|path, _| timeless.iter().any(|name| path.ends_with(name)));
        files
    }
}

/// The files below a folder, by their paths in it.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// All files below `folder`.
pub fn read_all(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Where they are.
pub fn names(files: &Files) -> Vec<&Path> {
    files.keys().map(PathBuf::as_path).collect()
}

/// Uniform in [0, 1): other moments in every process.
pub fn random() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) as f64 / 2f64.powi(64)
}

/// How many times as much as usual is to be tried: STEEPNESS_SOAK, 1 without it.
pub fn soak() -> usize {
    std::env::var("STEEPNESS_SOAK").map_or(1, |times| times.parse().expect("a whole number"))
}
