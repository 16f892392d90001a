//! `--tune` and what goes with it: each loss at its own best.

use std::num::NonZeroUsize;

use steepness_compare::tune::{TrialSeeds, Tune};
use steepness_compare::{Error, Setting, console};

use crate::option_values::OptionValues;

/// What can be said of it.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// Tune an option for every loss, such as lr=0.01,0.03,0.1, and compare each at its own best
    ///
    /// Several are combined each with each. Every loss gets the same trials, which are judged on the
    /// validation part with seeds that the comparison does not use; the report then says which value each
    /// loss took, and compares them there and with one value for all: the recipe's learning rate, or of
    /// a command of yours the first value that is named. Of our own trainings the learning rate, lr, can
    /// be tuned; of a command whatever it takes as {NAME}.
    #[arg(long, value_name = "NAME=VALUES")]
    tune: Vec<OptionValues>,

    /// Try so many of the combinations, drawn once for all losses, instead of all
    #[arg(long, value_name = "N", value_parser = crate::numbers::count, allow_negative_numbers = true)]
    trials: Option<NonZeroUsize>,

    /// Seeds of each trial: how many (2 without it: 1000 and 1001, or beyond the highest), or a list
    #[arg(long, value_name = "COUNT|LIST", value_parser = parse_seeds, allow_negative_numbers = true)]
    tune_seeds: Option<TrialSeeds>,

    /// What trials are judged by on the validation part, instead of the first metric of the table
    ///
    /// accuracy, nll and so on of val_logits.npy, or val_NAME in the metrics.json of a command of yours.
    #[arg(long, value_name = "METRIC")]
    tune_metric: Option<String>,
}

impl Args {
    /// What the recipe says, with what the command line changes in it.
    ///
    /// # Errors
    /// What goes with tuning, where nothing is tuned.
    pub fn of(&self, recipe: Option<Tune>) -> Result<Option<Tune>, Error> {
        let mut tune = recipe.unwrap_or_default();
        if !self.tune.is_empty() {
            let option = |varied: &OptionValues| (varied.name.clone(), varied.values.clone());
            tune.options = self.tune.iter().map(option).collect();
            // A number of draws was one of the recipe's grid.
            tune.trials = None;
        }
        if tune.options.is_empty() {
            let given = [
                ("--trials", self.trials.is_some()),
                ("--tune-seeds", self.tune_seeds.is_some()),
                ("--tune-metric", self.tune_metric.is_some()),
            ];
            return match given.iter().find(|(_, given)| *given) {
                None => Ok(None),
                Some((option, _)) => Err(Error::Request(format!(
                    "{option} is for tuning: --tune lr=0.01,0.03,0.1 says what is tuned"
                ))),
            };
        }
        tune.trials = self.trials.or(tune.trials);
        tune.seeds = self.tune_seeds.clone().unwrap_or(tune.seeds);
        tune.metric = self.tune_metric.clone().or(tune.metric);
        tune.validate()?;
        Ok(Some(tune))
    }
}

/// Says of a list of the runs that are `left` of a comparison with these `seeds` that it is not all.
pub fn say_of_list(tune: Option<&Tune>, seeds: &[u64], left: &[(Setting, u64)]) {
    let trials = tune.map_or_else(Vec::new, |tune| tune.seeds(seeds));
    if left.iter().any(|(_, seed)| trials.contains(seed)) {
        console::say(
            "trials are among them: what each loss takes is known when they are done, and --list then \
             prints the runs with that",
        );
    }
}

/// As `--seeds`, but that a count is of seeds beyond those of the comparison.
fn parse_seeds(text: &str) -> Result<TrialSeeds, String> {
    let seeds = crate::seeds::parse_seeds(text)?.0;
    match text.contains(',') {
        true => Ok(TrialSeeds::List(seeds)),
        false => {
            u16::try_from(seeds.len()).map(TrialSeeds::Count).map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Args {
        #[derive(clap::Parser)]
        struct Program {
            #[command(flatten)]
            args: Args,
        }
        let words = ["x"].iter().chain(words);
        <Program as clap::Parser>::try_parse_from(words).expect("it is read").args
    }

    #[test]
    fn the_command_line_goes_before_the_recipe() {
        assert_eq!(args(&[]).of(None).unwrap(), None);
        let typed = ["--tune", "lr=0.1,1", "--tune", "wd=0", "--tune-seeds", "3", "--trials", "2"];
        let tune = args(&typed).of(None).unwrap().unwrap();
        assert_eq!((tune.options.len(), &tune.seeds), (2, &TrialSeeds::Count(3)));
        let again =
            args(&["--tune", "lr=5", "--tune-metric", "nll"]).of(Some(tune)).unwrap().unwrap();
        assert_eq!((again.options["lr"].as_slice(), again.trials), (&["5".to_owned()][..], None));
        assert_eq!((again.seeds, again.metric.as_deref()), (TrialSeeds::Count(3), Some("nll")));
        for wrong in [&["--trials", "3"][..], &["--tune-metric", "nll"], &["--tune-seeds", "7,"]] {
            let error = args(wrong).of(None).unwrap_err().to_string();
            assert!(error.contains("says what is tuned"), "{error}");
        }
        assert!(args(&["--tune", "lr=1,1"]).of(None).is_err());
    }
}
