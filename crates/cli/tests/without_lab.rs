//! The program that was built without the laboratory: what it does, and what it says it cannot.

use std::fs;
use std::path::Path;

use crate::program::{error_text, refused, run, succeed};
use serde_json::Value;
use steepness_compare::measure::{Logits, Measures};
use steepness_compare::{Content, Environment, RunDir, Setting, npy};

/// A comparison of two losses with two seeds in the folder `out`, of a training that nobody here knows:
/// of four test examples cross entropy gets three right, the other loss all.
fn write_comparison(out: &Path) {
    const REST: &str = "epochs = 2\nselect = \"last\"\nnetwork = \"mine\"\n";
    let recipe = format!(
        "name = \"birds\"\nlosses = [\"ce\", \"el(le=0.5)\"]\nseeds = [0, 1]\n{REST}[data]\nfolds = 5\n"
    );
    fs::create_dir_all(out).unwrap();
    fs::write(out.join("comparison.toml"), recipe).unwrap();
    let labels = [0i64, 1, 0, 1];
    for (loss, last) in [("ce", -1.0f32), ("el(le=0.5)", 3.0)] {
        for seed in [0, 1] {
            let setting = Setting::from(loss.parse::<steepness::Loss>().unwrap());
            let dir = RunDir::new(out, &setting, seed);
            let recipe = format!("loss = {loss:?}\nseed = {seed}\n{REST}[data]\nfolds = 5\n");
            let libraries = vec!["scikit-learn 1.7".to_owned()];
            let environment = Environment::of(libraries, None, "cpu".to_owned(), 1);
            let classes = ["owl".to_owned(), "wren".to_owned()];
            dir.begin(&recipe, &Content::default(), &classes, &environment).unwrap();
            let epoch = |epoch: usize| {
                format!(
                    "{{\"epoch\":{epoch},\"lr\":0.1,\"train_loss\":0.5,\"train_accuracy\":0.75,\
                     \"grad_norm\":1.0,\"val_nll\":0.6,\"val_accuracy\":0.75,\"seconds\":1.0}}\n"
                )
            };
            fs::write(dir.path().join("metrics.jsonl"), epoch(1) + &epoch(2)).unwrap();
            let sure = 2.0 + seed as f32;
            let logits = [sure, 0.0, 0.0, sure, 1.5, 0.0, 0.0, last];
            npy::write_matrix(&dir.path().join("logits.npy"), &logits, 2).unwrap();
            npy::write_vector(&dir.path().join("labels.npy"), &labels).unwrap();
            let of = Logits::new(&logits, 2).unwrap();
            dir.finish(&Measures::new(of, &labels, &[-0.25; 4]).unwrap()).unwrap();
        }
    }
}

#[test]
fn runs_of_any_training_are_listed_and_reported() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    write_comparison(&at("runs/birds"));
    let listed = succeed(&run(place.path(), &["runs"]));
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("runs/birds  4 of 4 runs finished, "), "{listed}");
    assert_eq!(
        lines[1..],
        ["  ce          finished: seeds 0 1", "  el(le=0.5)  finished: seeds 0 1"]
    );
    let output = run(place.path(), &["report", "runs/birds"]);
    let text = succeed(&output);
    assert_eq!(error_text(&output), "");
    assert!(text.contains("75.00") && text.contains("100.00"), "{text}");
    assert!(text.contains("page    runs/birds/report.html"), "{text}");
    let page = fs::read_to_string(at("runs/birds/report.html")).unwrap();
    assert!(page.contains("el(le=0.5)") && page.contains("network = &quot;mine&quot;"));
    assert!(fs::read_to_string(at("runs/birds/table.csv")).unwrap().lines().count() > 4);
    // The verdict comes first, and what is worth having is a part of it.
    assert!(text.starts_with("2 seeds cannot tell"), "{text}");
    let worth = ["report", "runs/birds", "--worth", "40", "--out", "worth", "--json"];
    let json: Value = serde_json::from_str(&succeed(&run(place.path(), &worth))).unwrap();
    assert_eq!(json["verdict"]["worth"], 40.0);
    assert_eq!(json["verdict"]["losses"][0]["loss"], "el(le=0.5)");
    let none = run(place.path(), &["report", "runs/birds", "--worth", "0"]);
    assert!(error_text(&none).contains("it must be above 0"), "{}", error_text(&none));
    // Once more, byte for byte.
    let again = run(place.path(), &["report", "runs/birds", "--json"]);
    let json: Value = serde_json::from_str(&succeed(&again)).unwrap();
    assert_eq!(json["losses"].as_array().unwrap().len(), 2);
    assert!(fs::read_to_string(at("runs/birds/report.html")).unwrap() == page);

    // What is damaged is named, and what belongs to another recipe.
    let one = at("runs/birds/ce/seed=1");
    let logits = fs::read(one.join("logits.npy")).unwrap();
    let damaged: Vec<u8> = logits.iter().rev().copied().collect();
    fs::write(one.join("logits.npy"), damaged).unwrap();
    let listed = succeed(&run(place.path(), &["runs"]));
    assert!(listed.contains("3 of 4 runs finished") && listed.contains("logits.npy"), "{listed}");
    fs::write(one.join("logits.npy"), logits).unwrap();
    let recipe = fs::read_to_string(one.join("recipe.toml")).unwrap();
    fs::write(one.join("recipe.toml"), recipe.replace("\"mine\"", "\"hers\"")).unwrap();
    let message = refused(&run(place.path(), &["report", "runs/birds"]));
    assert!(message.contains("ce/seed=1"), "{message}");
}

#[test]
fn arrays_and_translations_are_measured() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    npy::write_matrix(&at("l.npy"), &[4.0f32, 0.0, 0.0, 5.0, 1.0, 2.0], 2).unwrap();
    npy::write_vector(&at("y.npy"), &[0i64, 1, 0]).unwrap();
    let json = |arguments: &[&str]| -> Value {
        serde_json::from_str(&succeed(&run(place.path(), arguments))).unwrap()
    };
    let measured = json(&["measure", "--logits", "l.npy", "--labels", "y.npy", "--json"]);
    assert!((measured["accuracy"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12, "{measured}");
    let loss =
        ["loss", "ce", "--logits", "l.npy", "--targets", "y.npy", "--grad", "g.npy", "--json"];
    // log(1 + e^-4), log(1 + e^-5) and log(1 + e), by hand.
    let expected = ((-4f64).exp().ln_1p() + (-5f64).exp().ln_1p() + 1f64.exp().ln_1p()) / 3.0;
    assert!((json(&loss)["loss"].as_f64().unwrap() - expected).abs() < 1e-6);
    assert_eq!(npy::matrix(&at("g.npy")).unwrap().rows, 3);
    let drawn = succeed(&run(place.path(), &["curves", "--out", "curves"]));
    assert!(drawn.lines().count() > 1 && drawn.lines().all(|path| at(path).is_file()), "{drawn}");
    npy::write_vector(&at("wrong.npy"), &[0i64, 7, 0]).unwrap();
    let wrong = ["measure", "--logits", "l.npy", "--labels", "wrong.npy"];
    let message = refused(&run(place.path(), &wrong));
    assert!(message.contains("wrong.npy: label 7 in row 1"), "{message}");
}

#[test]
fn what_needs_the_laboratory_is_listed_and_refused() {
    let place = tempfile::tempdir().unwrap();
    let help = succeed(&run(place.path(), &["--help"]));
    for (command, typed) in [
        ("attack", &["attack", "runs/r/ce/seed=0", "--attack", "fgsm"][..]),
        ("data", &["data", "check", "lights"]),
        ("predict", &["predict", "runs/r/ce/seed=0", "a.png"]),
        ("translate", &["translate", "--beam", "4"]),
    ] {
        assert!(help.contains(&format!("  {command} ")), "{help}");
        let message = refused(&run(place.path(), typed));
        assert_eq!(
            message,
            format!(
                "error: `{command}` needs the laboratory: this program was built without it (cargo \
                 build -p steepness-cli)\n"
            )
        );
    }
    for typed in [&["compare"][..], &["compare", "--data", "x.csv", "--target", "y", "-q"]] {
        let message = refused(&run(place.path(), typed));
        let expected = "error: `compare` without --run, and without a recipe with [run], needs the";
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(succeed(&run(place.path(), &["compare", "--help"])).contains("needs the laboratory"));
    assert!(succeed(&run(place.path(), &["man"])).contains("STEEPNESS MEASURE"));
    assert!(succeed(&run(place.path(), &["completions", "bash"])).contains("measure"));
}
