//! MI-FGSM, the iterative method with momentum (Dong et al. 2018): steps along the sign of
//! gᵢ = μ·gᵢ₋₁ + ∂L/∂x / mean |∂L/∂x|, from the input.

use tch::Tensor;

use super::norm::spread;
use super::settings::{LOSS, Settings, TARGETS, TEMPERATURE};
use super::spec::Configurable;
use super::targeted::aimed;
use super::{Attack, Clean, Model, Norm, Objective, Tag, aim, reach, slope, towards};
use crate::Result;
use crate::card::{Card, Parameter, Range};

pub(super) static CARD: Card = Card {
    name: "mi-fgsm",
    title: "MI-FGSM",
    what: "steps along the sign of a decaying sum of the gradients so far, from the input",
    source: "Dong et al. 2018, algorithm 1",
    parameters: &[
        Parameter {
            name: "steps",
            default: Some("10"),
            range: Range::AtLeast(1.0),
            what: "how many",
        },
        Parameter {
            name: "step",
            default: Some("auto"),
            range: Range::Positive,
            what: "length of one, in pixel units; `auto` is ε/steps",
        },
        Parameter {
            name: "decay",
            default: Some("1"),
            range: Range::AtLeast(0.0),
            what: "μ, how much of the former gradients stays",
        },
        LOSS,
        TEMPERATURE,
        TARGETS,
    ],
    example: "mi-fgsm(steps=20)",
};

/// The attack and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct MiFgsm {
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

impl Default for MiFgsm {
    /// 10 steps of a tenth of ε that forget nothing.
    fn default() -> Self {
        let objective = Objective::CROSS_ENTROPY;
        Self { steps: 10, step: None, decay: 1.0, objective, targets: 0 }
    }
}

impl MiFgsm {
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

impl Configurable for MiFgsm {
    fn settings(&mut self, each: &mut Settings) -> Result<()> {
        each.whole("steps", &mut self.steps)?;
        each.step(&mut self.step)?;
        each.number("decay", &mut self.decay)?;
        each.objective(&mut self.objective)?;
        each.whole("targets", &mut self.targets)
    }
}

impl Attack for MiFgsm {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn tags(&self) -> Vec<Tag> {
        aim(self.objective, self.targets).collect()
    }

    fn setting(&self) -> String {
        let towards = towards(self.targets);
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

    fn targets(&self) -> usize {
        self.targets
    }

    fn gradients_a_target(&self) -> usize {
        self.steps
    }

    fn reach(&self) -> Option<f64> {
        reach(self.steps, self.step)
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
        keeps_the_rules(&MiFgsm::default());
        keeps_the_rules(&MiFgsm { targets: 2, ..MiFgsm::default() });
    }

    #[test]
    fn goes_straight_on_a_linear_model_and_stands_still_without_a_gradient() {
        let model = linear(&[2.0, -1.0, 1.0, 1.0], 2);
        let inputs = images(&[0.5, 0.5], 2);
        let labels = Tensor::from_slice(&[0i64]);
        let said = MiFgsm { steps: 4, step: Some(0.02), ..MiFgsm::default() };
        // Ten steps of ε/10 end at the budget, whatever it is.
        for (attack, far) in [(said, 0.08), (MiFgsm::default(), 0.3)] {
            let moved = values(&attacked(&attack, &model, &inputs, &labels, 0.3, 0));
            let expected = [0.5 - far, 0.5 + far];
            for (found, expected) in moved.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{moved:?}, not {expected:?}");
            }
        }
        let flat = linear(&[0.0, 0.0, 0.0, 0.0], 2);
        let moved = values(&attacked(&MiFgsm::default(), &flat, &inputs, &labels, 0.3, 0));
        assert_eq!(moved, [0.5, 0.5]);
    }
}
