//! A folder of images: `train/CLASS/*.jpg`, and `val` and `test` likewise, as torchvision's
//! `ImageFolder` reads it.
//!
//! The classes are the folders in `train` in the order of their names (of their bytes, as Python
//! sorts). A test part is `test`, or `val` where there is no `test`, as in ImageNet; a validation
//! part is `val` where there is a `test` too. Class folders without `train` around them are a
//! training part. Images are .jpg, .jpeg and .png files, at any depth below their class.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::examples::learnable;
use super::{ImageList, files};
use crate::{Error, Result};

/// Folders of folders end somewhere.
const MOST_DEPTH: usize = 32;

/// The parts of an image folder.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFolder {
    /// What is learned from.
    pub train: ImageList,
    /// What chooses among epochs.
    pub validation: Option<ImageList>,
    /// What the result is measured on.
    pub test: Option<ImageList>,
}

impl ImageFolder {
    /// Lists the images in the folder `path`; none is opened.
    ///
    /// # Errors
    /// A class folder without images, one class only, a part with classes that `train` lacks.
    pub fn list(path: &Path) -> Result<Self> {
        let train_at = path.join("train");
        let train_at = if train_at.is_dir() { train_at } else { path.to_owned() };
        let found = classes(&train_at)?;
        let names: Vec<String> = found.keys().cloned().collect();
        if names.is_empty() {
            let problem = "no folders in it, expected one for each class".to_owned();
            return Err(Error::malformed(&train_at, "classes", problem));
        }
        let train = list(found, &names)?;
        learnable(&train_at, &train.labels, &names)?;
        let part = |name: &str| -> Result<Option<ImageList>> {
            let part_at = path.join(name);
            if train_at == path || !part_at.is_dir() {
                return Ok(None);
            }
            let found = classes(&part_at)?;
            if let Some(stranger) = found.keys().find(|class| !names.contains(class)) {
                let problem = format!("{} has no such class", train_at.display());
                return Err(Error::malformed(&part_at.join(stranger), "class", problem));
            }
            let part = list(found, &names)?;
            match part.is_empty() {
                true => Err(Error::malformed(&part_at, "classes", "there are no images")),
                false => Ok(Some(part)),
            }
        };
        Ok(match (part("val")?, part("test")?) {
            (validation, Some(test)) => Self { train, validation, test: Some(test) },
            (test, None) => Self { train, validation: None, test },
        })
    }
}

/// Every image in the folder `path` and below it, all of one class: what has no classes, or none that
/// matter, such as examples from another world.
///
/// # Errors
/// A folder without images.
pub(super) fn without_classes(path: &Path) -> Result<ImageList> {
    let mut files = Vec::new();
    collect(path, &mut files, 0)?;
    if files.is_empty() {
        let problem = "no .jpg, .jpeg or .png files in it";
        return Err(Error::malformed(path, "images", problem));
    }
    Ok(ImageList { labels: vec![0; files.len()], files, classes: vec!["image".to_owned()] })
}

/// Whether the folder `path` looks like one.
pub(super) fn is_there(path: &Path) -> bool {
    if path.join("train").is_dir() {
        return true;
    }
    // A class folder that begins with an image is enough to go by.
    let begins_with_image = |class: &PathBuf| {
        class.is_dir()
            && files::entries(class).is_ok_and(|found| found.first().is_some_and(|f| is_image(f)))
    };
    files::entries(path).is_ok_and(|found| found.iter().any(begins_with_image))
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    ["jpg", "jpeg", "png"].iter().any(|known| extension == *known)
}

/// The images of each class folder in `path`.
fn classes(path: &Path) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut classes = BTreeMap::new();
    for folder in files::entries(path)?.into_iter().filter(|entry| entry.is_dir()) {
        let mut images = Vec::new();
        collect(&folder, &mut images, 0)?;
        if images.is_empty() {
            let problem = "the folder of a class has no .jpg, .jpeg or .png files";
            return Err(Error::malformed(&folder, "class", problem));
        }
        let name = folder.file_name().unwrap_or_default().to_str();
        let name = name.ok_or_else(|| {
            Error::malformed(&folder, "class", "the name of the folder is not UTF-8")
        })?;
        classes.insert(name.to_owned(), images);
    }
    Ok(classes)
}

/// The images in `folder` and the folders below it.
fn collect(folder: &Path, images: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    if depth > MOST_DEPTH {
        let problem = format!("more than {MOST_DEPTH} folders deep");
        return Err(Error::malformed(folder, "class", problem));
    }
    for entry in files::entries(folder)? {
        if entry.is_dir() {
            collect(&entry, images, depth + 1)?;
        } else if is_image(&entry) {
            images.push(entry);
        }
    }
    Ok(())
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
mod tests {
    use super::super::decode::tests::write;
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn folder(files: &[&str]) -> TempDir {
        let folder = TempDir::new().unwrap();
        files.iter().for_each(|name| write(&folder.path().join(name), 1));
        folder
    }

    fn names(list: &ImageList) -> Vec<String> {
        list.files.iter().map(|file| files::name(file)).collect()
    }

    #[test]
    fn classes_are_sorted_and_images_too() {
        let folder = folder(&["train/dog/b.png", "train/dog/a.JPG", "train/Cat/deep/x.jpeg"]);
        fs::write(folder.path().join("train/dog/notes.txt"), "").unwrap();
        fs::write(folder.path().join("train/readme.txt"), "").unwrap();
        fs::write(folder.path().join("train/dog/.hidden.png"), "").unwrap();
        let found = ImageFolder::list(folder.path()).unwrap();
        assert_eq!(found.train.classes, ["Cat", "dog"]);
        assert_eq!(names(&found.train), ["x.jpeg", "a.JPG", "b.png"]);
        assert_eq!(found.train.labels, [0, 1, 1]);
        assert_eq!((found.validation, found.test), (None, None));
        assert!(is_there(folder.path()));
    }

    #[test]
    fn val_is_the_test_part_unless_there_is_one() {
        let train = ["train/a/1.png", "train/b/1.png"];
        let with = |more: &[&str]| {
            let folder = folder(&[&train[..], more].concat());
            let found = ImageFolder::list(folder.path()).unwrap();
            (found.validation.map(|l| l.labels), found.test.map(|l| l.labels))
        };
        assert_eq!(with(&["val/b/2.png"]), (None, Some(vec![1])));
        assert_eq!(with(&["val/b/2.png", "test/a/3.png"]), (Some(vec![1]), Some(vec![0])));
        let flat = folder(&["a/1.png", "b/1.png"]);
        assert!(is_there(flat.path()));
        assert_eq!(ImageFolder::list(flat.path()).unwrap().train.labels, [0, 1]);
    }

    #[test]
    fn what_is_wrong_with_a_folder_is_named() {
        let complaint = |files: &[&str], empty: &str| {
            let folder = folder(files);
            fs::create_dir_all(folder.path().join(empty)).unwrap();
            let error = ImageFolder::list(folder.path()).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        let two = ["train/a/1.png", "train/b/1.png"];
        let empty = complaint(&two, "train/c");
        assert!(empty.contains("train/c: class: the folder of a class has no"), "{empty}");
        let one = complaint(&["train/a/1.png"], "train");
        assert!(one.contains("train: classes: all 1 training examples are of one class"), "{one}");
        let stranger = complaint(&[two[0], two[1], "val/z/1.png"], "train");
        assert!(
            stranger.contains("val/z: class: ") && stranger.contains("no such class"),
            "{stranger}"
        );
        assert!(complaint(&[], "train").contains("no folders in it"));
        assert!(complaint(&two, "val").contains("val: classes: there are no images"));
        assert!(ImageFolder::list(Path::new("/nowhere")).is_err());
    }
}
