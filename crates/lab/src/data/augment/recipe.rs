//! What an [`AugmentRecipe`] makes of examples.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use steepness::{Criterion, Loss};

use super::pipeline::{Pipeline, TrainPipeline};
use super::{AugmentRecipe, refuse};
use crate::data::inputs::Augmented;
use crate::data::{Examples, Inputs, Parts, Shape};
use crate::{Error, Result, Validate};

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

impl Validate for Normalize {
    fn validate(&self) -> Result<()> {
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

impl Validate for AugmentRecipe {
    fn validate(&self) -> Result<()> {
        let crops = self.transforms().filter(|(_, transform)| transform.side().is_some());
        let crops: Vec<&str> = crops.map(|(card, _)| card.name).collect();
        if crops.len() > 1 {
            return refuse(format!("{} exclude each other", crops.join(" and ")));
        }
        self.transforms().try_for_each(|(_, transform)| transform.validate())?;
        self.normalize.validate()?;
        self.evaluate.validate()
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
            if part.shape.has_several_sizes() {
                return refuse(format!(
                    "the {name} images are of several sizes: `size` of the data brings them to \
                     one, and so does {setting}"
                ));
            }
        }
        for part in [&validation, &test] {
            if let Shape::Image([_, height, width]) = train.shape
                && let Shape::Image([_, rows, columns]) = part.shape
                && train.shape != part.shape
            {
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
        let shape = evaluate.shape(stored(&examples)?);
        let pipeline = Pipeline::Evaluate(evaluate.clone());
        augmented(examples.into_owned(), shape, None, pipeline).map(Cow::Owned)
    }

    fn train(&self, examples: Examples, seed: u64) -> Result<Examples> {
        if (Self { evaluate: None, ..self.clone() }) == Self::default() {
            return Ok(examples);
        }
        let stored = stored(&examples)?;
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
        let mut shape = stored;
        for (_, transform) in self.transforms() {
            transform.fits(stored)?;
            if let Some(side) = transform.side() {
                shape = [channels, side, side];
            }
        }
        let training = TrainPipeline { recipe: self.clone(), moments: moments.clone(), seed };
        augmented(examples, shape, Some(moments), Pipeline::Train(Box::new(training)))
    }

    /// Refuses a loss that takes no soft targets where examples are mixed.
    ///
    /// # Errors
    /// Names the loss and what of it needs hard targets.
    pub fn validate_loss(&self, loss: &Loss, criterion: &Criterion) -> Result<()> {
        let mut soft = self.transforms().filter(|(_, transform)| transform.gives_soft_targets());
        let Some((card, _)) = soft.next() else { return Ok(()) };
        criterion.takes_soft_targets().map_err(|error| {
            Error::Request(format!(
                "augment: {} gives soft targets, which the loss {loss} does not take: {error}",
                card.name
            ))
        })
    }
}

/// `examples` behind a `pipeline` that gives images of `shape`.
fn augmented(
    examples: Examples,
    shape: [usize; 3],
    moments: Option<Vec<(f64, f64)>>,
    pipeline: Pipeline,
) -> Result<Examples> {
    let augmented = Augmented {
        shape: stored(&examples)?,
        moments,
        stored: Arc::new(examples.inputs),
        pipeline: Arc::new(pipeline),
    };
    let shape = Shape::Image(shape);
    Ok(Examples { inputs: Inputs::Augmented(augmented), shape, ..examples })
}

/// Channels, height and width of the images as they are stored.
fn stored(examples: &Examples) -> Result<[usize; 3]> {
    examples.shape.image().map_err(|error| Error::refused("augment: ", error))
}
