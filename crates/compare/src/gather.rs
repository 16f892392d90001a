//! [`gather`]: a comparison of runs that are finished already, without their data.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use steepness::Loss;

use super::command::Partners;
use super::folder::{folder_about, folder_content, read_plan};
use super::further;
use super::layout::MARKER;
use super::tune::{Point, Tuning, TuningResult, View, Views};
use super::{
    Comparison, Content, ExampleDifferences, Folder, Group, Plan, RecipeReader, Run, RunDir,
    RunFiles, Setting,
};
use crate::{Error, Result};

/// Which runs are asked for; empty lists ask for all that are finished.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The losses, the one that the others are compared with first.
    pub losses: Vec<Loss>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Whether the report is to be written into the folder itself, which nobody else may work in then.
    pub write: bool,
}

/// Runs of one folder or of several side by side.
#[derive(Debug)]
pub struct ReportInput {
    /// What they found.
    pub comparison: Comparison,
    /// The recipes, as TOML.
    pub recipe: String,
    /// What its reader should know: runs that are left out, data that differ.
    pub notes: Vec<String>,
    /// The folders that are written to, which stay ours for the report.
    pub folders: Vec<Folder>,
}

/// The runs of one comparison.
struct FolderRuns<'a> {
    path: PathBuf,
    reader: &'a dyn RecipeReader,
    plan: Plan,
    folder: Option<Folder>,
    about: String,
    content: Option<Content>,
    libraries: Vec<String>,
    classes: Vec<String>,
    /// What stands in the table.
    view: View,
    /// Where that is what each loss took of the trials: these, and what all have in common.
    tuned: Option<(TuningResult, View)>,
    seeds: Vec<u64>,
}

/// Runs as they stand in a table.
#[derive(Default)]
struct Rows {
    groups: Vec<Group>,
    /// One a setting and seed.
    folders: Vec<Vec<PathBuf>>,
    /// How many have no manifest.
    unverified: usize,
}

/// Reads the finished runs of the comparisons in the folders `paths`, whose recipes `reader` reads. Each
/// setting has the same seeds: those with which all are finished.
///
/// # Errors
/// A folder of no comparison, or in use; a run that is asked for and not finished, one that is damaged
/// or does not belong there; folders whose classes differ; nothing that is finished.
pub fn gather(
    paths: &[PathBuf],
    asked: &Selection,
    reader: &dyn RecipeReader,
) -> Result<ReportInput> {
    let mut notes = Vec::new();
    let mut parts = Vec::new();
    for path in paths {
        parts.push(FolderRuns::open(path, reader, asked, &mut notes)?);
    }
    let first = parts.first().ok_or_else(|| Error::Request("no folder was named".to_owned()))?;
    for other in &parts[1..] {
        validate_alike(first, other, &mut notes)?;
    }
    let seeds: Vec<u64> = first
        .seeds
        .iter()
        .copied()
        .filter(|seed| parts.iter().all(|part| part.seeds.contains(seed)))
        .collect();
    if seeds.is_empty() {
        return Err(Error::Request(format!(
            "there is no seed with which all losses are finished in {}",
            names(paths)
        )));
    }
    let labels = (paths.len() > 1).then(|| labels(paths));
    let (mut groups, mut run_folders) = (Vec::new(), Vec::new());
    for (at, part) in parts.iter().enumerate() {
        let folder = labels.as_ref().map(|labels| labels[at].clone());
        let Rows { groups: own, folders, unverified } = part.rows(&part.view, &seeds, folder)?;
        groups.extend(own);
        run_folders.extend(folders);
        if unverified > 0 {
            notes.push(format!(
                "{}: nothing says whether the files of {unverified} of its runs are as they were written: \
                 an earlier version kept no manifest (`steepness compare` takes them over)",
                part.path.display()
            ));
        }
    }
    let joined = |of: &dyn Fn(&FolderRuns) -> String, between: &str| {
        let mut all: Vec<String> = parts.iter().map(of).collect();
        all.dedup();
        all.join(between)
    };
    let plan = first.plan.with(&first.plan.losses, &seeds);
    let about = joined(&|part| part.about.clone(), "; ");
    let libraries = first.libraries.clone();
    let mut comparison = Comparison::of(&plan, libraries, about, first.classes.clone(), groups);
    let signature = &mut comparison.signature;
    signature.recipe = joined(&|part| part.plan.hash(), " + ");
    signature.selection = joined(&|part| part.plan.selection().to_owned(), ", or ");
    if paths.len() > 1 {
        comparison.sweep = None;
        comparison.name = joined(&|part| part.plan.name.clone(), " + ");
    }
    comparison.examples = ExampleDifferences::read(&comparison, &run_folders);
    comparison.panels = further::panels(&comparison, &run_folders);
    // Side by side, what each loss took is enough.
    if let ([part], Some((tuned, view))) = (&parts[..], &first.tuned) {
        let Rows { groups, folders, .. } = part.rows(view, &seeds, None)?;
        let mut shared = Comparison { groups, ..comparison.clone() };
        shared.examples = ExampleDifferences::read(&shared, &folders);
        shared.panels = further::panels(&shared, &folders);
        comparison = comparison.tuned_with(tuned.clone(), shared);
    }
    let recipe = joined(&|part| part.plan.text.clone(), "\n\n");
    let folders = parts.into_iter().filter_map(|part| part.folder).collect();
    Ok(ReportInput { comparison, recipe, notes, folders })
}

impl<'a> FolderRuns<'a> {
    fn open(
        path: &Path,
        reader: &'a dyn RecipeReader,
        asked: &Selection,
        notes: &mut Vec<String>,
    ) -> Result<Self> {
        let marker = path.join(MARKER);
        if !marker.is_file() {
            let problem = format!("{} holds no comparison: no {MARKER} in it", path.display());
            return Err(Error::Request(problem));
        }
        let whole = read_plan(&marker, reader)?;
        let (mut losses, mut seeds) = (whole.losses.clone(), whole.seeds.clone());
        if !asked.losses.is_empty() {
            losses.clone_from(&asked.losses);
        }
        if !asked.seeds.is_empty() {
            seeds.clone_from(&asked.seeds);
        }
        if let Some(tune) = &whole.tune {
            tune.validate_apart(&seeds)?;
        }
        let plan = whole.with(&losses, &seeds);
        let rows = match asked.losses.is_empty() {
            true => plan.rows()?,
            // Of a sweep, each value of such a loss; what is written out stands for itself.
            false => swept(&whole, &asked.losses)?,
        };
        let content = folder_content(path)?;
        let about = folder_about(path)?.unwrap_or_else(|| plan.name.clone());
        let folder = asked.write.then(|| Folder::hold(path, &plan)).transpose()?;
        let mut part = Self {
            about,
            content,
            libraries: Vec::new(),
            classes: Vec::new(),
            view: View::default(),
            tuned: None,
            seeds,
            path: path.to_owned(),
            reader,
            plan,
            folder,
        };
        let (view, tuned) = part.chosen(&rows, notes)?;
        let mut left_out = 0;
        part.view = part.finished_of(view, asked, notes, &mut left_out)?;
        if let Some((tuned, shared)) = tuned {
            let shared = part.finished_of(shared, asked, notes, &mut left_out)?;
            part.tuned = Some((tuned, shared));
        }
        if left_out > 0 {
            notes.push(format!(
                "{}: the report is about the seeds that are finished with every loss (runs that are \
                 not: {left_out})",
                path.display()
            ));
        }
        let first = part.view.settings.first().zip(part.seeds.first());
        let Some((setting, &seed)) = first else {
            let path = path.display();
            let problem =
                format!("{path}: no seed is finished with every loss that has runs there");
            return Err(Error::Request(problem));
        };
        let files = RunFiles::at(RunDir::new(path, setting, seed).path())?;
        part.classes = files.classes_of(&files.plan(reader)?)?;
        part.libraries = files.environment()?.libraries;
        Ok(part)
    }

    /// What `rows` are compared with: where something was tuned and the trials are there, what each of them
    /// took, and beside it what all share.
    fn chosen(
        &self,
        rows: &[Setting],
        notes: &mut Vec<String>,
    ) -> Result<(View, Option<(TuningResult, View)>)> {
        let plain = |settings: Vec<Setting>| View { shown: settings.clone(), settings };
        let Some(tuning) = self.plan.tuning()? else { return Ok((plain(rows.to_vec()), None)) };
        let score = |(setting, seed): &(Setting, u64)| match self.is_finished(setting, *seed)? {
            true => {
                let (run, _) = self.read(setting, *seed, None)?;
                let dir = RunDir::new(&self.path, setting, *seed);
                tuning.judge.score(&RunFiles::at(dir.path())?, &run)
            }
            false => Ok(None),
        };
        let scores: Vec<_> = tuning.trials(rows).iter().map(score).collect::<Result<_>>()?;
        let missing = scores.iter().filter(|score| score.is_none()).count();
        if missing > 0 {
            notes.push(format!(
                "{}: trials without a result, whose values cannot be taken: {missing} of {}",
                self.path.display(),
                scores.len()
            ));
        }
        match TuningResult::choose(&tuning, rows, &scores) {
            Ok(tuned) => {
                let both = Views::new(&tuning, &tuned);
                Ok((both.taken, Some((tuned, both.shared))))
            }
            Err(why) => {
                notes.push(format!(
                    "{}: {why}: the report is about what all share",
                    self.path.display()
                ));
                let shared = |make: fn(&Tuning, &Setting, &Point) -> Setting| {
                    rows.iter().map(|row| make(&tuning, row, &tuning.shared)).collect()
                };
                let (settings, shown) = (shared(Tuning::setting), shared(Tuning::shown));
                Ok((View { settings, shown }, None))
            }
        }
    }

    /// What of `view` has finished runs; the seeds are those with which all of it is finished.
    fn finished_of(
        &mut self,
        view: View,
        asked: &Selection,
        notes: &mut Vec<String>,
        left_out: &mut usize,
    ) -> Result<View> {
        let mut found = View::default();
        for (setting, shown) in view.settings.into_iter().zip(view.shown) {
            let finished = self.finished(&setting)?;
            let missing = self.plan.seeds.len() - finished.len();
            if missing > 0 && !asked.seeds.is_empty()
                || finished.is_empty() && !asked.losses.is_empty()
            {
                let missing = self.plan.seeds.iter().find(|seed| !finished.contains(seed));
                return Err(Error::Request(format!(
                    "{}: {setting} with seed {} is not finished",
                    self.path.display(),
                    missing.copied().unwrap_or(0)
                )));
            }
            if finished.is_empty() {
                notes.push(format!("{}: no run of {setting} is finished", self.path.display()));
                continue;
            }
            *left_out += missing;
            self.seeds.retain(|seed| finished.contains(seed));
            found.settings.push(setting);
            found.shown.push(shown);
        }
        Ok(found)
    }

    /// The seeds with which `setting` is finished.
    fn finished(&self, setting: &Setting) -> Result<HashSet<u64>> {
        let mut found = HashSet::new();
        for &seed in &self.plan.seeds {
            if self.is_finished(setting, seed)? {
                found.insert(seed);
            }
        }
        Ok(found)
    }

    fn is_finished(&self, setting: &Setting, seed: u64) -> Result<bool> {
        let dir = RunDir::new(&self.path, setting, seed);
        let files = RunFiles::at(dir.path())?;
        let own = || Ok::<_, Error>(files.content()?.unwrap_or_default());
        let content = self.content.clone().map_or_else(own, Ok)?;
        dir.finished(&self.plan.run(setting, seed)?, &content, self.reader)
    }

    /// The runs of `view` with these `seeds`; `folder` is what its settings are told from others by.
    fn rows(&self, view: &View, seeds: &[u64], folder: Option<String>) -> Result<Rows> {
        let mut rows = Rows::default();
        for (setting, shown) in view.settings.iter().zip(&view.shown) {
            let mut read = |&seed: &u64| {
                let (run, sealed) = self.read(setting, seed, Some(&self.classes))?;
                rows.unverified += usize::from(!sealed);
                Ok::<_, Error>(run)
            };
            let runs = seeds.iter().map(&mut read).collect::<Result<_>>()?;
            rows.folders.push(RunDir::paths(&self.path, setting, seeds));
            let setting = Setting { folder: folder.clone(), ..shown.clone() };
            rows.groups.push(Group { setting, runs });
        }
        if self.plan.is_of_command() {
            self.validate_partners(&mut rows.groups, view)?;
        }
        Ok(rows)
    }

    /// Refuses runs of a command that cannot be compared, and says of the others what their test parts
    /// share.
    fn validate_partners(&self, groups: &mut [Group], view: &View) -> Result<()> {
        let mut partners = Partners::default();
        for (group, setting) in groups.iter().zip(&view.settings) {
            for run in &group.runs {
                let dir = RunDir::new(&self.path, setting, run.seed);
                partners.meet_again(dir.path(), run, &self.classes)?;
            }
        }
        for run in groups.iter_mut().flat_map(|group| &mut group.runs) {
            run.measures.overlap = partners.overlap();
        }
        Ok(())
    }

    /// One of its runs, which has the `expected` classes, and whether it has a manifest.
    fn read(
        &self,
        setting: &Setting,
        seed: u64,
        expected: Option<&[String]>,
    ) -> Result<(Run, bool)> {
        let files = RunFiles::at(RunDir::new(&self.path, setting, seed).path())?;
        let plan = files.plan(self.reader)?;
        let classes = files.classes_of(&plan)?;
        if expected.is_some_and(|expected| expected != classes) {
            return Err(Error::Request(format!(
                "{}: its classes are others than those of the runs beside it",
                files.path().display()
            )));
        }
        Ok((files.run(&plan, classes.len())?, files.is_sealed()))
    }
}

/// The settings of `plan` that are of one of `losses`, in the order of these.
fn swept(plan: &Plan, losses: &[Loss]) -> Result<Vec<Setting>> {
    let all = plan.rows()?;
    let mut found = Vec::new();
    for loss in losses {
        let own: Vec<Setting> =
            all.iter().filter(|setting| setting.loss == *loss).cloned().collect();
        match own.is_empty() {
            true => found.push(Setting::from(loss.clone())),
            false => found.extend(own),
        }
    }
    Ok(found)
}

/// Refuses folders that cannot stand in one table, and says what is to be known of those that can.
fn validate_alike(first: &FolderRuns, other: &FolderRuns, notes: &mut Vec<String>) -> Result<()> {
    let [a, b] = [first, other].map(|part| part.path.display().to_string());
    if first.classes != other.classes {
        return Err(Error::Request(format!(
            "the classes of {a} and {b} are not the same: {} and {}",
            listed(&first.classes),
            listed(&other.classes)
        )));
    }
    let same = match (&first.content, &other.content) {
        (Some(first), Some(other)) => first.of_data().is_same(&other.of_data()),
        _ => true,
    };
    let split = |part: &FolderRuns| part.plan.value("data").cloned();
    if !same || split(first) != split(other) {
        notes.push(format!(
            "{a} and {b} were not measured on the same test examples: differences between them are not \
             those of one example"
        ));
    }
    if first.plan.select != other.plan.select {
        notes.push(format!("{a} and {b} chose their weights by different rules"));
    }
    Ok(())
}

fn listed(classes: &[String]) -> String {
    let more = if classes.len() > 5 { ", …" } else { "" };
    format!("{}{more}", classes[..classes.len().min(5)].join(", "))
}

/// The last parts of `paths`, or the whole of each where these do not tell them apart.
fn labels(paths: &[PathBuf]) -> Vec<String> {
    let last = |path: &PathBuf| {
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        whole.file_name().unwrap_or_default().to_string_lossy().into_owned()
    };
    let short: Vec<String> = paths.iter().map(last).collect();
    let apart = short.iter().collect::<HashSet<_>>().len() == short.len();
    if apart { short } else { paths.iter().map(|path| path.display().to_string()).collect() }
}

fn names(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
