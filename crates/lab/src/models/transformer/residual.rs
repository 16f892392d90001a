//! What surrounds each layer: dropout, the sum with what came in, and normalisation.

use tch::{Kind, Tensor};

use super::{NormPlace, TransformerRecipe};
use crate::Result;
use crate::models::layers::{BitDropout, LayerNorm};
use crate::models::{Mode, Weights};

/// Around a layer f: LN(x + dropout(f(x))), or x + dropout(f(LN(x))). The sum and the normalisation are
/// computed in f32.
#[derive(Debug)]
pub struct Residual {
    norm: LayerNorm,
    place: NormPlace,
    dropout: BitDropout,
}

impl Residual {
    /// Around the layer `name`.
    pub fn new(weights: &mut Weights, name: &str, recipe: &TransformerRecipe) -> Result<Self> {
        let norm = LayerNorm::new(weights, &format!("{name}.norm"), recipe.width)?;
        Ok(Self { norm, place: recipe.norm, dropout: BitDropout::new(name, recipe.dropout) })
    }

    /// f32 (B, T, width) → the same. The `layer` is given its input in the numbers of `mode`.
    pub fn forward(
        &self,
        x: &Tensor,
        mode: Mode,
        layer: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let added = match self.place {
            NormPlace::Post => layer(&mode.cast(x)?)?,
            NormPlace::Pre => layer(&mode.cast(&self.norm.forward(x)?)?)?,
        };
        let sum = self.dropout.add(x, &added.f_to_kind(Kind::Float)?, mode)?;
        match self.place {
            NormPlace::Post => self.norm.forward(&sum),
            NormPlace::Pre => Ok(sum),
        }
    }
}

/// What follows the last layer of a `side` whose layers normalise what they see: nothing has normalised
/// their last output.
pub fn after_layers(
    weights: &mut Weights,
    side: &str,
    recipe: &TransformerRecipe,
) -> Result<Option<LayerNorm>> {
    match recipe.norm {
        NormPlace::Post => Ok(None),
        NormPlace::Pre => LayerNorm::new(weights, &format!("{side}.norm"), recipe.width).map(Some),
    }
}
