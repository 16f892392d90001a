//! Augmentation: images that are different each epoch, and what is done to those that are measured.
//!
//! One file a transform, with its [`Card`]: a kernel on bytes with explicit parameters, which gives what
//! torchvision, timm and Pillow give bit for bit, and the draw of these parameters for one example.
//! Everything that is drawn is a function of the seed, the transform, the epoch and the example's row
//! alone (see [`Draws`]): threads, the order of the examples and where a training was resumed change
//! nothing.
//!
//! The list in `augmentations!` below is all that recipes, the documentation and the tests know of
//! them.

mod affine;
mod color;
mod color_jitter;
mod draws;
mod evaluate;
mod horizontal_flip;
mod levels;
mod mix;
mod pipeline;
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
mod transform;

pub use color_jitter::{ColorJitter, Jitter};
pub use draws::Draws;
pub use evaluate::Evaluate;
pub use horizontal_flip::HorizontalFlip;
pub use mix::{Mix, Mixing};
pub(super) use pipeline::Pipeline;
pub use rand_augment::{Operation, RandAugment};
pub use random_crop::{PaddingMode, RandomCrop};
pub use random_erasing::{Erase, RandomErasing};
pub use random_resized_crop::RandomResizedCrop;
pub use raster::{Area, Patch, Raster};
pub use recipe::Normalize;
pub use resample::{Filter, Interpolation, resize};
pub use source::AugmentedSource;
pub(super) use transform::{Occurrence, Sample};

use serde::{Deserialize, Serialize};

use crate::card::Card;
use crate::{Error, Result};
use transform::Transform;

/// Makes [`AugmentRecipe`] and [`AUGMENTATIONS`] of one list. An entry is a transform's file, which the
/// recipe's key is called after, and its type.
macro_rules! augmentations {
    ($($(#[$doc:meta])* $file:ident: $Name:ident,)*) => {
        /// `[augment]`: what is not there is not done. The parts that are measured go through
        /// `[augment.evaluate]` alone.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct AugmentRecipe {
            $(
                $(#[$doc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $file: Option<$Name>,
            )*
            /// What the model takes for mean and standard deviation of the pixels.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub normalize: Option<Normalize>,
            /// What is done to the validation part, the test part and examples from outside.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub evaluate: Option<Evaluate>,
        }

        /// What each augmentation says of itself, in the order in which they are applied.
        pub static AUGMENTATIONS: &[&Card] = &[$(&$file::CARD),*];

        impl AugmentRecipe {
            /// Those that it asks for, in the order in which they are applied.
            fn transforms(&self) -> impl Iterator<Item = (&'static Card, &dyn Transform)> {
                let all = [$(
                    self.$file.as_ref().map(|transform| {
                        (&$file::CARD, transform as &dyn Transform)
                    }),
                )*];
                all.into_iter().flatten()
            }
        }
    };
}

// timm's order.
augmentations! {
    /// A crop of fixed size.
    random_crop: RandomCrop,
    /// A crop of random size and shape, scaled.
    random_resized_crop: RandomResizedCrop,
    /// The probability that an image is mirrored.
    horizontal_flip: HorizontalFlip,
    /// Random operations; what they bring into the image has the mean colour.
    rand_augment: RandAugment,
    /// Random colours.
    color_jitter: ColorJitter,
    /// Rectangles that are painted over.
    random_erasing: RandomErasing,
    /// Mixup and cutmix.
    mix: Mix,
}

/// Images do not become larger than so many pixels a side.
const MOST_SIDE: usize = 4096;

/// The transform of a recipe that makes no sense; the message says which, and what would.
fn refuse<T>(problem: String) -> Result<T> {
    Err(Error::Request(format!("augment: {problem}")))
}

/// Refuses settings of a transform that are not in the ranges on its card.
fn validate(card: &Card, settings: &impl Serialize) -> Result<()> {
    card.validate(settings).or_else(|problem| refuse(format!("{}: {problem}", card.name)))
}
