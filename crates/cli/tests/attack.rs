//! `steepness attack`: finished runs are attacked.

use std::fs;
use std::path::Path;

use crate::program::{error_text, refused, run, succeed, write_images, write_table};
use serde_json::Value;

/// Trains with two seeds on `data`, TOML, in `place`, with more `lines` in the recipe.
fn train(place: &Path, data: &str, lines: &str) -> String {
    let recipe = format!(
        "name = \"new\"\nlosses = [\"ce\"]\nseeds = [0, 1]\nepochs = 20\nbatch = 8\nthreads = 1\n\
         select = \"last\"\nschedule = \"constant\"\n{data}\n[model.mlp]\nhidden = 32\n\
         [optimizer.sgd]\nlr = 0.05\nmomentum = 0.9\n{lines}"
    );
    fs::write(place.join("recipe.toml"), recipe).unwrap();
    succeed(&run(place, &["compare", "recipe.toml"]))
}

const RUNS: [&str; 2] = ["runs/new/ce/seed=0", "runs/new/ce/seed=1"];
const LIGHTS: &str = "[data.image-folder]\npath = \"lights\"\nsize = 9";

#[test]
fn runs_are_attacked_and_what_was_found_is_saved() {
    let place = tempfile::tempdir().unwrap();
    write_images(&place.path().join("lights"));
    let table = train(place.path(), LIGHTS, "");
    assert!(!table.contains("FGSM"), "a recipe without [attack] attacks nothing: {table}");

    let attacks = ["--attack", "fgsm", "--attack", "square(queries=20)", "--attack", "deepfool"];
    let grid = ["--epsilons", "0,0.2,0.6", "--l2-epsilons", "0,20", "--threads", "1"];
    let of = |runs: &[&str], more: &[&str]| {
        let arguments = [&["attack"], runs, &attacks, &grid, more].concat();
        run(place.path(), &arguments)
    };
    let text = succeed(&of(&RUNS[..1], &[]));
    assert!(text.starts_with("ce, seed 0: 12 test examples\n% right"), "{text}");
    for row in ["fgsm ", "square-linf ", "worst-linf ", "deepfool-l2 "] {
        assert!(text.lines().any(|line| line.starts_with(row)), "{row}: {text}");
    }
    let saved = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
    let rows = saved("runs/new/ce/seed=0/attack/attack.csv");
    assert_eq!(rows.lines().count(), 1 + 3 * 3 + 2, "{rows}");
    assert!(saved("runs/new/ce/seed=0/attack/robustness.svg").contains("worst-L∞"));

    let json = succeed(&of(&RUNS, &["--json", "--examples", "5", "--out", "both"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["runs"].as_array().unwrap().len(), 2);
    let fgsm = &json["runs"][1]["curves"][0];
    assert_eq!((&fgsm["attack"], &fgsm["examples"]), (&"fgsm".into(), &5.into()));
    // Bright and dark are 140/255 apart: at 0.6 nothing is left.
    assert_eq!(fgsm["points"][2][1], 0.0, "{json}");
    assert_eq!(saved("both/attack.json").trim(), json.to_string());
}

#[test]
fn attacks_and_adversarial_training_are_part_of_a_recipe() {
    let place = tempfile::tempdir().unwrap();
    write_images(&place.path().join("lights"));
    let lines = "[adversarial]\nattack = \"pgd(steps=2, step=0.1)\"\nepsilon = 0.1\n[attack]\n\
                 epsilons = [0.0, 0.1]\nattacks = [\"pgd(steps=3, step=0.05)\", \"apgd(steps=3)\"]\n";
    let table = train(place.path(), LIGHTS, lines);
    assert!(table.contains("PGD-L∞ ε=0.1"), "{table}");
    let measured = fs::read_to_string(place.path().join(RUNS[0]).join("measure.json")).unwrap();
    assert!(measured.contains("\"apgd-linf\"") && !measured.contains("fgsm"), "{measured}");
    let data = place.path().join("runs/new/figures/robustness.csv");
    assert!(fs::read_to_string(data).unwrap().contains("APGD-L∞"));
}

/// Seeds are runs: what is there twice, under whatever name, is one of them.
#[test]
#[cfg(unix)]
fn a_run_counts_once() {
    let place = tempfile::tempdir().unwrap();
    write_images(&place.path().join("lights"));
    train(place.path(), LIGHTS, "");
    let at = |name: &str| place.path().join(name);
    std::os::unix::fs::symlink(at(RUNS[0]), at("link")).unwrap();
    copy(&at(RUNS[0]), &at("copy"));
    let attack = |runs: &[&str], more: &[&str]| {
        let rest = ["--attack", "fgsm", "--epsilons", "0,0.2", "--threads", "1"];
        run(place.path(), &[&["attack"], runs, &rest, more].concat())
    };
    // What is one run has the folder of a single one.
    let same = attack(&[RUNS[0], "./runs/../runs/new/ce/seed=0/", "link", "copy"], &[]);
    let said = error_text(&same);
    assert_eq!(said.matches("counts once").count(), 3, "{said}");
    assert!(said.contains("copy is a copy of the run runs/new/ce/seed=0"), "{said}");
    let text = succeed(&same);
    assert!(text.starts_with("ce, seed 0: 12 test examples\n") && !text.contains('±'), "{text}");
    assert!(at("runs/new/ce/seed=0/attack/attack.csv").exists());
    let both = succeed(&attack(&RUNS, &["--out", "both"]));
    assert!(both.starts_with("ce, seed 0 1: 12 test examples\n") && both.contains('±'), "{both}");

    let message = refused(&attack(&RUNS, &[]));
    assert!(message.contains("2 runs need --out DIR"), "{message}");

    // Another training of the same seed is not another seed. An older version knew no manifest.
    fs::copy(at(RUNS[1]).join("weights.safetensors"), at("copy/weights.safetensors")).unwrap();
    for name in ["manifest.json", "data-hashes.json"] {
        fs::remove_file(at("copy").join(name)).unwrap();
    }
    let message = refused(&attack(&[RUNS[0], "copy"], &["--out", "both"]));
    assert!(message.contains("two trainings of one seed are not two seeds"), "{message}");

    // Nor are the runs of two recipes seeds of one setting.
    let recipe = fs::read_to_string(at("recipe.toml")).unwrap();
    let longer = recipe.replace("epochs = 20", "epochs = 21").replace("\"new\"", "\"longer\"");
    fs::write(at("longer.toml"), longer).unwrap();
    succeed(&run(place.path(), &["compare", "longer.toml"]));
    let text = succeed(&attack(&[RUNS[0], "runs/longer/ce/seed=0"], &["--out", "apart"]));
    assert!(text.starts_with("ce, runs/new, seed 0: 12 test examples\n"), "{text}");
    assert!(text.contains("\nce, runs/longer, seed 0: 12 test") && !text.contains('±'), "{text}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// The difference of logits ratio compares three classes: decided before the first attack.
#[test]
fn two_classes_are_attacked_on_their_margin() {
    let place = tempfile::tempdir().unwrap();
    write_images(&place.path().join("lights"));
    train(place.path(), LIGHTS, "");
    let few = ["--epsilons", "0,0.3", "--l2-epsilons", "0,3", "--examples", "3", "--threads", "1"];
    let default = run(place.path(), &[&["attack", RUNS[0], "--json"], &few[..]].concat());
    let said = error_text(&default);
    assert!(
        said.starts_with("apgd(loss=dlr) compares 3 classes, and there are 2: apgd(loss=margin)"),
        "{said}"
    );
    let json: Value = serde_json::from_str(&succeed(&default)).unwrap();
    let curves = json["runs"][0]["curves"].as_array().unwrap();
    let names: Vec<&str> = curves.iter().map(|curve| curve["attack"].as_str().unwrap()).collect();
    assert!(names.contains(&"apgd-linf-margin") && names.contains(&"apgd-l2-margin"), "{names:?}");
    assert!(names.contains(&"cw-l2") && !names.iter().any(|name| name.contains("dlr")));
    assert_eq!(json["runs"][0]["notes"].as_array().unwrap().len(), 2, "{json}");
    // What was asked for by name is not replaced.
    for (spec, needed) in [("apgd(loss=dlr)", 3), ("pgd(targets=2)", 3)] {
        let attacks = ["--attack", "fgsm", "--attack", spec, "--out", "none"];
        let message =
            refused(&run(place.path(), &[&["attack", RUNS[0]], &attacks[..], &few].concat()));
        assert!(
            message.contains(&format!("{spec} needs {needed} classes, and there are 2")),
            "{message}"
        );
        assert!(!place.path().join("none").exists());
    }
    // Nor does a comparison train before it says so.
    let recipe = fs::read_to_string(place.path().join("recipe.toml")).unwrap();
    let lines = "[attack]\nepsilons = [0.0, 0.1]\nattacks = [\"apgd(loss=dlr)\"]\n";
    fs::write(place.path().join("dlr.toml"), recipe.clone() + lines).unwrap();
    let message = refused(&run(place.path(), &["compare", "dlr.toml", "--out", "dlr"]));
    assert!(message.contains("apgd(loss=dlr) needs 3 classes, and there are 2"), "{message}");
    assert!(!place.path().join("dlr").exists());
    let lines = "[attack]\npreset = \"thorough\"\nepsilons = [0.0, 0.1]\nl2_epsilons = [0.0, 1.0]\n\
                 examples = 2\n";
    fs::write(place.path().join("two.toml"), recipe.replace("[0, 1]", "[0]") + lines).unwrap();
    let done = run(place.path(), &["compare", "two.toml", "--out", "two"]);
    assert!(error_text(&done).contains("apgd(loss=margin) takes its place"));
    succeed(&done);
}

#[test]
fn what_cannot_be_attacked_is_refused() {
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 400);
    train(place.path(), "[data.table]\npath = \"rings.csv\"\ntarget = \"ring\"", "");
    for (arguments, expected) in [
        (&["attack", RUNS[0]][..], "was not trained on images"),
        (&["attack", "runs/new"], "name one of its runs"),
        (&["attack", RUNS[0], "--epsilons", "0.1"], "epsilons = [0.1] must ascend from 0"),
        (&["attack", RUNS[0], "--attack", "pgd", "--attack", "pgd(steps=2)"], "second pgd-linf"),
    ] {
        let message = refused(&run(place.path(), arguments));
        assert!(message.contains(expected), "{message}");
    }
    let unknown = run(place.path(), &["attack", RUNS[0], "--attack", "bim"]);
    assert_eq!(unknown.status.code(), Some(2));
}
