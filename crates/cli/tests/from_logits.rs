//! The laboratory's runs once more, as runs of a command that left the same arrays: they get the same
//! table, but for what is not in these arrays.

use std::fs;
use std::path::Path;

use crate::program::{run, succeed, tiny};

/// Leaves what the laboratory has left in the folder `$1` for the loss `$2` and the seed `$3`.
const COPY: &str = r#"
set -eu
from="$1/$(echo "$2" | tr '(' _ | tr -d ')')/seed=$3"
cd "$4"
cp "$from/logits.npy" "$from/labels.npy" "$from/classes.json" .
cp "$from/val_logits.npy" "$from/val_labels.npy" "$from/train_counts.npy" .
mkdir ood
cp "$from/ood_logits.npy" ood/fashion8x8.npy
"#;

/// Rows that take more than that: the model itself, its training examples, the features, the epochs.
const OF_THE_LABORATORY: [&str; 8] = [
    "fgsm_accuracy",
    "pgd_linf_accuracy",
    "train_accuracy",
    "train_margin",
    "class_separation",
    "knn_cosine",
    "knn_euclidean",
    "epoch",
];

/// The same of the page's figures.
const FIGURES_OF_THE_LABORATORY: [&str; 4] = [
    "Training curves",
    "Growth of margin and energy",
    "Maps of the features",
    "Accuracy under attack",
];

/// The rows of a table, and the metrics of those that are left out.
fn rows(path: &Path, metric: usize) -> (Vec<String>, Vec<String>) {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let cell = |line: &str| line.split(',').nth(metric).unwrap_or_default().to_owned();
    let of_laboratory = |line: &&str| OF_THE_LABORATORY.contains(&cell(line).as_str());
    let (left_out, rows): (Vec<&str>, Vec<&str>) = lines.partition(of_laboratory);
    (rows.into_iter().map(str::to_owned).collect(), left_out.into_iter().map(cell).collect())
}

/// The headings of the page's figures.
fn headings(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let heading = |part: &str| part.split("</h3>").next().unwrap_or_default().to_owned();
    text.split("<h3>").skip(1).map(heading).collect()
}

#[test]
fn the_same_logits_give_the_same_table() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let head = "losses = [\"ce\", \"el(le=0.75)\"]\nseeds = [0, 1, 2]\nepochs = 4\nbatch = 32\n\
        select = \"best\"\nschedule = \"constant\"";
    let tables = "[model.mlp]\nhidden = 16\n[attack]\nepsilons = [0.0, 0.1]\npgd_steps = 2\npgd_step_size = 0.05\n";
    fs::write(at("tiny.toml"), tiny(head, tables)).unwrap();
    fs::write(at("copy.sh"), COPY).unwrap();
    succeed(&run(place.path(), &["compare", "tiny.toml", "--out", "lab"]));
    let command = format!("sh copy.sh {} {{loss}} {{seed}} {{out}}", at("lab").display());
    let losses = ["--loss", "ce", "--loss", "el(le=0.75)", "--seeds", "3", "--out", "own"];
    succeed(&run(place.path(), &[&["compare", "--run", &command][..], &losses].concat()));

    for (table, metric) in [("table.csv", 1), ("verdicts.csv", 0)] {
        let (lab, left_out) = rows(&at("lab").join(table), metric);
        let (own, none) = rows(&at("own").join(table), metric);
        assert!(lab.len() > 20, "{lab:#?}");
        assert_eq!(own, lab, "{table}");
        for name in OF_THE_LABORATORY {
            assert!(left_out.iter().any(|metric| metric == name), "{table}: {name}");
        }
        assert_eq!(none, [""; 0], "{table}");
    }
    for figure in ["confusion", "curves", "energy", "likelihood", "reliability", "steepness"] {
        let read = |out: &str| fs::read(at(out).join(format!("figures/{figure}.csv"))).unwrap();
        assert!(read("own") == read("lab"), "{figure}");
    }
    let lab = headings(&at("lab/report.html"));
    let expected: Vec<String> = lab
        .into_iter()
        .filter(|heading| !FIGURES_OF_THE_LABORATORY.contains(&heading.as_str()))
        .collect();
    assert!(expected.len() > 8);
    assert_eq!(headings(&at("own/report.html")), expected);
}
