//! `steepness compare` as a whole program: results that do not depend on how they came about, and
//! requests that are refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::program::{command, error_text, output, quiet, succeed};

/// Small, and slow enough to be interrupted.
const RECIPE: &str = r#"
name = "tiny"
losses = ["ce", "el(le=0.5)"]
seeds = [0, 1]
epochs = 20
batch = 24
threads = 1
select = "best"

[data.digits]
validation = 0.2
test = 0.2

[model.mlp]
hidden = 16

[optimizer.sgd]
lr = 0.02
momentum = 0.9

[schedule.multi-step]
after = [15]
factor = 0.1

[attack]
epsilons = [0.0, 0.1]
pgd_steps = 2
pgd_step_size = 0.05
"#;

/// A folder with a recipe in it, and the program run there.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(place.path("tiny.toml"), RECIPE).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        command(self.dir.path(), &[&["compare"], arguments].concat())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        output(&mut self.command(arguments))
    }

    fn table(&self, out: &str) -> String {
        fs::read_to_string(self.path(out).join("table.csv")).unwrap()
    }

    /// What a run that nothing disturbs finds.
    fn reference(&self) -> String {
        succeed(&self.run(&["tiny.toml", "--out", "reference"]));
        self.table("reference")
    }

    /// Starts the comparison and waits for `ready`, while it runs.
    fn start(&self, ready: impl Fn() -> bool) -> Child {
        let mut command = self.command(&["tiny.toml", "--out", "out", "--jobs", "1"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        while !ready() {
            assert!(child.try_wait().unwrap().is_none(), "ended too early");
            assert!(start.elapsed() < Duration::from_secs(60), "nothing happens");
            std::thread::sleep(Duration::from_millis(1));
        }
        child
    }
}

/// What a refused request says: a line, and for a loss spec two more that point into it.
fn refused(output: &Output) -> String {
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.starts_with("error: ") && message.lines().count() <= 3, "{message}");
    assert!(output.stdout.is_empty());
    message
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

#[test]
fn how_many_run_at_once_changes_nothing() {
    let place = Place::new();
    for jobs in ["1", "2"] {
        let text = succeed(&place.run(&["tiny.toml", "--out", jobs, "--jobs", jobs]));
        assert!(text.contains("el(le=0.5)"), "{text}");
        assert!(text.contains(&format!("{jobs}/report.html")), "{text}");
    }
    assert!(place.table("1").lines().count() > 2);
    assert_eq!(place.table("1"), place.table("2"));
    let run = place.path("1").join("el_le=0.5").join("seed=1");
    for name in ["recipe.toml", "environment.json", "logits.npy", "labels.npy", "ood_logits.npy"] {
        assert!(run.join(name).is_file(), "{name}");
    }
    assert_eq!(lines(&run.join("metrics.jsonl")), 20);
}

#[test]
fn finished_runs_are_not_made_again() {
    let place = Place::new();
    let first = place.reference();
    let measured = place.path("reference/ce/seed=0/measure.json");
    let written = || fs::metadata(&measured).unwrap().modified().unwrap();
    let before = written();
    let output = place.run(&["tiny.toml", "--out", "reference", "--seeds", "0,1,2"]);
    succeed(&output);
    assert_eq!(written(), before);
    let all = place.table("reference");
    assert_ne!(all, first);
    // Some of what is there: these are printed, and the others stay, in the report, too.
    let output = place.run(&["tiny.toml", "--out", "reference"]);
    assert!(succeed(&output).contains("seeds 0 1;"), "{output:?}");
    let said = error_text(&output);
    assert!(
        said.contains("all finished runs of the folder, 2 settings with 3 seeds each"),
        "{said}"
    );
    assert_eq!(place.table("reference"), all);
    let text = succeed(&place.run(&["tiny.toml", "--out", "reference", "--loss", "el(le=0.5)"]));
    assert!(!text.contains("minus") && text.contains("seeds 0 1"), "{text}");
    assert_eq!(place.table("reference"), all);
    // No seed is finished with all losses: what was asked for has a report all the same.
    let output = place.run(&["tiny.toml", "--out", "reference", "--loss", "el", "--seeds", "7,"]);
    assert!(succeed(&output).contains("seeds 7;"), "{output:?}");
    let said = error_text(&output);
    assert!(said.contains("without the other runs of the folder: reference: no seed is"), "{said}");
    assert_ne!(place.table("reference"), all);
    assert_eq!(written(), before);
    let kept = fs::read_to_string(place.path("reference/comparison.toml")).unwrap();
    assert!(kept.contains("seeds = [0, 1, 2, 7]") && kept.contains("\"ce\""), "{kept}");
}

#[cfg(unix)]
#[test]
fn a_killed_comparison_goes_on_to_the_same_end() {
    let place = Place::new();
    let reference = place.reference();
    let first = place.path("out/ce/seed=0/measure.json");
    let second = place.path("out/el_le=0.5/seed=0/metrics.jsonl");
    for ready in [&(|| first.exists()) as &dyn Fn() -> bool, &|| lines(&second) >= 2, &|| {
        lines(&second) >= 5
    }] {
        let mut child = place.start(ready);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!place.path("out/table.csv").exists());
    succeed(&place.run(&["tiny.toml", "--out", "out"]));
    assert_eq!(place.table("out"), reference);
    assert_eq!(lines(&second), 20);
}

#[cfg(unix)]
#[test]
fn an_interrupted_comparison_says_how_to_go_on_and_does() {
    let place = Place::new();
    let reference = place.reference();
    let log = place.path("out/ce/seed=0/metrics.jsonl");
    let mut before = 0;
    for signal in ["-INT", "-TERM"] {
        let quiet = quiet();
        let child = place.start(|| lines(&log) > before + 2);
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        drop(quiet);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{message}");
        assert!(message.contains("compare tiny.toml --out out --jobs 1"), "{message}");
        assert!(place.path("out/ce/seed=0/checkpoint").is_dir());
        before = lines(&log);
        assert!(before < 20, "{before}");
    }
    let output = place.run(&["tiny.toml", "--out", "out"]);
    succeed(&output);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("ce, seed 0: goes on after epoch"), "{message}");
    assert_eq!(place.table("out"), reference);
    assert_eq!(lines(&log), 20);
}

#[cfg(unix)]
#[test]
fn a_second_process_is_refused() {
    let place = Place::new();
    let log = place.path("out/ce/seed=0/metrics.jsonl");
    let quiet = quiet();
    let mut child = place.start(|| lines(&log) > 0);
    // It is not to end before the second one has begun.
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
    drop(quiet);
    let message = refused(&place.run(&["tiny.toml", "--out", "out"]));
    assert!(message.contains(&format!("in use by process {}", child.id())), "{message}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn json_alone_is_on_the_output() {
    let place = Place::new();
    let output = place.run(&["tiny.toml", "--seeds", "7,", "--loss", "ce", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&succeed(&output)).unwrap();
    assert!(value.to_string().contains("\"ce\""), "{value}");
    assert!(place.path("runs/tiny/ce/seed=7/measure.json").exists());
}

#[test]
fn wrong_requests_are_refused_and_leave_nothing() {
    let place = Place::new();
    fs::create_dir(place.path("thesis")).unwrap();
    fs::write(place.path("thesis/chapter.tex"), "x").unwrap();
    fs::write(place.path("typo.toml"), RECIPE.replace("momentum", "momentun")).unwrap();
    fs::write(place.path("spec.toml"), RECIPE.replace("le=0.5", "le=1.5")).unwrap();
    fs::write(place.path("torn.toml"), &RECIPE[..RECIPE.len() / 2]).unwrap();
    fs::write(place.path("huge.toml"), RECIPE.replace("hidden = 16", "hidden = 99999999999"))
        .unwrap();
    let before = fs::read_dir(place.dir.path()).unwrap().count();
    for (arguments, expected) in [
        (&["tiny.toml", "--out", "thesis"][..], "thesis holds something else (chapter.tex)"),
        (&["typo.toml"], "typo.toml: line 19, column 1: unknown field `momentun`"),
        (&["spec.toml"], "spec.toml: line 3, column 10: \"el(le=1.5)\": "),
        (&["torn.toml"], "torn.toml: line"),
        (&["huge.toml"], "hidden.weight cannot have the shape"),
        (&["nowhere.toml"], "nowhere.toml: No such file"),
        (&["tiny.toml", "--loss", "el(le=1.5)"], "column 7: le must lie in [0, 1]"),
        (&["tiny.toml", "--loss", "nonsense"], "nonsense"),
        (&["tiny.toml", "--loss", "ce", "--loss", "ce"], "the loss ce is there twice"),
    ] {
        let message = refused(&place.run(arguments));
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    for arguments in [["--seeds", "1,2,1"], ["--seeds", "0"], ["--jobs", "0"], ["--what", "x"]] {
        let output = place.run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), before);
    assert_eq!(fs::read_dir(place.path("thesis")).unwrap().count(), 1);
}

#[test]
fn the_folder_of_another_recipe_is_refused() {
    let place = Place::new();
    place.reference();
    fs::write(place.path("other.toml"), RECIPE.replace("lr = 0.02", "lr = 0.03")).unwrap();
    let message = refused(&place.run(&["other.toml", "--out", "reference"]));
    assert!(message.contains("optimizer.sgd.lr is 0.02 there, 0.03 asked for"), "{message}");
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let place = Place::new();
    place.reference();
    let mut child = place
        .command(&["tiny.toml", "--out", "reference"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
