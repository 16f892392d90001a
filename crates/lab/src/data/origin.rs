//! [`Origin`]: which files a recipe's data are read from.
//!
//! Each format says so itself, with the code that reads them; what it leaves out would not count as
//! part of a run. A new format cannot be forgotten: the match in [`DataRecipe::origins`] asks for it.

use std::path::{Path, PathBuf};

use super::cifar::Cifar;
use super::image_folder::without_classes;
use super::text::Text;
use super::tu::Tu;
use super::{
    Cifar100Recipe, DataPath, DataRecipe, FolderRecipe, INaturalist, ImageFolder, ImageList,
    OodRecipe, Take, idx, inaturalist,
};
use crate::Result;

/// What one path in a recipe leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Which path it is: "data", "data.test_path", "ood clothes".
    pub key: String,
    /// Where that leads.
    pub path: PathBuf,
    /// The folder that the names of the files count from, however the path led there; of a single
    /// file the file itself.
    pub base: PathBuf,
    /// The files that are read, each once.
    pub files: Vec<PathBuf>,
}

impl Origin {
    /// A single file.
    pub fn file(key: &str, path: &Path) -> Self {
        let [path, base] = [path.to_owned(), path.to_owned()];
        Self { key: key.to_owned(), files: vec![path.clone()], path, base }
    }

    /// Files in the folder `base`, which `path` leads to.
    fn folder(path: PathBuf, base: PathBuf, files: Vec<PathBuf>) -> Self {
        Self { key: "data".to_owned(), path, base, files }
    }
}

impl DataRecipe {
    /// Every file that [`load`](super::load) reads for this recipe, by the path of the recipe that
    /// leads to it; none is opened but those that name others.
    ///
    /// # Errors
    /// What is missing, as [`load`](super::load) says it.
    pub fn origins(&self) -> Result<Vec<Origin>> {
        let origin = match self {
            // They are in the program.
            DataRecipe::Digits(_) => return Ok(Vec::new()),
            DataRecipe::Idx(recipe) => {
                let path = recipe.path.resolve();
                Origin::folder(path.clone(), path.clone(), idx::files(&path)?)
            }
            DataRecipe::Cifar10(recipe) => of_cifar(Cifar::Ten, &recipe.path)?,
            DataRecipe::Cifar100(Cifar100Recipe { path, labels, .. }) => {
                of_cifar(Cifar::Hundred(*labels), path)?
            }
            DataRecipe::ImageFolder(recipe) => {
                let path = recipe.path.resolve();
                let ImageFolder { train, validation, test, .. } = ImageFolder::list(&path)?;
                let (train, test) = taken_lists(recipe, train, test);
                let lists = [Some(train), validation, test].into_iter().flatten();
                let files = lists.flat_map(|list| list.files).collect();
                Origin::folder(path.clone(), path, files)
            }
            DataRecipe::INaturalist(recipe) => {
                let path = recipe.path.resolve();
                let INaturalist { train, test } = INaturalist::list(&path)?;
                let (train, test) = taken_lists(recipe, train, test);
                let mut files = inaturalist::annotations(&path);
                files.extend([Some(train), test].into_iter().flatten().flat_map(|list| list.files));
                Origin::folder(path.clone(), path, files)
            }
            DataRecipe::Table(recipe) => {
                let table = Origin::file("data", &recipe.path.resolve());
                let test = |path: &DataPath| Origin::file("data.test_path", &path.resolve());
                return Ok([table]
                    .into_iter()
                    .chain(recipe.test_path.as_ref().map(test))
                    .collect());
            }
            DataRecipe::Tu(recipe) => {
                let path = recipe.path.resolve();
                let (folder, files) = Tu::files(&path)?;
                Origin::folder(path, folder, files)
            }
            DataRecipe::Parallel(recipe) => {
                let path = recipe.path.resolve();
                let (folder, files) = Text::files(recipe)?;
                Origin::folder(path, folder, files)
            }
        };
        Ok(vec![origin])
    }
}

impl OodRecipe {
    /// As [`DataRecipe::origins`], of what [`OodRecipe::load`] reads.
    ///
    /// # Errors
    /// As there.
    pub fn origins(&self) -> Result<Vec<Origin>> {
        let mut origins = match self.without_classes() {
            Some(recipe) => {
                let path = recipe.path.resolve();
                let files = without_classes(&path)?.files;
                vec![Origin::folder(path.clone(), path, files)]
            }
            None => self.data.origins()?,
        };
        for origin in &mut origins {
            origin.key = origin.key.replacen("data", &format!("ood {}", self.name), 1);
        }
        Ok(origins)
    }
}

fn of_cifar(cifar: Cifar, path: &DataPath) -> Result<Origin> {
    let path = path.resolve();
    let (folder, files) = cifar.all_files(&path)?;
    Ok(Origin::folder(path, folder, files))
}

/// Of the images of a folder as many as `recipe` takes.
pub(super) fn taken_lists(
    recipe: &FolderRecipe,
    train: ImageList,
    test: Option<ImageList>,
) -> (ImageList, Option<ImageList>) {
    let take = |list: ImageList, count| match Take::rows(count, &list.labels) {
        Some(rows) => list.select(&rows),
        None => list,
    };
    let counts = recipe.take.map_or((None, None), |take| (take.train, take.test));
    (take(train, counts.0), test.map(|list| take(list, counts.1)))
}
