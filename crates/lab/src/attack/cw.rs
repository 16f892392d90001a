//! CW-L2 (Carlini and Wagner 2017, §VI): the shortest move that succeeds, as the minimum of
//! ‖x' − x‖₂² + c·max(margin of the label, −κ) over x' = (tanh w + 1)/2, which needs no projection.

use tch::{Kind, Tensor};

use super::norm::spread;
use super::objective::margins;
use super::settings::Settings;
use super::spec::Configurable;
use super::{Attack, Clean, Effort, Model, Norm, Objective, Tag, slope, wrong};
use crate::Result;
use crate::card::{Card, Parameter, Range};

pub(super) static CARD: Card = Card {
    name: "cw",
    title: "CW",
    what: "the shortest move in L2 that succeeds, as the minimum of distance and margin",
    source: "Carlini and Wagner 2017, §VI",
    parameters: &[
        Parameter {
            name: "c",
            default: Some("1"),
            range: Range::Positive,
            what: "how much success weighs against distance, in the first search",
        },
        Parameter {
            name: "searches",
            default: Some("4"),
            range: Range::AtLeast(1.0),
            what: "how many values of c each example is tried with",
        },
        Parameter {
            name: "kappa",
            default: Some("0"),
            range: Range::AtLeast(0.0),
            what: "κ, by how much the wrong logit is to lead",
        },
        Parameter {
            name: "steps",
            default: Some("200"),
            range: Range::AtLeast(1.0),
            what: "steps of Adam for each c",
        },
        Parameter {
            name: "lr",
            default: Some("0.05"),
            range: Range::Positive,
            what: "its learning rate",
        },
    ],
    example: "cw(steps=500)",
};

/// Pixels are drawn this much towards the middle, since w is infinite at 0 and 1.
const INSIDE: f64 = 0.999_999;

/// The attack and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Cw {
    /// c, how much success weighs against distance, in the first search.
    pub c: f64,
    /// How many values of c each example is tried with: after a success the middle between c and
    /// the largest that failed, after a failure ten times c or the middle to the least that did not.
    pub searches: usize,
    /// κ, by how much the wrong logit is to lead.
    pub kappa: f64,
    /// Steps of Adam for each c.
    pub steps: usize,
    /// Its learning rate.
    pub lr: f64,
}

impl Default for Cw {
    fn default() -> Self {
        Self { c: 1.0, searches: 4, kappa: 0.0, steps: 200, lr: 0.05 }
    }
}

/// The shortest moves so far.
struct Best {
    /// (N, C, H, W).
    moved: Tensor,
    /// Squared distance, infinite without success: (N,).
    distance: Tensor,
}

impl Cw {
    /// Minimises with one c an example, and takes what is better into `best`; returns where the
    /// model became wrong, (N,).
    fn search(&self, model: &Model, clean: &Clean, c: &Tensor, best: &mut Best) -> Result<Tensor> {
        let start = clean.inputs.f_mul_scalar(2.0)?.f_sub_scalar(1.0)?.f_mul_scalar(INSIDE)?;
        let mut w = start.f_atanh()?;
        let (mut first, mut second) = (w.f_zeros_like()?, w.f_zeros_like()?);
        let mut success = best.distance.f_zeros_like()?.f_to_kind(Kind::Bool)?;
        let (beta1, beta2) = (0.9f64, 0.999f64);
        for step in 1..=self.steps as i32 {
            let tanh = w.f_tanh()?;
            let moved = tanh.f_add_scalar(1.0)?.f_div_scalar(2.0)?;
            let slope = slope(model, Objective::Margin, &moved, clean.labels, None)?;
            let offset = moved.f_sub(clean.inputs)?;
            let distance = offset.f_square()?.f_flatten(1, -1)?;
            let distance = distance.f_sum_dim_intlist([1i64].as_slice(), false, None)?;
            let fell = wrong(&slope.logits, clean.labels)?;
            let better = fell.f_logical_and(&distance.f_lt_tensor(&best.distance)?)?;
            best.distance = distance.f_where_self(&better, &best.distance)?;
            best.moved = moved.f_where_self(&spread(&better, &moved)?, &best.moved)?;
            success = success.f_logical_or(&fell)?;
            // ∂/∂x' of the sum: the margin is maximised until it is κ.
            let active = margins(&slope.logits, clean.labels, None)?.f_lt(self.kappa)?;
            let pull = c.f_mul(&active.f_to_kind(Kind::Float)?)?;
            let uphill = slope.gradient.f_mul(&spread(&pull, &slope.gradient)?)?;
            let gradient = offset.f_mul_scalar(2.0)?.f_sub(&uphill)?;
            // ∂x'/∂w = (1 − tanh²)/2.
            let inner = tanh.f_square()?.f_neg()?.f_add_scalar(1.0)?.f_div_scalar(2.0)?;
            let gradient = gradient.f_mul(&inner)?;
            first = first.f_mul_scalar(beta1)?.f_add(&gradient.f_mul_scalar(1.0 - beta1)?)?;
            let square = gradient.f_square()?.f_mul_scalar(1.0 - beta2)?;
            second = second.f_mul_scalar(beta2)?.f_add(&square)?;
            let root = second.f_div_scalar(1.0 - beta2.powi(step))?.f_sqrt()?.f_add_scalar(1e-8)?;
            let rate = self.lr / (1.0 - beta1.powi(step));
            w = w.f_sub(&first.f_div(&root)?.f_mul_scalar(rate)?)?;
        }
        Ok(success)
    }
}

impl Configurable for Cw {
    fn settings(&mut self, each: &mut Settings) -> Result<()> {
        each.number("c", &mut self.c)?;
        each.whole("searches", &mut self.searches)?;
        each.number("kappa", &mut self.kappa)?;
        each.whole("steps", &mut self.steps)?;
        each.number("lr", &mut self.lr)
    }
}

impl Attack for Cw {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn tags(&self) -> Vec<Tag> {
        vec![Norm::L2.tag()]
    }

    fn setting(&self) -> String {
        format!(
            "L2, the shortest move found by {} steps of Adam ({}) with {} values of c from {} on, \
             κ = {}",
            self.steps, self.lr, self.searches, self.c, self.kappa
        )
    }

    fn norm(&self) -> Norm {
        Norm::L2
    }

    fn objective(&self) -> Option<Objective> {
        Some(Objective::Margin)
    }

    fn effort(&self) -> Effort {
        Effort::Nearest
    }

    fn gradients_a_target(&self) -> usize {
        self.steps * self.searches
    }

    fn perturb(&self, model: &Model, clean: &Clean, _epsilon: f64) -> Result<Tensor> {
        let unknown = Tensor::f_full(
            [clean.inputs.size()[0]],
            f64::INFINITY,
            (Kind::Float, clean.inputs.device()),
        )?;
        let mut best =
            Best { moved: clean.inputs.shallow_clone(), distance: unknown.shallow_clone() };
        let mut c = unknown.f_full_like(self.c)?;
        let (mut failed, mut succeeded) = (unknown.f_zeros_like()?, unknown);
        for _ in 0..self.searches {
            let success = self.search(model, clean, &c, &mut best)?;
            succeeded = c.f_where_self(&success, &succeeded)?;
            failed = failed.f_where_self(&success, &c)?;
            let middle = failed.f_add(&succeeded)?.f_div_scalar(2.0)?;
            let bounded = succeeded.f_isfinite()?;
            c = middle.f_where_self(&bounded, &c.f_mul_scalar(10.0)?)?;
        }
        Ok(best.moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::tests::{attacked, images, keeps_the_rules, linear, values};

    #[test]
    fn keeps_the_rules_of_an_attack() {
        keeps_the_rules(&Cw { steps: 30, searches: 2, ..Cw::default() });
    }

    #[test]
    fn comes_as_near_to_a_plane_as_geometry_says() {
        // The boundary is x₀ = x₁: (0.7, 0.4) is 0.3/√2 away, (0.5, 0.45) is 0.05/√2 away.
        let model = linear(&[1.0, 0.0, 0.0, 1.0], 2);
        let inputs = images(&[0.7, 0.4, 0.5, 0.45], 2);
        let labels = Tensor::from_slice(&[0i64, 0]);
        let moved = attacked(&Cw::default(), &model, &inputs, &labels, 1.0, 0);
        let far = values(&Norm::L2.length(&(&moved - &inputs)).unwrap());
        for (found, lead) in far.iter().zip([0.3f32, 0.05]) {
            let least = lead / 2f32.sqrt();
            assert!(*found >= least - 1e-5 && *found < least + 0.01, "{found}, least {least}");
        }
        assert!(moved.shallow_clone().min().double_value(&[]) > 0.0);
    }
}
