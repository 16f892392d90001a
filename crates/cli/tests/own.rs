//! `steepness compare --data`: a comparison on data of one's own without a recipe.

use std::fs;

use steepness_lab::image;

use crate::program::{
    error_text, refused, run, succeed, test_data, write_graphs, write_images, write_table,
};

/// Each accuracy of the first loss, from the output with `--json`.
fn accuracies(json: &str) -> Vec<f64> {
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let values = json["losses"][0]["metrics"]["accuracy"]["values"].as_array().unwrap();
    values.iter().map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn a_folder_of_images_needs_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    write_images(&place.path().join("lights"));
    let command = ["compare", "--data", "lights", "--seeds", "2", "--loss", "ce", "--json"];
    let first = run(place.path(), &command);
    let json = succeed(&first);
    assert!(accuracies(&json).iter().all(|accuracy| *accuracy > 90.0), "{json}");
    let said = error_text(&first);
    for line in [
        "lights: a folder of images",
        "size        8 to 12 pixels high, 8 to 10 wide, colour",
        "0      bright        30",
        "split       anew by each seed: 42 (70 %) for training, 6 (10 %) for validation, 12 (20 %) for test",
        "model       CNN with two convolutions of 16 and 32 channels, for colour images",
        "training    200 epochs of 3 steps of 16 examples, SGD",
        " for 2 runs",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    // The recipe that was made is a recipe like any other, wherever it lies.
    let made = place.path().join("runs/lights/comparison.toml");
    let copy = place.path().join("elsewhere/mine.toml");
    fs::create_dir(copy.parent().unwrap()).unwrap();
    fs::copy(&made, &copy).unwrap();
    let again = run(place.path(), &["compare", "elsewhere/mine.toml", "--json"]);
    assert_eq!(succeed(&again), json);
    assert_eq!(error_text(&again), "", "everything was there already");
}

/// Photographs without any blue are learned from like others; what lies beside them is named.
#[test]
fn an_empty_channel_and_foreign_files_are_no_obstacle() {
    let place = tempfile::tempdir().unwrap();
    for at in 0..40u8 {
        let (class, light) = if at % 2 == 0 { ("dark", 40) } else { ("bright", 180) };
        let end = ["png", "webp", "bmp"][usize::from(at % 3)];
        let path = place.path().join(format!("lights/{class}/{at}.{end}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let pixel = |x, y| image::Rgb([light + (x * 7 + y * 5) as u8 % 32 + at, light, 0]);
        image::RgbImage::from_fn(8, 8, pixel).save(path).unwrap();
    }
    fs::write(place.path().join("lights/dark/1.heic"), "x").unwrap();
    let command = ["compare", "--data", "lights", "--seeds", "1", "--loss", "ce", "--json"];
    let output = run(place.path(), &command);
    assert!(accuracies(&succeed(&output))[0] > 90.0);
    let said = error_text(&output);
    for line in ["training    40 images", "not read: 1 file: 1 .heic (dark/1.heic)"] {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

#[test]
fn a_table_needs_its_target() {
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 120);
    let command = ["compare", "--data", "rings.csv", "--target", "ring", "--seeds", "1"];
    let output = run(place.path(), &[&command[..], &["--loss", "ce"]].concat());
    let text = succeed(&output);
    assert!(text.contains("recipe  runs/rings/comparison.toml"), "{text}");
    let environment = place.path().join("runs/rings/ce/seed=0/environment.json");
    assert!(fs::read_to_string(environment).unwrap().contains("\"device\": \"c"));
    let said = error_text(&output);
    for line in [
        "name    left out: 120 different names",
        "x       numeric, -1.9755 to 1.9997",
        "colour  3 categories: blue, green, red",
        "ring    the class",
        "model       MLP with 32 hidden units, for 5 normalised numbers a row",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

#[test]
fn real_tables_are_learned_from() {
    let Some(data) = test_data("real_tables_are_learned_from") else { return };
    let place = tempfile::tempdir().unwrap();
    for (file, target, said, at_least) in [
        (
            "yeast.data",
            "-1",
            ["column 1   left out: 1462 different names", "0      CYT        463"],
            50.0,
        ),
        (
            "winequality-white.csv",
            "quality",
            ["alcohol               numeric, 8 to 14.2", "3      6         2198"],
            48.0,
        ),
    ] {
        let path = data.join("imbalanced").join(file);
        let command = ["compare", "--data", path.to_str().unwrap(), "--target", target];
        let more = ["--seeds", "1", "--loss", "ce", "--json"];
        let output = run(place.path(), &[&command[..], &more].concat());
        let found = accuracies(&succeed(&output));
        assert!(found[0] > at_least, "{file}: {found:?}");
        let text = error_text(&output);
        said.iter().for_each(|line| assert!(text.contains(line), "{line}\n{text}"));
    }
}

#[test]
fn graphs_need_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    write_graphs(&place.path().join("rings"));
    let command = ["compare", "--data", "rings", "--seeds", "1", "--loss", "ce", "--json"];
    let first = run(place.path(), &command);
    let json = succeed(&first);
    assert!(accuracies(&json)[0] > 80.0, "{json}");
    let said = error_text(&first);
    for line in [
        "rings: graphs in the TU text format",
        "4 to 9 nodes a graph, 6.50 on average",
        "training    120 graphs",
        "size        3 features a node",
        "split       anew by each seed: 96 (80 %) for training, 12 (10 %) for validation, 12 (10 %) for test",
        "model       three graph convolutions of 128 features with pooling",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    // What was trained can be asked about graphs without classes.
    let run_folder = "runs/rings/ce/seed=0";
    fs::remove_file(place.path().join("rings/R_graph_labels.txt")).unwrap();
    let text = succeed(&run(place.path(), &["predict", run_folder, "rings"]));
    assert!(text.contains("rings:120") && text.lines().count() == 122, "{text}");
    fs::write(place.path().join("rings/R_A.txt"), "1,2\n2,999999\n").unwrap();
    let message = refused(&run(place.path(), &["predict", run_folder, "rings"]));
    assert!(message.contains("R_A.txt: line 2: 999999 is not one of the 780 nodes"), "{message}");
}

#[test]
fn what_cannot_be_compared_is_refused_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 20);
    fs::write(place.path().join("one.csv"), "x,y\n1,a\n2,a\n3,a\n").unwrap();
    write_images(&place.path().join("lights"));
    fs::create_dir(place.path().join("single")).unwrap();
    fs::rename(place.path().join("lights/dark"), place.path().join("single/dark")).unwrap();
    fs::create_dir(place.path().join("empty")).unwrap();
    for (arguments, expected) in [
        (&["--data", "nowhere"][..], "cannot read nowhere"),
        (&["--data", "rings.csv", "--device", "gpu"], "the device gpu: there are auto, cpu, cuda"),
        (&["--data", "rings.csv", "--device", "cuda:99"], "the device cuda:99: "),
        (&["--data", "empty"], "empty: no data that are known (nothing is in it)"),
        (
            &["--data", "single"],
            "single: classes: all 30 training examples are of one class, \"dark\"",
        ),
        (
            &["--data", "one.csv", "--target", "y"],
            "one.csv: classes: all 3 training examples are of one",
        ),
        (
            &["--data", "rings.csv"],
            "--target names the column that holds the class; there are name, x, y, colour, ring",
        ),
        (
            &["--data", "rings.csv", "--target", "z"],
            "there is no column \"z\"; there are name, x, y, colour, ring",
        ),
        (&["--data", "rings.csv", "--target", "ring", "--ignore", "q"], "there is no column \"q\""),
        (
            &["--data", "rings.csv", "--target", "ring", "--backbone", "none"],
            "--backbone is for images, and rings.csv holds rows of numbers",
        ),
        (&["--data", "lights", "--target", "z"], "a target and columns to ignore are for tables"),
    ] {
        let message = refused(&run(place.path(), &[&["compare"], arguments].concat()));
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    for arguments in [&["--target", "ring"][..], &["x.toml", "--data", "lights"]] {
        let output = run(place.path(), &[&["compare"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    assert!(!place.path().join("runs").exists());
}
