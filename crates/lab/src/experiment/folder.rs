//! The folder of a comparison: who may write there, and what it belongs to.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::Recipe;
use crate::{Error, Result, durable};

const MARKER: &str = "comparison.toml";
const LOCK: &str = "lock";

/// A comparison's folder, ours alone until it is dropped.
#[derive(Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes `path` the folder of `recipe`, or takes up where an earlier call with the same recipe
    /// stopped. The lists of losses, of seeds and of what is swept may have grown since; nothing else
    /// may have changed.
    ///
    /// # Errors
    /// A folder that holds something else, the folder of another recipe (the message says what
    /// differs), a folder that another process works in (it says which).
    pub fn claim(path: &Path, recipe: &Recipe) -> Result<Self> {
        if let Some(foreign) = foreign(path)? {
            return Err(Error::Request(format!(
                "{} holds something else ({foreign}): nothing is written there; --out names another \
                 folder",
                path.display()
            )));
        }
        fs::create_dir_all(path).map_err(Error::output(path))?;
        let lock = lock(&path.join(LOCK))?;
        let marker = path.join(MARKER);
        let known = marker.try_exists().map_err(Error::output(&marker))?;
        if known {
            let before = Recipe::read(&marker, None)?;
            let differences = differences(&before, recipe);
            if !differences.is_empty() {
                return Err(Error::Request(format!(
                    "{} belongs to another recipe: {}; --out names another folder",
                    path.display(),
                    differences.join("; ")
                )));
            }
        }
        durable::write(&marker, recipe.to_toml().as_bytes())?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The recipe, every setting spelt out.
    pub fn recipe(&self) -> PathBuf {
        self.path.join(MARKER)
    }
}

/// What there is at `path` that is not ours.
fn foreign(path: &Path) -> Result<Option<String>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            return Ok(Some("it is a file".to_owned()));
        }
        Err(error) => return Err(Error::input(path)(error)),
    };
    let mut stranger = None;
    for entry in entries {
        let name = entry.map_err(Error::input(path))?.file_name();
        let name = name.to_string_lossy().into_owned();
        if name == MARKER {
            return Ok(None);
        }
        // What a claim that was cut short leaves behind is ours.
        if name != LOCK && !name.starts_with(MARKER) {
            stranger = Some(name);
        }
    }
    Ok(stranger)
}

/// Takes the lock at `path`, which the system gives back however this process ends.
fn lock(path: &Path) -> Result<File> {
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open.map_err(Error::output(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder); // who it is, where it can be read
            return Err(Error::Request(format!(
                "{} is in use by {}",
                path.parent().unwrap_or(path).display(),
                if holder.is_empty() { "another process" } else { holder.trim() }
            )));
        }
        Err(TryLockError::Error(error)) => return Err(Error::output(path)(error)),
    }
    let note = format!("process {}\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(note.as_bytes()))
        .map_err(Error::output(path))?;
    Ok(file)
}

/// Where `asked` is not `before` with more losses, seeds or values of its sweep.
fn differences(before: &Recipe, asked: &Recipe) -> Vec<String> {
    let mut found = Vec::new();
    let dropped = before.losses.iter().filter(|loss| !asked.losses.contains(loss));
    found.extend(dropped.map(|loss| format!("its loss {loss} was not asked for")));
    let dropped = before.seeds.iter().filter(|seed| !asked.seeds.contains(seed));
    found.extend(dropped.map(|seed| format!("its seed {seed} was not asked for")));
    let grown = match (&before.sweep, &asked.sweep) {
        (Some(before), Some(asked)) if before.key() == asked.key() => {
            let dropped = before.values().iter().filter(|value| !asked.values().contains(value));
            let key = before.key();
            found.extend(dropped.map(|value| format!("its {key} = {value} was not asked for")));
            true
        }
        _ => false,
    };
    let lists = |recipe: &Recipe| Recipe {
        losses: asked.losses.clone(),
        seeds: asked.seeds.clone(),
        sweep: if grown { asked.sweep.clone() } else { recipe.sweep.clone() },
        ..recipe.clone()
    };
    let table = |recipe: Recipe| toml::Value::try_from(recipe).expect("a recipe is a table");
    compare("", Some(&table(lists(before))), Some(&table(lists(asked))), &mut found);
    found
}

/// Descends into tables; names each value that differs by its path.
fn compare(
    path: &str,
    before: Option<&toml::Value>,
    asked: Option<&toml::Value>,
    found: &mut Vec<String>,
) {
    if let (Some(toml::Value::Table(a)), Some(toml::Value::Table(b))) = (before, asked) {
        let only_b = b.keys().filter(|key| !a.contains_key(*key));
        for key in a.keys().chain(only_b) {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(&path, a.get(key), b.get(key), found);
        }
    } else if before != asked {
        let show = |value: Option<&toml::Value>| match value {
            Some(toml::Value::Table(_)) => "set".to_owned(),
            Some(value) => value.to_string(),
            None => "not set".to_owned(),
        };
        found.push(format!("{path} is {} there, {} asked for", show(before), show(asked)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Sweep;
    use crate::train::Schedule;

    fn refused(path: &Path, recipe: &Recipe) -> String {
        let error = Folder::claim(path, recipe).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let recipe = Recipe::embedded().unwrap();
        let file = dir.path().join("thesis.tex");
        fs::write(&file, "x").unwrap();
        assert!(refused(dir.path(), &recipe).contains("holds something else (thesis.tex)"));
        assert!(refused(&file, &recipe).contains("it is a file"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn lists_may_grow_and_nothing_else_may_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let recipe = Recipe::embedded().unwrap();
        let claim = |recipe: &Recipe| Folder::claim(&path, recipe).map(drop);
        claim(&recipe).unwrap();
        claim(&recipe).unwrap();
        let mut more = recipe.clone();
        more.seeds.push(9);
        claim(&more).unwrap();
        assert!(refused(&path, &recipe).contains("its seed 9 was not asked for"));
        let mut less = more.clone();
        let gone = less.losses.pop().unwrap();
        assert!(refused(&path, &less).contains(&format!("its loss {gone} was not asked for")));
        let swept = |values: &[f64]| Recipe {
            sweep: Some(Sweep::Lr(values.to_vec())),
            name: "swept".to_owned(),
            ..recipe.clone()
        };
        let apart = dir.path().join("swept");
        Folder::claim(&apart, &swept(&[0.1])).unwrap();
        Folder::claim(&apart, &swept(&[0.2, 0.1])).unwrap();
        assert!(refused(&apart, &swept(&[0.2])).contains("its lr = 0.1 was not asked for"));
        let le = Recipe { sweep: Some(Sweep::Le(vec![0.1])), ..swept(&[]) };
        assert!(refused(&apart, &le).contains("sweep.lr is [0.2, 0.1] there, not set asked for"));
        let other = Recipe { schedule: Schedule::Constant, threads: 2.try_into().unwrap(), ..more };
        let message = refused(&path, &other);
        assert!(message.contains("threads is 1 there, 2 asked for"), "{message}");
        assert!(message.contains("schedule is set there, \"constant\" asked for"), "{message}");
    }

    #[test]
    fn a_second_process_is_told_who_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let recipe = Recipe::embedded().unwrap();
        let held = Folder::claim(dir.path(), &recipe).unwrap();
        let message = refused(dir.path(), &recipe);
        assert!(
            message.contains(&format!("in use by process {}", std::process::id())),
            "{message}"
        );
        drop(held);
        Folder::claim(dir.path(), &recipe).unwrap();
    }

    #[test]
    fn a_claim_cut_short_is_taken_up() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(LOCK), "process 1").unwrap();
        fs::write(dir.path().join("comparison.toml.part"), "nam").unwrap();
        Folder::claim(dir.path(), &Recipe::embedded().unwrap()).unwrap();
    }
}
