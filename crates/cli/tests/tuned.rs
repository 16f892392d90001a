//! `steepness compare --tune`: each loss at its own best.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::program::{PROGRAM, error_text, refused, run, succeed};
use serde_json::Value;
use tempfile::TempDir;

/// Leaves predictions of 400 examples of two classes and of as many for validation, as good as the loss is at
/// that learning rate: cross entropy at 0.1, the other one at 1, where it is the better one. Notes in
/// `made.txt` that it was run.
const SCRIPT: &str = r#"
import json, os, random, struct, sys

def npy(name, kind, shape, letter, values):
    head = str({"descr": kind, "fortran_order": False, "shape": shape})
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    with open(os.path.join(out, name), "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        file.write(struct.pack("<%d%s" % (len(values), letter), *values))

loss, lr, seed, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
how = sys.argv[5] if len(sys.argv) > 5 else ""
with open("made.txt", "a") as made:
    made.write("%s %s %d\n" % (loss, lr, seed))
if how == "diverges" and loss != "ce" and lr == "10":
    sys.exit("the loss is NaN")
good = {"ce": {"0.1": 1.5, "1": 1.0, "10": 0.2}}.get(loss, {"0.1": 0.8, "1": 2.5, "10": 0.3})[lr]
accuracy = {}
for part, name in enumerate(["", "val_"]):
    labels = [random.Random("%d %d" % (part, i)).randrange(2) for i in range(400)]
    logits = []
    for i, label in enumerate(labels):
        noise = random.Random("%d %d %d" % (part, i, seed)).gauss(0, 1)
        margin = good + noise
        logits += [margin, 0.0] if label == 0 else [0.0, margin]
    accuracy[name] = sum(logits[2 * i + label] > logits[2 * i + 1 - label] for i, label in enumerate(labels)) / 400
    if name == "" or how not in ("blind", "reported"):
        npy(name + "logits.npy", "<f4", (400, 2), "f", logits)
        npy(name + "labels.npy", "<i8", (400,), "q", labels)
if how == "reported":
    with open(os.path.join(out, "metrics.json"), "w") as file:
        file.write(json.dumps({"val_f1": accuracy["val_"], "f1": 1 - accuracy["val_"]}))
"#;

/// A folder with the script in it.
pub fn place() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("train.py"), SCRIPT).unwrap();
    place
}

/// Two losses with three seeds at three learning rates, with `how` for the script and `more` for us.
fn compare(place: &Path, how: &str, more: &[&str]) -> Output {
    let command = format!("python3 train.py {{loss}} {{lr}} {{seed}} {{out}} {how}");
    let own = ["compare", "--run", &command, "--loss", "ce", "--loss", "el(le=0.75)"];
    let seeds = if more.contains(&"--seeds") { &[][..] } else { &["--seeds", "3"] };
    run(place, &[&own[..], seeds, &["--tune", "lr=0.1,1,10"], more].concat())
}

/// Which runs the script was called for so far.
fn made(place: &Path) -> Vec<String> {
    let text = fs::read_to_string(place.join("made.txt")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&succeed(output)).unwrap()
}

/// Worse where both have one learning rate, better where each has its own: both are true, and both are said.
#[test]
fn a_loss_that_is_better_at_its_own_learning_rate_is_found() {
    let place = place();
    let output = compare(place.path(), "", &["--json", "--worth", "0.5"]);
    let found = json(&output);
    let verdict = |of: &Value| of["verdict"]["losses"][0]["verdict"].clone();
    assert_eq!(
        (verdict(&found), verdict(&found["panels"]["shared"])),
        ("better".into(), "worse".into())
    );
    let answer = found["verdict"]["answer"].as_str().unwrap();
    assert!(
        answer.starts_with("Take el(le=0.75), lr=1: it is better than ce, lr=0.1 in"),
        "{answer}"
    );
    let took: Vec<_> =
        found["tuning"]["rows"].as_array().unwrap().iter().map(|r| &r["takes"]).collect();
    assert_eq!(took, ["lr=0.1", "lr=1"]);
    let warnings = found["warnings"].to_string();
    assert!(warnings.contains("ce took lr=0.1, the smallest that was tried"), "{warnings}");
    assert!(!warnings.contains("el(le=0.75) took"), "{warnings}");
    let said = error_text(&output);
    assert!(
        said.contains("tuning: 12 trials, 3 points for each of 2 with the seeds 1000 1001"),
        "{said}"
    );

    // Twelve trials, six runs with one learning rate, three more with that of the second loss.
    let runs = made(place.path());
    assert_eq!(runs.len(), 12 + 6 + 3, "{runs:?}");
    let of = |loss: &str, lr: &str| {
        let of = runs.iter().filter_map(|run| run.strip_prefix(&format!("{loss} {lr} ")));
        of.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of("ce", "10"), ["1000", "1001"], "a trial is never compared");
    assert_eq!(of("el(le=0.75)", "1"), ["1000", "1001", "0", "1", "2"]);

    // What is finished is taken as it is, and reported without the script.
    let text = succeed(&compare(place.path(), "", &["--worth", "0.5"]));
    assert_eq!(made(place.path()), runs);
    assert!(text.contains("At the shared setting, lr=0.1:\n====="), "{text}");
    let again = succeed(&run(place.path(), &["report", "runs/train"]));
    assert!(again.starts_with(text.split("\npage ").next().unwrap()), "{again}");
    let out = place.path().join("runs/train");
    let file = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert!(file("comparison.toml").contains("worth = 0.5"));
    assert!(file("table.csv").contains("\"el(le=0.75), lr=1\",accuracy"), "{}", file("table.csv"));
    assert!(file("table-shared.csv").contains("\"el(le=0.75), lr=0.1\",accuracy"));
    assert!(!file("table.csv").contains("el(le=0.75), lr=0.1"), "panels are not mixed");
    assert_eq!(file("tuning.csv").lines().filter(|line| line.contains("val_accuracy")).count(), 12);
    for part in ["At the shared setting, lr=0.1", "validation accuracy", "Keep ce, lr=0.1"] {
        assert!(file("report.html").contains(part) && file("table.md").contains(part), "{part}");
    }
    // More seeds keep the trials.
    let more = json(&compare(place.path(), "", &["--json", "--seeds", "4"]));
    assert_eq!(more["seeds"], serde_json::json!([0, 1, 2, 3]));
    assert_eq!(made(place.path()).len(), runs.len() + 3);
    // Seeds of trials are none of a comparison's.
    let message = refused(&run(place.path(), &["report", "runs/train", "--seeds", "0,1000"]));
    assert!(message.contains("the seed 1000 is one of the comparison"), "{message}");
}

#[test]
fn a_trial_that_fails_is_none_to_be_taken() {
    let place = place();
    let more = ["--tune-seeds", "1", "--json"];
    let output = compare(place.path(), "diverges", &more);
    let found = json(&output);
    assert!(error_text(&output).contains("1 of 6 trials failed"), "{}", error_text(&output));
    assert!(
        found["warnings"].to_string().contains("without a result, which cannot be taken: lr=10")
    );
    assert_eq!(found["tuning"]["rows"][1]["lr=10"], Value::Null);
    let before = made(place.path()).len();
    compare(place.path(), "diverges", &more);
    assert_eq!(made(place.path()).len(), before + 1, "what failed is made again");
    let report = run(place.path(), &["report", "runs/train", "--json"]);
    assert_eq!(json(&report)["tuning"], found["tuning"]);
    let strict = compare(place.path(), "diverges", &["--tune-seeds", "1", "--fail-fast"]);
    assert_eq!(strict.status.code(), Some(1), "{}", error_text(&strict));
}

#[test]
fn the_test_part_has_no_say() {
    let place = place();
    let output = compare(place.path(), "blind", &[]);
    assert_eq!(output.status.code(), Some(2), "{}", error_text(&output));
    let said = error_text(&output);
    assert!(
        said.contains("left nothing that a trial could be judged by: val_logits.npy"),
        "{said}"
    );
    assert_eq!(made(place.path()).len(), 1, "it is said after the first run");
    // Of metrics.json the one whose name begins with val_: f1 itself would choose the worst.
    let own = ["--tune-metric", "f1", "--metric", "f1=higher", "--out", "f1", "--json"];
    let found = json(&compare(place.path(), "reported", &own));
    let took: Vec<_> =
        found["tuning"]["rows"].as_array().unwrap().iter().map(|r| &r["takes"]).collect();
    assert_eq!(took, ["lr=0.1", "lr=1"]);
    let unknown = compare(place.path(), "reported", &["--tune-metric", "f2", "--out", "f2"]);
    let message = refused(&unknown);
    assert!(
        message.contains("which way f2 is better is not known: --metric val_f2=lower"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_tuned_is_refused_before_anything_is_made() {
    let place = place();
    for (more, expected) in [
        (&["--tune-seeds", "1,7"][..], "the seed 1 is one of the comparison"),
        (&["--tune", "seed=1"], "tune: \"seed\" is taken"),
        (&["--tune", "wd=1,2", "--vary", "wd=1"], "tune: \"wd\" is varied already"),
        (&["--tune", "wd=1,1"], "wd = \"1\" is there twice"),
        (&["--trials", "4"], "trials = 4 of 3 combinations"),
    ] {
        let message = refused(&compare(place.path(), "", more));
        assert!(message.contains(expected), "{message}");
    }
    let none = ["compare", "--run", "python3 train.py {seed}", "--loss", "ce", "--trials", "2"];
    assert!(refused(&run(place.path(), &none)).contains("--tune lr=0.01,0.03,0.1 says"));
    assert!(made(place.path()).is_empty() && !place.path().join("runs").exists());
}

/// A trial is a run like any other: whatever starts programs can make it.
#[test]
fn trials_are_launched_from_elsewhere() {
    let place = place();
    let list = || {
        let output = compare(place.path(), "", &["--tune-seeds", "1", "--list"]);
        (succeed(&output), error_text(&output))
    };
    let make = |lines: &str| {
        for line in lines.lines() {
            // As the shell has it, whatever the program was called by.
            let (_, rest) = line.split_once(" run-one ").unwrap();
            let typed = format!("'{PROGRAM}' run-one {rest}");
            let done = Command::new("sh").args(["-c", &typed]).current_dir(place.path()).status();
            assert!(done.unwrap().success(), "{line}");
        }
    };
    let (first, said) = list();
    assert_eq!(first.lines().count(), 6 + 6, "{first}");
    assert!(said.contains("trials are among them"), "{said}");
    make(&first);
    let (second, said) = list();
    assert_eq!(second.lines().count(), 3, "{second}");
    assert!(second.contains("'el(le=0.75), lr=1' 0") && said.is_empty(), "{second}{said}");
    make(&second);
    let runs = made(place.path()).len();
    let found = json(&compare(place.path(), "", &["--tune-seeds", "1", "--json"]));
    assert_eq!(found["verdict"]["losses"][0]["verdict"], "better");
    assert_eq!(made(place.path()).len(), runs);
}

#[cfg(feature = "lab")]
#[test]
fn the_laboratory_tunes_its_learning_rate() {
    let place = tempfile::tempdir().unwrap();
    let recipe = crate::program::tiny(
        "losses = [\"ce\", \"el(le=1)\"]\nseeds = [0, 1]\nepochs = 4\nbatch = 24\nselect = \"last\"\n\
         schedule = \"constant\"\nworth = 1.0\n[tune]\nlr = [0.00001, 0.02]\nseeds = 1\n",
        "[model.mlp]\nhidden = 16\n",
    );
    fs::write(place.path().join("tiny.toml"), &recipe).unwrap();
    let output = run(place.path(), &["compare", "tiny.toml", "--json"]);
    let found = json(&output);
    assert!(error_text(&output).contains("tuning: 4 trials"), "{}", error_text(&output));
    assert_eq!(found["verdict"]["worth"], 1.0);
    let took: Vec<_> =
        found["tuning"]["rows"].as_array().unwrap().iter().map(|r| &r["takes"]).collect();
    assert_eq!(took, ["lr=0.02", "lr=0.02"]);
    assert_eq!(found["losses"][1]["loss"], "el(le=1), lr=0.02");
    // The recipe's own learning rate is what both have in common, and one run does for both.
    let out = place.path().join("runs/tiny");
    assert!(out.join("ce/seed=1000").is_dir() && out.join("ce/lr=0.00001/seed=1000").is_dir());
    assert!(!out.join("ce/lr=0.02").exists() && !out.join("ce/lr=0.00001/seed=0").exists());
    assert_eq!(found["losses"][0]["metrics"], found["panels"]["shared"]["losses"][0]["metrics"]);
    let again = run(place.path(), &["compare", "tiny.toml", "--json"]);
    assert_eq!(json(&again), found);
    assert_eq!(error_text(&again), "", "everything was there already");
    let report = run(place.path(), &["report", "runs/tiny", "--json"]);
    assert_eq!(json(&report), found);
    // Without the tuning its runs are those of the comparison.
    let plain = recipe.split("[tune]").next().unwrap().to_owned()
        + recipe.split("seeds = 1\n").nth(1).unwrap();
    fs::write(place.path().join("plain.toml"), plain).unwrap();
    let output = run(place.path(), &["compare", "plain.toml", "--out", "runs/tiny", "--json"]);
    assert_eq!(json(&output)["losses"].as_array().unwrap().len(), 2);
    assert!(!error_text(&output).contains("runs:"), "{}", error_text(&output));
    let message = refused(&run(place.path(), &["compare", "tiny.toml", "--select", "test"]));
    assert!(message.contains("there is no validation part"), "{message}");
    let message = refused(&run(place.path(), &["compare", "tiny.toml", "--tune", "batch=8"]));
    assert!(message.contains("batch is none of what our own trainings can tune"), "{message}");
}
