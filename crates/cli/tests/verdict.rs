//! What `steepness compare` says of its numbers: which epoch they are of, what comes first where the
//! classes are uneven, and how the intervals are made.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::program::{command, error_text, refused, run, succeed, write_table};

/// 285 rows of class "no" and 15 of class "yes", with two numbers by which no row is likelier "yes" than
/// "no".
fn write_skewed(path: &Path) {
    let mut text = "x,y,rare\n".to_owned();
    for at in 0..300 {
        let rare = if at % 20 == 7 { "yes" } else { "no" };
        let _ = writeln!(text, "{},{},{rare}", at % 2, at / 7 % 3);
    }
    fs::write(path, text).unwrap();
}

/// With the lines joined that were broken.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn uneven_classes_come_with_what_does_not_hide_the_rare_one() {
    let place = tempfile::tempdir().unwrap();
    write_skewed(&place.path().join("skewed.csv"));
    let asked =
        ["compare", "--data", "skewed.csv", "--target", "rare", "--seeds", "2", "--out", "out"];
    let losses = ["--loss", "ce", "--loss", "ce + adjust(tau=1)"];
    let asked = [&asked[..], &losses].concat();
    let text = succeed(&run(place.path(), &asked));
    // The verdict stands above the table.
    let (verdict, table) = text.split_once("\n\n").unwrap();
    assert!(joined(verdict).contains("in balanced accuracy"), "{text}");
    let head: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    let first = ["balanced", "accuracy", "AUROC", "average", "precision", "accuracy"];
    assert_eq!(head[..6], first, "{text}");
    let majority = text.lines().find(|line| line.starts_with("majority class")).unwrap();
    assert_eq!(majority.split_whitespace().nth(2), Some("50.00"), "{text}");
    let said = joined(&text);
    assert!(said.contains("say \"no\" always"), "{text}");
    let one_class = "Warning: ce predicts nothing but the class \"no\", with the seeds 0 1.";
    assert!(said.contains(one_class), "{text}");
    // Of a table each seed draws its test part anew, a fifth of the rows.
    assert!(said.contains("corrected paired t, n = 2") && said.contains("60/240"), "{text}");
    // Another metric may come first, of the same runs.
    let by_f1 = succeed(&run(place.path(), &[&asked[..], &["--primary", "macro_f1"]].concat()));
    assert!(joined(&by_f1).contains(" macro F1 balanced accuracy AUROC"), "{by_f1}");
    let json = succeed(&run(place.path(), &[&asked[..], &["--json", "--primary", "nll"]].concat()));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["headline"], "nll");
    assert_eq!(json["majority"]["uneven"], true);
    assert_eq!(json["intervals"]["correction"], "Nadeau and Bengio (2003)");
    let page = fs::read_to_string(place.path().join("out/report.html")).unwrap();
    for part in
        ["majority class", "predicts nothing but", "Nadeau and Bengio (2003)", "Measured after"]
    {
        assert!(page.contains(part), "{part}");
    }
    let wrong = run(place.path(), &[&asked[..], &["--primary", "f1"]].concat());
    assert_eq!(wrong.status.code(), Some(2));
    assert!(error_text(&wrong).contains("there is no metric \"f1\"; there are accuracy"));
}

#[test]
fn data_of_ones_own_are_measured_with_the_last_weights() {
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 60);
    let asked =
        ["compare", "--data", "rings.csv", "--target", "ring", "--seeds", "1", "--loss", "ce"];
    let last = run(place.path(), &[&asked[..], &["--out", "last"]].concat());
    let said = error_text(&last);
    assert!(said.contains("weights     those after the last epoch: "), "{said}");
    let text = succeed(&last);
    assert!(
        text.contains("Measured after epoch 200 of 200.") && text.contains("weights: last epoch")
    );
    assert!(!text.contains("majority class"), "even classes have no such row: {text}");
    let best = run(place.path(), &[&asked[..], &["--out", "best", "--select", "best"]].concat());
    assert!(error_text(&best).contains("best validation accuracy, as asked for"));
    assert!(succeed(&best).contains("weights: best validation accuracy"));
    // Which is the epoch that the rule for ties takes.
    let at = place.path().join("best/ce/seed=0");
    let log = fs::read_to_string(at.join("metrics.jsonl")).unwrap();
    let line = |line: &str| -> (f64, f64, u64) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = |key: &str| line[key].as_f64().unwrap();
        (number("val_accuracy"), -number("val_nll"), line["epoch"].as_u64().unwrap())
    };
    let best = log.lines().map(line).reduce(|a, b| if b >= a { b } else { a }).unwrap();
    let measures = fs::read_to_string(at.join("measure.json")).unwrap();
    let measures: serde_json::Value = serde_json::from_str(&measures).unwrap();
    assert_eq!(measures["epoch"].as_u64(), Some(best.2));
}

/// A run that an older version measured after the earliest of equal epochs is shown, with a word, and
/// not mixed with new ones.
#[test]
fn runs_by_the_older_rule_are_told() {
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 60);
    let asked =
        ["compare", "--data", "rings.csv", "--target", "ring", "--loss", "ce", "--select", "best"];
    let asked = [&asked[..], &["--out", "out"]].concat();
    succeed(&run(place.path(), &[&asked[..], &["--seeds", "1"]].concat()));
    let at = place.path().join("out/ce/seed=0");
    let log = fs::read_to_string(at.join("metrics.jsonl")).unwrap();
    // As if all epochs had been equal, and nothing said which one was measured.
    let equal = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        (line["val_accuracy"], line["val_nll"]) = (0.5.into(), 0.25.into());
        format!("{line}\n")
    };
    fs::write(at.join("metrics.jsonl"), log.lines().map(equal).collect::<String>()).unwrap();
    let measures = fs::read_to_string(at.join("measure.json")).unwrap();
    let mut measures: serde_json::Value = serde_json::from_str(&measures).unwrap();
    measures.as_object_mut().unwrap().remove("epoch").unwrap();
    fs::write(at.join("measure.json"), measures.to_string()).unwrap();
    for newer in ["manifest.json", "data-hashes.json"] {
        fs::remove_file(at.join(newer)).unwrap();
    }
    let text = succeed(&run(place.path(), &[&asked[..], &["--seeds", "1"]].concat()));
    assert!(text.contains("Measured after epoch 1 of 200."), "{text}");
    assert!(joined(&text).contains("1 of 1 runs were measured by an older version"), "{text}");
    let more = run(place.path(), &[&asked[..], &["--seeds", "2"]].concat());
    assert_eq!(more.status.code(), Some(2));
    let said = error_text(&more);
    assert!(said.contains("measured after epoch 1 by an older version"), "{said}");
    assert!(said.contains("today it would be epoch 200"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_page_is_opened_or_it_is_said_why_not() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    write_table(&place.path().join("rings.csv"), 60);
    let path = place.path().join("bin");
    fs::create_dir(&path).unwrap();
    let open = |script: &str| {
        let opener = path.join("xdg-open");
        if script.is_empty() {
            let _ = fs::remove_file(&opener);
        } else {
            fs::write(&opener, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let asked = ["compare", "--data", "rings.csv", "--target", "ring", "--seeds", "1"];
        let asked = [&asked[..], &["--loss", "ce", "--open"]].concat();
        let output = command(place.path(), &asked).env("PATH", &path).output().unwrap();
        succeed(&output);
        error_text(&output)
    };
    let said = open("echo \"$1\" > opened");
    assert!(!said.contains("is not opened"), "{said}");
    let opened = fs::read_to_string(place.path().join("opened")).unwrap();
    let page = place.path().join("runs/rings/report.html");
    assert_eq!(Path::new(opened.trim()).canonicalize().unwrap(), page.canonicalize().unwrap());
    let said = open("exit 3");
    assert!(
        said.contains("report.html is not opened: xdg-open ended with exit status: 3"),
        "{said}"
    );
    let said = open("");
    assert!(said.contains("is not opened: there is no xdg-open here"), "{said}");
}

#[test]
fn a_metric_is_refused_before_anything_is_trained() {
    let place = tempfile::tempdir().unwrap();
    let message = refused(&run(place.path(), &["compare", "--primary", "auc"]));
    assert!(message.contains("there is no metric \"auc\""), "{message}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}
