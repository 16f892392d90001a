//! What becomes of `steepness compare` where the system refuses something, or where it is killed, at
//! each moment at which something becomes lasting: a folder is made, a file opened, written, flushed or
//! renamed. `strace` puts the faults there. Nothing that was finished is lost or half there, the
//! program says what was refused, and the comparison that is made again is the one that nothing
//! disturbed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use crate::program::place::{Files, Place, random, soak};
use crate::program::{PROGRAM, error_text, output, tiny};

/// As small as a training with a report can be: what counts are the files.
fn recipe() -> String {
    tiny(
        r#"
losses = ["ce", "el"]
seeds = [0]
epochs = 1
batch = 256
select = "last"
schedule = "constant"
"#,
        r#"
[model.cnn]
channels = [2, 2]
"#,
    )
}

/// What the system is asked for where something becomes lasting.
const CALLS: [&str; 5] = ["mkdir", "openat", "write", "fsync", "rename"];

/// A call by its name and how many of that name its thread made before, counted from 1.
type Moment = (&'static str, usize);

/// What a moment is part of: of a training, of measuring, of the report, of the rest.
fn phase(line: &str) -> &'static str {
    let measured = ["logits", "labels", "measure.json", "map.npy", "weights", "threshold"];
    match line {
        _ if line.contains("/checkpoint") || line.contains("metrics.jsonl") => "training",
        _ if measured.iter().any(|name| line.contains(name)) => "measuring",
        _ if ["/figures", "/report", "/table", "/ood.csv"].iter().any(|n| line.contains(n)) => {
            "report"
        }
        _ => "other",
    }
}

/// Whether there is a strace that may look; a line says which `test` is skipped where there is none.
fn strace(test: &str) -> bool {
    let found = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    let works = found.is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("skipped: {test}: there is no strace that works here");
    }
    works
}

/// A comparison, and what came of it undisturbed.
struct Trial {
    place: Place,
    undisturbed: Files,
    /// Every moment, and what it is part of.
    moments: BTreeMap<Moment, &'static str>,
}

impl Trial {
    fn new() -> Self {
        let place = Place::new(&recipe());
        let mut trial = Self { place, undisturbed: Files::new(), moments: BTreeMap::new() };
        let output = trial.traced("reference", &["-y"]);
        assert!(output.status.success(), "{}", error_text(&output));
        trial.undisturbed = trial.place.results("reference");
        trial.moments = trial.listed("reference/");
        assert_eq!(trial.undisturbed.len(), 1 + 2 * 3);
        trial
    }

    /// The comparison under strace with `options`; what strace saw is in the file `trace`.
    fn traced(&self, out: &str, options: &[&str]) -> Output {
        let mut command = Command::new("strace");
        command.current_dir(self.place.path("")).args(["-f", "-qq", "-o", "trace"]);
        command.args(["-e", &format!("trace={}", CALLS.join(","))]).args(options).arg(PROGRAM);
        command.args(["compare", "tiny.toml", "--out", out, "--jobs", "1"]);
        output(&mut command)
    }

    fn trace(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.place.path("trace")).unwrap()).into_owned()
    }

    /// The moments of what was just traced that have to do with files of the folder `out`.
    fn listed(&self, out: &str) -> BTreeMap<Moment, &'static str> {
        let mut made: BTreeMap<(String, &str), usize> = BTreeMap::new();
        let mut found = BTreeMap::new();
        for line in self.trace().lines() {
            let Some((thread, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            let Some(name) = CALLS.into_iter().find(|name| call.starts_with(&format!("{name}(")))
            else {
                continue;
            };
            let count = made.entry((thread.to_owned(), name)).or_default();
            *count += 1;
            let reads = name == "openat" && line.contains("O_RDONLY");
            if line.contains(out) && !reads {
                found.insert((name, *count), phase(line));
            }
        }
        found
    }

    /// Does `fault` at `moment` of a comparison into a new folder, and then makes it to its end.
    fn disturb(&self, (call, count): Moment, fault: &str) -> Output {
        let _ = fs::remove_dir_all(self.place.path("out")); // of the trial before
        let inject = format!("inject={call}:{fault}:when={count}");
        let output = self.traced("out", &["-e", &inject]);
        let message = format!("{call} {count} {fault}: {}", error_text(&output));
        assert!(!message.contains("panicked"), "{message}");
        // What has its name is whole.
        for (path, bytes) in self.place.results("out") {
            assert!(self.undisturbed[&path] == bytes, "{}: {message}", path.display());
        }
        assert!(self.place.finish("out") == self.undisturbed, "{message}");
        output
    }

    /// So many of its moments, evenly chosen, from another one each time.
    fn some(&self, calls: &[&str], most: usize) -> Vec<(Moment, &'static str)> {
        let among = self.moments.iter().filter(|((call, _), _)| calls.contains(call));
        let all: Vec<(Moment, &str)> = among.map(|(&moment, &phase)| (moment, phase)).collect();
        let step = all.len().div_ceil(most).max(1);
        let first = (random() * step as f64) as usize;
        all.into_iter().skip(first).step_by(step).collect()
    }
}

/// Kills at `most` moments: what the system is asked for then is not done any more.
fn kills(test: &str, most: usize) {
    if !strace(test) {
        return;
    }
    let trial = Trial::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (moment, phase) in trial.some(&CALLS, most) {
        let output = trial.disturb(moment, "signal=KILL");
        if output.status.signal() == Some(9) {
            *counts.entry(phase).or_default() += 1;
        }
    }
    let killed: usize = counts.values().sum();
    assert!(killed * 2 > most.min(trial.moments.len()), "{counts:?}");
    println!("{killed} kills at {} moments: {counts:?}", trial.moments.len());
}

/// Refuses what is asked for at `most` moments for each of the usual reasons.
fn faults(test: &str, most: usize) {
    if !strace(test) {
        return;
    }
    let trial = Trial::new();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (call, error) in [
        ("fsync", "EIO"),
        ("fsync", "ENOSPC"),
        ("rename", "EIO"),
        ("rename", "EROFS"),
        ("mkdir", "ENOSPC"),
        ("mkdir", "EROFS"),
        ("write", "ENOSPC"),
        ("write", "EIO"),
        ("openat", "EMFILE"),
        ("openat", "EACCES"),
        ("openat", "EROFS"),
    ] {
        for (moment, _) in trial.some(&[call], most) {
            let output = trial.disturb(moment, &format!("error={error}"));
            let (trace, message) = (trial.trace(), error_text(&output));
            let mut met = trace.lines().filter(|line| line.ends_with("(INJECTED)"));
            // Where its last words were refused, too, there are none.
            if met.clone().any(|line| line.contains("write(2")) || met.next().is_none() {
                continue;
            }
            // What was only to be looked at, or to be tidied up, may fail.
            let status = output.status.code();
            // A file that must not be read is for whoever asked to see to.
            let theirs = error == "EACCES" && message.contains("cannot read ") && status == Some(2);
            let expected = matches!(status, Some(0 | 1)) || theirs;
            assert!(expected, "{call} {error}: {status:?} {message}");
            if status != Some(0) {
                let last = message.lines().last().unwrap_or_default();
                assert!(last.starts_with("error: "), "{call} {error}: {message}");
            }
            *counts.entry((call, error)).or_default() += 1;
        }
    }
    assert!(counts.len() > 8, "{counts:?}");
    println!("{} faults: {counts:?}", counts.values().sum::<usize>());
}

#[test]
fn a_kill_at_any_moment_loses_nothing() {
    kills("a_kill_at_any_moment_loses_nothing", 6);
}

#[test]
fn a_fault_of_storage_is_said_and_loses_nothing() {
    faults("a_fault_of_storage_is_said_and_loses_nothing", 1);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn kills_at_many_moments_lose_nothing() {
    kills("kills_at_many_moments_lose_nothing", 60 * soak());
}

#[test]
#[ignore = "takes minutes: make soak"]
fn many_faults_of_storage_lose_nothing() {
    faults("many_faults_of_storage_lose_nothing", 5 * soak());
}
