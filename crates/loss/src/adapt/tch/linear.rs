//! The last linear layer and its loss in one, on tensors of libtorch.

use super::{
    attach, computing_kind, element_type, elements, elements_mut, grad_enabled, shape, with_element,
};
use crate::criterion::{Criterion, Outcome, Reduction};
use crate::element::Element;
use crate::error::{Error, Result, refuse};
use crate::linear::{Linear, LinearGradients};
use crate::rows::Targets;
use tch::{Kind, Tensor};

impl Criterion {
    /// The loss of the logits `features`·`weight`ᵀ + `bias`, as a tensor on which to call `backward`,
    /// and the by-products of every row; the logits never are in memory all at once.
    ///
    /// `features` are f32, f64, bf16 or f16 of shape (N, D), `weight` is (C, D) and `bias` (C), both
    /// f32, or f64 for features of f64; `targets` are int64 (N), or weights (N, C). The gradients of
    /// all three are computed along with the loss, as far as they are required; where none is, running
    /// means do not move. See [`Criterion::linear_forward_backward`].
    ///
    /// # Errors
    /// As [`Criterion::linear_forward_backward`]; tensors of another kind, or not on the CPU; and
    /// [`Reduction::None`], for a gradient of the weight belongs to all rows.
    ///
    /// ```
    /// use steepness::Loss;
    /// use tch::{Kind, Tensor};
    /// let mut criterion = "el(le=0.75)".parse::<Loss>()?.criterion(5)?;
    /// let features = Tensor::ones([2, 3], (Kind::Float, tch::Device::Cpu));
    /// let weight = Tensor::zeros([5, 3], (Kind::Float, tch::Device::Cpu)).set_requires_grad(true);
    /// let targets = Tensor::from_slice(&[4i64, 4]);
    /// let (loss, outcome) = criterion.linear_forward_tch(&features, &weight, None, &targets)?;
    /// loss.backward();
    /// assert_eq!(outcome.rows.len(), 2);
    /// // The label's weight is pulled along the features, by the steepness.
    /// let pull = -weight.grad().double_value(&[4, 0]);
    /// assert!((pull - outcome.rows[0].steepness).abs() < 1e-6);
    /// # Ok::<(), steepness::Error>(())
    /// ```
    pub fn linear_forward_tch(
        &mut self,
        features: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        targets: &Tensor,
    ) -> Result<(Tensor, Outcome)> {
        let given = LayerInputs { features, weight, bias, targets };
        let element_type = element_type("features", features)?;
        with_element!(element_type, E => self.typed_linear::<E>(&given))
    }

    fn typed_linear<E: Element>(&mut self, given: &LayerInputs) -> Result<(Tensor, Outcome)> {
        if self.reduction() == Reduction::None {
            return refuse("reduction", "must be the mean or the sum where a layer is fused");
        }
        let depth = given.validate(self.classes())?;
        let (real, soft) = (given.real(), given.soft());
        let inputs: Vec<&Tensor> =
            [given.features, given.weight].into_iter().chain(given.bias).collect();
        let plain: Vec<Tensor> = inputs.iter().map(|input| input.detach().contiguous()).collect();
        let targets = given.targets.detach();
        let targets = if soft { targets.to_kind(real) } else { targets }.contiguous();
        // SAFETY: each tensor is contiguous, on the CPU (or refused), of the element type asked for,
        // and lives to the end of this function.
        let (layer, targets) = unsafe {
            let layer = Linear {
                features: elements::<E>(&plain[0])?,
                weight: elements::<E::Real>(&plain[1])?,
                bias: plain.get(2).map(|bias| elements::<E::Real>(bias)).transpose()?,
                depth,
            };
            let targets = match soft {
                true => Targets::Soft(elements::<E::Real>(&targets)?),
                false => Targets::Hard(elements::<i64>(&targets)?),
            };
            (layer, targets)
        };
        let value = |outcome: &Outcome| Tensor::from(outcome.loss).to_kind(real);
        let wanted = |input: &&Tensor| grad_enabled() && input.requires_grad();
        if !inputs.iter().any(wanted) {
            let outcome = self.linear_forward(layer, targets)?;
            return Ok((value(&outcome), outcome));
        }
        let gradients = inputs.iter().zip(&plain);
        let gradients: Vec<Option<Tensor>> =
            gradients.map(|(input, plain)| wanted(input).then(|| plain.empty_like())).collect();
        let outcome = {
            let of = |at: usize| gradients.get(at).and_then(Option::as_ref);
            // SAFETY: as above; the gradients are new, so nothing else refers to them.
            let into = unsafe {
                LinearGradients {
                    features: of(0).map(|gradient| elements_mut::<E>(gradient)).transpose()?,
                    weight: of(1).map(|gradient| elements_mut::<E::Real>(gradient)).transpose()?,
                    bias: of(2).map(|gradient| elements_mut::<E::Real>(gradient)).transpose()?,
                }
            };
            self.linear_forward_backward(layer, targets, into)?
        };
        let inputs: Vec<_> = inputs.into_iter().zip(gradients.iter().map(Option::as_ref)).collect();
        // There is a single value, so it matters not where classes would be.
        Ok((attach(&inputs, &value(&outcome), 1)?, outcome))
    }
}

/// A layer and the targets of what it gives.
struct LayerInputs<'a> {
    features: &'a Tensor,
    weight: &'a Tensor,
    bias: Option<&'a Tensor>,
    targets: &'a Tensor,
}

impl LayerInputs<'_> {
    /// What weight and bias are in.
    fn real(&self) -> Kind {
        computing_kind(self.features)
    }

    /// Whether the targets are weights.
    fn soft(&self) -> bool {
        self.targets.kind() != Kind::Int64
    }

    /// D, if everything fits.
    fn validate(&self, classes: usize) -> Result<usize> {
        let (found, real) = (shape(self.features), self.real());
        let [rows, depth] = found[..] else {
            return Err(Error::Shape(format!("features of shape {found:?}: expected (N, D)")));
        };
        let of_targets = if self.soft() { vec![rows, classes] } else { vec![rows] };
        let others = [
            ("weight", Some(self.weight), vec![classes, depth]),
            ("bias", self.bias, vec![classes]),
            ("targets", Some(self.targets), of_targets),
        ];
        for (name, tensor, expected) in others {
            let Some(tensor) = tensor else { continue };
            if shape(tensor) != expected {
                return Err(Error::Shape(format!(
                    "{name} of shape {:?}, not {expected:?}, for features of shape {found:?} and \
                     {classes} classes",
                    shape(tensor)
                )));
            }
            if name != "targets" && tensor.kind() != real {
                let features = self.features.kind();
                return Err(Error::ElementType {
                    tensor: name,
                    found: format!("{:?}", tensor.kind()),
                    expected: format!("{real:?} for features of type {features:?}"),
                });
            }
        }
        Ok(depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loss;

    fn criterion(spec: &str) -> Criterion {
        spec.parse::<Loss>().unwrap().criterion(4).unwrap()
    }

    fn draws(shape: &[i64], kind: Kind) -> Tensor {
        let count: i64 = shape.iter().product();
        let draws: Vec<f64> = (0..count).map(|i| (i as f64 * 1.7 + count as f64).sin()).collect();
        Tensor::from_slice(&draws).view(shape).to_kind(kind).set_requires_grad(true)
    }

    fn gap(a: &Tensor, b: &Tensor) -> f64 {
        (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
    }

    /// Value and gradients are those of libtorch's layer followed by the loss, behind a layer and
    /// beside another term that share the weight, with a factor on top.
    #[test]
    fn it_is_the_layer_and_the_loss() {
        let hard = Tensor::from_slice(&[3i64, 0, -100, 1, 3]);
        let soft = draws(&[5, 4], Kind::Double).detach().softmax(-1, Kind::Double);
        let specs =
            ["ce + smooth(0.1)", "el(le=0.5)", "focal(gamma=2)", "el(le=1, clamp=0) + match"];
        let cases = specs.map(|spec| (spec, &hard)).into_iter().chain([("ce", &soft)]);
        for ((spec, targets), with_bias) in cases.flat_map(|case| [(case, true), (case, false)]) {
            let [fused, plain] = [true, false].map(|fused| {
                let (x, w) = (draws(&[5, 3], Kind::Double), draws(&[4, 3], Kind::Double));
                let b = with_bias.then(|| draws(&[4], Kind::Double));
                let (features, mut criterion) = (x.tanh(), criterion(spec));
                let loss = match fused {
                    true => {
                        criterion.linear_forward_tch(&features, &w, b.as_ref(), targets).unwrap().0
                    }
                    false => {
                        criterion.forward_tch(&features.linear(&w, b.as_ref()), targets).unwrap()
                    }
                };
                (&loss * 3.0 + w.square().sum(Kind::Double)).backward();
                let bias = b.map_or_else(|| Tensor::from(0.0), |b| b.grad());
                [loss.detach(), x.grad(), w.grad(), bias]
            });
            for (fused, plain) in fused.iter().zip(&plain) {
                assert!(gap(fused, plain) < 1e-12, "{spec} {targets} bias {with_bias}");
            }
        }
    }

    #[test]
    fn half_precision_and_what_is_not_wanted() {
        let targets = Tensor::from_slice(&[3i64, 0]);
        for (kind, tolerance) in [(Kind::Float, 1e-6), (Kind::BFloat16, 4e-3), (Kind::Half, 1e-3)] {
            let x = draws(&[2, 3], kind);
            let w = draws(&[4, 3], Kind::Float).detach();
            let (loss, _) = criterion("ce").linear_forward_tch(&x, &w, None, &targets).unwrap();
            assert_eq!(loss.kind(), Kind::Float);
            loss.backward();
            assert!(!w.grad().defined() && x.grad().kind() == kind);
            let y = x.detach().to_kind(Kind::Float).set_requires_grad(true);
            let logits = y.linear(&w, None::<Tensor>);
            criterion("ce").forward_tch(&logits, &targets).unwrap().backward();
            assert!(gap(&x.grad(), &y.grad()) < tolerance, "{kind:?}");
        }
        let (x, w) = (draws(&[2, 3], Kind::Float), draws(&[4, 3], Kind::Float));
        let mut matched = criterion("el(le=1) + match");
        let found = tch::no_grad(|| matched.linear_forward_tch(&x, &w, None, &targets)).unwrap();
        assert!(!found.0.requires_grad() && matched.state().norms.is_none());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (x, w) = (draws(&[2, 3], Kind::Float), draws(&[4, 3], Kind::Float));
        let y = Tensor::from_slice(&[3i64, 0]);
        let message = |x: &Tensor, w: &Tensor, b: Option<&Tensor>, y: &Tensor| {
            criterion("ce").linear_forward_tch(x, w, b, y).unwrap_err().to_string()
        };
        let short = message(&x, &w, None, &Tensor::from_slice(&[3i64]));
        assert!(short.contains("targets of shape [1], not [2]"), "{short}");
        let wide = message(&x, &draws(&[4, 5], Kind::Float), None, &y);
        assert!(wide.contains("weight of shape [4, 5], not [4, 3]"), "{wide}");
        let other = message(&x, &draws(&[6, 3], Kind::Float), None, &y);
        assert!(other.contains("weight of shape [6, 3], not [4, 3]"), "{other}");
        let bias = message(&x, &w, Some(&draws(&[3], Kind::Float)), &y);
        assert!(bias.contains("bias of shape [3], not [4]"), "{bias}");
        let double = message(&x, &draws(&[4, 3], Kind::Double), None, &y);
        assert!(double.contains("weight of type Double: expected Float"), "{double}");
        assert!(message(&draws(&[3], Kind::Float), &w, None, &y).contains("features of shape [3]"));
        assert!(message(&x.to_kind(Kind::Int), &w, None, &y).contains("features of type Int"));
        let high = message(&x, &w, None, &Tensor::from_slice(&[3i64, 4]));
        assert!(high.contains("target 4 in row 1"), "{high}");
        let mut rows = criterion("ce").with_reduction(Reduction::None);
        let error = rows.linear_forward_tch(&x, &w, None, &y).unwrap_err().to_string();
        assert!(error.contains("the mean or the sum"), "{error}");
        let nan = (&x * f64::NAN).detach();
        assert!(message(&nan, &w, None, &y).contains("row 0, column 0 is NaN"));
    }
}
