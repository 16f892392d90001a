//! The idx format of MNIST, Fashion-MNIST, KMNIST and others (LeCun et al. 1998).
//!
//! A file is 0, 0, the type of its numbers (8: bytes), the number of dimensions, their lengths as
//! big-endian u32, and the numbers, row-major. A data set is a folder of four files, gzip or not:
//!
//! ```text
//! train-images-idx3-ubyte[.gz]  train-labels-idx1-ubyte[.gz]
//! t10k-images-idx3-ubyte[.gz]   t10k-labels-idx1-ubyte[.gz]
//! ```
//!
//! `classes.txt`, if it is there, names the classes, one a line.

use std::path::{Path, PathBuf};

use super::examples::learnable;
use super::{Examples, Inputs, Shape, files};
use crate::{Error, Result};

/// More bytes of pixels are not read into memory: four times EMNIST, and what a few megabytes of gzip may
/// unpack to.
const MOST_BYTES: u64 = 1 << 31;

/// An array of bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its lengths, outermost first.
    pub shape: Vec<usize>,
    /// Its numbers, row-major.
    pub values: Vec<u8>,
}

/// The training and the test part of the folder `path`.
///
/// # Errors
/// Files that are missing, cut off or do not fit each other, and a class without training images.
pub fn load(path: &Path) -> Result<(Examples, Examples)> {
    let mut train = part(path, "train")?;
    let mut test = part(path, "t10k")?;
    if train.shape != test.shape {
        let [test, train] = [test, train].map(|part| part.shape.sizes());
        let problem = format!("images of {test:?}, training images of {train:?}");
        return Err(Error::malformed(&find(path, "t10k-images", 3)?, "header", problem));
    }
    let classes = train.labels.iter().max().map_or(0, |&last| last as usize + 1);
    let names_at = path.join("classes.txt");
    let names = match files::read_names(&names_at)? {
        Some(names) if names.len() == classes => names,
        Some(names) => {
            let problem = format!("{} names for {classes} classes", names.len());
            return Err(Error::malformed(&names_at, "lines", problem));
        }
        None => (0..classes).map(|class| class.to_string()).collect(),
    };
    let train_labels = find(path, "train-labels", 1)?;
    learnable(&train_labels, &train.labels, &names)?;
    if let Some(row) = test.labels.iter().position(|&label| label as usize >= classes) {
        let problem = format!("class {}, training has 0 to {}", test.labels[row], classes - 1);
        return Err(Error::malformed(
            &find(path, "t10k-labels", 1)?,
            format!("row {row}"),
            problem,
        ));
    }
    (train.classes, test.classes) = (names.clone(), names);
    Ok((train, test))
}

/// The files that [`load`] reads.
///
/// # Errors
/// One that is missing.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for part in ["train", "t10k"] {
        files.push(find(path, &format!("{part}-images"), 3)?);
        files.push(find(path, &format!("{part}-labels"), 1)?);
    }
    files.extend(Some(path.join("classes.txt")).filter(|names| names.exists()));
    Ok(files)
}

/// Whether the folder `path` holds training images under one of the usual names.
pub(super) fn is_there(path: &Path) -> bool {
    find(path, "train-images", 3).is_ok()
}

/// The images and labels of a part; the names of the classes are still to come.
fn part(path: &Path, name: &str) -> Result<Examples> {
    let images_at = find(path, &format!("{name}-images"), 3)?;
    let images = read(&images_at)?;
    let &[count, height, width] = &images.shape[..] else {
        let problem = format!("{} dimensions, expected 3 (images)", images.shape.len());
        return Err(Error::malformed(&images_at, "byte 3", problem));
    };
    if images.values.is_empty() {
        let problem = format!("{count} images of {height}×{width} pixels are no images");
        return Err(Error::malformed(&images_at, "header", problem));
    }
    let labels_at = find(path, &format!("{name}-labels"), 1)?;
    let labels = read(&labels_at)?;
    if labels.shape != [count] {
        let problem = format!("labels of shape {:?} for {count} images", labels.shape);
        return Err(Error::malformed(&labels_at, "header", problem));
    }
    Ok(Examples {
        inputs: Inputs::bytes(images.values),
        shape: Shape::Image([1, height, width]),
        labels: labels.values.into_iter().map(i64::from).collect(),
        classes: Vec::new(),
    })
}

/// The file of `what` in the folder, under any of its usual names.
fn find(path: &Path, what: &str, dimensions: usize) -> Result<PathBuf> {
    let names = ["-", "."].map(|mark| format!("{what}{mark}idx{dimensions}-ubyte"));
    let candidates =
        names.iter().flat_map(|name| [path.join(name), path.join(name.clone() + ".gz")]);
    candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let path = path.join(format!("{}[.gz]", names[0]));
        Error::input(&path)(std::io::ErrorKind::NotFound.into())
    })
}

/// Reads one file, gzip or not.
///
/// # Errors
/// What is no idx file of bytes; a length that the header does not promise.
pub fn read(path: &Path) -> Result<Array> {
    let mut file = files::open(path)?;
    let mut header = |what: &str, from: usize, length: usize| -> Result<Vec<u8>> {
        let bytes = files::read_up_to(&mut file, path, length as u64)?;
        if bytes.len() < length {
            let place = format!("byte {}", from + bytes.len());
            return Err(Error::malformed(path, place, format!("the file ends within {what}")));
        }
        Ok(bytes)
    };
    let magic = header("its first 4 bytes", 0, 4)?;
    let dimensions = match magic[..] {
        [0, 0, 8, dimensions @ 1..=4] => usize::from(dimensions),
        _ => {
            let problem =
                format!("{magic:?}, expected [0, 0, 8, 1 to 4]: an idx file of unsigned bytes");
            return Err(Error::malformed(path, "byte 0", problem));
        }
    };
    let lengths = header("its header", 4, 4 * dimensions)?;
    let length = |bytes: &[u8]| bytes.iter().fold(0usize, |n, &byte| n << 8 | usize::from(byte));
    let shape: Vec<usize> = lengths.chunks_exact(4).map(length).collect();
    let size = shape.iter().try_fold(1u64, |size, &n| size.checked_mul(n as u64));
    let Some(size) = size.filter(|size| *size <= MOST_BYTES) else {
        let problem = format!("shape {shape:?} is more than {MOST_BYTES} bytes");
        return Err(Error::malformed(path, "byte 4", problem));
    };
    // One byte more than promised tells whether there is one.
    let values = files::read_up_to(&mut file, path, size + 1)?;
    if values.len() as u64 != size {
        let found = match values.len() as u64 {
            more if more > size => "more".to_owned(),
            less => less.to_string(),
        };
        let place = format!("byte {}", 4 + 4 * dimensions + values.len().min(size as usize));
        let problem = format!("{found} bytes of data, the header promises {size} ({shape:?})");
        return Err(Error::malformed(path, place, problem));
    }
    Ok(Array { shape, values })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use tempfile::TempDir;

    fn idx(shape: &[u32], values: &[u8]) -> Vec<u8> {
        let lengths: Vec<u8> = shape.iter().flat_map(|n| n.to_be_bytes()).collect();
        [&[0, 0, 8, shape.len() as u8][..], &lengths, values].concat()
    }

    /// Three training and two test images of 1×2 pixels; each file can be replaced.
    pub fn folder(replaced: &[(&str, Vec<u8>)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, bytes) in [
            ("train-images-idx3-ubyte", idx(&[3, 1, 2], &[0, 1, 2, 3, 4, 5])),
            ("train-labels-idx1-ubyte", idx(&[3], &[1, 0, 1])),
            ("t10k-images-idx3-ubyte", idx(&[2, 1, 2], &[6, 7, 8, 9])),
            ("t10k-labels-idx1-ubyte", idx(&[2], &[0, 0])),
        ] {
            let bytes =
                replaced.iter().find(|(other, _)| *other == name).map_or(bytes, |r| r.1.clone());
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_is_read_packed_or_not() {
        let plain = folder(&[]);
        let (train, test) = load(plain.path()).unwrap();
        assert_eq!(train.inputs, Inputs::bytes(vec![0, 1, 2, 3, 4, 5]));
        assert_eq!((train.shape, &train.labels[..]), (Shape::Image([1, 1, 2]), &[1, 0, 1][..]));
        assert_eq!((test.len(), test.classes), (2, vec!["0".to_owned(), "1".to_owned()]));
        let packed = TempDir::new().unwrap();
        for file in files::entries(plain.path()).unwrap() {
            let name = files::name(&file).replace("-idx", ".idx") + ".gz";
            fs::write(packed.path().join(name), files::gzip(&fs::read(file).unwrap())).unwrap();
        }
        fs::write(packed.path().join("classes.txt"), "cat\ndog\n").unwrap();
        let (train, _) = load(packed.path()).unwrap();
        assert_eq!(train.classes, ["cat", "dog"]);
        fs::write(packed.path().join("classes.txt"), "cat\n").unwrap();
        let error = load(packed.path()).unwrap_err().to_string();
        assert!(error.contains("classes.txt: lines: 1 names for 2 classes"), "{error}");
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let huge = u32::MAX;
        for (name, bytes, expected) in [
            (
                "train-images-idx3-ubyte",
                idx(&[3, 1, 2], &[0; 5]),
                "byte 21: 5 bytes of data, the header promises 6",
            ),
            (
                "train-images-idx3-ubyte",
                idx(&[3, 1, 2], &[0; 7]),
                "byte 22: more bytes of data, the header",
            ),
            (
                "train-images-idx3-ubyte",
                vec![0, 0],
                "byte 2: the file ends within its first 4 bytes",
            ),
            (
                "train-images-idx3-ubyte",
                vec![0, 0, 8, 3, 0],
                "byte 5: the file ends within its header",
            ),
            ("train-images-idx3-ubyte", vec![0, 0, 13, 3, 0], "byte 0: [0, 0, 13, 3], expected"),
            ("train-images-idx3-ubyte", idx(&[huge; 4], &[]), "byte 4: shape"),
            (
                "train-images-idx3-ubyte",
                idx(&[huge, 1, 2], &[1]),
                "[4294967295, 1, 2] is more than",
            ),
            ("train-images-idx3-ubyte", idx(&[6], &[0; 6]), "byte 3: 1 dimensions, expected 3"),
            ("train-images-idx3-ubyte", idx(&[3, 0, 2], &[]), "3 images of 0×2 pixels"),
            ("train-labels-idx1-ubyte", idx(&[2], &[0; 2]), "labels of shape [2] for 3 images"),
            (
                "train-labels-idx1-ubyte",
                idx(&[3], &[0; 3]),
                "all 3 training examples are of one class",
            ),
            (
                "train-labels-idx1-ubyte",
                idx(&[3], &[0, 2, 0]),
                "class 1 (\"1\") of 3 has no training",
            ),
            ("t10k-labels-idx1-ubyte", idx(&[2], &[0, 2]), "row 1: class 2, training has 0 to 1"),
            (
                "t10k-images-idx3-ubyte",
                idx(&[2, 2, 1], &[0; 4]),
                "images of [1, 2, 1], training images",
            ),
        ] {
            let folder = folder(&[(name, bytes)]);
            let error = load(folder.path()).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let error = error.to_string();
            assert!(error.contains(name) && error.contains(expected), "{expected}: {error}");
        }
        let folder = folder(&[]);
        fs::remove_file(folder.path().join("t10k-labels-idx1-ubyte")).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("t10k-labels-idx1-ubyte[.gz]"), "{error}");
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(
            edits in prop::collection::vec((0usize..24, any::<u8>()), 0..6),
            cut in 0usize..24,
        ) {
            let mut bytes = idx(&[3, 1, 2], &[0, 1, 2, 3, 4, 5]);
            for (at, byte) in edits {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            bytes.truncate(cut);
            let folder = folder(&[("train-images-idx3-ubyte", bytes)]);
            if let Err(error) = load(folder.path()) {
                prop_assert_eq!(error.exit_code(), 2);
            }
        }
    }

    /// Counts of the classes: `np.bincount(labels)` of torchvision's copies; mean and standard
    /// deviation: those that every MNIST example normalises with (docs/derivations.md §10).
    #[test]
    fn mnist_is_what_everybody_knows() {
        let Some(data) = files::test_data("mnist_is_what_everybody_knows") else { return };
        let (train, test) = load(&data.join("mnist")).unwrap();
        assert_eq!(
            (train.len(), test.len(), train.shape),
            (60_000, 10_000, Shape::Image([1, 28, 28]))
        );
        assert_eq!(train.counts(), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
        assert_eq!(test.counts(), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
        assert_eq!((train.labels[..5].to_vec(), test.labels[0]), (vec![5, 0, 4, 1, 9], 7));
        let (mean, std) = train.moments()[0];
        assert_eq!((format!("{mean:.4}"), format!("{std:.4}")), ("0.1307".into(), "0.3081".into()));
    }

    #[test]
    fn fashion_mnist_is_what_everybody_knows() {
        let Some(data) = files::test_data("fashion_mnist_is_what_everybody_knows") else { return };
        let (train, test) = load(&data.join("fashion-mnist")).unwrap();
        assert_eq!((train.counts(), test.counts()), (vec![6000; 10], vec![1000; 10]));
        let (mean, std) = train.moments()[0];
        assert_eq!((format!("{mean:.4}"), format!("{std:.4}")), ("0.2860".into(), "0.3530".into()));
    }
}
