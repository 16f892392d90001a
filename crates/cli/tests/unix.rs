//! Every command as a citizen of Unix: exit codes, messages of one line, outputs that are closed, full,
//! links or FIFOs, signals, and the folder that it is started in.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::signals::{fifo, send, start_and_wait};
use crate::program::{
    PROGRAM, command, error_text, refused, run, succeed, write_images, write_table,
};
use steepness_lab::data::npy;

/// A place with something for every command, and a finished run.
fn place() -> tempfile::TempDir {
    let place = small_place();
    write_images(&place.path().join("lights"));
    let recipe = "name = \"r\"\nlosses = [\"ce\"]\nseeds = [0]\nepochs = 2\nbatch = 8\nthreads = 1\n\
                  select = \"last\"\nschedule = \"constant\"\n\
                  [data.image-folder]\npath = \"lights\"\nsize = 9\n\
                  [model.mlp]\nhidden = 8\n[optimizer.sgd]\nlr = 0.05\nmomentum = 0.9\n";
    fs::write(place.path().join("recipe.toml"), recipe).unwrap();
    succeed(&run(place.path(), &["compare", "recipe.toml"]));
    place
}

/// The same without a run.
fn small_place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    write_table(&at("rings.csv"), 60);
    npy::write_matrix(&at("l.npy"), &[4.0f32, 0.0, 0.0, 5.0, 1.0, 2.0], 2).unwrap();
    npy::write_vector(&at("y.npy"), &[0i64, 1, 0]).unwrap();
    npy::write_vector(&at("wrong.npy"), &[0i64, 7, 0]).unwrap();
    fs::write(at("a.txt"), "a dog runs\n").unwrap();
    fs::write(at("two.txt"), "a dog runs\nand sleeps\n").unwrap();
    place
}

const RUN: &str = "runs/r/ce/seed=0";

/// What every command does when all is well.
const FINE: [&[&str]; 16] = [
    &[
        "attack",
        RUN,
        "--attack",
        "fgsm",
        "--epsilons",
        "0,0.1",
        "--examples",
        "4",
        "--threads",
        "1",
    ],
    &["bleu", "--hyp", "a.txt", "--ref", "a.txt"],
    &["compare", "recipe.toml"],
    &["completions", "bash"],
    &["curves", "--out", "curves"],
    &["data", "check", "lights"],
    &["data", "check", "rings.csv", "--json"],
    &["data", "get"],
    &["loss", "ce", "--logits", "l.npy", "--targets", "y.npy", "--grad", "g.npy"],
    &["man"],
    &["man", "--out", "man"],
    &["measure", "--logits", "l.npy", "--labels", "y.npy", "--out", "measured"],
    &["predict", RUN, "lights/dark/0.png"],
    &["report", "runs/r"],
    &["runs"],
    &["--help"],
];

/// What is refused, and how the message begins or what is in it.
const WRONG: [(&[&str], &str); 49] = [
    (&["attack", "nothing"], "nothing"),
    (&["attack", RUN, "--epsilons", "1,0", "--out", "x"], "must ascend"),
    (&["attack", RUN, "--threads", "5000"], "threads = 5000 is above 1024; this machine has"),
    (&["bleu", "--hyp", "nothing", "--ref", "a.txt"], "cannot read nothing"),
    (&["bleu", "--hyp", "two.txt", "--ref", "a.txt"], "two.txt has 2 lines, a.txt has 1"),
    (&["bleu", "--hyp", "l.npy", "--ref", "a.txt"], "l.npy"),
    (&["compare", "nothing.toml"], "cannot read nothing.toml"),
    (
        &["compare", "rings.csv"],
        "rings.csv is a table, not a recipe: steepness compare --data \
        rings.csv --target COLUMN",
    ),
    (
        &["compare", "lights"],
        "lights is a folder of images, not a recipe: steepness compare --data lights",
    ),
    (&["compare", "curves"], "curves is a folder, not a recipe"),
    (&["compare", "--data", "rings.csv"], "--target"),
    (&["compare", "--data", "rings.csv", "--target", "rign"], "did you mean \"ring\"?"),
    (
        &["compare", "--data", "rings.csv", "--target", "ring", "--ignore", "Nmae"],
        "did you mean \"name\"?",
    ),
    (&["compare", "--loss", "cross_entropy"], "did you mean ce?"),
    (&["compare", "--loss", "ce", "--loss", "el(0.5)"], "did you mean el(le=0.5)?"),
    (&["compare", "--lr", "0", "--out", "x"], "must be above 0"),
    (&["compare", "--lr", "0.1", "--sweep", "lr=0.1,0.2", "--out", "x"], "choose one"),
    (&["compare", "--epochs", "0"], "--epochs <EPOCHS>': it is a whole number from 1"),
    (&["compare", "--epochs", "-3"], "--epochs <EPOCHS>': it is a whole number from 1"),
    (&["compare", "--batch", "1.5"], "--batch <N>': it is a whole number from 1"),
    (&["compare", "--seeds", "-1"], "--seeds <COUNT|LIST>': it is a whole number from 1 to 10000"),
    (&["compare", "--seeds", "1,x"], "each in the list is a whole number, not \"x\""),
    (&["measure", "--neighbours", "-1"], "--neighbours <K>': it is a whole number from 1"),
    (&["measure", "--many-above", "x"], "--many-above <N>': it is a whole number from 0"),
    (&["loss", "ce", "--ignore-index", "1.5"], "--ignore-index <INTEGER>': it is a whole number"),
    (&["loss", "ce", "--epoch", "0"], "--epoch <E>': it is a whole number from 1"),
    (&["bleu", "--chrf", "3"], "--chrf [<WORDS>]': it is a whole number from 0 to 2"),
    (&["compare", "--lr", "-1"], "--lr <RATE>': it must be above 0"),
    (&["compare", "--jobs", "9999"], "--jobs <N>': it is a whole number from 1 to 1024"),
    // Before the data are looked at, which are not there.
    (&["compare", "--data", "nothing", "--loss", "elle"], "did you mean el?"),
    (&["compare", "--data", "nothing", "--primary", "acuracy"], "did you mean accuracy?"),
    (&["compare", "--data", "nothing", "--lr", "0"], "must be above 0"),
    (&["attack", RUN, "--attack", "pgdd"], "did you mean pgd?"),
    (&["comprae"], "compare"),
    (&["completions", "cmd"], "bash"),
    (&["curves", "--out", "a.txt"], "a.txt is a file"),
    (&["curves", "--out", "x", "--loss", "focal(2)"], "did you mean focal(gamma=2)?"),
    (&["data", "check", "nothing"], "cannot read nothing"),
    (&["data", "get", "mnits"], "did you mean mnist?"),
    (&["loss", "ce", "--logits", "nothing.npy", "--targets", "y.npy"], "cannot read nothing.npy"),
    (
        &["loss", "ce", "--logits", "l.npy", "--targets", "wrong.npy"],
        "wrong.npy: target 7 in row 1",
    ),
    (
        &["loss", "ce + label_smoothing(0.1)", "--logits", "l.npy", "--targets", "y.npy"],
        "did you mean \
        smooth(0.1)?",
    ),
    (&["measure", "--logits", "l.npy", "--labels", "wrong.npy"], "wrong.npy: label 7 in row 1"),
    (&["measure", "--logits", "a.txt", "--labels", "y.npy"], "a.txt"),
    (&["predict", RUN, "a.txt"], "a.txt"),
    (&["report", "nothing"], "nothing"),
    (&["runs", "nothing"], "nothing"),
    (&["translate", RUN, "a.txt"], RUN),
    (&["translate", "nothing", "a.txt"], "nothing"),
];

#[test]
fn every_command_ends_with_a_code_and_a_line() {
    let place = place();
    for arguments in FINE {
        let output = run(place.path(), arguments);
        assert!(!succeed(&output).is_empty(), "{arguments:?}");
    }
    for (arguments, part) in WRONG {
        let output = run(place.path(), arguments);
        let message = error_text(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(
            message.starts_with("error: ") && message.contains(part),
            "{arguments:?}: {message}"
        );
        // Those of the command line end with how it is used; a spec is shown with its place.
        let long = message.contains("--help") || message.contains("loss spec");
        assert!(long || message.lines().count() == 1, "{arguments:?}: {message}");
    }
    assert!(!place.path().join("x").exists());
}

/// The same results, and nothing is said of it.
#[test]
fn a_closed_or_full_standard_error_ends_nothing() {
    let place = place();
    let (full, wrong) =
        (File::options().write(true).open("/dev/full").unwrap(), ["curves", "--out", "a.txt"]);
    for arguments in FINE.into_iter().chain([&wrong[..]]) {
        let usual = run(place.path(), arguments);
        let closed = {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            Stdio::from(writer)
        };
        for stderr in [closed, full.try_clone().unwrap().into()] {
            let mut command = command(place.path(), arguments);
            let output = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
            let output = output.wait_with_output().unwrap();
            assert_eq!(output.status.code(), usual.status.code(), "{arguments:?}");
            assert_eq!(output.stdout.len(), usual.stdout.len(), "{arguments:?}");
        }
    }
    // A whole comparison, with warnings and lines of its progress.
    let mut command = command(place.path(), &["compare", "recipe.toml", "--out", "again"]);
    assert_eq!(command.stderr(full).output().unwrap().status.code(), Some(0));
}

#[test]
fn a_full_standard_output_is_an_error_and_a_closed_one_is_none() {
    let place = place();
    for arguments in FINE {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = command(place.path(), arguments);
        let output = command.stdout(full).output().unwrap();
        let message = error_text(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.ends_with("No space left on device (os error 28)\n"), "{message}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", error_text(&output));
    }
}

#[test]
fn quiet_is_quiet_and_errors_are_still_said() {
    let place = place();
    for arguments in FINE {
        let loud = run(place.path(), arguments);
        let output = run(place.path(), &[arguments, &["--quiet"]].concat());
        assert_eq!(error_text(&output), "", "{arguments:?}");
        assert_eq!(
            output.stdout.len(),
            loud.stdout.len() + if arguments[0] == "compare" { 8 } else { 0 }
        );
    }
    let quiet = ["compare", "--data", "rings.csv", "--target", "ring", "--epochs", "2", "-q"];
    let more = ["--loss", "ce", "--seeds", "1", "--lr", "0.1", "--batch", "9"];
    let output = run(place.path(), &[&quiet[..], &more].concat());
    assert_eq!((error_text(&output).as_str(), output.status.code()), ("", Some(0)));
    let recipe = fs::read_to_string(place.path().join("runs/rings/comparison.toml")).unwrap();
    for line in ["epochs = 2\n", "lr = 0.1\n", "batch = 9\n"] {
        assert!(recipe.contains(line), "{recipe}");
    }
    assert!(!refused(&run(place.path(), &["data", "check", "nothing", "--quiet"])).is_empty());
}

/// Where nothing can be drawn: a beginning, and a line a run; of the epochs one every few seconds.
#[test]
fn a_log_stays_short() {
    let place = place();
    let more = ["--out", "log", "--epochs", "200", "--seeds", "2"];
    let start = Instant::now();
    let output = run(place.path(), &[&["compare", "recipe.toml"], &more[..]].concat());
    succeed(&output);
    let said = error_text(&output);
    let epochs = said.lines().filter(|line| line.contains(": epoch ")).count();
    assert!(epochs as u64 <= start.elapsed().as_secs() / 5, "{said}");
    assert_eq!(said.lines().filter(|line| line.contains("test accuracy")).count(), 2, "{said}");
    assert!(said.lines().count() - epochs < 12, "{said}");
}

#[test]
fn names_cannot_move_the_cursor() {
    let place = small_place();
    let at = |name: &str| place.path().join(name);
    let evil = "\x1b[2J\x1b]0;owned\x07\u{9b}31mx\nerror: forged";
    fs::write(at(&format!("{evil}.csv")), "").unwrap();
    fs::write(at("columns.csv"), "a,\"\x1b[31mb\"\n1,2\n3,4\n").unwrap();
    fs::write(at("key.toml"), "\"\\u001b[31mkey\" = 1\n").unwrap();
    fs::write(at("value.toml"), "name = \"\\u001b[31m\"\n").unwrap();
    let file = format!("{evil}.csv");
    for arguments in [
        &["data", "check", &file][..],
        &["data", "check", evil],
        &["compare", "--data", "columns.csv", "--target", "c"],
        &["compare", "--data", "columns.csv"],
        &["compare", "--data", "columns.csv", "--target", evil],
        &["compare", "key.toml"],
        &["compare", "value.toml"],
        &["compare", evil],
        &["loss", evil, "--logits", "l.npy", "--targets", "y.npy"],
        &["loss", "ce", "--logits", evil, "--targets", "y.npy"],
        &["measure", "--logits", "l.npy", "--labels", evil],
        &["bleu", "--hyp", evil, "--ref", evil],
        &["predict", evil, evil],
        &["attack", evil],
        &["data", "get", evil],
        &["curves", "--out", "x", "--loss", evil],
        &[evil],
        &["compare", evil, evil],
        &[&format!("--{evil}")],
    ] {
        let output = run(place.path(), arguments);
        let message = error_text(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message:?}");
        let moves = message.contains(|c: char| c.is_control() && c != '\n');
        assert!(!moves, "{arguments:?}: {message:?}");
    }
}

#[test]
fn outputs_are_written_through() {
    let place = small_place();
    let at = |name: &str| place.path().join(name);
    const LOSS: [&str; 7] = ["loss", "ce", "--logits", "l.npy", "--targets", "y.npy", "--grad"];
    fn to(path: &str) -> Vec<&str> {
        [&LOSS[..], &[path]].concat()
    }
    succeed(&run(place.path(), &to("g.npy")));
    let gradient = fs::read(at("g.npy")).unwrap();
    symlink("far.npy", at("link.npy")).unwrap();
    succeed(&run(place.path(), &to("link.npy")));
    assert!(at("link.npy").is_symlink());
    assert_eq!(fs::read(at("far.npy")).unwrap(), gradient);

    fifo(&at("fifo.npy"));
    let writer = command(place.path(), &to("fifo.npy")).stdout(Stdio::null()).spawn().unwrap();
    assert_eq!(fs::read(at("fifo.npy")).unwrap(), gradient);
    assert!(writer.wait_with_output().unwrap().status.success());
    succeed(&run(place.path(), &to("/dev/null")));
    assert!(!fs::symlink_metadata("/dev/null").unwrap().is_file());

    let output = run(place.path(), &to("/dev/full"));
    assert_eq!(output.status.code(), Some(1));
    assert!(error_text(&output).starts_with("error: cannot write /dev/full: No space left"));
    let output = run(place.path(), &to("/dev/stdout"));
    assert!(output.stdout.starts_with(&gradient) && output.status.success());
}

#[test]
fn a_limit_on_files_is_an_error() {
    let place = small_place();
    let shell = "ulimit -f 0; exec \"$0\" loss ce --logits l.npy --targets y.npy --grad g.npy";
    let output = shell_command(place.path(), shell).output().unwrap();
    let message = error_text(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_eq!(message, "error: cannot write g.npy: File too large (os error 27)\n");
    assert!(!place.path().join("g.npy.part").exists());
}

#[test]
fn a_signal_ends_any_command() {
    let place = small_place();
    fifo(&place.path().join("fifo"));
    for arguments in [
        &["bleu", "--hyp", "fifo", "--ref", "a.txt"][..],
        &["compare", "fifo"],
        &["loss", "ce", "--logits", "fifo", "--targets", "y.npy"],
        &["measure", "--logits", "fifo", "--labels", "y.npy"],
    ] {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            let child = start_and_wait(command(place.path(), arguments));
            send(&child, signal);
            let output = child.wait_with_output().unwrap();
            let message = error_text(&output);
            assert_eq!(output.status.code(), Some(130), "{arguments:?}: {message}");
            assert_eq!(message, "error: interrupted\n", "{arguments:?}");
        }
    }
}

/// As under nohup.
#[test]
fn a_signal_that_is_ignored_stays_so() {
    let place = small_place();
    fifo(&place.path().join("fifo"));
    let shell = "trap '' HUP; exec \"$0\" bleu --hyp fifo --ref a.txt";
    let mut child = start_and_wait(shell_command(place.path(), shell));
    send(&child, libc::SIGHUP);
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none());
    fs::write(place.path().join("fifo"), "a dog runs\n").unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_folder_that_is_gone_is_an_error_of_ours() {
    let place = small_place();
    let gone = |rest: &str| {
        let shell = format!("mkdir gone && cd gone && rmdir ../gone && exec \"$0\" {rest}");
        shell_command(place.path(), &shell).output().unwrap()
    };
    for rest in ["compare", "loss ce --logits ../l.npy --targets ../y.npy", "predict a b"] {
        let message = refused(&gone(rest));
        let part = "the folder that this was started in is not there any more";
        assert!(message.contains(part), "{message}");
    }
    succeed(&gone("completions fish"));
    succeed(&gone("--version"));
}

#[test]
fn no_home_and_no_place_for_temporary_files_are_no_matter() {
    let place = small_place();
    let quick = ["--loss", "ce", "--seeds", "1", "--epochs", "1"];
    let arguments = [&["compare", "--data", "rings.csv", "--target", "ring"], &quick[..]].concat();
    let mut command = command(place.path(), &arguments);
    let output = command.env_remove("HOME").env("TMPDIR", "/nowhere").output().unwrap();
    succeed(&output);
}

#[test]
fn shells_and_man_read_what_is_made_for_them() {
    let place = tempfile::tempdir().unwrap();
    let script = succeed(&run(place.path(), &["completions", "bash"]));
    fs::write(place.path().join("script"), &script).unwrap();
    let check = Command::new("bash").args(["-n", "script"]).current_dir(place.path()).status();
    assert!(check.unwrap().success());
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let script = succeed(&run(place.path(), &["completions", shell]));
        assert!(script.contains("on-nan") && script.contains("translate"), "{shell}");
    }
    let page = succeed(&run(place.path(), &["man"]));
    let pages = succeed(&run(place.path(), &["man", "--out", "pages"]));
    for command in
        ["attack", "bleu", "compare", "curves", "data check", "loss", "measure", "predict"]
    {
        let title = format!(".SH \"STEEPNESS {}\"\n", command.to_uppercase());
        assert!(page.contains(&title), "{title}");
        let name = format!("pages/steepness-{}.1\n", command.replace(' ', "-"));
        assert!(pages.contains(&name), "{name}");
        assert!(fs::metadata(place.path().join(name.trim_end())).unwrap().len() > 500);
    }
    assert!(page.contains("\\-\\-checkpoint\\-every"));
}

/// `shell` with the program as its $0.
fn shell_command(folder: &Path, shell: &str) -> Command {
    let mut command = Command::new("sh");
    command.current_dir(folder).args(["-c", shell, PROGRAM]);
    command
}
