//! `steepness compare --select` and `--patience`: which epoch is measured, and how many there are.

use std::fs;
use std::path::Path;

use crate::program::{error_text, run, succeed, write_table};

fn epochs(place: &Path, out: &str) -> usize {
    let log = place.join(out).join("ce/seed=0/metrics.jsonl");
    fs::read_to_string(log).unwrap().lines().count()
}

#[test]
fn a_choice_by_the_test_part_is_marked_in_every_table() {
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 60);
    let ce = ["compare", "--data", "rings.csv", "--target", "ring", "--seeds", "2", "--loss", "ce"];
    let text =
        succeed(&run(place.path(), &[&ce[..], &["--out", "best", "--select", "best"]].concat()));
    assert!(text.contains("weights: best validation accuracy;"), "{text}");
    let by_test = [&ce[..], &["--out", "test", "--select", "test"]].concat();
    let mark = "weights: best TEST accuracy (chosen on what is reported: too good)";
    let text = succeed(&run(place.path(), &by_test));
    assert!(text.contains(mark), "{text}");
    for file in ["table.csv", "table.md", "report.html"] {
        let text = fs::read_to_string(place.path().join("test").join(file)).unwrap();
        assert!(text.contains(mark), "{file}");
    }
    let json = succeed(&run(place.path(), &[&by_test[..], &["--json"]].concat()));
    assert!(json.contains(mark), "{json}");
    // What the epochs were chosen by is what is measured in the end.
    let place_of = |name: &str| place.path().join("test/ce/seed=1").join(name);
    let best = fs::read_to_string(place_of("metrics.jsonl")).unwrap();
    let accuracy = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["val_accuracy"].as_f64().unwrap()
    };
    let best = best.lines().map(accuracy).fold(0.0, f64::max);
    let measures = fs::read_to_string(place_of("measure.json")).unwrap();
    let measures: serde_json::Value = serde_json::from_str(&measures).unwrap();
    assert_eq!(measures["accuracy"].as_f64().unwrap(), best);
    // The two rules do not share a folder.
    let other = run(place.path(), &[&ce[..], &["--out", "test"]].concat());
    assert_eq!(other.status.code(), Some(2));
    let other = error_text(&other);
    assert!(other.contains("select is \"test\" there, \"last\" asked for"), "{other}");
}

#[test]
fn patience_ends_a_training_early() {
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 200);
    let ce = ["compare", "--data", "rings.csv", "--target", "ring", "--seeds", "1", "--loss", "ce"];
    succeed(&run(place.path(), &[&ce[..], &["--out", "all"]].concat()));
    let patient = [&ce[..], &["--out", "few", "--patience", "3"]].concat();
    let first = succeed(&run(place.path(), &patient));
    let few = epochs(place.path(), "few");
    assert!(few < 200 && epochs(place.path(), "all") == 200, "{few}");
    let recipe = fs::read_to_string(place.path().join("few/comparison.toml")).unwrap();
    assert!(recipe.contains("patience = 3\n"), "{recipe}");
    // Nothing is trained on when the command is typed again.
    let again = run(place.path(), &patient);
    assert!(succeed(&again) == first && !error_text(&again).contains(" for 1 run"));
    assert_eq!(epochs(place.path(), "few"), few);
    for wrong in [["--patience", "0"], ["--select", "luck"]] {
        assert_eq!(run(place.path(), &[&ce[..], &wrong].concat()).status.code(), Some(2));
    }
}
