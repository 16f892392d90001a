//! Adversarial attacks: how far do the inputs have to move before the model is wrong?
//!
//! Every attack is untargeted and maximises cross entropy, whatever the model was trained with, and
//! moves each pixel by at most ε. Inputs are in pixel units, \[0, 1\]: a model that wants them
//! normalised does that itself.

mod fgsm;
mod pgd;
mod robustness;

pub use fgsm::Fgsm;
pub use pgd::Pgd;
pub use robustness::{EPSILONS, robustness};

use crate::Result;
use tch::{Reduction, Tensor};

/// A model: a batch of inputs (N, C, H, W), f32 in \[0, 1\], to logits (N, classes), in evaluation
/// mode (no dropout, running batch statistics).
pub type Model<'a> = dyn Fn(&Tensor) -> Result<Tensor> + 'a;

/// One way to perturb inputs within a budget.
pub trait Attack {
    /// Its name in records: "fgsm".
    fn name(&self) -> &'static str;

    /// How it is run, for people.
    fn setting(&self) -> String;

    /// Moves each pixel of `inputs` by at most `epsilon`, within \[0, 1\].
    ///
    /// `first` is the index of the first of these examples among all, so that what an attack draws
    /// for an example does not depend on the batches.
    ///
    /// # Errors
    /// What libtorch refuses.
    fn perturb(
        &self,
        model: &Model,
        inputs: &Tensor,
        labels: &Tensor,
        epsilon: f64,
        first: usize,
    ) -> Result<Tensor>;
}

/// The logits of `inputs`, and the gradient of their cross entropy with respect to the inputs.
///
/// The cross entropies are summed, not averaged, so that an example's gradient does not depend on
/// the batch it is in. No gradient reaches the parameters.
///
/// `labels`: (N,) classes.
///
/// # Errors
/// What libtorch refuses.
pub fn input_gradient(model: &Model, inputs: &Tensor, labels: &Tensor) -> Result<(Tensor, Tensor)> {
    tch::with_grad(|| {
        let inputs = inputs.f_detach()?.f_set_requires_grad(true)?;
        let logits = model(&inputs)?;
        let loss =
            logits.f_cross_entropy_loss(labels, None::<&Tensor>, Reduction::Sum, -100, 0.0)?;
        let gradient = Tensor::f_run_backward(&[loss], &[&inputs], false, false)?.remove(0);
        Ok((logits.f_detach()?, gradient))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    /// Logits z = W·x of `pixels`-pixel images, one row of `weights` a class.
    pub fn linear(weights: &[f32], pixels: i64) -> impl Fn(&Tensor) -> Result<Tensor> {
        let weights = Tensor::from_slice(weights).view([-1, pixels]);
        move |inputs| Ok(inputs.flatten(1, -1).matmul(&weights.tr()))
    }

    /// Images of one channel and one row, and their labels.
    pub fn images(values: &[f32], pixels: i64) -> Tensor {
        Tensor::from_slice(values).view([-1, 1, 1, pixels])
    }

    #[test]
    fn the_gradient_is_that_of_softmax() {
        // dL/dx = Wᵀ(p − onehot(y)), here p = (σ(u), σ(−u)), u = (w₀ − w₁)·x.
        let model = linear(&[1.0, -2.0, 0.5, 0.0], 2);
        let inputs = images(&[0.5, 0.25, 1.0, 1.0], 2);
        let (logits, gradient) =
            input_gradient(&model, &inputs, &Tensor::from_slice(&[0i64, 1])).unwrap();
        assert_eq!(Vec::<f32>::try_from(logits.flatten(0, -1)).unwrap(), [0.0, 0.25, -1.0, 0.5]);
        let gradient = Vec::<f32>::try_from(gradient.flatten(0, -1)).unwrap();
        let sigma = |u: f32| 1.0 / (1.0 + (-u).exp());
        let (q, p) = (sigma(0.25), sigma(-1.5));
        for (found, expected) in gradient.iter().zip([-0.5 * q, 2.0 * q, 0.5 * p, -2.0 * p]) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    #[test]
    fn parameters_and_inputs_are_left_alone() {
        let weights = Tensor::ones([2, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let model = |inputs: &Tensor| Ok(inputs.flatten(1, -1).matmul(&weights.tr()));
        let inputs = images(&[0.1, 0.2, 0.3], 3);
        let labels = Tensor::from_slice(&[0i64]);
        let _ = tch::no_grad(|| input_gradient(&model, &inputs, &labels).unwrap());
        assert!(!weights.grad().defined());
        assert!(!inputs.requires_grad());
        assert!(input_gradient(&model, &inputs, &Tensor::from_slice(&[7i64])).is_err());
    }
}
