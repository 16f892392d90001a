//! Large-margin softmax (Liu et al. 2016, eqs. 6 and 8; docs/derivations.md §8): while training,
//! the last layer makes the label's angle m times as wide. The mathematics is
//! [`steepness::LSoftmax`]'s; this brings it into the graph of a network.

use serde::{Deserialize, Serialize};
use steepness::{LSoftmax, LSoftmaxState};
use tch::{Kind, Tensor};

use crate::models::Linear;
use crate::{Error, Result, Validate};

/// `[l_softmax]`: large margins for a network whose last layer has no bias: MNISTNet, or another with
/// `unbiased_head`. It is measured without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LSoftmaxRecipe {
    /// m, from 1 (none) to 4.
    pub margin: u8,
}

impl Validate for LSoftmaxRecipe {
    fn validate(&self) -> Result<()> {
        match self.margin {
            1..=4 => Ok(()),
            margin => {
                Err(Error::Request(format!("l_softmax: margin = {margin} must be 1, 2, 3 or 4")))
            }
        }
    }
}

/// The margins of a training, with λ: how much of the plain logits is still mixed in.
#[derive(Debug)]
pub struct LargeMargin(LSoftmax);

impl LargeMargin {
    /// Margins for the last layer `head`.
    ///
    /// # Errors
    /// A layer with a bias, which has no angles.
    pub fn new(recipe: &LSoftmaxRecipe, head: &Linear) -> Result<Self> {
        if head.bias.is_some() {
            return Err(Error::Request(format!(
                "l_softmax: the last layer, {}, has a bias; it takes mnist-net, or a resnet or \
                 efficientnet-b0 with unbiased_head = true",
                head.name
            )));
        }
        let [classes, depth] = [0, 1].map(|at| head.weight.size()[at] as usize);
        Ok(Self(LSoftmax::new(recipe.margin, classes, depth)?))
    }

    /// λ of the next step: what a checkpoint must hold.
    pub fn lambda(&self) -> f64 {
        self.0.state().lambda
    }

    /// Goes on with what [`LargeMargin::lambda`] gave.
    pub fn set_lambda(&mut self, lambda: f64) {
        self.0.set_state(LSoftmaxState { lambda });
    }

    /// Calls `learn` with the logits f32 (N, classes) of the `features` (N, depth) and the `labels`
    /// i64 (N), and takes the gradient that it leaves there back to the features and the layer.
    ///
    /// # Errors
    /// Labels that are not below the classes; those of `learn`.
    pub fn step(
        &mut self,
        features: &Tensor,
        head: &Linear,
        labels: &Tensor,
        learn: impl FnOnce(&Tensor) -> Result<()>,
    ) -> Result<()> {
        let (inputs, weight) = (values(features)?, values(&head.weight)?);
        let labels: Vec<i64> = labels.try_into()?;
        let margined = self.0.forward(&inputs, &weight, &labels)?;
        let logits = Tensor::f_from_slice(&margined.logits)?;
        let logits = logits.f_reshape([labels.len() as i64, -1])?.f_set_requires_grad(true)?;
        learn(&logits)?;
        let (by_features, by_weight) = margined.backward(&values(&logits.f_grad()?)?)?;
        // The gradient of ⟨x, g⟩ with respect to x is g.
        let product = |x: &Tensor, gradient: &[f32]| {
            x.f_mul(&Tensor::f_from_slice(gradient)?.f_reshape(x.size())?)?.f_sum(Kind::Float)
        };
        let both = product(features, &by_features)?.f_add(&product(&head.weight, &by_weight)?)?;
        Ok(both.f_backward()?)
    }
}

/// The values of an f32 tensor, row by row.
fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::try_from(tensor.f_detach()?.f_flatten(0, -1)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Init, Mode, Weights};

    fn layer(weights: &mut Weights, bias: Option<Init>) -> Linear {
        Linear::with(weights, "head", [3, 4], Init::kaiming(3), bias).unwrap()
    }

    fn sum_of_squares(logits: &Tensor) -> Result<()> {
        Ok((logits * logits).sum(Kind::Float).f_backward()?)
    }

    /// The loss is Σz², for which a step along the gradients of features and layer has to change it
    /// by what they promise.
    #[test]
    fn gradients_reach_features_and_layer() {
        let head = layer(&mut Weights::new(3), None);
        let features = Init::Normal(1.0).values(crate::random::Stream::new(1, "x"), 15);
        let features = Tensor::from_slice(&features).reshape([5, 3]).set_requires_grad(true);
        let labels = Tensor::from_slice(&[0i64, 1, 2, 3, 0]);
        let loss = |features: &Tensor, head: &Linear| {
            let mut margin = LargeMargin::new(&LSoftmaxRecipe { margin: 2 }, head).unwrap();
            margin.set_lambda(0.5);
            let mut found = 0.0;
            let learn = |logits: &Tensor| {
                found = (logits * logits).sum(Kind::Double).double_value(&[]);
                sum_of_squares(logits)
            };
            margin.step(features, head, &labels, learn).unwrap();
            found
        };
        let before = loss(&features, &head);
        let (by_x, by_w) = (features.grad().copy(), head.weight.grad().copy());
        for (tensor, gradient) in [(&features, &by_x), (&head.weight, &by_w)] {
            let promised = (gradient * gradient).sum(Kind::Double).double_value(&[]);
            let small = 1e-3 / promised.sqrt();
            tch::no_grad(|| {
                let _ = tensor.shallow_clone().g_add_(&(gradient * small));
            });
            let found = (loss(&features, &head) - before) / small;
            assert!((found / promised - 1.0).abs() < 0.02, "{found} is not {promised}");
            tch::no_grad(|| {
                let _ = tensor.shallow_clone().g_sub_(&(gradient * small));
            });
        }
    }

    #[test]
    fn margin_1_is_the_layer_itself_and_lambda_goes_on() {
        let head = layer(&mut Weights::new(3), None);
        let features = Tensor::from_slice(&[0.1f32, -0.4, 2.0]).reshape([1, 3]);
        let labels = Tensor::from_slice(&[2i64]);
        let mut margin = LargeMargin::new(&LSoftmaxRecipe { margin: 1 }, &head).unwrap();
        let plain = head.forward(&features, Mode::Evaluate).unwrap();
        let learn = |logits: &Tensor| {
            assert!((logits - &plain).abs().max().double_value(&[]) < 1e-6);
            sum_of_squares(logits)
        };
        margin.step(&features, &head, &labels, learn).unwrap();
        assert_eq!(margin.lambda(), 99.0);
        let mut other = LargeMargin::new(&LSoftmaxRecipe { margin: 1 }, &head).unwrap();
        other.set_lambda(margin.lambda());
        other.step(&features, &head, &labels, sum_of_squares).unwrap();
        assert_eq!(other.lambda(), 98.01);
    }

    #[test]
    fn what_has_no_margin_is_refused() {
        let head = layer(&mut Weights::new(3), Some(Init::Constant(0.0)));
        let error = LargeMargin::new(&LSoftmaxRecipe { margin: 2 }, &head).unwrap_err();
        assert!(error.to_string().contains("the last layer, head, has a bias"), "{error}");
        let error = LSoftmaxRecipe { margin: 5 }.validate().unwrap_err();
        assert_eq!(error.to_string(), "l_softmax: margin = 5 must be 1, 2, 3 or 4");
    }
}
