//! `steepness attack`: finished runs are attacked.

mod program;

use std::fs;
use std::path::Path;

use program::{refused, run, succeed, write_images, write_table};
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

#[test]
fn what_cannot_be_attacked_is_refused() {
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 400);
    train(place.path(), "[data.table]\npath = \"rings.csv\"\ntarget = \"ring\"", "");
    for (arguments, expected) in [
        (&["attack", RUNS[0]][..], "was not trained on images"),
        (&["attack", "runs/new"], "name one of its runs"),
        (&["attack", RUNS[0], RUNS[1]], "2 runs need --out DIR"),
        (&["attack", RUNS[0], "--epsilons", "0.1"], "epsilons = [0.1] must ascend from 0"),
        (&["attack", RUNS[0], "--attack", "pgd", "--attack", "pgd(steps=2)"], "second pgd-linf"),
    ] {
        let message = refused(&run(place.path(), arguments));
        assert!(message.contains(expected), "{message}");
    }
    let unknown = run(place.path(), &["attack", RUNS[0], "--attack", "bim"]);
    assert_eq!(unknown.status.code(), Some(2));
}
