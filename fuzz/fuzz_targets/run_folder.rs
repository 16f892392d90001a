//! The folder of a finished run, damaged: between marks, each a letter that chooses a file and how it
//! is edited, or in upper case what it holds instead. Whatever that is, asking the run about an
//! example, reading it back and putting it into a table gives an answer or an error.
//!
//! The folder is that of an older version, which had no manifest: with one, hardly any damage would
//! come further than its hash. An input that begins with '!' keeps it.
#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Place, edited, one_thread, parts, refused};
use steepness_lab::compare::launch::Launch;
use steepness_lab::compare::{self, Comparison, Result, Run, RunDir, RunFiles};
use steepness_lab::experiment::{LabReader, Options, Predictor, Recipe, compare};
use steepness_lab::report;
use tch::Device;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("run"));
static FINISHED: LazyLock<Finished> = LazyLock::new(Finished::new);

/// What an older version did not write.
const NEWER: [&str; 2] = ["manifest.json", "data-hashes.json"];

/// A run that nothing has happened to yet.
struct Finished {
    comparison: Comparison,
    run: PathBuf,
    table: PathBuf,
    /// The files of its folder.
    good: BTreeMap<String, Vec<u8>>,
}

impl Finished {
    fn new() -> Self {
        let row = |at: usize| format!("{},{},{}\n", at % 7, at * 5 % 11, at % 2);
        let text = "x,z,y\n".to_owned() + &(0..40).map(row).collect::<String>();
        let table = PLACE.put("t.csv", text.as_bytes());
        let recipe = format!(
            "name = \"t\"\nlosses = [\"ce\", \"el\"]\nseeds = [0]\nepochs = 2\nbatch = 8\nthreads = 1\n\
             select = \"last\"\nschedule = \"constant\"\n[data.table]\npath = {:?}\n\
             [model.mlp]\nhidden = 4\n[optimizer.sgd]\nlr = 0.1\nmomentum = 0.9\n",
            table.to_str().expect("plain")
        );
        let recipe = Recipe::parse(&PLACE.path("t.toml"), &recipe, None).expect("a recipe");
        let out = PLACE.path("runs");
        let options = Options {
            runs: compare::Options {
                jobs: Some(1),
                stop: &AtomicBool::new(false),
                terminal: false,
                fresh: false,
                keep_going: false,
            },
            device: Device::Cpu,
            checkpoint_every: Duration::from_secs(60),
            tensorboard: false,
            remarks: false,
        };
        let (comparison, _) = compare(&recipe, &out, &Launch::default(), &options).expect("it can be learned");
        let setting = &recipe.settings().expect("two losses")[0];
        let run = RunDir::new(&out, setting, 0).path().to_owned();
        let mut good = BTreeMap::new();
        for entry in fs::read_dir(&run).expect("our folder").flatten() {
            if entry.path().is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                good.insert(name, fs::read(entry.path()).expect("our file"));
            }
        }
        Self { comparison, run, table, good }
    }
}

fuzz_target!(init: one_thread(), |data: &[u8]| {
    let all = &*FINISHED;
    let (older, data) = match data {
        [b'!', rest @ ..] => (false, rest),
        _ => (true, data),
    };
    let mut now: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for part in parts(data) {
        let Some((&choice, edit)) = part.split_first() else { continue };
        let at = usize::from(choice.to_ascii_lowercase().wrapping_sub(b'a')) % all.good.len();
        let (name, good) = all.good.iter().nth(at).expect("below their number");
        let before = now.get(name.as_str()).unwrap_or(good);
        let after = match choice.is_ascii_uppercase() {
            true => edit.to_vec(),
            false => edited(before, edit),
        };
        now.insert(name, after);
    }
    let path = |name: &str| all.run.join(name);
    now.iter().for_each(|(name, bytes)| fs::write(path(name), bytes).expect("room in memory"));
    for name in NEWER {
        match older {
            true => drop(fs::remove_file(path(name))), // it may be gone already
            false if now.contains_key(name) => {}
            false => fs::write(path(name), &all.good[name]).expect("room in memory"),
        }
    }
    look(all, data.len() % 64 == 0);
    now.keys().for_each(|name| fs::write(path(name), &all.good[*name]).expect("room in memory"));
});

/// Everything that a folder of a run is asked for; the whole page only if `all_of_it`.
fn look(all: &Finished, all_of_it: bool) {
    match Predictor::load(&all.run, Device::Cpu) {
        // What it says then may be an error of any kind: numbers that are not finite.
        Ok(predictor) => drop(predictor.predict(std::slice::from_ref(&all.table))),
        Err(error) => refused(&error),
    }
    match read(&all.run) {
        Ok(run) => {
            let mut comparison = all.comparison.clone();
            comparison.groups[0].runs = vec![run];
            let _ = report::table_text(&comparison);
            let _ = report::table_json(&comparison);
            if all_of_it {
                report::write(&comparison, "", &PLACE.path("report")).expect("room in memory");
            }
        }
        Err(error) => refused(&error.into()),
    }
}

/// As a report reads it.
fn read(path: &Path) -> Result<Run> {
    let files = RunFiles::of_finished(path)?;
    files.validate(&LabReader)?;
    let plan = files.plan(&LabReader)?;
    files.run(&plan, files.classes()?.len())
}
