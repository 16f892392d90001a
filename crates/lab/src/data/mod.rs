//! What a model learns from: one file a format, then how a data set is split and drawn from.
//!
//! Another format is a new file in `formats` and a line in its list; inputs of another kind need a
//! [`BatchSource`] of their own, a [`Shape`] and a variant of [`Inputs`]. The engine knows nothing of either.

pub mod arrays;
pub mod augment;
pub mod cifar;
mod copies;
mod decode;
mod detect;
pub mod download;
mod examples;
mod files;
mod formats;
mod graphs;
mod grouped;
pub mod idx;
mod image_files;
mod image_folder;
mod image_list;
pub mod inaturalist;
mod inputs;
mod inspect;
mod long_tail;
mod not_read;
mod ood;
mod origin;
mod parts;
mod path;
mod prefetch;
mod reader;
mod recipe;
mod sampler;
mod sampling;
mod seen;
mod set;
mod shape;
mod spec;
mod split;
mod subset;
pub mod table;
pub mod text;
pub mod tu;

pub use decode::{Image, decode};
pub use detect::detect;
pub use examples::{Examples, MemorySource};
pub(crate) use files::read_regular;
#[cfg(test)]
pub(crate) use files::test_data as test_folder;
pub use formats::{
    ArraysRecipe, Channel, Cifar100Recipe, DataRecipe, FolderRecipe, Format, ImagesRecipe,
    Inspection, PartInspection, Size, TableChoices, TuRecipe,
};
#[cfg(test)]
pub(crate) use graphs::tests as graph_tests;
pub use graphs::{GraphSource, Graphs, Store};
pub use image_files::{FileSource, ImageFiles};
pub use image_folder::ImageFolder;
pub use image_list::ImageList;
pub use inaturalist::INaturalist;
pub use inputs::Inputs;
pub use inspect::inspect;
pub use long_tail::{LongTail, Profile};
pub use not_read::NotRead;
pub use ood::OodRecipe;
pub use path::DataPath;
pub use reader::{Asking, InputFile, Reader};
pub use sampler::{Batch, BatchSource, Batches, Order, order};
pub use sampling::Sampling;
pub use set::{DataSet, HeldOut, OodSet, Parts};
pub use shape::{InputKind, Shape};
pub use spec::InputSpec;
pub(crate) use split::held_of_each;
pub use split::{Fractions, Split, Splitting, hold_out, stratified};
pub use steepness_measure::npy;
pub use subset::Subset;
pub use table::TableRecipe;
pub use text::{Corpus, PairSource, Pairs, ParallelRecipe, Side, Vocabulary};

use crate::Result;
use examples::described;

/// Reads what `recipe` asks for, all of it: what is broken is found here and not in the training.
///
/// # Errors
/// Names the file and the place in it.
pub fn load(recipe: &DataRecipe) -> Result<DataSet> {
    let mut data = recipe.read()?;
    data.notes.extend(copies::notes(&data));
    Ok(data)
}
