//! [`Place`]: where arrays lie, a folder of `.npy` files or an `.npz`, which is a zip archive of them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::MOST_NUMBERS;
use super::name::ArrayName;
use crate::data::{NotRead, files};
use crate::{Error, Result, plain};

/// An array of so many numbers in double precision, and its header.
const MOST_BYTES: u64 = MOST_NUMBERS as u64 * 8 + (1 << 16);
/// What is packed may unpack to so much whatever its size, and beyond that to so many times its size:
/// arrays of zeros come to a hundred times.
const ALWAYS: u64 = 64 << 20;
const MOST_TIMES: u64 = 200;

/// Arrays that are there and not yet read.
pub struct Place {
    path: PathBuf,
    /// The name in the place, and what it says.
    arrays: Vec<(String, ArrayName)>,
    archive: Option<ZipArchive<BufReader<File>>>,
    not_read: NotRead,
}

impl Place {
    /// Looks at the names of what is at `path`.
    ///
    /// # Errors
    /// Arrays without a known name, and several of one meaning; what is no zip archive.
    pub fn open(path: &Path) -> Result<Self> {
        match path.is_dir() {
            true => Self::folder(path),
            false => Self::archive(path),
        }
    }

    fn folder(path: &Path) -> Result<Self> {
        let mut place = Self::new(path);
        for file in files::entries(path)? {
            match array(&file) {
                Some(name) => place.add(files::name(&file), &name)?,
                None if file.is_dir() => place.not_read.of("folders", file),
                None => place.not_read.by_ending(file),
            }
        }
        Ok(place)
    }

    fn archive(path: &Path) -> Result<Self> {
        let damaged = |error| Error::malformed(path, "archive", error);
        let file = files::open_regular(path)?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
        let mut place = Self::new(path);
        // In an order that says nothing.
        let mut names: Vec<String> = archive.file_names().map(str::to_owned).collect();
        names.sort_unstable();
        for name in names {
            let array = name.strip_suffix(".npy").map(str::to_owned).ok_or_else(|| {
                let place = format!("entry {}", plain::name(&name));
                Error::malformed(path, place, "no array (.npy)")
            })?;
            place.add(name, &array)?;
        }
        place.archive = Some(archive);
        Ok(place)
    }

    fn new(path: &Path) -> Self {
        let (arrays, not_read) = (Vec::new(), NotRead::default());
        Self { path: path.to_owned(), arrays, archive: None, not_read }
    }

    fn add(&mut self, file: String, array: &str) -> Result<()> {
        let refuse =
            |problem: String| Err(Error::malformed(&self.path, "arrays", plain::name(&problem)));
        let Some(name) = ArrayName::parse(array) else {
            return refuse(format!(
                "{array} is unknown: known are x, y, split and group, and train_x, train_y, \
                 train_group, likewise valid_… and test_…"
            ));
        };
        if let Some((other, _)) = self.arrays.iter().find(|(_, other)| *other == name) {
            return refuse(format!("{other} and {file} are the same: leave one"));
        }
        self.arrays.push((file, name));
        Ok(())
    }

    /// Whether there is such an array.
    pub fn has(&self, which: impl Fn(ArrayName) -> bool) -> bool {
        self.arrays.iter().any(|(_, name)| which(*name))
    }

    /// The names of all: "x.npy, y.npy".
    pub fn listed(&self) -> String {
        let names: Vec<&str> = self.arrays.iter().map(|(file, _)| file.as_str()).collect();
        plain::name(&names.join(", ")).into_owned()
    }

    /// The line on files of a folder that are none of the arrays.
    pub fn not_read(&self) -> Option<String> {
        self.not_read.line(&self.path)
    }

    /// The contents of an array, if it is there, and its path: that of its file, or its name below that of
    /// the archive.
    ///
    /// # Errors
    /// What cannot be read, is damaged, or is larger than any array.
    pub fn take(&mut self, name: ArrayName) -> Result<Option<(Vec<u8>, PathBuf)>> {
        let Some((file, _)) = self.arrays.iter().find(|(_, other)| *other == name) else {
            return Ok(None);
        };
        let at = self.path.join(file);
        let Some(archive) = &mut self.archive else { return Ok(Some((read(&at)?, at))) };
        let damaged = |error| Error::malformed(&at, "archive", error);
        let mut entry = archive.by_name(file).map_err(damaged)?;
        let most = entry.compressed_size().saturating_mul(MOST_TIMES).clamp(ALWAYS, MOST_BYTES);
        // What the entry says of its size may be a lie: memory grows with what is there.
        let mut bytes = Vec::new();
        let read = entry.by_ref().take(most + 1).read_to_end(&mut bytes);
        read.map_err(|error| Error::malformed(&at, "archive", error))?;
        if bytes.len() as u64 > most {
            let problem = format!("it unpacks to more than {most} bytes");
            return Err(Error::malformed(&at, "size", problem));
        }
        Ok(Some((bytes, at)))
    }
}

/// The contents of an array in a file of its own.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    files::read_regular(path, MOST_BYTES)
}

/// What the file says by its name that it holds, if it is an array of those that are known.
pub fn named(file: &Path) -> Option<ArrayName> {
    ArrayName::parse(&array(file)?)
}

/// The name of the array that a file is.
fn array(file: &Path) -> Option<String> {
    let name = files::name(file);
    name.strip_suffix(".npy").map(str::to_owned)
}
