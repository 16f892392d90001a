//! CIFAR-100, the binary version, with one of its two kinds of labels; [`cifar`](crate::data::cifar)
//! reads it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::card::{Card, DataFormat, DataSettings, Watch, written};
use super::images::{taken, with_test};
use super::inspection::images;
use super::{DataRecipe, Format, a_tenth};
use crate::compare::Origin;
use crate::data::cifar::{Cifar, Labels};
use crate::data::split::validate_share;
use crate::data::{
    DataPath, DataSet, Fractions, InputKind, Inspection, LongTail, Subset, TableChoices,
};
use crate::{Result, Validate};

/// CIFAR-100 with one of its two kinds of labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cifar100Recipe {
    /// The folder.
    pub path: DataPath,
    /// 100 fine or 20 coarse classes.
    #[serde(default)]
    pub labels: Labels,
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

impl DataSettings for Cifar100Recipe {
    fn paths(&mut self) -> Vec<(&'static str, &mut DataPath)> {
        vec![("data", &mut self.path)]
    }

    fn shares(&self) -> Fractions {
        Fractions { validation: self.validation, test: 0.0 }
    }
}

impl Validate for Cifar100Recipe {
    fn validate(&self) -> Result<()> {
        validate_share(self.validation)?;
        self.long_tail.validate()
    }
}

/// The format.
pub(super) struct Cifar100;

impl DataFormat for Cifar100 {
    type Recipe = Cifar100Recipe;

    const TITLE: &'static str = "CIFAR-100, binary version";
    const KIND: InputKind = InputKind::Images;
    const CARD: Option<Card> = Some(Card {
        sign: Some("train.bin (CIFAR-100)"),
        is_in: |folder| Ok(Cifar::Hundred(Labels::Fine).is_there(folder)),
        ..Card::new(inspect)
    });

    fn load(recipe: &Cifar100Recipe) -> Result<DataSet> {
        let cifar = Cifar::Hundred(recipe.labels);
        let parts = taken(recipe.take, cifar.load(&recipe.path.resolve())?);
        let what = cifar.describe(&parts.0, &parts.1);
        Ok(with_test(what, parts, recipe.validation, recipe.long_tail))
    }

    fn origins(recipe: &Cifar100Recipe) -> Result<Vec<Origin>> {
        let path = recipe.path.resolve();
        let (folder, files) = Cifar::Hundred(recipe.labels).all_files(&path)?;
        Ok(vec![Origin::folder(path, folder, files)])
    }
}

fn inspect(path: &Path, _: &TableChoices, _: &Watch<'_>) -> Result<Inspection> {
    let cifar = Cifar::Hundred(Labels::Fine);
    let parts = cifar.load(path)?;
    let notes: Vec<String> = cifar.subset(&parts.0, &parts.1).into_iter().collect();
    let recipe = |path| {
        let (labels, validation) = (Labels::Fine, a_tenth());
        Cifar100Recipe { path, labels, validation, take: None, long_tail: None }
    };
    let recipe = written(path).ok().map(recipe).map(DataRecipe::Cifar100);
    let found = images::of_parts(Format::Cifar100, parts, recipe)?;
    Ok(Inspection { notes: [notes, found.notes].concat(), ..found })
}
