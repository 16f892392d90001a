//! APGD, PGD that finds its own step size (Croce and Hein 2020, "Reliable evaluation of adversarial
//! robustness", algorithm 1): momentum, and at checkpoints half the step from the best point on
//! where the last stretch brought too little.

use tch::{Kind, Tensor};

use super::norm::{Ball, spread};
use super::settings::{LOSS, NORM, Settings, TARGETS, TEMPERATURE};
use super::spec::Configurable;
use super::targeted::aimed;
use super::{
    Attack, Clean, Effort, Model, Norm, Objective, Slope, Tag, aim, pick, positions, slope,
    towards, wrong,
};
use crate::Result;
use crate::card::{Card, Parameter, Range};

pub(super) static CARD: Card = Card {
    name: "apgd",
    title: "APGD",
    what: "PGD with momentum that halves its steps where they bring too little",
    source: "Croce and Hein 2020, algorithm 1",
    parameters: &[
        NORM,
        Parameter {
            name: "steps",
            default: Some("100"),
            range: Range::AtLeast(1.0),
            what: "how many",
        },
        Parameter {
            name: "restarts",
            default: Some("1"),
            range: Range::AtLeast(1.0),
            what: "how many random starts, each for the examples that stand",
        },
        LOSS,
        TEMPERATURE,
        TARGETS,
    ],
    example: "apgd(loss=dlr)",
};

/// α, the share of a step that is new; the rest repeats the one before.
const NEW: f64 = 0.75;
/// ρ, the share of a stretch's steps that have to improve.
const IMPROVING: f64 = 0.75;

/// The attack and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Apgd {
    /// What measures the budget.
    pub norm: Norm,
    /// Steps.
    pub steps: usize,
    /// How many random starts, each for those that stand.
    pub restarts: usize,
    /// What is climbed.
    pub objective: Objective,
    /// Towards how many wrong classes, one after the other; 0 for none in particular.
    pub targets: usize,
}

impl Default for Apgd {
    fn default() -> Self {
        let objective = Objective::CROSS_ENTROPY;
        Self { norm: Norm::Linf, steps: 100, restarts: 1, objective, targets: 0 }
    }
}

/// The climb of those that stand; all of (n, …) for the n of them.
struct Climb {
    /// Their positions among the inputs.
    at: Tensor,
    inputs: Tensor,
    labels: Tensor,
    targets: Option<Tensor>,
    now: Tensor,
    before: Tensor,
    gradient: Tensor,
    value: Tensor,
    /// The best point, its gradient and its value.
    best: Tensor,
    best_gradient: Tensor,
    best_value: Tensor,
    /// At the last checkpoint: the best value, and whether the step was halved.
    checked_value: Tensor,
    halved: Tensor,
    /// Length of a step, and how many since the checkpoint went up.
    step: Tensor,
    rises: Tensor,
}

impl Climb {
    /// Only those at `kept`.
    fn keep(self, kept: &Tensor) -> Result<Self> {
        let of = |tensor: Tensor| tensor.f_index_select(0, kept);
        Ok(Self {
            at: of(self.at)?,
            inputs: of(self.inputs)?,
            labels: of(self.labels)?,
            targets: self.targets.map(of).transpose()?,
            now: of(self.now)?,
            before: of(self.before)?,
            gradient: of(self.gradient)?,
            value: of(self.value)?,
            best: of(self.best)?,
            best_gradient: of(self.best_gradient)?,
            best_value: of(self.best_value)?,
            checked_value: of(self.checked_value)?,
            halved: of(self.halved)?,
            step: of(self.step)?,
            rises: of(self.rises)?,
        })
    }

    /// Takes the step; the first one has none before it to repeat.
    fn advance(&mut self, norm: Norm, epsilon: f64, first: bool) -> Result<()> {
        let ball: Ball = norm.ball(&self.inputs, epsilon)?;
        let up = norm.steepest(&self.gradient, 0.0)?.f_mul(&spread(&self.step, &self.now)?)?;
        let ahead = ball.project(&self.now.f_add(&up)?)?;
        let next = match first {
            true => ahead,
            false => {
                let new = ahead.f_sub(&self.now)?.f_mul_scalar(NEW)?;
                let old = self.now.f_sub(&self.before)?.f_mul_scalar(1.0 - NEW)?;
                ball.project(&self.now.f_add(&new)?.f_add(&old)?)?
            }
        };
        self.before = std::mem::replace(&mut self.now, next);
        Ok(())
    }

    /// Takes note of what the model says where it is now.
    fn note(&mut self, slope: Slope) -> Result<()> {
        let rise = slope.values.f_gt_tensor(&self.value)?;
        self.rises = self.rises.f_add(&rise.f_to_kind(Kind::Float)?)?;
        let better = slope.values.f_gt_tensor(&self.best_value)?;
        let wide = spread(&better, &self.now)?;
        self.best = self.now.f_where_self(&wide, &self.best)?;
        self.best_gradient = slope.gradient.f_where_self(&wide, &self.best_gradient)?;
        self.best_value = slope.values.f_where_self(&better, &self.best_value)?;
        (self.value, self.gradient) = (slope.values, slope.gradient);
        Ok(())
    }

    /// The checkpoint after a stretch of so many steps.
    fn checkpoint(&mut self, stretch: usize) -> Result<()> {
        let few = self.rises.f_le(IMPROVING * stretch as f64)?;
        let stuck = self.checked_value.f_ge_tensor(&self.best_value)?;
        let stuck = stuck.f_logical_and(&self.halved.f_logical_not()?)?;
        let halve = few.f_logical_or(&stuck)?;
        self.step = self.step.f_div_scalar(2.0)?.f_where_self(&halve, &self.step)?;
        let wide = spread(&halve, &self.now)?;
        self.now = self.best.f_where_self(&wide, &self.now)?;
        self.gradient = self.best_gradient.f_where_self(&wide, &self.gradient)?;
        self.checked_value = self.best_value.shallow_clone();
        self.halved = halve;
        self.rises = self.rises.f_zeros_like()?;
        Ok(())
    }
}

impl Apgd {
    /// One restart; `moved` gets the moves that succeed.
    fn climb(
        &self,
        model: &Model,
        clean: &Clean,
        epsilon: f64,
        targets: Option<&Tensor>,
        purpose: &str,
    ) -> Result<Tensor> {
        let moved = clean.inputs.copy();
        let start = clean.inputs.f_add(&self.start(clean, purpose, epsilon)?)?.f_clamp(0.0, 1.0)?;
        let slope_at = |climb: &Climb| {
            let targets = climb.targets.as_ref();
            slope(model, self.objective, &climb.now, &climb.labels, targets)
        };
        let first = slope(model, self.objective, &start, clean.labels, targets)?;
        let mut fell = wrong(&first.logits, clean.labels)?;
        let mut climb = Climb {
            at: Tensor::f_arange(start.size()[0], (Kind::Int64, start.device()))?,
            inputs: clean.inputs.shallow_clone(),
            labels: clean.labels.shallow_clone(),
            targets: targets.map(Tensor::shallow_clone),
            before: start.shallow_clone(),
            best: start.shallow_clone(),
            best_gradient: first.gradient.shallow_clone(),
            best_value: first.values.shallow_clone(),
            checked_value: first.values.shallow_clone(),
            halved: fell.f_ones_like()?,
            step: first.values.f_full_like(2.0 * epsilon)?,
            rises: first.values.f_zeros_like()?,
            now: start,
            gradient: first.gradient,
            value: first.values,
        };
        // w of the paper: 0.22 of all steps, then by 0.03 less each time, never under 0.06.
        let share = |share: f64| ((share * self.steps as f64) as usize).max(1);
        let (mut stretch, mut taken) = (share(0.22), 0);
        for step in 0..=self.steps {
            let fallen = positions(&fell)?;
            if fallen.numel() > 0 {
                let found = climb.now.f_index_select(0, &fallen)?;
                let at = climb.at.f_index_select(0, &fallen)?;
                let _ = moved.shallow_clone().f_index_copy_(0, &at, &found)?;
                climb = climb.keep(&positions(&fell.f_logical_not()?)?)?;
            }
            if climb.at.numel() == 0 || step == self.steps {
                break;
            }
            climb.advance(self.norm, epsilon, step == 0)?;
            let slope = slope_at(&climb)?;
            fell = wrong(&slope.logits, &climb.labels)?;
            climb.note(slope)?;
            taken += 1;
            if taken == stretch {
                // Those that just fell are out at the next step, from where they fell.
                let now = climb.now.shallow_clone();
                climb.checkpoint(stretch)?;
                let wide = spread(&fell, &now)?;
                climb.now = now.f_where_self(&wide, &climb.now)?;
                (stretch, taken) = (stretch.saturating_sub(share(0.03)).max(share(0.06)), 0);
            }
        }
        if climb.at.numel() > 0 {
            let _ = moved.shallow_clone().f_index_copy_(0, &climb.at, &climb.best)?;
        }
        Ok(moved)
    }

    /// A move as long as the ball is wide: uniform, scaled until it touches.
    fn start(&self, clean: &Clean, purpose: &str, epsilon: f64) -> Result<Tensor> {
        let drawn = match self.norm {
            Norm::Linf => clean.draw(purpose, |of, pixel| 2.0 * of.uniform(pixel) - 1.0)?,
            Norm::L2 => clean.draw(purpose, |of, pixel| of.normal(pixel))?,
        };
        let length = self.norm.length(&drawn)?.f_clamp_min(f64::from(f32::MIN_POSITIVE))?;
        Ok(drawn.f_div(&spread(&length, &drawn)?)?.f_mul_scalar(epsilon)?)
    }

    /// All restarts, each for those that the ones before left standing.
    fn restarted(
        &self,
        model: &Model,
        clean: &Clean,
        epsilon: f64,
        targets: Option<&Tensor>,
    ) -> Result<Tensor> {
        let moved = self.climb(model, clean, epsilon, targets, "apgd")?;
        for restart in 1..self.restarts {
            let fell = tch::no_grad(|| wrong(&model(&moved)?, clean.labels))?;
            let standing = positions(&fell.f_logical_not()?)?;
            if standing.numel() == 0 {
                break;
            }
            let inputs = clean.inputs.f_index_select(0, &standing)?;
            let labels = clean.labels.f_index_select(0, &standing)?;
            let targets = targets.map(|t| t.f_index_select(0, &standing)).transpose()?;
            let numbers = pick(clean.numbers, &standing)?;
            let rest =
                Clean { inputs: &inputs, labels: &labels, numbers: &numbers, seed: clean.seed };
            let purpose = format!("apgd/{restart}");
            let found = self.climb(model, &rest, epsilon, targets.as_ref(), &purpose)?;
            let _ = moved.shallow_clone().f_index_copy_(0, &standing, &found)?;
        }
        Ok(moved)
    }
}

impl Configurable for Apgd {
    fn settings(&mut self, each: &mut Settings) -> Result<()> {
        each.norm(&mut self.norm)?;
        each.whole("steps", &mut self.steps)?;
        each.whole("restarts", &mut self.restarts)?;
        each.objective(&mut self.objective)?;
        each.whole("targets", &mut self.targets)
    }
}

impl Attack for Apgd {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn tags(&self) -> Vec<Tag> {
        std::iter::once(self.norm.tag()).chain(aim(self.objective, self.targets)).collect()
    }

    fn setting(&self) -> String {
        let starts = match self.restarts {
            1 => "from a random start".to_owned(),
            n => format!("from {n} random starts"),
        };
        let towards = towards(self.targets);
        format!(
            "{}, {} steps of its own size along the gradient of {} {starts}{towards}",
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

    fn effort(&self) -> Effort {
        Effort::Standing
    }

    fn gradients_a_target(&self) -> usize {
        (self.steps + 1) * self.restarts
    }

    fn perturb(&self, model: &Model, clean: &Clean, epsilon: f64) -> Result<Tensor> {
        aimed(model, clean, self.targets, &|clean, goals| {
            self.restarted(model, clean, epsilon, goals)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::Pgd;
    use crate::attack::tests::{attacked, bent, keeps_the_rules, points};

    #[test]
    fn keeps_the_rules_of_an_attack() {
        for norm in [Norm::Linf, Norm::L2] {
            for objective in [Objective::CROSS_ENTROPY, Objective::Dlr] {
                keeps_the_rules(&Apgd { norm, objective, steps: 30, ..Apgd::default() });
            }
        }
        keeps_the_rules(&Apgd { restarts: 3, targets: 2, steps: 10, ..Apgd::default() });
    }

    #[test]
    fn fells_no_fewer_than_pgd_with_as_many_steps() {
        let (inputs, labels) = points();
        let falls = |attack: &dyn Attack| {
            let moved = attacked(attack, &bent(), &inputs, &labels, 0.1, 0);
            wrong(&bent()(&moved).unwrap(), &labels).unwrap().sum(None).int64_value(&[])
        };
        let apgd = falls(&Apgd { steps: 40, ..Apgd::default() });
        assert!(apgd >= falls(&Pgd { steps: 40, ..Pgd::default() }) && apgd > 0);
        assert!(falls(&Apgd { steps: 40, restarts: 4, ..Apgd::default() }) >= apgd);
    }
}
