//! Embeddings that some network has computed, through the whole program.

use std::fs;
use std::path::Path;

use crate::program::{error_text, refused, run, succeed};
use serde_json::Value;
use steepness_compare::npy;

/// 40 groups of six rows of eight numbers, of which the first two tell the class, 10 or 20; the last is far
/// larger than the others, and each group has its own.
fn write(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let noise = |at: usize| (at * 7919 % 101) as f32 / 101.0 - 0.5;
    let row = |row: usize| -> Vec<f32> {
        let side = if row.is_multiple_of(2) { 1.0 } else { -1.0 };
        let mut numbers: Vec<f32> = (0..8).map(|at| noise(row * 8 + at)).collect();
        numbers[0] += side;
        numbers[1] -= side;
        numbers[7] = (row / 6) as f32 * 1e4;
        numbers
    };
    let values: Vec<f32> = (0..240).flat_map(row).collect();
    let labels: Vec<i32> = (0..240).map(|row| if row % 2 == 0 { 20 } else { 10 }).collect();
    let groups: Vec<u8> = (0..240).map(|row| (row / 6) as u8).collect();
    npy::write_matrix(&folder.join("x.npy"), &values, 8).unwrap();
    npy::write_vector(&folder.join("y.npy"), &labels).unwrap();
    npy::write_vector(&folder.join("group.npy"), &groups).unwrap();
}

#[test]
fn embeddings_get_a_linear_layer_a_table_and_predictions() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    write(&at("emb"));
    let text = succeed(&run(place.path(), &["data", "check", "emb"]));
    for line in [
        "emb: a set of numpy arrays\narrays: x.npy (240, 8), y.npy (240), group.npy (240)\n",
        "40 groups of 240 rows: all rows of one fall into the same part",
        "training    240 rows",
        "size        8 numbers a row",
        "0      10         120",
        "[data.arrays]",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let command = ["compare", "--data", "emb", "--loss", "ce", "--loss", "el(le=0.5)"];
    let command = [&command[..], &["--seeds", "2", "--epochs", "60", "--json"]].concat();
    let output = run(place.path(), &command);
    let json: Value = serde_json::from_str(&succeed(&output)).unwrap();
    let said = error_text(&output);
    assert!(said.contains("linear layer, for 8 normalised numbers a row"), "{said}");
    assert!(said.contains("AdamW with learning rate 0.003"), "{said}");
    for loss in json["losses"].as_array().unwrap() {
        for accuracy in loss["metrics"]["accuracy"]["values"].as_array().unwrap() {
            assert!(accuracy.as_f64().unwrap() > 90.0, "{json}");
        }
        assert!(loss["metrics"]["knn_cosine"]["values"][0].as_f64().is_some(), "{json}");
    }
    // The same rows again, of which the even ones are of class 20.
    let asked = ["predict", "runs/emb/ce/seed=0", "emb/x.npy", "--json", "--top", "1"];
    let json: Value = serde_json::from_str(&succeed(&run(place.path(), &asked))).unwrap();
    let found = json["predictions"].as_array().unwrap();
    assert_eq!((found.len(), &found[3]["name"]), (240, &Value::from("emb/x.npy[3]")));
    let right = |(row, one): (usize, &Value)| one["classes"][0]["class"] == ["20", "10"][row % 2];
    let count = found.iter().enumerate().filter(|&row| right(row)).count();
    assert!(count > 216, "{count}");
    npy::write_matrix(&at("short.npy"), &[1f32, 2.0, 3.0], 3).unwrap();
    let message = refused(&run(place.path(), &["predict", "runs/emb/ce/seed=0", "short.npy"]));
    assert!(message.contains("rows of 3 numbers, those of the run have 8"), "{message}");
    // A run is its recipe and the content of its data.
    let mut labels = npy::integers(&at("emb/y.npy")).unwrap();
    labels.swap(0, 1);
    npy::write_vector(&at("emb/y.npy"), &labels).unwrap();
    let output = run(place.path(), &command);
    let message = error_text(&output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("(1 changed: y.npy)"), "{message}");
}

#[test]
fn arrays_that_do_not_fit_are_refused_before_anything_is_trained() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    write(&at("emb"));
    npy::write_vector(&at("emb/y.npy"), &[0i64, 1]).unwrap();
    let message = refused(&run(place.path(), &["compare", "--data", "emb"]));
    assert!(message.ends_with("y.npy: shape: 2 rows, x.npy has 240\n"), "{message}");
    let message = refused(&run(place.path(), &["data", "check", "emb/x.npy"]));
    assert!(message.contains("one numpy array: to learn from, name the folder"), "{message}");
    let message = refused(&run(place.path(), &["data", "check", "emb", "--target", "y"]));
    assert!(message.contains("a target and columns to ignore are for tables"), "{message}");
    fs::write(at("all.npz"), "no archive").unwrap();
    let message = refused(&run(place.path(), &["compare", "all.npz"]));
    assert!(
        message.contains("all.npz is a set of numpy arrays, not a recipe: steepness"),
        "{message}"
    );
    let message = refused(&run(place.path(), &["compare", "--data", "all.npz"]));
    assert!(message.contains("all.npz: archive: "), "{message}");
    assert!(!at("runs").exists());
}
