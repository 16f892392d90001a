//! The networks: one file each.
//!
//! A model is its weights, as named tensors in a fixed order, and a forward pass. A new one is a new
//! file, a variant of [`ModelRecipe`] and a line in [`build`].

mod cnn;
mod layers;
mod mlp;
mod weights;

pub use cnn::CnnRecipe;
pub use mlp::MlpRecipe;
pub use weights::Weights;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::Result;
use crate::data::Examples;

/// A network that maps inputs to logits.
pub trait Model {
    /// Logits f32 (N, classes) of a batch's inputs; `train` switches what differs while training.
    ///
    /// # Errors
    /// What libtorch refuses, such as inputs of another shape.
    fn forward(&self, inputs: &[Tensor], train: bool) -> Result<Tensor>;

    /// Its weights, shared with the layers: a change here is a change of the model.
    fn weights(&self) -> &Weights;
}

/// Which network a recipe asks for: `[model.cnn]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModelRecipe {
    /// Two convolutions and a linear layer.
    Cnn(CnnRecipe),
    /// One hidden layer.
    Mlp(MlpRecipe),
}

/// Builds the network for images like `train`, with the initial weights of `seed`.
///
/// # Errors
/// Sizes that make no network.
pub fn build(recipe: &ModelRecipe, train: &Examples, seed: u64) -> Result<Box<dyn Model>> {
    let weights = Weights::new(seed);
    Ok(match recipe {
        ModelRecipe::Cnn(recipe) => Box::new(cnn::Cnn::new(recipe, train, weights)?),
        ModelRecipe::Mlp(recipe) => Box::new(mlp::Mlp::new(recipe, train, weights)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataRecipe, Fractions, load};

    fn digits() -> Examples {
        let shares = Fractions { validation: 0.2, test: 0.2 };
        load(&DataRecipe::Digits(shares)).unwrap().examples
    }

    #[test]
    fn equal_seeds_make_equal_networks_and_others_do_not() {
        let digits = digits();
        let source = digits.select(&[0, 1, 2]).source().unwrap();
        let batch = source.in_order(3).unwrap().next().unwrap().unwrap();
        let cnn = ModelRecipe::Cnn(CnnRecipe { channels: [4, 8] });
        let mlp = ModelRecipe::Mlp(MlpRecipe { hidden: 16 });
        for recipe in [cnn, mlp] {
            let logits = |seed| -> Vec<f32> {
                let model = build(&recipe, &digits, seed).unwrap();
                let logits = model.forward(&batch.inputs, false).unwrap();
                assert_eq!(logits.size(), [3, 10]);
                logits.flatten(0, -1).try_into().unwrap()
            };
            assert_eq!(logits(1), logits(1));
            assert_ne!(logits(1), logits(2));
        }
    }

    #[test]
    fn senseless_sizes_are_refused() {
        let digits = digits();
        let refused = |recipe| build(&recipe, &digits, 0).err().unwrap().exit_code() == 2;
        assert!(refused(ModelRecipe::Cnn(CnnRecipe { channels: [0, 8] })));
        assert!(refused(ModelRecipe::Mlp(MlpRecipe { hidden: 0 })));
        assert!(refused(ModelRecipe::Mlp(MlpRecipe { hidden: 1 << 40 })));
    }
}
