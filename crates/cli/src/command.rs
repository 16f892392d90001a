//! `--run`: a comparison of a command that the user wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use steepness_compare::command::{self, CommandRecipe, MetricRecipe, Run};
use steepness_compare::launch::LaunchRecipe;
use steepness_compare::{Better, Error, report};

use crate::option_values::{OptionValues, parse_pair};
use crate::seeds::Seeds;
use crate::shared::{Shared, say_how_to_go_on};
use crate::tune;

/// What can be said of it.
#[derive(clap::Args)]
#[command(next_help_heading = "Your own training")]
#[group(skip)]
pub struct Args {
    /// A command that trains once: 'python train.py --loss {loss} --seed {seed} --out {out}'
    ///
    /// It is split into words as a shell does, and no shell runs it (sh -c '...' does). {loss}, {seed}, {out}
    /// and what is varied are put in; the same is in STEEPNESS_LOSS, STEEPNESS_SEED and STEEPNESS_RUN. In
    /// the folder {out} it leaves logits.npy and labels.npy of its test part, or metrics.json. What it
    /// prints goes to log.txt there. A recipe with a table [run] says the same.
    #[arg(long = "run", value_name = "COMMAND", conflicts_with = "recipe")]
    run: Option<String>,

    /// Vary an option of the command: optimizer=sgd,adam is {optimizer} in it
    ///
    /// Several are combined each with each, and with the losses. Without --loss the loss has no part
    /// in it; loss=mine,theirs names losses that are not of this project.
    #[arg(long, value_name = "NAME=VALUES")]
    vary: Vec<OptionValues>,

    /// Where the command runs, instead of here
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Files that it reads, as a pattern: 'data/*.csv'
    ///
    /// They are hashed, and so are files that the command names, such as its script. Where one has
    /// changed, finished runs are refused (--fresh makes them anew) and never mixed with new ones.
    #[arg(long, value_name = "PATTERN")]
    inputs: Vec<String>,

    /// A variable of its environment, which is part of what makes a run
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    env: Vec<(String, String)>,

    /// How long a run may take: 90s, 30m, 6h
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,

    /// A metric of metrics.json that has to be there, and which way is better: wer=lower
    #[arg(long, value_name = "NAME=higher|lower", value_parser = parse_metric)]
    metric: Vec<(String, Better)>,
}

impl Args {
    /// Whether a command is to be compared: `recipe` may be that of one.
    ///
    /// # Errors
    /// Options that only a command has, without one.
    pub fn is_asked_for(&self, recipe: Option<&Path>) -> Result<bool, Error> {
        // What cannot be read is said by who reads it, and a pipe is read but once.
        let file = recipe.filter(|path| path.is_file());
        let text = file.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        if self.run.is_some() || command::is_of_command(&text) {
            return Ok(true);
        }
        let given = [
            ("--vary", !self.vary.is_empty()),
            ("--directory", self.directory.is_some()),
            ("--inputs", !self.inputs.is_empty()),
            ("--env", !self.env.is_empty()),
            ("--timeout", self.timeout.is_some()),
            ("--metric", !self.metric.is_empty()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Error::Request(format!(
                "{option} is for a command of yours: --run 'python train.py …' or a recipe with [run]"
            ))),
            None => Ok(false),
        }
    }

    /// Compares it.
    ///
    /// # Errors
    /// What is asked in vain, and runs that fail.
    pub fn run(&self, recipe: Option<&Path>, shared: &Shared) -> anyhow::Result<()> {
        let recipe = self.recipe(recipe, shared)?;
        let out = shared.out.clone().unwrap_or_else(|| Path::new("runs").join(&recipe.name));
        let options = shared.options(!shared.launch.fail_fast);
        if shared.launch.list {
            let left = command::unfinished(&recipe, &out, &options)?;
            tune::say_of_list(recipe.tune.as_ref(), &recipe.seeds, &left);
            return Ok(shared.launch.print_list(&left, &out, Vec::new())?);
        }
        let launch = shared.launch.launch(&recipe.launch, Vec::new())?;
        match command::compare(&recipe, &out, &launch, &options) {
            Err(error) if error.is_interrupted() => {
                say_how_to_go_on();
                Err(error.into())
            }
            done => {
                let (comparison, folder) = done?;
                shared.report(comparison, &folder, self.run.is_some())
            }
        }
    }

    /// The recipe with what the command line changes in it.
    fn recipe(&self, path: Option<&Path>, shared: &Shared) -> anyhow::Result<CommandRecipe> {
        let mut recipe = match path {
            Some(path) => {
                let text = fs::read_to_string(path).map_err(Error::input(path))?;
                CommandRecipe::parse(path, &text)?
            }
            None => {
                let words = command::split(self.run.as_deref().unwrap_or_default())?;
                CommandRecipe {
                    name: name_of(&words),
                    losses: Vec::new(),
                    seeds: vec![0, 1, 2, 3, 4],
                    primary: None,
                    worth: None,
                    tune: None,
                    vary: BTreeMap::new(),
                    run: Run { command: words, ..Run::default() },
                    launch: LaunchRecipe::default(),
                }
            }
        };
        let losses = shared.losses()?;
        if !losses.is_empty() {
            recipe.losses = losses;
        }
        if let Some(Seeds(seeds)) = &shared.seeds {
            recipe.seeds.clone_from(seeds);
        }
        for OptionValues { name, values } in &self.vary {
            recipe.vary.insert(name.clone(), values.clone());
        }
        let run = &mut recipe.run;
        if let Some(directory) = &self.directory {
            run.directory.clone_from(directory);
        }
        run.inputs.extend(self.inputs.iter().cloned());
        run.env.extend(self.env.iter().cloned());
        let declared = |(name, direction): &(String, Better)| {
            (name.clone(), MetricRecipe { direction: *direction })
        };
        run.metrics.extend(self.metric.iter().map(declared));
        if self.timeout.is_some() {
            run.timeout.clone_from(&self.timeout);
        }
        if shared.primary.is_some() {
            recipe.primary.clone_from(&shared.primary);
        }
        recipe.worth = shared.worth.or(recipe.worth);
        recipe.tune = shared.tune.of(recipe.tune.take())?;
        // One that is not declared may still be in metrics.json, of which nothing is known here.
        if let Some(key) =
            recipe.primary.as_deref().filter(|key| !recipe.run.metrics.contains_key(*key))
            && !recipe.run.metrics.is_empty()
        {
            report::find_metric(key)?;
        }
        Ok(recipe)
    }
}

/// What a comparison of that command is called: as its script, or as the program.
fn name_of(words: &[String]) -> String {
    let is_script = |word: &&String| {
        Path::new(word).extension().is_some() && !word.starts_with('-') && !word.contains('{')
    };
    let word = words.iter().find(is_script).or(words.first());
    let stem = word.and_then(|word| Path::new(word).file_stem()).unwrap_or_default();
    let safe = |c: &char| c.is_alphanumeric() || "-_".contains(*c);
    let name: String = stem.to_string_lossy().chars().filter(safe).take(100).collect();
    if name.is_empty() { "command".to_owned() } else { name }
}

fn parse_metric(text: &str) -> Result<(String, Better), String> {
    // Its name may be any.
    let (name, direction) = text
        .rsplit_once('=')
        .ok_or_else(|| format!("{text:?} is not NAME=higher or NAME=lower"))?;
    Ok((name.to_owned(), direction.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_named_after_their_script() {
        for (command, name) in [
            ("python train.py --loss {loss}", "train"),
            ("./run.sh", "run"),
            ("python -m birds.train --out={out}", "birds"),
            ("R --slave", "R"),
            ("{loss}", "loss"),
        ] {
            assert_eq!(name_of(&command::split(command).unwrap()), name, "{command}");
        }
    }

    #[test]
    fn metrics_are_read_in_words() {
        assert_eq!(parse_metric("a=b=lower").unwrap(), ("a=b".to_owned(), Better::Lower));
        assert!(parse_metric("wer=down").unwrap_err().contains("neither higher nor lower"));
    }
}
