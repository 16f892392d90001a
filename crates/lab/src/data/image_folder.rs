//! A folder of images: `train/CLASS/*.jpg`, and `val` and `test` likewise, as torchvision's
//! `ImageFolder` reads it.
//!
//! The classes are the folders in `train` in the order of their names (of their bytes, as Python
//! sorts). A test part is `test`, or `val` where there is no `test`, as in ImageNet; a validation
//! part is `val` where there is a `test` too. [`Role`] has the other names of parts. Class folders
//! without `train` around them are a training part; so are those of which one happens to be called
//! `train`, which is then full of images. Images are what [`decode`](super::decode()) reads, at any
//! depth below their class. What else lies there is counted, and named where the data are looked at.

mod layout;
mod walk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::examples::learnable;
use super::not_read::NotRead;
use super::parts::Role;
use super::{ImageList, files};
use crate::words::several;
use crate::{Error, Result, plain};
use layout::Layout;
use walk::Walk;
pub(super) use walk::holds_images;

/// The parts of an image folder.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFolder {
    /// What is learned from.
    pub train: ImageList,
    /// What chooses among epochs.
    pub validation: Option<ImageList>,
    /// What the result is measured on.
    pub test: Option<ImageList>,
    /// What there is to say of the rest: files that are not read, folders that are not used.
    pub notes: Vec<String>,
}

impl ImageFolder {
    /// Lists the images in the folder `path`; none is opened.
    ///
    /// # Errors
    /// A class folder without images, one class only, a part with classes that `train` lacks; parts
    /// without folders of classes, or folders with parts where those of classes should be.
    pub fn list(path: &Path) -> Result<Self> {
        let Layout { train: train_at, validation, test, mut notes } = Layout::of(path)?;
        let mut walk = Walk::default();
        if train_at != path {
            walk.loose(path)?;
        }
        let found = walk.classes(&train_at)?;
        let names: Vec<String> = found.keys().cloned().collect();
        if names.is_empty() {
            let problem = "no folders in it, expected one for each class".to_owned();
            return Err(Error::malformed(&train_at, "classes", problem));
        }
        let train = list(found, &names)?;
        learnable(&train_at, &train.labels, &names)?;
        let mut part = |part_at: PathBuf| -> Result<ImageList> {
            let found = walk.classes(&part_at)?;
            if let Some(stranger) = found.keys().find(|class| !names.contains(class)) {
                let problem = format!("{} has no such class", train_at.display());
                return Err(Error::malformed(&part_at.join(stranger), "class", problem));
            }
            let part = list(found, &names)?;
            match part.is_empty() {
                true => Err(Error::malformed(&part_at, "classes", "there are no images")),
                false => Ok(part),
            }
        };
        let (validation, test) = match (validation, test) {
            (validation, Some(test)) => (validation.map(&mut part).transpose()?, Some(part(test)?)),
            (validation, None) => (None, validation.map(&mut part).transpose()?),
        };
        if walk.deeper > 0 {
            let example = walk.deeper_example.strip_prefix(path).unwrap_or(&walk.deeper_example);
            let (lie, they) =
                if walk.deeper == 1 { ("lies", "it counts") } else { ("lie", "they count") };
            notes.push(format!(
                "{} {lie} in folders of class folders (such as {}): {they} to the class",
                several(walk.deeper, "image"),
                plain::name(&example.to_string_lossy())
            ));
        }
        notes.extend(walk.not_read.line(path));
        Ok(Self { train, validation, test, notes })
    }
}

/// Every image in the folder `path` and below it, all of one class: what has no classes, or none that
/// matter, such as examples from another world.
///
/// # Errors
/// A folder without images.
pub(super) fn without_classes(path: &Path) -> Result<ImageList> {
    let (files, _) = images_below(path)?;
    Ok(ImageList { labels: vec![0; files.len()], files, classes: vec!["image".to_owned()] })
}

/// Every image in the folder `path` and below it, in the order of the names, and what else there is.
///
/// # Errors
/// A folder without images.
pub(super) fn images_below(path: &Path) -> Result<(Vec<PathBuf>, NotRead)> {
    let mut walk = Walk::default();
    let files = walk.below(path)?;
    match files.is_empty() {
        true => Err(Error::malformed(path, "images", walk.nothing("the folder"))),
        false => Ok((files, walk.not_read)),
    }
}

/// Whether the folder `path` has a part to learn from.
pub(super) fn has_parts(path: &Path) -> bool {
    Layout::of(path).is_ok_and(|layout| layout.train != path)
}

/// Whether the folder `path` looks like one.
pub(super) fn is_there(path: &Path) -> bool {
    let is_train = |folder: &PathBuf| Role::of(&files::name(folder)) == Some(Role::Train);
    walk::folders(path).is_ok_and(|found| found.iter().any(is_train))
        || walk::holds_class_folders(path)
}

/// The images with the numbers that their classes have in `names`, which is sorted.
fn list(found: BTreeMap<String, Vec<PathBuf>>, names: &[String]) -> Result<ImageList> {
    let mut list = ImageList { files: vec![], labels: vec![], classes: names.to_vec() };
    for (class, images) in found {
        let label = names.binary_search(&class).map_err(|_| Error::Work(class))?;
        list.labels.extend(std::iter::repeat_n(label as i64, images.len()));
        list.files.extend(images);
    }
    Ok(list)
}

#[cfg(test)]
mod tests;
