//! Adversarial training (Goodfellow et al. 2015; Madry et al. 2018, eq. 2.1): what is learned from is
//! the batch as an attack on the model of this moment leaves it.

use tch::{Kind, Tensor};

use crate::attack::{AdversarialRecipe, Clean};
use crate::data::Batch;
use crate::models::{Mode, Model};
use crate::{Error, Result};

/// The inputs of `batch` after the attack, on the model as it is in evaluation. `first` is the
/// number of the first of them among all that the training sees, and decides with `seed` what is
/// drawn: a training that is resumed draws the same.
///
/// # Errors
/// Inputs that are not images in \[0, 1\]; what the attack refuses.
pub fn moved(
    recipe: &AdversarialRecipe,
    model: &dyn Model,
    batch: &Batch,
    seed: u64,
    first: u64,
) -> Result<Vec<Tensor>> {
    let [inputs] = &batch.inputs[..] else {
        return Err(Error::Request("adversarial training is for images".to_owned()));
    };
    let [low, high] = [inputs.f_min()?, inputs.f_max()?].map(|x| x.double_value(&[]));
    if inputs.dim() != 4 || inputs.f_kind()? != Kind::Float || !(low >= 0.0 && high <= 1.0) {
        return Err(Error::Request(format!(
            "adversarial training needs images in pixel units, 0 to 1, not {:?} from {low} to \
             {high}",
            inputs.size()
        )));
    }
    let numbers: Vec<usize> = (first as usize..).take(batch.len()).collect();
    let forward = |inputs: &Tensor| model.forward(&[inputs.shallow_clone()], Mode::Evaluate);
    let clean = Clean { inputs, labels: &batch.labels()?, numbers: &numbers, seed };
    Ok(vec![recipe.attack.attack().perturb(&forward, &clean, recipe.epsilon)?])
}
