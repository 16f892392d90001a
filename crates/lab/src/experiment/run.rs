//! One run: train, in a second stage if asked for, choose the weights, measure them on the held-out
//! test part.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use steepness::{Criterion, Reduction, Targets};

use super::attacked::{AttackHooks, attack_all};
use super::effort::{Effort, Meter, Sizes, Speed};
use super::head::Head;
use super::lab_dir::LabDir;
use super::representation::{MOST, Representations};
use super::select::select;
use super::translated::translate_test;
use super::{Options, PartialFindings, RunRecipe};
use crate::compare::{Content, Monitor, RunDir, Select};
use crate::data::{DataSet, Examples, Inputs, Parts, Reader};
use crate::measure::{
    self, Evidence, Groups, Logits, Measures, Ood, Scores, Threshold, TrainMeasures,
};
use crate::models::{self, Model};
use crate::train::{LargeMargin, Predictions, Training, predict};
use crate::{Error, Result, Stop};

/// Makes the run of `recipe` on `data` of that `content` in `dir` with `device`, going on where an earlier call stopped.
///
/// The caller sets libtorch's threads. Nothing is done twice: a stopped training goes on from its
/// checkpoint, and one that is at its end is only measured.
///
/// # Errors
/// [`Error::Interrupted`] once it was told to stop; otherwise what stands in the way.
pub fn run(
    recipe: &RunRecipe,
    data: &DataSet,
    content: &Content,
    dir: &RunDir,
    options: &Options,
    monitor: &dyn Monitor,
) -> Result<()> {
    let stop = Stop(options.runs.stop);
    let dir = &LabDir::new(dir);
    let parts = data.parts(recipe.seed)?;
    // What was learned from, for measuring: some of it, and not augmented.
    let learned = recipe.augment.measured(Cow::Owned(parts.train.at_most(MOST)))?;
    let learned = learned.measurable();
    let parts = recipe.augment.parts(parts, recipe.seed)?;
    let Parts { train, validation, test } = parts;
    let model = models::build(&recipe.model, &train.spec(), recipe.seed)?;
    model.weights().move_to(options.device)?;
    let criterion = recipe.loss.criterion_with_counts(&train.counts())?;
    recipe.augment.validate_loss(&recipe.loss, &criterion)?;
    let reader = Reader::new(&recipe.data, data, &train);
    dir.begin_training(recipe, content, &data.examples.classes, &reader, options.device)?;
    if let Inputs::Pairs(pairs) = &train.inputs {
        dir.write_vocabularies(pairs.vocabularies())?;
    }
    // What chooses among epochs is the validation part, unless the recipe asks otherwise.
    let chooses = if recipe.select == Select::Test { &test } else { &validation };
    let margin = recipe.l_softmax.map(|margin| LargeMargin::new(&margin, model.head()));
    let trained = Training {
        model: &*model,
        criterion,
        margin: margin.transpose()?,
        freeze_backbone: false,
        options: recipe.training_options(),
        seed: recipe.seed,
        train: &*train.source()?,
        order: &|epoch| recipe.sampler.order(&train.labels, recipe.seed, epoch),
        validation: &*chooses.source()?,
        dir: dir.path(),
        tensorboard: options.tensorboard,
        checkpoint_every: options.checkpoint_every,
    }
    .run(options.runs.stop, monitor)?;
    select(recipe.select, &*model, &trained)?;
    let train_head =
        |head: Head| head.train(recipe, &*model, [&train, &validation], dir, options, monitor);
    let mut probe_accuracy = None;
    if let Some(probe) = &recipe.probe {
        let own = model.weights().snapshot()?;
        train_head(Head::probe(probe))?;
        probe_accuracy = Some(accuracy(&*model, &test, stop)?);
        model.weights().restore(&own)?;
    }
    let mut first_stage_accuracy = None;
    if let Some(crt) = &recipe.crt {
        first_stage_accuracy = Some(accuracy(&*model, &test, stop)?);
        train_head(Head::crt(crt))?;
    }
    let start = Instant::now();
    let known = Arc::new(predict(&*model, &*validation.measurable().source()?, stop)?);
    let forward = start.elapsed().as_secs_f64() / known.labels.len().max(1) as f64;
    let threshold = Threshold::new(&Scores::new(finite(&known, "validation part")?))?;
    dir.write_model(model.weights(), &threshold)?;
    let counts = train.counts().into_iter().map(|count| count as i64).collect();
    let sizes = Sizes::new(recipe, data, &*model, [&learned, &validation, &test])?;
    let effort = Effort::new(&sizes, &Speed::usual(forward));
    let mut meter = Meter::new(monitor, effort, data.ood.len());
    let measured = MeasureInputs { learned: &learned, counts, known, test: &test, stop };
    let measures = measure(recipe, data, &*model, trained.criterion, measured, &mut meter, dir)?;
    monitor.measured(1.0);
    let epoch = Some(match recipe.select {
        Select::Best | Select::Test => trained.best_epoch,
        Select::Last => trained.history.len(),
    });
    let overlap = Some(data.overlap(recipe.seed)?);
    let measures = Measures { first_stage_accuracy, probe_accuracy, epoch, overlap, ..measures };
    Ok(dir.finish(&measures)?)
}

/// On the test part, a fraction.
fn accuracy(model: &dyn Model, test: &Examples, stop: Stop) -> Result<f64> {
    let predictions = predict(model, &*test.source()?, stop)?;
    Ok(measure::accuracy(finite(&predictions, "test part")?, &predictions.labels)?)
}

/// What a model is measured on and by.
struct MeasureInputs<'a> {
    /// Examples that were learned from, not augmented.
    learned: &'a Examples,
    /// Training examples of each class.
    counts: Vec<i64>,
    /// Predictions of the validation part.
    known: Arc<Predictions>,
    /// The test part.
    test: &'a Examples,
    /// When to leave.
    stop: Stop<'a>,
}

/// Measures the model, and writes its predictions; ∂L/∂z is that of the first stage's loss.
fn measure(
    recipe: &RunRecipe,
    data: &DataSet,
    model: &dyn Model,
    criterion: Criterion,
    MeasureInputs { learned, counts, known, test, stop }: MeasureInputs,
    meter: &mut Meter,
    dir: &LabDir,
) -> Result<Measures> {
    let inside = Arc::new(predict(model, &*test.measurable().source()?, stop)?);
    let train_predictions = predict(model, &*learned.source()?, stop)?;
    // Long only for the words of translations, of which each has thousands of logits.
    let tested = inside.clone();
    // A temperature that was fitted to the test part would flatter it.
    let validated = !data.test_validates();
    let (counted, seen) = (counts.clone(), known.clone());
    let mut measures = stop.leave(move || -> Result<_> {
        let logits = finite(&tested, "test part")?;
        let gradients = label_gradients(criterion, &tested)?;
        let mut measures = Measures::new(logits, &tested.labels, &gradients)?;
        let evidence = evidence(&tested, validated.then_some(&*known), &counts)?;
        if let Some((validation, labels)) = evidence.validation {
            measures.recalibrate(logits, &tested.labels, validation, labels)?;
        }
        evidence.measure(&mut measures.numbers)?;
        measures.groups = Groups::new(logits, &tested.labels, &counts).map(Groups::unless_alone)?;
        let train_logits = finite(&train_predictions, "training part")?;
        measures.train = Some(TrainMeasures::new(train_logits, &train_predictions.labels)?);
        Ok(measures)
    })?;
    meter.add(meter.effort.logits);
    if let Some(translations) = translate_test(model, recipe, test, stop)? {
        measures.translation = Some(translations.quality()?);
        dir.write_translations(&translations)?;
        return Ok(measures);
    }
    let representations = Representations::new(model, learned, test, stop)?;
    measures.representation = Some(representations.measure()?);
    meter.add(meter.effort.features);
    let scores = Scores::new(finite(&inside, "test part")?);
    let mut outside = Vec::new();
    // What judges them all is learned once.
    let judges = (!data.ood.is_empty()).then(|| representations.judges()).transpose()?;
    for set in &data.ood {
        let examples = recipe.augment.measured(Cow::Borrowed(&set.examples))?;
        let predictions = predict(model, &*examples.source()?, stop)?;
        let foreign = Scores::new(finite(&predictions, &set.name)?);
        let judged = judges.as_ref().map(|judges| representations.judge(judges, &examples));
        measures.ood.push(Ood {
            distance: set.distance,
            others: judged.transpose()?.unwrap_or_default(),
            ..Ood::new(&set.name, &scores, &foreign)?
        });
        outside.push((set.name.as_str(), predictions));
        meter.add(meter.effort.outside);
    }
    let unfinished = PartialFindings::new(dir.path().join("attack/unfinished"));
    if let Some(attack) = recipe.attack.as_ref().filter(|_| test.are_images()) {
        let (attacks, _) = attack.on(test.classes.len())?;
        let run = recipe.to_toml();
        let (begin, passed) = (&|_: &_| (), &|_| ());
        let along = AttackHooks { stop, unfinished: (&unfinished, &run), begin, passed };
        measures.robustness = attack_all(&attacks, attack, model, test, recipe.seed, &along)?;
        meter.add(meter.effort.attacks);
    }
    let evidence = Evidence {
        features: Some(representations.tested()?),
        foreign: outside.first().map(|(name, foreign)| finite(foreign, name)).transpose()?,
        ..evidence(&inside, validated.then_some(&*seen), &counted)?
    };
    evidence.measure(&mut measures.numbers)?;
    dir.write_predictions(&inside, &outside)?;
    dir.write_beside(validated.then_some(&*seen), &counted)?;
    if let Some(map) = representations.map()? {
        dir.write_map(&map)?;
    }
    unfinished.remove()?;
    meter.add(meter.effort.map);
    Ok(measures)
}

/// What is known once the test part is classified; `known` is the validation part, if it is another.
fn evidence<'a>(
    tested: &'a Predictions,
    known: Option<&'a Predictions>,
    counts: &'a [i64],
) -> Result<Evidence<'a>> {
    let validation = |known: &'a Predictions| -> Result<_> {
        Ok((finite(known, "validation part")?, &known.labels[..]))
    };
    Ok(Evidence {
        validation: known.map(validation).transpose()?,
        train_counts: Some(counts),
        ..Evidence::new(finite(tested, "test part")?, &tested.labels)
    })
}

/// The logits, unless the model has broken down.
fn finite<'a>(predictions: &'a Predictions, part: &str) -> Result<Logits<'a, f32>> {
    Logits::new(&predictions.logits, predictions.classes)
        .map_err(|error| Error::failed(format!("{part}: "), error))
}

/// ∂L/∂z_y of each example's own loss, with what the loss had learned by the end of the training.
fn label_gradients(criterion: Criterion, predictions: &Predictions) -> Result<Vec<f32>> {
    let Predictions { logits, labels, classes } = predictions;
    let mut gradient = vec![0f32; logits.len()];
    // Without a reduction each row has its own gradient, not a share of the mean's.
    let mut criterion = criterion.with_reduction(Reduction::None);
    criterion.forward_backward(logits, Targets::Hard(labels), &mut gradient)?;
    let of_label = |(row, &label): (&[f32], &i64)| row[label as usize];
    Ok(gradient.chunks_exact(*classes).zip(labels).map(of_label).collect())
}
