//! What is ours in the folder of a comparison: its runs, and what was left half written.

use std::fs;
use std::path::{Path, PathBuf};

use super::layout::{
    CONTENT, FEATURES, FOLDERS, LOCK, LOG, MANIFEST, MARKER, OOD, OUTPUT, STATUS, TEST, is_result,
};
use crate::{Error, Result, durable};

/// Where runs go that do not belong to their comparison any more.
const ASIDE: &str = "replaced";

/// The report's files, and what the names of those of its panels begin with; its figures are .svg and .csv in a folder of their own.
const REPORT: [&str; 6] =
    ["report.html", "table.md", "table.csv", "ood.csv", "verdicts.csv", "tuning.csv"];
const PANELS: [&str; 3] = ["table-", "ood-", "verdicts-"];

/// The folders of the runs of the comparison in `out`, in the order of their names: `LOSS/seed=0`,
/// `LOSS/lr=0.1/seed=0` or `LOSS/NAME=VALUE/seed=0`, where there is anything of a run in them.
///
/// # Errors
/// A folder that cannot be read.
pub fn runs(out: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for loss in folders(out)?.into_iter().filter(|path| !path.ends_with(ASIDE)) {
        for inner in folders(&loss)? {
            let name = name(&inner);
            if name.starts_with("seed=") {
                found.push(inner);
            } else if name.contains('=') {
                let seeds = folders(&inner)?.into_iter();
                found.extend(seeds.filter(|path| self::name(path).starts_with("seed=")));
            }
        }
    }
    let mut runs = Vec::new();
    for run in found {
        if entries(&run)?.iter().any(|entry| is_of_run(&name(entry))) {
            runs.push(run);
        }
    }
    Ok(runs)
}

/// Moves what is ours of `runs` to a new folder in that of the comparison, `out`, and returns it. What
/// is not ours stays where it is.
///
/// # Errors
/// Names the path that cannot be moved.
pub fn set_aside(out: &Path, runs: &[PathBuf]) -> Result<PathBuf> {
    let aside = (1..).map(|number: u64| out.join(ASIDE).join(number.to_string()));
    let aside = aside.into_iter().find(|path| !path.exists()).unwrap_or_else(|| out.join(ASIDE));
    for run in runs {
        let to = aside.join(run.strip_prefix(out).unwrap_or(run));
        fs::create_dir_all(&to).map_err(Error::output(&to))?;
        // Whatever lies beside what a command printed, it has put there.
        let whole = run.join(LOG).exists();
        for entry in entries(run)?.into_iter().filter(|entry| whole || is_of_run(&name(entry))) {
            let to = to.join(name(&entry));
            fs::rename(&entry, &to).map_err(Error::output(&to))?;
        }
        // What is left in them is not ours.
        for folder in run.ancestors().take_while(|folder| *folder != out) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
    Ok(aside)
}

/// Removes what processes that were killed left half written in the comparison's folder `out`, which is
/// ours alone.
///
/// # Errors
/// Names the path that cannot be removed.
pub fn remove_leftovers(out: &Path) -> Result<()> {
    let of_panel =
        |name: &str| name.ends_with(".csv") && PANELS.iter().any(|start| name.starts_with(start));
    let of_comparison =
        |name: &str| [MARKER, CONTENT].contains(&name) || REPORT.contains(&name) || of_panel(name);
    remove_parts(out, &of_comparison)?;
    let figures = out.join("figures");
    if figures.is_dir() {
        remove_parts(&figures, &|name| name.ends_with(".svg") || name.ends_with(".csv"))?;
    }
    for run in runs(out)? {
        remove_parts(&run, &is_of_run)?;
        for stage in ["", "crt", "probe"].map(|stage| run.join(stage)) {
            if stage.is_dir() {
                remove_parts(&stage, &is_of_run)?;
            }
            let checkpoints = stage.join("checkpoint");
            if checkpoints.is_dir() {
                remove_parts(&checkpoints, &|name| name.starts_with("step-"))?;
            }
        }
    }
    Ok(())
}

/// Removes the files and folders of `folder` that were being written and are `ours` under their names.
fn remove_parts(folder: &Path, ours: &dyn Fn(&str) -> bool) -> Result<()> {
    for entry in entries(folder)? {
        let name = name(&entry);
        if whole_name(&name).is_some_and(ours) {
            match entry.is_dir() && !entry.is_symlink() {
                true => durable::remove_folder(&entry)?,
                false => fs::remove_file(&entry).map_err(Error::output(&entry))?,
            }
        }
    }
    Ok(())
}

/// The name that a file would have got which is written under `name`: "a" of "a.part" and "a.7.part".
fn whole_name(name: &str) -> Option<&str> {
    let whole = name.strip_suffix(".part")?;
    Some(match whole.rsplit_once('.') {
        Some((rest, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => whole,
    })
}

/// Whether `name` is that of something of a run.
fn is_of_run(name: &str) -> bool {
    let whole = whole_name(name).unwrap_or(name);
    is_result(whole)
        || whole == MANIFEST
        || FOLDERS.contains(&whole)
        || [LOG, LOCK, OOD, FEATURES, STATUS, OUTPUT, TEST].contains(&whole)
        || whole.starts_with("events.out.tfevents")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folders in `folder`, none of them behind a symbolic link, in the order of their names.
///
/// # Errors
/// A folder that cannot be read.
pub fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_folder = |path: &PathBuf| path.is_dir() && !path.is_symlink();
    Ok(entries(folder)?.into_iter().filter(is_folder).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::input(folder))?;
    let path = |entry: std::io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.path()).map_err(Error::input(folder))
    };
    let mut found = entries.map(path).collect::<Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn only_what_is_ours_is_moved() {
        let files = [
            "ce/seed=0/recipe.toml",
            "ce/seed=0/checkpoint/step-1/a",
            "ce/seed=0/notes.txt",
            "el/lr=0.1/seed=2/recipe.toml",
            "el/lr=0.1/seed=3/mine.txt",
            "replaced/1/ce/seed=0/recipe.toml",
            "photos/seed.txt",
        ];
        let folder = folder(&files);
        let out = folder.path();
        let found = runs(out).unwrap();
        assert_eq!(found, ["ce/seed=0", "el/lr=0.1/seed=2"].map(|run| out.join(run)));
        assert_eq!(set_aside(out, &found).unwrap(), out.join("replaced/2"));
        for kept in ["ce/seed=0/notes.txt", "el/lr=0.1/seed=3/mine.txt", "photos/seed.txt"] {
            assert!(out.join(kept).exists(), "{kept}");
        }
        for moved in ["ce/seed=0/checkpoint/step-1/a", "el/lr=0.1/seed=2/recipe.toml"] {
            assert!(out.join("replaced/2").join(moved).exists(), "{moved}");
        }
        assert!(!out.join("el/lr=0.1/seed=2").exists());
        assert!(runs(out).unwrap().is_empty());
    }

    #[test]
    fn only_what_is_ours_is_removed() {
        let ours = [
            "comparison.toml.part",
            "report.html.4711.part",
            "figures/map.svg.12.part",
            "ce/seed=0/weights.safetensors.part",
            "ce/seed=0/checkpoint/step-000000003.part/a",
            "ce/seed=0/crt/metrics.jsonl.part",
        ];
        let theirs = ["thesis.part", "ce/seed=0/my.csv.part", "ce/seed=0/recipe.toml", "x/y.part"];
        let folder = folder(&[&ours[..], &theirs[..]].concat());
        remove_leftovers(folder.path()).unwrap();
        for gone in ours {
            assert!(!folder.path().join(gone).exists(), "{gone}");
        }
        for kept in theirs {
            assert!(folder.path().join(kept).exists(), "{kept}");
        }
        assert!(!folder.path().join("ce/seed=0/checkpoint/step-000000003.part").exists());
    }
}
