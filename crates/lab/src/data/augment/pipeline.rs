//! [`Pipeline`]: what becomes of an image on its way to a model.

use tch::Tensor;

use super::raster::Raster;
use super::resample::Filter;
use super::transform::{Context, Occurrence, Sample};
use super::{AugmentRecipe, Evaluate};
use crate::Result;

/// What is done to each image.
#[derive(Debug, PartialEq)]
pub(in crate::data) enum Pipeline {
    Train(Box<TrainPipeline>),
    Evaluate(Evaluate),
}

/// What is drawn anew each epoch.
#[derive(Debug, PartialEq)]
pub(in crate::data) struct TrainPipeline {
    pub recipe: AugmentRecipe,
    /// Mean and standard deviation of each channel.
    pub moments: Vec<(f64, f64)>,
    pub seed: u64,
}

impl Pipeline {
    /// What becomes of the image that `occurrence` is of.
    pub fn apply(&self, image: Raster, occurrence: Occurrence) -> Sample {
        match self {
            Pipeline::Train(training) => training.apply(image, occurrence),
            Pipeline::Evaluate(evaluate) => evaluate.apply(&image).into(),
        }
    }

    /// Changes a batch of images of `shape` that begins with `first`, by which it is known, and gives
    /// its targets.
    pub fn apply_to_batch(
        &self,
        inputs: &mut Tensor,
        labels: Tensor,
        shape: [usize; 3],
        classes: usize,
        first: Occurrence,
    ) -> Result<Tensor> {
        let Pipeline::Train(training) = self else { return Ok(labels) };
        let context = training.context(first);
        training.recipe.transforms().try_fold(labels, |targets, (_, transform)| {
            transform.apply_to_batch(inputs, targets, shape, classes, &context)
        })
    }
}

impl TrainPipeline {
    fn context(&self, occurrence: Occurrence) -> Context<'_> {
        let filter = self.recipe.transforms().find_map(|(_, transform)| transform.filter());
        let filter = filter.unwrap_or(Filter::Random);
        Context { moments: &self.moments, filter, seed: self.seed, occurrence }
    }

    fn apply(&self, image: Raster, occurrence: Occurrence) -> Sample {
        let (mut sample, context) = (Sample::from(image), self.context(occurrence));
        for (_, transform) in self.recipe.transforms() {
            transform.apply(&mut sample, &context);
        }
        sample
    }
}
