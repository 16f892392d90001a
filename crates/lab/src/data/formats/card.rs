//! [`DataFormat`]: what a data format says of itself; one file each.

use std::num::NonZeroUsize;
use std::path::Path;

use super::Format;
use crate::compare::Origin;
use crate::data::{DataPath, DataSet, Fractions, InputKind, Inspection, TableChoices};
use crate::{Error, Result, Validate};

/// Hears how many images of how many are decoded.
pub type Watch<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// What stands in a recipe under the key of a format. Formats may share one.
pub trait DataSettings: Validate {
    /// The paths in it, each under the key that its origin has: "data" first.
    fn paths(&mut self) -> Vec<(&'static str, &mut DataPath)>;

    /// The shares that are held out for parts that the data do not have themselves.
    fn shares(&self) -> Fractions;

    /// The height and width that images are scaled to, of formats that can do so.
    fn size(&mut self) -> Option<&mut Option<NonZeroUsize>> {
        None
    }
}

/// A data format: how it is found, and what its recipe asks for.
pub trait DataFormat {
    /// What stands in a recipe under its key.
    type Recipe: DataSettings;

    /// What it is, for a sentence: "CIFAR-10, binary version".
    const TITLE: &'static str;

    /// What its examples are.
    const KIND: InputKind;

    /// How it is found at a path; what is in the program is not.
    const CARD: Option<Card> = None;

    /// Reads what `recipe` asks for, all of it: what is broken is found here and not in the training.
    ///
    /// # Errors
    /// Names the file and the place in it.
    fn load(recipe: &Self::Recipe) -> Result<DataSet>;

    /// Every file that [`DataFormat::load`] reads, by the path of the recipe that leads to it; none is
    /// opened but those that name others. What is left out here would not count as part of a run.
    ///
    /// # Errors
    /// What is missing, as [`DataFormat::load`] says it.
    fn origins(recipe: &Self::Recipe) -> Result<Vec<Origin>>;
}

/// How data of a format are found at a path, and what is said of them there.
pub struct Card {
    /// What a folder with them has in it, for those who look for it; of single files nothing.
    pub sign: Option<&'static str>,
    /// Whether they are in a folder.
    pub is_in: fn(&Path) -> Result<bool>,
    /// Whether a file is one of theirs, by its name.
    pub is_file: fn(&Path) -> bool,
    /// What their folder looks like, too, and is not.
    pub looks_like: &'static [Format],
    /// Whether they are looked for only in a folder that has nothing else in it.
    pub last: bool,
    /// Whether they have columns, one of which holds the class.
    pub has_columns: bool,
    /// Reads all that is at a path, and says what it is, with a recipe for it.
    pub inspect: fn(&Path, &TableChoices, &Watch<'_>) -> Result<Inspection>,
}

impl Card {
    /// That of data that are at no path, until more is said.
    pub const fn new(inspect: fn(&Path, &TableChoices, &Watch<'_>) -> Result<Inspection>) -> Self {
        Self {
            sign: None,
            is_in: |_| Ok(false),
            is_file: |_| false,
            looks_like: &[],
            last: false,
            has_columns: false,
            inspect,
        }
    }
}

/// The path as a recipe holds it.
///
/// # Errors
/// One that is not UTF-8: it can be read, but not be written down.
pub fn written(path: &Path) -> Result<DataPath> {
    let text = path.to_str();
    let text =
        text.ok_or_else(|| Error::Request(format!("the path {} is not UTF-8", path.display())))?;
    Ok(DataPath::new(text))
}

/// Makes [`DataRecipe`](super::DataRecipe) and [`Format`] of a list of formats, each with its key in a
/// recipe.
macro_rules! formats {
    ($($(#[$doc:meta])* $key:literal => $format:ident($recipe:ident),)+) => {
        /// A data set and how it is split: `[data.digits]`.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub enum DataRecipe {
            $($(#[$doc])* #[serde(rename = $key)] $format($recipe),)+
        }

        /// A format that is known.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Format {
            $($(#[$doc])* $format,)+
        }

        impl Format {
            /// All of them, in the order in which they are looked for.
            pub(super) const ALL: &[Format] = &[$(Format::$format),+];

            /// What its examples are.
            pub fn kind(self) -> InputKind {
                match self {
                    $(Format::$format => <$format as DataFormat>::KIND,)+
                }
            }

            fn title(self) -> &'static str {
                match self {
                    $(Format::$format => <$format as DataFormat>::TITLE,)+
                }
            }

            /// How it is found, if it is at a path.
            pub(super) fn card(self) -> Option<Card> {
                match self {
                    $(Format::$format => <$format as DataFormat>::CARD,)+
                }
            }
        }

        impl DataRecipe {
            /// Its format.
            pub fn format(&self) -> Format {
                match self {
                    $(DataRecipe::$format(_) => Format::$format,)+
                }
            }

            /// As [`load`](super::load), without what there is to say of copies.
            pub(super) fn read(&self) -> Result<DataSet> {
                match self {
                    $(DataRecipe::$format(recipe) => $format::load(recipe),)+
                }
            }

            /// Every file that [`load`](super::load) reads for this recipe, by the path of the recipe
            /// that leads to it; none is opened but those that name others.
            ///
            /// # Errors
            /// What is missing, as [`load`](super::load) says it.
            pub fn origins(&self) -> Result<Vec<Origin>> {
                match self {
                    $(DataRecipe::$format(recipe) => $format::origins(recipe),)+
                }
            }

            /// Every path in it, under the key that its origin has.
            pub(super) fn paths(&mut self) -> Vec<(&'static str, &mut DataPath)> {
                match self {
                    $(DataRecipe::$format(recipe) => DataSettings::paths(recipe),)+
                }
            }

            /// The shares that are held out for parts that the data do not have themselves.
            pub fn shares(&self) -> Fractions {
                match self {
                    $(DataRecipe::$format(recipe) => DataSettings::shares(recipe),)+
                }
            }

            /// The height and width that images are scaled to, of formats that can do so.
            pub fn size(&mut self) -> Option<&mut Option<NonZeroUsize>> {
                match self {
                    $(DataRecipe::$format(recipe) => DataSettings::size(recipe),)+
                }
            }
        }

        impl Validate for DataRecipe {
            fn validate(&self) -> Result<()> {
                match self {
                    $(DataRecipe::$format(recipe) => recipe.validate(),)+
                }
            }
        }
    };
}

pub(super) use formats;
