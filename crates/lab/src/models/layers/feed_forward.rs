//! Two linear layers with ReLU between them, the same for every place of a sentence.

use tch::Tensor;

use super::{BitDropout, Linear};
use crate::Result;
use crate::models::{Mode, Weights};

/// The layer.
#[derive(Debug)]
pub struct FeedForward {
    widen: Linear,
    dropout: BitDropout,
    narrow: Linear,
}

impl FeedForward {
    /// Draws `width` → `hidden` → `width` as PyTorch does by default, and leaves out a share `dropout`
    /// of the hidden units.
    pub fn new(
        weights: &mut Weights,
        name: &str,
        [width, hidden]: [usize; 2],
        dropout: f64,
    ) -> Result<Self> {
        let widen = Linear::new(weights, &format!("{name}.widen"), width, hidden)?;
        let narrow = Linear::new(weights, &format!("{name}.narrow"), hidden, width)?;
        Ok(Self { widen, dropout: BitDropout::new(&format!("{name}.widen"), dropout), narrow })
    }

    /// (…, width) → the same, in the numbers of `mode`.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let hidden = self.widen.forward(x, mode)?.f_relu_()?;
        self.narrow.forward(&self.dropout.forward(hidden, mode)?, mode)
    }
}
