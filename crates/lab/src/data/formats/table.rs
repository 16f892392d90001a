//! The rows of a table; [`table`](crate::data::table) reads them.

use std::path::Path;

use super::card::{Card, DataFormat, DataSettings, Watch, written};
use super::inspection::part;
use super::{DataRecipe, Format};
use crate::Result;
use crate::compare::Origin;
use crate::data::inaturalist::many_medium_few;
use crate::data::table::{self, TableRecipe};
use crate::data::{
    Channel, DataPath, DataSet, Fractions, HeldOut, InputKind, Inspection, Size, TableChoices,
    copies, described,
};

impl DataSettings for TableRecipe {
    fn paths(&mut self) -> Vec<(&'static str, &mut DataPath)> {
        let test = self.test_path.iter_mut().map(|path| ("data.test_path", path));
        [("data", &mut self.path)].into_iter().chain(test).collect()
    }

    fn shares(&self) -> Fractions {
        self.shares()
    }
}

/// The format. Any text may be one; JSON is one by its name alone.
pub(super) struct Table;

impl DataFormat for Table {
    type Recipe = TableRecipe;

    const TITLE: &'static str = "a table";
    const KIND: InputKind = InputKind::Rows;
    const CARD: Option<Card> =
        Some(Card { is_file: table::holds_objects, has_columns: true, ..Card::new(inspect) });

    fn load(recipe: &TableRecipe) -> Result<DataSet> {
        Ok(rows(recipe, table::Table::load(recipe)?))
    }

    fn origins(recipe: &TableRecipe) -> Result<Vec<Origin>> {
        let table = Origin::file("data", &recipe.path.resolve());
        let test = |path: &DataPath| Origin::file("data.test_path", &path.resolve());
        Ok([table].into_iter().chain(recipe.test_path.as_ref().map(test)).collect())
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
            HeldOut::of(recipe.shares(), None, test),
        )
    }
}

fn inspect(path: &Path, asked: &TableChoices, _: &Watch<'_>) -> Result<Inspection> {
    let mut recipe = TableRecipe::new(written(path)?);
    recipe.target = asked.target.clone().unwrap_or_default();
    recipe.ignore.clone_from(&asked.ignore);
    let table = table::Table::load(&recipe)?;
    let (has_header, separator, features) =
        (table.has_header, table.separator, table.features.clone());
    let data = rows(&recipe, table);
    let copies = copies::notes(&data);
    let DataSet { columns, examples, notes, .. } = data;
    let channel = |(name, (mean, std))| Channel { name, mean, std };
    let header = if has_header { "the first line names the columns" } else { "no header" };
    // The keys of objects are names in every line.
    let how = match table::holds_objects(path) {
        true => separator.to_owned(),
        false => format!("{separator}; {header}"),
    };
    Ok(Inspection {
        path: String::new(),
        format: Format::Table,
        notes: [how].into_iter().chain(notes).chain(copies).collect(),
        parts: vec![part("training", examples.counts())],
        size: Size::flat(features.len()),
        channels: features.into_iter().zip(examples.moments()).map(channel).collect(),
        columns,
        many_medium_few: many_medium_few(&examples.counts()),
        classes: examples.classes,
        recipe: Some(DataRecipe::Table(recipe)),
    })
}
