//! [`Predictor`]: a finished run that is asked about new examples.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tch::Device;

use super::{RunFiles, RunRecipe};
use crate::data::{DataRecipe, Examples, Graphs, Inputs, Reader, Store};
use crate::measure::{Logits, Scores, Threshold};
use crate::models::Model;
use crate::train::predict;
use crate::{Error, Result};

/// The network of a run with the weights that were measured, and how it reads its inputs.
pub struct Predictor {
    model: Box<dyn Model>,
    recipe: RunRecipe,
    reader: Reader,
    classes: Vec<String>,
    threshold: Threshold,
}

/// What a run says of an example.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The file, or the file and the line.
    pub name: String,
    /// The classes, the most probable first.
    pub classes: Vec<Ranked>,
    /// Free energy, −log Σ exp z: the lower, the more like what was learned.
    pub energy: f64,
    /// Whether that is above the run's threshold.
    pub out_of_distribution: bool,
}

/// A class and its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
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
        if let DataRecipe::Parallel(_) = &recipe.data {
            let run = path.display();
            let problem =
                format!("{run} classifies words of translations: `steepness translate {run}`");
            return Err(Error::Request(problem));
        }
        let (reader, threshold) = (run.reader()?, run.threshold()?);
        let evaluate = recipe.augment.evaluate.as_ref();
        let shape = evaluate.map_or(reader.shape, |evaluate| evaluate.shape(reader.shape));
        let like = blank(&reader, shape, &classes);
        let model = run.model(&recipe, &like)?;
        model.weights().move_to(device)?;
        Ok(Self { model, recipe, reader, classes, threshold })
    }

    /// What was trained.
    pub fn recipe(&self) -> &RunRecipe {
        &self.recipe
    }

    /// Where out-of-distribution begins.
    pub fn threshold(&self) -> &Threshold {
        &self.threshold
    }

    /// What the run says of images, or of the rows of tables or the graphs of a folder if it was
    /// trained on such, in order.
    /// The caller sets libtorch's threads.
    ///
    /// # Errors
    /// As [`Reader::read`]; logits that are not finite.
    pub fn predict(&self, paths: &[PathBuf]) -> Result<Vec<Prediction>> {
        let evaluate = self.recipe.augment.evaluate.as_ref();
        let (names, examples) = self.reader.read(paths, evaluate, &self.classes)?;
        let found = predict(&*self.model, &*examples.source()?)?;
        let logits = Logits::new(&found.logits, found.classes)?;
        let energies = Scores::new(logits).free_energy.into_iter().map(|score| -score);
        let rows = names.into_iter().zip(logits.iter()).zip(energies);
        let prediction = |((name, row), energy): ((String, &[f32]), f64)| Prediction {
            name,
            classes: self.rank(row, energy),
            energy,
            out_of_distribution: self.threshold.flags(energy),
        };
        Ok(rows.map(prediction).collect())
    }

    /// The classes by their probability exp(z + energy), the first of equals first.
    fn rank(&self, logits: &[f32], energy: f64) -> Vec<Ranked> {
        let ranked = |(class, &z): (&String, &f32)| Ranked {
            class: class.clone(),
            probability: (f64::from(z) + energy).exp(),
        };
        let mut classes: Vec<Ranked> = self.classes.iter().zip(logits).map(ranked).collect();
        classes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        classes
    }
}

/// Examples of that shape to build a model for, whose weights and moments are then replaced.
fn blank(reader: &Reader, shape: [usize; 3], classes: &[String]) -> Examples {
    let size: usize = shape.iter().product();
    let values: Vec<f32> = (0..2 * size).map(|at| (at / size) as f32).collect();
    let inputs = match &reader.nodes {
        // Two nodes, each alone in its graph.
        Some(nodes) => Inputs::Graphs(Graphs::from(Store {
            width: size,
            attributes: nodes.attributes,
            features: values,
            nodes: vec![0, 1, 2],
            sources: Vec::new(),
            edges: vec![0; 3],
        })),
        None => Inputs::Numbers(values),
    };
    Examples { inputs, shape, labels: vec![0, 1], classes: classes.to_vec() }
}
