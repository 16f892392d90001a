//! [`inspect`]: what is at a path, before anything is trained on it. What `steepness data check`
//! says.
//!
//! It reads everything: an image that cannot be decoded is found here.

mod parallel;
mod text;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use serde::Serialize;

use super::cifar::{Cifar, Labels};
use super::image_files::Sums;
use super::image_list::transparency;
use super::inaturalist::many_medium_few;
use super::table::{Column, Table, Target};
use super::tu::Tu;
use super::{
    Cifar100Recipe, DataPath, DataRecipe, DataSet, Examples, FolderRecipe, Format, Fractions,
    INaturalist, ImageFolder, ImageList, ImagesRecipe, Inputs, Splitting, TableRecipe, TuRecipe,
    copies, detect, idx, of_rows,
};
use crate::{Error, Result};

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The path.
    pub path: String,
    /// Its format.
    pub format: Format,
    /// What there is more to say, such as that it is a subset.
    pub notes: Vec<String>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Training part, then validation and test where it has them. Of sentences and their
    /// translations, without classes, the counts are those of the pairs.
    pub parts: Vec<Part>,
    /// Of images, or of the numbers that a model sees of a row or of a node.
    pub size: Size,
    /// Mean and standard deviation of each channel, or number of a row, over the training part;
    /// pixels from 0 to 1.
    pub channels: Vec<Channel>,
    /// The columns of a table and what was inferred of them.
    pub columns: Vec<Column>,
    /// Number of classes with many (over 100), a medium number of (20 to 100) and few (under 20)
    /// training examples.
    pub many_medium_few: [usize; 3],
    /// As a recipe asks for it, with all defaults.
    pub recipe: Option<DataRecipe>,
}

/// A part of the data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// "training", "validation" or "test".
    pub name: &'static str,
    /// How many examples.
    pub examples: usize,
    /// How many of each class.
    pub counts: Vec<u64>,
}

/// The size of the examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Channels of an image, or numbers of a row or of a node.
    pub channels: usize,
    /// Smallest height and width, 1×1 for a row or a node.
    pub smallest: [usize; 2],
    /// Largest height and width.
    pub largest: [usize; 2],
}

/// A channel of images, or a number of a row or of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Channel {
    /// "red", "grey", or the name of the column or of the feature.
    pub name: String,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
}

/// What is asked beyond the path, for tables.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The column that holds the class; the last without it.
    pub target: Option<Target>,
    /// Columns to leave out.
    pub ignore: Vec<Target>,
}

/// Reads all that is at `path`. `watch` hears how many images of how many are decoded.
///
/// # Errors
/// What is no data set, and what is broken in it, with file and place.
pub fn inspect(
    path: &Path,
    asked: &Asked,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Result<Inspection> {
    let format = detect(path)?;
    if format != Format::Table && (asked.target.is_some() || !asked.ignore.is_empty()) {
        return Err(Error::Request(format!(
            "{} is {format}: a target and columns to ignore are for tables",
            path.display()
        )));
    }
    let written = path.to_str().map(DataPath::new);
    let images = || {
        let path = written.clone()?;
        Some(ImagesRecipe { path, validation: 0.1, take: None, long_tail: None })
    };
    let mut found = match format {
        Format::Idx => {
            let recipe = images().map(DataRecipe::Idx);
            of_parts(format, idx::load(path)?, recipe)?
        }
        Format::Cifar10 => {
            let parts = Cifar::Ten.load(path)?;
            let notes = subset(Cifar::Ten, &parts);
            let recipe = images().map(DataRecipe::Cifar10);
            let found = of_parts(format, parts, recipe)?;
            Inspection { notes: [notes, found.notes].concat(), ..found }
        }
        Format::Cifar100 => {
            let cifar = Cifar::Hundred(Labels::Fine);
            let parts = cifar.load(path)?;
            let notes = subset(cifar, &parts);
            let recipe = written.map(|path| {
                let labels = Labels::Fine;
                let recipe =
                    Cifar100Recipe { path, labels, validation: 0.1, take: None, long_tail: None };
                DataRecipe::Cifar100(recipe)
            });
            let found = of_parts(format, parts, recipe)?;
            Inspection { notes: [notes, found.notes].concat(), ..found }
        }
        Format::Table => of_table(path, asked)?,
        Format::ImageFolder => {
            let ImageFolder { train, validation, test, notes } = ImageFolder::list(path)?;
            let found = of_lists(format, [Some(train), validation, test], watch)?;
            let recipe =
                written.map(|path| DataRecipe::ImageFolder(folder_recipe(path, found.size)));
            // What was found within the images comes after what the folders say.
            Inspection { notes: [notes, found.notes].concat(), recipe, ..found }
        }
        Format::INaturalist => {
            let INaturalist { train, test } = INaturalist::list(path)?;
            let found = of_lists(format, [Some(train), None, test], watch)?;
            let recipe =
                written.map(|path| DataRecipe::INaturalist(folder_recipe(path, found.size)));
            Inspection { recipe, ..found }
        }
        Format::Tu => {
            let found = of_graphs(Tu::load(path, false)?);
            let recipe = written.map(|path| {
                DataRecipe::Tu(TuRecipe {
                    path,
                    attributes: false,
                    split: Splitting::default(),
                    validation: 0.1,
                    test: 0.1,
                    long_tail: None,
                })
            });
            Inspection { recipe, ..found }
        }
        Format::Parallel => parallel::inspect(path)?,
    };
    found.path = path.display().to_string();
    Ok(found)
}

/// Images of several sizes are brought to the usual one, or to less where none has as much.
fn folder_recipe(path: DataPath, Size { smallest, largest, .. }: Size) -> FolderRecipe {
    let size = largest.into_iter().max().map_or(224, |side| side.min(224));
    let size = if smallest == largest { None } else { NonZeroUsize::new(size) };
    FolderRecipe { path, size, validation: 0.1, test: 0.2, take: None, long_tail: None }
}

fn subset(cifar: Cifar, (train, test): &(Examples, Examples)) -> Vec<String> {
    let text = cifar.describe(train, test);
    if text.starts_with("a subset") { vec![text] } else { Vec::new() }
}

fn part(name: &'static str, counts: Vec<u64>) -> Part {
    Part { name, examples: counts.iter().sum::<u64>() as usize, counts }
}

/// Of images in memory.
fn of_parts(
    format: Format,
    (train, test): (Examples, Examples),
    recipe: Option<DataRecipe>,
) -> Result<Inspection> {
    let [channels, height, width] = train.shape.image()?;
    let names = (0..channels).map(|c| channel_name(c, channels));
    let channel = |(name, (mean, std))| Channel { name, mean, std };
    Ok(Inspection {
        path: String::new(),
        format,
        notes: copies::between(&train, &test).into_iter().collect(),
        parts: vec![part("training", train.counts()), part("test", test.counts())],
        size: Size { channels, smallest: [height, width], largest: [height, width] },
        channels: names.zip(train.moments()).map(channel).collect(),
        columns: Vec::new(),
        many_medium_few: many_medium_few(&train.counts()),
        classes: train.classes,
        recipe,
    })
}

fn of_table(path: &Path, asked: &Asked) -> Result<Inspection> {
    // A path that is not UTF-8 can be read, but not be written down in a recipe.
    let written = path
        .to_str()
        .ok_or_else(|| Error::Request(format!("the path {} is not UTF-8", path.display())))?;
    let recipe = TableRecipe {
        path: DataPath::new(written),
        target: asked.target.clone().unwrap_or_default(),
        header: None,
        ignore: asked.ignore.clone(),
        categorical: Vec::new(),
        keep: Vec::new(),
        test_path: None,
        validation: 0.2,
        test: 0.2,
        long_tail: None,
    };
    let table = Table::load(&recipe)?;
    let (has_header, separator, features) =
        (table.has_header, table.separator, table.features.clone());
    let data = of_rows(&recipe, table);
    let copies = copies::notes(&data);
    let DataSet { columns, examples, notes, .. } = data;
    let channel = |(name, (mean, std))| Channel { name, mean, std };
    let header = if has_header { "the first line names the columns" } else { "no header" };
    Ok(Inspection {
        path: String::new(),
        format: Format::Table,
        notes: [format!("{separator} between the values; {header}")]
            .into_iter()
            .chain(notes)
            .chain(copies)
            .collect(),
        parts: vec![part("training", examples.counts())],
        size: Size { channels: features.len(), smallest: [1, 1], largest: [1, 1] },
        channels: features.into_iter().zip(examples.moments()).map(channel).collect(),
        columns,
        many_medium_few: many_medium_few(&examples.counts()),
        classes: examples.classes,
        recipe: Some(DataRecipe::Table(recipe)),
    })
}

fn of_graphs(Tu { examples, features, unused }: Tu) -> Inspection {
    let Inputs::Graphs(graphs) = &examples.inputs else { unreachable!("Tu holds graphs") };
    let spread = |what: &str, counts: Vec<usize>| {
        let (least, most) = (counts.iter().min().unwrap_or(&0), counts.iter().max().unwrap_or(&0));
        let mean = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
        format!("{least} to {most} {what} a graph, {mean:.2} on average")
    };
    let mut notes = vec![
        spread("nodes", graphs.node_counts().collect()),
        spread("edges (one that leads both ways counts twice)", graphs.edge_counts().collect()),
    ];
    if !unused.is_empty() {
        notes.push(format!("not used: {}", unused.join(", ")));
    }
    let channel = |(name, (mean, std))| Channel { name, mean, std };
    Inspection {
        path: String::new(),
        format: Format::Tu,
        notes,
        parts: vec![part("training", examples.counts())],
        size: Size { channels: features.width(), smallest: [1, 1], largest: [1, 1] },
        channels: features.names().into_iter().zip(examples.moments()).map(channel).collect(),
        columns: Vec::new(),
        many_medium_few: many_medium_few(&examples.counts()),
        classes: examples.classes,
        recipe: None,
    }
}

/// Of image files: each is decoded and let go again.
fn of_lists(
    format: Format,
    lists: [Option<ImageList>; 3],
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Result<Inspection> {
    let total = lists.iter().flatten().map(ImageList::len).sum();
    let sizes = Mutex::new((true, [usize::MAX; 2], [0; 2]));
    let train = Mutex::new((0, Sums::default()));
    let transparent = AtomicUsize::new(0);
    let contents = lists.each_ref().map(|list| {
        let count = list.as_ref().map_or(0, ImageList::len);
        Vec::from_iter(std::iter::repeat_with(|| AtomicU64::new(0)).take(count))
    });
    let (mut parts, mut classes, mut before) = (Vec::new(), Vec::new(), 0);
    for (at, (name, list)) in ["training", "validation", "test"].iter().zip(&lists).enumerate() {
        let Some(list) = list else { continue };
        let take = |place: usize, image: super::Image| {
            contents[at][place].store(copies::content(&image), Ordering::Relaxed);
            transparent.fetch_add(usize::from(image.transparent), Ordering::Relaxed);
            let mut sizes = sizes.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let (grey, smallest, largest) = &mut *sizes;
            *grey &= image.grey;
            for (side, length) in [image.height, image.width].into_iter().enumerate() {
                smallest[side] = smallest[side].min(length);
                largest[side] = largest[side].max(length);
            }
            drop(sizes);
            if at == 0 {
                let sums = Sums::of(&image);
                let mut train = train.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                train.0 += (image.height * image.width) as u64;
                train.1.add(&sums);
            }
            Ok(())
        };
        list.decode_all(None, &take, &|done| watch(before + done, total))?;
        before += list.len();
        parts.push(part(name, list.counts()));
        classes.clone_from(&list.classes);
    }
    let (grey, smallest, largest) =
        sizes.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (pixels, sums) = train.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let channels = if grey { 1 } else { 3 };
    let moments = sums.moments(pixels);
    let channel = |c: usize| {
        let (mean, std) = moments[c];
        Channel { name: channel_name(c, channels), mean, std }
    };
    let [own, _, test] =
        contents.map(|part| part.into_iter().map(AtomicU64::into_inner).collect::<Vec<u64>>());
    let labels = lists[0].as_ref().map_or(&[][..], |list| &list.labels[..]);
    let test = lists[2].is_some().then_some(&test[..]);
    let shares = Fractions { validation: 0.1, test: 0.2 };
    let transparent = transparency(transparent.into_inner(), total);
    let copies = copies::of_images((&own, labels), test, shares);
    Ok(Inspection {
        path: String::new(),
        format,
        notes: transparent.into_iter().chain(copies).collect(),
        many_medium_few: many_medium_few(&parts[0].counts),
        size: Size { channels, smallest, largest },
        channels: (0..channels).map(channel).collect(),
        columns: Vec::new(),
        classes,
        parts,
        recipe: None,
    })
}

fn channel_name(channel: usize, of: usize) -> String {
    match of {
        3 => ["red", "green", "blue"][channel].to_owned(),
        1 => "grey".to_owned(),
        _ => channel.to_string(),
    }
}

#[cfg(test)]
mod tests;
