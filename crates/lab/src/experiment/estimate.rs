//! How long a comparison will take, from a few steps of the real model on the real data and what
//! measuring it will come to.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use tch::Device;

use super::RunRecipe;
use super::effort::{Effort, Sizes, Speed};
use super::representation::MOST;
use crate::data::{DataSet, Examples, order};
use crate::models::{self, Mode, Model};
use crate::train::Optimizer;
use crate::{Error, Result};

/// How many steps are measured: so many at least, and then up to so many until that time is over.
const STEPS: (usize, usize) = (3, 200);
const MEASURED: Duration = Duration::from_millis(150);

/// A step is a forward and a backward pass; forward alone takes about a third of it.
const FORWARD: f64 = 1.0 / 3.0;

/// What the runs of a comparison will take.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    /// Seconds in all.
    pub seconds: f64,
    /// How many runs.
    pub runs: usize,
    /// How many of them side by side.
    pub jobs: usize,
    /// How many steps were measured.
    pub steps: usize,
    /// As how many examples measuring one run counts, by the time that it takes.
    pub measuring: f64,
    /// Whether the trainings may end before their last epoch.
    pub patient: bool,
}

impl Estimate {
    /// Measures a run of `recipe` that is thrown away: its model, its batches and its numbers are
    /// its own, and no random number is drawn that a run would draw differently for it. `runs` are
    /// still to be made, `jobs` at a time.
    ///
    /// # Errors
    /// What stands in the way of the run itself.
    pub fn new(
        recipe: &RunRecipe,
        data: &DataSet,
        device: Device,
        runs: usize,
        jobs: usize,
    ) -> Result<Self> {
        let parts = data.parts(recipe.seed)?;
        let learned = recipe.augment.measured(Cow::Owned(parts.train.at_most(MOST)))?;
        let parts = recipe.augment.parts(parts, recipe.seed)?;
        let model = models::build(&recipe.model, &parts.train.spec(), recipe.seed)?;
        model.weights().move_to(device)?;
        let (example, steps) = step(recipe, &*model, &parts.train, device)?;
        let train = parts.train.targets() as f64;
        let epoch = train + FORWARD * parts.validation.targets() as f64;
        let sizes = Sizes::new(recipe, data, &*model, [&learned, &parts.validation, &parts.test])?;
        let effort = Effort::new(&sizes, &Speed::find(FORWARD * example)?);
        let measuring = effort.total(data.ood.len()) / example;
        // A stage that trains the last layer alone goes through the rest forward.
        let stages = [&recipe.crt, &recipe.probe].into_iter().flatten();
        let stages: usize = stages.map(|stage| stage.epochs.unwrap_or(recipe.epochs).get()).sum();
        let epochs = recipe.epochs.get() as f64 + FORWARD * stages as f64;
        // Training on attacked examples takes as many more passes.
        let adversarial = recipe.adversarial.as_ref().map_or(0.0, |a| a.attack.attack().cost());
        let adversarial = adversarial * recipe.epochs.get() as f64 * train;
        let run = epochs * epoch + adversarial + measuring;
        let rounds = runs.div_ceil(jobs.max(1));
        let (seconds, patient) = (rounds as f64 * run * example, recipe.patience.is_some());
        Ok(Self { seconds, runs, jobs, steps, measuring, patient })
    }
}

/// Seconds that a prediction takes to learn from, and how many steps were measured.
fn step(
    recipe: &RunRecipe,
    model: &dyn Model,
    train: &Examples,
    device: Device,
) -> Result<(f64, usize)> {
    let mut criterion = recipe.loss.criterion_with_counts(&train.counts())?;
    criterion.set_epoch(1, recipe.epochs.get());
    let mut optimizer = Optimizer::new(&recipe.optimizer, model.weights().parameters())?;
    let source = train.source()?;
    let (mut start, mut steps, mut seen) = (Instant::now(), 0, 0);
    // An epoch may be shorter than what is to be measured.
    'measure: for epoch in 1.. {
        for batch in source.batches(&order(train.len(), recipe.seed, epoch), recipe.batch.get())? {
            let batch = batch?.to(device)?;
            let mode =
                Mode::Train { seed: recipe.seed, pass: steps as u64, precision: recipe.precision };
            let logits = model.forward(&batch.inputs, mode)?;
            criterion.forward_tch(&logits, &batch.targets)?.f_backward()?;
            // Without a rate nothing moves: what is measured does not depend on where it leads.
            optimizer.step(model.weights().parameters(), 0.0, steps as u64 + 1)?;
            steps += 1;
            if steps == 1 {
                // The first one allocates.
                start = Instant::now();
                continue;
            }
            seen += batch.len();
            if steps > STEPS.1 || steps > STEPS.0 && start.elapsed() >= MEASURED {
                break 'measure;
            }
        }
        if train.is_empty() {
            return Err(Error::Request("there are no training examples".to_owned()));
        }
    }
    let steps = steps - 1;
    Ok((start.elapsed().as_secs_f64() / seen as f64, steps))
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { seconds, runs, jobs, steps, patient, .. } = *self;
        let several = |count: f64, unit: &str| {
            let count = count.round().max(1.0);
            format!("{count} {unit}{}", if count == 1.0 { "" } else { "s" })
        };
        let time = match seconds {
            s if s < 60.0 => several(s, "second"),
            s if s < 5400.0 => several(s / 60.0, "minute"),
            s => several(s / 3600.0, "hour"),
        };
        let runs = several(runs as f64, "run");
        let side = if jobs > 1 { format!(", {jobs} at a time") } else { String::new() };
        let less = if patient { ", less where a training ends early" } else { "" };
        write!(
            f,
            "about {time} for {runs}{side}{less} (guessed from {steps} steps: it may be half or twice that)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Recipe;
    use super::*;
    use crate::data::load;

    #[test]
    fn times_are_rounded_to_what_is_known() {
        let text = |seconds, runs, jobs| {
            let patient = seconds > 9500.0;
            let text =
                Estimate { seconds, runs, jobs, steps: 9, measuring: 0.0, patient }.to_string();
            text.split(" (").next().unwrap().to_owned()
        };
        assert_eq!(text(0.2, 1, 1), "about 1 second for 1 run");
        assert_eq!(text(44.4, 20, 2), "about 44 seconds for 20 runs, 2 at a time");
        assert_eq!(text(100.0, 20, 1), "about 2 minutes for 20 runs");
        assert_eq!(text(9000.0, 20, 1), "about 3 hours for 20 runs");
        // A patience may end each of them before.
        assert_eq!(
            text(10_000.0, 20, 1),
            "about 3 hours for 20 runs, less where a training ends early"
        );
    }

    #[test]
    fn more_work_takes_longer_and_more_hands_shorten_it() {
        tch::set_num_threads(1);
        let recipe = Recipe::embedded().unwrap();
        let data = load(&recipe.data).unwrap();
        let run = recipe.run(&recipe.settings().unwrap()[3], 0);
        let one = Estimate::new(&run, &data, Device::Cpu, 1, 1).unwrap();
        assert!(one.steps >= STEPS.0 && one.seconds > 0.05 && one.seconds < 60.0, "{one:?}");
        let many = Estimate::new(&run, &data, Device::Cpu, 40, 2).unwrap();
        assert!(many.seconds > 4.0 * one.seconds, "{one:?} {many:?}");
    }
}
