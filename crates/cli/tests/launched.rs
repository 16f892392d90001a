//! Runs of the laboratory that are processes of their own: the same results, and the same ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::program::place::{Place, names};
use crate::program::{PROGRAM, error_text, output, refused, succeed, tiny};
use crate::training::is_alive;

fn place(epochs: usize) -> Place {
    let head = format!(
        "losses = [\"ce\", \"el(le=0.75)\"]\nseeds = [0, 1]\nepochs = {epochs}\nbatch = 24\n\
         select = \"best\"\nschedule = \"constant\""
    );
    Place::new(&tiny(&head, "[model.mlp]\nhidden = 64\n"))
}

/// Without `--jobs`, and on a processor that stands for two GPUs.
fn on_gpus(place: &Place, out: &str) -> Command {
    let mut program = Command::new(PROGRAM);
    program.current_dir(place.path("")).args(["compare", "tiny.toml", "--out", out]);
    program.args(["--gpus", "0,1", "--device", "cpu", "--checkpoint-every", "0"]);
    program
}

#[test]
fn runs_are_the_same_wherever_they_are_made() {
    let place = place(3);
    let here = place.finish("here");
    let same = |out: &str| {
        let there = place.results(out);
        assert_eq!(names(&here), names(&there), "{out}");
        assert!(here == there, "{out}");
    };
    let ended = output(&mut on_gpus(&place, "gpus"));
    succeed(&ended);
    let said = error_text(&ended);
    assert!(said.contains("4 runs, each on one of the GPUs 0, 1"), "{said}");
    assert!(said.contains("4/4  "), "{said}");
    assert!(!place.path("gpus/ce/seed=0/run-one.json").exists());
    same("gpus");
    // One by one, as other programs start them.
    let list = |out: &str| {
        let mut program = place.command(&[PROGRAM], out);
        succeed(&output(program.args(["--list", "--device", "cpu"])))
    };
    let listed = list("list");
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert!(listed.lines().nth(1).unwrap().ends_with(" list 'el(le=0.75)' 0"), "{listed}");
    for line in listed.lines().take(3) {
        let mut shell = Command::new("sh");
        succeed(&output(shell.args(["-c", line]).current_dir(place.path(""))));
    }
    assert_eq!(list("list").lines().count(), 1);
    place.finish("list");
    same("list");
    // A run that there is not.
    let run_one = |setting: &str, seed: &str| -> Output {
        let mut program = Command::new(PROGRAM);
        output(program.current_dir(place.path("")).args(["run-one", "list", setting, seed]))
    };
    let message = refused(&run_one("focal", "0"));
    assert!(message.contains("there is no \"focal\"; there are ce; el(le=0.75)"), "{message}");
    assert!(refused(&run_one("ce", "7")).contains("the seed 7 is none of the comparison"));
    assert!(error_text(&run_one("ce", "1")).contains("ce, seed 1: finished before"));
    let mut program = on_gpus(&place, "gpus");
    let message = refused(&output(program.args(["--jobs", "3"])));
    assert!(message.contains("3 runs side by side on 2 GPUs"), "{message}");
    // The folder of the one kind is none for the other.
    let mut program = Command::new(PROGRAM);
    program.current_dir(place.path("")).args(["compare", "--run", "true {loss}", "--loss", "ce"]);
    let message = refused(&output(program.args(["--out", "here"])));
    assert!(
        message.contains("here holds a comparison of trainings by the laboratory"),
        "{message}"
    );
    fs::write(
        place.path("run.toml"),
        "name = \"r\"\nseeds = 1\n[vary]\na = [1, 2]\n[run]\n\
              command = \"sh -c 'echo {{}} > $STEEPNESS_RUN/metrics.json'\"\n",
    )
    .unwrap();
    let mut program = Command::new(PROGRAM);
    program.current_dir(place.path("")).args(["compare", "run.toml", "--out", "command", "--list"]);
    succeed(&output(&mut program));
    let message = refused(&place.run("command"));
    assert!(message.contains("command holds a comparison of trainings by a command"), "{message}");
}

/// The process of the run in that folder, once there is one.
fn process(status: &Path) -> i32 {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(status).unwrap_or_default();
        let status: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if let Some(process) = status["process"].as_i64() {
            return process as i32;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it never begins");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kill(signal: &str, process: i32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

#[test]
fn a_run_that_is_killed_is_said_and_none_outlives_the_program() {
    let place = place(40);
    let whole = place.finish("whole");
    let start = || {
        let mut program = on_gpus(&place, "out");
        program.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        program.spawn().unwrap()
    };
    let status = |run: &str| place.path("out").join(run).join("run-one.json");
    // A child alone: the others go on.
    let program = start();
    kill("-KILL", process(&status("ce/seed=0")));
    let ended = program.wait_with_output().unwrap();
    let said = error_text(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("failed: ce, seed 0: it was killed (signal 9"), "{said}");
    assert!(said.contains("runs that failed: 1 of 4 (ce, seed 0)"), "{said}");
    // The program alone, by each signal: its child ends with it.
    for signal in ["-KILL", "-TERM"] {
        let mut program = start();
        let _ = fs::remove_file(status("ce/seed=0"));
        let child = process(&status("ce/seed=0"));
        kill(signal, program.id().cast_signed());
        let code = program.wait().unwrap().code();
        assert_eq!(code, if signal == "-KILL" { None } else { Some(130) });
        let began = Instant::now();
        while is_alive(child) {
            assert!(began.elapsed() < Duration::from_secs(10), "{signal}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    succeed(&output(&mut on_gpus(&place, "out")));
    assert!(whole == place.results("out"));
}
