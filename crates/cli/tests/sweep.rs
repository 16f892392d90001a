//! `steepness compare --sweep`: a setting varied for every loss.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::program::{command, error_text, refused, run, succeed, tiny};

/// The digits in a few short epochs; slow enough to be interrupted.
fn recipe() -> String {
    tiny(
        r#"
losses = ["ce", "el(le=1)"]
seeds = [0, 1]
epochs = 6
batch = 24
select = "best"
schedule = "constant"
"#,
        r#"
[model.mlp]
hidden = 16

[attack]
epsilons = [0.0]
pgd_steps = 1
pgd_step_size = 0.05
"#,
    )
}

fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("tiny.toml"), recipe()).unwrap();
    place
}

#[test]
fn le_is_swept_over_the_losses_that_have_one() {
    let place = place();
    let sweep = ["compare", "tiny.toml", "--out", "out", "--sweep"];
    let text = succeed(&run(place.path(), &[&sweep[..], &["le=0,1"]].concat()));
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    // Below the verdict.
    let lines: Vec<_> = text.split_once("\n\n").unwrap().1.lines().collect();
    assert_eq!(words(lines[0])[3..], ["no", "le", "le=0", "le=1"], "{text}");
    assert!(lines[1].starts_with("ce ") && lines[2].starts_with("el(le=…) "), "{text}");
    let out = place.path().join("out");
    for file in ["ce/seed=1", "el_le=0/seed=1", "el_le=1/seed=1", "figures/sweep.svg"] {
        assert!(out.join(file).exists(), "{file}");
    }
    for file in ["report.html", "table.md"] {
        assert!(fs::read_to_string(out.join(file)).unwrap().contains("el(le=…)"), "{file}");
    }
    // Another value is only added; nothing is made twice.
    let more = run(place.path(), &[&sweep[..], &["le=0,0.5,1", "--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&succeed(&more)).unwrap();
    assert!(error_text(&more).contains(" for 2 runs"), "{}", error_text(&more));
    let lines = json["sweep"]["lines"].as_array().unwrap();
    assert_eq!((lines.len(), &json["sweep"]["key"]), (2, &"le".into()));
    assert!(lines[0]["points"][0]["value"].is_null());
    assert_eq!(lines[1]["points"].as_array().unwrap().len(), 3);
    assert_eq!(lines[1]["points"][1]["value"], 0.5);
    // Fewer are reported alone, and what was made stays.
    let less = run(place.path(), &[&sweep[..], &["le=0"]].concat());
    assert!(!succeed(&less).contains("le=0.5"), "{less:?}");
    assert!(
        fs::read_to_string(out.join("comparison.toml")).unwrap().contains("le = [0.0, 1.0, 0.5]")
    );
    let plain = refused(&run(place.path(), &["compare", "tiny.toml", "--out", "out"]));
    assert!(plain.contains("sweep is set there, not set asked for"), "{plain}");
}

#[test]
fn a_recipe_may_say_what_is_swept() {
    let place = place();
    fs::write(place.path().join("rates.toml"), recipe() + "\n[sweep]\nlr = [0.02, 0.04]\n")
        .unwrap();
    let arguments = ["compare", "rates.toml", "--seeds", "1", "--json"];
    let json: serde_json::Value =
        serde_json::from_str(&succeed(&run(place.path(), &arguments))).unwrap();
    let names: Vec<_> = json["losses"].as_array().unwrap().iter().map(|l| &l["loss"]).collect();
    assert_eq!(names, ["ce, lr=0.02", "ce, lr=0.04", "el(le=1), lr=0.02", "el(le=1), lr=0.04"]);
    let run_recipe = place.path().join("runs/tiny/ce/lr=0.04/seed=0/recipe.toml");
    assert!(fs::read_to_string(run_recipe).unwrap().contains("lr = 0.04\n"));
    // The swept value is all that differs from the run without a sweep.
    let plain = ["compare", "tiny.toml", "--seeds", "1", "--out", "plain", "--json"];
    let plain: serde_json::Value =
        serde_json::from_str(&succeed(&run(place.path(), &plain))).unwrap();
    let accuracy = |json: &serde_json::Value, at: usize| {
        json["losses"][at]["metrics"]["accuracy"]["values"].clone()
    };
    assert_eq!(accuracy(&plain, 0), accuracy(&json, 0));
    assert_eq!(accuracy(&plain, 1), accuracy(&json, 2));
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_goes_on_to_the_same_end() {
    let place = place();
    let sweep =
        |out: &'static str| ["compare", "tiny.toml", "--sweep", "lr=0.01,0.02", "--out", out];
    succeed(&run(place.path(), &sweep("whole")));
    let log = place.path().join("out/el_le=1/lr=0.01/seed=0/metrics.jsonl");
    let mut child = command(place.path(), &[&sweep("out")[..], &["--jobs", "1"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !fs::read_to_string(&log).is_ok_and(|text| text.lines().count() >= 2) {
        assert!(child.try_wait().unwrap().is_none(), "ended too early");
        assert!(start.elapsed() < Duration::from_secs(60), "nothing happens");
        std::thread::sleep(Duration::from_millis(1));
    }
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", error_text(&output));
    assert!(error_text(&output).contains("--sweep lr=0.01,0.02"), "{}", error_text(&output));
    succeed(&run(place.path(), &sweep("out")));
    let table = |out: &str| fs::read_to_string(place.path().join(out).join("table.csv")).unwrap();
    assert_eq!(table("out"), table("whole"));
}

#[test]
fn senseless_sweeps_are_refused() {
    let place = place();
    fs::write(place.path().join("wrong.toml"), recipe() + "\n[sweep]\nle = [2]\n").unwrap();
    let refusal = refused(&run(place.path(), &["compare", "wrong.toml"]));
    assert!(refusal.contains("le = 2 must lie in [0, 1]"), "{refusal}");
    let none = ["compare", "tiny.toml", "--loss", "ce", "--sweep", "le=0,1"];
    let none = refused(&run(place.path(), &none));
    assert!(none.contains("none of the losses has an le: ce"), "{none}");
    for sweep in ["le", "le=", "lr=0", "gamma=1", "lr=0.1,0.1"] {
        let output = run(place.path(), &["compare", "tiny.toml", "--sweep", sweep]);
        assert_eq!(output.status.code(), Some(2), "{sweep}");
        assert!(error_text(&output).contains("--sweep <KEY=VALUES>"), "{}", error_text(&output));
    }
    assert!(!place.path().join("runs").exists());
}
