//! [`Proposal`]: a complete recipe for data of one's own, made from what lies there.
//!
//! It is a start that learns within minutes, not the best that there is: everything in it stands in
//! the recipe and can be changed there.

mod backbone;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::{Recipe, embeddings};
use crate::attack::AttackRecipe;
use crate::compare::Select;
use crate::compare::launch::LaunchRecipe;
use crate::data::augment::AugmentRecipe;
use crate::data::{
    DataRecipe, Format, Fractions, InputKind, Inspection, Sampling, Size, TableChoices, detect,
    held_of_each, inspect, table,
};
use crate::models::{CnnRecipe, GraphNetRecipe, MlpRecipe, ModelRecipe, Precision};
use crate::train::optimizer::{AdamRecipe, SgdRecipe, WeightDecayOn};
use crate::train::schedule::MultiStep;
use crate::train::{OptimizerRecipe, Schedule, Update};
use crate::translate::SearchOptions;
use crate::words::several;
use crate::{Error, Result};

/// Larger images are scaled to this height and width: what the small network sees in time.
const MOST_SIDE: usize = 64;

/// Training examples that a run is to see in all, in so many epochs as that takes; fewer of those
/// that have more pixels than this.
const SEEN: usize = 100_000;
const PIXELS: usize = 32 * 32;
const EPOCHS: (usize, usize) = (5, 200);

/// Examples a step where there are so many to learn from.
const BATCHES: [(usize, usize); 4] = [(50_000, 128), (5_000, 64), (500, 32), (0, 16)];

/// With fewer validation examples epochs cannot be told apart: at 95 % accuracy the standard error of
/// 1,000 is 0.7 points, as much as most losses differ by.
const FEW: usize = 1000;

/// The recipe for text, its name for messages, and the sentences that it is for.
const TRANSLATION: (&str, &str) =
    ("recipes/multi30k.toml", include_str!("../../../../recipes/multi30k.toml"));
const TRANSLATED: usize = 29_000;

/// A recipe, and what it was made from.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What was found.
    pub found: Inspection,
    /// The recipe. Its paths are absolute: it can be moved and repeated from anywhere.
    pub recipe: Recipe,
    /// What there is to say of it: a heading and a line each.
    lines: Vec<(&'static str, String)>,
}

/// What is said beforehand of how it is trained.
#[derive(Clone, Debug, Default)]
pub struct TrainingChoices {
    /// The folder of a pretrained network whose features are learned from.
    pub backbone: Option<PathBuf>,
    /// Epochs.
    pub epochs: Option<NonZeroUsize>,
    /// The learning rate.
    pub lr: Option<f64>,
    /// Examples a step.
    pub batch: Option<NonZeroUsize>,
    /// Units of a hidden layer, for rows of numbers.
    pub hidden: Option<NonZeroUsize>,
}

impl Proposal {
    /// Reads all that is at `path` and proposes a recipe for it, with what `wishes` say. `watch` hears
    /// how many images of how many are decoded.
    ///
    /// # Errors
    /// As [`inspect`]; a table without a target, with the columns that there are.
    pub fn new(
        path: &Path,
        asked: &TableChoices,
        wishes: &TrainingChoices,
        watch: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self> {
        if detect(path)?.has_columns() && asked.target.is_none() {
            return Err(Error::Request(format!(
                "{} is a table: --target names the column that holds the class; there are {}",
                path.display(),
                table::columns(path)?.join(", ")
            )));
        }
        let found = inspect(path, asked, watch)?;
        if wishes.hidden.is_some() && found.format.kind() != InputKind::Rows {
            let format = found.format;
            let problem = format!("--hidden is for tables and arrays, and {} is", path.display());
            return Err(Error::Request(format!("{problem} {format}")));
        }
        let mut data = found
            .recipe
            .clone()
            .ok_or_else(|| Error::Request(format!("the path {} is not UTF-8", path.display())))?;
        data.make_absolute()?;
        let backbone = backbone::asked(path, &found, wishes)?;
        if found.format.kind() == InputKind::Pairs {
            return Self::translation(path, found, data, wishes);
        }
        let size = match &backbone {
            Some((_, backbone)) => backbone::size(backbone, &mut data),
            None => scaled(&mut data, &found),
        };
        let shares = data.shares();
        let sizes = sizes(&found, shares);
        let examples = sizes[0];
        let asked = wishes.batch.map(NonZeroUsize::get);
        // A head on features that are there already, whoever computed them.
        let on_features = backbone.is_some() || found.format == Format::Arrays;
        let (batch, epochs) = match on_features {
            true => embeddings::lengths(examples, asked),
            false => lengths(examples, size, asked),
        };
        let epochs = wishes.epochs.map_or(epochs, NonZeroUsize::get);
        let hidden = wishes.hidden.map(NonZeroUsize::get);
        let (model, lr, why) = match (&backbone, found.format) {
            (Some((recipe, backbone)), _) => backbone::head(recipe, backbone),
            (None, Format::Arrays) => embeddings::model(size[0], hidden),
            (None, format) => model(format.kind(), size, hidden),
        };
        let lr = wishes.lr.unwrap_or(lr);
        let (optimizer, by) = match on_features {
            true => embeddings::optimizer(lr),
            false => optimizer(&model, lr),
        };
        // Of few epochs, both may be the same, and not before the first.
        let mut after = vec![epochs * 2 / 3, epochs * 13 / 15];
        after.retain(|&epoch| epoch > 0);
        after.dedup();
        let drops = match &after[..] {
            [] => String::new(),
            [one] => format!(", ×0.1 after epoch {one}"),
            [one, two, ..] => format!(", ×0.1 after epochs {one} and {two}"),
        };
        let schedule = match after.is_empty() {
            true => Schedule::Constant,
            false => Schedule::MultiStep(MultiStep { after, factor: 0.1 }),
        };
        let (select, weights) = select(sizes[1], &schedule);
        let Recipe { losses, seeds, threads, .. } = Recipe::embedded()?;
        let count = |n| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        let recipe = Recipe {
            name: name_of(path),
            losses,
            seeds,
            epochs: count(epochs),
            batch: count(batch),
            threads,
            select,
            patience: None,
            primary: None,
            worth: None,
            tune: None,
            schedule,
            warmup: None,
            precision: Precision::default(),
            sampler: Sampling::default(),
            l_softmax: None,
            search: SearchOptions::default(),
            crt: None,
            probe: None,
            scale: BTreeMap::new(),
            ood: Vec::new(),
            sweep: None,
            augment: AugmentRecipe::default(),
            attack: attack(&data).filter(|_| backbone.is_none()),
            data,
            model,
            optimizer,
            update: Update::default(),
            adversarial: None,
            launch: LaunchRecipe::default(),
        };
        let steps = examples.div_ceil(batch);
        let training = format!(
            "{} of {} of {}, {by} with learning rate {lr}{drops}",
            several(epochs, "epoch"),
            several(steps, "step"),
            several(batch, "example")
        );
        let mut lines = vec![("split", split(&found, sizes)), ("model", why)];
        if backbone.is_none() && backbone::are_photos(&found) {
            lines.push(("backbone", backbone::BETTER.to_owned()));
        }
        lines.extend([("training", training), ("weights", weights)]);
        Ok(Self { found, recipe, lines })
    }

    /// For sentences and their translations: the recipe of Multi30k, for as many sentences in all.
    fn translation(
        path: &Path,
        found: Inspection,
        data: DataRecipe,
        wishes: &TrainingChoices,
    ) -> Result<Self> {
        let (name, text) = TRANSLATION;
        let like = Recipe::parse(Path::new(name), text, None)?;
        let sentences = found.parts[0].examples;
        let epochs = (TRANSLATED * like.epochs.get()).div_ceil(sentences.max(1));
        let epochs = NonZeroUsize::new(epochs.clamp(like.epochs.get().min(5), 200));
        let epochs = wishes.epochs.or(epochs).unwrap_or(like.epochs);
        let batch = wishes.batch.unwrap_or(like.batch);
        let mut recipe = Recipe { name: name_of(path), data, epochs, batch, ..like };
        if let Some(lr) = wishes.lr {
            recipe.optimizer.set_lr(lr);
        }
        let training = format!(
            "{} of batches of {} pieces, Adam with learning rate {}, which rises and falls again",
            several(recipe.epochs.get(), "epoch"),
            recipe.batch,
            recipe.optimizer.lr()
        );
        let model =
            "Transformer of 3 + 3 layers and 256 features, for 4000 pieces of both languages";
        let split = "as it comes: training, validation and test part".to_owned();
        let weights = weights(recipe.select).to_owned();
        let lines = vec![
            ("split", split),
            ("model", model.to_owned()),
            ("training", training),
            ("weights", weights),
        ];
        Ok(Self { found, recipe, lines })
    }

    /// The same with the weights measured that were asked for.
    #[must_use]
    pub fn with_select(mut self, asked: Select) -> Self {
        self.recipe.select = asked;
        for (what, line) in &mut self.lines {
            if *what == "weights" {
                *line = format!("{}, as asked for", weights(asked));
            }
        }
        self
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{}", self.found.summary())?;
        self.lines.iter().try_for_each(|(what, line)| writeln!(f, "{what:<12}{line}"))
    }
}

/// Examples a step and epochs, for so many of that `size` to learn from; a batch that was asked for is kept.
fn lengths(examples: usize, size: [usize; 3], batch: Option<usize>) -> (usize, usize) {
    let usual = BATCHES.iter().find(|(many, _)| examples >= *many).map_or(16, |(_, size)| *size);
    let seen = SEEN * PIXELS / PIXELS.max(size[1] * size[2]);
    let epochs = seen.div_ceil(examples.max(1)).clamp(EPOCHS.0, EPOCHS.1);
    (batch.unwrap_or(usual), epochs)
}

/// Channels, height and width that the model sees; scales large images down in `data`.
fn scaled(data: &mut DataRecipe, found: &Inspection) -> [usize; 3] {
    let Size { channels, largest: [height, width], .. } = found.size;
    if let Some(size) = data.size() {
        let side = size.map_or(height.max(width), NonZeroUsize::get);
        if size.is_some() || side > MOST_SIDE {
            let side = side.min(MOST_SIDE);
            *size = NonZeroUsize::new(side);
            return [channels, side, side];
        }
    }
    [channels, height, width]
}

/// What is measured beyond what is always measured, of images.
fn attack(data: &DataRecipe) -> Option<AttackRecipe> {
    let attack = AttackRecipe::short(&[0.0, 0.03, 0.1], NonZeroUsize::new(10)?, 0.01);
    data.are_images().then_some(attack)
}

/// How `model` learns, and its name: networks on graphs as the paper's, all others by momentum.
fn optimizer(model: &ModelRecipe, lr: f64) -> (OptimizerRecipe, &'static str) {
    let weight_decay_on = WeightDecayOn::All;
    if let ModelRecipe::GraphNet(_) = model {
        let (betas, eps, weight_decay) = ([0.9, 0.999], 1e-8, 1e-4);
        let recipe = AdamRecipe { lr, betas, eps, weight_decay, weight_decay_on };
        return (OptimizerRecipe::Adam(recipe), "Adam");
    }
    let (momentum, nesterov, weight_decay) = (0.9, true, 5e-4);
    let recipe = SgdRecipe { lr, momentum, nesterov, weight_decay, weight_decay_on };
    (OptimizerRecipe::Sgd(recipe), "SGD")
}

/// Which weights are to be measured after a training by `schedule`, where so many examples could choose
/// among epochs, and why. A learning rate that has decayed makes the last epoch the best one in
/// expectation; to choose another by a few examples is to choose by chance, and the earliest of many
/// equals at that.
fn select(validation: usize, schedule: &Schedule) -> (Select, String) {
    let decayed = *schedule != Schedule::Constant;
    let few = (validation < FEW)
        .then(|| format!("{} cannot tell epochs apart", several(validation, "validation example")));
    let settled = decayed.then(|| "the learning rate has come down by then".to_owned());
    let reasons: Vec<String> = settled.into_iter().chain(few).collect();
    if reasons.is_empty() {
        return (Select::Best, weights(Select::Best).to_owned());
    }
    (Select::Last, format!("{}: {}", weights(Select::Last), reasons.join(", and ")))
}

/// Which weights those are.
fn weights(select: Select) -> &'static str {
    match select {
        Select::Best => "those of the epoch with the best validation accuracy",
        Select::Last => "those after the last epoch",
        Select::Test => "those of the epoch with the best test accuracy",
    }
}

/// A model for inputs of that size, its learning rate, and why it.
fn model(
    kind: InputKind,
    [channels, height, width]: [usize; 3],
    hidden: Option<usize>,
) -> (ModelRecipe, f64, String) {
    if kind == InputKind::Graphs {
        let recipe = GraphNetRecipe::default();
        let why = format!(
            "three graph convolutions of {} features with pooling, for {} a node",
            recipe.hidden,
            several(channels, "feature")
        );
        return (ModelRecipe::GraphNet(recipe), 0.0005, why);
    }
    if kind == InputKind::Rows {
        let hidden = hidden.unwrap_or((4 * channels).next_power_of_two().clamp(32, 256));
        let why = format!(
            "MLP with {hidden} hidden units, for {} a row",
            several(channels, "normalised number")
        );
        return (ModelRecipe::Mlp(MlpRecipe { hidden }), 0.02, why);
    }
    let colours = if channels == 1 { "grey" } else { "colour" };
    let seen = format!("for {colours} images that it sees with {height}×{width} normalised pixels");
    if height.min(width) < 4 {
        let model = ModelRecipe::Mlp(MlpRecipe { hidden: 128 });
        return (model, 0.02, format!("MLP with 128 hidden units, {seen}"));
    }
    let model = ModelRecipe::Cnn(CnnRecipe { channels: [16, 32] });
    (model, 0.01, format!("CNN with two convolutions of 16 and 32 channels, {seen}"))
}

/// The parts that `found` has of its own, by name.
fn has(found: &Inspection, part: &str) -> bool {
    found.parts.iter().any(|own| own.name == part)
}

/// How many examples the training, validation and test part of a run have. Shares are taken of each class
/// and rounded there, so that of many small classes they are not those of the whole.
fn sizes(found: &Inspection, shares: Fractions) -> [usize; 3] {
    let counts = &found.parts[0].counts;
    let size = |part: &str, share| match found.parts.iter().find(|own| own.name == part) {
        Some(own) => (own.examples, 0),
        None => (held_of_each(counts, share), held_of_each(counts, share)),
    };
    let (validation, held) = size("validation", shares.validation);
    let (test, too) = size("test", shares.test);
    [found.parts[0].examples.saturating_sub(held + too), validation, test]
}

fn split(found: &Inspection, [train, validation, test]: [usize; 3]) -> String {
    let all = found.parts[0].examples.max(1) as f64;
    let share = |part: usize| format!("{part} ({} %)", (part as f64 / all * 1000.0).round() / 10.0);
    match (has(found, "validation"), has(found, "test")) {
        (true, true) => "as it comes: training, validation and test part".to_owned(),
        (_, true) => format!(
            "its own test part; each seed holds {} of the others out for validation",
            share(validation)
        ),
        _ => format!(
            "anew by each seed: {} for training, {} for validation, {} for test",
            share(train),
            share(validation),
            share(test)
        ),
    }
}

/// A name for the recipe, safe as that of a folder.
fn name_of(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let last = if path.is_dir() { path.file_name() } else { path.file_stem() };
    let last = last.unwrap_or_default().to_string_lossy();
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = last.trim_start_matches('.').chars().map(safe).take(100).collect();
    if name.is_empty() { "data".to_owned() } else { name }
}

#[cfg(test)]
mod tests;
