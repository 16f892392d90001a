//! The folder of a comparison: who may write there, and what it belongs to.
//!
//! `comparison.toml` is the recipe, with all losses and seeds that were ever asked for; `data-hashes.json`
//! knows the hash of every file that it is made of. A call may ask for more losses and seeds, or for some of
//! them; nothing else may change, unless it is to be made anew.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Recipe, RunDir, RunFiles, Setting, tidy};
use crate::data::Content;
use crate::{Error, Result, durable};

pub(super) const MARKER: &str = "comparison.toml";
pub(super) const CONTENT: &str = "data-hashes.json";
const LOCK: &str = "lock";

/// A comparison's folder, ours alone until it is dropped.
#[derive(Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// What was asked for, with the name and the spelling of paths that the folder has.
    pub recipe: Recipe,
    /// What its user should know.
    pub notes: Vec<String>,
    _lock: File,
}

/// What a folder is claimed for.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The content of its data.
    pub content: &'a Content,
    /// One sentence on the data.
    pub about: String,
    /// Whether what does not belong to it is set aside, where it would be refused.
    pub fresh: bool,
}

/// `data-hashes.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    about: String,
    content: Content,
}

/// What the folder `path` knows of the data that its runs learned from; nothing where it is no
/// comparison's, or an older one's.
///
/// # Errors
/// A file that is damaged.
pub(super) fn folder_content(path: &Path) -> Result<Option<Content>> {
    Ok(known(path)?.map(|known| known.content))
}

/// The sentence on the data that the folder `path` was made with.
///
/// # Errors
/// A file that is damaged.
pub(super) fn folder_about(path: &Path) -> Result<Option<String>> {
    Ok(known(path)?.map(|known| known.about))
}

fn known(path: &Path) -> Result<Option<Known>> {
    let path = path.join(CONTENT);
    if !path.try_exists().map_err(Error::input(&path))? {
        return Ok(None);
    }
    let text = fs::read(&path).map_err(Error::input(&path))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::malformed(&path, place, format!("{error} (the file is damaged)"))
    })
}

impl Folder {
    /// Makes `path` the folder of a comparison, or takes up where an earlier call stopped. Other losses,
    /// seeds or values of what is swept may be asked for than before; nothing else may have changed. What
    /// a process that was killed left half written is removed.
    ///
    /// # Errors
    /// A folder that holds something else, one of another recipe or of other data (the message says what
    /// differs), one that another process works in (it says which).
    pub fn claim(path: &Path, claim: Claim) -> Result<Self> {
        if let Some(foreign) = foreign(path)? {
            return Err(Error::Request(format!(
                "{} holds something else ({foreign}): nothing is written there; --out names another \
                 folder",
                path.display()
            )));
        }
        fs::create_dir_all(path).map_err(Error::output(path))?;
        let lock = lock(&path.join(LOCK))?;
        tidy::remove_leftovers(path)?;
        let Claim { recipe, content, about, fresh } = claim;
        let mut notes = Vec::new();
        let before = Before::read(path)?;
        let refused = before.as_ref().and_then(|before| before.refuses(path, recipe, content));
        let goes_on = refused.is_none();
        let (recipe, all) = match (&before, refused) {
            (_, Some(problem)) if !fresh => {
                return Err(Error::Request(format!("{} {problem}", path.display())));
            }
            (Some(Before::Sound { recipe: before, content }), None) => {
                if content.is_none() && !tidy::runs(path)?.is_empty() {
                    notes.push(without_hashes(path));
                }
                let recipe = recipe.spelt_as(before);
                let all = recipe.added_to(before);
                (recipe, all)
            }
            _ => (recipe.clone(), recipe.clone()),
        };
        if fresh {
            let stale = |run: &Path| !belongs(path, run, &all, content, goes_on);
            let runs = tidy::runs(path)?.into_iter().filter(|run| stale(run)).collect::<Vec<_>>();
            if !runs.is_empty() {
                let place = tidy::set_aside(path, &runs)?;
                let count = runs.len();
                let place = place.display();
                notes.push(format!(
                    "set aside in {place}: {count} that do not belong here any more"
                ));
            }
        }
        durable::write(&path.join(MARKER), all.to_toml().as_bytes())?;
        let known = Known { about, content: content.clone() };
        let known = serde_json::to_vec(&known)
            .map_err(|error| Error::Work(format!("{CONTENT}: {error}")))?;
        durable::write(&path.join(CONTENT), &known)?;
        Ok(Self { path: path.to_owned(), recipe, notes, _lock: lock })
    }

    /// The file with the recipe, every setting spelt out.
    pub fn recipe_file(&self) -> PathBuf {
        self.path.join(MARKER)
    }

    /// Takes the lock of the comparison's folder `path`, to write its report again.
    ///
    /// # Errors
    /// A folder that another process works in (it says which).
    pub(super) fn hold(path: &Path, recipe: &Recipe) -> Result<Self> {
        let lock = lock(&path.join(LOCK))?;
        Ok(Self { path: path.to_owned(), recipe: recipe.clone(), notes: Vec::new(), _lock: lock })
    }
}

/// What a folder belonged to.
enum Before {
    /// To this; an older version knew nothing of the content.
    Sound { recipe: Box<Recipe>, content: Option<Content> },
    /// Its recipe or its knowledge of the data cannot be read.
    Damaged(String),
}

impl Before {
    fn read(path: &Path) -> Result<Option<Self>> {
        let marker = path.join(MARKER);
        if !marker.try_exists().map_err(Error::output(&marker))? {
            return Ok(None);
        }
        let read =
            Recipe::read(&marker, None).and_then(|recipe| Ok((recipe, folder_content(path)?)));
        let (recipe, content) = match read {
            Ok(read) => read,
            Err(error) => {
                let problem =
                    format!("is damaged: {error}; `compare --fresh` keeps its sound runs");
                return Ok(Some(Self::Damaged(problem)));
            }
        };
        Ok(Some(Self::Sound { recipe: Box::new(recipe), content }))
    }

    /// Why `recipe` with data of this `content` cannot go on in the folder `path`.
    fn refuses(&self, path: &Path, recipe: &Recipe, content: &Content) -> Option<String> {
        let (before, known) = match self {
            Self::Damaged(problem) => return Some(problem.clone()),
            Self::Sound { recipe, content } => (recipe, content),
        };
        let differences = before.differences(recipe);
        if !differences.is_empty() {
            return Some(format!(
                "belongs to another recipe: {}; --out names another folder, --fresh sets aside what is \
                 there",
                differences.join("; ")
            ));
        }
        let anew =
            "`compare --fresh` sets its runs aside and makes them anew, --out names another folder";
        let differences = match known {
            Some(known) => known.differences(content),
            None => changed_since(path, before, recipe, content),
        };
        (!differences.is_empty())
            .then(|| format!("was made with other data: {}; {anew}", differences.join("; ")))
    }
}

/// What is said, once, of a folder that an earlier version made.
fn without_hashes(path: &Path) -> String {
    format!(
        "{} was made by a version that kept no hashes of its data: they are taken to be what its runs \
         learned from, since none of them has changed after these began",
        path.display()
    )
}

/// Of a folder that kept no hashes: which data are read from elsewhere, or changed after its first run
/// began.
fn changed_since(path: &Path, before: &Recipe, recipe: &Recipe, content: &Content) -> Vec<String> {
    let runs = tidy::runs(path).unwrap_or_default();
    let begun = runs.iter().filter_map(|run| {
        fs::metadata(run.join(super::run_files::RECIPE)).and_then(|about| about.modified()).ok()
    });
    let Some(first) = begun.min() else { return Vec::new() };
    let spelt = recipe.spelt_as(before);
    let mut found = Vec::new();
    if (&spelt.data, &spelt.ood, &spelt.model) != (&before.data, &before.ood, &before.model) {
        found.push(
            "they were read from elsewhere, and a version made it that kept no hashes".to_owned(),
        );
    }
    let changed = content.changed().filter(|(_, time)| *time > first);
    found.extend(changed.map(|(file, _)| {
        format!("{} has changed since its first run began, or its time has", file.display())
    }));
    found
}

/// Whether the run in the folder `run` of the comparison `out` is one of `recipe`, or would be with its
/// loss and its seed, on data of this `content`, and sound. One that knows nothing of its data
/// `goes_on` where the comparison does.
fn belongs(out: &Path, run: &Path, recipe: &Recipe, content: &Content, goes_on: bool) -> bool {
    let of_run = || -> Result<bool> {
        let files = RunFiles::at(run)?;
        if !files.has(super::run_files::RECIPE)? {
            return Ok(true);
        }
        let own = files.recipe()?;
        let setting = Setting { lr: super::attacked::swept_lr(run), ..own.loss.clone().into() };
        let dir = RunDir::new(out, &setting, own.seed);
        if dir.path() != run || files.content()?.is_none() && !goes_on {
            return Ok(false);
        }
        if dir.finished(&recipe.run(&setting, own.seed), &content.brief())? {
            files.check()?;
        }
        Ok(true)
    };
    of_run().unwrap_or(false)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Sweep;
    use crate::train::Schedule;

    fn claim_of(path: &Path, recipe: &Recipe, fresh: bool) -> Result<Folder> {
        let content = Content::of(&recipe.origins().unwrap(), None).unwrap();
        Folder::claim(path, Claim { recipe, content: &content, about: "all".to_owned(), fresh })
    }

    fn refused(path: &Path, recipe: &Recipe) -> String {
        let error = claim_of(path, recipe, false).unwrap_err();
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
    fn lists_may_be_others_and_nothing_else_may_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let recipe = Recipe::embedded().unwrap();
        let claim = |recipe: &Recipe| claim_of(&path, recipe, false).map(|folder| folder.recipe);
        let there = || Recipe::read(&path.join(MARKER), None).unwrap();
        assert_eq!(claim(&recipe).unwrap(), recipe);
        claim(&recipe).unwrap();
        let mut more = recipe.clone();
        more.seeds.insert(0, 9);
        claim(&more).unwrap();
        // The order of a table may be another one each time.
        let ordered = Recipe { primary: Some("nll".to_owned()), ..more.clone() };
        assert_eq!(claim(&ordered).unwrap(), ordered);
        claim(&more).unwrap();
        // What is there stays in its order; what is asked for is what is reported.
        assert_eq!(there().seeds, [0, 1, 2, 3, 4, 9]);
        let few = Recipe {
            seeds: vec![3],
            losses: vec![recipe.losses[2].clone(), "focal".parse().unwrap()],
            ..recipe.clone()
        };
        assert_eq!(claim(&few).unwrap(), few);
        assert_eq!(there().losses, [&recipe.losses[..], &few.losses[1..]].concat());
        assert_eq!(there().seeds, [0, 1, 2, 3, 4, 9]);
        let swept = |values: &[f64]| Recipe {
            sweep: Some(Sweep::Lr(values.to_vec())),
            name: "swept".to_owned(),
            ..recipe.clone()
        };
        let apart = dir.path().join("swept");
        claim_of(&apart, &swept(&[0.1]), false).unwrap();
        claim_of(&apart, &swept(&[0.2]), false).unwrap();
        let all = Recipe::read(&apart.join(MARKER), None).unwrap();
        assert_eq!(all.sweep, Some(Sweep::Lr(vec![0.1, 0.2])));
        let le = Recipe { sweep: Some(Sweep::Le(vec![0.1])), ..swept(&[]) };
        assert!(refused(&apart, &le).contains("sweep.lr is [0.1, 0.2] there, not set asked for"));
        let other = Recipe { schedule: Schedule::Constant, threads: 2.try_into().unwrap(), ..more };
        let message = refused(&path, &other);
        assert!(message.contains("threads is 1 there, 2 asked for"), "{message}");
        assert!(message.contains("schedule is set there, \"constant\" asked for"), "{message}");
        claim_of(&path, &other, true).unwrap();
        assert_eq!(there(), other);
        fs::write(path.join(MARKER), "name = ").unwrap();
        let message = refused(&path, &other);
        assert!(message.contains("out is damaged: ") && message.contains("line 1"), "{message}");
    }

    fn of_table(path: &Path) -> Recipe {
        let text = format!("data.table = {{ path = {path:?} }}");
        let data = text.parse::<toml::Table>().unwrap()["data"].clone().try_into().unwrap();
        Recipe { data, ..Recipe::embedded().unwrap() }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_what_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let [out, file, link, copy] = ["out", "t.csv", "link.csv", "copy.csv"].map(at);
        fs::write(&file, "x,y\n1,a\n").unwrap();
        fs::copy(&file, &copy).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let first = claim_of(&out, &of_table(&file), false).unwrap().recipe;
        for other in [&link, &dir.path().join("./t.csv"), &copy] {
            let recipe = Recipe { name: "another".to_owned(), ..of_table(other) };
            let found = claim_of(&out, &recipe, false).unwrap().recipe;
            // A copy is the same data, but lies elsewhere.
            assert_eq!((found == first, found.name == first.name), (*other != copy, true));
        }
        fs::write(&copy, "x,y\n1,b\n").unwrap();
        let message = refused(&out, &of_table(&copy));
        assert!(message.contains("out was made with other data: data has changed in"), "{message}");
        assert!(message.contains("`compare --fresh`"), "{message}");
        claim_of(&out, &of_table(&copy), true).unwrap();
        claim_of(&out, &of_table(&copy), false).unwrap();
        assert!(refused(&out, &of_table(&file)).contains("which held something else"));
    }

    /// A run as an earlier version left it, which kept no hashes.
    #[test]
    fn a_folder_without_hashes_is_taken_over_unless_its_data_changed_since() {
        let dir = tempfile::tempdir().unwrap();
        let (out, file) = (dir.path().join("out"), dir.path().join("t.csv"));
        fs::write(&file, "x,y\n1,a\n").unwrap();
        let recipe = of_table(&file);
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        let touch = |path: &Path| {
            File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
        };
        claim_of(&out, &recipe, false).unwrap();
        fs::remove_file(out.join(CONTENT)).unwrap();
        assert!(claim_of(&out, &recipe, false).unwrap().notes.is_empty(), "there was no run");
        fs::remove_file(out.join(CONTENT)).unwrap();
        let run = out.join("ce/seed=0");
        fs::create_dir_all(&run).unwrap();
        let setting = Setting::from("ce".parse::<steepness::Loss>().unwrap());
        fs::write(run.join("recipe.toml"), recipe.run(&setting, 0).to_toml()).unwrap();
        // More than an hour of the file's life before the run began.
        touch(&file);
        let folder = claim_of(&out, &recipe, false).unwrap();
        assert!(folder.notes[0].contains("kept no hashes"), "{:?}", folder.notes);
        drop(folder);
        assert!(claim_of(&out, &recipe, false).unwrap().notes.is_empty(), "it was said once");
        fs::remove_file(out.join(CONTENT)).unwrap();
        touch(&run.join("recipe.toml"));
        fs::write(&file, "x,y\n1,b\n").unwrap();
        let message = refused(&out, &recipe);
        assert!(message.contains("t.csv has changed since its first run began"), "{message}");
        let folder = claim_of(&out, &recipe, true).unwrap();
        assert!(
            folder.notes.iter().any(|note| note.contains("set aside in")),
            "{:?}",
            folder.notes
        );
        assert!(!run.exists() && out.join("replaced/1/ce/seed=0/recipe.toml").exists());
    }

    #[test]
    fn a_second_process_is_told_who_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let recipe = Recipe::embedded().unwrap();
        let held = claim_of(dir.path(), &recipe, false).unwrap();
        let message = refused(dir.path(), &recipe);
        assert!(
            message.contains(&format!("in use by process {}", std::process::id())),
            "{message}"
        );
        drop(held);
        claim_of(dir.path(), &recipe, false).unwrap();
    }

    #[test]
    fn a_claim_cut_short_is_taken_up() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(LOCK), "process 1").unwrap();
        fs::write(dir.path().join("comparison.toml.part"), "nam").unwrap();
        claim_of(dir.path(), &Recipe::embedded().unwrap(), false).unwrap();
        assert!(!dir.path().join("comparison.toml.part").exists());
    }
}
