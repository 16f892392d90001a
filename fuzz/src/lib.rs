//! What the targets share: a folder in memory to write hostile files into, inputs that are several
//! files, and what may be said of them.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Between the files of an input.
pub const MARK: &[u8] = b"\n%%%\n";

/// A folder of one target, in memory where the system has such a place.
pub struct Place(PathBuf);

impl Place {
    /// An empty one for `target`. libFuzzer ends without unwinding, so each process clears away the
    /// folders of those before it.
    pub fn new(target: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let name = format!("steepness-fuzz-{target}-");
        for entry in fs::read_dir(&root).into_iter().flatten().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            let process = file.strip_prefix(&name).and_then(|id| id.parse::<u32>().ok());
            if process.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
                let _ = fs::remove_dir_all(entry.path()); // another process may clear, too
            }
        }
        let path = root.join(format!("{name}{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the files");
        Self(path)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Where its file `name` is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes the file `name`, which may lie in folders, and says where it is.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        let mut file = fs::File::create(&path).unwrap_or_else(|error| {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{}", path.display());
            fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder");
            fs::File::create(&path).expect("a file")
        });
        file.write_all(bytes).expect("room in memory");
        path
    }

    /// Whether there is nothing in it but `names`.
    pub fn holds_only(&self, names: &[&str]) -> bool {
        let mut entries = fs::read_dir(&self.0).expect("our folder").flatten();
        entries.all(|entry| names.iter().any(|name| entry.file_name() == *name))
    }
}

/// A good set of files, of which an input replaces some.
pub struct Set {
    place: Place,
    good: Vec<(&'static str, &'static [u8])>,
}

impl Set {
    /// Writes the `good` files into a place of `target`.
    pub fn new(target: &str, good: &[(&'static str, &'static [u8])]) -> Self {
        let place = Place::new(target);
        for (name, bytes) in good {
            place.put(name, bytes);
        }
        Self { place, good: good.to_vec() }
    }

    /// The folder of the files.
    pub fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// Looks at the files of which `data` replaces some: between [`MARK`]s, each a byte that chooses
    /// the file and what is in it. A byte above the number of files takes one away. Afterwards
    /// everything is as it was.
    pub fn with<T>(&self, data: &[u8], look: impl FnOnce(&Path) -> T) -> T {
        let mut changed = Vec::new();
        for part in parts(data) {
            let Some((&choice, contents)) = part.split_first() else { continue };
            // Letters, so that seeds can be read: 'a' is the first file, 'A' takes it away.
            let at = usize::from(choice.to_ascii_lowercase().wrapping_sub(b'a')) % self.good.len();
            if choice.is_ascii_uppercase() {
                let _ = fs::remove_file(self.place.path(self.good[at].0)); // perhaps for the second time
            } else {
                self.place.put(self.good[at].0, contents);
            }
            changed.push(at);
        }
        let found = look(self.folder());
        for at in changed {
            self.place.put(self.good[at].0, self.good[at].1);
        }
        found
    }
}

/// What lies between [`MARK`]s, at most eight.
pub fn parts(data: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = data;
    while found.len() < 7
        && let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK)
    {
        found.push(&rest[..at]);
        rest = &rest[at + MARK.len()..];
    }
    found.push(rest);
    found
}

/// A file that is refused is the fault of who gave it, and the message says something.
pub fn refused(error: &steepness_lab::Error) {
    assert_eq!(error.exit_code(), 2, "{error}");
    assert!(!error.to_string().is_empty());
}

/// Threads of libtorch would only wait for each other.
pub fn one_thread() {
    tch::set_num_threads(1);
    tch::set_num_interop_threads(1);
}

/// What becomes of the `good` contents of a file by an edit: "old → new" with [`TO`] between them puts
/// the new in place of the first old; anything else begins with a place, as two bytes, and a number of
/// bytes there that make room for the rest.
pub fn edited(good: &[u8], edit: &[u8]) -> Vec<u8> {
    let found = |old: &[u8]| good.windows(old.len().max(1)).position(|window| window == old);
    let split = edit.windows(TO.len()).position(|window| window == TO);
    let (at, until, new) = match (split, edit) {
        (Some(to), _) => match found(&edit[..to]) {
            Some(at) => (at, at + to, &edit[to + TO.len()..]),
            None => (good.len(), good.len(), &edit[to + TO.len()..]),
        },
        (None, &[high, low, length, ref new @ ..]) => {
            let at = usize::from(u16::from_be_bytes([high, low])).min(good.len());
            (at, (at + usize::from(length)).min(good.len()), new)
        }
        (None, short) => (good.len(), good.len(), short),
    };
    [&good[..at], new, &good[until..]].concat()
}

/// Between what was and what is to be.
pub const TO: &[u8] = " → ".as_bytes();
