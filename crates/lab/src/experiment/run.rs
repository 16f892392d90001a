//! One run: train, choose the weights, measure them on the held-out test part.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use steepness::{Criterion, Reduction, Targets};
use tch::Tensor;

use super::{RunDir, RunRecipe, Select};
use crate::attack::{Attack, Fgsm, Pgd, robustness};
use crate::data::{DataSet, Examples, stratified};
use crate::measure::{Logits, Measures, Ood, RobustnessCurve, Scores};
use crate::models::{self, Mode, Model};
use crate::random::Stream;
use crate::train::{Monitor, Optimizer, Predictions, Trained, Training, predict};
use crate::{Error, Result};

/// Least time between two checkpoints of a training.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);

/// Examples attacked at a time; bounds the memory.
const ATTACKED: usize = 512;

/// Makes the run of `recipe` on `data` in `dir`, going on where an earlier call stopped.
///
/// The caller sets libtorch's threads. Nothing is done twice: a stopped training goes on from its
/// checkpoint, and one that is at its end is only measured.
///
/// # Errors
/// [`Error::Interrupted`] once `stop` is set; otherwise what stands in the way.
pub fn run(
    recipe: &RunRecipe,
    data: &DataSet,
    dir: &RunDir,
    stop: &AtomicBool,
    monitor: &dyn Monitor,
) -> Result<()> {
    let split = stratified(&data.examples.labels, recipe.data.fractions(), recipe.seed)?;
    let part = |rows: &[usize]| data.examples.select(rows);
    let (train, validation, test) =
        (part(&split.train), part(&split.validation), part(&split.test));
    let model = models::build(&recipe.model, &train, recipe.seed)?;
    let criterion = recipe.loss.criterion_with_counts(&train.counts())?;
    dir.begin(recipe)?;
    let trained = Training {
        model: &*model,
        criterion,
        optimizer: Optimizer::new(&recipe.optimizer, model.weights().parameters())?,
        update: &recipe.update,
        schedule: &recipe.schedule,
        warmup: recipe.warmup.as_ref(),
        epochs: recipe.epochs.get(),
        batch: recipe.batch.get(),
        seed: recipe.seed,
        train: &train.tensors()?,
        validation: &validation.tensors()?,
        dir: dir.path(),
        checkpoint_every: CHECKPOINT_EVERY,
    }
    .run(stop, monitor)?;
    select(recipe.select, &*model, &trained)?;
    measure(recipe, data, &*model, trained.criterion, &test, dir)
}

/// Puts the weights that are to be measured into `model`.
fn select(which: Select, model: &dyn Model, trained: &Trained) -> Result<()> {
    model.weights().restore(match which {
        Select::Best => &trained.best,
        Select::Last => &trained.last,
    })
}

fn measure(
    recipe: &RunRecipe,
    data: &DataSet,
    model: &dyn Model,
    criterion: Criterion,
    test: &Examples,
    dir: &RunDir,
) -> Result<()> {
    let inside = predict(model, &test.tensors()?)?;
    let logits = finite(&inside, "test part")?;
    let gradients = label_gradients(criterion, &inside)?;
    let mut measures = Measures::new(logits, &inside.labels, &gradients)?;
    let outside = match &data.ood {
        Some((name, examples)) => {
            let outside = predict(model, &examples.tensors()?)?;
            let scores = Scores::new(finite(&outside, name)?);
            measures.ood = Some(Ood::new(name, &Scores::new(logits), &scores)?);
            Some(outside)
        }
        None => None,
    };
    measures.robustness = attack_all(recipe, model, test)?;
    dir.write_predictions(&inside, outside.as_ref())?;
    dir.finish(&measures)
}

/// The logits, unless the model has broken down.
fn finite<'a>(predictions: &'a Predictions, part: &str) -> Result<Logits<'a, f32>> {
    Logits::new(&predictions.logits, predictions.classes)
        .map_err(|error| Error::Work(format!("{part}: {error}")))
}

/// ∂L/∂z_y of each example's own loss, with what the loss had learned by the end of the training.
fn label_gradients(criterion: Criterion, predictions: &Predictions) -> Result<Vec<f32>> {
    let Predictions { logits, labels, classes } = predictions;
    let mut gradient = vec![0f32; logits.len()];
    // Without a reduction each row has its own gradient, not a share of the mean's.
    let mut criterion = criterion.reduction(Reduction::None);
    criterion.forward_backward(logits, Targets::Hard(labels), &mut gradient)?;
    let of_label = |(row, &label): (&[f32], &i64)| row[label as usize];
    Ok(gradient.chunks_exact(*classes).zip(labels).map(of_label).collect())
}

/// FGSM and PGD over the recipe's grid.
fn attack_all(
    recipe: &RunRecipe,
    model: &dyn Model,
    test: &Examples,
) -> Result<Vec<RobustnessCurve>> {
    let start = Stream::new(recipe.seed, "pgd");
    let start =
        |example: usize, pixel: usize| start.part(example as u64).uniform(pixel as u64) as f32;
    let pgd = Pgd {
        steps: recipe.attack.pgd_steps.get(),
        step_size: recipe.attack.pgd_step_size,
        start: &start,
    };
    let attacks: [&dyn Attack; 2] = [&Fgsm, &pgd];
    let forward = |inputs: &Tensor| model.forward(std::slice::from_ref(inputs), Mode::Evaluate);
    let inputs = test.tensor()?;
    let under = |attack: &&dyn Attack| {
        robustness(&forward, &inputs, &test.labels, *attack, &recipe.attack.epsilons, ATTACKED)
    };
    attacks.iter().map(under).collect()
}
