//! What a model says about a part of the data, as plain arrays.

use tch::no_grad;

use crate::data::BatchSource;
use crate::models::{Mode, Model};
use crate::{Result, Stop};

/// Examples at a time; bounds the memory, changes nothing else. What a network makes of so many images
/// mostly stays in the caches: with 512 of them MNISTNet waits for fresh pages.
const BATCH: usize = 128;

/// Logits and labels of a part.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// f32, row-major (examples, classes).
    pub logits: Vec<f32>,
    /// The class of each example.
    pub labels: Vec<i64>,
    /// Columns of `logits`.
    pub classes: usize,
}

/// What the last layer of a model sees of a part.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureRows {
    /// f32, row-major (examples, width).
    pub values: Vec<f32>,
    /// The class of each example.
    pub labels: Vec<i64>,
    /// Columns of `values`.
    pub width: usize,
}

/// Runs `model` up to its last layer, in evaluation mode, over all of `source`.
///
/// # Errors
/// As [`predict`].
pub fn extract_features(
    model: &dyn Model,
    source: &dyn BatchSource,
    stop: Stop,
) -> Result<FeatureRows> {
    let mut all = FeatureRows { values: Vec::new(), labels: Vec::new(), width: 0 };
    no_grad(|| {
        for batch in source.in_order(BATCH)? {
            stop.check()?;
            let batch = batch?.to(model.weights().device())?;
            let features = model.features(&batch.inputs, Mode::Evaluate)?;
            all.width = features.size().last().map_or(0, |&width| width as usize);
            all.values.extend(Vec::<f32>::try_from(features.f_flatten(0, -1)?)?);
            all.labels.extend(Vec::<i64>::try_from(batch.targets)?);
        }
        Ok(all)
    })
}

/// Runs `model` in evaluation mode over all of `source`.
///
/// # Errors
/// What the source, the model or libtorch refuses; [`crate::Error::Interrupted`] between two batches.
pub fn predict(model: &dyn Model, source: &dyn BatchSource, stop: Stop) -> Result<Predictions> {
    let mut all = Predictions { logits: Vec::new(), labels: Vec::new(), classes: 0 };
    predict_each(model, source, stop, |some| {
        all.classes = some.classes;
        all.logits.extend(some.logits);
        all.labels.extend(some.labels);
        Ok(())
    })?;
    Ok(all)
}

/// As [`predict`], a part at a time: the words of a whole data set among ten thousand others would
/// fill the memory.
///
/// # Errors
/// As [`predict`], and those of `see`.
pub fn predict_each(
    model: &dyn Model,
    source: &dyn BatchSource,
    stop: Stop,
    mut see: impl FnMut(Predictions) -> Result<()>,
) -> Result<()> {
    no_grad(|| {
        for batch in source.in_order(BATCH)? {
            stop.check()?;
            let batch = batch?.to(model.weights().device())?;
            let logits = model.forward(&batch.inputs, Mode::Evaluate)?;
            see(Predictions {
                classes: logits.size().last().map_or(0, |&classes| classes as usize),
                logits: Vec::try_from(logits.f_flatten(0, -1)?)?,
                labels: Vec::try_from(batch.targets)?,
            })?;
        }
        Ok(())
    })
}
