//! MNIST and what comes in its format, [`idx`](crate::data::idx).

use std::path::Path;

use super::card::{Card, DataFormat, Watch, written};
use super::images::{taken, with_test};
use super::inspection::images;
use super::{DataRecipe, Format, ImagesRecipe};
use crate::Result;
use crate::compare::Origin;
use crate::data::{DataSet, InputKind, Inspection, TableChoices, described, idx};

/// The format.
pub(super) struct Idx;

impl DataFormat for Idx {
    type Recipe = ImagesRecipe;

    const TITLE: &'static str = "images in the idx format of MNIST";
    const KIND: InputKind = InputKind::Images;
    const CARD: Option<Card> = Some(Card {
        sign: Some("train-images-idx3-ubyte[.gz]"),
        is_in: |folder| Ok(idx::is_there(folder)),
        ..Card::new(inspect)
    });

    fn load(recipe: &ImagesRecipe) -> Result<DataSet> {
        let path = recipe.path.resolve();
        let parts = taken(recipe.take, idx::load(&path)?);
        let what = format!("{} (idx)", described(&path, &parts.0, "images"));
        Ok(with_test(what, parts, recipe.validation, recipe.long_tail))
    }

    fn origins(recipe: &ImagesRecipe) -> Result<Vec<Origin>> {
        let path = recipe.path.resolve();
        Ok(vec![Origin::folder(path.clone(), path.clone(), idx::files(&path)?)])
    }
}

fn inspect(path: &Path, _: &TableChoices, _: &Watch<'_>) -> Result<Inspection> {
    let recipe = written(path).ok().map(ImagesRecipe::new).map(DataRecipe::Idx);
    images::of_parts(Format::Idx, idx::load(path)?, recipe)
}
