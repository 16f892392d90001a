//! Batch normalisation (Ioffe and Szegedy 2015): each channel to mean 0 and variance 1, then scaled
//! and shifted by what is learned.

use tch::{Device, Kind, Tensor};

use crate::models::{Init, Mode, Weights};
use crate::{Error, Result};

/// Added to the variance under the root; PyTorch's, torchvision's and timm's default.
const EPS: f64 = 1e-5;

/// The share that a batch has in the running moments; likewise.
const MOMENTUM: f64 = 0.1;

/// The layer and its running moments.
#[derive(Debug)]
pub struct BatchNorm {
    name: String,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: f64,
}

impl BatchNorm {
    /// Scale 1, shift 0, running moments 0 and 1.
    pub fn new(weights: &mut Weights, name: &str, channels: usize) -> Result<Self> {
        let mut parameter = |part, value| {
            weights.parameter(format!("{name}.{part}"), &[channels], Init::Constant(value))
        };
        let (weight, bias) = (parameter("weight", 1.0)?, parameter("bias", 0.0)?);
        let options = (Kind::Float, Device::Cpu);
        let running_mean = Tensor::f_zeros([channels as i64], options)?;
        let running_var = Tensor::f_ones([channels as i64], options)?;
        weights.buffer(format!("{name}.running_mean"), &running_mean);
        weights.buffer(format!("{name}.running_var"), &running_var);
        Ok(Self { name: name.to_owned(), weight, bias, running_mean, running_var, eps: EPS })
    }

    /// With so much added to the variance.
    pub fn with_eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// (N, channels, …) → the same: by the moments of the batch, which move the running ones, while
    /// training; by the running ones otherwise.
    ///
    /// # Errors
    /// A training batch with a single value for each channel, which has no variance.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let train = mode.trains();
        let channels = self.weight.numel();
        if train && x.numel() <= channels {
            return Err(Error::Work(format!(
                "{}: a batch of shape {:?} has a single value for each of the {channels} channels, \
                 and so no variance to train with",
                self.name,
                x.size()
            )));
        }
        let (weight, bias) = (Some(&self.weight), Some(&self.bias));
        let (mean, var) = (Some(&self.running_mean), Some(&self.running_var));
        Ok(x.f_batch_norm(weight, bias, mean, var, train, MOMENTUM, self.eps, true)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Precision;

    /// ```python
    /// layer = torch.nn.BatchNorm1d(2)
    /// x = torch.tensor([[1., 10.], [3., 30.], [8., 20.]])
    /// layer(x), layer.running_mean, layer.running_var, layer.eval()(x)
    /// ```
    #[test]
    fn batches_move_the_running_moments_and_evaluation_uses_them() {
        let mut weights = Weights::new(0);
        let layer = BatchNorm::new(&mut weights, "bn", 2).unwrap();
        let x = Tensor::from_slice(&[1f32, 10., 3., 30., 8., 20.]).reshape([3, 2]);
        let values = |t: &Tensor| Vec::<f32>::try_from(t.flatten(0, -1)).unwrap();
        let close = |found: &Tensor, expected: &[f32]| {
            for (a, b) in values(found).iter().zip(expected) {
                assert!((a - b).abs() < 2e-5, "{found:?} is not {expected:?}");
            }
        };
        let train = Mode::Train { seed: 0, pass: 0, precision: Precision::F32 };
        close(
            &layer.forward(&x, train).unwrap(),
            &[-1.01905, -1.22474, -0.33968, 1.22474, 1.35873, 0.0],
        );
        close(&layer.running_mean, &[0.4, 2.0]);
        close(&layer.running_var, &[2.2, 10.9]);
        close(
            &layer.forward(&x, Mode::Evaluate).unwrap(),
            &[0.40452, 2.42313, 1.75292, 8.48095, 5.12391, 5.45204],
        );
        close(&layer.running_mean, &[0.4, 2.0]); // evaluation moves nothing
        let saved: Vec<_> = weights.named().map(|(name, _)| name).collect();
        assert_eq!(saved, ["bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"]);
        let single = x.narrow(0, 0, 1);
        let error = layer.forward(&single, train).unwrap_err().to_string();
        assert!(error.starts_with("bn: a batch of shape [1, 2] has a single value"), "{error}");
        assert!(layer.forward(&single, Mode::Evaluate).is_ok());
    }
}
