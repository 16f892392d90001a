//! DeepFool (Moosavi-Dezfooli et al. 2016, algorithm 2): again and again the shortest move to the
//! nearest of the planes that the boundaries to the other classes seem to be.
//!
//! As in torchattacks and Foolbox each move overshoots and is then brought back into \[0, 1\]. Where many
//! pixels end there, that undoes the overshoot: the moves come to rest on the boundary itself, and
//! rounding decides on which side. CW has no such resting place.

use tch::{Kind, Tensor};

use super::settings::{NORM, Settings};
use super::spec::Configurable;
use super::{Attack, Clean, Effort, Model, Norm, Objective, Tag, positions, wrong};
use crate::Result;
use crate::card::{Card, Parameter, Range};

pub(super) static CARD: Card = Card {
    name: "deepfool",
    title: "DeepFool",
    what: "again and again the shortest move to the nearest plane that a boundary seems to be",
    source: "Moosavi-Dezfooli et al. 2016, algorithm 2",
    parameters: &[
        Parameter { default: Some("l2"), ..NORM },
        Parameter {
            name: "steps",
            default: Some("50"),
            range: Range::AtLeast(1.0),
            what: "at most so many moves",
        },
        Parameter {
            name: "overshoot",
            default: Some("0.02"),
            range: Range::AtLeast(0.0),
            what: "by which share each goes further than the plane",
        },
    ],
    example: "deepfool(norm=linf)",
};

/// The attack and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct DeepFool {
    /// In which norm a move is short.
    pub norm: Norm,
    /// At most so many moves.
    pub steps: usize,
    /// By which share each goes further than the plane.
    pub overshoot: f64,
}

impl Default for DeepFool {
    fn default() -> Self {
        Self { norm: Norm::L2, steps: 50, overshoot: 0.02 }
    }
}

/// Logits (n, classes) and the gradient of each, (classes, n, C·H·W).
fn jacobian(model: &Model, inputs: &Tensor) -> Result<(Tensor, Tensor)> {
    tch::with_grad(|| {
        let inputs = inputs.f_detach()?.f_set_requires_grad(true)?;
        let logits = model(&inputs)?;
        let sums = logits.f_sum_dim_intlist([0i64].as_slice(), false, None)?;
        let classes = sums.size()[0];
        let rows = (0..classes).map(|class| -> Result<Tensor> {
            let sum = [sums.f_get(class)?];
            let gradient = Tensor::f_run_backward(&sum, &[&inputs], class + 1 < classes, false)?;
            Ok(gradient[0].f_flatten(1, -1)?)
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        Ok((logits.f_detach()?, Tensor::f_stack(&rows, 0)?))
    })
}

impl DeepFool {
    /// The move of each to its nearest plane, (n, C·H·W).
    fn shortest(&self, logits: &Tensor, jacobian: &Tensor, labels: &Tensor) -> Result<Tensor> {
        let column = labels.f_unsqueeze(1)?;
        let of_label = logits.f_gather(1, &column, false)?;
        // Between the label and each class: how far apart (n, classes), and how steeply.
        let apart = of_label.f_sub(logits)?.f_transpose(0, 1)?;
        let index = labels.f_view([1, -1, 1])?.f_expand([1, -1, jacobian.size()[2]], false)?;
        let steep = jacobian.f_sub(&jacobian.f_gather(0, &index, false)?)?;
        // The dual norm, for each class and example.
        let dual = match self.norm {
            Norm::L2 => {
                steep.f_square()?.f_sum_dim_intlist([2i64].as_slice(), false, None)?.f_sqrt()
            }
            Norm::Linf => steep.f_abs()?.f_sum_dim_intlist([2i64].as_slice(), false, None),
        }?;
        let far = apart.f_abs()?.f_div(&dual)?;
        let far = far.f_masked_fill(&dual.f_eq(0.0)?, f64::INFINITY)?;
        let far = far.f_scatter_value(0, &labels.f_unsqueeze(0)?, f64::INFINITY)?;
        let (far, nearest) = far.f_min_dim(0, false)?;
        let index = nearest.f_view([1, -1, 1])?.f_expand([1, -1, steep.size()[2]], false)?;
        let steep = steep.f_gather(0, &index, false)?.f_squeeze_dim(0)?;
        let still = far.f_isinf()?;
        let far = far.f_masked_fill(&still, 0.0)?.f_unsqueeze(1)?;
        let direction = self.norm.steepest(&steep, 0.0)?;
        Ok(direction.f_mul(&far.f_mul_scalar(1.0 + self.overshoot)?)?)
    }
}

impl Configurable for DeepFool {
    fn settings(&mut self, each: &mut Settings) -> Result<()> {
        each.norm(&mut self.norm)?;
        each.whole("steps", &mut self.steps)?;
        each.number("overshoot", &mut self.overshoot)
    }
}

impl Attack for DeepFool {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn tags(&self) -> Vec<Tag> {
        vec![self.norm.tag()]
    }

    fn setting(&self) -> String {
        format!(
            "{}, at most {} moves to the nearest plane that a boundary seems to be, each {} further",
            self.norm, self.steps, self.overshoot
        )
    }

    fn norm(&self) -> Norm {
        self.norm
    }

    fn objective(&self) -> Option<Objective> {
        Some(Objective::Margin)
    }

    fn effort(&self) -> Effort {
        Effort::Nearest
    }

    fn gradients_a_target(&self) -> usize {
        // A forward pass and ten backward, three moves mostly.
        20
    }

    fn perturb(&self, model: &Model, clean: &Clean, _epsilon: f64) -> Result<Tensor> {
        let moved = clean.inputs.copy();
        let mut at = Tensor::f_arange(moved.size()[0], (Kind::Int64, moved.device()))?;
        for _ in 0..self.steps {
            let inputs = moved.f_index_select(0, &at)?;
            let labels = clean.labels.f_index_select(0, &at)?;
            let (logits, jacobian) = jacobian(model, &inputs)?;
            let standing = positions(&wrong(&logits, &labels)?.f_logical_not()?)?;
            if standing.numel() == 0 {
                break;
            }
            let kept = |tensor: &Tensor, dim| tensor.f_index_select(dim, &standing);
            let (inputs, labels) = (kept(&inputs, 0)?, kept(&labels, 0)?);
            let shortest = self.shortest(&kept(&logits, 0)?, &kept(&jacobian, 1)?, &labels)?;
            let next = inputs.f_add(&shortest.f_view_as(&inputs)?)?.f_clamp(0.0, 1.0)?;
            at = kept(&at, 0)?;
            let _ = moved.shallow_clone().f_index_copy_(0, &at, &next)?;
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::tests::{attacked, images, keeps_the_rules, linear, values};

    #[test]
    fn keeps_the_rules_of_an_attack() {
        keeps_the_rules(&DeepFool::default());
        keeps_the_rules(&DeepFool { norm: Norm::Linf, ..DeepFool::default() });
    }

    #[test]
    fn goes_straight_to_the_plane_of_a_linear_model() {
        // z₀ − z₁ = 2x₀ − x₁, at (0.5, 0.4) 0.6: 0.6/√5 away in L2, 0.6/3 in L∞.
        let model = linear(&[2.0, 0.0, 0.0, 1.0], 2);
        let inputs = images(&[0.5, 0.4], 2);
        let labels = Tensor::from_slice(&[0i64]);
        for (norm, least) in [(Norm::L2, 0.6 / 5f32.sqrt()), (Norm::Linf, 0.2)] {
            let attack = DeepFool { norm, ..DeepFool::default() };
            let moved = attacked(&attack, &model, &inputs, &labels, 0.0, 0);
            let far = values(&norm.length(&(&moved - &inputs)).unwrap())[0];
            assert!((far / least - 1.02).abs() < 1e-3, "{norm}: {far}");
            assert!(wrong(&model(&moved).unwrap(), &labels).unwrap().int64_value(&[0]) == 1);
        }
    }

    #[test]
    fn what_has_no_gradient_stays() {
        let flat = linear(&[0.0; 4], 2);
        let model = move |inputs: &Tensor| Ok(flat(inputs)? + Tensor::from_slice(&[1.0f32, 0.0]));
        let inputs = images(&[0.5, 0.4], 2);
        let labels = Tensor::from_slice(&[0i64]);
        let moved = attacked(&DeepFool::default(), &model, &inputs, &labels, 0.0, 0);
        assert_eq!(values(&moved), [0.5, 0.4]);
    }
}
