//! CIFAR-10 and CIFAR-100, the binary version (Krizhevsky 2009).
//!
//! A record is the label as a byte (CIFAR-100: coarse, then fine) and 3072 bytes of pixels: 32×32 of
//! red, then green, then blue, row-major. A data set is a folder, or the one above it:
//!
//! ```text
//! cifar-10-batches-bin/  data_batch_1.bin … data_batch_5.bin  test_batch.bin  batches.meta.txt
//! cifar-100-binary/      train.bin  test.bin  fine_label_names.txt  coarse_label_names.txt
//! ```
//!
//! A part of a file may lie under a longer name (`test_batch_first1000.bin`); what was read is then
//! described as a subset.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::examples::learnable;
use super::{Examples, Inputs, Shape, files};
use crate::{Error, Result};

const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;
/// Images in the whole data set, training and test.
const WHOLE: (usize, usize) = (50_000, 10_000);
/// More than ten times what a whole file has.
const MOST_BYTES: u64 = 1 << 31;

const NAMES10: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cifar {
    /// Ten classes.
    Ten,
    /// A hundred classes, or twenty.
    Hundred(Labels),
}

/// The two kinds of labels of CIFAR-100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Labels {
    /// 100 classes.
    #[default]
    Fine,
    /// 20 classes of 5 fine ones each.
    Coarse,
}

impl Cifar {
    /// The training and the test part in the folder `path`.
    ///
    /// # Errors
    /// Files that are missing or cut off; labels that are none; a class without training images.
    pub fn load(self, path: &Path) -> Result<(Examples, Examples)> {
        let folder = self.folder(path);
        let classes = self.names(&folder)?;
        let train = self.part(&folder, self.prefixes().0, &classes)?;
        learnable(&folder, &train.labels, &classes)?;
        Ok((train, self.part(&folder, self.prefixes().1, &classes)?))
    }

    /// The folder in which the files lie that [`Cifar::load`] reads, and these.
    ///
    /// # Errors
    /// A part without a file.
    pub(super) fn all_files(self, path: &Path) -> Result<(PathBuf, Vec<PathBuf>)> {
        let folder = self.folder(path);
        let (train, test) = self.prefixes();
        let mut files = self.files(&folder, train)?;
        files.extend(self.files(&folder, test)?);
        files.extend(Some(folder.join(self.names_file().0)).filter(|names| names.exists()));
        Ok((folder, files))
    }

    /// Whether the folder `path` holds its training images.
    pub(super) fn is_there(self, path: &Path) -> bool {
        self.files(&self.folder(path), self.prefixes().0).is_ok()
    }

    /// "CIFAR-10", and whether it is a subset.
    pub(super) fn describe(self, train: &Examples, test: &Examples) -> String {
        let name = match self {
            Cifar::Ten => "CIFAR-10",
            Cifar::Hundred(Labels::Fine) => "CIFAR-100",
            Cifar::Hundred(Labels::Coarse) => "CIFAR-100 with its 20 coarse classes",
        };
        if (train.len(), test.len()) == WHOLE {
            return name.to_owned();
        }
        format!(
            "a subset of {name} ({} of {} training and {} of {} test images)",
            train.len(),
            WHOLE.0,
            test.len(),
            WHOLE.1
        )
    }

    /// What it is a subset of, if it is one.
    pub(super) fn subset(self, train: &Examples, test: &Examples) -> Option<String> {
        Some(self.describe(train, test)).filter(|text| text.starts_with("a subset"))
    }

    /// How the names of training and test files begin.
    fn prefixes(self) -> (&'static str, &'static str) {
        match self {
            Cifar::Ten => ("data_batch_", "test_batch"),
            Cifar::Hundred(_) => ("train", "test"),
        }
    }

    /// `path`, or the folder in it that the archive makes.
    fn folder(self, path: &Path) -> PathBuf {
        let inner = path.join(match self {
            Cifar::Ten => "cifar-10-batches-bin",
            Cifar::Hundred(_) => "cifar-100-binary",
        });
        if inner.is_dir() { inner } else { path.to_owned() }
    }

    /// The file with the names of the classes, and how many these are.
    fn names_file(self) -> (&'static str, usize) {
        match self {
            Cifar::Ten => ("batches.meta.txt", 10),
            Cifar::Hundred(Labels::Fine) => ("fine_label_names.txt", 100),
            Cifar::Hundred(Labels::Coarse) => ("coarse_label_names.txt", 20),
        }
    }

    fn names(self, folder: &Path) -> Result<Vec<String>> {
        let (file, classes) = self.names_file();
        let path = folder.join(file);
        match files::read_names(&path)? {
            Some(names) if names.len() == classes => Ok(names),
            Some(names) => {
                let problem = format!("{} names for {classes} classes", names.len());
                Err(Error::malformed(&path, "lines", problem))
            }
            None if self == Cifar::Ten => Ok(NAMES10.map(String::from).to_vec()),
            None => Ok((0..classes).map(|class| class.to_string()).collect()),
        }
    }

    /// The files `<prefix>*.bin`, in the order of their names.
    fn files(self, folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
        let is_ours = |path: &PathBuf| {
            let name = files::name(path);
            // CIFAR-10's test_batch.bin is no test file of CIFAR-100.
            let foreign = self != Cifar::Ten && name.starts_with("test_batch");
            name.starts_with(prefix) && name.ends_with(".bin") && !foreign && path.is_file()
        };
        let found: Vec<_> = files::entries(folder)?.into_iter().filter(is_ours).collect();
        if found.is_empty() {
            let path = folder.join(format!("{prefix}*.bin"));
            return Err(Error::input(&path)(std::io::ErrorKind::NotFound.into()));
        }
        Ok(found)
    }

    fn part(self, folder: &Path, prefix: &str, classes: &[String]) -> Result<Examples> {
        // Where the label is, and how many bytes stand before the pixels.
        let (at, labels) = match self {
            Cifar::Ten => (0, 1),
            Cifar::Hundred(Labels::Coarse) => (0, 2),
            Cifar::Hundred(Labels::Fine) => (1, 2),
        };
        let (mut pixels, mut targets) = (Vec::new(), Vec::new());
        for path in self.files(folder, prefix)? {
            let bytes = files::read(&path, MOST_BYTES)?;
            let record = labels + PIXELS;
            if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
                let place = format!("byte {}", bytes.len());
                let problem = format!("the file ends, but not after a record of {record} bytes");
                return Err(Error::malformed(&path, place, problem));
            }
            for (row, record) in bytes.chunks_exact(record).enumerate() {
                let label = usize::from(record[at]);
                if label >= classes.len() {
                    let place = format!("byte {}", row * record.len() + at);
                    let problem =
                        format!("label {label} is not below the {} classes", classes.len());
                    return Err(Error::malformed(&path, place, problem));
                }
                targets.push(label as i64);
                pixels.extend(&record[labels..]);
            }
        }
        Ok(Examples {
            inputs: Inputs::bytes(pixels),
            shape: Shape::Image(SHAPE),
            labels: targets,
            classes: classes.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const FINE: Cifar = Cifar::Hundred(Labels::Fine);
    const COARSE: Cifar = Cifar::Hundred(Labels::Coarse);

    /// A record for each of `labels`, its pixels all equal to its last label.
    fn records(labels: &[&[u8]]) -> Vec<u8> {
        let record = |labels: &&[u8]| [labels, &[labels[labels.len() - 1]; PIXELS][..]].concat();
        labels.iter().flat_map(record).collect()
    }

    fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    #[test]
    fn batches_are_put_together_in_order() {
        let each = |labels: std::ops::Range<u8>| {
            let labels: Vec<[u8; 1]> = labels.map(|label| [label]).collect();
            records(&labels.iter().map(|label| &label[..]).collect::<Vec<_>>())
        };
        let folder = folder(&[
            ("data_batch_2.bin", each(5..10)),
            ("data_batch_1.bin", each(0..5)),
            ("test_batch.bin", each(3..4)),
        ]);
        let (train, test) = Cifar::Ten.load(folder.path()).unwrap();
        assert_eq!(train.labels, (0..10).collect::<Vec<_>>());
        assert_eq!((test.labels, &test.classes[3][..]), (vec![3], "cat"));
        assert!(!FINE.is_there(folder.path()));
        let archive = TempDir::new().unwrap();
        let inner = archive.path().join("cifar-10-batches-bin");
        fs::rename(folder.path(), &inner).unwrap();
        fs::write(inner.join("batches.meta.txt"), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n").unwrap();
        assert_eq!(Cifar::Ten.load(archive.path()).unwrap().0.classes[9], "j");
    }

    #[test]
    fn damaged_files_are_named() {
        let good = records(&[&[0, 1], &[1, 0]]);
        let complaint = |train: Vec<u8>| {
            let folder = folder(&[("train.bin", train), ("test.bin", good.clone())]);
            let error = FINE.load(folder.path()).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        let cut = complaint(good[..good.len() - 1].to_vec());
        assert!(cut.contains("train.bin: byte 6147: the file ends"), "{cut}");
        assert!(complaint(Vec::new()).contains("train.bin: byte 0"));
        let label = complaint(records(&[&[0, 1], &[1, 100]]));
        assert!(label.contains("byte 3075: label 100 is not below the 100 classes"), "{label}");
        assert!(complaint(good.clone()).contains("class 2 (\"2\") of 100 has no training"));
        let empty = TempDir::new().unwrap();
        let error = FINE.load(empty.path()).unwrap_err().to_string();
        assert!(error.contains("train*.bin"), "{error}");
    }

    /// Counts and pixels: of the files in STEEPNESS_TEST_DATA,
    ///
    ///     x = np.fromfile('data_batch_1_first4000.bin', np.uint8).reshape(-1, 3073)
    ///     np.bincount(x[:, 0]); x[0, [0, 1, 2, 33, 1025, 2049, 3072]]
    #[test]
    fn the_subset_of_cifar10_is_whole() {
        let Some(data) = files::test_data("the_subset_of_cifar10_is_whole") else { return };
        let (train, test) = Cifar::Ten.load(&data.join("cifar-10-subset")).unwrap();
        assert_eq!((train.len(), test.len()), (4000, 1000));
        assert_eq!(train.counts(), [396, 366, 420, 384, 422, 393, 414, 385, 407, 413]);
        assert_eq!(test.counts(), [103, 89, 100, 103, 90, 86, 112, 102, 106, 109]);
        let Inputs::Pixels { values, brightest: 255 } = &train.inputs else { panic!() };
        assert_eq!(train.labels[0], 6); // a frog
        assert_eq!([0, 1, 32, 1024, 2048, 3071].map(|at| values[at]), [59, 43, 16, 62, 63, 72]);
        assert!(Cifar::Ten.describe(&train, &test).contains("4000 of 50000 training"));
    }

    #[test]
    fn the_subset_of_cifar100_is_whole() {
        let Some(data) = files::test_data("the_subset_of_cifar100_is_whole") else { return };
        let folder = data.join("cifar-100-subset");
        let (train, test) = FINE.load(&folder).unwrap();
        assert_eq!((train.len(), test.len()), (10_000, 2000));
        assert_eq!((&train.counts()[..5], train.counts().len()), (&[92, 99, 92, 95, 108][..], 100));
        assert_eq!((train.labels[0], &train.classes[19][..]), (19, "cattle"));
        let coarse = COARSE.load(&folder).unwrap().0;
        assert_eq!(coarse.inputs, train.inputs);
        assert_eq!(
            (coarse.labels[0], &coarse.classes[11][..]),
            (11, "large_omnivores_and_herbivores")
        );
    }
}
