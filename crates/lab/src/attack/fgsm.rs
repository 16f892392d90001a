//! FGSM, the fast gradient sign method (Goodfellow et al. 2015): one step, x + ε·sign(∂L/∂x).

use tch::Tensor;

use super::settings::{LOSS, Settings, TEMPERATURE};
use super::spec::Configurable;
use super::{Attack, Clean, Model, Norm, Objective, Tag, aim, slope};
use crate::Result;
use crate::card::Card;

pub(super) static CARD: Card = Card {
    name: "fgsm",
    title: "FGSM",
    what: "one step, x + ε·sign(∂L/∂x)",
    source: "Goodfellow et al. 2015, §4",
    parameters: &[LOSS, TEMPERATURE],
    example: "fgsm",
};

/// The attack and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Fgsm {
    /// L.
    pub objective: Objective,
}

impl Default for Fgsm {
    fn default() -> Self {
        Self { objective: Objective::CROSS_ENTROPY }
    }
}

impl Configurable for Fgsm {
    fn settings(&mut self, each: &mut Settings) -> Result<()> {
        each.objective(&mut self.objective)
    }
}

impl Attack for Fgsm {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn tags(&self) -> Vec<Tag> {
        aim(self.objective, 0).collect()
    }

    fn setting(&self) -> String {
        format!("L∞, one step of ε along the sign of the gradient of {}", self.objective)
    }

    fn norm(&self) -> Norm {
        Norm::Linf
    }

    fn objective(&self) -> Option<Objective> {
        Some(self.objective)
    }

    fn gradients_a_target(&self) -> usize {
        1
    }

    fn perturb(&self, model: &Model, clean: &Clean, epsilon: f64) -> Result<Tensor> {
        let slope = slope(model, self.objective, clean.inputs, clean.labels, None)?;
        let step = slope.gradient.f_sign()?.f_mul_scalar(epsilon)?;
        Ok(clean.inputs.f_add(&step)?.f_clamp(0.0, 1.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::tests::{attacked, images, keeps_the_rules, linear, values};

    #[test]
    fn is_optimal_for_a_linear_model() {
        // Two classes: L falls with (w_y − w_k)·x, so the worst x within ε is x − ε·sign(w_y − w_k).
        let model = linear(&[2.0, -1.0, 0.0, 1.0, 1.0, 0.0], 3);
        let inputs = images(&[0.5, 0.5, 0.5, 0.05, 0.9, 1.0], 3);
        let labels = Tensor::from_slice(&[0i64, 1]);
        for objective in [Objective::CROSS_ENTROPY, Objective::Margin] {
            let attack = Fgsm { objective };
            let moved = values(&attacked(&attack, &model, &inputs, &labels, 0.25, 0));
            // w₀ − w₁ = (1, −2, 0): a pixel without influence stays, and the move ends at 0 and 1.
            assert_eq!(moved, [0.25, 0.75, 0.5, 0.05 + 0.25, 0.9 - 0.25, 1.0]);
            let moved = values(&attacked(&attack, &model, &inputs, &labels, 1.0, 0));
            assert_eq!(moved, [0.0, 1.0, 0.5, 1.0, 0.0, 1.0]);
        }
    }

    #[test]
    fn keeps_the_rules_of_an_attack() {
        keeps_the_rules(&Fgsm::default());
    }
}
