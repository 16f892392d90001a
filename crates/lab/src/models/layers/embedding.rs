//! A vector for each token.

use tch::{Tensor, no_grad};

use crate::Result;
use crate::models::{Init, Weights};

/// The layer: a table.
#[derive(Debug)]
pub struct Embedding {
    /// What its weights are named after.
    pub name: String,
    /// f32 (tokens, width)
    pub weight: Tensor,
    /// The token that stands for nothing: its vector starts as 0, and learns nothing here.
    padding: i64,
}

impl Embedding {
    /// Draws vectors from N(0, 1/width), as fairseq does; that of `padding` is 0.
    pub fn new(
        weights: &mut Weights,
        name: &str,
        [tokens, width]: [usize; 2],
        padding: i64,
    ) -> Result<Self> {
        let init = Init::Normal(1.0 / (width as f64).sqrt());
        let weight = weights.parameter(format!("{name}.weight"), &[tokens, width], init)?;
        let _ = no_grad(|| weight.f_select(0, padding)?.f_zero_())?;
        Ok(Self { name: name.to_owned(), weight, padding })
    }

    /// The same table once more.
    pub fn share(&self) -> Self {
        let Self { name, weight, padding } = self;
        Self { name: name.clone(), weight: weight.shallow_clone(), padding: *padding }
    }

    /// Tokens i64 (…) → their vectors, f32 (…, width).
    ///
    /// # Errors
    /// A token that the table does not have.
    pub fn forward(&self, tokens: &Tensor) -> Result<Tensor> {
        Ok(Tensor::f_embedding(&self.weight, tokens, self.padding, false, false)?)
    }
}
