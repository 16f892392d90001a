//! [`CommandRecipe`]: a comparison of a command of the user's, as a file says it.
//!
//! ```toml
//! name = "birds"
//! losses = ["ce", "el(le=0.75)"]
//! seeds = 5
//! [vary]                                  # where something else is to be compared, or is as well
//! optimizer = ["sgd", "adam"]
//! [tune]                                  # what each loss gets its own best value of: see `tune`
//! lr = [0.01, 0.1]
//! [run]
//! command = "python train.py --loss {loss} --seed {seed} --out {out} --optimizer {optimizer}"
//! directory = "."                         # where it runs; from the file's folder
//! inputs = ["data/*.csv"]                 # what it reads, beside files that the command names
//! timeout = "6h"
//! [run.env]
//! TOKENIZERS_PARALLELISM = "false"
//! [run.metrics.wer]                       # a metric of its own, from metrics.json
//! direction = "lower"
//! [launch.slurm]                          # where the runs are made: see `launch`
//! options = ["--partition=gpu"]
//! ```

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use steepness::Loss;

use super::duration;
use super::words::{is_name, placeholders, words};
use crate::fields::{name, validate_seeds, values, worth};
use crate::launch::LaunchRecipe;
use crate::layout::MARKER;
use crate::tune::Tune;
use crate::{AnyRecipe, Better, Error, Extent, Plan, Result, RunDir, parse_toml, spec};

/// What is compared, and by which command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRecipe {
    /// Its name, which is also that of the output folder.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// The losses; none where the loss has no part in it.
    #[serde(default, with = "spec::list", skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<Loss>,
    /// The seeds: a list, or a count.
    #[serde(deserialize_with = "seeds")]
    pub seeds: Vec<u64>,
    /// The metric that table and page begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
    /// What difference in that metric is worth having.
    #[serde(default, deserialize_with = "worth", skip_serializing_if = "Option::is_none")]
    pub worth: Option<f64>,
    /// What is tuned for every loss.
    #[serde(
        default,
        deserialize_with = "Tune::validated",
        skip_serializing_if = "Option::is_none"
    )]
    pub tune: Option<Tune>,
    /// Options that are varied, each with its values; several are combined each with each.
    #[serde(default, deserialize_with = "values", skip_serializing_if = "BTreeMap::is_empty")]
    pub vary: BTreeMap<String, Vec<String>>,
    /// The command.
    pub run: Run,
    /// Where its runs are made, which decides nothing about them.
    #[serde(default, skip_serializing)]
    pub launch: LaunchRecipe,
}

/// `[run]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its words, with placeholders: `{loss}`, `{seed}`, `{out}` and what is varied.
    #[serde(deserialize_with = "words")]
    pub command: Vec<String>,
    /// Where it runs.
    #[serde(default)]
    pub directory: PathBuf,
    /// Patterns of files that it reads, from there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// How long a run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Variables of its environment, beside those that it inherits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Which way is better, of metrics of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, MetricRecipe>,
}

/// `[run.metrics.NAME]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricRecipe {
    /// Which way is better.
    pub direction: Better,
}

/// Whether `text` is the recipe of a command: whether it has a table `[run]`.
pub fn is_of_command(text: &str) -> bool {
    text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("run"))
}

impl CommandRecipe {
    /// Reads the `text` of the file at `path`; relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// Names the file, the line and the column, and what was expected there; what makes no sense.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut recipe: Self = parse_toml(path, text)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        recipe.run.directory = folder.join(&recipe.run.directory);
        Ok(recipe)
    }

    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// Says what would.
    pub fn validate(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Request(problem));
        if self.losses.is_empty() && self.vary.is_empty() {
            if self.tune.is_some() {
                return refuse(
                    "tune: there is nothing to compare at its best: --loss ce --loss 'el(le=0.75)' \
                     names losses, --vary NAME=a,b anything else"
                        .to_owned(),
                );
            }
            return refuse(
                "nothing is compared: --loss ce --loss 'el(le=0.75)' names losses, --vary NAME=a,b \
                 anything else"
                    .to_owned(),
            );
        }
        for (name, values) in &self.vary {
            let taken = ["seed", "out"].contains(&name.as_str());
            if taken || !is_name(name) || name == "loss" && !self.losses.is_empty() {
                let why = if is_name(name) { "is taken" } else { "is no name" };
                return refuse(format!("vary: {name:?} {why}"));
            }
            if let Some(value) = crate::fields::repeated(values.iter()) {
                return refuse(format!("vary: {name} = {value:?} is there twice"));
            }
            if values.is_empty() {
                return refuse(format!("vary: {name} needs a value at least"));
            }
        }
        if let Some(tune) = &self.tune {
            tune.validate()?;
            for name in tune.options.keys() {
                let taken = ["seed", "out", "loss"].contains(&name.as_str());
                if taken || !is_name(name) || self.vary.contains_key(name) {
                    let why = match (is_name(name), taken) {
                        (false, _) => "is no name",
                        (true, true) => "is taken",
                        (true, false) => "is varied already",
                    };
                    return refuse(format!("tune: {name:?} {why}"));
                }
            }
        }
        if self.run.command.first().is_none_or(String::is_empty) {
            return refuse("the command is empty".to_owned());
        }
        let known = self.known_placeholders();
        for name in self.run.command.iter().flat_map(|word| placeholders(word)) {
            if !known.iter().any(|known| known == name) {
                let hint = match name {
                    "loss" => "--loss says which losses there are".to_owned(),
                    _ => format!(
                        "--vary {name}=a,b gives it values; there are {}, and {{{{ is a brace",
                        known
                            .iter()
                            .map(|name| format!("{{{name}}}"))
                            .collect::<Vec<_>>()
                            .join(" ")
                    ),
                };
                return refuse(format!(
                    "the command has {{{name}}}, which stands for nothing: {hint}"
                ));
            }
        }
        if let Some(name) = self.run.env.keys().find(|name| !is_name(name)) {
            return refuse(format!("env: {name:?} is no name of a variable"));
        }
        if let Some(name) = self.run.metrics.keys().find(|name| name.is_empty()) {
            return refuse(format!("metrics: {name:?} is no name"));
        }
        self.timeout()?;
        self.validate_folders()
    }

    /// Settings whose folders would be the same.
    fn validate_folders(&self) -> Result<()> {
        let mut folders = HashMap::new();
        for setting in self.plan()?.possible()? {
            let folder = RunDir::new(Path::new(""), &setting, 0).path().to_owned();
            if let Some(other) = folders.insert(folder, setting.clone()) {
                return Err(Error::Request(format!(
                    "{other} and {setting} would have one folder: letters and digits tell values apart"
                )));
            }
        }
        Ok(())
    }

    /// How long a run may take.
    ///
    /// # Errors
    /// What is no time.
    pub fn timeout(&self) -> Result<Option<Duration>> {
        let parse = |text: &String| duration::parse(text).map_err(Error::Request);
        self.run.timeout.as_ref().map(parse).transpose()
    }

    fn known_placeholders(&self) -> Vec<String> {
        let loss = (!self.losses.is_empty()).then(|| "loss".to_owned());
        let own = ["seed", "out"].map(str::to_owned);
        let tuned = self.tune.iter().flat_map(|tune| tune.options.keys().cloned());
        loss.into_iter().chain(own).chain(self.vary.keys().cloned()).chain(tuned).collect()
    }

    /// The same with everything spelt out that follows from the rest.
    #[must_use]
    pub fn settled(&self) -> Self {
        let tune = self.tune.as_ref().map(|tune| tune.settled(&self.seeds));
        Self { tune, ..self.clone() }
    }

    fn to_toml(&self) -> Result<String> {
        toml::to_string(&self.settled()).map_err(|error| Error::refused("the recipe: ", error))
    }
}

impl AnyRecipe for CommandRecipe {
    fn plan(&self) -> Result<Plan> {
        Plan::parse(Path::new(MARKER), &self.to_toml()?)
    }

    fn spelt_as(&self, before: &Plan) -> Result<Self> {
        let before: Self = parse_toml(Path::new(MARKER), &before.text)?;
        let mut recipe = Self { name: before.name, ..self.clone() };
        let place = |path: &Path| path.canonicalize().ok();
        if place(&before.run.directory).is_some_and(|it| place(&self.run.directory) == Some(it)) {
            recipe.run.directory = before.run.directory;
        }
        Ok(recipe)
    }

    fn with(&self, Extent { losses, seeds, vary, tune, .. }: Extent) -> Self {
        Self { losses, seeds, vary, tune, ..self.clone() }
    }
}

/// For `deserialize_with`: a list of seeds, or how many.
fn seeds<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a list of seeds, or how many (1 to 10000)")]
    enum Typed {
        Count(u16),
        List(Vec<u64>),
    }
    let seeds = match Typed::deserialize(from)? {
        Typed::Count(count) => (0..u64::from(count)).collect(),
        Typed::List(seeds) => seeds,
    };
    validate_seeds(&seeds).map_err(serde::de::Error::custom)?;
    Ok(seeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
name = "birds"
losses = ["ce", "el(le=0.75)"]
seeds = 3
[vary]
lr = [0.01, "1e-3"]
[run]
command = "python 'my train.py' --loss {loss} --lr {lr} {seed} {out}"
directory = "code"
timeout = "6h"
[run.metrics.wer]
direction = "lower"
"#;

    fn recipe(text: &str) -> Result<CommandRecipe> {
        let recipe = CommandRecipe::parse(Path::new("a/birds.toml"), text)?;
        recipe.validate().map(|()| recipe)
    }

    #[test]
    fn comes_back_from_its_text() {
        let recipe = recipe(TEXT).unwrap();
        assert_eq!(recipe.run.command[1], "my train.py");
        assert_eq!(recipe.run.directory, Path::new("a/code"));
        let plan = recipe.plan().unwrap();
        assert!(plan.is_of_command() && is_of_command(&plan.text) && !is_of_command("seeds = 1"));
        let again: CommandRecipe = parse_toml(Path::new("x"), &plan.text).unwrap();
        assert_eq!(again, recipe);
        let settings: Vec<_> = plan.settings().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(settings[..2], ["ce, lr=0.01", "ce, lr=1e-3"]);
        assert_eq!(plan.directions["wer"], Better::Lower);
        let run = plan.run(&plan.settings().unwrap()[3], 2).unwrap();
        let read = crate::RunPlan::parse(Path::new("r"), &run.text()).unwrap();
        assert_eq!((read.setting.to_string(), read.seed), ("el(le=0.75), lr=1e-3".to_owned(), 2));
        assert_eq!(read.differences(&run), [""; 0]);
    }

    #[test]
    fn only_what_decides_a_run_tells_recipes_apart() {
        let plan = |text: &str| recipe(text).unwrap().plan().unwrap();
        let before = plan(TEXT);
        for (old, new) in [
            ("\"6h\"", "\"7h\""),
            ("\"code\"", "\"elsewhere\""),
            ("\"lower\"", "\"higher\""),
            ("seeds = 3", "seeds = [7]"),
            ("[0.01, \"1e-3\"]", "[0.1]"),
            ("\"ce\", ", ""),
        ] {
            assert!(TEXT.contains(old));
            let other = plan(&TEXT.replace(old, new));
            assert_eq!(before.differences(&other), [""; 0], "{new}");
            assert_eq!(
                before.hash() == other.hash(),
                !["seeds", "[0.0", "\"ce"].iter().any(|o| old.starts_with(o)),
                "{new}"
            );
        }
        let worth = plan(&TEXT.replace("seeds = 3", "seeds = 3\nworth = 0.5"));
        assert_eq!(before.differences(&worth), [""; 0]);
        assert_eq!((worth.worth, worth.hash()), (Some(0.5), before.hash()));
        let tuned = plan(&(TEXT.to_owned() + "[tune]\nwd = [0, 0.1]\n"));
        assert_eq!(before.differences(&tuned), [""; 0], "its runs are no others");
        assert_ne!(tuned.hash(), before.hash());
        assert_eq!(tuned.joined(&before).tune, tuned.tune);
        let other = plan(&TEXT.replace("my train.py", "train.py"));
        assert!(before.differences(&other)[0].starts_with("run.command is ["));
        let other = plan(&(TEXT.to_owned() + "[run.env]\nA = \"1\"\n"));
        assert_eq!(before.differences(&other), ["run.env is not set there, set asked for"]);
        let joined = before.joined(&plan(&TEXT.replace("[0.01, \"1e-3\"]", "[0.1, 0.01]")));
        assert_eq!(joined.vary["lr"], ["0.01", "1e-3", "0.1"]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let losses = "losses = [\"ce\", \"el(le=0.75)\"]\n";
        for (old, new, expected) in [
            (losses, "", "the command has {loss}, which stands for nothing: --loss says"),
            ("{lr}", "{rate}", "{rate}, which stands for nothing: --vary rate=a,b gives it values"),
            ("lr = [0.01, \"1e-3\"]", "lr = [1, \"1\"]", "lr = \"1\" is there twice"),
            ("lr = [0.01, \"1e-3\"]", "lr = []", "lr needs a value at least"),
            ("lr = [0.01, \"1e-3\"]", "lr = [\"a/b\", \"ab\"]", "would have one folder"),
            ("lr = [0.01, \"1e-3\"]", "lr = [1]\nseed = [1]", "\"seed\" is taken"),
            ("\"6h\"", "\"6 hours\"", "is no time such as 90s"),
            ("'my", "my", "quotation mark"),
            ("seeds = 3", "seeds = 0", "at least one seed"),
            ("direction = \"lower\"", "direction = \"down\"", "unknown variant `down`"),
            ("timeout", "timeuot", "unknown field `timeuot`"),
            ("seeds = 3", "seeds = 3\nworth = -1", "worth = -1 must be above 0"),
            ("[run]", "[tune]\nlr = [1]\n[run]", "tune: \"lr\" is varied already"),
            ("[run]", "[tune]\nout = [1]\n[run]", "tune: \"out\" is taken"),
        ] {
            assert!(TEXT.contains(old), "{old}");
            let error = recipe(&TEXT.replace(old, new)).unwrap_err();
            assert!(error.to_string().contains(expected) && error.exit_code() == 2, "{error}");
        }
    }
}
