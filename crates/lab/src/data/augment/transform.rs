//! [`Transform`]: what the augmentations of a recipe have in common.

use tch::Tensor;

use super::draws::Draws;
use super::raster::{Patch, Raster};
use super::resample::Filter;
use crate::{Result, Validate};

/// An augmentation: it changes each training image, or each batch of them.
pub(super) trait Transform: Validate {
    /// Height and width of what becomes of an image, where it decides them; of those that do there
    /// can be one only.
    fn side(&self) -> Option<usize> {
        None
    }

    /// Refuses images of that shape, as they are stored, if it cannot take them.
    fn fits(&self, _stored: [usize; 3]) -> Result<()> {
        Ok(())
    }

    /// The filter that others scale and turn with too.
    fn filter(&self) -> Option<Filter> {
        None
    }

    /// Whether targets are mixed, so that the loss must take soft ones.
    fn gives_soft_targets(&self) -> bool {
        false
    }

    /// Changes one image.
    fn apply(&self, _sample: &mut Sample, _context: &Context) {}

    /// Changes a batch of images of `shape`, f32 (N, C, H, W), in place, and gives its targets.
    fn apply_to_batch(
        &self,
        _inputs: &mut Tensor,
        targets: Tensor,
        _shape: [usize; 3],
        _classes: usize,
        _context: &Context,
    ) -> Result<Tensor> {
        Ok(targets)
    }
}

/// An image as a worker hands it over: bytes, a quarter of what a model sees, and what is painted on
/// top of them.
#[derive(Debug, PartialEq)]
pub(in crate::data) struct Sample {
    pub image: Raster,
    pub patches: Vec<Patch>,
}

impl From<Raster> for Sample {
    fn from(image: Raster) -> Self {
        Self { image, patches: Vec::new() }
    }
}

/// An image as it comes once in an epoch: what its random numbers depend on.
#[derive(Clone, Copy, Debug)]
pub(in crate::data) struct Occurrence {
    pub epoch: usize,
    pub row: usize,
    /// How often it came before.
    pub repeats: u32,
}

/// What a transform may look at beside the image.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// Mean and standard deviation of each channel.
    pub moments: &'a [(f64, f64)],
    /// That of the transform that has one.
    pub filter: Filter,
    pub seed: u64,
    pub occurrence: Occurrence,
}

impl Context<'_> {
    /// The random numbers of the `transform`, such as "augment/mix", for the image, or for the batch
    /// that begins with it. Another name would draw others.
    pub fn draws(&self, transform: &str) -> Draws {
        let Occurrence { epoch, row, repeats } = self.occurrence;
        Draws::new(self.seed, transform, epoch, row).again(repeats)
    }
}
