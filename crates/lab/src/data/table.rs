//! Tables: CSV, or columns with whitespace between them; one column is the class.
//!
//! Columns of numbers are seen as they are (the model normalises them), columns of words as one
//! number a category. What every row has alike, and names of rows, are left out. Everything that is
//! inferred is in [`Table::columns`] to be shown.

mod column;
mod grid;
mod near;

pub use column::{Column, Kind};

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroI64;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::examples::learnable;
use super::{Examples, Inputs, TableRecipe};
use crate::{Error, Result};
use column::{is_missing, missing};
use grid::{Grid, Row, Separator};

/// More numbers are not kept in memory.
const MOST_NUMBERS: usize = 1 << 28;

const LAST: NonZeroI64 = NonZeroI64::new(-1).unwrap();

/// Names a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "the name of a column, or its number from 1 or from -1 backwards")]
pub enum Target {
    /// By its place, from 1, or from −1 backwards.
    Number(NonZeroI64),
    /// By its name, or by a number that no column has as its name.
    Name(String),
}

impl Default for Target {
    /// The last column.
    fn default() -> Self {
        Target::Number(LAST)
    }
}

impl From<&str> for Target {
    fn from(name: &str) -> Self {
        Target::Name(name.to_owned())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Target::Number(number) => number.fmt(f),
            Target::Name(name) => write!(f, "{name:?}"),
        }
    }
}

/// A table as examples, and how it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Every column of the file.
    pub columns: Vec<Column>,
    /// Whether the first line names them.
    pub has_header: bool,
    /// What stands between the values: "whitespace", "comma".
    pub separator: &'static str,
    /// What a model sees, a name for each number: "age", "colour=red".
    pub features: Vec<String>,
    /// The rows, with as many "channels" of 1×1 as there are features.
    pub examples: Examples,
    /// Those of the test file.
    pub test: Option<Examples>,
}

impl Table {
    /// Reads what `recipe` asks for.
    ///
    /// # Errors
    /// Names the file, the line and the column: values that are missing, words among numbers, a
    /// class or category of the test file that the training rows do not have.
    pub fn load(recipe: &TableRecipe) -> Result<Self> {
        let grid = Grid::read(&recipe.path.resolve(), recipe.header)?;
        let target = grid.column(&recipe.target)?;
        let all =
            |names: &[Target]| names.iter().map(|t| grid.column(t)).collect::<Result<Vec<_>>>();
        let (ignored, categorical) = (all(&recipe.ignore)?, all(&recipe.categorical)?);
        let column = |(at, name): (usize, &String)| -> Result<Column> {
            let kind = match at {
                _ if at == target => Kind::Target,
                _ if ignored.contains(&at) => Kind::Ignored,
                _ => Kind::of(&grid, at, categorical.contains(&at))?,
            };
            Ok(Column { name: name.clone(), kind })
        };
        let columns: Vec<Column> =
            grid.names.iter().enumerate().map(column).collect::<Result<_>>()?;
        let classes = classes(&grid, target)?;
        let features = features(&columns);
        if features.is_empty() {
            let problem = "no column is left that the class could depend on";
            return Err(Error::malformed(&grid.path, "columns", problem));
        }
        let examples = encode(&grid, &columns, target, &classes)?;
        learnable(&grid.path, &examples.labels, &classes)?;
        let test = match &recipe.test_path {
            Some(path) => {
                let test = Grid::read(&path.resolve(), Some(grid.has_header))?;
                if test.names != grid.names {
                    let problem = format!(
                        "the columns are {}, in {} they are {}",
                        test.names.join(", "),
                        grid.path.display(),
                        grid.names.join(", ")
                    );
                    return Err(Error::malformed(&test.path, "line 1", problem));
                }
                Some(encode(&test, &columns, target, &classes)?)
            }
            None => None,
        };
        let separator = match grid.separator {
            Separator::Whitespace => "whitespace",
            Separator::Character('\t') => "tab",
            Separator::Character(';') => "semicolon",
            Separator::Character(_) => "comma",
        };
        let has_header = grid.has_header;
        Ok(Self { columns, has_header, separator, features, examples, test })
    }
}

/// Names of the columns of the table at `path`, "column 1" and so on where it has none.
///
/// # Errors
/// What is no table.
pub fn columns(path: &Path) -> Result<Vec<String>> {
    Ok(Grid::read(path, None)?.names)
}

/// What a model sees of each row of the table at `path`, whose columns hold what `columns` say, and
/// each row's line. Columns are found by their names; those that a model does not see, and the class,
/// need not be there.
///
/// # Errors
/// Names the file, the line and the column, as [`Table::load`] does.
pub fn rows(path: &Path, columns: &[Column]) -> Result<(Vec<usize>, Vec<f32>)> {
    let unnamed = columns.iter().enumerate().all(|(at, c)| c.name == grid::unnamed(at));
    let grid = Grid::read(path, Some(!unnamed))?;
    let seen = columns.iter().filter(|column| column.kind.width() > 0);
    let places = seen.map(|Column { name, kind }| {
        let at = grid.names.iter().position(|other| other == name);
        let missing = || near::no_column(path, name, format!("{name:?}"), &grid.names);
        Ok((at.ok_or_else(missing)?, kind))
    });
    let places: Vec<(usize, &Kind)> = places.collect::<Result<_>>()?;
    let mut inputs = Vec::new();
    for row in &grid.rows {
        encode_row(&grid, row, &places, &mut inputs)?;
    }
    Ok((grid.rows.iter().map(|row| row.line).collect(), inputs))
}

/// How many numbers a row of such columns has, if that can be counted.
pub(super) fn width(columns: &[Column]) -> Option<usize> {
    columns.iter().try_fold(0usize, |sum, column| sum.checked_add(column.kind.width()))
}

/// A finite number.
fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The values of the column of classes: numbers by size, words by their letters.
fn classes(grid: &Grid, target: usize) -> Result<Vec<String>> {
    if let Some(row) = grid.rows.iter().find(|row| is_missing(&row.cells[target])) {
        return Err(missing(grid, row, target));
    }
    let values: BTreeSet<&str> = grid.cells(target).collect();
    if values.len() > 2 && values.len() * 2 > grid.rows.len() {
        let problem = format!(
            "{} different values in {} rows are no classes; `target` names another column",
            values.len(),
            grid.rows.len()
        );
        let place = format!("column {} ({})", target + 1, grid.names[target]);
        return Err(Error::malformed(&grid.path, place, problem));
    }
    let mut values: Vec<String> = values.into_iter().map(str::to_owned).collect();
    if values.iter().all(|value| number(value).is_some()) {
        values
            .sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(std::cmp::Ordering::Equal));
    }
    Ok(values)
}

fn features(columns: &[Column]) -> Vec<String> {
    let of = |Column { name, kind }: &Column| match kind {
        Kind::Numeric { .. } => vec![name.clone()],
        Kind::Categorical(values) => values.iter().map(|value| format!("{name}={value}")).collect(),
        _ => Vec::new(),
    };
    columns.iter().flat_map(of).collect()
}

fn encode(grid: &Grid, columns: &[Column], target: usize, classes: &[String]) -> Result<Examples> {
    let width: usize = columns.iter().map(|column| column.kind.width()).sum();
    let size = width.checked_mul(grid.rows.len()).filter(|size| *size <= MOST_NUMBERS);
    let Some(size) = size else {
        let problem = format!("{width} numbers in each of {} rows are too many", grid.rows.len());
        return Err(Error::malformed(&grid.path, "columns", problem));
    };
    let (mut inputs, mut labels) = (Vec::with_capacity(size), Vec::new());
    let seen = columns.iter().enumerate().filter(|(_, column)| column.kind.width() > 0);
    let places: Vec<(usize, &Kind)> = seen.map(|(at, column)| (at, &column.kind)).collect();
    for row in &grid.rows {
        encode_row(grid, row, &places, &mut inputs)?;
        let class = &row.cells[target];
        let label = classes.iter().position(|other| other == class).ok_or_else(|| {
            let problem = format!("the class {class:?} is not among the training rows");
            Error::malformed(&grid.path, grid.place(row, target), problem)
        })?;
        labels.push(label as i64);
    }
    Ok(Examples {
        inputs: Inputs::Numbers(inputs),
        shape: [width, 1, 1],
        labels,
        classes: classes.to_vec(),
    })
}

/// Appends what a model sees of the cells at `places`.
fn encode_row(grid: &Grid, row: &Row, places: &[(usize, &Kind)], to: &mut Vec<f32>) -> Result<()> {
    for &(at, kind) in places {
        let cell = &row.cells[at];
        if is_missing(cell) {
            return Err(missing(grid, row, at));
        }
        let refuse = |problem| Error::malformed(&grid.path, grid.place(row, at), problem);
        kind.encode(cell, to).map_err(refuse)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{DataPath, files};
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn recipe(path: &Path, more: &str) -> TableRecipe {
        let text = format!("path = {:?}\n{more}", path.to_str().unwrap());
        toml::from_str(&text).unwrap()
    }

    fn load(text: &str, more: &str) -> Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        fs::write(&path, text).unwrap();
        Table::load(&recipe(&path, more))
    }

    const PETS: &str = "id,age,colour,legs,kind\n\
        x1,1.5,red,4,cat\nx2,2,blue,4,dog\nx3,-3,red,4,cat\nx4,4e0,green,4,dog\n";

    #[test]
    fn types_are_inferred() {
        let table = load(PETS, "").unwrap();
        let kinds: Vec<String> =
            table.columns.iter().map(|column| column.kind.describe()).collect();
        assert_eq!(
            kinds,
            [
                "left out: 4 different names",
                "numeric, -3 to 4",
                "3 categories: blue, green, red",
                "left out: \"4\" in every row",
                "the class"
            ]
        );
        assert_eq!(table.features, ["age", "colour=blue", "colour=green", "colour=red"]);
        let examples = &table.examples;
        assert_eq!((examples.shape, &examples.labels[..]), ([4, 1, 1], &[0, 1, 0, 1][..]));
        assert_eq!(examples.classes, ["cat", "dog"]);
        let Inputs::Numbers(numbers) = &examples.inputs else { panic!() };
        assert_eq!(numbers[..8], [1.5, 0., 0., 1., 2., 1., 0., 0.]);
        assert_eq!((table.separator, table.has_header), ("comma", true));
    }

    #[test]
    fn the_recipe_may_know_better() {
        let table = load(PETS, "target = \"colour\"\nignore = [1]\ncategorical = [\"age\"]");
        // Three colours in four rows are no classes yet.
        assert!(table.unwrap_err().to_string().contains("3 different values in 4 rows"));
        let table =
            load(PETS, "target = -1\nignore = [1, \"colour\"]\ncategorical = [\"age\"]").unwrap();
        assert_eq!(table.features, ["age=-3", "age=1.5", "age=2", "age=4e0"]);
        let numbers = load("1 10 9\n2 9 9\n1 9 9\n2 10 8\n", "target = 2").unwrap();
        assert_eq!(numbers.examples.classes, ["9", "10"]);
        let first = load("1,2\n3,4\n1,3\n3,3\n", "header = true\ntarget = 1").unwrap();
        assert_eq!((first.examples.len(), &first.columns[0].name[..]), (3, "1"));
    }

    #[test]
    fn a_test_file_is_read_like_the_training_file() {
        let folder = tempfile::tempdir().unwrap();
        let [train, test] = ["a.csv", "b.csv"].map(|name| folder.path().join(name));
        fs::write(&train, PETS).unwrap();
        let more = format!("test_path = {:?}", test.to_str().unwrap());
        let load = |text: &str| {
            fs::write(&test, text).unwrap();
            Table::load(&recipe(&train, &more))
        };
        let header = "id,age,colour,legs,kind\n";
        let table = load(&format!("{header}y,7,green,3,dog\n")).unwrap();
        let Inputs::Numbers(numbers) = table.test.unwrap().inputs else { panic!() };
        assert_eq!(numbers, [7., 0., 1., 0.]);
        for (text, expected) in [
            ("y,7,pink,4,dog", "line 2, column 3 (colour): the category \"pink\" is not among"),
            ("y,7,red,4,cow", "line 2, column 5 (kind): the class \"cow\" is not among"),
            ("y,?,red,4,dog", "line 2, column 2 (age): the value is missing (\"?\"), as 1 of 1"),
            ("y,old,red,4,dog", "line 2, column 2 (age): \"old\" is no number"),
        ] {
            let error = load(&format!("{header}{text}\n")).unwrap_err().to_string();
            assert!(error.contains("b.csv: ") && error.contains(expected), "{error}");
        }
        let error = load("id,size,colour,legs,kind\ny,7,green,4,dog\n").unwrap_err().to_string();
        assert!(error.contains("the columns are id, size, "), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let numbers = "a,b\n".to_owned() + &"1,0\n2,1\n".repeat(10);
        for (text, expected) in [
            (PETS.replace("blue", ""), "line 3, column 3 (colour): the value is missing (\"\")"),
            (
                PETS.replace("dog", "NA"),
                "line 3, column 5 (kind): the value is missing (\"NA\"), as 2 of 4",
            ),
            (PETS.replace("dog", "cat"), "all 4 training examples are of one class, \"cat\""),
            (
                numbers.clone() + "1.2.3,0\n",
                "line 22, column 1 (a): \"1.2.3\" is no number, as nearly",
            ),
            (numbers + "1e99,0\n", "line 22, column 1 (a): 1e99 is too large"),
            ("a,b\n1,0\n1,1\n1,0\n1,1\n".to_owned(), "columns: no column is left"),
        ] {
            let error = load(&text, "").unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let error = error.to_string();
            assert!(error.contains("t.csv: ") && error.contains(expected), "{error}");
        }
        // What is missing where nobody looks does no harm.
        assert!(load(&PETS.replace("blue", "?"), "ignore = [\"colour\"]").is_ok());
        assert!(
            load(PETS, "target = \"weight\"")
                .unwrap_err()
                .to_string()
                .contains("there are id, age")
        );
    }

    proptest! {
        #[test]
        fn hostile_text_never_panics(text in "[\"a1.,;\t\n ?é-]{0,60}", target in -4i64..5) {
            let target = NonZeroI64::new(target).map_or(Target::default(), Target::Number);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.csv");
            fs::write(&path, text).unwrap();
            let recipe = TableRecipe { target, ..recipe(&path, "") };
            if let Err(error) = Table::load(&recipe) {
                prop_assert_eq!(error.exit_code(), 2);
            }
        }
    }

    /// Counts: `sort <column> | uniq -c`, and the documentation of each set.
    #[test]
    fn the_imbalanced_sets_are_whole() {
        let Some(data) = files::test_data("the_imbalanced_sets_are_whole") else { return };
        let data = data.join("imbalanced");
        let sorted = |examples: &Examples| {
            let mut counts: Vec<_> = examples.counts().into_iter().collect();
            counts.sort_by(|a, b| b.cmp(a));
            counts
        };
        let yeast = Table::load(&recipe(&data.join("yeast.data"), "")).unwrap();
        assert_eq!(
            (yeast.separator, yeast.has_header, yeast.features.len()),
            ("whitespace", false, 8)
        );
        assert_eq!(yeast.columns[0].kind, Kind::Identifier { values: 1462 });
        assert_eq!(sorted(&yeast.examples), [463, 429, 244, 163, 51, 44, 35, 30, 20, 5]);
        assert_eq!(yeast.examples.classes[0], "CYT");
        let wine = data.join("winequality-white.csv");
        let wine = Table::load(&recipe(&wine, "target = \"quality\"")).unwrap();
        assert_eq!((wine.separator, wine.has_header, wine.features.len()), ("semicolon", true, 11));
        assert_eq!(wine.examples.classes, ["3", "4", "5", "6", "7", "8", "9"]);
        assert_eq!(wine.examples.counts(), [20, 163, 1457, 2198, 880, 175, 5]);
        let mut satimage = recipe(&data.join("satimage/sat.trn.txt"), "");
        let test = data.join("satimage/sat.tst.txt");
        satimage.test_path = Some(DataPath::new(test.to_str().unwrap()));
        let satimage = Table::load(&satimage).unwrap();
        assert_eq!(satimage.examples.classes, ["1", "2", "3", "4", "5", "7"]);
        assert_eq!(satimage.examples.counts(), [1072, 479, 961, 415, 470, 1038]);
        assert_eq!(satimage.test.unwrap().counts(), [461, 224, 397, 211, 237, 470]);
        assert_eq!(satimage.examples.shape, [36, 1, 1]);
    }
}
