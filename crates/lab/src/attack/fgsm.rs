//! FGSM, the fast gradient sign method (Goodfellow et al. 2015): one step, x + ε·sign(∂L/∂x).

use super::{Attack, Model, input_gradient};
use crate::Result;
use tch::Tensor;

/// The attack; it has no settings.
#[derive(Clone, Copy, Debug)]
pub struct Fgsm;

impl Attack for Fgsm {
    fn name(&self) -> &'static str {
        "fgsm"
    }

    fn setting(&self) -> String {
        "L∞, one step of ε along the sign of the cross-entropy gradient".into()
    }

    fn perturb(
        &self,
        model: &Model,
        inputs: &Tensor,
        labels: &Tensor,
        epsilon: f64,
        _first: usize,
    ) -> Result<Tensor> {
        let (_, gradient) = input_gradient(model, inputs, labels)?;
        Ok(inputs.f_add(&gradient.f_sign()?.f_mul_scalar(epsilon)?)?.f_clamp(0.0, 1.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::tests::{images, linear};

    #[test]
    fn is_optimal_for_a_linear_model() {
        // Two classes: L falls with (w_y − w_k)·x, so the worst x within ε is x − ε·sign(w_y − w_k).
        let model = linear(&[2.0, -1.0, 0.0, 1.0, 1.0, 0.0], 3);
        let inputs = images(&[0.5, 0.5, 0.5, 0.05, 0.9, 1.0], 3);
        let labels = Tensor::from_slice(&[0i64, 1]);
        let moved = Fgsm.perturb(&model, &inputs, &labels, 0.25, 0).unwrap();
        let moved = Vec::<f32>::try_from(moved.flatten(0, -1)).unwrap();
        // w₀ − w₁ = (1, −2, 0): a pixel without influence stays, and the move ends at 0 and 1.
        assert_eq!(moved, [0.25, 0.75, 0.5, 0.05 + 0.25, 0.9 - 0.25, 1.0]);
        let moved = Fgsm.perturb(&model, &inputs, &labels, 1.0, 0).unwrap();
        let moved = Vec::<f32>::try_from(moved.flatten(0, -1)).unwrap();
        assert_eq!(moved, [0.0, 1.0, 0.5, 1.0, 0.0, 1.0]);
    }
}
