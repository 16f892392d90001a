//! [`Plan`] and [`RunPlan`]: a recipe as a comparison sees it, whatever trains.
//!
//! Losses, seeds and what is swept with them are the comparison's own. The rest decides the runs, too,
//! but means nothing here: it is a table, held against that of another recipe value by value. Paths
//! of data and of initial weights are left out of it, since what lies there counts and not where, and
//! so is what has no effect.

use std::num::NonZeroUsize;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use steepness::Loss;
use toml::{Table, Value};

use super::fields::{name, seeds};
use super::{Select, Setting, Sweep, spec};
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
    /// What is varied for every loss.
    pub sweep: Option<Sweep>,
    /// All of it as TOML, every setting spelt out, a line a value: what the folder keeps and the page
    /// shows.
    pub text: String,
    /// What is neither name, losses, seeds nor primary, no path, and has an effect.
    rest: Table,
}

/// The recipe of one of its runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPlan {
    /// The loss.
    pub loss: Loss,
    /// The seed.
    pub seed: u64,
    /// Epochs of its training.
    pub epochs: usize,
    /// Whether it may end before the last of them.
    pub patient: bool,
    /// All that decides it, but no paths; its loss and its seed among it.
    all: Table,
}

/// What of a comparison's recipe is no business of its runner.
#[derive(Deserialize)]
struct Head {
    #[serde(deserialize_with = "name")]
    name: String,
    #[serde(with = "spec::list")]
    losses: Vec<Loss>,
    #[serde(deserialize_with = "seeds")]
    seeds: Vec<u64>,
    select: Select,
    #[serde(default)]
    primary: Option<String>,
    #[serde(default, deserialize_with = "Sweep::checked")]
    sweep: Option<Sweep>,
}

/// The same of a run's.
#[derive(Deserialize)]
struct RunHead {
    #[serde(with = "spec::one")]
    loss: Loss,
    seed: u64,
    epochs: NonZeroUsize,
    #[serde(default)]
    patience: Option<NonZeroUsize>,
}

impl Plan {
    /// That of the `text` of a recipe with every setting spelt out; `path` is for messages.
    ///
    /// # Errors
    /// Names the file, the line and the column, and what was expected there.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let Head { name, losses, seeds, select, primary, sweep } = parse_toml(path, text)?;
        let mut rest: Table = parse_toml(path, text)?;
        rest.retain(|key, _| !["name", "losses", "seeds", "primary"].contains(&key));
        remove_what_decides_nothing(&mut rest);
        Ok(Self { name, losses, seeds, select, primary, sweep, text: text.to_owned(), rest })
    }

    /// What is trained with every seed: the losses, and what is swept with each.
    ///
    /// # Errors
    /// A sweep of what none of the losses has.
    pub fn settings(&self) -> Result<Vec<Setting>> {
        match &self.sweep {
            Some(sweep) => sweep.settings(&self.losses),
            None => Ok(self.losses.iter().cloned().map(Setting::from).collect()),
        }
    }

    /// One of its runs.
    ///
    /// # Errors
    /// A recipe that does not say how many epochs a run has.
    pub fn run(&self, setting: &Setting, seed: u64) -> Result<RunPlan> {
        let mut all = self.rest.clone();
        all.remove("sweep");
        all.insert("loss".to_owned(), Value::String(setting.loss.to_string()));
        all.insert("seed".to_owned(), Value::Integer(seed.cast_signed()));
        if let Some(lr) = setting.lr {
            set_lr(&mut all, lr);
        }
        RunPlan::of(setting.loss.clone(), seed, all)
    }

    /// The same with these losses and seeds.
    pub fn with(&self, losses: &[Loss], seeds: &[u64]) -> Self {
        let specs = losses.iter().map(|loss| Value::String(loss.to_string())).collect();
        let numbers = seeds.iter().map(|seed| Value::Integer(seed.cast_signed())).collect();
        let text = with_line(&self.text, "losses", Some(Value::Array(specs)));
        let text = with_line(&text, "seeds", Some(Value::Array(numbers)));
        Self { losses: losses.to_vec(), seeds: seeds.to_vec(), text, ..self.clone() }
    }

    /// The first 12 hex digits of the SHA-256 of its text, without what only orders the table.
    pub fn hash(&self) -> String {
        let made = with_line(&self.text, "primary", None);
        format!("{:x}", Sha256::digest(made))[..12].to_owned()
    }

    /// The setting of that name, as a table of the recipe has it.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.rest.get(key)
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
        differences(before, now)
    }

    /// Its losses, seeds and values of its sweep, and those of `more` that are not among them.
    pub(super) fn joined(&self, more: &Self) -> (Vec<Loss>, Vec<u64>, Option<Sweep>) {
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
        (losses, seeds, sweep)
    }
}

impl RunPlan {
    /// That of the `text` of a run's recipe; `path` is for messages.
    ///
    /// # Errors
    /// As [`Plan::parse`].
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let RunHead { loss, seed, epochs, patience } = parse_toml(path, text)?;
        let mut all: Table = parse_toml(path, text)?;
        remove_what_decides_nothing(&mut all);
        Ok(Self { loss, seed, epochs: epochs.get(), patient: patience.is_some(), all })
    }

    fn of(loss: Loss, seed: u64, all: Table) -> Result<Self> {
        let epochs = all.get("epochs").and_then(Value::as_integer);
        let epochs = epochs.and_then(|epochs| usize::try_from(epochs).ok());
        let epochs = epochs.ok_or_else(|| {
            Error::Request("the recipe does not say how many epochs a run has".to_owned())
        })?;
        Ok(Self { loss, seed, epochs, patient: all.contains_key("patience"), all })
    }

    /// Where `asked` is another run; paths count as in a comparison's.
    pub(super) fn differences(&self, asked: &Self) -> Vec<String> {
        match self.all == asked.all {
            true => Vec::new(),
            false => differences(self.all.clone(), asked.all.clone()),
        }
    }
}

/// Data that are no images, of which there are no attacks, whatever the recipe says.
const NO_IMAGES: [&str; 3] = ["table", "tu", "parallel"];

/// Paths, and attacks on data that are not attacked.
fn remove_what_decides_nothing(recipe: &mut Table) {
    remove_paths(recipe);
    let data = recipe.get("data").and_then(Value::as_table);
    if data.is_some_and(|data| NO_IMAGES.iter().any(|kind| data.contains_key(*kind))) {
        recipe.remove("attack");
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
    let mut known = std::collections::HashSet::new();
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
