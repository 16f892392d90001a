//! A signal ends measuring within a second, whatever is being measured, and leaves what is finished.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{command, quiet, run, succeed};
use steepness_lab::data::npy;

/// What answers a signal takes: a second, and what a busy machine adds.
const SOON: Duration = Duration::from_secs(2);

/// Training takes a moment, and measuring some seconds: thousands of features, of which the
/// eigenvalues are taken, since there are clothes beside the digits.
const RECIPE: &str = r#"
name = "wide"
losses = ["ce"]
seeds = [0]
epochs = 1
batch = 128
threads = 1
select = "last"
schedule = "constant"

[data.digits]
validation = 0.1
test = 0.3

[model.mlp]
hidden = 4000

[optimizer.sgd]
lr = 0.01
"#;

fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = command(folder, arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Sends SIGTERM, and returns how it ended and how long that took.
fn terminate(mut child: Child) -> (Option<i32>, Duration) {
    assert!(child.try_wait().unwrap().is_none(), "it ended before it was asked to");
    let start = Instant::now();
    let kill = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(kill.success());
    (child.wait().unwrap().code(), start.elapsed())
}

/// Until its libraries are loaded and its first line has run, a signal ends it as it does any program.
fn wait_until_it_listens(child: &Child) {
    let catches_sigterm = || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?.trim();
        Some(u64::from_str_radix(mask, 16).ok()? >> 14 & 1 == 1)
    };
    let start = Instant::now();
    while catches_sigterm() == Some(false) {
        assert!(start.elapsed() < Duration::from_secs(60), "it never listens");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "{} never comes", path.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_run_that_is_measured_stops_and_is_measured_again() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("wide.toml"), RECIPE).unwrap();
    let compare = |out: &'static str| ["compare", "wide.toml", "--out", out];
    succeed(&run(place.path(), &compare("whole")));
    let measured = |out: &str| place.path().join(out).join("ce/seed=0/measure.json");
    let whole = fs::read(measured("whole")).unwrap();
    for pause in [0, 300, 900] {
        let out = "out";
        let _ = fs::remove_dir_all(place.path().join(out));
        let _quiet = quiet();
        let child = start(place.path(), &compare("out"));
        // Written when training is over.
        wait_for(&place.path().join("out/ce/seed=0/weights.safetensors"));
        std::thread::sleep(Duration::from_millis(pause));
        if measured(out).exists() {
            eprintln!("this machine measures in less than {pause} ms");
            continue;
        }
        let (code, took) = terminate(child);
        assert_eq!(code, Some(130), "after {pause} ms");
        assert!(took < SOON, "after {pause} ms it took {took:?}");
        assert!(!measured(out).exists(), "after {pause} ms");
    }
    succeed(&run(place.path(), &compare("out")));
    assert!(fs::read(measured("out")).unwrap() == whole);
}

/// A table of 400,000 rows takes a while to be read, before anything is trained.
#[test]
fn reading_data_stops() {
    let place = tempfile::tempdir().unwrap();
    let row = |at: usize| {
        let cells: String = (0..10).map(|cell| format!("{}.5,", at * (cell + 7) % 9973)).collect();
        format!("{cells}{}\n", ["near", "far"][at % 2])
    };
    let rows: String = (0..400_000).map(row).collect();
    fs::write(place.path().join("t.csv"), format!("a,b,c,d,e,f,g,h,i,j,class\n{rows}")).unwrap();
    let digits = "[data.digits]\nvalidation = 0.1\ntest = 0.3\n";
    let recipe = RECIPE.replace(digits, "[data.table]\npath = \"t.csv\"\n");
    assert_ne!(recipe, RECIPE);
    fs::write(place.path().join("t.toml"), recipe).unwrap();
    for pause in [50, 500] {
        let _quiet = quiet();
        let child = start(place.path(), &["compare", "t.toml"]);
        wait_until_it_listens(&child);
        std::thread::sleep(Duration::from_millis(pause));
        let (code, took) = terminate(child);
        assert_eq!(code, Some(130), "after {pause} ms");
        assert!(took < SOON, "after {pause} ms it took {took:?}");
    }
}

#[test]
fn measuring_arrays_stops() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, columns: usize| {
        let values: Vec<f32> = (0..2000 * columns).map(|at| (at * at % 97) as f32).collect();
        npy::write_matrix(&place.path().join(name), &values, columns).unwrap();
    };
    write("l.npy", 4);
    write("f.npy", 1500);
    let labels: Vec<i64> = (0..2000).map(|row| row % 4).collect();
    npy::write_vector(&place.path().join("y.npy"), &labels).unwrap();
    let arguments = ["measure", "--logits", "l.npy", "--labels", "y.npy", "--features", "f.npy"];
    let arguments = [&arguments[..], &["--tsne", "--out", "found"]].concat();
    // The program takes a moment to begin, and much longer to end.
    for pause in [2000, 4000] {
        let _quiet = quiet();
        let child = start(place.path(), &arguments);
        std::thread::sleep(Duration::from_millis(pause));
        let (code, took) = terminate(child);
        assert_eq!(code, Some(130), "after {pause} ms");
        assert!(took < SOON, "after {pause} ms it took {took:?}");
    }
    assert!(!place.path().join("found").exists());
}
