//! What is proposed for arrays, and for images with a pretrained network: a head on features that are there
//! already, whoever computed them.
//!
//! The features are good already, which a network from scratch on a table cannot count on. So it is a linear
//! layer unless hidden units are asked for, and little training: about a thousand steps, of which a head of
//! 768 numbers and 100 classes takes a few seconds.
//!
//! It learns by AdamW. Each loss is to come to its end in so few steps, and losses differ in how steep they are:
//! a step of Adam is of about the same size whatever factor is on the gradient, where one of SGD is as large as
//! the loss is steep, and a learning rate that suits cross entropy may leave a flatter loss half way.

use crate::models::{LinearRecipe, MlpRecipe, ModelRecipe};
use crate::train::OptimizerRecipe;
use crate::train::optimizer::{AdamRecipe, WeightDecayOn};
use crate::words::several;

/// Steps of an epoch, about: so many that the order within it hardly matters.
const STEPS: usize = 50;
/// Examples a step: more than these take a processor as long as the steps that they save.
const BATCHES: (usize, usize) = (16, 256);
/// Steps of a training, and the epochs that this may come to. Half as many come to nearly the same accuracy
/// and leave the NLL well above where these bring it.
const TRAINING: usize = 1_000;
const EPOCHS: (usize, usize) = (5, 200);
/// Of a linear layer, whose inputs are standardised, with which a smaller rate has not arrived by then; and
/// where a hidden layer is below it, PyTorch's default.
pub(super) const LR: f64 = 0.003;
const HIDDEN_LR: f64 = 0.001;

/// Examples a step and epochs, for so many to learn from; a batch that was asked for is kept.
pub(super) fn lengths(examples: usize, batch: Option<usize>) -> (usize, usize) {
    let about = (examples / STEPS).max(1).next_power_of_two();
    let batch = batch.unwrap_or(about.clamp(BATCHES.0, BATCHES.1));
    let epochs = TRAINING.div_ceil(examples.div_ceil(batch).max(1));
    (batch, epochs.clamp(EPOCHS.0, EPOCHS.1))
}

/// The model for rows of so many `numbers`, its learning rate, and why it.
pub(super) fn model(numbers: usize, hidden: Option<usize>) -> (ModelRecipe, f64, String) {
    let seen = format!("for {} a row", several(numbers, "normalised number"));
    match hidden {
        None => (ModelRecipe::Linear(LinearRecipe {}), LR, format!("linear layer, {seen}")),
        Some(hidden) => {
            let units = several(hidden, "hidden unit");
            let recipe = MlpRecipe { hidden };
            (ModelRecipe::Mlp(recipe), HIDDEN_LR, format!("MLP with {units}, {seen}"))
        }
    }
}

/// How it learns, and what that is called.
pub(super) fn optimizer(lr: f64) -> (OptimizerRecipe, &'static str) {
    let (betas, eps, weight_decay) = ([0.9, 0.999], 1e-8, 0.01);
    let weight_decay_on = WeightDecayOn::All;
    let recipe = AdamRecipe { lr, betas, eps, weight_decay, weight_decay_on };
    (OptimizerRecipe::Adamw(recipe), "AdamW")
}

#[cfg(test)]
mod tests {
    use super::super::{Proposal, Recipe, TrainingChoices};
    use super::*;
    use crate::data::{TableChoices, npy};
    use std::fs;
    use std::num::NonZeroUsize;
    use std::path::Path;

    #[test]
    fn trainings_are_of_about_a_thousand_steps() {
        for (examples, expected) in [
            (10, (16, 200)),
            (200, (16, 77)),
            (1_000, (32, 32)),
            (14_000, (256, 19)),
            (1_000_000, (256, 5)),
            (0, (16, 200)),
        ] {
            assert_eq!(lengths(examples, None), expected, "{examples}");
        }
        assert_eq!(lengths(14_000, Some(1000)), (1000, 72));
    }

    #[test]
    fn arrays_get_a_linear_layer_or_the_hidden_units_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let values: Vec<f32> = (0..300).map(|at| (at * at % 17) as f32).collect();
        let labels: Vec<i64> = (0..100).map(|row| row % 2).collect();
        npy::write_matrix(&folder.path().join("x.npy"), &values, 3).unwrap();
        npy::write_vector(&folder.path().join("y.npy"), &labels).unwrap();
        let with = |path: &Path, wishes: &TrainingChoices| {
            Proposal::new(path, &TableChoices::default(), wishes, &|_, _| {})
        };
        let proposal = with(folder.path(), &TrainingChoices::default()).unwrap();
        let recipe = &proposal.recipe;
        assert_eq!(recipe.model, ModelRecipe::Linear(LinearRecipe {}));
        assert!(matches!(&recipe.optimizer, OptimizerRecipe::Adamw(adam) if adam.lr == 0.003));
        assert_eq!((recipe.epochs.get(), recipe.batch.get(), &recipe.attack), (200, 16, &None));
        assert_eq!(Recipe::parse(Path::new("again"), &recipe.to_toml(), None).unwrap(), *recipe);
        let text = proposal.to_string();
        for line in [
            ": a set of numpy arrays\narrays: x.npy (100, 3), y.npy (100)\n",
            "size        3 numbers a row",
            "split       anew by each seed: 70 (70 %) for training, 10 (10 %) for validation",
            "model       linear layer, for 3 normalised numbers a row",
            "training    200 epochs of 5 steps of 16 examples, AdamW with learning rate 0.003, ×0.1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let hidden = TrainingChoices { hidden: NonZeroUsize::new(5), ..TrainingChoices::default() };
        let proposal = with(folder.path(), &hidden).unwrap();
        assert_eq!(proposal.recipe.model, ModelRecipe::Mlp(MlpRecipe { hidden: 5 }));
        assert_eq!(proposal.recipe.optimizer.lr(), 0.001);
        let images = tempfile::tempdir().unwrap();
        for name in ["cat/1.png", "dog/1.png"] {
            fs::create_dir_all(images.path().join(name).parent().unwrap()).unwrap();
            image::RgbImage::new(8, 8).save(images.path().join(name)).unwrap();
        }
        let error = with(images.path(), &hidden).unwrap_err().to_string();
        assert!(error.starts_with("--hidden is for tables and arrays, and "), "{error}");
        assert!(error.ends_with("a folder of images"), "{error}");
    }
}
