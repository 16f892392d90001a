//! The first step of every network on images: pixels to mean 0 and standard deviation 1.

use tch::Tensor;

use crate::data::Examples;
use crate::models::Weights;
use crate::{Error, Result};

/// Brings pixels to mean 0 and standard deviation 1 for each channel of the training part.
///
/// It is the model's own first step, so that what attacks a model speaks in pixels.
#[derive(Debug)]
pub struct Normalise {
    mean: Tensor,
    std: Tensor,
}

impl Normalise {
    /// What its tensors are named after.
    pub const NAME: &str = "normalise.";

    /// Takes the moments of the training part.
    ///
    /// # Errors
    /// A channel that is constant.
    pub fn new(weights: &mut Weights, train: &Examples) -> Result<Self> {
        let moments = train.moments();
        if let Some(channel) = moments.iter().position(|(_, std)| *std == 0.0 || std.is_nan()) {
            return Err(Error::Request(format!(
                "channel {channel} of the training images is the same everywhere"
            )));
        }
        let column = |values: Vec<f32>| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(&values)?.f_reshape([1, values.len() as i64, 1, 1])?)
        };
        let mean = column(moments.iter().map(|m| m.0 as f32).collect())?;
        let std = column(moments.iter().map(|m| m.1 as f32).collect())?;
        weights.buffer(format!("{}mean", Self::NAME), &mean);
        weights.buffer(format!("{}std", Self::NAME), &std);
        Ok(Self { mean, std })
    }

    /// (N, C, H, W) → the same.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_sub(&self.mean)?.f_div(&self.std)?)
    }
}
