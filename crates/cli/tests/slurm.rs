//! A comparison by Slurm, for real: its daemons run on this machine for as long as the test does.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use crate::program::cluster::Cluster;
use crate::program::{command, error_text, output, refused, succeed};
use crate::training::{arguments, children, is_alive, made, place, start};
use serde_json::Value;

/// The comparison of two losses with three seeds by Slurm, three runs at a time, with `how` for the
/// script and its results in `out`.
fn by_slurm(cluster: &Cluster, place: &Path, how: &str, out: &str) -> Command {
    let words = format!("python3 train.py {{loss}} {{seed}} {{out}} {how}");
    let more = ["--seeds", "3", "--slurm=--partition=test", "--jobs", "3", "--out", out];
    let mut program = command(place, &arguments(&words, &more));
    program.env("SLURM_CONF", cluster.configuration());
    program
}

/// What `jobs.json` of the comparison in `out` says, once there is something.
fn jobs(place: &Path, out: &str) -> Value {
    wait_for(|| {
        let text = fs::read_to_string(place.join(out).join("slurm/jobs.json")).ok()?;
        serde_json::from_str(&text).ok()
    })
}

fn wait_for<T>(found: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it never comes");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, signal: &str) {
    let mut kill = Command::new("kill");
    assert!(kill.args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// How it ends, and what it said.
fn end(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

fn table(place: &Path, out: &str) -> Vec<u8> {
    fs::read(place.join(out).join("table.csv")).unwrap()
}

fn wait_until_dead(processes: &[i32]) {
    let all_dead = || processes.iter().all(|process| !is_alive(*process));
    wait_for(|| all_dead().then_some(()));
}

#[test]
fn a_comparison_by_slurm_is_that_of_this_machine() {
    let Some(cluster) = Cluster::start("a_comparison_by_slurm_is_that_of_this_machine") else {
        return;
    };
    one_fails_and_one_is_cancelled(&cluster);
    what_was_killed_itself_waits_for_what_is_there(&cluster);
    ctrl_c_cancels(&cluster);
    what_slurm_refuses_is_said(&cluster);
    each_loss_is_tuned(&cluster);
    #[cfg(feature = "lab")]
    the_laboratory_goes_by_slurm(&cluster);
}

/// Of six runs in one array one fails, and one is cancelled; the same command makes these two again.
fn one_fails_and_one_is_cancelled(cluster: &Cluster) {
    let place = place();
    let place = place.path();
    let program = start(by_slurm(cluster, place, "cluster", "far"));
    let processes = children(place, 1);
    let array = &jobs(place, "far")[0];
    let (job, runs) = (array["job"]["id"].as_str().unwrap(), array["runs"].as_array().unwrap());
    assert_eq!(runs.len(), 6);
    let task = runs.iter().position(|run| run[0] == "ce" && run[1] == 2).unwrap();
    let status = place.join("far/ce/seed=2/run-one.json");
    let status: Value = serde_json::from_str(&fs::read_to_string(status).unwrap()).unwrap();
    assert_eq!(status["state"], "running");
    cluster.ask("scancel", &[&format!("{job}_{task}")]);
    let ended = end(program);
    let said = error_text(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for expected in [
        &format!("6 runs submitted to Slurm as job {job}, at most 3 at a time"),
        "failed: el(le=0.75), seed 1: it ended with exit status 3",
        &format!(
            "ce, seed 2: task {task} of job {job} is gone from Slurm without a result: it was told"
        ),
        "runs that failed: 2 of 6 (el(le=0.75), seed 1; ce, seed 2); the others are finished",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    wait_until_dead(&processes);
    assert_eq!(made(place).len(), 6);
    let again = output(&mut by_slurm(cluster, place, "cluster", "far"));
    succeed(&again);
    assert!(error_text(&again).contains("2 runs submitted to Slurm"), "{}", error_text(&again));
    assert_eq!(made(place).len(), 8);
    // Nothing is left, and nothing is submitted.
    let text = succeed(&output(&mut by_slurm(cluster, place, "cluster", "far")));
    assert_eq!(made(place).len(), 8);
    let words = "python3 train.py {loss} {seed} {out} cluster";
    let here = ["--seeds", "3", "--out", "here"];
    let here = succeed(&output(&mut command(place, &arguments(words, &here))));
    assert!(table(place, "far") == table(place, "here"));
    let verdict = |text: &str| text.split("\npage").next().unwrap().to_owned();
    assert_eq!(verdict(&text), verdict(&here));
}

/// Where the program is killed its job goes on, and so does the next call with it; a task of which the
/// process is killed is noticed.
fn what_was_killed_itself_waits_for_what_is_there(cluster: &Cluster) {
    let place = place();
    let place = place.path();
    let mut program = start(by_slurm(cluster, place, "nap", "far"));
    wait_for(|| (!made(place).is_empty()).then_some(()));
    signal(&program, "-KILL");
    program.wait().unwrap();
    let program = start(by_slurm(cluster, place, "nap", "far"));
    // The first runs of the array are over, or about to be.
    let status = place.join("far/el_le=0.75/seed=2/run-one.json");
    let process = wait_for(|| {
        let status: Value = serde_json::from_str(&fs::read_to_string(&status).ok()?).ok()?;
        status["process"].as_u64()
    });
    let mut kill = Command::new("kill");
    assert!(kill.args(["-KILL", &process.to_string()]).status().unwrap().success());
    let ended = end(program);
    let said = error_text(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains(" still with Slurm as job "), "{said}");
    assert!(!said.contains("submitted"), "{said}");
    assert!(said.contains("is gone from Slurm without a result: it broke off (begun by"), "{said}");
    assert!(said.contains("runs that failed: 1 of 6 (el(le=0.75), seed 2)"), "{said}");
    let again = output(&mut by_slurm(cluster, place, "nap", "far"));
    succeed(&again);
    assert!(error_text(&again).contains("1 run submitted to Slurm"), "{}", error_text(&again));
    let mut runs = made(place);
    runs.sort();
    // The one that was killed was begun, if it got that far.
    assert!(runs.iter().filter(|run| *run != "el(le=0.75) 2").count() == 5, "{runs:?}");
}

/// The job is cancelled, its processes end, and the same command goes on.
fn ctrl_c_cancels(cluster: &Cluster) {
    let place = place();
    let place = place.path();
    let program = start(by_slurm(cluster, place, "sleep", "far"));
    let processes = children(place, 3);
    signal(&program, "-INT");
    let ended = end(program);
    let said = error_text(&ended);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    let goes_on = said.contains("this goes on with it:\n");
    assert!(goes_on && said.contains(" is cancelled\n"), "{said}");
    assert_eq!(jobs(place, "far")[0]["cancelled"], true);
    // Nothing was finished, so that the command may be another.
    succeed(&output(&mut by_slurm(cluster, place, "", "far")));
    wait_until_dead(&processes);
    assert_eq!(made(place).len(), 9);
    cluster.wait_until_idle();
}

fn what_slurm_refuses_is_said(cluster: &Cluster) {
    let place = place();
    let place = place.path();
    let words = "python3 train.py {loss} {seed} {out}";
    for (options, expected) in [
        ("--slurm=--partition=nowhere", "sbatch: error: invalid partition specified: nowhere"),
        ("--slurm=--no-such-option", "sbatch: unrecognized option '--no-such-option'"),
    ] {
        let mut program = command(place, &arguments(words, &[options]));
        let message = refused(&output(program.env("SLURM_CONF", cluster.configuration())));
        assert!(message.contains(expected), "{message}");
    }
    assert!(made(place).is_empty());
}

/// The trials are jobs of their own, here more than one array may have, and then come the runs.
fn each_loss_is_tuned(cluster: &Cluster) {
    let place = crate::tuned::place();
    let place = place.path();
    let words = "python3 train.py {loss} {lr} {seed} {out}";
    let tune = ["--tune", "lr=0.1,1", "--tune-seeds", "3"];
    let far = ["--slurm=--partition=test", "--jobs", "4", "--out", "far"];
    let mut program = command(place, &arguments(words, &[&tune[..], &far[..]].concat()));
    let ended = output(program.env("SLURM_CONF", cluster.configuration()));
    let text = succeed(&ended);
    let said = error_text(&ended);
    assert!(said.contains("12 runs submitted to Slurm as the jobs "), "{said}");
    assert!(said.contains(", since one may have 8 tasks here, at most 4 at a time"), "{said}");
    assert!(said.contains("6 runs submitted to Slurm as job "), "{said}");
    let here = [&tune[..], &["--jobs", "2", "--out", "here"]].concat();
    let here = succeed(&output(&mut command(place, &arguments(words, &here))));
    let verdict = |text: &str| text.split("\npage").next().unwrap().to_owned();
    assert_eq!(verdict(&text), verdict(&here));
    assert!(table(place, "far") == table(place, "here"));
}

/// Makes the runs of an array, of at most four tasks, and says which job that was.
const SBATCH: &str = r#"
[ "$1" = --version ] && exit
echo "$*" >> calls
for word; do
    case $word in --array=*) last=${word##*-} ;; esac
    script=$word
done
last=${last%\%*}
[ "$last" -lt 4 ] || exit 1
[ -e refuses ] && [ "$(wc -l < calls)" -gt 1 ] && { echo 'no more today' >&2; exit 1; }
for task in $(seq 0 "$last"); do SLURM_ARRAY_TASK_ID=$task sh "$script"; done > tasks 2>&1
expr 10 + "$(wc -l < calls)"
"#;

/// A Slurm of a few lines, whose arrays have at most four tasks: each is made when its job is submitted.
#[test]
fn more_runs_than_an_array_takes_are_several_jobs() {
    let place = place();
    let place = place.path();
    write_programs(
        &place.join("bin"),
        &[
            ("scontrol", "echo 'MaxArraySize            = 4'"),
            ("squeue", ":"),
            ("scancel", "echo $1 >> cancelled"),
            ("sbatch", SBATCH),
        ],
    );
    let path = format!("{}:{}", place.join("bin").display(), std::env::var("PATH").unwrap());
    let by_slurm = |more: &[&str]| {
        let words = "python3 train.py {loss} {seed} {out}";
        let mut program =
            command(place, &arguments(words, &[&["--seeds", "3"][..], more].concat()));
        output(program.env("PATH", &path))
    };
    let calls = || fs::read_to_string(place.join("calls")).unwrap();
    let ended = by_slurm(&["--slurm", "", "--jobs", "2", "--out", "far"]);
    succeed(&ended);
    let expected = "6 runs submitted to Slurm as the jobs 11, 12, since one may have 4 tasks here, at most 2 at";
    assert!(error_text(&ended).contains(expected), "{}", error_text(&ended));
    let lines = calls();
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines[0].contains(" --array=0-3%2 ") && !lines[0].contains("dependency"), "{lines:?}");
    assert!(lines[1].contains(" --array=0-1%2 "), "{lines:?}");
    assert!(lines[1].contains(" --dependency=afterany:11 "), "{lines:?}");
    succeed(&by_slurm(&["--out", "here"]));
    assert!(table(place, "far") == table(place, "here"));
    let message = by_slurm(&["--slurm=--dependency=singleton", "--jobs", "2", "--out", "x"]);
    let message = refused(&message);
    assert!(message.contains("6 runs are several arrays, since one may have 4 tasks"), "{message}");
    // Without a number they need not wait for each other. Where the second is refused the first is ended.
    fs::remove_file(place.join("calls")).unwrap();
    fs::write(place.join("refuses"), "").unwrap();
    let ended = by_slurm(&["--slurm", "", "--out", "y"]);
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(error_text(&ended), "job 11 is cancelled\nerror: sbatch: no more today\n");
    assert!(!calls().contains("dependency"));
    assert_eq!(fs::read_to_string(place.join("cancelled")).unwrap(), "11\n");
    assert_eq!(jobs(place, "y")[0]["cancelled"], true);
}

/// Shell scripts in the folder `at`, by their names.
fn write_programs(at: &Path, programs: &[(&str, &str)]) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir(at).unwrap();
    for (name, script) in programs {
        let path = at.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Without a cluster.
#[test]
fn where_there_is_no_slurm_it_is_said() {
    let place = place();
    // The shell's own commands and Python, but not those of Slurm.
    let programs = place.path().join("bin");
    fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink("/bin/sh", programs.join("python3")).unwrap();
    let words = "python3 train.py {loss} {seed} {out}";
    let run = |more: &[&str]| {
        let mut program = command(place.path(), &arguments(words, more));
        output(program.env("PATH", &programs))
    };
    let message = refused(&run(&["--slurm", ""]));
    assert!(message.contains("there is no sbatch on this machine"), "{message}");
    let message = refused(&run(&["--slurm", "--time=1:00:00 --array=0-3"]));
    assert!(message.contains("slurm: --array=0-3 is not to be given"), "{message}");
    let message = refused(&run(&["--slurm", "--comment='a"]));
    assert!(message.contains("quotation mark"), "{message}");
    // Nothing was begun.
    assert!(!place.path().join("runs").exists());
    // In a recipe.
    let recipe = "name = \"r\"\nlosses = [\"ce\", \"el(le=1)\"]\nseeds = 1\n[run]\n\
                  command = \"python3 train.py {loss} {seed} {out}\"\n[launch.slurm]\nmost = 2\n";
    fs::write(place.path().join("r.toml"), recipe).unwrap();
    let mut program = command(place.path(), &["compare", "r.toml"]);
    let message = refused(&output(program.env("PATH", &programs)));
    assert!(message.contains("there is no sbatch on this machine"), "{message}");
    succeed(&output(&mut command(place.path(), &["compare", "r.toml", "--here"])));
    fs::write(place.path().join("r.toml"), recipe.replace("most = 2", "most = 0")).unwrap();
    let message = refused(&output(&mut command(place.path(), &["compare", "r.toml"])));
    assert!(message.contains("r.toml: line 7"), "{message}");
}

/// Its runs are the same wherever they are made.
#[cfg(feature = "lab")]
fn the_laboratory_goes_by_slurm(cluster: &Cluster) {
    use crate::program::{place::Place, tiny};
    let head = "losses = [\"ce\", \"el(le=0.75)\"]\nseeds = [0]\nepochs = 2\nbatch = 64\n\
                select = \"best\"\nschedule = \"constant\"";
    let place = Place::new(&tiny(head, "[model.mlp]\nhidden = 16\n"));
    let here = place.finish("here");
    let mut program = place.command(&[crate::program::PROGRAM], "far");
    program.args(["--slurm", "--partition=test", "--device", "cpu"]);
    let ended = output(program.env("SLURM_CONF", cluster.configuration()));
    succeed(&ended);
    assert!(error_text(&ended).contains("2 runs submitted to Slurm"), "{}", error_text(&ended));
    let far = place.results("far");
    assert_eq!(crate::program::place::names(&here), crate::program::place::names(&far));
    assert!(here == far);
}
