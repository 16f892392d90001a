//! Whatever stops `steepness compare`, nothing is lost and the result is the same: kills at random
//! moments, a full disk, a loss that breaks down.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::program::place::{Files, Place, names, random, read_all, soak};
use crate::program::{PROGRAM, error_text, output, tiny};

/// Small, and with all that a training carries from step to step: momentum, the running mean of
/// `le=auto`, the norms of `match`, the average of the weights; and with later stages.
fn recipe() -> String {
    tiny(
        r#"
losses = ["ce", "el(le=auto) + match"]
seeds = [0, 1]
epochs = 12
batch = 24
select = "best"
"#,
        r#"
[model.cnn]
channels = [4, 8]

[schedule.multi-step]
after = [9]
factor = 0.1

[update]
ema = 0.9

[attack]
epsilons = [0.0, 0.1]
pgd_steps = 2
pgd_step_size = 0.05

[crt]
epochs = 3

[probe]
epochs = 2
schedule = "constant"
"#,
    )
}

/// Kills the comparison at `kills` random moments; whenever one gets to its end, and after the last
/// kill, its result is that of the comparison that nothing disturbed.
fn kill(kills: usize) {
    let place = Place::new(&recipe());
    let start = Instant::now();
    let undisturbed = place.finish("reference");
    let longest = start.elapsed() / 2;
    assert_eq!(undisturbed.len(), 1 + 4 * 3);
    let table = String::from_utf8_lossy(&undisturbed[Path::new("table.csv")]);
    assert!(table.contains("first_stage_accuracy") && table.contains("probe_accuracy"), "{table}");
    let (mut done, mut ends, mut runs) = (0, 0, 0);
    while done < kills {
        assert!(ends < 10 * kills, "{done} kills: it ends sooner than it can be killed");
        let mut child = place.start("out");
        std::thread::sleep(longest.mul_f64(random()));
        match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "after {done} kills: {status}");
                assert!(place.results("out") == undisturbed, "after {done} kills");
                fs::remove_dir_all(place.path("out")).unwrap();
                (ends, runs) = (ends + 1, 0);
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                done += 1;
                let found = place.results("out");
                let finished = found.keys().filter(|path| path.ends_with("measure.json")).count();
                assert!(finished >= runs, "a finished run is gone after {done} kills");
                runs = finished;
            }
        }
    }
    let found = place.finish("out");
    assert_eq!(names(&found), names(&undisturbed));
    assert!(found == undisturbed, "after {done} kills");
    println!("{done} kills, {} comparisons to their ends", ends + 1);
}

#[test]
fn a_few_kills_lose_nothing() {
    kill(4);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn fifty_kills_lose_nothing() {
    kill(50 * soak());
}

/// A limit on the size of files, which a shell can set for its child, ends a write as a full disk does.
#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let place = Place::new(&recipe());
    let undisturbed = place.finish("reference");
    let log = place.path("out/ce/seed=0/metrics.jsonl");
    let mut child = place.start("out");
    let start = Instant::now();
    while fs::read_to_string(&log).map_or(0, |text| text.lines().count()) < 3 {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing happens");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let checkpoints = place.path("out/ce/seed=0/checkpoint");
    let saved = || -> Files {
        let mut files = read_all(&checkpoints);
        // What the kill cut short is no checkpoint.
        files.retain(|path, _| !path.parent().unwrap().to_string_lossy().ends_with(".part"));
        files
    };
    let before = saved();
    assert!(!before.is_empty());
    // 4 blocks of 512 bytes: enough for a recipe, too little for weights.
    let shell = ["sh", "-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"", PROGRAM];
    for _ in 0..2 {
        let output = output(&mut place.command(&shell, "out"));
        assert_eq!(output.status.code(), Some(1), "{}", error_text(&output));
        let message = error_text(&output);
        let error = message.lines().last().unwrap();
        assert!(error.starts_with("error: cannot write out/ce/seed=0/checkpoint/"), "{message}");
        assert!(error.ends_with("File too large (os error 27)"), "{message}");
        assert!(saved() == before, "{message}");
    }
    assert!(place.finish("out") == undisturbed);
}

#[test]
fn a_loss_that_breaks_down_says_where() {
    let place = Place::new(&recipe().replace("lr = 0.02", "lr = 1e30"));
    let output = place.run("out");
    assert_eq!(output.status.code(), Some(1));
    let message = error_text(&output);
    let error = message.lines().last().unwrap();
    assert!(error.starts_with("error: ce, seed 0: epoch 1, step 2: "), "{message}");
    assert!(!place.path("out/ce/seed=0/measure.json").exists());
}
