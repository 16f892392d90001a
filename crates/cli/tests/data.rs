//! `steepness data` and recipes with data of one's own, as a whole program.

use std::fs;
use std::path::Path;

use steepness_lab::image;

use crate::program::{refused, run, succeed};

/// Points on two rings of which the outer one is class "far".
fn table() -> String {
    let row = |at: usize| {
        let (angle, far) = (at as f64 * 0.7, at % 2 == 1);
        let (radius, class) = if far { (2.0, "far") } else { (1.0, "near") };
        format!("{:.4},{:.4},{class}\n", radius * angle.cos(), radius * angle.sin())
    };
    "x,y,ring\n".to_owned() + &(0..120).map(row).collect::<String>()
}

/// A folder as MNIST is published: images of 4×4 pixels, the bright half tells the class.
fn write_idx(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (part, count) in [("train", 60u8), ("t10k", 20)] {
        let pixels =
            (0..count).flat_map(|n| (0..16).map(move |at| (at / 8 == n % 2) as u8 * 200 + n));
        let images = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 4, 0, 0, 0, 4].into_iter().chain(pixels);
        let labels = [0, 0, 8, 1, 0, 0, 0, count].into_iter().chain((0..count).map(|n| n % 2));
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images.collect::<Vec<_>>())
            .unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels.collect::<Vec<_>>())
            .unwrap();
    }
}

/// Dark and bright images of several sizes: `train` and `val` as folders of images, and the same as
/// iNaturalist annotates them.
fn write_images(folder: &Path) {
    for (part, count) in [("train", 40), ("val", 10)] {
        let (mut images, mut annotations) = (Vec::new(), Vec::new());
        for id in 0..count {
            let (class, light) = if id % 2 == 0 { ("dark", 40) } else { ("bright", 180) };
            let name = format!("{part}/{class}/{id}.{}", if id < 20 { "png" } else { "jpg" });
            let path = folder.join(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let pixel = |x, y| image::Rgb([light + (x * 7 + y * 5 + id) as u8 % 32; 3]);
            image::RgbImage::from_fn(8 + id % 3, 8 + id % 5, pixel).save(&path).unwrap();
            images.push(serde_json::json!({ "id": id, "file_name": name }));
            annotations.push(serde_json::json!({ "image_id": id, "category_id": 7 - id % 2 }));
        }
        let categories = serde_json::json!([{ "id": 6, "name": "Lux" }, { "id": 7 }]);
        let all = serde_json::json!({
            "images": images, "annotations": annotations, "categories": categories
        });
        fs::write(folder.join(format!("{part}2018.json")), all.to_string()).unwrap();
    }
}

/// A recipe for `data`, TOML, with attacks where they are images.
fn recipe(data: &str) -> String {
    let attack = match data.starts_with("[data.table]") {
        true => "",
        false => "[attack]\nepsilons = [0.0, 0.1]\npgd_steps = 2\npgd_step_size = 0.05\n",
    };
    format!(
        "name = \"own\"\nlosses = [\"ce\", \"el(le=0.5)\"]\nseeds = [0, 1]\nepochs = 10\nbatch = 8\n\
         threads = 1\nselect = \"best\"\n{data}\n[model.mlp]\nhidden = 16\n\
         [optimizer.sgd]\nlr = 0.1\nmomentum = 0.9\nnesterov = true\nweight_decay = 0.0\n\
         [schedule.multi-step]\nafter = [8]\nfactor = 0.1\n{attack}"
    )
}

#[test]
fn check_says_what_is_there() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("rings.csv"), table()).unwrap();
    write_idx(&place.path().join("bars"));
    let text = succeed(&run(place.path(), &["data", "check", "bars"]));
    assert!(text.contains("training    60 images\ntest        20 images\n"), "{text}");
    let text = succeed(&run(place.path(), &["data", "check", "rings.csv", "--target", "-1"]));
    assert!(text.contains("ring    the class"), "{text}");
    let json = succeed(&run(place.path(), &["data", "check", "bars", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["format"], "idx");
    assert_eq!(json["parts"][0]["counts"], serde_json::json!([30, 30]));
    assert_eq!(json["recipe"]["idx"]["path"], "bars");
    let names = succeed(&run(place.path(), &["data", "get"]));
    assert!(
        names.lines().count() == 10 && names.contains("fashion-mnist  70000 images"),
        "{names}"
    );
}

#[test]
fn what_is_broken_is_named() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("rings.csv"), table().replace("far", "?")).unwrap();
    write_idx(&place.path().join("bars"));
    let images = place.path().join("bars/train-images-idx3-ubyte");
    let whole = fs::read(&images).unwrap();
    fs::write(&images, &whole[..whole.len() - 1]).unwrap();
    for (arguments, expected) in [
        (
            &["data", "check", "bars"][..],
            "bars/train-images-idx3-ubyte: byte 975: 959 bytes of data",
        ),
        (&["data", "check", "nowhere"], "nowhere"),
        (&["data", "check", "."], "no data that are known"),
        (
            &["data", "check", "rings.csv"],
            "rings.csv: classes: all 60 training examples are of one class, \"near\"",
        ),
        (
            &["data", "check", "rings.csv", "--target", "z"],
            "there is no column \"z\"; there are x, y, ring",
        ),
        (
            &["data", "get", "imagenet"],
            "there are mnist, fashion-mnist, cifar-10, cifar-100, PROTEINS",
        ),
        (&["data", "get", "mnist", "--from", "bars"], "train-images-idx3-ubyte.gz"),
    ] {
        let message = refused(&run(place.path(), arguments));
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    // A comparison says the same, and begins nothing.
    write_images(&place.path().join("lights"));
    fs::write(place.path().join("lights/val/dark/2.png"), "").unwrap();
    fs::create_dir(place.path().join("lights/train/dusk")).unwrap();
    write_images(&place.path().join("mixed"));
    for (data, expected) in [
        ("[data.idx]\npath = \"bars\"", "train-images-idx3-ubyte: byte 975"),
        ("[data.image-folder]\npath = \"lights\"\nsize = 6", "lights/train/dusk: class: "),
        (
            "[data.inaturalist]\npath = \"lights\"\nsize = 6",
            "lights/val/dark/2.png: image: the file is empty",
        ),
        ("[data.inaturalist]\npath = \"mixed\"", "`size` of the data brings them to one"),
    ] {
        fs::write(place.path().join("r.toml"), recipe(data)).unwrap();
        let message = refused(&run(place.path(), &["compare", "r.toml"]));
        assert!(message.contains(expected), "{message}");
    }
    assert!(!place.path().join("runs").exists());
}

/// Folders as people have them: other formats, other names of parts, what cameras and systems leave
/// behind. What is not used is named; what cannot be told is refused with a way out.
#[test]
fn what_is_not_read_is_named() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let write = |name: &str| {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        match image::ImageFormat::from_path(name) {
            Ok(_) => image::RgbImage::new(9, 9).save(at(name)).unwrap(),
            Err(_) => fs::write(at(name), "x").unwrap(),
        }
    };
    for (folder, files, said) in [
        (
            "mixed",
            &[
                "a/1.png",
                "a/2.webp",
                "a/3.GIF",
                "a/4.heic",
                "a/.DS_Store",
                "b/5.bmp",
                "b/6.tiff",
                "b/deep/7.ppm",
                "b/notes.txt",
                "b/README",
                "Thumbs.db",
            ][..],
            &[
                "training    6 images",
                "not read: 3 files: 1 .heic (a/4.heic), 1 .txt (b/notes.txt), 1 without a known",
                "1 image lies in folders of class folders (such as b/deep/7.ppm)",
            ][..],
        ),
        ("vehicles", &["bus/1.png", "plane/1.png", "train/1.png"], &["classes     3, each with 1"]),
        (
            "parts",
            &[
                "Training/a/1.png",
                "Training/b/1.png",
                "valid/a/1.png",
                "Testing/b/1.png",
                "old/a/1.png",
            ],
            &["validation  1 images", "test        1 images", "not used: the folder old"],
        ),
    ] {
        files.iter().for_each(|name| write(&format!("{folder}/{name}")));
        let text = succeed(&run(place.path(), &["data", "check", folder]));
        said.iter().for_each(|line| assert!(text.contains(line), "{line}\n{text}"));
    }
    for (folder, files, expected) in [
        (
            "unsorted",
            &["train/1.png", "test/2.png"][..],
            "expected a folder for each class in each",
        ),
        ("archive", &["x/train/a/1.png", "x/test/a/1.png"], "name the folder of one data set"),
        ("phone", &["a/1.heic", "b/2.heic"], "no images that are read"),
        (
            "tables",
            &["one.csv", "two.csv"],
            "of the tables one.csv, two.csv name one: tables/one.csv",
        ),
        ("both", &["a/1.png", "b/1.png", "G_graph_indicator.txt"], "several data sets in it"),
    ] {
        files.iter().for_each(|name| write(&format!("{folder}/{name}")));
        let message = refused(&run(place.path(), &["data", "check", folder]));
        assert!(message.contains(expected), "{message}");
    }
}

/// A mirror that is none is refused, and one where nobody is says so at once.
#[test]
fn a_wrong_mirror_costs_no_time() {
    let place = tempfile::tempdir().unwrap();
    let message = refused(&run(place.path(), &["data", "get", "mnist", "--mirror", "ftp://x/"]));
    assert!(message.contains("\"ftp://x/\" is no mirror"), "{message}");
    assert!(!place.path().join("data").exists());
}

/// Accuracy of each loss, from a comparison with `--json`.
fn accuracies(folder: &Path, recipe: &str) -> Vec<f64> {
    let json = succeed(&run(folder, &["compare", recipe, "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let losses = json["losses"].as_array().unwrap();
    losses.iter().map(|loss| loss["metrics"]["accuracy"]["mean"].as_f64().unwrap()).collect()
}

#[test]
fn tables_and_images_are_learned_from_beside_their_recipe() {
    let place = tempfile::tempdir().unwrap();
    let inner = place.path().join("inner");
    write_idx(&inner.join("bars"));
    fs::write(inner.join("rings.csv"), table()).unwrap();
    write_images(&inner.join("lights"));
    for (name, data) in [
        ("folder", "[data.image-folder]\npath = \"lights\"\nsize = 6"),
        ("inat", "[data.inaturalist]\npath = \"lights\"\nsize = 6"),
        ("rings", "[data.table]\npath = \"rings.csv\"\ntarget = \"ring\""),
        ("bars", "[data.idx]\npath = \"bars\"\nlong_tail = { profile = \"step\", factor = 3 }"),
    ] {
        let text = recipe(data).replace("\"own\"", &format!("{name:?}"));
        fs::write(inner.join("r.toml"), text).unwrap();
        let found = accuracies(place.path(), "inner/r.toml");
        assert!(
            found.len() == 2 && found.iter().all(|accuracy| *accuracy > 0.9),
            "{name}: {found:?}"
        );
        // What is finished is found again, also from another folder.
        let again = run(&inner, &["compare", "r.toml", "--out", &format!("../runs/{name}")]);
        succeed(&again);
        assert!(String::from_utf8_lossy(&again.stderr).lines().count() <= 1);
        let recipe =
            fs::read_to_string(place.path().join(format!("runs/{name}/ce/seed=0/recipe.toml")));
        assert!(recipe.unwrap().contains("validation = "));
    }
    let classes = |name: &str| {
        fs::read_to_string(place.path().join(format!("runs/{name}/ce/seed=1/classes.json")))
            .unwrap()
    };
    assert_eq!(classes("folder"), "[\n  \"bright\",\n  \"dark\"\n]\n");
    assert_eq!(classes("inat"), "[\n  \"Lux\",\n  \"7\"\n]\n");
    let page = fs::read_to_string(place.path().join("runs/bars/report.html")).unwrap();
    assert!(page.contains("long-tailed (step, factor 3)"));
}
