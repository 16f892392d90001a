//! [`Plan`] and [`RunPlan`]: a recipe as a comparison sees it, whatever trains.
//!
//! Losses, seeds and what is swept with them are the comparison's own. The rest decides the runs, too,
//! but means nothing here: it is a table, held against that of another recipe value by value. Paths
//! of data and of initial weights are left out of it, since what lies there counts and not where, and
//! so is what has no effect.
//!
//! A recipe with a table `[run]` is that of a command of the user's: [`crate::command`] says what is in
//! it.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use steepness::Loss;
use toml::{Table, Value};

use super::fields::{name, seeds, worth};
use super::tune::{Facts, TrainingFacts, Tune, Tuning};
use super::{Better, Select, Setting, Sweep, spec, swept_lr};
use crate::{Error, Result};

/// The recipe of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its name, which is also that of the output folder.
    pub name: String,
    /// The losses; the first is what the others are compared with.
    pub losses: Vec<Loss>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Which weights are measured.
    pub select: Select,
    /// The key of the metric that table and page begin with, where one was asked for.
    pub primary: Option<String>,
    /// What difference in the first metric is worth having, where anybody said.
    pub worth: Option<f64>,
    /// What is varied for every loss.
    pub sweep: Option<Sweep>,
    /// What is tuned for every loss.
    pub tune: Option<Tune>,
    /// Options of the user's command that are varied, each with its values as they are typed.
    pub vary: BTreeMap<String, Vec<String>>,
    /// The metrics that the user declared, and which way is better.
    pub directions: BTreeMap<String, Better>,
    /// All of it as TOML, every setting spelt out, a line a value: what the folder keeps and the page
    /// shows.
    pub text: String,
    /// What decides a run and is neither loss nor seed nor tuned, without paths.
    rest: Table,
}

/// The recipe of one of its runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPlan {
    /// What it is a run of, but for a learning rate that is swept: that is in the name of its folder.
    pub setting: Setting,
    /// The seed.
    pub seed: u64,
    /// Epochs of its training, where the recipe says how many: that of a command does not.
    pub epochs: Option<usize>,
    /// Whether it may end before the last of them.
    pub patient: bool,
    /// All that decides it, but no paths; its loss and its seed among it.
    all: Table,
}

/// What of a comparison's recipe is no business of its runner.
#[derive(Deserialize)]
struct PlanHead {
    #[serde(deserialize_with = "name")]
    name: String,
    #[serde(default, with = "spec::list")]
    losses: Vec<Loss>,
    #[serde(deserialize_with = "seeds")]
    seeds: Vec<u64>,
    #[serde(default)]
    select: Option<Select>,
    #[serde(default)]
    primary: Option<String>,
    #[serde(default, deserialize_with = "worth")]
    worth: Option<f64>,
    #[serde(default, deserialize_with = "Sweep::validated")]
    sweep: Option<Sweep>,
    #[serde(default, deserialize_with = "Tune::validated")]
    tune: Option<Tune>,
    #[serde(default)]
    vary: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    run: Option<RunTable>,
}

/// What a comparison asks of `[run]`.
#[derive(Deserialize)]
struct RunTable {
    #[serde(default)]
    metrics: BTreeMap<String, DeclaredMetric>,
}

/// `[run.metrics.NAME]`.
#[derive(Deserialize)]
struct DeclaredMetric {
    direction: Better,
}

/// The same of a run's.
#[derive(Deserialize)]
struct RunHead {
    #[serde(default, with = "spec::option")]
    loss: Option<Loss>,
    seed: u64,
    #[serde(default)]
    options: BTreeMap<String, String>,
    #[serde(default)]
    epochs: Option<NonZeroUsize>,
    #[serde(default)]
    patience: Option<NonZeroUsize>,
}

impl Plan {
    /// That of the `text` of a recipe with every setting spelt out; `path` is for messages.
    ///
    /// # Errors
    /// Names the file, the line and the column, and what was expected there.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let PlanHead { name, losses, seeds, select, primary, worth, sweep, tune, vary, run } =
            parse_toml(path, text)?;
        let mut rest: Table = parse_toml(path, text)?;
        rest.retain(|key, _| !OF_COMPARISON.contains(&key));
        remove_what_decides_nothing(&mut rest);
        let lacks =
            |what: &str| Error::malformed(path, "whole file", format!("there are no {what}"));
        if losses.is_empty() && (vary.is_empty() || run.is_none()) {
            return Err(lacks("losses"));
        }
        if let Some((name, _)) = vary.iter().find(|(_, values)| values.is_empty()) {
            return Err(lacks(&format!("values of {name} to vary")));
        }
        let select = match (&run, select) {
            // Which weights a command measures is its own business.
            (Some(_), select) => select.unwrap_or(Select::Last),
            (None, select) => select.ok_or_else(|| lacks("select"))?,
        };
        let declared = run.into_iter().flat_map(|run| run.metrics);
        let directions = declared.map(|(name, metric)| (name, metric.direction)).collect();
        let tune = tune.map(|tune| tune.settled(&seeds));
        let text = text.to_owned();
        let plan = Self {
            name,
            losses,
            seeds,
            select,
            primary,
            worth,
            sweep,
            tune,
            vary,
            directions,
            text,
            rest,
        };
        plan.tuning()?;
        Ok(plan)
    }

    /// Whether it is that of a command of the user's.
    pub fn is_of_command(&self) -> bool {
        self.rest.contains_key("run")
    }

    /// Which weights are measured, as a signature says it.
    pub(super) fn selection(&self) -> &'static str {
        match self.is_of_command() {
            true => "those that the command left",
            false => self.select.describe(),
        }
    }

    /// The trials that it asks for, if it does.
    ///
    /// # Errors
    /// What cannot be tuned, or not be judged.
    pub fn tuning(&self) -> Result<Option<Tuning>> {
        let Some(tune) = &self.tune else { return Ok(None) };
        let facts = Facts {
            seeds: &self.seeds,
            primary: self.primary.as_deref(),
            directions: &self.directions,
            select: self.select,
            training: (!self.is_of_command()).then(|| TrainingFacts {
                rate: self.own_rate(),
                is_swept: matches!(self.sweep, Some(Sweep::Lr(_))),
                has_second_stage: self.rest.contains_key("crt"),
            }),
        };
        Tuning::new(tune, &facts).map(Some)
    }

    /// What is compared: [`Plan::rows`], where something is tuned with the value that all of them share.
    ///
    /// # Errors
    /// As [`Plan::rows`] and [`Plan::tuning`].
    pub fn settings(&self) -> Result<Vec<Setting>> {
        let rows = self.rows()?;
        let Some(tuning) = self.tuning()? else { return Ok(rows) };
        Ok(rows.iter().map(|row| tuning.setting(row, &tuning.shared)).collect())
    }

    /// Every setting of which there may be runs, those of trials among them.
    ///
    /// # Errors
    /// As [`Plan::settings`].
    pub fn possible(&self) -> Result<Vec<Setting>> {
        let rows = self.rows()?;
        Ok(self.tuning()?.map(|tuning| tuning.possible(&rows)).unwrap_or(rows))
    }

    /// Whether a run of `seed` may be one of its own, or of its trials.
    pub fn has_seed(&self, seed: u64) -> bool {
        let trials = self.tune.iter().flat_map(|tune| tune.seeds(&self.seeds));
        self.seeds.contains(&seed) || trials.into_iter().any(|one| one == seed)
    }

    /// What is trained with every seed, without what is tuned: the losses, and what is swept and varied with
    /// each.
    ///
    /// # Errors
    /// A sweep of what none of the losses has.
    pub fn rows(&self) -> Result<Vec<Setting>> {
        let mut settings: Vec<Setting> = match &self.sweep {
            Some(sweep) => sweep.settings(&self.losses)?,
            None => self.losses.iter().cloned().map(Setting::from).collect(),
        };
        if settings.is_empty() {
            settings.push(Setting::without_loss());
        }
        for (name, values) in &self.vary {
            let each = |setting: &Setting| {
                let setting = setting.clone();
                values.iter().map(move |value| {
                    let mut setting = setting.clone();
                    setting.options.push((name.clone(), value.clone()));
                    setting
                })
            };
            settings = settings.iter().flat_map(each).collect();
        }
        Ok(settings)
    }

    /// One of its runs.
    ///
    /// # Errors
    /// A recipe that does not say how many epochs a run has, and is not that of a command.
    pub fn run(&self, setting: &Setting, seed: u64) -> Result<RunPlan> {
        let mut all = self.rest.clone();
        all.retain(|key, _| !["sweep", "vary"].contains(&key));
        if !setting.without_loss {
            all.insert("loss".to_owned(), Value::String(setting.loss.to_string()));
        }
        all.insert("seed".to_owned(), Value::Integer(seed.cast_signed()));
        if let Some(lr) = setting.lr {
            set_lr(&mut all, lr);
        }
        if !setting.options.is_empty() {
            let pair = |(name, value): &(String, String)| (name.clone(), value.clone().into());
            let options: Table = setting.options.iter().map(pair).collect();
            all.insert("options".to_owned(), Value::Table(options));
        }
        RunPlan::of(Setting { lr: None, folder: None, ..setting.clone() }, seed, all)
    }

    /// The same without the settings under `keys`, which have no effect.
    #[must_use]
    pub fn without(mut self, keys: &[&str]) -> Self {
        self.rest.retain(|key, _| !keys.contains(&key));
        self
    }

    /// The same with these losses and seeds.
    pub fn with(&self, losses: &[Loss], seeds: &[u64]) -> Self {
        let specs = losses.iter().map(|loss| Value::String(loss.to_string())).collect();
        let numbers = seeds.iter().map(|seed| Value::Integer(seed.cast_signed())).collect();
        let text = with_line(&self.text, "losses", Some(Value::Array(specs)));
        let text = with_line(&text, "seeds", Some(Value::Array(numbers)));
        Self { losses: losses.to_vec(), seeds: seeds.to_vec(), text, ..self.clone() }
    }

    /// The first 12 hex digits of the SHA-256 of its text, without what only orders the table; of a
    /// command, without the paths, which its text has, too.
    pub fn hash(&self) -> String {
        let made = match self.is_of_command() {
            true => {
                let tuned = self.tune.as_ref().map_or(String::new(), |tune| format!(" {tune:?}"));
                format!("{:?} {:?} {}{tuned}", self.specs(), self.seeds, self.rest)
            }
            false => with_line(&with_line(&self.text, "primary", None), "worth", None),
        };
        format!("{:x}", Sha256::digest(made))[..12].to_owned()
    }

    fn specs(&self) -> Vec<String> {
        self.losses.iter().map(Loss::to_string).collect()
    }

    /// The setting of that name, as a table of the recipe has it.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.rest.get(key)
    }

    /// The learning rate of a recipe of the laboratory.
    fn own_rate(&self) -> Option<f64> {
        let kinds = self.rest.get("optimizer")?.as_table()?;
        kinds.iter().find_map(|(_, kind)| kind.as_table()?.get("lr")?.as_float())
    }

    /// What is read from elsewhere, with its paths: data, examples from outside and the network with its
    /// initial weights.
    pub(super) fn sources(&self) -> [Option<Value>; 3] {
        let mut all = self.text.parse::<Table>().unwrap_or_default();
        ["data", "ood", "model"].map(|key| all.remove(key))
    }

    /// Where `asked` is not this recipe with other losses, seeds or values of its sweep, or with other
    /// paths, whose content is compared instead.
    pub fn differences(&self, asked: &Self) -> Vec<String> {
        let (mut before, mut now) = (self.rest.clone(), asked.rest.clone());
        if let (Some(then), Some(today)) = (&self.sweep, &asked.sweep)
            && then.key() == today.key()
        {
            before.remove("sweep");
            now.remove("sweep");
        }
        if self.vary.keys().eq(asked.vary.keys()) {
            before.remove("vary");
            now.remove("vary");
        }
        if self.losses.is_empty() != asked.losses.is_empty() {
            // Which they are may change, but not whether they have a part in it.
            for (recipe, plan) in [(&mut before, self), (&mut now, asked)] {
                if !plan.losses.is_empty() {
                    recipe.insert("losses".to_owned(), plan.specs().into());
                }
            }
        }
        differences(before, now)
    }

    /// Its losses, seeds and values of what is swept and varied, and those of `more` that are not among
    /// them.
    pub(super) fn joined(&self, more: &Self) -> Extent {
        let losses = joined(&self.losses, &more.losses, |loss| loss.to_string());
        let seeds = joined(&self.seeds, &more.seeds, |seed| *seed);
        let values = |before: &[f64], more: &[f64]| joined(before, more, |value| value.to_bits());
        let sweep = match (&self.sweep, &more.sweep) {
            (Some(Sweep::Le(before)), Some(Sweep::Le(more))) => {
                Some(Sweep::Le(values(before, more)))
            }
            (Some(Sweep::Lr(before)), Some(Sweep::Lr(more))) => {
                Some(Sweep::Lr(values(before, more)))
            }
            (_, sweep) => sweep.clone(),
        };
        let mut vary = more.vary.clone();
        for (name, values) in &mut vary {
            let before = self.vary.get(name).map_or(&[][..], Vec::as_slice);
            *values = joined(before, values, String::clone);
        }
        // What was tuned last counts, and stays where nothing is.
        let apart = |tune: &&Tune| tune.validate_apart(&seeds).is_ok();
        let tune = more.tune.clone().or_else(|| self.tune.as_ref().filter(apart).cloned());
        Extent { losses, seeds, sweep, vary, tune }
    }
}

/// What may grow from one call to the next.
#[derive(Clone, Debug)]
pub struct Extent {
    /// The losses.
    pub losses: Vec<Loss>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The values of what is swept.
    pub sweep: Option<Sweep>,
    /// Those of what is varied.
    pub vary: BTreeMap<String, Vec<String>>,
    /// What is tuned.
    pub tune: Option<Tune>,
}

impl RunPlan {
    /// That of the `text` of a run's recipe; `path` is for messages.
    ///
    /// # Errors
    /// As [`Plan::parse`].
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let RunHead { loss, seed, options, epochs, patience } = parse_toml(path, text)?;
        let mut all: Table = parse_toml(path, text)?;
        remove_what_decides_nothing(&mut all);
        let of_command = all.contains_key("run");
        let lacks =
            |what: &str| Error::malformed(path, "whole file", format!("there is no {what}"));
        if loss.is_none() && (!of_command || options.is_empty()) {
            return Err(lacks("loss"));
        }
        if epochs.is_none() && !of_command {
            return Err(lacks("number of epochs"));
        }
        let setting = loss.map_or_else(Setting::without_loss, Setting::from);
        let setting = Setting { options: options.into_iter().collect(), ..setting };
        let epochs = epochs.map(NonZeroUsize::get);
        Ok(Self { setting, seed, epochs, patient: patience.is_some(), all })
    }

    /// As [`Plan::without`].
    #[must_use]
    pub fn without(mut self, keys: &[&str]) -> Self {
        self.all.retain(|key, _| !keys.contains(&key));
        self
    }

    fn of(setting: Setting, seed: u64, all: Table) -> Result<Self> {
        let epochs = all.get("epochs").and_then(Value::as_integer);
        let epochs = epochs.and_then(|epochs| usize::try_from(epochs).ok());
        if epochs.is_none() && !all.contains_key("run") {
            let problem = "the recipe does not say how many epochs a run has";
            return Err(Error::Request(problem.to_owned()));
        }
        Ok(Self { setting, seed, epochs, patient: all.contains_key("patience"), all })
    }

    /// Whether it is a run of a command of the user's.
    pub fn is_of_command(&self) -> bool {
        self.all.contains_key("run")
    }

    /// The learning rate in the name of the folder that its own, `path`, is in, if it was swept.
    pub(super) fn swept_lr(&self, path: &Path) -> Option<f64> {
        // Of a command it is an option like any other.
        (!self.is_of_command()).then(|| swept_lr(path)).flatten()
    }

    /// As TOML: what the folder of a command's run keeps.
    pub(super) fn text(&self) -> String {
        self.all.to_string()
    }

    /// Where `asked` is another run; paths count as in a comparison's.
    pub(super) fn differences(&self, asked: &Self) -> Vec<String> {
        match self.all == asked.all {
            true => Vec::new(),
            false => differences(self.all.clone(), asked.all.clone()),
        }
    }
}

/// What of a recipe decides no run: what is compared, how it is shown, and which settings are tried.
const OF_COMPARISON: [&str; 6] = ["name", "losses", "seeds", "primary", "worth", "tune"];

/// Paths, and of a command where it runs and how long it may. What has no effect for another reason
/// ([`Plan::without`]), its reader knows.
fn remove_what_decides_nothing(recipe: &mut Table) {
    remove_paths(recipe);
    if let Some(run) = recipe.get_mut("run").and_then(Value::as_table_mut) {
        run.retain(|key, _| !["directory", "inputs", "timeout", "metrics"].contains(&key));
    }
}

/// Empties the paths of data, of examples from outside and of initial weights.
fn remove_paths(recipe: &mut Table) {
    if let Some(data) = recipe.get_mut("data") {
        empty_paths(data, &["path", "test_path"]);
    }
    if let Some(Value::Array(sets)) = recipe.get_mut("ood") {
        let data = sets.iter_mut().filter_map(|set| set.get_mut("data"));
        data.for_each(|data| empty_paths(data, &["path", "test_path"]));
    }
    if let Some(model) = recipe.get_mut("model") {
        empty_paths(model, &["weights"]);
    }
}

/// Of `[KIND] key = "…"` in a table.
fn empty_paths(of: &mut Value, keys: &[&str]) {
    let kinds = of.as_table_mut().into_iter().flat_map(|table| table.iter_mut());
    for kind in kinds.filter_map(|(_, kind)| kind.as_table_mut()) {
        for (key, value) in kind.iter_mut() {
            if keys.contains(&key.as_str()) && value.is_str() {
                *value = Value::String(String::new());
            }
        }
    }
}

/// `[optimizer.KIND] lr = …`.
fn set_lr(recipe: &mut Table, lr: f64) {
    let optimizer = recipe.get_mut("optimizer").and_then(Value::as_table_mut);
    let kinds = optimizer.into_iter().flat_map(|table| table.iter_mut());
    for kind in kinds.filter_map(|(_, kind)| kind.as_table_mut()) {
        kind.insert("lr".to_owned(), Value::Float(lr));
    }
}

/// The text of a recipe with another `value` in the line of the setting `key`, or without that line.
/// What is no table comes first in it, a line a setting.
fn with_line(text: &str, key: &str, value: Option<Value>) -> String {
    let head = text.find("\n[").map_or(text.len(), |at| at + 1);
    let (head, tables) = text.split_at(head);
    let is_key = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = "));
    let line = |line: &str| match (is_key(line), &value) {
        (false, _) => line.to_owned(),
        (true, Some(value)) => format!("{key} = {value}\n"),
        (true, None) => String::new(),
    };
    head.split_inclusive('\n').map(line).collect::<String>() + tables
}

/// `before`, and what of `more` is not in it; what has the same `key` is the same.
fn joined<T: Clone, K: Eq + std::hash::Hash>(
    before: &[T],
    more: &[T],
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    let mut known = HashSet::new();
    before.iter().chain(more).filter(|one| known.insert(key(one))).cloned().collect()
}

/// Reads TOML; `path` is for messages.
///
/// # Errors
/// Names the file, the line and the column, and what was expected there.
pub fn parse_toml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let problem = error.message().trim_end().replace('\n', ", ");
        Error::malformed(path, format!("line {line}, column {column}"), problem)
    })
}

/// Each setting that differs, by its path.
fn differences(before: Table, asked: Table) -> Vec<String> {
    let mut found = Vec::new();
    compare("", Some(&Value::Table(before)), Some(&Value::Table(asked)), &mut found);
    found
}

/// Descends into tables; names each value that differs by its path.
fn compare(path: &str, before: Option<&Value>, asked: Option<&Value>, found: &mut Vec<String>) {
    if let (Some(Value::Table(a)), Some(Value::Table(b))) = (before, asked) {
        let only_b = b.keys().filter(|key| !a.contains_key(*key));
        for key in a.keys().chain(only_b) {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(&path, a.get(key), b.get(key), found);
        }
    } else if before != asked {
        let show = |value: Option<&Value>| match value {
            Some(Value::Table(_)) => "set".to_owned(),
            Some(value) => value.to_string(),
            None => "not set".to_owned(),
        };
        found.push(format!("{path} is {} there, {} asked for", show(before), show(asked)));
    }
}
