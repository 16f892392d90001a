//! What enters the first layer: √width · the vector of each token + that of its place.

use tch::Tensor;

use super::TransformerRecipe;
use crate::Result;
use crate::models::Mode;
use crate::models::layers::{BitDropout, Embedding, positions};

/// The step.
#[derive(Debug)]
pub struct Tokens {
    embedding: Embedding,
    dropout: BitDropout,
}

impl Tokens {
    /// With the table `embedding`, for the `side` of the network.
    pub fn new(embedding: Embedding, side: &str, recipe: &TransformerRecipe) -> Self {
        Self { embedding, dropout: BitDropout::new(&format!("{side}.embedding"), recipe.dropout) }
    }

    /// Tokens i64 (B, T), whose first place is the one numbered `start`, → f32 (B, T, width).
    ///
    /// Padding follows all tokens and is never attended to, so that its places need no zeros.
    ///
    /// # Errors
    /// A token that the table does not have.
    pub fn forward(&self, tokens: &Tensor, start: usize, mode: Mode) -> Result<Tensor> {
        let width = self.embedding.weight.size()[1];
        let length = tokens.size2()?.1 as usize;
        let places = positions(start, length, width as usize)?.f_to(tokens.device())?;
        let vectors = self.embedding.forward(tokens)?.f_mul_scalar((width as f64).sqrt())?;
        self.dropout.forward(vectors.f_add(&places)?, mode)
    }
}
