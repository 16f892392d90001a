//! [`AugmentedSource`]: batches of images that worker threads transform ahead of need.

use std::sync::Arc;

use tch::Tensor;

use super::horizontal_flip::horizontal_flip;
use super::raster::Raster;
use super::{AugmentRecipe, Draws, Evaluate, Filter, Patch};
use crate::Result;
use crate::compare::cores;
use crate::data::ahead::Ahead;
use crate::data::inputs::seen_bytes;
use crate::data::{Batch, Batches, Inputs, Order, Source};

/// Images with what is done to each before a model sees it; cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Augmented {
    /// The images, whose shape (channels, height, width) is `shape`.
    pub(super) stored: Arc<Inputs>,
    pub(super) shape: [usize; 3],
    /// What the model takes for mean and standard deviation of each channel; those of the stored
    /// images without it.
    pub(super) moments: Option<Vec<(f64, f64)>>,
    pub(super) transforms: Arc<Transforms>,
}

impl Augmented {
    /// Those at `rows`, in that order. What is drawn for an image depends on its row.
    pub fn select(&self, rows: &[usize]) -> Self {
        let stored = self.stored.select(rows, self.shape.iter().product());
        Self { stored: Arc::new(stored), ..self.clone() }
    }

    /// How many bytes they are as they are stored.
    pub fn bytes(&self) -> usize {
        self.stored.len()
    }

    /// Mean and standard deviation of each channel, from 0 to 1.
    pub fn moments(&self) -> Vec<(f64, f64)> {
        let [channels, height, width] = self.shape;
        self.moments.clone().unwrap_or_else(|| self.stored.moments(channels, height * width))
    }

    /// The image that `sight` is of.
    fn sample(&self, sight: Sight) -> Result<Sample> {
        let image = self.stored.image(sight.row, self.shape)?;
        Ok(match &*self.transforms {
            Transforms::Train(train) => train.apply(image, sight),
            Transforms::Evaluate(evaluate) => evaluate.apply(&image).into(),
        })
    }
}

/// An image as it comes once in an epoch: what its random numbers depend on.
#[derive(Clone, Copy, Debug)]
struct Sight {
    epoch: usize,
    row: usize,
    /// How often it came before.
    repeats: u32,
}

/// What is done to each image.
#[derive(Debug, PartialEq)]
pub(super) enum Transforms {
    Train(Box<Train>),
    Evaluate(Evaluate),
}

/// What is drawn anew each epoch.
#[derive(Debug, PartialEq)]
pub(super) struct Train {
    pub recipe: AugmentRecipe,
    /// Mean and standard deviation of each channel.
    pub moments: Vec<(f64, f64)>,
    pub seed: u64,
}

/// An image as a worker hands it over: bytes, a quarter of what a model sees, and what is painted on
/// top of them.
#[derive(Debug, PartialEq)]
struct Sample {
    image: Raster,
    patches: Vec<Patch>,
}

impl From<Raster> for Sample {
    fn from(image: Raster) -> Self {
        Self { image, patches: Vec::new() }
    }
}

impl Train {
    /// What `transform` draws.
    fn draws(&self, transform: &str, sight: Sight) -> Draws {
        Draws::new(self.seed, transform, sight.epoch, sight.row).again(sight.repeats)
    }

    fn apply(&self, mut image: Raster, sight: Sight) -> Sample {
        let recipe = &self.recipe;
        let draws = |transform| self.draws(transform, sight);
        if let Some(crop) = &recipe.random_crop {
            let corner = crop.draw(image.shape, &mut draws("augment/random-crop"));
            image = crop.apply(&image, corner);
        }
        if let Some(crop) = &recipe.random_resized_crop {
            let mut draws = draws("augment/random-resized-crop");
            let area = crop.draw(image.shape, &mut draws);
            image = crop.apply(&image, area, crop.interpolation.draw(&mut draws));
        }
        if recipe.horizontal_flip.is_some_and(|p| draws("augment/horizontal-flip").chance(p)) {
            horizontal_flip(&mut image);
        }
        if let Some(policy) = &recipe.rand_augment {
            let crop = &recipe.random_resized_crop;
            let filter = crop.as_ref().map_or(Filter::Random, |crop| crop.interpolation);
            let level = |(mean, _): &(f64, f64)| (255.0 * mean).round_ties_even() as u8;
            let fill: Vec<u8> = self.moments.iter().map(level).collect();
            for (operation, filter) in policy.draw(filter, &mut draws("augment/rand-augment")) {
                operation.apply(&mut image, filter, &fill);
            }
        }
        if let Some(jitter) = &recipe.color_jitter {
            let drawn = jitter.draw(&mut draws("augment/color-jitter"));
            drawn.into_iter().for_each(|jitter| jitter.apply(&mut image));
        }
        let mut patches = Vec::new();
        if let Some(erasing) = &recipe.random_erasing {
            let mut draws = draws("augment/random-erasing");
            for area in erasing.draw(image.shape, &mut draws) {
                patches.push(erasing.patch(area, &self.moments, &mut draws));
            }
        }
        Sample { image, patches }
    }

    /// Mixes a batch that begins with `first`, by which it is known, and gives its targets.
    fn mix(
        &self,
        inputs: &mut Tensor,
        labels: Tensor,
        first: Sight,
        of: &AugmentedSource,
    ) -> Result<Tensor> {
        let Some(mix) = &self.recipe.mix else { return Ok(labels) };
        let mixing = mix.draw(of.shape, &mut self.draws("augment/mix", first));
        mixing.apply(inputs, &labels, of.shape, of.classes)
    }
}

/// Draws batches from [`Augmented`] images.
#[derive(Debug)]
pub struct AugmentedSource {
    images: Augmented,
    shape: [usize; 3],
    labels: Vec<i64>,
    classes: usize,
}

impl AugmentedSource {
    /// `shape` (channels, height, width) is that of the images when a model sees them; `labels` are
    /// the class of each, below `classes`.
    pub fn new(images: Augmented, shape: [usize; 3], labels: Vec<i64>, classes: usize) -> Self {
        Self { images, shape, labels, classes }
    }

    /// The batch of the examples that `sights` are of.
    fn batch(&self, samples: Vec<Sample>, sights: &[Sight]) -> Result<Batch> {
        let images = samples.iter().map(|sample| Ok(&sample.image.pixels));
        let mut inputs = seen_bytes(samples.len(), images, self.shape)?;
        let patches = |(at, sample): (usize, Sample)| {
            sample.patches.into_iter().map(move |patch| (at as i64, patch))
        };
        for (at, Patch { area, values }) in samples.into_iter().enumerate().flat_map(patches) {
            let place = inputs.f_get(at)?.f_narrow(1, area.top as i64, area.height as i64)?;
            let mut place = place.f_narrow(2, area.left as i64, area.width as i64)?;
            place.f_copy_(&Tensor::f_from_slice(&values)?.f_reshape(place.size())?)?;
        }
        let labels: Vec<i64> = sights.iter().map(|sight| self.labels[sight.row]).collect();
        let labels = Tensor::f_from_slice(&labels)?;
        let targets = match &*self.images.transforms {
            Transforms::Train(train) => train.mix(&mut inputs, labels, sights[0], self)?,
            Transforms::Evaluate(_) => labels,
        };
        Ok(Batch { inputs: vec![inputs], targets })
    }
}

impl Source for AugmentedSource {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batches(&self, order: &Order, size: usize) -> Result<Batches<'_>> {
        self.batches_by(cores(), order, size)
    }
}

impl AugmentedSource {
    /// [`Source::batches`], made by so many `threads`, which are no part of the result.
    pub(super) fn batches_by(
        &self,
        threads: usize,
        order: &Order,
        size: usize,
    ) -> Result<Batches<'_>> {
        let sights = order.rows.iter().zip(&order.repeats);
        let sights: Vec<Sight> =
            sights.map(|(&row, &repeats)| Sight { epoch: order.epoch, row, repeats }).collect();
        let (images, wanted) = (self.images.clone(), sights.clone());
        let make = move |at: usize| images.sample(wanted[at]);
        let mut samples = Ahead::new(order.rows.len(), threads, 2 * size, make)?;
        let batch = move |first: usize| {
            let sights = &sights[first..sights.len().min(first + size)];
            let samples = samples.by_ref().take(sights.len()).collect::<Result<_>>()?;
            self.batch(samples, sights)
        };
        Ok(Box::new((0..order.rows.len()).step_by(size.max(1)).map(batch)))
    }
}
