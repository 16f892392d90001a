//! [`detect`]: in which format the data at a path are.

use std::io::Read;
use std::path::Path;

use super::formats::Card;
use super::{Format, files, image_folder};
use crate::compare::results_in;
use crate::{Error, Result, plain};

/// The formats that are found at paths.
fn cards() -> impl Iterator<Item = (Format, Card)> {
    Format::ALL.iter().filter_map(|format| Some((*format, format.card()?)))
}

/// Looks at the names in a folder, or at the first bytes of a file.
///
/// # Errors
/// What is none of the formats: the message says what is there and what was looked for.
pub fn detect(path: &Path) -> Result<Format> {
    if !path.try_exists().map_err(Error::input(path))? {
        return Err(Error::input(path)(std::io::ErrorKind::NotFound.into()));
    }
    if path.is_dir() { folder(path) } else { file(path) }
}

fn folder(path: &Path) -> Result<Format> {
    // The figures of a comparison are no images to learn from.
    if let Some(results) = results_in(path) {
        return Err(Error::Request(format!("{} is {results}", path.display())));
    }
    let mut found = looked_for(path, false)?;
    if found.is_empty() {
        found = looked_for(path, true)?;
    }
    let alike = |other: &Format| found.iter().any(|(_, card)| card.looks_like.contains(other));
    let formats = || found.iter().map(|(format, _)| *format);
    match &formats().filter(|format| !alike(format)).collect::<Vec<_>>()[..] {
        [format] => Ok(*format),
        [] => Err(unknown(path)),
        _ => {
            let names: Vec<String> = formats().map(|format| format.to_string()).collect();
            Err(Error::Request(format!(
                "{}: there are several data sets in it: {}; put the one that is meant into a folder of its \
                 own, or write a recipe with its format ([data.idx], [data.image-folder] and so on)",
                path.display(),
                names.join("; ")
            )))
        }
    }
}

/// What the folder holds of those formats that are looked for at `last`, or of the others.
fn looked_for(path: &Path, last: bool) -> Result<Vec<(Format, Card)>> {
    let mut found = Vec::new();
    for (format, card) in cards().filter(|(_, card)| card.last == last) {
        if (card.is_in)(path)? {
            found.push((format, card));
        }
    }
    Ok(found)
}

fn unknown(path: &Path) -> Error {
    let entries = files::entries(path).unwrap_or_default();
    let names: Vec<String> = entries.iter().map(|entry| files::name(entry)).collect();
    let listed = |names: &[&String]| {
        let shown =
            names.iter().take(5).map(|name| plain::name(name)).collect::<Vec<_>>().join(", ");
        match names.len() {
            0..=5 => shown,
            more => format!("{shown} and {} more", more - 5),
        }
    };
    let there = match names.len() {
        0 => "nothing is in it".to_owned(),
        _ => format!("in it: {}", listed(&names.iter().collect::<Vec<_>>())),
    };
    let is_table =
        |name: &&String| [".csv", ".tsv", ".data", ".jsonl"].iter().any(|end| name.ends_with(end));
    let tables: Vec<&String> = names.iter().filter(is_table).collect();
    let hint = match &tables[..] {
        [] if image_folder::holds_images(path) => {
            "; its images lie in no folders of classes, CLASS/*.jpg".to_owned()
        }
        [] => String::new(),
        [name] => format!("; for the table, name the file: {}", path.join(name).display()),
        [first, ..] => {
            format!("; of the tables {} name one: {}", listed(&tables), path.join(first).display())
        }
    };
    let mut signs: Vec<&str> = cards().filter_map(|(_, card)| card.sign).collect();
    let last = signs.pop().unwrap_or_default();
    Error::Request(format!(
        "{}: no data that are known ({there}){hint}; known are folders with {} or {last}, and tables \
         (CSV)",
        path.display(),
        signs.join(", ")
    ))
}

fn file(path: &Path) -> Result<Format> {
    if let Some((format, _)) = cards().find(|(_, card)| (card.is_file)(path)) {
        return Ok(format);
    }
    let bytes = files::read_up_to(&mut files::open(path)?.take(4096), path, 4096)?;
    let refuse = |what: &str| Err(Error::Request(format!("{} is {what}", path.display())));
    let is_text = match std::str::from_utf8(&bytes) {
        Ok(text) => !text.contains('\0'),
        // Cut within a letter.
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    match &bytes[..] {
        [] => refuse("empty"),
        [0, 0, 8, 1..=4, ..] => {
            refuse("one of the four idx files of a data set: name their folder")
        }
        [0x93, b'N', b'U', b'M', ..] => refuse(
            "one numpy array: to learn from, name the folder that holds x.npy and y.npy; `steepness \
             measure` takes logits",
        ),
        [b'P', b'K', 3, 4, ..] => {
            refuse("a zip archive: unpack it, or call it .npz if it holds arrays of numpy")
        }
        [0xff, 0xd8, 0xff, ..] | [0x89, b'P', b'N', b'G', ..] => {
            refuse("an image: name the folder that holds the folders of the classes")
        }
        _ if files::is_utf16(&bytes) => refuse(files::NOT_UTF16),
        _ if !is_text && files::is_text_of_bytes(&bytes) => Err(files::not_utf8(path, &bytes, 0)),
        _ if image::guess_format(&bytes).is_ok() && !is_text => {
            refuse("an image: name the folder that holds the folders of the classes")
        }
        [b'{', ..] => refuse(
            "JSON: a table is called .jsonl, an object in each line; for iNaturalist, name the folder \
             that holds train2018.json",
        ),
        _ if files::name(path).ends_with(".bin") => refuse("binary: for CIFAR, name its folder"),
        _ if is_text => Ok(Format::Table),
        _ => refuse("in no format that is known"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::tests::write;
    use super::*;
    use std::fs;

    #[test]
    fn folders_are_told_by_their_names() {
        for (file, expected) in [
            ("train-images-idx3-ubyte.gz", Format::Idx),
            ("train-images.idx3-ubyte", Format::Idx),
            ("data_batch_1.bin", Format::Cifar10),
            ("cifar-10-batches-bin/data_batch_1.bin", Format::Cifar10),
            ("train.bin", Format::Cifar100),
            ("cifar-100-binary/train.bin", Format::Cifar100),
            ("train2018.json", Format::INaturalist),
            ("NCI1_graph_indicator.txt", Format::Tu),
            ("NCI1/NCI1_graph_indicator.txt", Format::Tu),
            ("train/cat/1.png", Format::ImageFolder),
            ("cat/1.png", Format::ImageFolder),
            ("train_x.npy", Format::Arrays),
            ("X_train.npy", Format::Arrays),
            ("x.npy", Format::Arrays),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(file);
            if file.ends_with(".png") {
                write(&path, 1);
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, "x").unwrap();
            }
            assert_eq!(detect(folder.path()).unwrap(), expected, "{file}");
        }
    }

    /// In the order of the list, and whole sentences.
    #[test]
    fn advice_names_what_every_format_is_known_by() {
        let folder = tempfile::tempdir().unwrap();
        let text = detect(folder.path()).unwrap_err().to_string();
        assert!(
            text.ends_with(
                "known are folders with train-images-idx3-ubyte[.gz], data_batch_1.bin (CIFAR-10), \
                 train.bin (CIFAR-100), train2018.json (iNaturalist), train/CLASS/*.jpg, \
                 train_x.npy and train_y.npy (arrays), NAME_graph_indicator.txt (graphs) or train.de and train.en (translations), and \
                 tables (CSV)"
            ),
            "{text}"
        );
    }

    /// iNaturalist's images lie in folders beside its annotations.
    #[test]
    fn what_only_looks_like_another_format_is_not_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("train_val2018/Aves/1.png"), 1);
        write(&at("train/Aves/1.png"), 1);
        assert_eq!(detect(folder.path()).unwrap(), Format::ImageFolder);
        fs::write(at("train2018.json"), "{}").unwrap();
        assert_eq!(detect(folder.path()).unwrap(), Format::INaturalist);
        fs::write(at("train-images-idx3-ubyte"), "x").unwrap();
        let several = detect(folder.path()).unwrap_err().to_string();
        assert!(
            several.contains("of MNIST; iNaturalist 2018; a folder of images; put the one"),
            "{several}"
        );
    }

    #[test]
    fn what_is_unknown_gets_advice() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| {
            let error = detect(path).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        assert!(message(folder.path()).contains("nothing is in it"));
        fs::write(folder.path().join("my.csv"), "a,b\n1,2\n").unwrap();
        assert!(message(folder.path()).contains("name the file: "));
        assert_eq!(detect(&folder.path().join("my.csv")).unwrap(), Format::Table);
        let json = tempfile::tempdir().unwrap().path().join("my.jsonl");
        fs::create_dir_all(json.parent().unwrap()).unwrap();
        fs::write(&json, "{}").unwrap();
        assert_eq!(detect(&json).unwrap(), Format::Table);
        fs::write(folder.path().join("all.tsv"), "a\tb\n1\t2\n").unwrap();
        assert!(message(folder.path()).contains("of the tables all.tsv, my.csv name one: "));
        let file = folder.path().join("f");
        for (bytes, expected) in [
            (&b""[..], "is empty"),
            (&[0, 0, 8, 3, 0, 0], "one of the four idx files"),
            (b"\x93NUMPY\x01", "one numpy array"),
            (b"PK\x03\x04", "a zip archive"),
            (b"\x89PNG\r\n", "an image: name the folder"),
            (b"{\"images\": []}", "JSON"),
            (&[0, 1, 2, 3], "in no format that is known"),
            (&[0xff, 0xfe, 0x41], "text in UTF-16"),
            (b"name,alter\nM\xfcller,3\n", "line 2, byte 1: not text in UTF-8: 0xfc, \"ü\""),
        ] {
            fs::write(&file, bytes).unwrap();
            assert!(message(&file).contains(expected), "{}", message(&file));
            fs::write(&file, files::gzip(bytes)).unwrap();
            assert!(message(&file).contains(expected), "{}", message(&file));
        }
        let error = detect(&folder.path().join("gone")).unwrap_err().to_string();
        assert!(error.contains("gone"), "{error}");
    }

    #[test]
    fn one_of_several_sets_is_not_chosen_by_chance() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("cat/1.png"), 1);
        fs::write(at("table.csv"), "x").unwrap();
        assert_eq!(detect(folder.path()).unwrap(), Format::ImageFolder);
        fs::write(at("train-images-idx3-ubyte"), "x").unwrap();
        let message = |path: &Path| detect(path).unwrap_err().to_string();
        let several = message(folder.path());
        assert!(several.contains("in it: images in the idx format of MNIST; a folder of images;"));
        let graphs = tempfile::tempdir().unwrap();
        for name in ["A/A_graph_indicator.txt", "B/B_graph_indicator.txt", "C/x.txt"] {
            let path = graphs.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "1").unwrap();
        }
        // Which of them is said where they are read.
        assert_eq!(detect(graphs.path()).unwrap(), Format::Tu);
        assert_eq!(detect(&graphs.path().join("A/A_graph_indicator.txt")).unwrap(), Format::Tu);
        let loose = tempfile::tempdir().unwrap();
        write(&loose.path().join("1.png"), 1);
        assert!(message(loose.path()).contains("its images lie in no folders of classes"));
    }

    #[test]
    fn the_real_sets_are_told() {
        let Some(data) = files::test_data("the_real_sets_are_told") else { return };
        for (name, expected) in [
            ("mnist", Format::Idx),
            ("cifar-10-subset", Format::Cifar10),
            ("cifar-100-subset", Format::Cifar100),
            ("tu/NCI1", Format::Tu),
            ("multi30k", Format::Parallel),
            ("imbalanced/yeast.data", Format::Table),
            ("imbalanced/winequality-white.csv", Format::Table),
        ] {
            assert_eq!(detect(&data.join(name)).unwrap(), expected, "{name}");
        }
        assert!(detect(&data.join("tatoeba")).is_err());
    }
}
