//! A linear classifier: what is learned on features that another network has made, and logistic
//! regression on everything else.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::layers::{Linear, Normalise};
use super::{Mode, Model, Network, Weights};
use crate::data::{InputKind, InputSpec};
use crate::{Result, Validate};

/// It has no sizes to choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearRecipe {}

impl Validate for LinearRecipe {}

impl Network for LinearRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Images, InputKind::Rows];

    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        Ok(Box::new(LinearClassifier::new(input, weights)?))
    }
}

/// The network: its features are the numbers themselves, each of mean 0 and standard deviation 1.
#[derive(Debug)]
pub struct LinearClassifier {
    normalise: Normalise,
    head: Linear,
    weights: Weights,
}

impl LinearClassifier {
    /// Draws it for such images or rows.
    pub fn new(input: &InputSpec, mut weights: Weights) -> Result<Self> {
        let normalise = Normalise::new(&mut weights, input)?;
        let head = Linear::new(&mut weights, "head", input.shape.values(), input.classes)?;
        Ok(Self { normalise, head, weights })
    }
}

impl Model for LinearClassifier {
    fn features(&self, inputs: &[Tensor], _: Mode) -> Result<Tensor> {
        Ok(self.normalise.forward(&inputs[0])?.f_flatten(1, -1)?)
    }

    fn head(&self) -> &Linear {
        &self.head
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::spec;
    use super::super::{ModelRecipe, build};
    use super::*;
    use crate::data::Shape;

    #[test]
    fn its_features_are_what_it_sees() {
        let recipe: ModelRecipe = toml::from_str("[linear]").unwrap();
        let moments = vec![(1.0, 2.0), (0.0, 1.0), (5.0, 0.0)];
        let input = InputSpec { moments, ..spec(Shape::Row(3), 2) };
        let model = build(&recipe, &input, 0).unwrap();
        let x = [Tensor::from_slice(&[3f32, 4.0, 5.0]).reshape([1, 3])];
        let features = model.features(&x, Mode::Evaluate).unwrap();
        // A number that is always the same becomes 0.
        assert_eq!(Vec::<f32>::try_from(features.flatten(0, -1)).unwrap(), [1.0, 4.0, 0.0]);
        let logits = model.forward(&x, Mode::Evaluate).unwrap();
        assert_eq!((logits.size(), model.weights().named().count()), (vec![1, 2], 4));
        let image = build(&recipe, &spec(Shape::Image([1, 2, 2]), 3), 0).unwrap();
        assert_eq!(image.head().weight.size(), [3, 4]);
    }
}
