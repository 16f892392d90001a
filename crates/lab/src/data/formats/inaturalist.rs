//! iNaturalist 2018; [`inaturalist`](crate::data::inaturalist) reads its annotations.

use std::path::Path;

use super::card::{Card, DataFormat, Watch, written};
use super::inspection::images;
use super::{DataRecipe, FolderRecipe, Format};
use crate::Result;
use crate::compare::Origin;
use crate::data::{self, DataSet, InputKind, Inspection, TableChoices, inaturalist};

/// The format.
pub(super) struct INaturalist;

impl DataFormat for INaturalist {
    type Recipe = FolderRecipe;

    const TITLE: &'static str = "iNaturalist 2018";
    const KIND: InputKind = InputKind::Images;
    const CARD: Option<Card> = Some(Card {
        sign: Some("train2018.json (iNaturalist)"),
        is_in: |folder| Ok(inaturalist::is_there(folder)),
        // Its images lie in folders beside its annotations.
        looks_like: &[Format::ImageFolder],
        ..Card::new(inspect)
    });

    fn load(recipe: &FolderRecipe) -> Result<DataSet> {
        let data::INaturalist { train, test } = data::INaturalist::list(&recipe.path.resolve())?;
        recipe.load(train, None, test)
    }

    fn origins(recipe: &FolderRecipe) -> Result<Vec<Origin>> {
        let path = recipe.path.resolve();
        let data::INaturalist { train, test } = data::INaturalist::list(&path)?;
        let (train, test) = recipe.taken(train, test);
        let mut files = inaturalist::annotations(&path);
        files.extend([Some(train), test].into_iter().flatten().flat_map(|list| list.files));
        Ok(vec![Origin::folder(path.clone(), path, files)])
    }
}

fn inspect(path: &Path, _: &TableChoices, watch: &Watch<'_>) -> Result<Inspection> {
    let data::INaturalist { train, test } = data::INaturalist::list(path)?;
    let found = images::of_lists(Format::INaturalist, [Some(train), None, test], watch)?;
    let recipe = written(path).ok().map(|path| FolderRecipe::new(path, found.size));
    Ok(Inspection { recipe: recipe.map(DataRecipe::INaturalist), ..found })
}
