//! [`Predictor`]: a finished run that is asked about new examples.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tch::Device;

use super::{LabFiles, RunRecipe, frozen};
use crate::compare::RunFiles;
use crate::data::{Asking, InputFile, InputKind, InputSpec, Inputs, Reader, Shape};
use crate::measure::{Logits, Scores, Threshold};
use crate::models::{Backbone, Model};
use crate::train::predict;
use crate::{Error, Result, Stop};

/// Images that are in memory at the same time.
const AT_ONCE: usize = 256;

/// The network of a run with the weights that were measured, and how it reads its inputs.
pub struct Predictor {
    model: Box<dyn Model>,
    /// What the model sees the features of, if it is not the inputs themselves.
    backbone: Option<Backbone>,
    recipe: RunRecipe,
    reader: Reader,
    classes: Vec<String>,
    threshold: Threshold,
    unverified: Option<String>,
}

/// What a run says of an example.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The file, or the file and the line.
    pub name: String,
    /// The classes, the most probable first.
    pub classes: Vec<ClassProbability>,
    /// Free energy, −log Σ exp z: the lower, the more like what was learned.
    pub energy: f64,
    /// Whether that is above the run's threshold.
    pub out_of_distribution: bool,
    /// What there is to say of a row: a value that is missing or far from what was learned, a category
    /// that the run has not seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a run says of examples, and of what it says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictionList {
    /// In the order of the files and of the rows in them.
    pub predictions: Vec<Prediction>,
    /// What lies in the folders that were named and could not be read: a sentence each.
    pub not_read: Vec<String>,
    /// Of tables: in how many rows a column is farther from what the training file holds than that
    /// reaches, by its name.
    pub far: BTreeMap<String, usize>,
}

/// A class and its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassProbability {
    /// Its name.
    pub class: String,
    /// From the softmax, in \[0, 1\].
    pub probability: f64,
}

impl Predictor {
    /// Loads the run in the folder `path`, whichever device it was made on, to run on `device`.
    ///
    /// # Errors
    /// What is no run, or one that is not finished; files that are damaged.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        let run = RunFiles::of_finished(path)?;
        let (recipe, classes) = (run.recipe()?, run.classes()?);
        if recipe.data.format().kind() == InputKind::Pairs {
            let run = path.display();
            let problem =
                format!("{run} classifies words of translations: `steepness translate {run}`");
            return Err(Error::Request(problem));
        }
        let (reader, threshold) = (run.reader()?, run.threshold()?);
        let backbone = run.backbone(&recipe)?;
        let input = match &backbone {
            Some(backbone) => {
                backbone.move_to(device)?;
                InputSpec::of_trained(Shape::Row(backbone.width()), classes.len())
            }
            None => reader.spec(recipe.augment.evaluate.as_ref(), classes.len()),
        };
        let model = run.model(&recipe, &input)?;
        model.weights().move_to(device)?;
        let unverified = run.unverified();
        Ok(Self { model, backbone, recipe, reader, classes, threshold, unverified })
    }

    /// What was trained.
    pub fn recipe(&self) -> &RunRecipe {
        &self.recipe
    }

    /// What is to be said of a run whose files could not be verified.
    pub fn unverified(&self) -> Option<&str> {
        self.unverified.as_deref()
    }

    /// Where out-of-distribution begins.
    pub fn threshold(&self) -> &Threshold {
        &self.threshold
    }

    /// What the run says of images, or of the rows of tables or the graphs of a folder if it was
    /// trained on such, in order. Of a folder of images those that are broken are left out, and named.
    /// The caller sets libtorch's threads.
    ///
    /// # Errors
    /// As [`Reader::files`] and [`Reader::read`]; folders of which no image can be read; logits that
    /// are not finite.
    pub fn predict(&self, paths: &[PathBuf]) -> Result<PredictionList> {
        let (files, others) = self.reader.files(paths)?;
        let (mut predictions, mut not_read, mut far) = (Vec::new(), Vec::new(), BTreeMap::new());
        for files in files.chunks(AT_ONCE) {
            let mut paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
            let found = match self.some(&paths, &mut far) {
                Err(problem) if files.iter().any(|file| !file.by_name) => {
                    let broken = self.broken(files)?;
                    if broken.is_empty() {
                        return Err(problem);
                    }
                    paths.retain(|path| broken.iter().all(|(other, _)| other != path));
                    not_read.extend(broken.into_iter().map(|(_, problem)| problem));
                    if paths.is_empty() { Ok(Vec::new()) } else { self.some(&paths, &mut far) }
                }
                found => found,
            };
            predictions.extend(found?);
        }
        if let (true, Some(first)) = (predictions.is_empty(), not_read.first()) {
            let problem = format!("none of the {} images can be read; {first}", not_read.len());
            return Err(Error::Request(problem));
        }
        not_read.extend(others.line(Path::new("")));
        Ok(PredictionList { predictions, not_read, far })
    }

    /// The images that were found in folders and cannot be read, with what is wrong with each.
    fn broken(&self, files: &[InputFile]) -> Result<Vec<(PathBuf, String)>> {
        let mut broken = Vec::new();
        for InputFile { path, by_name } in files {
            match self.reader.validate_image(path) {
                Err(problem) if *by_name => return Err(problem),
                Err(problem) => broken.push((path.clone(), format!("not read: {problem}"))),
                Ok(()) => {}
            }
        }
        Ok(broken)
    }

    /// What the run says of as many files as memory holds; `far` counts rows by their columns.
    fn some(
        &self,
        paths: &[PathBuf],
        far: &mut BTreeMap<String, usize>,
    ) -> Result<Vec<Prediction>> {
        let evaluate = match &self.backbone {
            Some(backbone) => Some(backbone.transform()),
            None => self.recipe.augment.evaluate.as_ref(),
        };
        let Asking { names, mut notes, far: found, mut examples } =
            self.reader.read(paths, evaluate, &self.classes)?;
        if let Some(backbone) = &self.backbone {
            let features = frozen::seen_features(backbone, &examples, &|_| Ok(()))?;
            examples.inputs = Inputs::Numbers(features);
            examples.shape = Shape::Row(backbone.width());
        }
        for (column, count) in found {
            *far.entry(column).or_default() += count;
        }
        let found = predict(&*self.model, &*examples.source()?, Stop::never())?;
        let logits = Logits::new(&found.logits, found.classes)?;
        let energies = Scores::new(logits).free_energy.into_iter().map(|score| -score);
        let rows = names.into_iter().zip(logits.iter()).zip(energies).enumerate();
        let prediction =
            |(at, ((name, row), energy)): (usize, ((String, &[f32]), f64))| Prediction {
                name,
                classes: self.rank(row, energy),
                energy,
                out_of_distribution: self.threshold.flags(energy),
                notes: notes.remove(&at).unwrap_or_default(),
            };
        Ok(rows.map(prediction).collect())
    }

    /// The classes by their probability exp(z + energy), the first of equals first.
    fn rank(&self, logits: &[f32], energy: f64) -> Vec<ClassProbability> {
        let ranked = |(class, &z): (&String, &f32)| ClassProbability {
            class: class.clone(),
            probability: (f64::from(z) + energy).exp(),
        };
        let mut classes: Vec<ClassProbability> =
            self.classes.iter().zip(logits).map(ranked).collect();
        classes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        classes
    }
}
