//! [`AugmentRecipe`]: which transforms a recipe asks for, and the examples that it makes.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use steepness::{Criterion, Loss};

use super::source::{Train, Transforms};
use super::{
    Augmented, ColorJitter, Evaluate, Mix, RandAugment, RandomCrop, RandomErasing,
    RandomResizedCrop, check_probability, refuse,
};
use crate::data::{Examples, Inputs, Parts};
use crate::{Check, Error, Result};

/// `[augment]`: what is not there is not done. The parts that are measured go through
/// `[augment.evaluate]` alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AugmentRecipe {
    /// The probability that an image is mirrored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizontal_flip: Option<f64>,
    /// Random operations; what they bring into the image has the mean colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rand_augment: Option<RandAugment>,
    /// A crop of fixed size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_crop: Option<RandomCrop>,
    /// A crop of random size and shape, scaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_resized_crop: Option<RandomResizedCrop>,
    /// Random colours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color_jitter: Option<ColorJitter>,
    /// Rectangles that are painted over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_erasing: Option<RandomErasing>,
    /// Mixup and cutmix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// What the model takes for mean and standard deviation of the pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
    /// What is done to the validation part, the test part and examples from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate: Option<Evaluate>,
}

/// Mean and standard deviation of each channel, in units of \[0, 1\]; those of the training images
/// as they are stored, without it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// One for each channel.
    pub mean: Vec<f64>,
    /// One for each channel, above 0.
    pub std: Vec<f64>,
}

impl Check for Normalize {
    fn check(&self) -> Result<()> {
        let Self { mean, std } = self;
        let sound = mean.iter().all(|x| x.is_finite()) && std.iter().all(|&x| x > 0.0 && x < 1e6);
        if mean.len() != std.len() || mean.is_empty() || !sound {
            return refuse(format!(
                "normalize: mean = {mean:?} and std = {std:?} must be as many numbers, std above 0"
            ));
        }
        Ok(())
    }
}

impl Check for AugmentRecipe {
    fn check(&self) -> Result<()> {
        if self.random_crop.is_some() && self.random_resized_crop.is_some() {
            return refuse("random_crop and random_resized_crop exclude each other".to_owned());
        }
        if let Some(probability) = self.horizontal_flip {
            check_probability("horizontal_flip", probability)?;
        }
        fn check<T: Check>(part: &Option<T>) -> Result<()> {
            part.as_ref().map_or(Ok(()), Check::check)
        }
        check(&self.random_crop)?;
        check(&self.random_resized_crop)?;
        check(&self.color_jitter)?;
        check(&self.random_erasing)?;
        check(&self.mix)?;
        check(&self.normalize)?;
        check(&self.evaluate)
    }
}

impl AugmentRecipe {
    /// The `parts` of a run as its model sees them.
    ///
    /// # Errors
    /// What the images cannot be put through, and a training part of another shape than the others.
    pub fn parts<'a>(&self, parts: Parts<'a>, seed: u64) -> Result<Parts<'a>> {
        let train = self.train(parts.train, seed)?;
        let (validation, test) = (self.measured(parts.validation)?, self.measured(parts.test)?);
        let train_part = &Cow::Borrowed(&train);
        for (name, part, setting) in [
            ("training", train_part, "random_resized_crop"),
            ("validation", &validation, "evaluate with a crop"),
            ("test", &test, "evaluate with a crop"),
        ] {
            if part.shape.contains(&0) {
                return refuse(format!(
                    "the {name} images are of several sizes: `size` of the data brings them to \
                     one, and so does {setting}"
                ));
            }
        }
        for part in [&validation, &test] {
            let ([_, height, width], [_, rows, columns]) = (train.shape, part.shape);
            if train.shape != part.shape {
                return refuse(format!(
                    "training images become {height}×{width} pixels, but measured ones \
                     {rows}×{columns}: `evaluate` brings these to the same size"
                ));
            }
        }
        Ok(Parts { train, validation, test })
    }

    /// Examples that are measured, as the model sees them.
    ///
    /// # Errors
    /// Examples that are no images.
    pub fn measured<'a>(&self, examples: Cow<'a, Examples>) -> Result<Cow<'a, Examples>> {
        let Some(evaluate) = &self.evaluate else { return Ok(examples) };
        let shape = evaluate.shape(examples.shape);
        let transforms = Transforms::Evaluate(evaluate.clone());
        augmented(examples.into_owned(), shape, None, transforms).map(Cow::Owned)
    }

    fn train(&self, examples: Examples, seed: u64) -> Result<Examples> {
        if (Self { evaluate: None, ..self.clone() }) == Self::default() {
            return Ok(examples);
        }
        let stored = examples.shape;
        let [channels, ..] = stored;
        let moments = match &self.normalize {
            Some(Normalize { mean, .. }) if mean.len() != channels => {
                return refuse(format!(
                    "normalize: {} means for images of {channels} channels",
                    mean.len()
                ));
            }
            Some(Normalize { mean, std }) => {
                mean.iter().copied().zip(std.iter().copied()).collect()
            }
            None => examples.moments(),
        };
        let side = match (&self.random_crop, &self.random_resized_crop) {
            (Some(crop), _) => {
                crop.fits(stored)?;
                Some(crop.size)
            }
            (None, Some(crop)) => Some(crop.size),
            (None, None) => None,
        };
        let shape = side.map_or(stored, |side| [channels, side, side]);
        let train = Train { recipe: self.clone(), moments: moments.clone(), seed };
        augmented(examples, shape, Some(moments), Transforms::Train(Box::new(train)))
    }

    /// Refuses a loss that takes no soft targets where examples are mixed.
    ///
    /// # Errors
    /// Names the loss and what of it needs hard targets.
    pub fn check_loss(&self, loss: &Loss, criterion: &Criterion) -> Result<()> {
        if self.mix.is_none() {
            return Ok(());
        }
        criterion.takes_soft_targets().map_err(|error| {
            Error::Request(format!(
                "augment: mix gives soft targets, which the loss {loss} does not take: {error}"
            ))
        })
    }
}

/// `examples` behind `transforms`, which give images of `shape`.
fn augmented(
    examples: Examples,
    shape: [usize; 3],
    moments: Option<Vec<(f64, f64)>>,
    transforms: Transforms,
) -> Result<Examples> {
    if !examples.inputs.are_images() {
        let what = match examples.inputs {
            Inputs::Graphs(_) => "graphs",
            Inputs::Pairs(_) => "pairs of sentences",
            _ => "rows of numbers",
        };
        return refuse(format!("the examples are {what}, not images"));
    }
    let augmented = Augmented {
        shape: examples.shape,
        moments,
        stored: Arc::new(examples.inputs),
        transforms: Arc::new(transforms),
    };
    Ok(Examples { inputs: Inputs::Augmented(augmented), shape, ..examples })
}
