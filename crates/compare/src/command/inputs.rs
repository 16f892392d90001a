//! The files that decide what a command does: those that it names itself, such as its script, and those
//! that its user declares.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::recipe::CommandRecipe;
use super::words::placeholders;
use crate::{Error, Origin, Result, Stop};

/// As messages call them.
const KEY: &str = "input";

/// All of them; none that lies in `out`, where runs write.
///
/// # Errors
/// A directory that is not there; a pattern that makes no sense, or that no file matches; once `stop` is
/// set, [`Error::Interrupted`].
pub fn origins(recipe: &CommandRecipe, out: &Path, stop: Stop) -> Result<Vec<Origin>> {
    let directory = &recipe.run.directory;
    if !directory.is_dir() {
        let path = directory.display();
        return Err(Error::Request(format!("the command is to run in {path}, which is no folder")));
    }
    let mut files: BTreeSet<PathBuf> = named(recipe);
    for pattern in &recipe.run.inputs {
        let found = matching(directory, pattern, stop)?;
        if found.is_empty() {
            return Err(Error::Request(format!(
                "inputs: no file in {} matches {pattern:?}",
                directory.display()
            )));
        }
        files.extend(found);
    }
    let out = std::path::absolute(out).map_err(Error::input(out))?;
    let outside =
        |path: &PathBuf| std::path::absolute(path).is_ok_and(|path| !path.starts_with(&out));
    let files: Vec<PathBuf> = files.into_iter().filter(outside).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let [path, base] = [directory.clone(), directory.clone()];
    Ok(vec![Origin { key: KEY.to_owned(), path, base, files }])
}

/// The words of the command that are files, `--config=FILE` among them.
fn named(recipe: &CommandRecipe) -> BTreeSet<PathBuf> {
    let directory = &recipe.run.directory;
    let words = recipe.run.command.iter().enumerate();
    let fixed = words.filter(|(_, word)| placeholders(word).is_empty());
    let candidates = fixed.flat_map(|(at, word)| {
        let value = word.split_once('=').map(|(_, value)| value);
        let whole = (at > 0 || word.contains('/')).then_some(word.as_str());
        [whole, value].into_iter().flatten().filter(|word| !word.is_empty())
    });
    let paths = candidates.map(|word| directory.join(word));
    paths.filter(|path| path.is_file()).collect()
}

/// The files that match `pattern`; of a folder that does, all that are in it.
fn matching(directory: &Path, pattern: &str, stop: Stop) -> Result<Vec<PathBuf>> {
    let place = || format!("inputs: {pattern:?}: ");
    let search = |pattern: &Path| -> Result<Vec<PathBuf>> {
        let text = pattern.to_str().ok_or_else(|| Error::Request(place() + "not text (UTF-8)"))?;
        let found = glob::glob(text).map_err(|error| Error::refused(place(), error))?;
        found
            .map(|path| {
                // Folders of many files take their time.
                stop.check()?;
                path.map_err(|error| Error::refused(place(), error))
            })
            .collect()
    };
    // Letters of the folder's own name are no pattern.
    let folder = glob::Pattern::escape(&directory.to_string_lossy());
    let mut files = Vec::new();
    for path in search(&Path::new(&folder).join(pattern))? {
        if path.is_dir() {
            let inside = glob::Pattern::escape(&path.to_string_lossy());
            files.extend(search(&Path::new(&inside).join("**/*"))?);
        } else {
            files.push(path);
        }
    }
    files.retain(|path| path.is_file());
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_the_command_names_and_what_is_declared_is_read() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for file in ["train.py", "a.yaml", "data/1.csv", "data/sub/2.csv", "runs/x.csv", "b[1].txt"]
        {
            fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            fs::write(at(file), "").unwrap();
        }
        let names = |command: &str, inputs: &[&str]| {
            let run = super::super::recipe::Run {
                command: super::super::words::split(command).unwrap(),
                directory: place.path().to_owned(),
                inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
                ..Default::default()
            };
            let recipe = CommandRecipe {
                name: "x".to_owned(),
                losses: Vec::new(),
                seeds: vec![0],
                primary: None,
                worth: None,
                tune: None,
                vary: Default::default(),
                run,
                launch: Default::default(),
            };
            let origins = origins(&recipe, &at("runs"), Stop::never())?;
            let files = origins.into_iter().flat_map(|origin| origin.files);
            let name = |path: PathBuf| {
                path.strip_prefix(place.path()).unwrap().to_str().unwrap().to_owned()
            };
            Ok::<_, Error>(files.map(name).collect::<Vec<_>>())
        };
        assert_eq!(
            names("python train.py --c=a.yaml {loss} data", &[]).unwrap(),
            ["a.yaml", "train.py"]
        );
        assert_eq!(names("./train.py", &[]).unwrap().len(), 1);
        assert_eq!(names("python -m train", &[]).unwrap(), [""; 0]);
        assert_eq!(names("true", &["data/*.csv"]).unwrap(), ["data/1.csv"]);
        assert_eq!(names("true", &["data"]).unwrap(), ["data/1.csv", "data/sub/2.csv"]);
        assert_eq!(names("true", &["**/*.csv"]).unwrap(), ["data/1.csv", "data/sub/2.csv"]);
        for (pattern, expected) in [("*.txt2", "no file in"), ("a***", "inputs: \"a***\": ")] {
            let error = names("true", &[pattern]).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
