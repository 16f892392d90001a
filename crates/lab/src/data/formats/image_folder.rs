//! A folder of images, such as ImageNet; [`image_folder`](crate::data::image_folder) reads it.

use std::path::Path;

use super::card::{Card, DataFormat, Watch, written};
use super::inspection::images;
use super::{DataRecipe, FolderRecipe, Format};
use crate::Result;
use crate::compare::Origin;
use crate::data::{self, DataSet, InputKind, Inspection, TableChoices, image_folder};

/// The format.
pub(super) struct ImageFolder;

impl DataFormat for ImageFolder {
    type Recipe = FolderRecipe;

    const TITLE: &'static str = "a folder of images";
    const KIND: InputKind = InputKind::Images;
    const CARD: Option<Card> = Some(Card {
        sign: Some("train/CLASS/*.jpg"),
        is_in: |folder| Ok(image_folder::is_there(folder)),
        ..Card::new(inspect)
    });

    fn load(recipe: &FolderRecipe) -> Result<DataSet> {
        let data::ImageFolder { train, validation, test, notes } =
            data::ImageFolder::list(&recipe.path.resolve())?;
        let found = recipe.load(train, validation, test)?;
        Ok(DataSet { notes: [notes, found.notes].concat(), ..found })
    }

    fn origins(recipe: &FolderRecipe) -> Result<Vec<Origin>> {
        let path = recipe.path.resolve();
        let data::ImageFolder { train, validation, test, .. } = data::ImageFolder::list(&path)?;
        let (train, test) = recipe.taken(train, test);
        let lists = [Some(train), validation, test].into_iter().flatten();
        let files = lists.flat_map(|list| list.files).collect();
        Ok(vec![Origin::folder(path.clone(), path, files)])
    }
}

fn inspect(path: &Path, _: &TableChoices, watch: &Watch<'_>) -> Result<Inspection> {
    let data::ImageFolder { train, validation, test, notes } = data::ImageFolder::list(path)?;
    let found = images::of_lists(Format::ImageFolder, [Some(train), validation, test], watch)?;
    let recipe = written(path).ok().map(|path| FolderRecipe::new(path, found.size));
    // What was found within the images comes after what the folders say.
    let notes = [notes, found.notes].concat();
    Ok(Inspection { notes, recipe: recipe.map(DataRecipe::ImageFolder), ..found })
}
