//! The data formats: one file each, listed once.
//!
//! A format says how it is found, how it is read, and which files it reads ([`DataFormat`]); detection,
//! inspection, origins, readers and proposals go over the list. What reads the files lies beside this
//! folder where it is more than a page, or is of use to others.

mod arrays;
mod card;
mod cifar10;
mod cifar100;
mod digits;
mod idx;
mod image_folder;
mod images;
mod inaturalist;
mod inspection;
mod parallel;
mod table;
mod tu;

pub use arrays::ArraysRecipe;
pub use cifar100::Cifar100Recipe;
pub use images::{FolderRecipe, ImagesRecipe};
pub use inspection::{Channel, Inspection, PartInspection, Size, TableChoices};
pub use tu::TuRecipe;

use std::fmt;
use std::num::NonZeroUsize;

use self::arrays::Arrays;
pub(super) use self::card::Card;
use self::card::{DataFormat, DataSettings, formats};
use self::cifar10::Cifar10;
use self::cifar100::Cifar100;
use self::digits::Digits;
use self::idx::Idx;
use self::image_folder::ImageFolder;
use self::inaturalist::INaturalist;
use self::parallel::Parallel;
use self::table::Table;
use self::tu::Tu;
use super::table::TableRecipe;
use super::text::ParallelRecipe;
use super::{DataPath, DataSet, Fractions, InputKind};
use crate::compare::Origin;
use crate::{Result, Validate};

formats! {
    /// 1797 handwritten digits of 8×8 pixels, embedded in the program.
    "digits" => Digits(Fractions),
    /// MNIST and what comes in its format.
    "idx" => Idx(ImagesRecipe),
    /// CIFAR-10, the binary version.
    "cifar10" => Cifar10(ImagesRecipe),
    /// CIFAR-100, the binary version.
    "cifar100" => Cifar100(Cifar100Recipe),
    /// iNaturalist 2018; its validation part is the test part.
    "inaturalist" => INaturalist(FolderRecipe),
    /// A folder of images, such as ImageNet.
    "image-folder" => ImageFolder(FolderRecipe),
    /// The rows of a table: CSV, columns with whitespace between them, or JSON Lines.
    "table" => Table(TableRecipe),
    /// Rows of numbers with their classes, as numpy stores them: embeddings.
    "arrays" => Arrays(ArraysRecipe),
    /// Graphs in the text format of the TU Dortmund collection.
    "tu" => Tu(TuRecipe),
    /// Sentences and their translations, line by line.
    "parallel" => Parallel(ParallelRecipe),
}

impl Format {
    /// Whether its data have columns, of which one has to be named that holds the class.
    pub fn has_columns(self) -> bool {
        self.card().is_some_and(|card| card.has_columns)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// Of what is not said in a recipe.
fn a_tenth() -> f64 {
    0.1
}

fn a_fifth() -> f64 {
    0.2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a run knows of its data is found again under these keys.
    #[test]
    fn paths_have_the_keys_of_their_origins() {
        for (text, keys) in [
            ("digits = { validation = 0.1, test = 0.1 }", &[][..]),
            ("idx = { path = 'm' }", &["data"]),
            ("cifar10 = { path = 'm' }", &["data"]),
            ("cifar100 = { path = 'm' }", &["data"]),
            ("inaturalist = { path = 'm' }", &["data"]),
            ("image-folder = { path = 'm' }", &["data"]),
            ("table = { path = 'm' }", &["data"]),
            ("table = { path = 'm', test_path = 'n' }", &["data", "data.test_path"]),
            ("arrays = { path = 'm' }", &["data"]),
            ("tu = { path = 'm' }", &["data"]),
            ("parallel = { path = 'm' }", &["data"]),
        ] {
            let mut recipe: DataRecipe = toml::from_str(text).unwrap();
            assert!(recipe.validate().is_ok(), "{text}");
            let found: Vec<&str> = recipe.paths().into_iter().map(|(key, _)| key).collect();
            assert_eq!(found, keys, "{text}");
            // What has no path is found at none.
            assert_eq!(recipe.format().card().is_some(), !keys.is_empty(), "{text}");
        }
    }

    /// Formats that can scale images say so to whoever proposes a size for them.
    #[test]
    fn a_size_is_set_where_there_is_one() {
        for (text, sized) in [
            ("image-folder = { path = 'm' }", true),
            ("inaturalist = { path = 'm' }", true),
            ("idx = { path = 'm' }", false),
            ("table = { path = 'm' }", false),
        ] {
            let mut recipe: DataRecipe = toml::from_str(text).unwrap();
            let side = NonZeroUsize::new(64);
            if let Some(size) = recipe.size() {
                *size = side;
            }
            let written = toml::to_string(&recipe).unwrap();
            assert_eq!(written.contains("size = 64"), sized, "{written}");
            assert_eq!(recipe.size().and_then(|size| *size), side.filter(|_| sized));
        }
    }
}
