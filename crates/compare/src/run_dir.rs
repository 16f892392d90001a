//! [`RunDir`]: the folder of one run, as it is written.
//!
//! ```text
//! <out>/<loss>[/lr=<rate>]/seed=<k>/   recipe.toml  data-hashes.json  environment.json
//!     classes.json  inputs.json  metrics.jsonl  checkpoint/  weights.safetensors  threshold.json
//!     logits.npy  labels.npy  ood_logits.npy  ood_logits.<name>.npy  map.npy  measure.json
//!     vocabulary.source.json  vocabulary.target.json  test.source.txt  test.translation.txt
//!     test.reference.txt   (of translation, in place of the .npy)
//!     crt/  probe/  events.out.tfevents.steepness   (where asked for)
//!     manifest.json
//!
//! <out>/<loss>[/<name>=<value>,...]/seed=<k>/   (of a command of the user's)
//!     recipe.toml  data-hashes.json  environment.json  log.txt
//!     logits.npy  labels.npy  metrics.json  test/<name>/ ...   (what it leaves: see `command`)
//!     classes.json  measure.json  measure-tests.json  map.npy  manifest.json
//! ```
//!
//! `manifest.json` is written last and knows the size and the SHA-256 of every file beside it: where it
//! is, the run is finished. `data-hashes.json` holds the hashes of the data that it learned from. Runs of
//! earlier versions have neither: they are finished where there is a `measure.json`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::layout::{
    CLASSES, DATA, ENVIRONMENT, LABELS, LOCK, LOGITS, MANIFEST, MAP, MEASURES, RECIPE, TEST,
    further, is_plain, is_result,
};
use super::lock::lock;
use super::{Content, Environment, RecipeReader, RunFiles, RunPlan, Setting};
use crate::manifest::Manifest;
use crate::measure::{FeatureMap, Measures};
use crate::npy;
use crate::{Error, Result, durable};

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
    /// Whether files are flushed to the disk all at once, before the manifest, and not one by one.
    at_once: bool,
}

impl RunDir {
    /// That of `setting` and `seed` in the folder `out`.
    pub fn new(out: &Path, setting: &Setting, seed: u64) -> Self {
        let mut path = out.to_owned();
        if !setting.without_loss {
            path.push(folder_name(&setting.loss.to_string()));
        }
        if let Some(lr) = setting.lr {
            path.push(format!("lr={lr}"));
        }
        if !setting.options.is_empty() {
            let option = |(name, value): &(String, String)| format!("{name}={value}");
            let options: Vec<String> = setting.options.iter().map(option).collect();
            path.push(folder_name(&options.join(",")));
        }
        Self { path: path.join(format!("seed={seed}")), at_once: false }
    }

    /// The folders of the runs of `setting` with `seeds` in the folder `out`.
    pub fn paths(out: &Path, setting: &Setting, seeds: &[u64]) -> Vec<PathBuf> {
        seeds.iter().map(|&seed| Self::new(out, setting, seed).path).collect()
    }

    /// The same for a run that is made whole or not at all: what it is made of is flushed to the disk when
    /// it is finished, which a hundred short runs notice.
    #[must_use]
    pub fn flushed_at_once(&self) -> Self {
        Self { at_once: true, ..self.clone() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock of the run, whose folder is there from now on: it is held as long as what is
    /// returned.
    ///
    /// # Errors
    /// A run that another process makes.
    pub fn lock(&self) -> Result<File> {
        fs::create_dir_all(&self.path).map_err(Error::output(&self.path))?;
        lock(&self.path.join(LOCK))
    }

    /// Whether the run of `plan` on data of this `content` is finished here.
    ///
    /// # Errors
    /// A folder that belongs to another recipe (the message says what differs) or to other data, one
    /// that is damaged, and one that cannot be read.
    pub fn finished(
        &self,
        plan: &RunPlan,
        content: &Content,
        reader: &dyn RecipeReader,
    ) -> Result<bool> {
        let run = RunFiles::at(&self.path)?;
        // What a command has not finished is begun anew, whatever it was.
        if !run.has(RECIPE)? || plan.is_of_command() && !run.is_sealed() {
            return Ok(false);
        }
        let other = |what: String| {
            let anew = "`compare --fresh` makes it anew";
            Err(Error::Request(format!("{} {what}; {anew}", self.path.display())))
        };
        let differences = run.plan(reader)?.differences(plan);
        if !differences.is_empty() {
            let differences = differences.join("; ");
            return other(format!("belongs to a run with another recipe: {differences}"));
        }
        if let Some(before) = run.content()?
            && !before.is_same(content)
        {
            let differences = before.differences(content).join("; ");
            return other(format!("was made with other data: {differences}"));
        }
        run.verify_sizes()?;
        run.is_finished()
    }

    /// Writes what is known before the first step: the text of the run's recipe, the content of its
    /// data, the names of the classes by their numbers, and what it is made with.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn begin(
        &self,
        recipe: &str,
        content: &Content,
        classes: &[String],
        environment: &Environment,
    ) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(Error::output(&self.path))?;
        self.write_json(DATA, &content.brief())?;
        self.write_json(ENVIRONMENT, environment)?;
        // Those of a command are known when it has ended.
        if !classes.is_empty() {
            self.write_json(CLASSES, &classes)?;
        }
        self.write(RECIPE, recipe.as_bytes())
    }

    /// Writes the maps of test examples.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_map(&self, map: &FeatureMap) -> Result<()> {
        let (values, columns) = map.matrix();
        Ok(npy::write_matrix(&self.path.join(MAP), &values, columns)?)
    }

    /// Writes what was measured; the run is then finished.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn finish(&self, measures: &Measures) -> Result<()> {
        self.write_json(MEASURES, measures)?;
        self.seal()
    }

    /// Writes the manifest of what there is.
    ///
    /// # Errors
    /// Names the path that cannot be read or written.
    pub fn seal(&self) -> Result<()> {
        let entries = fs::read_dir(&self.path).map_err(Error::stored(&self.path))?;
        let (mut manifest, mut files) = (Manifest::default(), Vec::new());
        let mut named = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::stored(&self.path))?.path();
            named.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path));
        }
        for set in test_sets(&self.path)? {
            let file = |file: &str| format!("{}/{file}", further(&set));
            named.extend([LOGITS, LABELS].map(|name| (file(name), self.path.join(file(name)))));
        }
        for (name, path) in named {
            if is_result(&name) && path.is_file() {
                let bytes = fs::read(&path).map_err(Error::stored(&path))?;
                manifest.add(&name, &bytes);
                files.push(path);
            }
        }
        if self.at_once {
            flush(&files)?;
        }
        Ok(durable::write(&self.path.join(MANIFEST), &manifest.to_bytes())?)
    }

    /// Writes `value` as JSON into the file `name`.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.path.join(name);
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Error::failed(format!("{}: ", path.display()), error))?;
        self.write(name, (text + "\n").as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        Ok(if self.at_once {
            durable::replace(&path, bytes)
        } else {
            durable::write(&path, bytes)
        }?)
    }
}

/// The names of the further test sets in the folder of a run, in their order; what is called as no set may
/// be is none.
///
/// # Errors
/// A folder that cannot be read.
pub fn test_sets(run: &Path) -> Result<Vec<String>> {
    let folder = run.join(TEST);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(Error::stored(&folder))? {
        let path = entry.map_err(Error::stored(&folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_plain(&name) && [LOGITS, LABELS].iter().any(|file| path.join(file).is_file()) {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

/// Flushes `files` to the disk side by side: the system then does it in one go.
fn flush(files: &[PathBuf]) -> Result<()> {
    let flush = |path: &PathBuf| {
        let flushed = File::open(path).and_then(|file| file.sync_all());
        flushed.map_err(Error::output(path))
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = files.iter().map(|path| scope.spawn(move || flush(path))).collect();
        all.into_iter().try_for_each(|one| {
            one.join().unwrap_or_else(|_| Err(Error::Work("flushing files broke off".to_owned())))
        })
    })
}

/// A loss spec as the name of a folder: `el(le=0.5) + smooth(0.1)` → `el_le=0.5+smooth_0.1`.
///
/// Letters, digits and `=.,+-` stay; an opening parenthesis becomes `_`; the rest is left out.
fn folder_name(spec: &str) -> String {
    let readable = |c: char| match c {
        '(' => Some('_'),
        c if c.is_ascii_alphanumeric() || "=.,+-_".contains(c) => Some(c),
        _ => None,
    };
    spec.chars().filter_map(readable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use steepness::Loss;

    #[test]
    fn folder_names_are_plain() {
        assert_eq!(folder_name("ce"), "ce");
        assert_eq!(folder_name("el(le=0.5) + smooth(0.1)"), "el_le=0.5+smooth_0.1");
        assert_eq!(folder_name("el(le=1, clamp=1e-5)"), "el_le=1,clamp=1e-5");
        assert_eq!(folder_name("../x/\0"), "..x");
        let setting =
            Setting { lr: Some(1e-5), ..Setting::from("el(le=1)".parse::<Loss>().unwrap()) };
        let dir = RunDir::new(Path::new("out"), &setting, 3);
        assert_eq!(dir.path(), Path::new("out/el_le=1/lr=0.00001/seed=3"));
    }
}
