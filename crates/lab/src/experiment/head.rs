//! The last layer drawn anew and trained with cross entropy on frozen features: what the second stage
//! of cRT and the representation probe have in common.

use steepness::{Curve, Loss};

use super::select::select;
use super::{HeadRecipe, Options, RunRecipe};
use crate::Result;
use crate::compare::{Monitor, RunDir};
use crate::data::{Examples, Sampling};
use crate::models::Model;
use crate::train::{Training, TrainingOptions};

/// What the last layer is trained anew for.
pub struct Head<'a> {
    recipe: &'a HeadRecipe,
    /// Its folder in the run's, with its own `metrics.jsonl` and `checkpoint/`.
    name: &'static str,
    sampler: Sampling,
    /// Which drawing of the layer it is; the network itself had the one of number 0.
    drawing: u64,
}

impl<'a> Head<'a> {
    /// Classifier re-training, the second stage for long-tailed data (Kang et al. 2020, "Decoupling
    /// representation and classifier", §4.1): what comes out is the result of the run.
    pub fn crt(recipe: &'a HeadRecipe) -> Self {
        Self { recipe, name: "crt", sampler: Sampling::ClassBalanced, drawing: 1 }
    }

    /// The probe of the paper's §5.3: the accuracy of a classifier that cross entropy makes of the
    /// features tells how good these are, whatever the loss did to the classifier before.
    pub fn probe(recipe: &'a HeadRecipe) -> Self {
        Self { recipe, name: "probe", sampler: Sampling::InstanceBalanced, drawing: 2 }
    }

    /// Trains the last layer of `model` after the training of `run`, and leaves the weights there
    /// that the recipe selects. Goes on where an earlier call stopped.
    ///
    /// # Errors
    /// As [`Training::run`], with the name of the stage.
    pub fn train(
        &self,
        run: &RunRecipe,
        model: &dyn Model,
        [train, validation]: [&Examples; 2],
        dir: &RunDir,
        options: &Options,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let HeadRecipe { epochs, sampler, optimizer, schedule } = self.recipe.clone();
        let sampler = sampler.unwrap_or(self.sampler);
        let before = run.training_options();
        let training = TrainingOptions {
            epochs: epochs.unwrap_or(before.epochs),
            warmup: before.warmup.filter(|_| schedule.is_none()),
            schedule: schedule.unwrap_or(before.schedule),
            optimizer: optimizer.unwrap_or(before.optimizer),
            patience: None,
            adversarial: None,
            ..before
        };
        model.weights().redraw(&model.head().name, self.drawing)?;
        let trained = Training {
            model,
            criterion: Loss::from(Curve::CROSS_ENTROPY).criterion(train.classes.len())?,
            margin: None,
            freeze_backbone: true,
            options: training,
            seed: run.seed,
            train: &*train.source()?,
            order: &|epoch| sampler.order(&train.labels, run.seed, epoch),
            validation: &*validation.source()?,
            dir: &dir.path().join(self.name),
            tensorboard: options.tensorboard,
            checkpoint_every: options.checkpoint_every,
        };
        let trained = trained
            .run(options.runs.stop, monitor)
            .map_err(|error| error.broken_off_at(format!("{}, ", self.name)))?;
        select(run.select, model, &trained)
    }
}
