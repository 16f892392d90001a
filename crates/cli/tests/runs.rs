//! `steepness runs` and `steepness report`: what there is, and its report without its data.

use std::fs;
use std::path::Path;

use crate::program::{error_text, refused, run, succeed};
use serde_json::Value;

const RECIPE: &str = "name = \"tiny\"\nlosses = [\"ce\", \"el(le=0.5)\"]\nseeds = [0, 1]\nepochs = 2\n\
    batch = 64\nthreads = 1\nselect = \"last\"\nschedule = \"constant\"\n\
    [data.digits]\nvalidation = 0.2\ntest = 0.2\n[model.mlp]\nhidden = 8\n\
    [optimizer.sgd]\nlr = 0.05\nmomentum = 0.9\n";

fn made(place: &Path, arguments: &[&str]) -> String {
    succeed(&run(place, &[&["compare", "tiny.toml"], arguments].concat()))
}

#[test]
fn what_there_is_is_listed_and_reported_again() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::write(at("tiny.toml"), RECIPE).unwrap();
    let text = made(place.path(), &[]);
    made(place.path(), &["--out", "runs/more", "--seeds", "3,", "--loss", "ce"]);
    let listed = succeed(&run(place.path(), &["runs"]));
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("runs/more  1 of 1 runs finished, "), "{listed}");
    assert_eq!(lines[1], "  ce  finished: seed 3");
    assert!(lines[3].starts_with("runs/tiny  4 of 4 runs finished, "), "{listed}");
    assert_eq!(
        lines[4..],
        ["  ce          finished: seeds 0 1", "  el(le=0.5)  finished: seeds 0 1"]
    );
    let json: Value =
        serde_json::from_str(&succeed(&run(place.path(), &["runs", "--json"]))).unwrap();
    let tiny = &json["comparisons"][1];
    assert_eq!(tiny["losses"], serde_json::json!(["ce", "el(le=0.5)"]));
    assert_eq!(tiny["runs"][3]["state"], "finished");
    assert!(
        tiny["runs"][3]["accuracy"].as_f64().unwrap() > 0.0 && tiny["bytes"].as_u64() > Some(9)
    );

    // The report comes again, byte for byte, whatever happened to it.
    let files = ["report.html", "table.csv", "table.md"];
    let read = || files.map(|name| fs::read(at("runs/tiny").join(name)).unwrap());
    let before = read();
    files.iter().for_each(|name| fs::remove_file(at("runs/tiny").join(name)).unwrap());
    let again = succeed(&run(place.path(), &["report", "runs/tiny"]));
    assert!(read() == before);
    let table = text.split("page ").next().unwrap();
    assert!(again.starts_with(table), "{again}\n{table}");
    // Some of it, elsewhere.
    // A part of the runs does not take the place of the whole.
    let page = fs::read(place.path().join("runs/tiny/report.html")).unwrap();
    let output = run(place.path(), &["report", "runs/tiny", "--loss", "el(le=0.5)"]);
    assert!(!succeed(&output).contains("page "), "{output:?}");
    assert!(error_text(&output).contains("no file is written; --out names"), "{output:?}");
    assert_eq!(fs::read(place.path().join("runs/tiny/report.html")).unwrap(), page);
    let part = ["report", "runs/tiny", "--loss", "el(le=0.5)", "--seeds", "1,", "--out", "part"];
    let text = succeed(&run(place.path(), &part));
    assert!(text.contains("seeds 1;") && !text.contains("minus"), "{text}");
    assert!(at("part/report.html").exists() && read() == before);
    succeed(&run(place.path(), &part));
}

/// The figures beside the runs were taken for images that nobody can read.
#[test]
fn what_was_found_is_not_learned_from() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("tiny.toml"), RECIPE).unwrap();
    made(place.path(), &["--seeds", "1", "--loss", "ce"]);
    for (folder, expected) in [
        ("runs/tiny", "the folder of a comparison: `steepness report runs/tiny`"),
        ("runs", "a folder of runs and comparisons: `steepness runs runs`"),
        ("runs/tiny/ce", "a folder of runs and comparisons"),
        ("runs/tiny/ce/seed=0", "the folder of a run: `steepness predict runs/tiny/ce/seed=0"),
    ] {
        for command in [&["compare", folder][..], &["compare", "--data", folder]] {
            let message = refused(&run(place.path(), command));
            assert!(message.contains(expected), "{command:?}: {message}");
        }
    }
}

#[test]
fn runs_that_are_missing_are_left_out_with_a_word() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::write(at("tiny.toml"), RECIPE).unwrap();
    made(place.path(), &["--out", "out"]);
    fs::remove_file(at("out/el_le=0.5/seed=1/manifest.json")).unwrap();
    let listed = succeed(&run(place.path(), &["runs", "out"]));
    assert!(listed.contains("  el(le=0.5)  begun, 2 of 2 epochs: seed 1"), "{listed}");
    let output = run(place.path(), &["report", "out"]);
    assert!(succeed(&output).contains("seeds 0;"));
    assert!(error_text(&output).contains("finished with every loss (runs that are not: 1)"));
    let message = refused(&run(place.path(), &["report", "out", "--seeds", "2"]));
    assert!(message.contains("out: el(le=0.5) with seed 1 is not finished"), "{message}");
    for (arguments, expected) in [
        (&["report", "."][..], ". holds no comparison: no comparison.toml in it"),
        (&["report", "out", "--loss", "focal"], "out: focal(gamma=2) with seed 0 is not finished"),
        (&["report", "out", "--out", "."], ". holds something else"),
        (&["runs", "nowhere"], "cannot read nowhere"),
    ] {
        let message = refused(&run(place.path(), arguments));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn several_folders_stand_side_by_side() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::write(at("tiny.toml"), RECIPE).unwrap();
    made(place.path(), &["--out", "slow"]);
    fs::write(at("tiny.toml"), RECIPE.replace("lr = 0.05", "lr = 0.2")).unwrap();
    made(place.path(), &["--out", "fast", "--seeds", "3"]);
    let output = run(place.path(), &["report", "slow", "fast"]);
    let text = succeed(&output);
    for row in
        ["ce (slow)", "el(le=0.5) (slow)", "ce (fast)", "el(le=0.5) (fast)", "minus ce (slow)"]
    {
        assert!(text.contains(row), "{row}: {text}");
    }
    assert!(text.contains("seeds 0 1;") && !text.contains("page "), "{text}");
    assert_eq!(error_text(&output), "");
    let with_page = ["report", "slow", "fast", "--out", "both", "--json"];
    let json: Value = serde_json::from_str(&succeed(&run(place.path(), &with_page))).unwrap();
    assert_eq!(json["losses"].as_array().unwrap().len(), 4);
    assert!(at("both/report.html").exists());
    fs::write(at("tiny.toml"), RECIPE.replace("test = 0.2", "test = 0.3")).unwrap();
    made(place.path(), &["--out", "other"]);
    let output = run(place.path(), &["report", "slow", "other"]);
    succeed(&output);
    assert!(error_text(&output).contains("not measured on the same test examples"));
    fs::write(at("two.csv"), "x,y\n".to_owned() + &"1,a\n2,b\n".repeat(40)).unwrap();
    let own = ["compare", "--data", "two.csv", "--target", "y", "--loss", "ce", "--seeds", "1"];
    succeed(&run(place.path(), &[&own[..], &["--out", "two"]].concat()));
    let message = refused(&run(place.path(), &["report", "slow", "two"]));
    assert!(
        message.contains("the classes of slow and two are not the same: 0, 1, 2, 3, 4, …"),
        "{message}"
    );
}
