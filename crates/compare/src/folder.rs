//! The folder of a comparison: who may write there, and what it belongs to.
//!
//! `comparison.toml` is the recipe, with all losses and seeds that were ever asked for; `data-hashes.json`
//! knows the hash of every file that it is made of. A call may ask for more losses and seeds, or for some of
//! them; nothing else may change, unless it is to be made anew.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::layout::{CONTENT, LOCK, MARKER, RECIPE};
use super::lock::lock;
use super::{Content, Extent, Plan, RecipeReader, RunDir, RunFiles, Setting, tidy};
use crate::{Error, Result, durable};
use serde::{Deserialize, Serialize};

/// A recipe, whatever it trains: what a comparison asks of the one that its folder is claimed for.
pub trait AnyRecipe: Clone {
    /// What a comparison knows of it.
    ///
    /// # Errors
    /// What no file can hold.
    fn plan(&self) -> Result<Plan>;

    /// The same as `before` says it: with its name, and with its spelling of each path that leads to
    /// the same place.
    ///
    /// # Errors
    /// What `before` is not a recipe of this kind.
    fn spelt_as(&self, before: &Plan) -> Result<Self>;

    /// The same with these losses, seeds and values of what is swept and varied.
    #[must_use]
    fn with(&self, extent: Extent) -> Self;
}

/// A comparison's folder, ours alone until it is dropped.
#[derive(Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// What was asked for, with the name and the spelling of paths that the folder has, as TOML.
    pub recipe: String,
    /// Whether there are runs of other losses, seeds or values of a sweep that an earlier call asked for.
    pub has_others: bool,
    /// What its user should know.
    pub notes: Vec<String>,
    _lock: File,
}

/// What a folder is claimed for.
pub struct Claim<'a, R> {
    /// The recipe.
    pub recipe: &'a R,
    /// Who reads those that are there.
    pub reader: &'a dyn RecipeReader,
    /// The content of its data.
    pub content: &'a Content,
    /// One sentence on the data.
    pub about: &'a str,
    /// Whether what does not belong to it is set aside, where it would be refused.
    pub fresh: bool,
}

/// `data-hashes.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedContent {
    about: String,
    content: Content,
}

/// What the folder `path` knows of the data that its runs learned from; nothing where it is no
/// comparison's, or an older one's.
///
/// # Errors
/// A file that is damaged.
pub fn folder_content(path: &Path) -> Result<Option<Content>> {
    Ok(known(path)?.map(|known| known.content))
}

/// The sentence on the data that the folder `path` was made with.
///
/// # Errors
/// A file that is damaged.
pub(super) fn folder_about(path: &Path) -> Result<Option<String>> {
    Ok(known(path)?.map(|known| known.about))
}

fn known(path: &Path) -> Result<Option<RecordedContent>> {
    let path = path.join(CONTENT);
    if !path.try_exists().map_err(Error::input(&path))? {
        return Ok(None);
    }
    let text = fs::read(&path).map_err(Error::input(&path))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::malformed(&path, place, error).remarked("the file is damaged")
    })
}

impl Folder {
    /// Makes `path` the folder of a comparison, or takes up where an earlier call stopped. Other losses,
    /// seeds or values of what is swept may be asked for than before; nothing else may have changed. What
    /// a process that was killed left half written is removed. Returned beside the folder is the recipe
    /// with the name and the spelling of paths that the folder has.
    ///
    /// # Errors
    /// A folder that holds something else, one of another recipe or of other data (the message says what
    /// differs), one that another process works in (it says which).
    pub fn claim<R: AnyRecipe>(path: &Path, claim: Claim<R>) -> Result<(Self, R)> {
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
        let Claim { recipe, reader, content, about, fresh } = claim;
        let asked = recipe.plan()?;
        let mut notes = Vec::new();
        let before = match Predecessor::read(path, reader, &asked)? {
            // As long as no run of a command is finished, its script is still being written.
            Some(Predecessor::Sound { plan, .. })
                if plan.is_of_command() && asked.is_of_command() && !any_finished(path)? =>
            {
                None
            }
            before => before,
        };
        let refused = match &before {
            Some(before) => before.refuses(path, recipe, &asked, content)?,
            None => None,
        };
        let goes_on = refused.is_none();
        let (recipe, all) = match (&before, refused) {
            (_, Some(problem)) if !fresh => {
                return Err(Error::Request(format!("{} {problem}", path.display())));
            }
            (Some(Predecessor::Sound { plan: before, content }), None) => {
                if content.is_none() && !tidy::runs(path)?.is_empty() {
                    notes.push(without_hashes(path));
                }
                let recipe = recipe.spelt_as(before)?;
                let all = recipe.with(before.joined(&asked)).plan()?;
                (recipe, all)
            }
            _ => (recipe.clone(), asked),
        };
        if fresh {
            let owner = Owner { path, plan: &all, reader, content, goes_on };
            let stale = |run: &Path| !owner.owns(run);
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
        durable::write(&path.join(MARKER), all.text.as_bytes())?;
        let known = RecordedContent { about: about.to_owned(), content: content.clone() };
        let known = serde_json::to_vec(&known)
            .map_err(|error| Error::failed(format!("{CONTENT}: "), error))?;
        durable::write(&path.join(CONTENT), &known)?;
        let asked = recipe.plan()?;
        let runs = |plan: &Plan| Ok::<_, Error>(plan.possible()?.len() * plan.seeds.len());
        let has_others = runs(&all)? > runs(&asked)?;
        let folder =
            Self { path: path.to_owned(), recipe: asked.text, has_others, notes, _lock: lock };
        Ok((folder, recipe))
    }

    /// The file with the recipe, every setting spelt out.
    pub fn recipe_file(&self) -> PathBuf {
        self.path.join(MARKER)
    }

    /// Takes the lock of the comparison's folder `path`, to write its report again.
    ///
    /// # Errors
    /// A folder that another process works in (it says which).
    pub(super) fn hold(path: &Path, plan: &Plan) -> Result<Self> {
        let lock = lock(&path.join(LOCK))?;
        Ok(Self {
            path: path.to_owned(),
            recipe: plan.text.clone(),
            has_others: false,
            notes: Vec::new(),
            _lock: lock,
        })
    }
}

/// Whether a run in the comparison's folder `path` is finished; one that is damaged was.
fn any_finished(path: &Path) -> Result<bool> {
    let is_finished = |run: &PathBuf| RunFiles::at(run).map_or(true, |files| files.is_sealed());
    Ok(tidy::runs(path)?.iter().any(is_finished))
}

/// What a folder belonged to.
enum Predecessor {
    /// To this; an older version knew nothing of the content.
    Sound { plan: Box<Plan>, content: Option<Content> },
    /// To trainings of another kind.
    Foreign(&'static str),
    /// Its recipe or its knowledge of the data cannot be read.
    Damaged(String),
}

/// What trains the runs of a comparison whose recipe is `text`, as far as that can be told.
fn kind(text: &str) -> Option<&'static str> {
    let recipe = text.parse::<toml::Table>().ok()?;
    match (recipe.contains_key("run"), recipe.contains_key("epochs")) {
        (true, _) => Some("a command"),
        (false, true) => Some("the laboratory"),
        (false, false) => None,
    }
}

impl Predecessor {
    fn read(path: &Path, reader: &dyn RecipeReader, asked: &Plan) -> Result<Option<Self>> {
        let marker = path.join(MARKER);
        if !marker.try_exists().map_err(Error::stored(&marker))? {
            return Ok(None);
        }
        // The reader of one kind would find the recipe of the other damaged.
        let there = fs::read_to_string(&marker).ok().and_then(|text| kind(&text));
        if let Some(there) = there
            && kind(&asked.text).is_some_and(|kind| kind != there)
        {
            return Ok(Some(Self::Foreign(there)));
        }
        let read = || -> Result<_> { Ok((read_plan(&marker, reader)?, folder_content(path)?)) };
        let (plan, content) = match read() {
            Ok(read) => read,
            Err(error) => {
                let problem =
                    format!("is damaged: {error}; `compare --fresh` keeps its sound runs");
                return Ok(Some(Self::Damaged(problem)));
            }
        };
        Ok(Some(Self::Sound { plan: Box::new(plan), content }))
    }

    /// Why `recipe`, whose plan is `asked`, with data of this `content` cannot go on in the folder
    /// `path`.
    fn refuses(
        &self,
        path: &Path,
        recipe: &impl AnyRecipe,
        asked: &Plan,
        content: &Content,
    ) -> Result<Option<String>> {
        let (before, known) = match self {
            Self::Damaged(problem) => return Ok(Some(problem.clone())),
            Self::Foreign(kind) => {
                return Ok(Some(format!(
                    "holds a comparison of trainings by {kind}: --out names another folder, --fresh \
                     sets aside what is there"
                )));
            }
            Self::Sound { plan, content } => (plan, content),
        };
        let differences = before.differences(asked);
        if !differences.is_empty() {
            return Ok(Some(format!(
                "belongs to another recipe: {}; --out names another folder, --fresh sets aside what is \
                 there",
                differences.join("; ")
            )));
        }
        let anew =
            "`compare --fresh` sets its runs aside and makes them anew, --out names another folder";
        let differences = match known {
            Some(known) => known.differences(content),
            None => changed_since(path, before, &recipe.spelt_as(before)?.plan()?, content),
        };
        Ok((!differences.is_empty())
            .then(|| format!("was made with other data: {}; {anew}", differences.join("; "))))
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

/// Of a folder that kept no hashes: which data are read from elsewhere by what is `asked` for, spelt as
/// `before` is, or changed after its first run began.
fn changed_since(path: &Path, before: &Plan, asked: &Plan, content: &Content) -> Vec<String> {
    let runs = tidy::runs(path).unwrap_or_default();
    let begun = runs
        .iter()
        .filter_map(|run| fs::metadata(run.join(RECIPE)).and_then(|about| about.modified()).ok());
    let Some(first) = begun.min() else { return Vec::new() };
    let mut found = Vec::new();
    if asked.sources() != before.sources() {
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

/// Reads the recipe of a comparison, the file `marker` in its folder.
pub(super) fn read_plan(marker: &Path, reader: &dyn RecipeReader) -> Result<Plan> {
    let text = fs::read_to_string(marker).map_err(Error::input(marker))?;
    reader.plan(marker, &text)
}

/// A comparison, to be asked which runs in its folder are its own.
struct Owner<'a> {
    path: &'a Path,
    plan: &'a Plan,
    reader: &'a dyn RecipeReader,
    content: &'a Content,
    /// Whether it goes on with what was there: then a run that knows nothing of its data belongs to it.
    goes_on: bool,
}

impl Owner<'_> {
    /// Whether the run in the folder `run` is one of the comparison, or would be with its loss and its
    /// seed, and sound.
    fn owns(&self, run: &Path) -> bool {
        let of_run = || -> Result<bool> {
            let files = RunFiles::at(run)?;
            if !files.has(RECIPE)? {
                return Ok(true);
            }
            let own = files.plan(self.reader)?;
            let setting = Setting { lr: own.swept_lr(run), ..own.setting.clone() };
            let dir = RunDir::new(self.path, &setting, own.seed);
            if dir.path() != run || files.content()?.is_none() && !self.goes_on {
                return Ok(false);
            }
            let expected = self.plan.run(&setting, own.seed)?;
            if dir.finished(&expected, &self.content.brief(), self.reader)? {
                files.validate(self.reader)?;
            }
            Ok(true)
        };
        of_run().unwrap_or(false)
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
