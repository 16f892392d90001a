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

/// The classes and the notes of a folder with these files, which may end with a slash or be no images.
fn found(files: &[&str]) -> Result<(ImageFolder, Vec<String>)> {
    let folder = TempDir::new().unwrap();
    for name in files {
        let path = folder.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else if super::super::decode::is_image(&path) {
            write(&path, 1);
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
    }
    let list = ImageFolder::list(folder.path())?;
    let notes = list.notes.clone();
    Ok((list, notes))
}

#[test]
fn parts_have_other_names_too() {
    let count = |list: &Option<ImageList>| list.as_ref().map(ImageList::len);
    for (train, validation, test) in [
        ("training", "valid", "testing"),
        ("Training", "validation", "Testing"),
        ("train", "dev", "eval"),
        ("training_set", "val", "test_set"),
    ] {
        let name = |part: &str, class: &str| format!("{part}/{class}/1.png");
        let files = [name(train, "a"), name(train, "b"), name(validation, "a"), name(test, "b")];
        let mut files: Vec<&str> = files.iter().map(String::as_str).collect();
        let (list, notes) = found(&files).unwrap();
        assert_eq!(list.train.classes, ["a", "b"], "{train}");
        assert_eq!((count(&list.validation), count(&list.test)), (Some(1), Some(1)), "{train}");
        assert_eq!(notes, [""; 0]);
        // Without a test part the validation part is one.
        files.pop();
        let (list, _) = found(&files).unwrap();
        assert_eq!((count(&list.validation), count(&list.test)), (None, Some(1)), "{train}");
    }
}

#[test]
fn what_is_not_used_is_named() {
    let train = ["train/a/1.png", "train/b/1.png"];
    for (more, expected) in [
        (&["test/a/1.png", "dev/a/1.png", "val/b/1.png"][..], "not used: the folder dev"),
        (&["extra/a/1.png", "training/a/1.png"], "not used: the folders extra, training"),
        // As Kaggle has it.
        (&["test/1.png"], "not used: test, whose images lie in no folders of classes"),
        (
            &["train/a/x.heic", "notes.txt"],
            "not read: 2 files: 1 .heic (train/a/x.heic), 1 .txt (notes.txt)",
        ),
        (
            &["train/9.png", "9.jpg"],
            "not read: 2 files: 2 images in no folder of a class (9.jpg, train/9.png)",
        ),
        (
            &["train/a/.7.png", ".8.jpg", "train/.old/a/1.png", "train/.old/a/2.png"],
            "not read: 3 files: 2 hidden images (.8.jpg, train/a/.7.png), \
             1 hidden folder with images (train/.old)",
        ),
        (&["train/a/.7.png"], "not read: 1 file: 1 hidden image (train/a/.7.png)"),
        (
            &["train/a/deep/2.png"],
            "1 image lies in folders of class folders (such as train/a/deep/2.png)",
        ),
    ] {
        let (list, notes) = found(&[&train, more].concat()).unwrap();
        assert_eq!(list.train.classes, ["a", "b"]);
        assert!(notes.len() == 1 && notes[0].starts_with(expected), "{notes:?}");
    }
    let stray = ["train/0.png", "unsorted/1.png", "val/a/1.png"];
    let (list, _) = found(&[&train[..], &stray].concat()).unwrap();
    assert_eq!((list.train.classes.len(), list.notes.len()), (2, 2));
    // What systems leave behind is nobody's data.
    let litter = [
        "__MACOSX/train/a/1.png",
        "Thumbs.db",
        "train/.DS_Store",
        "train/a/._1.png",
        "train/a/desktop.ini",
    ];
    assert_eq!(found(&[&train[..], &litter].concat()).unwrap().1, [""; 0]);
}

#[test]
fn a_class_may_be_called_like_a_part() {
    let (list, notes) = found(&["bus/1.png", "plane/1.png", "train/1.png"]).unwrap();
    assert_eq!(list.train.classes, ["bus", "plane", "train"]);
    assert_eq!(notes, ["train is a class here, like the folders beside"]);
    let (list, notes) = found(&["cat/1.png", "dog/1.png", "test/1.png", "val/1.png"]).unwrap();
    assert_eq!(list.train.classes.len(), 4);
    assert_eq!(notes, ["test, val are classes here, like the folders beside"]);
    // But parts without classes are not classes.
    for (files, expected) in [
        (
            &["train/1.png", "test/1.png"][..],
            "in it are test, train: parts, expected a folder for each",
        ),
        (
            &["val/a/1.png", "test/a/1.png"],
            "in it are test, val: parts, expected a folder for each",
        ),
        (
            &["one/train/a/1.png", "one/test/a/1.png", "two/train/b/1.png"],
            "there are parts such as train in one, two: name the folder of one data set",
        ),
        (
            &["images/a/1.png", "images/b/1.png"],
            "there is one folder in it, images: if the folders",
        ),
        (
            &["train/a/1.heic", "train/b/1.png"],
            "no images that are read (JPEG, PNG, WebP, GIF, BMP, TIFF or PNM); in it: 1 .heic",
        ),
    ] {
        let error = found(files).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains(expected), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let (folder, elsewhere) = (folder(&["b/1.png", "b/2.webp", "b/3.PNG"]), folder(&["x/7.png"]));
    let at = |name: &str| folder.path().join(name);
    symlink(elsewhere.path().join("x"), at("a")).unwrap();
    // Two ways back at each step would be without end even where circles are.
    for (from, to) in
        [("..", "b/up"), (".", "b/again"), ("../b", "b/self"), ("nowhere.png", "b/0.png")]
    {
        symlink(from, at(to)).unwrap();
    }
    let status = std::process::Command::new("mkfifo").arg(at("b/4.png")).status().unwrap();
    assert!(status.success());
    let _socket = std::os::unix::net::UnixListener::bind(at("b/5.png")).unwrap();
    let found = ImageFolder::list(folder.path()).unwrap();
    assert_eq!((found.train.classes.len(), found.train.labels), (2, vec![0, 1, 1, 1]));
    let [note] = &found.notes[..] else { panic!("{:?}", found.notes) };
    for part in [
        "3 links to folders that are read already (b/",
        "1 a FIFO (b/4.png)",
        "1 a socket",
        "(b/0.png)",
    ] {
        assert!(note.contains(part), "{note}");
    }
}
