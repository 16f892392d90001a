//! What a model learns from: one file a format, then how a data set is split and drawn from.
//!
//! A data set of another kind is a new file, a variant of [`DataRecipe`] with an arm in [`load`], and
//! what tells it from the others: CONTRIBUTING.md has the list. The engine needs to know nothing of it.

pub mod augment;
pub mod cifar;
mod copies;
mod decode;
mod detect;
mod digits;
pub mod download;
mod examples;
mod files;
mod graphs;
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
mod prefetch;
mod reader;
mod recipe;
mod sampler;
mod sampling;
mod set;
mod shape;
mod spec;
mod split;
pub mod table;
mod take;
pub mod text;
pub mod tu;

pub use decode::{Image, decode};
pub use detect::{Format, detect};
pub use examples::{Examples, MemorySource};
#[cfg(test)]
pub(crate) use files::test_data as test_folder;
#[cfg(test)]
pub(crate) use graphs::tests as graph_tests;
pub use graphs::{GraphSource, Graphs, Store};
pub use image_files::{FileSource, ImageFiles};
pub use image_folder::ImageFolder;
pub use image_list::ImageList;
pub use inaturalist::INaturalist;
pub use inputs::Inputs;
pub use inspect::{Asked, Channel, Inspection, Part, Size, inspect};
pub use long_tail::{LongTail, Profile};
pub use not_read::NotRead;
pub use ood::{OodRecipe, OodSet};
pub use reader::{Asking, InputFile, Reader};
pub use recipe::{
    Cifar100Recipe, DataPath, DataRecipe, FolderRecipe, ImagesRecipe, TableRecipe, TuRecipe,
};
pub use sampler::{Batch, Batches, Order, Source, order};
pub use sampling::Sampling;
pub use set::{DataSet, HeldOut, Parts};
pub use shape::{InputKind, Shape};
pub use spec::InputSpec;
pub(crate) use split::held_of_each;
pub use split::{Fractions, Split, Splitting, hold_out, stratified};
pub use steepness_measure::npy;
pub use take::Take;
pub use text::{Corpus, PairSource, Pairs, ParallelRecipe, Side, Vocabulary};

use std::num::NonZeroUsize;
use std::path::Path;

use crate::Result;
use cifar::Cifar;
use origin::taken_lists;
use table::Table;
use tu::Tu;

/// Reads what `recipe` asks for, all of it: what is broken is found here and not in the training.
///
/// # Errors
/// Names the file and the place in it.
pub fn load(recipe: &DataRecipe) -> Result<DataSet> {
    let own_test = |description, (examples, test), recipe: &ImagesRecipe| DataSet {
        description,
        examples,
        held_out: HeldOut::Validation { share: recipe.validation, test },
        long_tail: recipe.long_tail,
        ood: Vec::new(),
        columns: Vec::new(),
        nodes: None,
        notes: Vec::new(),
    };
    let mut data = match recipe {
        DataRecipe::Digits(shares) => digits::load(*shares),
        DataRecipe::Idx(recipe) => {
            let path = recipe.path.resolve();
            let parts = taken(recipe.take, idx::load(&path)?);
            let what = format!("{} (idx)", described(&path, &parts.0, "images"));
            Ok(own_test(what, parts, recipe))
        }
        DataRecipe::Cifar10(recipe) => {
            let parts = taken(recipe.take, Cifar::Ten.load(&recipe.path.resolve())?);
            Ok(own_test(Cifar::Ten.describe(&parts.0, &parts.1), parts, recipe))
        }
        DataRecipe::Cifar100(Cifar100Recipe { path, labels, validation, take, long_tail }) => {
            let cifar = Cifar::Hundred(*labels);
            let parts = taken(*take, cifar.load(&path.resolve())?);
            let recipe = ImagesRecipe {
                path: path.clone(),
                validation: *validation,
                take: None,
                long_tail: *long_tail,
            };
            Ok(own_test(cifar.describe(&parts.0, &parts.1), parts, &recipe))
        }
        DataRecipe::ImageFolder(recipe) => {
            let ImageFolder { train, validation, test, notes } =
                ImageFolder::list(&recipe.path.resolve())?;
            let found = of_lists(recipe, train, validation, test)?;
            Ok(DataSet { notes: [notes, found.notes].concat(), ..found })
        }
        DataRecipe::INaturalist(recipe) => {
            let INaturalist { train, test } = INaturalist::list(&recipe.path.resolve())?;
            of_lists(recipe, train, None, test)
        }
        DataRecipe::Table(recipe) => Ok(of_rows(recipe, Table::load(recipe)?)),
        DataRecipe::Tu(recipe) => {
            let path = recipe.path.resolve();
            let Tu { examples, features, .. } = Tu::load(&path, recipe.attributes)?;
            Ok(DataSet {
                description: described(&path, &examples, "graphs"),
                held_out: HeldOut::Shares(recipe.shares(), recipe.split),
                examples,
                long_tail: recipe.long_tail,
                ood: Vec::new(),
                columns: Vec::new(),
                nodes: Some(features),
                notes: Vec::new(),
            })
        }
        DataRecipe::Parallel(recipe) => text::load(recipe),
    }?;
    data.notes.extend(copies::notes(&data));
    Ok(data)
}

/// The rows of a table.
fn of_rows(recipe: &TableRecipe, table: Table) -> DataSet {
    let Table { columns, examples, test, notes, .. } = table;
    DataSet {
        description: described(&recipe.path.resolve(), &examples, "rows"),
        held_out: held_out(recipe.validation, recipe.test, None, test),
        examples,
        long_tail: recipe.long_tail,
        ood: Vec::new(),
        columns,
        nodes: None,
        notes,
    }
}

/// Of a training and a test part as much as is to be taken.
fn taken(take: Option<Take>, (mut train, mut test): (Examples, Examples)) -> (Examples, Examples) {
    let Some(take) = take else { return (train, test) };
    for (part, count) in [(&mut train, take.train), (&mut test, take.test)] {
        if let Some(rows) = Take::rows(count, &part.labels) {
            *part = part.select(&rows);
        }
    }
    (train, test)
}

/// Image files: the training images say which shape all have.
fn of_lists(
    recipe: &FolderRecipe,
    train: ImageList,
    validation: Option<ImageList>,
    test: Option<ImageList>,
) -> Result<DataSet> {
    let side = recipe.size.map(NonZeroUsize::get);
    let (train, test) = taken_lists(recipe, train, test);
    let (examples, mut transparent) = train.read(side, None)?;
    let mut images = examples.len();
    let mut part = |list: ImageList| -> Result<Examples> {
        let (part, found) = list.read(side, Some(examples.shape.image()?))?;
        transparent += found;
        images += part.len();
        Ok(part)
    };
    let validation = validation.map(&mut part).transpose()?;
    let test = test.map(&mut part).transpose()?;
    let notes = image_list::transparency(transparent, images).into_iter().collect();
    Ok(DataSet {
        description: described(&recipe.path.resolve(), &examples, "images"),
        held_out: held_out(recipe.validation, recipe.test, validation, test),
        examples,
        long_tail: recipe.long_tail,
        ood: Vec::new(),
        columns: Vec::new(),
        nodes: None,
        notes,
    })
}

/// Shares for the parts that are not given.
fn held_out(
    share: f64,
    test_share: f64,
    validation: Option<Examples>,
    test: Option<Examples>,
) -> HeldOut {
    match (validation, test) {
        (Some(validation), Some(test)) => HeldOut::Given { validation, test },
        (_, Some(test)) => HeldOut::Validation { share, test },
        (_, None) => {
            let shares = Fractions { validation: share, test: test_share };
            HeldOut::Shares(shares, Splitting::Stratified)
        }
    }
}

/// "mnist: 60000 images of 28×28 pixels in 10 classes".
fn described(path: &Path, examples: &Examples, what: &str) -> String {
    let size = match &examples.inputs {
        _ if examples.shape.has_several_sizes() => "several sizes".to_owned(),
        Inputs::Graphs(graphs) => {
            let mean = graphs.node_counts().sum::<usize>() as f64 / examples.len() as f64;
            format!("{mean:.1} nodes on average")
        }
        Inputs::Pairs(pairs) => {
            format!("{:.1} pieces on average", pairs.pieces() as f64 / examples.len() as f64)
        }
        _ => match examples.shape {
            Shape::Image([_, height, width]) => format!("{height}×{width} pixels"),
            other => format!("{} numbers", other.values()),
        },
    };
    let (count, classes) = (examples.len(), examples.classes.len());
    format!("{}: {count} {what} of {size} in {classes} classes", files::name(path))
}
