//! MI-FGSM, the iterative method with momentum (Dong et al. 2018): steps along the sign of
//! gᵢ = μ·gᵢ₋₁ + ∂L/∂x / mean |∂L/∂x|, from the input.

use tch::Tensor;

use super::norm::spread;
use super::targeted::aimed;
use super::{Attack, Clean, Effort, Model, Norm, Objective, objective_suffix, slope};
use crate::Result;

/// The attack and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Momentum {
    /// Steps.
    pub steps: usize,
    /// Length of one of them in pixel units; without it ε/steps, as published.
    pub step: Option<f64>,
    /// μ, how much of the former gradients stays.
    pub decay: f64,
    /// L.
    pub objective: Objective,
    /// Towards how many wrong classes, one after the other; 0 for none in particular.
    pub targets: usize,
}

impl Default for Momentum {
    /// 10 steps of a tenth of ε that forget nothing.
    fn default() -> Self {
        let objective = Objective::CROSS_ENTROPY;
        Self { steps: 10, step: None, decay: 1.0, objective, targets: 0 }
    }
}

impl Momentum {
    fn climb(
        &self,
        model: &Model,
        clean: &Clean,
        epsilon: f64,
        targets: Option<&Tensor>,
    ) -> Result<Tensor> {
        let ball = Norm::Linf.ball(clean.inputs, epsilon)?;
        let mut moved = clean.inputs.shallow_clone();
        let mut momentum = clean.inputs.f_zeros_like()?;
        let step = self.step.unwrap_or(epsilon / self.steps as f64);
        for _ in 0..self.steps {
            let gradient = slope(model, self.objective, &moved, clean.labels, targets)?.gradient;
            // Divided by its largest part first, since a mean of tiny numbers may underflow.
            let largest = Norm::Linf.length(&gradient)?;
            let largest = largest.f_masked_fill(&largest.f_eq(0.0)?, 1.0)?;
            let gradient = gradient.f_div(&spread(&largest, &gradient)?)?;
            let mean = gradient.f_abs()?.f_flatten(1, -1)?;
            let mean = mean.f_mean_dim([1i64].as_slice(), false, None)?;
            let mean = mean.f_masked_fill(&mean.f_eq(0.0)?, 1.0)?;
            let gradient = gradient.f_div(&spread(&mean, &gradient)?)?;
            momentum = momentum.f_mul_scalar(self.decay)?.f_add(&gradient)?;
            let up = momentum.f_sign()?.f_mul_scalar(step)?;
            moved = ball.project(&moved.f_add(&up)?)?;
        }
        Ok(moved)
    }
}

impl Attack for Momentum {
    fn name(&self) -> String {
        let targeted = if self.targets > 0 { "-targeted" } else { "" };
        format!("mi-fgsm{}{targeted}", objective_suffix(self.objective))
    }

    fn setting(&self) -> String {
        let towards = match self.targets {
            0 => String::new(),
            n => format!(", towards each of the {n} most probable wrong classes"),
        };
        let step = match self.step {
            Some(step) => format!("{step:.5}"),
            None => format!("ε/{}", self.steps),
        };
        format!(
            "L∞, {} steps of {step} along the sign of the gradients of {}, of which {} stays{towards}",
            self.steps, self.objective, self.decay
        )
    }

    fn norm(&self) -> Norm {
        Norm::Linf
    }

    fn objective(&self) -> Option<Objective> {
        Some(self.objective)
    }

    fn effort(&self) -> Effort {
        if self.targets > 0 { Effort::Standing } else { Effort::Every }
    }

    fn gradients(&self) -> usize {
        self.steps * self.targets.max(1)
    }

    fn reach(&self) -> Option<f64> {
        self.step.map(|step| step * self.steps as f64)
    }

    fn perturb(&self, model: &Model, clean: &Clean, epsilon: f64) -> Result<Tensor> {
        aimed(model, clean, self.targets, &|clean, goals| self.climb(model, clean, epsilon, goals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::tests::{attacked, images, keeps_the_rules, linear, values};

    #[test]
    fn keeps_the_rules_of_an_attack() {
        keeps_the_rules(&Momentum::default());
        keeps_the_rules(&Momentum { targets: 2, ..Momentum::default() });
    }

    #[test]
    fn goes_straight_on_a_linear_model_and_stands_still_without_a_gradient() {
        let model = linear(&[2.0, -1.0, 1.0, 1.0], 2);
        let inputs = images(&[0.5, 0.5], 2);
        let labels = Tensor::from_slice(&[0i64]);
        let said = Momentum { steps: 4, step: Some(0.02), ..Momentum::default() };
        // Ten steps of ε/10 end at the budget, whatever it is.
        for (attack, far) in [(said, 0.08), (Momentum::default(), 0.3)] {
            let moved = values(&attacked(&attack, &model, &inputs, &labels, 0.3, 0));
            let expected = [0.5 - far, 0.5 + far];
            for (found, expected) in moved.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{moved:?}, not {expected:?}");
            }
        }
        let flat = linear(&[0.0, 0.0, 0.0, 0.0], 2);
        let moved = values(&attacked(&Momentum::default(), &flat, &inputs, &labels, 0.3, 0));
        assert_eq!(moved, [0.5, 0.5]);
    }
}
