//! The layers that the networks are made of.

use tch::Tensor;

use super::Weights;
use crate::data::Examples;
use crate::{Error, Result};

/// A linear layer: x·Wᵀ + b.
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// Draws the weights of `inputs` → `outputs`.
    pub fn new(weights: &mut Weights, name: &str, inputs: usize, outputs: usize) -> Result<Self> {
        Ok(Self {
            weight: weights.uniform(format!("{name}.weight"), &[outputs, inputs], inputs)?,
            bias: weights.uniform(format!("{name}.bias"), &[outputs], inputs)?,
        })
    }

    /// (N, inputs) → (N, outputs).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_linear(&self.weight, Some(&self.bias))?)
    }
}

/// A 3×3 convolution that keeps height and width.
#[derive(Debug)]
pub struct Conv {
    weight: Tensor,
    bias: Tensor,
}

impl Conv {
    /// Draws the weights of `inputs` → `outputs` channels.
    pub fn new(weights: &mut Weights, name: &str, inputs: usize, outputs: usize) -> Result<Self> {
        let fan_in = inputs * 9;
        Ok(Self {
            weight: weights.uniform(format!("{name}.weight"), &[outputs, inputs, 3, 3], fan_in)?,
            bias: weights.uniform(format!("{name}.bias"), &[outputs], fan_in)?,
        })
    }

    /// (N, inputs, H, W) → (N, outputs, H, W).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_conv2d(&self.weight, Some(&self.bias), 1, 1, 1, 1)?)
    }
}

/// Brings pixels to mean 0 and standard deviation 1 for each channel of the training part.
///
/// It is the model's own first step, so that what attacks a model speaks in pixels.
#[derive(Debug)]
pub struct Normalise {
    mean: Tensor,
    std: Tensor,
}

impl Normalise {
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
        weights.buffer("normalise.mean".to_owned(), &mean);
        weights.buffer("normalise.std".to_owned(), &std);
        Ok(Self { mean, std })
    }

    /// (N, C, H, W) → the same.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_sub(&self.mean)?.f_div(&self.std)?)
    }
}
