//! PGD, projected gradient descent (Madry et al. 2018): many small steps from a random start, each
//! projected back into the ball of radius ε around the input and into \[0, 1\].

use tch::{Kind, Tensor};

use super::settings::{LOSS, NORM, Settings, TARGETS, TEMPERATURE};
use super::spec::Configurable;
use super::targeted::aimed;
use super::{Attack, Clean, Model, Norm, Objective, Tag, aim, reach, slope, towards};
use crate::card::{Card, Parameter, Range};
use crate::{Error, Result};

pub(super) static CARD: Card = Card {
    name: "pgd",
    title: "PGD",
    what: "many small steps up the gradient, each projected back into the ball of radius ε",
    source: "Madry et al. 2018, §2.1",
    parameters: &[
        NORM,
        Parameter {
            name: "steps",
            default: Some("40"),
            range: Range::AtLeast(1.0),
            what: "how many",
        },
        Parameter {
            name: "step",
            default: Some("auto"),
            range: Range::Positive,
            what: "length of one, in pixel units; `auto` is 2.5·ε/steps",
        },
        Parameter {
            name: "start",
            default: Some("random"),
            range: Range::Words("random or none"),
            what: "at a random place in the ball, or at the input",
        },
        LOSS,
        TEMPERATURE,
        TARGETS,
        Parameter {
            name: "floor",
            default: Some("0"),
            range: Range::AtLeast(0.0),
            what: "added to the length of the gradient in L2, as torchattacks does",
        },
    ],
    example: "pgd(norm=l2)",
};

/// All steps together, in budgets, where their length follows ε.
const OF_BUDGET: f64 = 2.5;

/// The attack and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Pgd {
    /// What measures the budget.
    pub norm: Norm,
    /// Steps.
    pub steps: usize,
    /// Length of one of them in pixel units; without it 2.5·ε/steps, the rule of Madry et al., with
    /// which every place in the ball is within reach whatever ε is.
    pub step: Option<f64>,
    /// Whether it starts at a random place in the ball, or at the input.
    pub random_start: bool,
    /// What is climbed.
    pub objective: Objective,
    /// Towards how many wrong classes, one after the other; 0 for none in particular.
    pub targets: usize,
    /// Is added to the length of an example's own gradient in L2, see [`Norm::steepest`]. torchattacks
    /// adds 1e-10, but to the gradient of the *mean* loss of a batch, which is as many times shorter
    /// as there are examples: in batches of N that is a floor of N·1e-10 here.
    pub floor: f64,
}

impl Default for Pgd {
    /// L∞, 40 steps whose length follows ε.
    fn default() -> Self {
        Self {
            norm: Norm::Linf,
            steps: 40,
            step: None,
            random_start: true,
            objective: Objective::CROSS_ENTROPY,
            targets: 0,
            floor: 0.0,
        }
    }
}

impl Pgd {
    /// The length of a step with the budget `epsilon`; of one that is wider than the images that part
    /// counts which is not.
    fn step(&self, inputs: &Tensor, epsilon: f64) -> f64 {
        let widest = match self.norm {
            Norm::Linf => 1.0,
            Norm::L2 => (inputs.size()[1..].iter().product::<i64>() as f64).sqrt(),
        };
        self.step.unwrap_or(OF_BUDGET * epsilon.min(widest) / self.steps as f64)
    }

    fn climb(
        &self,
        model: &Model,
        clean: &Clean,
        epsilon: f64,
        targets: Option<&Tensor>,
    ) -> Result<Tensor> {
        let ball = self.norm.ball(clean.inputs, epsilon)?;
        let mut moved = match self.random_start {
            true => ball.project(&clean.inputs.f_add(&self.norm.draw(clean, "pgd", epsilon)?)?)?,
            false => clean.inputs.shallow_clone(),
        };
        let step = self.step(clean.inputs, epsilon);
        for _ in 0..self.steps {
            let slope = slope(model, self.objective, &moved, clean.labels, targets)?;
            let up = self.norm.steepest(&slope.gradient, self.floor)?;
            moved = ball.project(&moved.f_add(&up.f_mul_scalar(step)?)?)?;
        }
        Ok(moved)
    }
}

impl Configurable for Pgd {
    fn settings(&mut self, each: &mut Settings) -> Result<()> {
        each.norm(&mut self.norm)?;
        each.whole("steps", &mut self.steps)?;
        each.step(&mut self.step)?;
        each.random_start(&mut self.random_start)?;
        each.objective(&mut self.objective)?;
        each.whole("targets", &mut self.targets)?;
        each.number("floor", &mut self.floor)
    }
}

impl Attack for Pgd {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn tags(&self) -> Vec<Tag> {
        let floored = (self.floor > 0.0).then(|| Tag::plain("floored"));
        let aim = aim(self.objective, self.targets);
        std::iter::once(self.norm.tag()).chain(aim).chain(floored).collect()
    }

    fn setting(&self) -> String {
        let along = match (self.norm, self.floor > 0.0) {
            (Norm::Linf, _) => "the sign of the gradient".to_owned(),
            (Norm::L2, false) => "the gradient".to_owned(),
            (Norm::L2, true) => format!("the gradient over its length plus {:e}", self.floor),
        };
        let from = if self.random_start { "from a random start" } else { "from the input" };
        let towards = towards(self.targets);
        let step = match self.step {
            Some(step) => format!("{step:.5}"),
            None => format!("{OF_BUDGET}·ε/{}", self.steps),
        };
        format!(
            "{}, {} steps of {step} along {along} of {} {from}{towards}",
            self.norm, self.steps, self.objective
        )
    }

    fn norm(&self) -> Norm {
        self.norm
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
        if clean.inputs.f_kind()? != Kind::Float {
            return Err(Error::Request("inputs under attack are f32".into()));
        }
        aimed(model, clean, self.targets, &|clean, goals| self.climb(model, clean, epsilon, goals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::Fgsm;
    use crate::attack::tests::{attacked, bent, images, keeps_the_rules, linear, points, values};

    fn loss(model: &Model, inputs: &Tensor, labels: &Tensor) -> f64 {
        let logits = model(inputs).unwrap();
        let values = Objective::CROSS_ENTROPY.values(&logits, labels, None).unwrap();
        values.mean(None).double_value(&[])
    }

    #[test]
    fn finds_the_optimum_of_a_linear_model() {
        let model = linear(&[2.0, -1.0, 1.0, 1.0], 2);
        let inputs = images(&[0.5, 0.5, 0.05, 0.9], 2);
        let labels = Tensor::from_slice(&[0i64, 1]);
        let moved = attacked(&Pgd::default(), &model, &inputs, &labels, 0.1, 0);
        let best = attacked(&Fgsm::default(), &model, &inputs, &labels, 0.1, 0);
        for (found, expected) in values(&moved).iter().zip(values(&best)) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
        // In L2 it is the end of the radius along w₁ − w₀ = (−1, 2), unless 0 or 1 is in between.
        let round = Pgd { norm: Norm::L2, step: Some(0.02), ..Pgd::default() };
        let moved = values(&attacked(&round, &model, &inputs, &labels, 0.1, 0));
        let (x, y) = (0.5 - 0.1 / 5f32.sqrt(), 0.5 + 0.2 / 5f32.sqrt());
        assert!((moved[0] - x).abs() < 1e-3 && (moved[1] - y).abs() < 1e-3, "{moved:?}");
    }

    #[test]
    fn is_stronger_than_one_step_where_the_model_bends() {
        let (inputs, labels) = points();
        let moved = attacked(&Pgd::default(), &bent(), &inputs, &labels, 0.2, 0);
        let step = attacked(&Fgsm::default(), &bent(), &inputs, &labels, 0.2, 0);
        let [clean, fgsm, pgd] = [&inputs, &step, &moved].map(|x| loss(&bent(), x, &labels));
        assert!(pgd > fgsm + 0.1 && fgsm > clean, "{clean} {fgsm} {pgd}");
    }

    #[test]
    fn keeps_the_rules_of_an_attack() {
        for steps in [0, 1, 40] {
            for norm in [Norm::Linf, Norm::L2] {
                keeps_the_rules(&Pgd { steps, norm, ..Pgd::default() });
            }
        }
        keeps_the_rules(&Pgd { objective: Objective::Dlr, random_start: false, ..Pgd::default() });
    }

    /// 40 steps of 2/255 end at 0.31, however large the budget: it looked like robustness.
    #[test]
    fn steps_reach_the_budget_in_every_norm() {
        let model = linear(&[1.0, 0.0, 0.0, 1.0], 2);
        let inputs = images(&[1.0, 0.0], 2);
        let labels = Tensor::from_slice(&[0i64]);
        // The last one is wider than the image: its steps are those of the image's own width, √2.
        for (norm, epsilon, expected) in [
            (Norm::Linf, 0.1, 0.1),
            (Norm::Linf, 0.9, 0.9),
            (Norm::L2, 0.4, 0.4),
            (Norm::L2, 1.4, 1.4),
            (Norm::L2, 1e4, 2f64.sqrt()),
        ] {
            for steps in [3, 40] {
                let pgd = Pgd { norm, steps, random_start: false, ..Pgd::default() };
                let moved = attacked(&pgd, &model, &inputs, &labels, epsilon, 0);
                let far = values(&norm.length(&(moved - &inputs)).unwrap())[0];
                assert!((f64::from(far) - expected).abs() < 1e-5, "{}: {far}", pgd.setting());
                assert_eq!(pgd.reach(), None);
            }
        }
        assert!((Pgd::default().step(&inputs, 0.2) - 2.5 * 0.2 / 40.0).abs() < 1e-12);
        let said = Pgd { step: Some(0.01), ..Pgd::default() };
        assert!((said.reach().unwrap() - 0.4).abs() < 1e-12);
    }

    /// torchattacks 3.5.1 adds its 1e-10 to the gradient of the mean loss of a batch, here of 1 and of 128:
    /// ```python
    /// W = torch.tensor([[40., 0.], [0., 40.]]); m: x -> x.flatten(1) @ W.T
    /// x = torch.tensor([0.75, 0.2]).view(1, 1, 1, 2).repeat(128, 1, 1, 1); y = torch.zeros(128).long()
    /// for n in (1, 128): torchattacks.PGDL2(m, 1.0, 0.01, 3, random_start=False)(x[:n], y[:n])[0]
    /// ```
    #[test]
    fn the_floor_of_a_batch_is_as_many_times_larger() {
        let model = linear(&[40.0, 0.0, 0.0, 40.0], 2);
        let inputs = images(&[0.75, 0.2], 2);
        let labels = Tensor::from_slice(&[0i64]);
        for (floor, expected) in [(1e-10, 0.229_810_91), (1.28e-8, 0.215_411_08)] {
            let (norm, steps, step) = (Norm::L2, 3, Some(0.01));
            let pgd = Pgd { norm, steps, step, floor, random_start: false, ..Pgd::default() };
            let moved = values(&attacked(&pgd, &model, &inputs, &labels, 1.0, 0));
            assert!((moved[1] - expected).abs() < 1e-5, "{floor}: {moved:?}, not {expected}");
        }
    }

    #[test]
    fn a_floor_masks_and_without_it_the_gradient_counts_however_small() {
        // A lead of about 60 leaves cross entropy a gradient of 1e-25.
        let model = linear(&[100.0, 0.0, 0.0, 100.0], 2);
        let inputs = images(&[0.8, 0.2], 2);
        let labels = Tensor::from_slice(&[0i64]);
        let gone = |floor| {
            let norm = Norm::L2;
            let pgd = Pgd { norm, floor, random_start: false, step: Some(0.2), ..Pgd::default() };
            let moved = attacked(&pgd, &model, &inputs, &labels, 1.0, 0);
            (moved - &inputs).abs().max().double_value(&[])
        };
        assert!(gone(1e-10) < 1e-6 && gone(0.0) > 0.5, "{} {}", gone(1e-10), gone(0.0));
    }
}
