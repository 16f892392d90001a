//! Several test sets of a command, each reported apart from the others.

use std::fs;
use std::path::Path;

use crate::program::{error_text, run, succeed};
use serde_json::Value;
use tempfile::TempDir;

/// The second loss is better on its test part, and worse on the test set `rain`, if it leaves one.
const SCRIPT: &str = r#"
import os, random, struct, sys

def npy(name, kind, shape, letter, values):
    path = os.path.join(out, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    head = str({"descr": kind, "fortran_order": False, "shape": shape})
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        file.write(struct.pack("<%d%s" % (len(values), letter), *values))

loss, seed, out, how = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
for part, examples, good in [("", 300, {"ce": 1.0}.get(loss, 2.0)), ("test/rain/", 200, {"ce": 1.0}.get(loss, 0.0))]:
    if part and how == "some" and loss != "ce":
        continue
    labels = [random.Random("%s %d" % (part, i)).randrange(2) for i in range(examples)]
    logits = []
    for i, label in enumerate(labels):
        margin = good + random.Random("%s %d %d" % (part, i, seed)).gauss(0, 1)
        logits += [margin, 0.0] if label == 0 else [0.0, margin]
    npy(part + "logits.npy", "<f4", (examples, 2), "f", logits)
    if not (part and how == "half"):
        npy(part + "labels.npy", "<i8", (examples,), "q", labels)
"#;

fn place() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("train.py"), SCRIPT).unwrap();
    place
}

fn compare(place: &Path, how: &str, more: &[&str]) -> std::process::Output {
    let command = format!("python3 train.py {{loss}} {{seed}} {{out}} {how}");
    let own = ["compare", "--run", &command, "--loss", "ce", "--loss", "el(le=0.75)"];
    run(place, &[&own[..], &["--seeds", "3", "--out", "out"], more].concat())
}

#[test]
fn each_test_set_has_a_verdict_of_its_own() {
    let place = place();
    let found = succeed(&compare(place.path(), "all", &["--json"]));
    let found: Value = serde_json::from_str(&found).unwrap();
    let rain = &found["panels"]["test-rain"];
    let verdict = |of: &Value| of["verdict"]["losses"][0]["verdict"].clone();
    assert_eq!((verdict(&found), verdict(rain)), ("better".into(), "worse".into()));
    assert_eq!(rain["verdict"]["losses"][0]["over"], "seeds and test examples");
    let out = place.path().join("out");
    let file = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let row = |file: &str| {
        let row = file.lines().find(|line| line.starts_with("el(le=0.75),accuracy,"));
        row.unwrap().to_owned()
    };
    assert_ne!(row(&file("table.csv")), row(&file("table-test-rain.csv")));
    for name in ["report.html", "table.md"] {
        assert!(file(name).contains("On the test set rain"), "{name}");
    }
    // Drawn of what was measured there, and apart from the figures of the test part.
    let mean = |name: &str| -> f64 {
        let file = file(&format!("figures/{name}.csv"));
        let dot = file.lines().find(|line| line.starts_with("accuracy") && line.contains(",dots,"));
        dot.unwrap().split(',').nth(3).unwrap().parse().unwrap()
    };
    assert!(mean("differences") > 0.0 && mean("differences-test-rain") < 0.0);
    let page = file("report.html");
    for name in ["differences", "steepness", "margin", "energy", "confusion", "reliability"] {
        assert!(out.join(format!("figures/{name}-test-rain.svg")).is_file(), "{name}");
        assert!(page.contains(&format!("<figure id=\"{name}-test-rain\"")), "{name}");
    }
    assert!(!out.join("figures/curves-test-rain.svg").exists());
    assert!(file("ce/seed=0/manifest.json").contains("test/rain/logits.npy"));
    let again = succeed(&run(place.path(), &["report", "out", "--json"]));
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), found);
    // They are results like any other.
    let logits = out.join("ce/seed=0/test/rain/logits.npy");
    let mut bytes = fs::read(&logits).unwrap();
    bytes.reverse();
    fs::write(&logits, bytes).unwrap();
    let listed = succeed(&run(place.path(), &["runs", "out"]));
    assert!(
        listed.contains("5 of 6 runs finished") && listed.contains("rain/logits.npy"),
        "{listed}"
    );
}

#[test]
fn sets_that_not_all_have_are_refused() {
    for (how, expected) in [
        ("some", "it has no test set \"rain\", and the other has"),
        ("half", "it left no test/rain/labels.npy in "),
    ] {
        let place = place();
        let output = compare(place.path(), how, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(error_text(&output).contains(expected), "{}", error_text(&output));
    }
}
