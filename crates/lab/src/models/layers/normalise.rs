//! The first step of every network on images and tables: numbers to mean 0 and standard deviation 1.

use tch::Tensor;

use crate::data::InputSpec;
use crate::models::Weights;
use crate::{Error, Result};

/// Brings numbers to mean 0 and standard deviation 1 for each channel of the training part; a channel
/// that is the same everywhere there becomes 0.
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

    /// Takes the moments of the examples that are learned from.
    ///
    /// # Errors
    /// No training examples, and numbers that are not finite.
    pub fn new(weights: &mut Weights, input: &InputSpec) -> Result<Self> {
        let moments = &input.moments;
        let sound = |(mean, std): &(f64, f64)| mean.is_finite() && std.is_finite();
        if let Some(channel) = moments.iter().position(|moments| !sound(moments)) {
            return Err(Error::Request(format!(
                "input {channel} of the {} training examples has no mean and standard deviation",
                input.examples
            )));
        }
        let column = |values: Vec<f32>| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(&values)?.f_reshape([1, values.len() as i64, 1, 1])?)
        };
        let mean = column(moments.iter().map(|m| m.0 as f32).collect())?;
        let std = column(moments.iter().map(|&moments| spread(moments) as f32).collect())?;
        weights.buffer(format!("{}mean", Self::NAME), &mean);
        weights.buffer(format!("{}std", Self::NAME), &std);
        Ok(Self { mean, std })
    }

    /// Images (N, C, H, W), or rows (N, numbers) → the same.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if x.dim() == 2 {
            // The buffers of every run are (1, C, 1, 1).
            let [mean, std] = [&self.mean, &self.std].map(|buffer| buffer.f_flatten(1, -1));
            return Ok(x.f_sub(&mean?)?.f_div(&std?)?);
        }
        Ok(x.f_sub(&self.mean)?.f_div(&self.std)?)
    }
}

/// What to divide by: the standard deviation, or 1 where the numbers are constant. Whether they are is
/// asked in single precision, in which they are stored: the sums of a constant leave a rest that is not
/// quite 0, and dividing by that would blow up the first other value.
pub fn spread((mean, std): (f64, f64)) -> f64 {
    let constant =
        std <= f64::from(f32::EPSILON) * mean.abs() || std < f64::from(f32::MIN_POSITIVE);
    if constant { 1.0 } else { std }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Examples, Inputs, Shape};

    fn examples(inputs: Inputs, channels: usize, plane: usize) -> Examples {
        let count = inputs.len() / (channels * plane);
        let labels = vec![0; count];
        let shape = match plane {
            1 => Shape::Row(channels),
            _ => Shape::Image([channels, 1, plane]),
        };
        Examples { inputs, shape, labels, classes: vec!["a".to_owned()] }
    }

    /// One rare category is constant in some training part, an empty colour in every one.
    #[test]
    fn a_constant_channel_becomes_zero() {
        // 0.1 in binary has sums that are not quite three times it.
        let numbers = Inputs::Numbers(vec![0.1, 1.0, 0.1, 2.0, 0.1, 3.0]);
        let pixels = Inputs::bytes(vec![7, 7, 1, 2, 7, 7, 3, 4]);
        for (train, expected) in [
            (examples(numbers, 2, 1), vec![0.0, -1.5f32.sqrt(), 0.0, 0.0, 0.0, 1.5f32.sqrt()]),
            (
                examples(pixels, 2, 2),
                [0.0, 0.0, -3.0, -1.0, 0.0, 0.0, 1.0, 3.0].map(|x: f32| x / 5f32.sqrt()).to_vec(),
            ),
        ] {
            let layer = Normalise::new(&mut Weights::new(1), &train.spec()).unwrap();
            let found = layer.forward(&train.tensor().unwrap()).unwrap();
            let found: Vec<f32> = found.flatten(0, -1).try_into().unwrap();
            let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
            assert!(found.iter().zip(&expected).all(near), "{found:?}");
        }
        // Another value than the one learned from moves the input by itself, not by its millionfold.
        let train = examples(Inputs::Numbers(vec![0.1; 1001]), 1, 1);
        let layer = Normalise::new(&mut Weights::new(1), &train.spec()).unwrap();
        let found = layer.forward(&Tensor::from_slice(&[1.1f32]).reshape([1, 1])).unwrap();
        assert!((found.double_value(&[0, 0]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn what_has_no_moments_is_refused() {
        let train = examples(Inputs::Numbers(vec![1.0, f32::INFINITY]), 1, 1);
        let error = Normalise::new(&mut Weights::new(1), &train.spec()).unwrap_err().to_string();
        assert!(error.starts_with("input 0 of the 2 training examples has no mean"), "{error}");
    }
}
