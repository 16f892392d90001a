//! ODIN (Liang et al. 2018): a step towards more confidence helps our own examples more than foreign
//! ones.
//!
//! The score is max_k softmax(z(x′)/T)_k of the input x′ = x − ε·sign(∂L/∂x), where L is the cross
//! entropy of z(x)/T with the class that is predicted. As in the authors' code x′ is not cut off at
//! the range of pixels. Their ε is in units of normalised inputs and divided by their standard
//! deviation, which is ε in units of pixels: what our models take.

use tch::{Kind, Tensor, no_grad};

use crate::attack::{Objective, slope};
use crate::data::BatchSource;
use crate::models::{Mode, Model};
use crate::{Result, Stop};

/// Examples at a time.
const BATCH: usize = 128;

/// The settings of the score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Odin {
    /// Temperature T.
    pub temperature: f64,
    /// Step ε, in units of pixels.
    pub noise: f64,
}

impl Default for Odin {
    /// OpenOOD's: T = 1000, ε = 0.0014.
    fn default() -> Self {
        Self { temperature: 1000.0, noise: 0.0014 }
    }
}

impl Odin {
    /// The score of each example of `source`, images; the higher the more in-distribution.
    ///
    /// # Errors
    /// What the source, the model or libtorch refuses; [`crate::Error::Interrupted`] between two
    /// batches.
    pub fn scores(
        self,
        model: &dyn Model,
        source: &dyn BatchSource,
        stop: Stop,
    ) -> Result<Vec<f64>> {
        let cooled = |inputs: &Tensor| -> Result<Tensor> {
            let logits = model.forward(&[inputs.shallow_clone()], Mode::Evaluate)?;
            Ok(logits.f_div_scalar(self.temperature)?)
        };
        let mut scores = Vec::new();
        for batch in source.in_order(BATCH)? {
            stop.check()?;
            let batch = batch?.to(model.weights().device())?;
            for inputs in &batch.inputs {
                scores.extend(self.of_batch(&cooled, inputs)?);
            }
        }
        Ok(scores)
    }

    /// Of one batch, with a model that divides its logits by T.
    fn of_batch(
        self,
        cooled: &dyn Fn(&Tensor) -> Result<Tensor>,
        inputs: &Tensor,
    ) -> Result<Vec<f64>> {
        let predictions = no_grad(|| cooled(inputs))?.f_argmax(-1, false)?;
        let objective = Objective::CROSS_ENTROPY;
        let gradient = slope(cooled, objective, inputs, &predictions, None)?.gradient;
        let moved = inputs.f_sub(&gradient.f_sign()?.f_mul_scalar(self.noise)?)?;
        // In f64: near a uniform softmax, f32 would tie what differs by a little.
        let logits = no_grad(|| cooled(&moved))?.f_to_kind(Kind::Double)?;
        let highest = logits.f_softmax(-1, Kind::Double)?.f_amax([-1], false)?;
        Ok(Vec::try_from(highest.f_to(tch::Device::Cpu)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_open_ood() {
        // OpenOOD v1.5, odin_postprocessor.py, for inputs that are not normalised:
        // w = torch.tensor([[1., -2., .5], [0., 3., -1.], [2., .25, 1.]])
        // x = torch.tensor([[.1, .9, .3], [.7, .2, .8]], requires_grad=True)
        // z = x @ w.T; y = z.argmax(1); z = z / 2
        // torch.nn.CrossEntropyLoss()(z, y).backward()
        // moved = x.data - 0.05 * x.grad.sign()
        // torch.softmax(moved.double() @ w.T.double() / 2, 1).max(1).values
        let weights = Tensor::from_slice(&[1f32, -2.0, 0.5, 0.0, 3.0, -1.0, 2.0, 0.25, 1.0]);
        let weights = weights.view([3, 3]);
        let model = |inputs: &Tensor| Ok(inputs.matmul(&weights.tr()) / 2.0);
        let inputs = Tensor::from_slice(&[0.1f32, 0.9, 0.3, 0.7, 0.2, 0.8]).view([2, 3]);
        let odin = Odin { temperature: 2.0, noise: 0.05 };
        for (ours, expected) in odin.of_batch(&model, &inputs).unwrap().iter().zip(SCORES) {
            assert!((ours - expected).abs() < 1e-6, "{ours} is not {expected}");
        }
        // Without a step it is the confidence at that temperature.
        let still = Odin { noise: 0.0, ..odin }.of_batch(&model, &inputs).unwrap();
        assert!(still.iter().zip(SCORES).all(|(still, moved)| *still < moved), "{still:?}");
    }

    const SCORES: [f64; 2] = [0.6753906686050898, 0.5867872127383426];
}
