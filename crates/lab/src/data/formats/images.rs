//! What formats of images have in common: two recipes, with an own test part or with folders that may
//! have one, and how parts become a data set.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::card::DataSettings;
use super::inspection::Size;
use super::{a_fifth, a_tenth};
use crate::data::image_list::{ImageList, MOST_SIDE, transparency};
use crate::data::split::validate_share;
use crate::data::{DataPath, DataSet, Examples, Fractions, HeldOut, LongTail, Subset, described};
use crate::{Error, Result, Validate};

/// Images with their own test part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagesRecipe {
    /// The folder.
    pub path: DataPath,
    /// Share of the training images that is held out for validation.
    #[serde(default = "a_tenth")]
    pub validation: f64,
    /// Takes a part of the images alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<Subset>,
    /// Makes the training part long-tailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_tail: Option<LongTail>,
}

/// A folder of images; shares are used for parts that it does not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderRecipe {
    /// The folder.
    pub path: DataPath,
    /// Takes the largest square in the middle of each image and scales it to this height and width.
    /// Without it, images stay as they are: of one size, or of several that `[augment]` brings to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<NonZeroUsize>,
    /// Share of the training images that is held out for validation.
    #[serde(default = "a_tenth")]
    pub validation: f64,
    /// Share of the images that is held out for test, where there is no test part.
    #[serde(default = "a_fifth")]
    pub test: f64,
    /// Takes a part of the images alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<Subset>,
    /// Makes the training part long-tailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_tail: Option<LongTail>,
}

impl ImagesRecipe {
    /// That of `path` with all defaults.
    pub(super) fn new(path: DataPath) -> Self {
        Self { path, validation: a_tenth(), take: None, long_tail: None }
    }
}

impl DataSettings for ImagesRecipe {
    fn paths(&mut self) -> Vec<(&'static str, &mut DataPath)> {
        vec![("data", &mut self.path)]
    }

    fn shares(&self) -> Fractions {
        Fractions { validation: self.validation, test: 0.0 }
    }
}

impl Validate for ImagesRecipe {
    fn validate(&self) -> Result<()> {
        validate_share(self.validation)?;
        self.long_tail.validate()
    }
}

impl FolderRecipe {
    /// That of `path` for images of `size`: of several sizes they are brought to the usual one, or to
    /// less where none has as much.
    pub(super) fn new(path: DataPath, Size { smallest, largest, .. }: Size) -> Self {
        let size = largest.into_iter().max().map_or(224, |side| side.min(224));
        let size = if smallest == largest { None } else { NonZeroUsize::new(size) };
        let (validation, test) = (a_tenth(), a_fifth());
        Self { path, size, validation, test, take: None, long_tail: None }
    }

    /// Of the lists of a training and a test part as much as is to be taken.
    pub(super) fn taken(
        &self,
        train: ImageList,
        test: Option<ImageList>,
    ) -> (ImageList, Option<ImageList>) {
        let take = |list: ImageList, count| match Subset::rows(count, &list.labels) {
            Some(rows) => list.select(&rows),
            None => list,
        };
        let counts = self.take.map_or((None, None), |take| (take.train, take.test));
        (take(train, counts.0), test.map(|list| take(list, counts.1)))
    }

    /// The images of the lists: the training images say which shape all have.
    pub(super) fn load(
        &self,
        train: ImageList,
        validation: Option<ImageList>,
        test: Option<ImageList>,
    ) -> Result<DataSet> {
        let side = self.size.map(NonZeroUsize::get);
        let (train, test) = self.taken(train, test);
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
        Ok(DataSet {
            long_tail: self.long_tail,
            notes: transparency(transparent, images).into_iter().collect(),
            ..DataSet::new(
                described(&self.path.resolve(), &examples, "images"),
                examples,
                HeldOut::of(self.shares(), validation, test),
            )
        })
    }
}

impl DataSettings for FolderRecipe {
    fn paths(&mut self) -> Vec<(&'static str, &mut DataPath)> {
        vec![("data", &mut self.path)]
    }

    fn shares(&self) -> Fractions {
        Fractions { validation: self.validation, test: self.test }
    }

    fn size(&mut self) -> Option<&mut Option<NonZeroUsize>> {
        Some(&mut self.size)
    }
}

impl Validate for FolderRecipe {
    fn validate(&self) -> Result<()> {
        if let Some(size) = self.size.filter(|size| size.get() > MOST_SIDE) {
            return Err(Error::Request(format!("size = {size} is above {MOST_SIDE} pixels")));
        }
        self.shares().validate()?;
        self.long_tail.validate()
    }
}

/// Of a training and a test part as much as is to be taken.
pub(super) fn taken(
    take: Option<Subset>,
    (mut train, mut test): (Examples, Examples),
) -> (Examples, Examples) {
    let Some(take) = take else { return (train, test) };
    for (part, count) in [(&mut train, take.train), (&mut test, take.test)] {
        if let Some(rows) = Subset::rows(count, &part.labels) {
            *part = part.select(&rows);
        }
    }
    (train, test)
}

/// A data set with its own test part, and a share for validation.
pub(super) fn with_test(
    description: String,
    (examples, test): (Examples, Examples),
    share: f64,
    long_tail: Option<LongTail>,
) -> DataSet {
    let held_out = HeldOut::Validation { share, test };
    DataSet { long_tail, ..DataSet::new(description, examples, held_out) }
}
