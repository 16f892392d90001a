//! [`Walk`]: the images of class folders and of what lies below them, and what else there is.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::super::decode::{is_foreign_image, is_image};
use super::super::files;
use super::super::not_read::NotRead;
use crate::{Error, Result};

/// Folders of folders end somewhere.
const MOST_DEPTH: usize = 32;

/// So many names tell whether there is an image among them.
const MOST_NAMES: usize = 100_000;

/// What was found so far.
#[derive(Debug, Default)]
pub struct Walk {
    /// What lies among the images and is none that is read.
    pub not_read: NotRead,
    /// Images in folders of class folders, and one of them.
    pub deeper: usize,
    pub deeper_example: PathBuf,
    /// The folders on the way, as they are without links, so that none is read twice: links may lead
    /// in circles.
    seen: HashSet<PathBuf>,
}

impl Walk {
    /// The images of each class folder in `path`.
    ///
    /// # Errors
    /// A class folder without images.
    pub fn classes(&mut self, path: &Path) -> Result<BTreeMap<String, Vec<PathBuf>>> {
        let mut classes = BTreeMap::new();
        self.loose(path)?;
        for folder in folders(path)? {
            let mut before = std::mem::take(&mut self.not_read);
            let images = self.below(&folder)?;
            if images.is_empty() {
                return Err(Error::malformed(
                    &folder,
                    "class",
                    self.nothing("the folder of a class"),
                ));
            }
            before.add(std::mem::take(&mut self.not_read));
            self.not_read = before;
            let name = folder.file_name().unwrap_or_default().to_str();
            let name = name.ok_or_else(|| {
                Error::malformed(&folder, "class", "the name of the folder is not UTF-8")
            })?;
            classes.insert(name.to_owned(), images);
        }
        Ok(classes)
    }

    /// Every image in the folder `path` and in those below it, in the order of the names.
    ///
    /// # Errors
    /// Folders that cannot be read.
    pub fn below(&mut self, path: &Path) -> Result<Vec<PathBuf>> {
        self.seen = HashSet::new();
        for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            self.seen.extend(fs::canonicalize(folder));
        }
        let mut images = Vec::new();
        self.collect(path, &mut images, 0)?;
        Ok(images)
    }

    fn collect(&mut self, folder: &Path, images: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
        if depth > MOST_DEPTH {
            let problem = format!("more than {MOST_DEPTH} folders deep");
            return Err(Error::malformed(folder, "class", problem));
        }
        if !self.seen.insert(fs::canonicalize(folder).map_err(Error::input(folder))?) {
            self.not_read.of("links to folders that are read already", folder.to_owned());
            return Ok(());
        }
        for entry in self.entries(folder)? {
            match PathKind::at(&entry) {
                PathKind::Folder => self.collect(&entry, images, depth + 1)?,
                PathKind::File if is_image(&entry) => {
                    if depth > 0 {
                        if self.deeper == 0 {
                            self.deeper_example.clone_from(&entry);
                        }
                        self.deeper += 1;
                    }
                    images.push(entry);
                }
                PathKind::File => self.not_read.by_ending(entry),
                PathKind::Else(what) => self.not_read.of(what, entry),
            }
        }
        Ok(())
    }

    /// Counts the files that lie in `path` itself, and so in no class.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn loose(&mut self, path: &Path) -> Result<()> {
        for entry in self.entries(path)? {
            match PathKind::at(&entry) {
                PathKind::Folder => {}
                PathKind::File if is_image(&entry) => {
                    self.not_read.of("images in no folder of a class", entry);
                }
                PathKind::File => self.not_read.by_ending(entry),
                PathKind::Else(what) => self.not_read.of(what, entry),
            }
        }
        Ok(())
    }

    /// What lies in `folder`; hidden images are counted.
    fn entries(&mut self, folder: &Path) -> Result<Vec<PathBuf>> {
        let (found, hidden) = files::entries_and_hidden(folder)?;
        for entry in hidden {
            match PathKind::at(&entry) {
                PathKind::File if is_image(&entry) => self.not_read.of("hidden images", entry),
                PathKind::Folder if leads_to_image(&entry, &mut { MOST_NAMES }, 0) => {
                    self.not_read.of("hidden folders with images", entry);
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// The sentence for `what` has no images that are read.
    pub fn nothing(&self, what: &str) -> String {
        let known = "JPEG, PNG, WebP, GIF, BMP, TIFF or PNM";
        let found = match self.not_read.is_empty() {
            true => "nothing is in it".to_owned(),
            false => format!("in it: {}", self.not_read.describe(Path::new(""))),
        };
        format!("{what} has no images that are read ({known}); {found}")
    }
}

/// What lies at a path.
enum PathKind {
    Folder,
    File,
    Else(&'static str),
}

impl PathKind {
    fn at(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => PathKind::Folder,
            Ok(found) => files::irregular(found.file_type()).map_or(PathKind::File, PathKind::Else),
            Err(_) => PathKind::Else("links that lead nowhere, or what cannot be looked at"),
        }
    }
}

/// The folders in `path`, in the order of their names.
pub(super) fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    Ok(files::entries(path)?.into_iter().filter(|entry| entry.is_dir()).collect())
}

/// Whether images lie in `folder` itself, read or of a kind that is not.
pub fn holds_images(folder: &Path) -> bool {
    let is_one = |entry: &PathBuf| is_image(entry) || is_foreign_image(entry);
    files::entries(folder)
        .is_ok_and(|found| found.iter().any(|entry| is_one(entry) && !entry.is_dir()))
}

/// Whether images lie in a folder of `folder`, however deep.
pub(super) fn holds_class_folders(folder: &Path) -> bool {
    let mut left = MOST_NAMES;
    folders(folder).is_ok_and(|found| found.iter().any(|class| leads_to_image(class, &mut left, 0)))
}

/// Whether an image lies below `folder`; no more than `left` names are looked at.
fn leads_to_image(folder: &Path, left: &mut usize, depth: usize) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut inner = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        let hidden = files::name(&path).starts_with('.');
        if *left == 0 {
            return false;
        }
        *left -= 1;
        let is_dir =
            entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_symlink() && path.is_dir());
        match is_dir {
            _ if hidden => {}
            true => inner.push(path),
            false if is_image(&path) || is_foreign_image(&path) => return true,
            false => {}
        }
    }
    depth < MOST_DEPTH && inner.iter().any(|folder| leads_to_image(folder, left, depth + 1))
}
