//! Rows of numbers as numpy stores them, embeddings most of all; [`arrays`](crate::data::arrays) reads them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::card::{Card, DataFormat, DataSettings, Watch, written};
use super::inspection::part;
use super::{DataRecipe, Format, a_fifth, a_tenth};
use crate::compare::Origin;
use crate::data::inaturalist::many_medium_few;
use crate::data::{
    Channel, DataPath, DataSet, Fractions, HeldOut, InputKind, Inspection, LongTail, Size,
    TableChoices, arrays, copies, described,
};
use crate::{Result, Validate};

/// `[data.arrays]`: see [`crate::data::arrays`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArraysRecipe {
    /// The folder of the arrays, or the file with all of them.
    pub path: DataPath,
    /// Share of the rows that is held out for validation, where no part is given.
    #[serde(default = "a_tenth")]
    pub validation: f64,
    /// Share of the rows that is held out for test, where no part is given.
    #[serde(default = "a_fifth")]
    pub test: f64,
    /// Makes the training part long-tailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_tail: Option<LongTail>,
}

impl DataSettings for ArraysRecipe {
    fn paths(&mut self) -> Vec<(&'static str, &mut DataPath)> {
        vec![("data", &mut self.path)]
    }

    fn shares(&self) -> Fractions {
        Fractions { validation: self.validation, test: self.test }
    }
}

impl Validate for ArraysRecipe {
    fn validate(&self) -> Result<()> {
        self.shares().validate()?;
        self.long_tail.validate()
    }
}

/// The format.
pub(super) struct Arrays;

impl DataFormat for Arrays {
    type Recipe = ArraysRecipe;

    const TITLE: &'static str = "a set of numpy arrays";
    const KIND: InputKind = InputKind::Rows;
    const CARD: Option<Card> = Some(Card {
        sign: Some("train_x.npy and train_y.npy (arrays)"),
        is_in: |folder| Ok(arrays::is_there(folder)),
        is_file: arrays::is_archive,
        ..Card::new(inspect)
    });

    fn load(recipe: &ArraysRecipe) -> Result<DataSet> {
        let arrays::Arrays { examples, validation, test, groups, notes } =
            arrays::Arrays::load(&recipe.path.resolve())?;
        Ok(DataSet {
            long_tail: recipe.long_tail,
            groups,
            notes,
            ..DataSet::new(
                described(&recipe.path.resolve(), &examples, "rows"),
                examples,
                HeldOut::of(recipe.shares(), validation, test),
            )
        })
    }

    fn origins(recipe: &ArraysRecipe) -> Result<Vec<Origin>> {
        let path = recipe.path.resolve();
        let files = arrays::origins(&path)?;
        Ok(vec![match path.is_dir() {
            true => Origin::folder(path.clone(), path, files),
            false => Origin::file("data", &path),
        }])
    }
}

fn inspect(path: &Path, _: &TableChoices, _: &Watch<'_>) -> Result<Inspection> {
    let (validation, test) = (a_tenth(), a_fifth());
    let recipe = ArraysRecipe { path: written(path)?, validation, test, long_tail: None };
    let data = Arrays::load(&recipe)?;
    let copies = copies::notes(&data);
    let DataSet { examples, held_out, notes, .. } = data;
    let mut parts = vec![part("training", examples.counts())];
    match &held_out {
        HeldOut::Shares(..) => {}
        HeldOut::Validation { test, .. } => parts.push(part("test", test.counts())),
        HeldOut::Given { validation, test } => {
            parts.extend([part("validation", validation.counts()), part("test", test.counts())])
        }
    }
    let channel =
        |(at, (mean, std)): (usize, (f64, f64))| Channel { name: at.to_string(), mean, std };
    Ok(Inspection {
        path: String::new(),
        format: Format::Arrays,
        notes: notes.into_iter().chain(copies).collect(),
        parts,
        size: Size::flat(examples.shape.values()),
        channels: examples.moments().into_iter().enumerate().map(channel).collect(),
        columns: Vec::new(),
        many_medium_few: many_medium_few(&examples.counts()),
        classes: examples.classes,
        recipe: Some(DataRecipe::Arrays(recipe)),
    })
}
