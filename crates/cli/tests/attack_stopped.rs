//! Attacks that are interrupted end within a second, keep what is found, and go on with it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::program::{command, error_text, quiet, run, succeed, write_images};

/// What a signal may take: a second, and a little more on a machine that does other things.
const AT_MOST: Duration = Duration::from_millis(1500);

/// Fast ones, and one that takes its time: with so small a budget no example falls before its end.
const ATTACKS: [&str; 3] = ["fgsm", "pgd(steps=3)", "square(queries=30000)"];
const BUDGETS: &str = "0,0.001";

/// A comparison with these `lines` in its recipe, of two seeds, in `place`.
fn prepare(place: &Path, lines: &str) {
    write_images(&place.join("lights"));
    let recipe = format!(
        "name = \"new\"\nlosses = [\"ce\"]\nseeds = [0, 1]\nepochs = 2\nbatch = 8\nthreads = 1\n\
         select = \"last\"\nschedule = \"constant\"\n[data.image-folder]\npath = \"lights\"\n\
         size = 9\n[model.mlp]\nhidden = 32\n[optimizer.sgd]\nlr = 0.05\n{lines}"
    );
    fs::write(place.join("recipe.toml"), recipe).unwrap();
}

/// Starts the program, sends it `signal` as soon as there are `parts` in the folder `kept`, and waits
/// for its end.
fn interrupt(place: &Path, arguments: &[&str], kept: &Path, parts: usize, signal: &str) -> Output {
    let _quiet = quiet();
    let mut command = command(place, arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while fs::read_dir(kept).map_or(0, Iterator::count) < parts {
        assert!(start.elapsed() < Duration::from_secs(120), "nothing is kept");
        std::thread::sleep(Duration::from_millis(2));
    }
    let sent = Instant::now();
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(sent.elapsed() < AT_MOST, "{signal}: {:?}: {}", sent.elapsed(), error_text(&output));
    assert_eq!(output.status.code(), Some(130), "{}", error_text(&output));
    assert!(error_text(&output).contains("this goes on with it:"), "{}", error_text(&output));
    assert!(output.stdout.is_empty());
    output
}

#[test]
fn an_attack_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    prepare(place, "");
    succeed(&run(place, &["compare", "recipe.toml"]));
    let arguments = |out: &'static str| {
        let mut all = vec!["attack", "runs/new/ce/seed=0", "runs/new/ce/seed=1"];
        all.extend(ATTACKS.iter().flat_map(|attack| ["--attack", attack]));
        all.extend(["--epsilons", BUDGETS, "--threads", "1", "--json", "--out", out]);
        all
    };
    let undisturbed = run(place, &arguments("undisturbed"));
    let said = error_text(&undisturbed);
    assert!(said.starts_with("about ") && said.contains("for 6 attacks on 2 runs"), "{said}");
    assert!(!place.join("undisturbed/unfinished").exists());

    let kept = place.join("out/unfinished");
    // In the slow attack on the first run, then in that on the second.
    for (parts, signal) in [(2, "-INT"), (5, "-TERM")] {
        interrupt(place, &arguments("out"), &kept, parts, signal);
        assert!(!place.join("out/attack.json").exists());
    }
    let last = run(place, &arguments("out"));
    assert!(error_text(&last).contains("what an interrupted call has found is taken from"));
    assert_eq!(succeed(&last), succeed(&undisturbed));
    assert!(!kept.exists());
}

#[test]
fn a_comparison_can_be_stopped_in_its_attacks() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let specs = ATTACKS.map(|attack| format!("{attack:?}")).join(", ");
    prepare(place, &format!("[attack]\nepsilons = [{BUDGETS}]\nattacks = [{specs}]\n"));
    let arguments = |out| ["compare", "recipe.toml", "--jobs", "1", "--out", out];
    succeed(&run(place, &arguments("undisturbed")));
    let kept = place.join("out/ce/seed=0/attack/unfinished");
    interrupt(place, &arguments("out"), &kept, 2, "-INT");
    assert!(!place.join("out/ce/seed=0/measure.json").exists());
    succeed(&run(place, &arguments("out")));
    assert!(!kept.exists());
    for seed in ["ce/seed=0/measure.json", "ce/seed=1/measure.json"] {
        let read = |out: &str| fs::read(place.join(out).join(seed)).unwrap();
        assert_eq!(read("out"), read("undisturbed"), "{seed}");
    }
}
