//! The rows of a table; [`table`](crate::data::table) reads them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::card::{Card, DataFormat, Watch, written};
use super::{DataRecipe, Format, a_fifth};
use crate::compare::Origin;
use crate::data::inaturalist::many_medium_few;
use crate::data::inspect::part;
use crate::data::table::{self, Target};
use crate::data::{
    Asked, Channel, DataPath, DataSet, Fractions, HeldOut, InputKind, Inspection, LongTail, Size,
    copies, described,
};
use crate::{Check, Result};

/// A table; see [`crate::data::table`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRecipe {
    /// The file.
    pub path: DataPath,
    /// The column that holds the class: its name, or its number, from 1, or from −1 backwards. The
    /// last one without it.
    #[serde(default)]
    pub target: Target,
    /// Whether the first line names the columns; without it, the file is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Columns to leave out.
    #[serde(default)]
    pub ignore: Vec<Target>,
    /// Columns whose values are names of categories, whatever they look like: numbers, or "NA".
    #[serde(default)]
    pub categorical: Vec<Target>,
    /// Columns that are seen although they look like names of rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Target>,
    /// A file with the same columns that is the test part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_path: Option<DataPath>,
    /// Share of the rows that is held out for validation.
    #[serde(default = "a_fifth")]
    pub validation: f64,
    /// Share of the rows that is held out for test, where there is no test file.
    #[serde(default = "a_fifth")]
    pub test: f64,
    /// Makes the training part long-tailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_tail: Option<LongTail>,
}

/// The format. Any text may be one, so it is no file by its name alone.
pub(super) struct Table;

impl DataFormat for Table {
    type Recipe = TableRecipe;

    const TITLE: &'static str = "a table";
    const KIND: InputKind = InputKind::Rows;
    const CARD: Option<Card> = Some(Card { has_columns: true, ..Card::new(inspect) });

    fn load(recipe: &TableRecipe) -> Result<DataSet> {
        Ok(rows(recipe, table::Table::load(recipe)?))
    }

    fn origins(recipe: &TableRecipe) -> Result<Vec<Origin>> {
        let table = Origin::file("data", &recipe.path.resolve());
        let test = |path: &DataPath| Origin::file("data.test_path", &path.resolve());
        Ok([table].into_iter().chain(recipe.test_path.as_ref().map(test)).collect())
    }

    fn paths(recipe: &mut TableRecipe) -> Vec<(&'static str, &mut DataPath)> {
        let test = recipe.test_path.iter_mut().map(|path| ("data.test_path", path));
        [("data", &mut recipe.path)].into_iter().chain(test).collect()
    }

    fn shares(recipe: &TableRecipe) -> Fractions {
        Fractions { validation: recipe.validation, test: recipe.test }
    }

    fn check(recipe: &TableRecipe) -> Result<()> {
        Self::shares(recipe).check()?;
        recipe.long_tail.check()
    }
}

fn rows(recipe: &TableRecipe, table: table::Table) -> DataSet {
    let table::Table { columns, examples, test, notes, .. } = table;
    DataSet {
        long_tail: recipe.long_tail,
        columns,
        notes,
        ..DataSet::new(
            described(&recipe.path.resolve(), &examples, "rows"),
            examples,
            HeldOut::of(Table::shares(recipe), None, test),
        )
    }
}

fn inspect(path: &Path, asked: &Asked, _: &Watch<'_>) -> Result<Inspection> {
    let recipe = TableRecipe {
        path: written(path)?,
        target: asked.target.clone().unwrap_or_default(),
        header: None,
        ignore: asked.ignore.clone(),
        categorical: Vec::new(),
        keep: Vec::new(),
        test_path: None,
        validation: a_fifth(),
        test: a_fifth(),
        long_tail: None,
    };
    let table = table::Table::load(&recipe)?;
    let (has_header, separator, features) =
        (table.has_header, table.separator, table.features.clone());
    let data = rows(&recipe, table);
    let copies = copies::notes(&data);
    let DataSet { columns, examples, notes, .. } = data;
    let channel = |(name, (mean, std))| Channel { name, mean, std };
    let header = if has_header { "the first line names the columns" } else { "no header" };
    Ok(Inspection {
        path: String::new(),
        format: Format::Table,
        notes: [format!("{separator} between the values; {header}")]
            .into_iter()
            .chain(notes)
            .chain(copies)
            .collect(),
        parts: vec![part("training", examples.counts())],
        size: Size::flat(features.len()),
        channels: features.into_iter().zip(examples.moments()).map(channel).collect(),
        columns,
        many_medium_few: many_medium_few(&examples.counts()),
        classes: examples.classes,
        recipe: Some(DataRecipe::Table(recipe)),
    })
}
