//! A comparison of a training that somebody else wrote: a script of Python's standard library alone, that
//! does what is asked of it, right and wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::program::{command, error_text, refused, run, succeed};
use serde_json::Value;
use tempfile::TempDir;

/// Leaves logits of 40 examples of three classes, the better the larger the loss's name, and notes in
/// `made.txt` that it was run.
pub const SCRIPT: &str = r#"
import json, os, random, struct, subprocess, sys, time

def npy(name, kind, shape, letter, values):
    head = str({"descr": kind, "fortran_order": False, "shape": shape})
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    with open(os.path.join(out, name), "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        file.write(struct.pack("<%d%s" % (len(values), letter), *values))

loss, seed, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
how = sys.argv[4] if len(sys.argv) > 4 else ""
assert os.environ["STEEPNESS_RUN"] == out and os.environ["STEEPNESS_SEED"] == str(seed)
print("loss", loss, "seed", seed, how)
with open("made.txt", "a") as made:
    made.write("%s %d\n" % (loss, seed))
worse = loss != "ce" and seed == 1
if how == "sleep":
    child = subprocess.Popen(["sleep", "60"])
    with open("children.txt", "a") as children:
        children.write("%d %d\n" % (os.getpid(), child.pid))
    time.sleep(60)
if how == "cluster" and loss == "ce" and seed == 2 and not os.path.exists("third"):
    open("third", "w").close()
    child = subprocess.Popen(["sleep", "60"])
    with open("children.txt", "a") as children:
        children.write("%d %d\n" % (os.getpid(), child.pid))
    time.sleep(60)
if how == "nap":
    time.sleep(3)
if how in ("once", "cluster") and worse and not os.path.exists("second"):
    open("second", "w").close()
    print("out of cheese", file=sys.stderr)
    sys.exit(3)
if how == "slow" and worse:
    time.sleep(60)
if how == "chatty":
    for _ in range(400):
        print("x" * 99999)
    sys.exit("the last word")
if how == "nothing":
    sys.exit()
rng = random.Random("%s %d" % (loss, 0 if how == "deaf" else seed))
labels = [random.Random(i).randrange(3) for i in range(40)]
if how == "labels" and worse:
    labels[7] = (labels[7] + 1) % 3
classes = 4 if how == "classes" and worse else 3
logits = []
for label in labels:
    row = [rng.gauss(0, 1) for _ in range(classes)]
    row[label] += 1.5 + 0.2 * len(loss)
    logits += row
if how == "nan" and worse:
    logits[10] = float("nan")
if how == "ignore" and worse:
    labels[3] = -100
if how == "over" and worse:
    open(os.path.join(out, "recipe.toml"), "w").close()
if how != "metrics":
    npy("logits.npy", "<f4", (40, classes), "f", logits)
if how not in ("metrics", "half"):
    npy("labels.npy", "<i8", (40,), "q", labels)
if how == "bytes" and worse:
    with open(os.path.join(out, "metrics.json"), "wb") as file:
        file.write(b"\xff")
if how in ("metrics", "some", "json"):
    found = {"wer": 10 + rng.random() - len(loss) / 10}
    if how == "some" and worse:
        found["other"] = 1
    with open(os.path.join(out, "metrics.json"), "w") as file:
        file.write("{oops" if how == "json" and worse else json.dumps(found))
"#;

/// A folder with the script in it.
pub fn place() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("train.py"), SCRIPT).unwrap();
    place
}

/// The comparison of two losses with two seeds, with `how` for the script and `more` for us.
fn compare(place: &Path, how: &str, more: &[&str]) -> Output {
    run(place, &arguments(&format!("python3 train.py {{loss}} {{seed}} {{out}} {how}"), more))
}

pub fn arguments<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let own = ["compare", "--run", command, "--loss", "ce", "--loss", "el(le=0.75)"];
    let seeds = if more.contains(&"--seeds") { &[][..] } else { &["--seeds", "2"] };
    [&own[..], seeds, more].concat()
}

/// Which runs the script was called for so far.
pub fn made(place: &Path) -> Vec<String> {
    let text = fs::read_to_string(place.join("made.txt")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The message of runs that failed, of exit code 1.
fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", error_text(output));
    error_text(output)
}

#[test]
fn a_command_is_compared_and_taken_up_again() {
    let place = place();
    let out = place.path().join("runs/train");
    let output = compare(place.path(), "", &[]);
    let text = succeed(&output);
    for expected in ["accuracy", "NLL", "minus ce", "el(le=0.75)", "page    runs/train/report.html"]
    {
        assert!(text.contains(expected), "{text}");
    }
    let said = error_text(&output);
    assert!(
        said.contains("4 runs of python3 train.py")
            && said.contains("4/4  el(le=0.75), seed 1: test accuracy "),
        "{said}"
    );
    assert_eq!(made(place.path()).len(), 4);
    let log = fs::read_to_string(out.join("ce/seed=1/log.txt")).unwrap();
    assert_eq!(log, "loss ce seed 1 \n");
    let measured = fs::read_to_string(out.join("ce/seed=1/measure.json")).unwrap();
    let measured: Value = serde_json::from_str(&measured).unwrap();
    assert!(measured["examples"] == 40 && measured["steepness"].as_array().unwrap().len() == 20);
    let table = fs::read(out.join("table.csv")).unwrap();
    // Once more, and nothing is trained; with more seeds only those.
    assert_eq!(succeed(&compare(place.path(), "", &[])), text);
    assert_eq!(made(place.path()).len(), 4);
    assert!(fs::read(out.join("table.csv")).unwrap() == table);
    let json = succeed(&compare(place.path(), "", &["--seeds", "3", "--json", "--jobs", "2"]));
    assert_eq!(made(place.path()).len(), 6);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["seeds"], &json["intervals"]["drawn"]),
        (&serde_json::json!([0, 1, 2]), &Value::from("one test part for all seeds"))
    );
    assert!(succeed(&run(place.path(), &["runs"])).contains("6 of 6 runs finished"));
    let again = succeed(&run(place.path(), &["report", "runs/train", "--seeds", "2"]));
    assert!(again.starts_with(text.split("\npage").next().unwrap()), "{again}");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("python3 train.py"));
}

#[test]
fn what_a_run_leaves_is_checked() {
    for (how, expected) in [
        ("nothing", "it left neither logits.npy with labels.npy nor metrics.json in "),
        ("half", "it left logits.npy and no labels.npy in "),
        ("nan", "row 3, column 1 is NaN"),
        ("classes", "it has 4 classes, the other 3"),
        ("labels", "one seed is tested on the same examples: label "),
        ("json", "metrics.json: line 1, column 2: names and numbers are expected"),
        ("some", "it has a metric \"other\", and the other has not"),
        ("ignore", "labels.npy: row 3: -100 is none of the 3 classes"),
        ("bytes", "metrics.json: stream did not contain valid UTF-8"),
        ("over", "it wrote over recipe.toml, whose name is reserved"),
    ] {
        let place = place();
        let message = failed(&compare(place.path(), how, &[]));
        let first = message.lines().find(|line| line.starts_with("failed: ")).unwrap();
        assert!(first.contains(expected) && first.contains("seed="), "{how}: {message}");
        // With what it said last.
        assert!(message.contains("log.txt:\n    loss "), "{message}");
        let left = if ["nothing", "half"].contains(&how) { "4 of 4" } else { "1 of 4" };
        assert!(message.contains(&format!("error: runs that failed: {left} (")), "{message}");
    }
}

#[test]
fn metrics_of_its_own_are_enough() {
    let place = place();
    let more = ["--metric", "wer=lower", "--out", "w"];
    let text = succeed(&compare(place.path(), "metrics", &more));
    assert!(text.contains("wer ↓") && !text.contains("accuracy"), "{text}");
    let csv = fs::read_to_string(place.path().join("w/table.csv")).unwrap();
    assert!(csv.lines().nth(1).unwrap().starts_with("ce,wer,,lower,2,"), "{csv}");
    let again = succeed(&run(place.path(), &["report", "w"]));
    assert!(again.contains("wer ↓"));
    assert!(succeed(&run(place.path(), &["runs", "w"])).contains("4 of 4 runs finished"));
    // One that is declared has to be there.
    let message =
        failed(&compare(place.path(), "metrics", &["--metric", "f1=higher", "--out", "x"]));
    assert!(message.contains("it left no metric \"f1\" in metrics.json"), "{message}");
}

/// The one of the examples that needs nothing but a shell.
#[test]
fn the_example_of_a_shell_script_does_what_it_says() {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/own/shell");
    let place = tempfile::tempdir().unwrap();
    for file in ["compare.toml", "train.sh"] {
        fs::copy(from.join(file), place.path().join(file)).unwrap();
    }
    let text = succeed(&run(place.path(), &["compare", "compare.toml"]));
    assert!(text.starts_with("Take depth=3: it is better than depth=2 in wer"), "{text}");
    assert!(place.path().join("runs/shell/report.html").is_file());
    // The script is an input.
    let script = fs::read_to_string(place.path().join("train.sh")).unwrap();
    fs::write(place.path().join("train.sh"), script + "# another\n").unwrap();
    let message = refused(&run(place.path(), &["compare", "compare.toml"]));
    assert!(message.contains("train.sh"), "{message}");
}

#[test]
fn other_options_are_varied_alike() {
    let place = place();
    let words = "python3 train.py {size} {seed} {out}";
    let more = ["compare", "--run", words, "--vary", "size=a,aaaaaa", "--seeds", "2"];
    let text = succeed(&run(place.path(), &more));
    assert!(text.contains("minus size=a") && text.contains("size=aaaaaa"), "{text}");
    assert!(place.path().join("runs/train/size=aaaaaa/seed=1/manifest.json").is_file());
    assert!(succeed(&run(place.path(), &["runs"])).contains("size=aaaaaa  finished: seeds 0 1"));
    let mixed = [&more[..], &["--loss", "ce"]].concat();
    let message = refused(&run(place.path(), &mixed));
    assert!(message.contains("losses") || message.contains("loss"), "{message}");
}

#[test]
fn what_was_made_otherwise_is_never_mixed_in() {
    let place = place();
    fs::write(place.path().join("data.csv"), "1\n").unwrap();
    let more = ["--inputs", "*.csv", "--env", "DEPTH=1", "--out", "out"];
    succeed(&compare(place.path(), "", &more));
    assert_eq!(made(place.path()).len(), 4);
    let twice = |text: &str| text.repeat(2);
    let change = |file: &str, text: &str| fs::write(place.path().join(file), text).unwrap();
    for (file, text) in [("train.py", SCRIPT), ("data.csv", "1\n")] {
        change(file, &twice(text));
        let message = refused(&compare(place.path(), "", &more));
        assert!(message.contains(&format!("(1 changed: {file})")), "{message}");
        change(file, text);
    }
    let message = refused(&compare(place.path(), "again", &more));
    assert!(message.contains("run.command is [") && message.contains("again"), "{message}");
    let other = ["--inputs", "*.csv", "--env", "DEPTH=2", "--out", "out"];
    let message = refused(&compare(place.path(), "", &other));
    assert!(message.contains("run.env.DEPTH is \"1\" there, \"2\" asked for"), "{message}");
    assert_eq!(made(place.path()).len(), 4);
    // As it was, and with another limit of time: taken as it is. Anew, where that is asked for.
    succeed(&compare(place.path(), "", &[&more[..], &["--timeout", "1h"]].concat()));
    assert_eq!(made(place.path()).len(), 4);
    succeed(&compare(place.path(), "again", &[&more[..], &["--fresh"]].concat()));
    assert_eq!(made(place.path()).len(), 8);
    assert!(place.path().join("out/replaced/1/ce/seed=0/log.txt").is_file());
}

#[test]
fn a_script_that_is_not_finished_may_still_change() {
    let place = place();
    fs::write(place.path().join("train.py"), "import sys\nsys.exit('not yet')\n").unwrap();
    let message = failed(&compare(place.path(), "", &[]));
    assert!(
        message.contains("it ended with exit status 1") && message.contains("not yet"),
        "{message}"
    );
    fs::write(place.path().join("train.py"), SCRIPT).unwrap();
    succeed(&compare(place.path(), "", &[]));
}

#[test]
fn a_failure_does_not_take_the_others_along() {
    let place = place();
    let message = failed(&compare(place.path(), "once", &[]));
    assert!(
        message.contains("failed: el(le=0.75), seed 1: it ended with exit status 3"),
        "{message}"
    );
    assert!(message.contains("out of cheese"), "{message}");
    assert!(message.contains("1 of 4 (el(le=0.75), seed 1); the others are finished"), "{message}");
    assert_eq!(made(place.path()).len(), 4);
    let text = succeed(&compare(place.path(), "once", &[]));
    assert_eq!(made(place.path()).len(), 5);
    assert!(text.contains("minus ce"));

    let place = self::place();
    let slow = ["--timeout", "8s", "--jobs", "2"];
    let message = failed(&compare(place.path(), "slow", &slow));
    assert!(message.contains("it was stopped after 8s, its timeout"), "{message}");
    let fast = ["--fail-fast", "--out", "fast"];
    assert_eq!(compare(place.path(), "nothing", &fast).status.code(), Some(1));
    assert_eq!(made(place.path()).len(), 5);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_made() {
    let place = place();
    fs::write(
        place.path().join("recipe.toml"),
        "name = \"x\"\nseeds = 2\n[vary]\na = [1, 2]\n[run]\ncommand = \"true {b}\"\n",
    )
    .unwrap();
    let script = "python3 train.py {loss} {seed} {out}";
    for (typed, expected) in [
        (&["compare", "--run", script][..], "nothing is compared: --loss ce"),
        (
            &["compare", "--run", "no-such-program {loss}", "--loss", "ce"],
            "there is no such program",
        ),
        (&["compare", "--run", "./train.py {loss}", "--loss", "ce"], "it is not executable"),
        (
            &["compare", "--run", "x {lr}", "--loss", "ce"],
            "{lr}, which stands for nothing: --vary lr=a,b",
        ),
        (&["compare", "--run", "x 'y", "--loss", "ce"], "quotation mark"),
        (&["compare", "--run", script, "--loss", "ce", "--inputs", "*.npz"], "no file in"),
        (&["compare", "--run", script, "--loss", "ce", "--directory", "no"], "no folder"),
        (&["compare", "--run", script, "--loss", "ce", "--timeout", "6"], "is no time such as"),
        (&["compare", "--run", script, "--loss", "ce", "--gpus", "0", "--jobs", "2"], "on 1 GPUs"),
        (&["compare", "recipe.toml"], "{b}, which stands for nothing"),
        (&["compare", "--vary", "a=1,2"], "--vary is for a command of yours"),
        (&["run-one", "nothing", "ce", "0"], "cannot read nothing/comparison.toml"),
    ] {
        let message = refused(&run(place.path(), typed));
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(made(place.path()), [""; 0]);
}

#[test]
fn much_output_is_cut_and_its_end_shown() {
    let place = place();
    let message = failed(&compare(place.path(), "chatty", &["--seeds", "1"]));
    assert!(message.contains("\n    the last word\n"), "{message}");
    let log = place.path().join("runs/train/ce/seed=0/log.txt");
    assert!(fs::metadata(&log).unwrap().len() < 13 << 20);
    assert!(fs::read_to_string(log).unwrap().contains("bytes are left out here]"));
}

#[test]
fn seeds_that_change_nothing_are_named() {
    let place = place();
    let text = succeed(&compare(place.path(), "deaf", &[]));
    assert!(
        text.contains("ce: the seeds 0 and 1 have identical results: the seed is not used"),
        "{text}"
    );
}

#[test]
fn runs_are_made_one_by_one_wherever_it_is_asked_for() {
    let place = place();
    let listed = succeed(&compare(place.path(), "", &["--list", "--out", "o"]));
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[1].ends_with(" run-one o 'el(le=0.75)' 0"), "{listed}");
    assert_eq!(made(place.path()), [""; 0]);
    // As other programs do, side by side.
    let shell = |line: &&str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(place.path()).spawn().unwrap()
    };
    let children: Vec<Child> = lines[..3].iter().map(shell).collect();
    assert!(children.into_iter().all(|mut child| child.wait().unwrap().success()));
    assert_eq!(succeed(&compare(place.path(), "", &["--list", "--out", "o"])).lines().count(), 1);
    succeed(&compare(place.path(), "", &["--out", "o"]));
    assert_eq!(made(place.path()).len(), 4);
    succeed(&compare(place.path(), "", &["--out", "here"]));
    let table = |out: &str| fs::read(place.path().join(out).join("table.csv")).unwrap();
    assert!(table("o") == table("here"));
    let message = refused(&run(place.path(), &["run-one", "o", "focal", "0"]));
    assert!(message.contains("there is no \"focal\"; there are ce; el(le=0.75)"), "{message}");
    fs::write(place.path().join("train.py"), SCRIPT.repeat(2)).unwrap();
    let message = refused(&run(place.path(), &["run-one", "o", "ce", "0"]));
    assert!(message.contains("made of other files") && message.contains("train.py"), "{message}");
}

/// Begins it, with the signals that a shell in the background would have it ignore.
pub fn start(mut program: Command) -> Child {
    use std::os::unix::process::CommandExt;
    // Safety: a call that is allowed between fork and exec.
    unsafe {
        program.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        });
    }
    program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until there are `lines` in `children.txt`, and returns the numbers of the processes.
pub fn children(place: &Path, lines: usize) -> Vec<i32> {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(place.join("children.txt")).unwrap_or_default();
        if text.lines().count() == lines && text.ends_with('\n') {
            return text.split_whitespace().map(|word| word.parse().unwrap()).collect();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "they never come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process is there, and no mere number that nobody has asked for yet.
pub fn is_alive(process: i32) -> bool {
    let path = PathBuf::from(format!("/proc/{process}/stat"));
    let stat = fs::read_to_string(path).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[cfg(target_os = "linux")]
#[test]
fn no_child_outlives_the_program() {
    for signal in ["-TERM", "-INT", "-KILL"] {
        let place = place();
        let words = "python3 train.py {loss} {seed} {out} sleep";
        let mut program = start(command(place.path(), &arguments(words, &["--jobs", "2"])));
        let processes = children(place.path(), 2);
        assert!(processes.len() == 4 && processes.iter().all(|process| is_alive(*process)));
        let began = Instant::now();
        let killed = Command::new("kill").args([signal, &program.id().to_string()]).status();
        assert!(killed.unwrap().success());
        let code = program.wait().unwrap().code();
        assert_eq!(code, if signal == "-KILL" { None } else { Some(130) });
        while processes.iter().any(|process| is_alive(*process)) {
            assert!(began.elapsed() < Duration::from_secs(5), "{signal}: {processes:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        if signal == "-TERM" {
            let mut said = String::new();
            std::io::Read::read_to_string(&mut program.stderr.take().unwrap(), &mut said).unwrap();
            assert!(said.contains("this goes on with it:\n"), "{said}");
        }
    }
}

/// Killed at any moment and called again, it ends with the same table, and nothing is trained twice that
/// was finished.
#[cfg(target_os = "linux")]
#[test]
fn killed_at_random_moments_it_ends_with_the_same_table() {
    kill_at_random_moments(8);
}

/// More moments: `make soak`. An idle machine takes two minutes for thirty of them; what does not end in
/// [`PATIENCE`] is ended, and has failed.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes two minutes: make soak"]
fn killed_at_many_random_moments_it_ends_with_the_same_table() {
    kill_at_random_moments(30 * crate::program::place::soak());
}

/// How long six runs, killed or not, may take on a busy machine.
#[cfg(target_os = "linux")]
const PATIENCE: Duration = Duration::from_secs(300);

/// How the program ends, which it has to.
#[cfg(target_os = "linux")]
fn end(program: &mut Child) -> std::process::ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = program.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > PATIENCE {
            program.kill().unwrap();
            panic!("the program does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends signals to the program, and SIGKILL to a single one of its children as well.
#[cfg(target_os = "linux")]
fn kill_at_random_moments(times: usize) {
    let place = place();
    let words = "python3 train.py {loss} {seed} {out}";
    let start = |out: &str| {
        let more = ["--seeds", "3", "--jobs", "2", "--out", out];
        let mut program = command(place.path(), &arguments(words, &more));
        // Nobody reads it here.
        program.arg("--quiet");
        start(program)
    };
    let began = Instant::now();
    assert!(end(&mut start("whole")).success());
    let took = began.elapsed();
    let (mut kills, mut children) = (0, 0);
    let finished = |out: &str| {
        let find = |loss: &str| {
            (0..3).map(|seed| format!("{out}/{loss}/seed={seed}/manifest.json")).collect::<Vec<_>>()
        };
        let all = [find("ce"), find("el_le=0.75")].concat();
        all.iter().filter(|path| place.path().join(path).is_file()).count()
    };
    for (at, how) in ["-KILL", "-TERM", "-INT", "child"].iter().cycle().take(times).enumerate() {
        let out = format!("out{at}");
        let mut program = start(&out);
        std::thread::sleep(took.mul_f64(crate::program::place::random()));
        let is_running = program.try_wait().unwrap().is_none();
        let commands = || commands_in(&place.path().join(&out));
        let target = match *how {
            // Between two of them there is none: then nothing is killed.
            "child" => commands().first().copied(),
            _ => Some(program.id().cast_signed()),
        };
        if let Some(target) = target {
            let signal = if *how == "child" { "-KILL" } else { how };
            let mut kill = Command::new("kill");
            kill.args([signal, &target.to_string()]).stderr(Stdio::null()).status().unwrap();
            kills += usize::from(is_running && *how != "child");
            children += usize::from(is_running && *how == "child");
        }
        let code = end(&mut program).code();
        // Of a single run that is killed it says so, and goes on.
        assert!(*how != "child" || matches!(code, Some(0 | 1)), "{code:?}");
        let ended = Instant::now();
        while !commands().is_empty() {
            assert!(ended.elapsed() < Duration::from_secs(5), "{how}: {:?}", commands());
            std::thread::sleep(Duration::from_millis(5));
        }
        let (done, before) = (finished(&out), made(place.path()).len());
        assert!(end(&mut start(&out)).success(), "{how}");
        assert_eq!(made(place.path()).len() - before, 6 - done, "{how}");
        let table = |out: &str| fs::read(place.path().join(out).join("table.csv")).unwrap();
        assert!(table(&out) == table("whole"), "{how}");
    }
    println!(
        "{kills} kills of the program and {children} of one of its commands, {} comparisons that had ended by \
         themselves or had no command to kill, {:.0} s",
        times - kills - children,
        began.elapsed().as_secs_f64()
    );
}

/// The processes that belong to runs of the comparison in the folder `out`, by what their environment
/// says.
#[cfg(target_os = "linux")]
fn commands_in(out: &Path) -> Vec<i32> {
    let run = format!("STEEPNESS_RUN={}/", out.display());
    let is_of_run = |process: &i32| {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|one| one.starts_with(run.as_bytes()))
    };
    let all = fs::read_dir("/proc").unwrap();
    let process =
        |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    let found = all.filter_map(process).filter(is_of_run);
    found.filter(|process| is_alive(*process)).collect()
}

/// `cargo test … -- --ignored --nocapture overhead` says it.
#[test]
#[ignore = "measures, and takes half a minute"]
fn the_overhead_of_many_short_runs() {
    let place = tempfile::tempdir().unwrap();
    let script =
        "sleep 0.1; echo '{\"score\": '$STEEPNESS_SEED'}' > \"$STEEPNESS_RUN/metrics.json\"";
    fs::write(place.path().join("run.sh"), script).unwrap();
    let began = Instant::now();
    for seed in 0..20 {
        let run = place.path().to_str().unwrap();
        let mut shell = Command::new("sh");
        shell.arg("run.sh").current_dir(place.path());
        shell.env("STEEPNESS_RUN", run).env("STEEPNESS_SEED", seed.to_string());
        assert!(shell.status().unwrap().success());
    }
    let alone = began.elapsed().as_secs_f64() / 20.0;
    let began = Instant::now();
    let more = ["compare", "--run", "sh run.sh", "--vary", "x=1,2", "--seeds", "100"];
    succeed(&run(place.path(), &more));
    let each = began.elapsed().as_secs_f64() / 200.0;
    println!("{:.1} ms a run, {:.1} ms without the program", 1e3 * each, 1e3 * alone);
    assert!(each - alone < 0.02, "{each} s, {alone} s alone");
}
