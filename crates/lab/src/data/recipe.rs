//! What becomes of the paths of a [`DataRecipe`], wherever it lies and whatever its format.

use std::path::{Path, PathBuf};

use super::{DataPath, DataRecipe, InputKind};
use crate::{Error, Result};

impl DataRecipe {
    /// Takes relative paths as relative to `folder`, that of the recipe.
    pub fn relative_to(&mut self, folder: &Path) {
        self.paths().into_iter().for_each(|(_, path)| path.base = folder.to_owned());
    }

    /// Makes every path in it absolute, for a recipe that is to be found elsewhere.
    ///
    /// # Errors
    /// A path that is not UTF-8 or cannot be made absolute.
    pub fn make_absolute(&mut self) -> Result<()> {
        for (_, path) in self.paths() {
            let from = path.resolve();
            let absolute = std::path::absolute(&from).map_err(Error::input(&from))?;
            let written = absolute.to_str();
            let written = written
                .ok_or_else(|| Error::Request(format!("the path {absolute:?} is not UTF-8")))?;
            *path = DataPath::new(written);
        }
        Ok(())
    }

    /// Whether they are images: what can be attacked, since a move of ε means nothing to other data.
    pub fn are_images(&self) -> bool {
        self.format().kind() == InputKind::Images
    }

    /// The keys of a recipe that have no effect on such data: nothing but images is attacked.
    pub fn without_effect(&self) -> &'static [&'static str] {
        if self.are_images() { &[] } else { &["attack"] }
    }

    /// Takes the data from `path` instead.
    ///
    /// # Errors
    /// Data that are not read from anywhere; a path that is not UTF-8.
    pub fn set_path(&mut self, path: &Path) -> Result<()> {
        let written = path.to_str();
        let written =
            written.ok_or_else(|| Error::Request(format!("the path {path:?} is not UTF-8")))?;
        match self.paths().into_iter().next() {
            Some((_, own)) => *own = DataPath::new(written),
            None => {
                return Err(Error::Request(format!(
                    "the recipe's data are embedded in the program; it reads nothing from {written}"
                )));
            }
        }
        Ok(())
    }

    /// Writes each path as `before` does where that leads to the same place from here.
    pub fn spell_as(&mut self, before: &Self) {
        let mut before = before.clone();
        for ((_, path), (_, before)) in self.paths().into_iter().zip(before.paths()) {
            let base = path.base.clone();
            let written = DataPath { written: before.written.clone(), base };
            let place = |path: &DataPath| path.resolve().canonicalize().ok();
            if place(path).is_some_and(|here| place(&written) == Some(here)) {
                *path = written;
            }
        }
    }

    /// Takes each relative path as the absolute one that `place` knows of its key, such as "data".
    pub(crate) fn found_at(&mut self, place: &dyn Fn(&str) -> Option<PathBuf>) {
        for (key, path) in self.paths() {
            if let Some(found) = place(key).filter(|_| Path::new(&path.written).is_relative()) {
                path.base = found.parent().map_or_else(PathBuf::new, Path::to_owned);
                path.written = found.file_name().unwrap_or_default().to_string_lossy().into_owned();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Validate;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct File {
        data: DataRecipe,
    }

    fn parse(text: &str) -> File {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn defaults_are_spelt_out_and_come_back() {
        for (text, expected) in [
            ("[data.idx]\npath = \"m\"", "[data.idx]\npath = \"m\"\nvalidation = 0.1\n"),
            (
                "[data.cifar100]\npath = \"c\"\nlong_tail = { profile = \"step\", factor = 10 }",
                "[data.cifar100]\npath = \"c\"\nlabels = \"fine\"\nvalidation = 0.1\n\n\
                 [data.cifar100.long_tail]\nprofile = \"step\"\nfactor = 10.0\n",
            ),
            (
                "[data.table]\npath = \"w.csv\"\ntarget = \"quality\"\nignore = [2]",
                "[data.table]\npath = \"w.csv\"\ntarget = \"quality\"\nignore = [2]\n\
                 categorical = []\nvalidation = 0.2\ntest = 0.2\n",
            ),
            ("[data.tu]\npath = \"t\"", "[data.tu]\npath = \"t\"\nvalidation = 0.1\ntest = 0.1\n"),
            (
                "[data.tu]\npath = \"t\"\nsplit = \"folds\"\nattributes = true",
                "[data.tu]\npath = \"t\"\nattributes = true\nsplit = \"folds\"\n\
                 validation = 0.1\ntest = 0.1\n",
            ),
            (
                "[data.parallel]\npath = \"m\"\nclean = {}\nvocabulary = { size = 500 }",
                "[data.parallel]\npath = \"m\"\nsource = \"de\"\ntarget = \"en\"\n\
                 tokenize = \"none\"\nlowercase = false\nmax_len = 1024\n\n\
                 [data.parallel.vocabulary]\nkind = \"bpe\"\nsize = 500\njoint = true\n\n\
                 [data.parallel.clean]\nmax_len = 175\nratio = 1.5\n",
            ),
        ] {
            let recipe = parse(text);
            assert_eq!(toml::to_string(&recipe).unwrap(), expected);
            assert_eq!(parse(expected), recipe);
        }
        for kind in ["cifar10", "image-folder", "inaturalist"] {
            assert!(parse(&format!("[data.{kind}]\npath = \"p\"")).data.validate().is_ok());
        }
    }

    #[test]
    fn relative_paths_belong_to_the_recipe() {
        let mut recipe = parse("[data.table]\npath = \"t.csv\"\ntest_path = \"/x/u.csv\"");
        let written = toml::to_string(&recipe).unwrap();
        recipe.data.relative_to(Path::new("recipes"));
        let DataRecipe::Table(table) = &recipe.data else { panic!() };
        assert_eq!(table.path.resolve(), Path::new("recipes/t.csv"));
        assert_eq!(table.test_path.as_ref().unwrap().resolve(), Path::new("/x/u.csv"));
        assert_eq!(toml::to_string(&recipe).unwrap(), written);
        recipe.data.make_absolute().unwrap();
        let DataRecipe::Table(table) = &recipe.data else { panic!() };
        let expected = std::path::absolute("recipes/t.csv").unwrap();
        assert_eq!(table.path.resolve(), expected);
        assert!(toml::to_string(&recipe).unwrap().contains(expected.to_str().unwrap()));
    }

    #[test]
    fn senseless_settings_are_refused() {
        for text in [
            "[data.idx]\npath = \"m\"\nvalidation = 1.0",
            "[data.idx]\npath = \"m\"\nlong_tail = { profile = \"step\", factor = 0.1 }",
            "[data.table]\npath = \"m\"\nvalidation = 0.5\ntest = 0.5",
            "[data.tu]\npath = \"m\"\nsplit = \"folds\"\ntest = 0.3",
            "[data.inaturalist]\npath = \"m\"\nsize = 5000",
            "[data.parallel]\npath = \"m\"\nsource = \"en\"",
            "[data.parallel]\npath = \"m\"\ntarget = \"../en\"",
            "[data.parallel]\npath = \"m\"\ntest = \"../test\"",
            "[data.parallel]\npath = \"m\"\ntarget = \"cs\"\ntokenize = \"moses\"",
            "[data.parallel]\npath = \"m\"\nvocabulary = { size = 4 }",
            "[data.parallel]\npath = \"m\"\nclean = { ratio = 0.5 }",
            "[data.parallel]\npath = \"m\"\nshares = { validation = 0.5, test = 0.5 }",
            "[data.image-folder]\npath = \"m\"\nsize = 64\nvalidation = -0.1",
        ] {
            assert!(parse(text).data.validate().is_err(), "{text}");
        }
        let wrong = |text: &str| toml::from_str::<File>(text).is_err();
        assert!(wrong("[data.idx]\npath = \"\"") && wrong("[data.idx]") && wrong("[data.jpg]"));
        assert!(wrong("[data.parallel]\npath = \"t\"\nmax_len = 0"));
        assert!(wrong("[data.image-folder]\npath = \"t\"\nsize = 0"));
        assert!(wrong("[data.table]\npath = \"t\"\ntarget = 0"));
        assert!(wrong("[data.cifar10]\npath = \"t\"\nlabels = \"fine\""));
    }
}
