//! Augmentation: images that are different each epoch, and what is done to those that are measured.
//!
//! One file a transform: a kernel on bytes with explicit parameters, which gives what torchvision,
//! timm and Pillow give bit for bit, and the draw of these parameters for one example. Everything
//! that is drawn is a function of the seed, the transform, the epoch and the example's row alone (see
//! [`Draws`]): threads, the order of the examples and where a training was resumed change nothing.
//!
//! The order is timm's: crop, flip, RandAugment, colour jitter, random erasing, and mixing of whole
//! batches.

mod affine;
mod color;
mod color_jitter;
mod draws;
mod evaluate;
mod horizontal_flip;
mod mix;
mod rand_augment;
mod random_crop;
mod random_erasing;
mod random_resized_crop;
mod raster;
mod recipe;
mod resample;
mod source;
#[cfg(test)]
mod tests;
mod tone;

pub use color_jitter::{ColorJitter, Jitter};
pub use draws::Draws;
pub use evaluate::Evaluate;
pub use mix::{Mix, Mixing};
pub use rand_augment::{Operation, RandAugment};
pub use random_crop::{PaddingMode, RandomCrop};
pub use random_erasing::{Erase, Patch, RandomErasing};
pub use random_resized_crop::{Filter, RandomResizedCrop};
pub use raster::{Area, Raster};
pub use recipe::{AugmentRecipe, Normalize};
pub use resample::{Interpolation, resize};
pub use source::{Augmented, AugmentedSource};

use crate::{Error, Result};

/// Images do not become larger than so many pixels a side.
const MOST_SIDE: usize = 4096;

/// The transform of a recipe that makes no sense; the message says which, and what would.
fn refuse<T>(problem: String) -> Result<T> {
    Err(Error::Request(format!("augment: {problem}")))
}

fn check_probability(name: &str, probability: f64) -> Result<()> {
    match (0.0..=1.0).contains(&probability) {
        true => Ok(()),
        false => refuse(format!("{name} = {probability} must lie in [0, 1]")),
    }
}
