//! CIFAR-10, the binary version; [`cifar`](crate::data::cifar) reads it.

use std::path::Path;

use super::card::{Card, DataFormat, Watch, written};
use super::images::{taken, with_test};
use super::inspection::images;
use super::{DataRecipe, Format, ImagesRecipe};
use crate::Result;
use crate::compare::Origin;
use crate::data::cifar::Cifar;
use crate::data::{DataSet, InputKind, Inspection, TableChoices};

/// The format.
pub(super) struct Cifar10;

impl DataFormat for Cifar10 {
    type Recipe = ImagesRecipe;

    const TITLE: &'static str = "CIFAR-10, binary version";
    const KIND: InputKind = InputKind::Images;
    const CARD: Option<Card> = Some(Card {
        sign: Some("data_batch_1.bin (CIFAR-10)"),
        is_in: |folder| Ok(Cifar::Ten.is_there(folder)),
        ..Card::new(inspect)
    });

    fn load(recipe: &ImagesRecipe) -> Result<DataSet> {
        let parts = taken(recipe.take, Cifar::Ten.load(&recipe.path.resolve())?);
        let what = Cifar::Ten.describe(&parts.0, &parts.1);
        Ok(with_test(what, parts, recipe.validation, recipe.long_tail))
    }

    fn origins(recipe: &ImagesRecipe) -> Result<Vec<Origin>> {
        let path = recipe.path.resolve();
        let (folder, files) = Cifar::Ten.all_files(&path)?;
        Ok(vec![Origin::folder(path, folder, files)])
    }
}

fn inspect(path: &Path, _: &TableChoices, _: &Watch<'_>) -> Result<Inspection> {
    let parts = Cifar::Ten.load(path)?;
    let notes: Vec<String> = Cifar::Ten.subset(&parts.0, &parts.1).into_iter().collect();
    let recipe = written(path).ok().map(ImagesRecipe::new).map(DataRecipe::Cifar10);
    let found = images::of_parts(Format::Cifar10, parts, recipe)?;
    Ok(Inspection { notes: [notes, found.notes].concat(), ..found })
}
