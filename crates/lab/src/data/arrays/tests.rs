use std::fs;
use std::io::{Cursor, Write};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::data::{Inputs, Shape};

/// A .npy file of version 1: `dtype` and `shape` as numpy writes them.
fn npy(dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (text.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), data].concat()
}

/// Rows of two numbers: the place of the row from `first` on, and its square.
fn x(rows: usize, first: usize) -> Vec<u8> {
    let row = |at: usize| [(first + at) as f32, ((first + at) * (first + at)) as f32];
    let data: Vec<u8> = (0..rows).flat_map(row).flat_map(f32::to_le_bytes).collect();
    npy("<f4", &format!("({rows}, 2)"), &data)
}

fn y(labels: &[i64]) -> Vec<u8> {
    let data: Vec<u8> = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    npy("<i8", &format!("({},)", labels.len()), &data)
}

/// As numpy stores `["cat", "horse"]`: each as long as the longest.
fn words(words: &[&str]) -> Vec<u8> {
    let longest = words.iter().map(|word| word.chars().count()).max().unwrap();
    let padded = |word: &&str| {
        let end = std::iter::repeat('\0');
        word.chars().chain(end).take(longest).flat_map(|c| u32::from(c).to_le_bytes()).collect()
    };
    let data: Vec<Vec<u8>> = words.iter().map(padded).collect();
    npy(&format!("<U{longest}"), &format!("({},)", words.len()), &data.concat())
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn npz(files: &[(&str, Vec<u8>)], packed: bool) -> Vec<u8> {
    let method = match packed {
        true => zip::CompressionMethod::Deflated,
        false => zip::CompressionMethod::Stored,
    };
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, data) in files {
        let options = zip::write::FileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(data).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The first number of each row.
fn firsts(examples: &Examples) -> Vec<f32> {
    let Inputs::Numbers(values) = &examples.inputs else { panic!() };
    assert_eq!(examples.shape, Shape::Row(2));
    values.iter().copied().step_by(2).collect()
}

#[test]
fn parts_are_taken_as_they_come() {
    let mut files = vec![
        ("train_x.npy", x(4, 0)),
        ("train_y.npy", words(&["dog", "cat", "dog", "cat"])),
        ("y_test.npy", words(&["dog"])),
        ("X_test.npy", x(1, 9)),
        ("README", b"words".to_vec()),
    ];
    let place = folder(&files);
    let found = Arrays::load(place.path()).unwrap();
    assert_eq!(firsts(&found.examples), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(found.examples.classes, ["cat", "dog"]);
    assert_eq!(found.examples.labels, [1, 0, 1, 0]);
    let test = found.test.unwrap();
    assert_eq!((firsts(&test), &test.labels[..]), (vec![9.0], &[1][..]));
    assert!(found.validation.is_none() && found.groups.is_none());
    let said = "arrays: train_x.npy (4, 2), train_y.npy (4), X_test.npy (1, 2), y_test.npy (1)";
    assert_eq!(found.notes[0], said);
    assert!(found.notes[1].contains("not read: 1 file: 1 without a known ending (README)"));
    // A validation part alone is what there is to measure.
    files.retain(|(name, _)| !name.contains("test"));
    files.extend([("dev_x.npy", x(2, 5)), ("dev_y.npy", words(&["cat", "dog"]))]);
    let found = Arrays::load(folder(&files).path()).unwrap();
    assert!(found.validation.is_none() && found.notes.iter().any(|note| note.contains("no test")));
    assert_eq!(firsts(&found.test.unwrap()), [5.0, 6.0]);
    files.extend([("test_x.npy", x(1, 7)), ("test_y.npy", words(&["cat"]))]);
    let found = Arrays::load(folder(&files).path()).unwrap();
    assert_eq!(firsts(&found.validation.unwrap()), [5.0, 6.0]);
    assert_eq!(firsts(&found.test.unwrap()), [7.0]);
}

#[test]
fn a_folder_and_an_archive_are_the_same() {
    let files = [
        ("x.npy", x(8, 0)),
        ("y.npy", y(&[7, -2, 30, 7, -2, 30, -2, 30])),
        (
            "split.npy",
            words(&["train", "test", "train", "train", "train", "valid", "train", "Training"]),
        ),
    ];
    let place = folder(&files);
    let path = place.path().join("all.npz");
    let expected = Arrays::load(place.path()).unwrap();
    // By size and not by letters.
    assert_eq!(expected.examples.classes, ["-2", "7", "30"]);
    assert_eq!(expected.examples.labels, [1, 2, 1, 0, 0, 2]);
    assert_eq!(firsts(&expected.examples), [0.0, 2.0, 3.0, 4.0, 6.0, 7.0]);
    assert_eq!(firsts(expected.validation.as_ref().unwrap()), [5.0]);
    assert_eq!(firsts(expected.test.as_ref().unwrap()), [1.0]);
    let counts = "split.npy says the parts: 6 rows for training, 1 for validation, 1 for test";
    assert!(expected.notes.iter().any(|note| note == counts), "{:?}", expected.notes);
    for packed in [false, true] {
        fs::write(&path, npz(&files, packed)).unwrap();
        let found = Arrays::load(&path).unwrap();
        assert_eq!(found.examples, expected.examples);
        assert_eq!(
            (found.test, found.validation),
            (expected.test.clone(), expected.validation.clone())
        );
        assert_eq!(rows(&path, 2).unwrap(), rows(&place.path().join("x.npy"), 2).unwrap());
    }
    let numbers = [files[0].clone(), files[1].clone(), ("split.npy", y(&[0, 2, 0, 0, 0, 1, 0, 0]))];
    assert_eq!(Arrays::load(folder(&numbers).path()).unwrap().examples, expected.examples);
}

/// However numpy stores them, numbers are the same rows.
#[test]
fn every_kind_of_numbers_is_read() {
    let labels = || ("y.npy", y(&[0, 1, 0, 1]));
    let of = |bytes: Vec<u8>| {
        let place = folder(&[("x.npy", bytes), labels()]);
        let found = Arrays::load(place.path()).unwrap();
        let Inputs::Numbers(values) = found.examples.inputs else { panic!() };
        values
    };
    let whole = [3u8, 1, 4, 1, 5, 9, 2, 6];
    let expected = whole.map(f32::from).to_vec();
    let doubles = whole.map(|n| f64::from(n).to_le_bytes()).concat();
    assert_eq!(of(npy("<f8", "(4, 2)", &doubles)), expected);
    assert_eq!(of(npy("|u1", "(4, 2)", &whole)), expected);
    let long = whole.map(|n| i64::from(n).to_be_bytes()).concat();
    assert_eq!(of(npy(">i8", "(4, 2)", &long)), expected);
    let columns = [3u8, 4, 5, 2, 1, 1, 9, 6];
    let mut fortran = npy("|u1", "(4, 2)", &columns);
    let at = fortran.windows(5).position(|word| word == b"False").unwrap();
    fortran[at..at + 5].copy_from_slice(b"True ");
    assert_eq!(of(fortran), expected);
}

#[test]
fn groups_are_numbered_and_shared_ones_are_named() {
    let files = [
        ("x.npy", x(6, 0)),
        ("y.npy", y(&[0, 1, 0, 1, 0, 1])),
        ("group.npy", words(&["b", "a", "b", "c", "a", "c"])),
    ];
    let found = Arrays::load(folder(&files).path()).unwrap();
    assert_eq!(found.groups, Some(vec![0, 1, 0, 2, 1, 2]));
    let said = "3 groups of 6 rows: all rows of one fall into the same part";
    assert!(found.notes.iter().any(|note| note == said), "{:?}", found.notes);
    let split = [&files[..], &[("split.npy", y(&[0, 0, 0, 0, 1, 2]))]].concat();
    let found = Arrays::load(folder(&split).path()).unwrap();
    let notes = found.notes.join("\n");
    assert!(
        notes.contains("1 of 1 validation rows are of groups that are learned from"),
        "{notes}"
    );
    assert!(notes.contains("1 of 1 test rows are of groups"), "{notes}");
    assert!(!notes.contains("fall into"), "{notes}");
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let good = || vec![("x.npy", x(4, 0)), ("y.npy", y(&[0, 1, 0, 1]))];
    let complaint = |files: &[(&str, Vec<u8>)]| {
        let place = folder(files);
        let error = Arrays::load(place.path()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    let with = |name: &'static str, bytes: Vec<u8>| {
        let mut files = good();
        files.retain(|(other, _)| *other != name);
        files.push((name, bytes));
        complaint(&files)
    };
    let singles = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let nan = npy("<f4", "(4, 2)", &singles(&[1., 2., 3., f32::NAN, 5., f32::INFINITY, 7., 8.]));
    let large = npy("<f8", "(4, 1)", &[1.0f64, 2.0, 1e300, 4.0].map(f64::to_le_bytes).concat());
    for (found, expected) in [
        (with("y.npy", y(&[0, 1, 0])), "y.npy: shape: 3 rows, x.npy has 4"),
        (with("group.npy", y(&[0; 5])), "group.npy: shape: 5 rows, x.npy has 4"),
        (with("split.npy", y(&[0; 5])), "split.npy: shape: 5 rows, there are 4 labels"),
        (with("split.npy", y(&[0, 0, 3, 2])), "split.npy: row 2: 3 is no part"),
        (with("split.npy", words(&["train", "b", "c", "d"])), "row 1: \"b\" is no part"),
        (with("split.npy", y(&[2; 4])), "arrays: no rows to learn from"),
        (with("x.npy", nan), "x.npy: row 1, column 1: NaN (2 of 8 numbers are not finite)"),
        (with("x.npy", large), "x.npy: row 2, column 0: 1e300 is too large for single precision"),
        (
            with("x.npy", npy("<f4", "(4,)", &[0; 16])),
            "f4 of shape [4], expected numbers of shape (N, D)",
        ),
        (with("x.npy", npy("<f4", "(2, 1, 2)", &[0; 16])), "of shape [2, 1, 2], expected numbers"),
        (with("x.npy", npy("<f4", "(0, 2)", &[])), "x.npy: shape: (0, 2): there are no numbers"),
        (with("x.npy", npy("<f4", "(4, 0)", &[])), "x.npy: shape: (4, 0): there are no numbers"),
        (with("x.npy", npy("|O", "(4, 2)", b"\x80\x04.")), "x.npy: byte 20: Python objects"),
        (with("y.npy", npy("|O", "(4,)", b"\x80\x04.")), "y.npy: byte 20: Python objects"),
        (with("y.npy", y(&[5; 4])), "all 4 training examples are of one class, \"5\""),
        (with("y.npy", y(&[5, 6, 7, 8])), "labels: 4 different ones in 4 rows are no classes"),
        (with("y.npy", words(&["a", "", "a", "b"])), "y.npy: row 1: no label: it is empty"),
        (with("embeddings.npy", x(4, 0)), "arrays: embeddings is unknown: known are x, y"),
        (
            with("train_x.npy", x(4, 0)),
            "either x and y for all rows, or an x and a y for each part",
        ),
        (with("Y.npy", y(&[0, 1, 0, 1])), "are the same: leave one"),
        (complaint(&good()[..1]), "x.npy: arrays: there is no y for it, the labels"),
        (complaint(&good()[1..]), "y.npy: arrays: there is no x for it, the rows"),
        (complaint(&[]), "arrays: no rows to learn from: expected train_x and train_y, or x and y"),
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let train = || vec![("train_x.npy", x(4, 0)), ("train_y.npy", y(&[0, 1, 0, 1]))];
    for (test_x, test_y, expected) in [
        (
            x(1, 0),
            y(&[2]),
            "test_y.npy: row 0: the label 2 is not among those that are learned from",
        ),
        (
            x(1, 0),
            words(&["a"]),
            "test_y.npy: labels: words, those that are learned from are numbers",
        ),
        (
            npy("|u1", "(1, 3)", &[0; 3]),
            y(&[0]),
            "test_x.npy: shape: rows of 3 numbers, those that",
        ),
    ] {
        let files = [train(), vec![("test_x.npy", test_x), ("test_y.npy", test_y)]].concat();
        let found = complaint(&files);
        assert!(found.contains(expected), "{expected}: {found}");
    }
    // The row is that of the array, not that of the part.
    let parts = [("split.npy", y(&[0, 0, 0, 2]))];
    let files = [&parts[..], &[("x.npy", x(4, 0)), ("y.npy", y(&[0, 1, 0, 5]))]].concat();
    let found = complaint(&files);
    assert!(found.contains("y.npy: row 3: the label 5 is not among"), "{found}");
    let no_train = complaint(&[("test_x.npy", x(1, 0)), ("test_y.npy", y(&[2]))]);
    assert!(no_train.contains("no rows to learn from"), "{no_train}");
}

#[test]
fn hostile_archives_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("all.npz");
    let complaint = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = Arrays::load(&path).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    let good = npz(&[("x.npy", x(4, 0)), ("y.npy", y(&[0, 1, 0, 1]))], true);
    let mut flipped = good.clone();
    flipped[45] ^= 1;
    // Zeros, which pack a thousand times.
    let bomb = npz(&[("x.npy", vec![0; (64 << 20) + 1]), ("y.npy", y(&[0, 1]))], true);
    assert!(bomb.len() < 1 << 18);
    let many: Vec<String> = (0..66).map(|at| format!("x{at}.npy")).collect();
    let many: Vec<(&str, Vec<u8>)> = many.iter().map(|name| (name.as_str(), Vec::new())).collect();
    for (bytes, expected) in [
        (&b"no archive"[..], "all.npz: archive: "),
        (b"", "all.npz: archive: "),
        (&good[..good.len() / 2], "all.npz: archive: "),
        (&flipped, "all.npz/x.npy: "),
        (&bomb, "all.npz/x.npy: size: it unpacks to more than 67108864 bytes"),
        (&npz(&many, false), "is unknown: known are x, y"),
        (&npz(&[("x.pkl", b"\x80\x04.".to_vec())], false), "entry x.pkl: no array (.npy)"),
        (&npz(&[("../x.npy", x(1, 0))], false), "../x is unknown"),
        (&npz(&[("a/", Vec::new())], false), "entry a/: no array (.npy)"),
        (&npz(&[("x.npy", x(4, 0))], false), "all.npz/x.npy: arrays: there is no y for it"),
        (&npz(&[], false), "no rows to learn from"),
    ] {
        let found = complaint(bytes);
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let other = npz(&[("y.npy", y(&[0]))], false);
    fs::write(&path, other).unwrap();
    let error = rows(&path, 2).unwrap_err().to_string();
    assert!(error.contains("all.npz: arrays: no x in it, but y.npy"), "{error}");
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(
        edits in prop::collection::vec((0usize..700, any::<u8>()), 0..6),
        cut in 0usize..800,
        packed in any::<bool>(),
    ) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("all.npz");
        let files = [("x.npy", x(4, 0)), ("y.npy", words(&["a", "b", "a", "b"]))];
        let mut bytes = npz(&files, packed);
        for (at, byte) in edits {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut.max(1));
        fs::write(&path, &bytes).unwrap();
        for error in [Arrays::load(&path).err(), rows(&path, 2).err()] {
            prop_assert!(error.is_none_or(|error| error.exit_code() == 2));
        }
    }
}
