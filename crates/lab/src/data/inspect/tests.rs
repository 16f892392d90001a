use super::super::decode::tests::write;
use super::super::files::test_data;
use super::*;
use crate::data::{Format, Shape, Size};
use std::fs;
use std::sync::Mutex;

fn check(path: &Path) -> Inspection {
    inspect(path, &TableChoices::default(), &|_, _| {}).unwrap()
}

#[test]
fn a_folder_of_images_is_decoded() {
    let folder = tempfile::tempdir().unwrap();
    for (name, red) in [
        ("train/cat/1.png", 0),
        ("train/dog/1.png", 255),
        ("train/dog/2.png", 255),
        ("val/cat/3.png", 9),
    ] {
        write(&folder.path().join(name), red);
    }
    let seen = Mutex::new(Vec::new());
    let watch = |done, of| seen.lock().unwrap().push((done, of));
    let found = inspect(folder.path(), &TableChoices::default(), &watch).unwrap();
    assert_eq!(found.classes, ["cat", "dog"]);
    let parts: Vec<_> = found.parts.iter().map(|part| (part.name, &part.counts[..])).collect();
    assert_eq!(parts, [("training", &[1, 2][..]), ("test", &[1, 0])]);
    assert_eq!(found.size, Size { channels: 3, smallest: [2, 3], largest: [2, 3] });
    // One of six pixels of two images of three is 1: mean 2/18, variance m − m².
    let red = &found.channels[0];
    assert_eq!(red.name, "red");
    assert!((red.mean - 1.0 / 9.0).abs() < 1e-12 && (red.std - (8f64 / 81.0).sqrt()).abs() < 1e-12);
    let seen = seen.into_inner().unwrap();
    assert!(seen.len() == 4 && seen.contains(&(4, 4)), "{seen:?}");
    let text = found.to_string();
    for line in [
        "training    3 images",
        "size        2×3 pixels, colour",
        "classes     2, each with 1 to 2 training examples (1 to 2.0); 0 many-shot, 0 medium-shot, 2 few-shot",
        "1      dog          2     0",
        "red      0.1111  0.3143",
        "[data.image-folder]",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    image::GrayImage::new(5, 1).save(folder.path().join("train/dog/9.png")).unwrap();
    let text = check(folder.path()).to_string();
    assert!(text.contains("1 to 2 pixels high, 3 to 5 wide, colour"), "{text}");
    assert!(text.contains("size = 5\n"), "{text}");
    fs::write(folder.path().join("val/cat/4.jpg"), "nonsense").unwrap();
    let error =
        inspect(folder.path(), &TableChoices::default(), &|_, _| {}).unwrap_err().to_string();
    assert!(error.contains("4.jpg: image: none of JPEG, PNG, WebP"), "{error}");
}

/// What the folders say and what the images say: neither drops the other.
#[test]
fn copies_and_transparency_of_image_folders_are_said() {
    let folder = tempfile::tempdir().unwrap();
    for (name, red) in [("train/cat/1.png", 1), ("train/dog/1.png", 2), ("test/dog/2.png", 2)] {
        write(&folder.path().join(name), red);
    }
    let clear = image::RgbaImage::from_pixel(3, 2, image::Rgba([1, 2, 3, 0]));
    clear.save(folder.path().join("test/dog/3.png")).unwrap();
    fs::write(folder.path().join("train/cat/read.me"), "").unwrap();
    let found = check(folder.path());
    let loaded = super::super::load(found.recipe.as_ref().unwrap()).unwrap();
    for notes in [&found.notes, &loaded.notes] {
        let notes = notes.join("\n");
        for expected in [
            "read.me",
            "1 of 4 images have transparent pixels",
            "1 of 2 test images are exact copies of training images",
        ] {
            assert!(notes.contains(expected), "{expected}\n{notes}");
        }
    }
}

#[test]
fn a_table_shows_what_was_inferred() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, "age,colour,kind\n1,red,a\n2,blue,b\n3,red,a\n4,blue,\u{1b}[2Jb\n5,red,b\n6,red,\u{1b}[2Jb\n").unwrap();
    let text = check(&path).to_string();
    for line in [
        "comma between the values; the first line names the columns",
        "age     numeric, 1 to 6",
        "colour  2 categories: blue, red",
        "kind    the class",
        "0      \u{fffd}[2Jb",
        "age          3.5000  1.7078",
        "target = -1",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
    let asked = TableChoices { target: Some("colour".into()), ignore: vec!["kind".into()] };
    let found = inspect(&path, &asked, &|_, _| {}).unwrap();
    assert_eq!(
        (found.classes, found.size.channels),
        (vec!["blue".to_owned(), "red".to_owned()], 1)
    );
    let error = inspect(folder.path(), &asked, &|_, _| {}).unwrap_err().to_string();
    assert!(error.contains("for the table, name the file"), "{error}");
}

#[test]
fn inaturalist_is_listed_and_decoded() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("train2018.json"),
        r#"{"images": [{"id": 1, "file_name": "i/1.jpg"}, {"id": 2, "file_name": "i/2.jpg"}],
            "annotations": [{"image_id": 1, "category_id": 0}, {"image_id": 2, "category_id": 1}],
            "categories": [{"id": 0}, {"id": 1}]}"#,
    )
    .unwrap();
    write(&folder.path().join("i/1.jpg"), 1);
    let error =
        inspect(folder.path(), &TableChoices::default(), &|_, _| {}).unwrap_err().to_string();
    assert!(error.contains("2.jpg"), "{error}");
    write(&folder.path().join("i/2.jpg"), 1);
    let found = check(folder.path());
    assert_eq!((found.format, found.many_medium_few), (Format::INaturalist, [0, 0, 2]));
    let loaded = super::super::load(&found.recipe.unwrap()).unwrap();
    assert_eq!((loaded.examples.len(), loaded.examples.shape), (2, Shape::Image([3, 2, 3])));
}

#[test]
fn graphs_show_their_nodes_and_edges() {
    let folder = super::super::tu::tests::folder(&[]);
    let text = check(folder.path()).to_string();
    for line in [
        "1 to 3 nodes a graph, 2.00 on average",
        "0 to 4 edges (one that leads both ways counts twice) a graph, 1.25 on average",
        "not used: node attributes",
        "training    4 graphs",
        "size        2 features a node",
        "0      -1           2",
        "label 9  0.3750  0.4841",
        "of all nodes",
        "validation = 0.1\ntest = 0.1\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

/// Every recipe that is shown can be read and loads the same data.
#[test]
fn what_is_shown_of_real_data_is_true() {
    let Some(data) = test_data("what_is_shown_of_real_data_is_true") else { return };
    for (name, shown) in [
        (
            "mnist",
            &["grey     0.1307  0.3081", "1      1         6742  1135", "28×28 pixels, grey"][..],
        ),
        ("cifar-10-subset", &["a subset of CIFAR-10 (4000 of 50000 training", "3      cat"]),
        (
            "cifar-100-subset",
            &["the 10 largest and smallest; 80 more between them", "100, each with"],
        ),
        (
            "imbalanced/yeast.data",
            &["column 1   left out: 1462 different names", "10, each with 5 to 463"],
        ),
        ("imbalanced/winequality-white.csv", &["semicolon between the values", "alcohol"]),
        ("imbalanced/satimage/sat.trn.txt", &["36 numbers a row", "and 16 more"]),
        (
            "tu/PROTEINS",
            &[
                "graphs in the TU text format",
                "4 to 620 nodes a graph, 39.06 on average",
                "not used: node attributes",
                "training    1113 graphs",
                "3 features a node",
                "1      2          450",
                // 21151 of 43471 nodes.
                "label 0  0.4866  0.4998",
                "[data.tu]",
            ],
        ),
    ] {
        let found = check(&data.join(name));
        let text = found.to_string();
        shown.iter().for_each(|line| assert!(text.contains(line), "{line}\n{text}"));
        let loaded = super::super::load(found.recipe.as_ref().unwrap()).unwrap();
        assert_eq!(loaded.examples.classes, found.classes);
        assert_eq!(loaded.examples.counts(), found.parts[0].counts);
        loaded.parts(0).unwrap();
    }
}
