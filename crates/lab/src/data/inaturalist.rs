//! iNaturalist 2018: JSON annotations in the style of COCO (Van Horn et al. 2018).
//!
//! `train2018.json` and `val2018.json` each hold `images` (id, file_name), `annotations` (image_id,
//! category_id) and `categories` (id, and a name where it is published); the images lie in the same
//! folder. Classes are the categories of the training file in the order of their ids.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::examples::learnable;
use super::{ImageList, files};
use crate::{Error, Result};

/// train2018.json has 120 MB.
const MOST_BYTES: u64 = 1 << 30;

/// The parts of an iNaturalist folder.
#[derive(Clone, Debug, PartialEq)]
pub struct INaturalist {
    /// What is learned from.
    pub train: ImageList,
    /// The published validation part, whose labels are public and on which results are reported.
    pub test: Option<ImageList>,
}

#[derive(Deserialize)]
struct AnnotationFile {
    images: Vec<ImageEntry>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct ImageEntry {
    id: u64,
    file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u64,
    category_id: u64,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: Option<String>,
}

impl INaturalist {
    /// Lists the images that the annotations in the folder `path` name; none is opened.
    ///
    /// # Errors
    /// Damaged JSON (with line and column), ids that do not fit each other, a class without
    /// training images.
    pub fn list(path: &Path) -> Result<Self> {
        let [train_at, test_at] = names(path);
        let annotated = read(&train_at)?;
        let classes = Classes::new(&annotated.categories);
        let train = classes.list(&train_at, annotated)?;
        learnable(&train_at, &train.labels, &train.classes)?;
        let test = match test_at.is_file() {
            true => Some(classes.list(&test_at, read(&test_at)?)?),
            false => None,
        };
        Ok(Self { train, test })
    }
}

/// Classes with many (over 100), a medium number of (20 to 100) and few (under 20) examples.
pub fn many_medium_few(counts: &[u64]) -> [usize; 3] {
    let number = |wanted: fn(u64) -> bool| counts.iter().filter(|&&count| wanted(count)).count();
    [number(|n| n > 100), number(|n| (20..=100).contains(&n)), number(|n| n < 20)]
}

/// Whether the folder `path` holds the training annotations.
pub(super) fn is_there(path: &Path) -> bool {
    names(path)[0].is_file()
}

/// The files with annotations in the folder `path` that there are.
pub(super) fn annotations(path: &Path) -> Vec<PathBuf> {
    names(path).into_iter().filter(|file| file.is_file()).collect()
}

fn names(path: &Path) -> [PathBuf; 2] {
    ["train2018.json", "val2018.json"].map(|name| path.join(name))
}

fn read(path: &Path) -> Result<AnnotationFile> {
    serde_json::from_slice(&files::read(path, MOST_BYTES)?).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::malformed(path, place, error)
    })
}

/// Categories as classes.
struct Classes {
    names: Vec<String>,
    of_id: HashMap<u64, i64>,
}

impl Classes {
    fn new(categories: &[Category]) -> Self {
        let mut sorted: Vec<_> = categories.iter().collect();
        sorted.sort_by_key(|category| category.id);
        sorted.dedup_by_key(|category| category.id);
        let name = |c: &&Category| c.name.clone().unwrap_or_else(|| c.id.to_string());
        Self {
            names: sorted.iter().map(name).collect(),
            of_id: sorted.iter().enumerate().map(|(at, c)| (c.id, at as i64)).collect(),
        }
    }

    /// The images of `annotated` in the order of its annotations; `path` is its file.
    fn list(&self, path: &Path, annotated: AnnotationFile) -> Result<ImageList> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let names: HashMap<u64, &str> =
            annotated.images.iter().map(|image| (image.id, &image.file_name[..])).collect();
        let mut list = ImageList { files: vec![], labels: vec![], classes: self.names.clone() };
        for (at, annotation) in annotated.annotations.iter().enumerate() {
            let Annotation { image_id, category_id } = annotation;
            let refuse =
                |problem: String| Err(Error::malformed(path, format!("annotation {at}"), problem));
            let Some(name) = names.get(image_id) else {
                return refuse(format!("there is no image {image_id}"));
            };
            let Some(&label) = self.of_id.get(category_id) else {
                return refuse(format!("there is no category {category_id}"));
            };
            if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
                return refuse(format!("the file name {name:?} leads out of the folder"));
            }
            list.files.push(folder.join(name));
            list.labels.push(label);
        }
        match list.is_empty() {
            true => Err(Error::malformed(path, "annotations", "there are none")),
            false => Ok(list),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    pub const TRAIN: &str = r#"{"info": {"year": 2018},
        "images": [{"id": 7, "file_name": "train_val2018/Aves/1/x.jpg", "width": 800},
                   {"id": 9, "file_name": "train_val2018/Plantae/2/y.jpg"},
                   {"id": 8, "file_name": "train_val2018/Aves/1/z.jpg"}],
        "annotations": [{"id": 1, "image_id": 9, "category_id": 4},
                        {"id": 2, "image_id": 7, "category_id": 2},
                        {"id": 3, "image_id": 8, "category_id": 2}],
        "categories": [{"id": 4, "name": "Rosa"}, {"id": 2}]}"#;

    pub fn folder(train: &str, val: Option<&str>) -> TempDir {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("train2018.json"), train).unwrap();
        val.iter().for_each(|val| fs::write(folder.path().join("val2018.json"), val).unwrap());
        folder
    }

    #[test]
    fn annotations_become_a_list() {
        let val = TRAIN.replace("\"category_id\": 2", "\"category_id\": 4");
        let folder = folder(TRAIN, Some(&val));
        let INaturalist { train, test } = INaturalist::list(folder.path()).unwrap();
        assert_eq!(train.classes, ["2", "Rosa"]);
        assert_eq!((train.labels.clone(), train.counts()), (vec![1, 0, 0], vec![2, 1]));
        assert_eq!(train.files[0], folder.path().join("train_val2018/Plantae/2/y.jpg"));
        assert_eq!(test.unwrap().labels, [1, 1, 1]);
    }

    #[test]
    fn groups_are_those_of_the_benchmarks() {
        assert_eq!(many_medium_few(&[101, 100, 20, 19, 1, 0, 5000]), [2, 2, 3]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (old, new, expected) in [
            ("\"image_id\": 7", "\"image_id\": 70", "annotation 1: there is no image 70"),
            ("\"category_id\": 4", "\"category_id\": 5", "annotation 0: there is no category 5"),
            ("train_val2018/Plantae/2", "../..", "leads out of the folder"),
            ("train_val2018/Plantae/2", "/etc", "leads out of the folder"),
            ("\"category_id\": 4", "\"category_id\": 2", "class 1 (\"Rosa\") of 2 has no training"),
            ("\"annotations\": [", "\"annotations\": 3 [", "line 5, column"),
            ("\"categories\"", "\"kinds\"", "missing field `categories`"),
            ("\"id\": 9", "\"id\": -9", "invalid value"),
        ] {
            assert!(TRAIN.contains(old));
            let folder = folder(&TRAIN.replacen(old, new, 1), None);
            let error = INaturalist::list(folder.path()).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let error = error.to_string();
            assert!(error.contains("train2018.json: ") && error.contains(expected), "{error}");
        }
        let folder = folder(TRAIN, Some(r#"{"images": [], "annotations": [], "categories": []}"#));
        let error = INaturalist::list(folder.path()).unwrap_err().to_string();
        assert!(error.contains("val2018.json: annotations: there are none"), "{error}");
    }
}
