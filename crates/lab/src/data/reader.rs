//! [`Reader`]: how files from outside become what a model saw in its training.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::augment::{Evaluate, Raster};
use super::image_folder::images_below;
use super::image_list::MOST_SIDE;
use super::table::Column;
use super::tu::{self, NodeFeatures};
use super::{
    DataRecipe, DataSet, Examples, Format, Graphs, InputSpec, Inputs, NotRead, Shape, arrays,
    decode, table,
};
use crate::{Error, Result};

/// Images of more values are none that a run was trained on.
const MOST_PIXELS: usize = 1 << 26;

/// What a model takes. It is kept with a run, so that the run can be asked about new examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reader {
    /// Channels, height and width of an image, 0×0 where they are of several sizes. Of a row and of a
    /// node how many numbers it is, 1 and 1: so run folders have always said it.
    pub shape: [usize; 3],
    /// The height and width that images are scaled to; without it they have theirs already.
    pub side: Option<usize>,
    /// What the columns of a table hold; of images there are none.
    pub columns: Vec<Column>,
    /// What each number of a row is where it is missing: the medians of the training part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fill: Vec<f32>,
    /// What the features of the nodes of graphs are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<NodeFeatures>,
    /// Whether examples are the rows of arrays, which have no columns with names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub array: bool,
}

/// A file that a model is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it was named, and not found in a folder.
    pub by_name: bool,
}

/// Examples that a run is asked about.
#[derive(Debug)]
pub struct Asking {
    /// The file of each, or the file and the line.
    pub names: Vec<String>,
    /// What there is to say of single ones, by their place from 0: "age is missing".
    pub notes: BTreeMap<usize, Vec<String>>,
    /// Of rows: in how many of them a column is far from all that the training file has, by its name.
    pub far: BTreeMap<String, usize>,
    /// The examples.
    pub examples: Examples,
}

impl Reader {
    /// That of `data`, which were read as `recipe` says; `train` is what a run learned from.
    pub fn new(recipe: &DataRecipe, data: &DataSet, train: &Examples) -> Self {
        let side = recipe.clone().size().and_then(|size| *size).map(NonZeroUsize::get);
        let (columns, nodes) = (data.columns.clone(), data.nodes.clone());
        let fill = if columns.is_empty() { Vec::new() } else { table::medians(train) };
        let shape = match data.photos.unwrap_or(data.examples.shape) {
            Shape::Image(shape) => shape,
            other => [other.values(), 1, 1],
        };
        let array = recipe.format() == Format::Arrays;
        Self { shape, side, columns, fill, nodes, array }
    }

    /// The shape of an example, which `evaluate` may give images.
    fn shape(&self, evaluate: Option<&Evaluate>) -> Shape {
        match &self.nodes {
            Some(nodes) => nodes.shape(),
            None if self.array => Shape::Row(self.shape[0]),
            None if self.columns.is_empty() => {
                Shape::Image(evaluate.map_or(self.shape, |evaluate| evaluate.shape(self.shape)))
            }
            None => Shape::Row(self.shape[0]),
        }
    }

    /// What the run's network has to know of examples that are changed by `evaluate` to be built for
    /// `classes`; its weights say the rest.
    pub fn spec(&self, evaluate: Option<&Evaluate>, classes: usize) -> InputSpec {
        InputSpec::of_trained(self.shape(evaluate), classes)
    }

    /// What `data` say now that a model would see otherwise, if there is something: a table that an
    /// earlier version read in its way.
    pub fn difference(&self, data: &DataSet) -> Option<String> {
        table::difference(&self.columns, &data.columns)
    }

    /// Refuses a shape that examples of this kind cannot have, for a reader that comes from a file.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn validate_soundness(&self) -> std::result::Result<(), String> {
        let [channels, height, width] = self.shape;
        let said = format!("{channels}×{height}×{width}");
        let flat = match (&self.nodes, self.columns.is_empty()) {
            (None, true) if self.array => {
                let width = channels.min(arrays::MOST_WIDTH);
                Some(("numbers of a row of an array", Some(width)))
            }
            (Some(nodes), _) => Some(("features of a node", nodes.sound_width())),
            (None, false) => Some(("numbers of a row", table::width(&self.columns))),
            (None, true) => None,
        };
        if let Some((what, count)) = flat {
            return match count == Some(channels) && [height, width] == [1; 2] && channels > 0 {
                true if self.fill.is_empty() || self.fill.len() == channels => Ok(()),
                true => {
                    let fill = self.fill.len();
                    Err(format!(
                        "{fill} medians do not fit the {what}, of which there are {channels}"
                    ))
                }
                false => Err(format!("{said} does not fit the {what}")),
            };
        }
        let pixels = channels.checked_mul(height).and_then(|rows| rows.checked_mul(width));
        let several = [height, width] == [0; 2];
        let sound = several || pixels.is_some_and(|pixels| (1..=MOST_PIXELS).contains(&pixels));
        if !(1..=4).contains(&channels) || !sound {
            return Err(format!("no image is of {said} (channels, height, width)"));
        }
        match self.side {
            Some(side) if !(1..=MOST_SIDE).contains(&side) => {
                Err(format!("no image is scaled to {side} pixels a side"))
            }
            _ => Ok(()),
        }
    }

    /// The files that `paths` name: instead of a folder all images in it and below, in the order of their
    /// names, with the folder's other files, which are not read. Tables, arrays and the folders of graphs
    /// are named themselves.
    ///
    /// # Errors
    /// A folder without images, or one where a table is expected.
    pub fn files(&self, paths: &[PathBuf]) -> Result<(Vec<InputFile>, NotRead)> {
        let (mut files, mut not_read) = (Vec::new(), NotRead::default());
        for path in paths {
            if self.nodes.is_some() || !path.is_dir() {
                files.push(InputFile { path: path.clone(), by_name: true });
            } else if self.columns.is_empty() && !self.array {
                let (images, others) = images_below(path)?;
                files.extend(images.into_iter().map(|path| InputFile { path, by_name: false }));
                not_read.add(others);
            } else {
                let (place, takes) = match self.array {
                    true => ("array", "arrays (.npy)"),
                    false => ("table", "tables"),
                };
                let problem = format!("a folder; the run takes {takes}: name their files");
                return Err(Error::malformed(path, place, problem));
            }
        }
        Ok((files, not_read))
    }

    /// Reads images, and does to them what was done to those that were measured, the rows of tables or
    /// arrays, or folders of graphs: the examples, all of which are said to be of class 0 of `classes`, and what
    /// there is to say of each.
    ///
    /// # Errors
    /// Names the file and the place: no image, one of another size, colours where the run had none,
    /// a column that is missing, a word that is no number.
    pub fn read(
        &self,
        paths: &[PathBuf],
        evaluate: Option<&Evaluate>,
        classes: &[String],
    ) -> Result<Asking> {
        let (mut notes, mut far) = (BTreeMap::new(), BTreeMap::new());
        let (names, inputs) = match &self.nodes {
            Some(nodes) => self.graphs(nodes, paths)?,
            None if self.array => self.arrays(paths)?,
            None if self.columns.is_empty() => self.images(paths, evaluate)?,
            None => self.rows(paths, &mut notes, &mut far)?,
        };
        let (labels, classes) = (vec![0; names.len()], classes.to_vec());
        let shape = self.shape(evaluate);
        Ok(Asking { names, notes, far, examples: Examples { inputs, shape, labels, classes } })
    }

    /// Whether the image at `path` can be read.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn validate_image(&self, path: &Path) -> Result<()> {
        self.image(path).map(|_| ())
    }

    fn images(
        &self,
        paths: &[PathBuf],
        evaluate: Option<&Evaluate>,
    ) -> Result<(Vec<String>, Inputs)> {
        let mut all = Vec::new();
        for path in paths {
            let image = self.image(path)?;
            let image = evaluate.map_or_else(|| image.clone(), |evaluate| evaluate.apply(&image));
            all.extend(image.pixels);
        }
        let names = paths.iter().map(|path| path.display().to_string()).collect();
        Ok((names, Inputs::bytes(all)))
    }

    fn image(&self, path: &Path) -> Result<Raster> {
        let [channels, height, width] = self.shape;
        let refuse = |problem: String| Err(Error::malformed(path, "image", problem));
        let mut image = decode(path, self.side)?;
        let any = self.shape.contains(&0);
        if !any && [image.height, image.width] != [height, width] {
            return refuse(format!(
                "{}×{} pixels, those of the run have {height}×{width}",
                image.height, image.width
            ));
        }
        let plane = image.height * image.width;
        // A colour file may well hold a grey image.
        let grey = image.pixels.chunks_exact(plane).all(|other| *other == image.pixels[..plane]);
        if channels == 1 && !grey {
            return refuse("it has colours, those of the run have none".to_owned());
        }
        image.pixels.truncate(channels * plane);
        let shape = [channels, image.height, image.width];
        Ok(Raster { pixels: image.pixels, shape })
    }

    /// The rows of tables, "FILE:LINE", with the medians where numbers are missing.
    fn rows(
        &self,
        paths: &[PathBuf],
        notes: &mut BTreeMap<usize, Vec<String>>,
        far: &mut BTreeMap<String, usize>,
    ) -> Result<(Vec<String>, Inputs)> {
        let (mut names, mut all) = (Vec::new(), Vec::new());
        for path in paths {
            let mut rows = table::rows(path, &self.columns)?;
            if self.fill.is_empty() && rows.inputs.iter().any(|value| value.is_nan()) {
                let problem = "a number is missing, and the run, which an earlier version made, does \
                               not say what stands in for it: fill it in";
                return Err(Error::malformed(path, "rows", problem));
            }
            let width = self.fill.len().max(1);
            for (at, value) in rows.inputs.iter_mut().enumerate().filter(|(_, x)| x.is_nan()) {
                *value = self.fill[at % width];
            }
            notes.extend(rows.notes.into_iter().map(|(row, notes)| (names.len() + row, notes)));
            for (column, count) in rows.far {
                *far.entry(column).or_default() += count;
            }
            names.extend(rows.lines.iter().map(|line| format!("{}:{line}", path.display())));
            all.extend(rows.inputs);
        }
        Ok((names, Inputs::Numbers(all)))
    }

    /// The rows of arrays, "FILE[0]" and so on.
    fn arrays(&self, paths: &[PathBuf]) -> Result<(Vec<String>, Inputs)> {
        let [width, ..] = self.shape;
        let (mut names, mut all) = (Vec::new(), Vec::new());
        for path in paths {
            let rows = arrays::rows(path, width)?;
            names.extend((0..rows.len() / width).map(|row| format!("{}[{row}]", path.display())));
            all.extend(rows);
        }
        Ok((names, Inputs::Numbers(all)))
    }

    /// The graphs of folders, "FOLDER:3" and so on.
    fn graphs(&self, nodes: &NodeFeatures, paths: &[PathBuf]) -> Result<(Vec<String>, Inputs)> {
        let (mut names, mut all) = (Vec::new(), Vec::new());
        for path in paths {
            let graphs = tu::read(path, nodes)?;
            let count = graphs.node_counts().count();
            names.extend((1..=count).map(|graph| format!("{}:{graph}", path.display())));
            all.push(graphs);
        }
        Ok((names, Inputs::Graphs(Graphs::joined(all))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::tests::write;
    use super::*;
    use crate::data::{TableChoices, inspect, load, npy};
    use std::fs;

    fn reader(path: &Path, target: Option<&str>) -> (Reader, DataSet) {
        let asked = TableChoices { target: target.map(Into::into), ignore: Vec::new() };
        let recipe = inspect(path, &asked, &|_, _| {}).unwrap().recipe.unwrap();
        let data = load(&recipe).unwrap();
        let reader = Reader::new(&recipe, &data, &data.examples);
        let json = serde_json::to_string(&reader).unwrap();
        assert_eq!(serde_json::from_str::<Reader>(&json).unwrap(), reader);
        (reader, data)
    }

    #[test]
    fn images_are_read_as_in_training() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("a/1.png"), 1);
        write(&at("b/1.png"), 200);
        let (reader, data) = reader(folder.path(), None);
        let classes = &data.examples.classes;
        let Asking { names, examples: found, .. } =
            reader.read(&[at("a/1.png"), at("b/1.png")], None, classes).unwrap();
        assert_eq!((found.inputs, found.shape), (data.examples.inputs, Shape::Image([3, 2, 3])));
        assert!(names[1].ends_with("b/1.png"));
        let refused = |reader: &Reader, name: &str| {
            let error = reader.read(&[at(name)], None, classes).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        image::GrayImage::new(2, 2).save(at("small.png")).unwrap();
        let small = refused(&reader, "small.png");
        assert!(small.contains("2×2 pixels, those of the run have 2×3"), "{small}");
        let grey = Reader { shape: [1, 2, 3], ..reader.clone() };
        assert!(refused(&grey, "a/1.png").contains("it has colours"));
        image::RgbImage::from_pixel(3, 2, image::Rgb([7; 3])).save(at("grey.png")).unwrap();
        let found = grey.read(&[at("grey.png")], None, classes).unwrap().examples;
        assert_eq!(found.inputs, Inputs::bytes(vec![7; 6]));
        let scaled = Reader {
            shape: [3, 4, 4],
            side: Some(4),
            columns: Vec::new(),
            fill: Vec::new(),
            nodes: None,
            array: false,
        };
        assert_eq!(
            scaled.read(&[at("small.png")], None, classes).unwrap().examples.inputs.len(),
            48
        );
        let several = Reader { shape: [3, 0, 0], ..reader };
        let evaluate = Evaluate { resize: Some(4), crop: Some(3), ..Evaluate::default() };
        let files = [at("small.png"), at("a/1.png")];
        let found = several.read(&files, Some(&evaluate), classes).unwrap().examples;
        assert_eq!((found.shape, found.inputs.len()), (Shape::Image([3, 3, 3]), 54));
    }

    #[test]
    fn rows_are_read_as_in_training() {
        let folder = tempfile::tempdir().unwrap();
        let table = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let train =
            table("t.csv", "x,colour,kind,id\n1,red,a,p\n2,blue,b,q\n3,red,a,r\n4,red,b,s\n");
        let (reader, data) = reader(&train, Some("kind"));
        let classes = &data.examples.classes;
        let read = |path: &Path| reader.read(&[path.to_owned()], None, classes);
        assert_eq!(read(&train).unwrap().examples.inputs, data.examples.inputs);
        // Neither the class nor the order of the columns is needed.
        let new = table("new.csv", "colour,x\nblue,7\n");
        let Asking { names, examples: found, .. } = read(&new).unwrap();
        assert_eq!((found.len(), found.inputs), (1, Inputs::Numbers(vec![7.0, 1.0, 0.0])));
        assert!(names[0].ends_with("new.csv:2"));
        for (text, expected) in [
            ("colour,y\nblue,7\n", "there is no column \"x\"; there are colour, y"),
            ("colour,x\nblue,big\n", "\"big\" is no number"),
        ] {
            let error = read(&table("wrong.csv", text)).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(expected), "{error}");
        }
        // What a row lacks, or has and the run has not seen, concerns that row.
        let odd = table("odd.csv", "colour,x\ngreen,7\nblue,?\n,1\nred,2\n");
        let Asking { notes, examples: found, .. } = read(&odd).unwrap();
        assert_eq!(
            found.inputs,
            Inputs::Numbers(vec![7., 0., 0., 2.5, 1., 0., 1., 0., 0., 2., 0., 1.])
        );
        let said: Vec<_> = notes.iter().map(|(row, notes)| (*row, notes[0].as_str())).collect();
        assert_eq!(
            said,
            [(0, "colour \"green\" is new"), (1, "x is missing"), (2, "colour is missing")]
        );
        // So far away that nothing was learned of it: more than the 3 from 1 to 4.
        let far = table("far.csv", "colour,x\nred,7\nred,-2.5\nblue,1e9\n");
        let Asking { notes, far, .. } = read(&far).unwrap();
        assert_eq!(far.into_iter().collect::<Vec<_>>(), [("x".to_owned(), 2)]);
        assert_eq!(notes[&2], ["x 1e9 is far from what was learned"]);
        // A run of an earlier version says nothing of what stands in.
        let old = Reader { fill: Vec::new(), ..reader.clone() };
        let json = serde_json::to_string(&old).unwrap();
        assert!(!json.contains("fill") && !json.contains("written") && !json.contains("missing"));
        let error = old.read(&[odd], None, classes).unwrap_err().to_string();
        assert!(error.contains("odd.csv: rows: a number is missing"), "{error}");
        // What is wrong with a table's width is said of its rows.
        let wide = Reader { shape: [9, 1, 1], ..reader.clone() };
        assert_eq!(
            wide.validate_soundness().unwrap_err(),
            "9×1×1 does not fit the numbers of a row"
        );
        assert_eq!(reader.spec(None, 2).shape, data.examples.shape);
        // A run that saw something else of the columns is no partner for new ones.
        assert_eq!(reader.difference(&data), None);
        let mut other = data.clone();
        other.columns[0].kind = table::ColumnKind::RowNumber;
        let said = reader.difference(&other).unwrap();
        assert_eq!(said, "x was numeric, 1 to 4, and is now left out: it counts the rows");
        // Without names the columns are told by their places.
        let plain = table("p.csv", "1,5,0\n2,6,1\n3,7,0\n4,8,1\n");
        let (reader, data) = self::reader(&plain, Some("-1"));
        let found = reader.read(&[table("q.csv", "1,5\n2,6\n")], None, classes).unwrap().examples;
        assert_eq!(found.inputs, data.examples.select(&[0, 1]).inputs);
    }

    #[test]
    fn rows_of_arrays_are_read_as_in_training() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        npy::write_matrix(&at("x.npy"), &[1f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 2).unwrap();
        npy::write_vector(&at("y.npy"), &[0i64, 1, 0, 1]).unwrap();
        let (reader, data) = reader(folder.path(), None);
        let classes = &data.examples.classes;
        assert_eq!(reader.spec(None, 2).shape, Shape::Row(2));
        let both = [at("x.npy"), at("x.npy")];
        let Asking { names, examples: found, .. } = reader.read(&both, None, classes).unwrap();
        assert_eq!(found.select(&[4, 5, 6, 7]).inputs, data.examples.inputs);
        assert!(names.len() == 8 && names[6].ends_with("x.npy[2]"), "{names:?}");
        npy::write_matrix(&at("z.npy"), &[1f64, 2.0, f64::NAN], 3).unwrap();
        for (file, expected) in [
            ("z.npy", "z.npy: row 0, column 2: NaN (1 of 3 numbers are not finite)"),
            ("y.npy", "header: i8 of shape [4], expected numbers of shape (N, D)"),
        ] {
            let error = reader.read(&[at(file)], None, classes).unwrap_err();
            assert!(error.to_string().contains(expected) && error.exit_code() == 2, "{error}");
        }
        npy::write_matrix(&at("z.npy"), &[1f64, 2.0, 3.0], 3).unwrap();
        let error = reader.read(&[at("z.npy")], None, classes).unwrap_err().to_string();
        assert!(error.contains("rows of 3 numbers, those of the run have 2"), "{error}");
        let error = reader.files(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains("array: a folder; the run takes arrays (.npy)"), "{error}");
        // A reader from a file may say anything.
        assert!(reader.validate_soundness().is_ok());
        for shape in [[0, 1, 1], [2, 2, 1], [2, 0, 0], [usize::MAX, 1, 1]] {
            assert!(Reader { shape, ..reader.clone() }.validate_soundness().is_err(), "{shape:?}");
        }
    }

    #[test]
    fn graphs_are_read_as_in_training() {
        let folder = tu::tests::folder(&[]);
        let (reader, data) = reader(folder.path(), None);
        let classes = &data.examples.classes;
        let Asking { names, examples: found, .. } =
            reader.read(&[folder.path().to_owned()], None, classes).unwrap();
        assert_eq!(
            (found.inputs, found.shape),
            (data.examples.inputs.clone(), data.examples.shape)
        );
        assert!(names.len() == 4 && names[3].ends_with(":4"), "{names:?}");
        let two = [folder.path().to_owned(), folder.path().to_owned()];
        let Asking { names, examples: both, .. } = reader.read(&two, None, classes).unwrap();
        assert!(names.len() == 8 && names[7].ends_with(":4"), "{names:?}");
        assert_eq!(reader.spec(None, 2).shape, data.examples.shape);
        let halves = [[0, 1, 2, 3], [4, 5, 6, 7]].map(|rows| both.select(&rows).inputs);
        for half in halves {
            let (Inputs::Graphs(half), Inputs::Graphs(whole)) = (half, &data.examples.inputs)
            else {
                panic!()
            };
            let rows = [0, 1, 2, 3];
            assert!(half.batch(&rows).unwrap() == whole.batch(&rows).unwrap());
        }
    }
}
