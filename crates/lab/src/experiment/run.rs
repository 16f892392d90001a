//! One run: train, in a second stage if asked for, choose the weights, measure them on the held-out
//! test part.

use std::borrow::Cow;
use std::num::NonZeroUsize;

use steepness::{Criterion, Reduction, Targets};
use tch::{Device, Tensor};

use super::head::Head;
use super::representation::{MOST, Representations};
use super::{AttackRecipe, Options, RunDir, RunRecipe, Select};
use crate::attack::{Attack, Fgsm, Pgd, robustness};
use crate::data::{DataSet, Examples, Parts, Reader};
use crate::measure::{
    self, Groups, Learned, Logits, Measures, Ood, RobustnessCurve, Scores, Threshold,
};
use crate::models::{self, Mode, Model};
use crate::random::Stream;
use crate::train::{LargeMargin, Monitor, Predictions, Trained, Training, predict};
use crate::{Error, Result};

/// Examples attacked at a time, and examples that are in memory as a model sees them.
const ATTACKED: usize = 512;
const LOADED: usize = 2 * ATTACKED;

/// Makes the run of `recipe` on `data` in `dir` with `device`, going on where an earlier call stopped.
///
/// The caller sets libtorch's threads. Nothing is done twice: a stopped training goes on from its
/// checkpoint, and one that is at its end is only measured.
///
/// # Errors
/// [`Error::Interrupted`] once [`Options::stop`] is set; otherwise what stands in the way.
pub fn run(
    recipe: &RunRecipe,
    data: &DataSet,
    dir: &RunDir,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<()> {
    let parts = data.parts(recipe.seed)?;
    // What was learned from, for measuring: some of it, and not augmented.
    let learned = recipe.augment.measured(Cow::Owned(parts.train.at_most(MOST)))?;
    let parts = recipe.augment.parts(parts, recipe.seed)?;
    let Parts { train, validation, test } = parts;
    let model = models::build(&recipe.model, &train, recipe.seed)?;
    model.weights().move_to(options.device)?;
    let criterion = recipe.loss.criterion_with_counts(&train.counts())?;
    recipe.augment.check_loss(&recipe.loss, &criterion)?;
    dir.begin(recipe, &data.examples.classes, &Reader::new(&recipe.data, data), options.device)?;
    // What chooses among epochs is the validation part, unless the recipe asks otherwise.
    let chooses = if recipe.select == Select::Test { &test } else { &validation };
    let margin = recipe.l_softmax.map(|margin| LargeMargin::new(&margin, model.head()));
    let trained = Training {
        model: &*model,
        criterion,
        margin: margin.transpose()?,
        freeze_backbone: false,
        optimizer: &recipe.optimizer,
        update: &recipe.update,
        schedule: &recipe.schedule,
        warmup: recipe.warmup.as_ref(),
        epochs: recipe.epochs.get(),
        batch: recipe.batch.get(),
        precision: recipe.precision,
        seed: recipe.seed,
        train: &*train.source()?,
        order: &|epoch| recipe.sampler.order(&train.labels, recipe.seed, epoch),
        validation: &*chooses.source()?,
        patience: recipe.patience.map(NonZeroUsize::get),
        dir: dir.path(),
        tensorboard: options.tensorboard,
        checkpoint_every: options.checkpoint_every,
    }
    .run(options.stop, monitor)?;
    select(recipe.select, &*model, &trained)?;
    let train_head =
        |head: Head| head.train(recipe, &*model, [&train, &validation], dir, options, monitor);
    let mut probe_accuracy = None;
    if let Some(probe) = &recipe.probe {
        let own = model.weights().snapshot()?;
        train_head(Head::probe(probe))?;
        probe_accuracy = Some(accuracy(&*model, &test)?);
        model.weights().restore(&own)?;
    }
    let mut first_stage_accuracy = None;
    if let Some(crt) = &recipe.crt {
        first_stage_accuracy = Some(accuracy(&*model, &test)?);
        train_head(Head::crt(crt))?;
    }
    let known = predict(&*model, &*validation.source()?)?;
    let threshold = Threshold::new(&Scores::new(finite(&known, "validation part")?))?;
    dir.write_model(model.weights(), &threshold)?;
    let counts = train.counts().into_iter().map(|count| count as i64).collect();
    let measured = Measured { learned: &learned, counts, known, test: &test };
    let measures = measure(recipe, data, &*model, trained.criterion, &measured, dir)?;
    dir.finish(&Measures { first_stage_accuracy, probe_accuracy, ..measures })
}

/// On the test part, a fraction.
fn accuracy(model: &dyn Model, test: &Examples) -> Result<f64> {
    let predictions = predict(model, &*test.source()?)?;
    measure::accuracy(finite(&predictions, "test part")?, &predictions.labels)
}

/// Puts the weights that are to be measured into `model`.
pub(super) fn select(which: Select, model: &dyn Model, trained: &Trained) -> Result<()> {
    model.weights().restore(match which {
        Select::Best | Select::Test => &trained.best,
        Select::Last => &trained.last,
    })
}

/// What a model is measured on and by.
struct Measured<'a> {
    /// Examples that were learned from, not augmented.
    learned: &'a Examples,
    /// Training examples of each class.
    counts: Vec<i64>,
    /// Predictions of the validation part.
    known: Predictions,
    /// The test part.
    test: &'a Examples,
}

/// Measures the model, and writes its predictions; ∂L/∂z is that of the first stage's loss.
fn measure(
    recipe: &RunRecipe,
    data: &DataSet,
    model: &dyn Model,
    criterion: Criterion,
    Measured { learned, counts, known, test }: &Measured,
    dir: &RunDir,
) -> Result<Measures> {
    let inside = predict(model, &*test.source()?)?;
    let logits = finite(&inside, "test part")?;
    let gradients = label_gradients(criterion, &inside)?;
    let mut measures = Measures::new(logits, &inside.labels, &gradients)?;
    let validation = finite(known, "validation part")?;
    // A temperature that was fitted to the test part would flatter it.
    if !data.test_validates() {
        measures.recalibrate(logits, &inside.labels, validation, &known.labels)?;
    }
    measures.groups = Groups::new(logits, &inside.labels, counts).map(Groups::unless_alone)?;
    let known_by_heart = predict(model, &*learned.source()?)?;
    let by_heart = finite(&known_by_heart, "training part")?;
    measures.train = Some(Learned::new(by_heart, &known_by_heart.labels)?);
    let representations = Representations::new(model, learned, test)?;
    measures.representation = Some(representations.measure()?);
    let scores = Scores::new(logits);
    let mut outside = Vec::new();
    for set in &data.ood {
        let examples = recipe.augment.measured(Cow::Borrowed(&set.examples))?;
        let predictions = predict(model, &*examples.source()?)?;
        let foreign = Scores::new(finite(&predictions, &set.name)?);
        measures.ood.push(Ood {
            distance: set.distance,
            others: representations.judge(&examples)?,
            ..Ood::new(&set.name, &scores, &foreign)?
        });
        outside.push((set.name.as_str(), predictions));
    }
    if let Some(attack) = &recipe.attack
        && test.inputs.are_images()
    {
        measures.robustness = attack_all(attack, recipe.seed, model, test)?;
    }
    dir.write_predictions(&inside, &outside)?;
    if let Some(map) = representations.map()? {
        dir.write_map(&map)?;
    }
    Ok(measures)
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

/// FGSM and PGD over the recipe's grid, on so many examples at once as fit into memory.
fn attack_all(
    recipe: &AttackRecipe,
    seed: u64,
    model: &dyn Model,
    test: &Examples,
) -> Result<Vec<RobustnessCurve>> {
    let random = Stream::new(seed, "pgd");
    // An attack is worked out on the CPU; only the model runs where it is.
    let device = model.weights().device();
    let forward = |inputs: &Tensor| -> Result<Tensor> {
        Ok(model.forward(&[inputs.f_to(device)?], Mode::Evaluate)?.f_to(Device::Cpu)?)
    };
    let mut parts: [Vec<(usize, RobustnessCurve)>; 2] = Default::default();
    for first in (0..test.len()).step_by(LOADED) {
        let rows: Vec<usize> = (first..test.len().min(first + LOADED)).collect();
        let part = test.select(&rows);
        let inputs = part.tensor()?;
        let start = |example: usize, pixel: usize| {
            random.part((first + example) as u64).uniform(pixel as u64) as f32
        };
        let pgd =
            Pgd { steps: recipe.pgd_steps.get(), step_size: recipe.pgd_step_size, start: &start };
        let attacks: [&dyn Attack; 2] = [&Fgsm, &pgd];
        for (attack, parts) in attacks.into_iter().zip(&mut parts) {
            let grid = &recipe.epsilons;
            let curve = robustness(&forward, &inputs, &part.labels, attack, grid, ATTACKED)?;
            parts.push((part.len(), curve));
        }
    }
    Ok(parts.into_iter().filter_map(pool).collect())
}

/// One curve of those over parts of the examples, each with the number of its examples.
fn pool(parts: Vec<(usize, RobustnessCurve)>) -> Option<RobustnessCurve> {
    let total: usize = parts.iter().map(|(examples, _)| examples).sum();
    // A share is a whole number of examples, and so is their sum: one part stays as it is.
    let share = |of: &dyn Fn(&RobustnessCurve) -> f64| {
        let counts = parts.iter().map(|(examples, curve)| (of(curve) * *examples as f64).round());
        counts.sum::<f64>() / total as f64
    };
    let first = &parts.first()?.1;
    let point = |(at, (epsilon, _)): (usize, &(f64, f64))| (*epsilon, share(&|c| c.points[at].1));
    Some(RobustnessCurve {
        points: first.points.iter().enumerate().map(point).collect(),
        zero_gradient: share(&|curve| curve.zero_gradient),
        ..first.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_over_parts_become_one() {
        let curve = |right: f64, examples: f64, blind: f64| RobustnessCurve {
            attack: "fgsm".to_owned(),
            setting: "one step".to_owned(),
            points: vec![(0.0, 1.0), (0.1, right / examples)],
            zero_gradient: blind / examples,
        };
        let parts = vec![(49, curve(37.0, 49.0, 0.0)), (3, curve(2.0, 3.0, 1.0))];
        assert_eq!(pool(parts), Some(curve(39.0, 52.0, 1.0)));
        assert_eq!(pool(vec![(49, curve(37.0, 49.0, 3.0))]), Some(curve(37.0, 49.0, 3.0)));
        assert_eq!(pool(Vec::new()), None);
    }
}
