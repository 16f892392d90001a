//! [`AugmentedSource`]: batches of images that worker threads transform ahead of need.

use tch::Tensor;

use super::raster::Patch;
use super::transform::{Occurrence, Sample};
use crate::Result;
use crate::compare::cores;
use crate::data::inputs::Augmented;
use crate::data::prefetch::Prefetch;
use crate::data::seen::seen_bytes;
use crate::data::{Batch, BatchSource, Batches, Order};

/// Draws batches of images that are augmented.
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

    /// The batch of the examples that `occurrences` are of.
    fn batch(&self, samples: Vec<Sample>, occurrences: &[Occurrence]) -> Result<Batch> {
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
        let labels: Vec<i64> =
            occurrences.iter().map(|occurrence| self.labels[occurrence.row]).collect();
        let labels = Tensor::f_from_slice(&labels)?;
        let pipeline = &self.images.pipeline;
        let targets = pipeline.apply_to_batch(
            &mut inputs,
            labels,
            self.shape,
            self.classes,
            occurrences[0],
        )?;
        Ok(Batch { inputs: vec![inputs], targets })
    }
}

impl BatchSource for AugmentedSource {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batches(&self, order: &Order, size: usize) -> Result<Batches<'_>> {
        self.batches_by(cores(), order, size)
    }
}

impl AugmentedSource {
    /// [`BatchSource::batches`], made by so many `threads`, which are no part of the result.
    pub(super) fn batches_by(
        &self,
        threads: usize,
        order: &Order,
        size: usize,
    ) -> Result<Batches<'_>> {
        let occurrences = order.rows.iter().zip(&order.repeats);
        let occurrences: Vec<Occurrence> = occurrences
            .map(|(&row, &repeats)| Occurrence { epoch: order.epoch, row, repeats })
            .collect();
        let (images, wanted) = (self.images.clone(), occurrences.clone());
        let make = move |at: usize| images.sample(wanted[at]);
        let mut samples = Prefetch::new(order.rows.len(), threads, 2 * size, make)?;
        let batch = move |first: usize| {
            let occurrences = &occurrences[first..occurrences.len().min(first + size)];
            let samples = samples.by_ref().take(occurrences.len()).collect::<Result<_>>()?;
            self.batch(samples, occurrences)
        };
        Ok(Box::new((0..order.rows.len()).step_by(size.max(1)).map(batch)))
    }
}
