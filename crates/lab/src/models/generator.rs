//! [`Generator`]: a model that writes sequences, one token after the other.

use tch::Tensor;

use super::Model;
use crate::Result;

/// A model that translates: it reads a source, and says of each token of a hypothesis what may follow.
pub trait Generator: Model {
    /// Reads sources i64 (B, S), each its tokens, `</s>` and padding; what [`Generation::step`] goes
    /// on from.
    ///
    /// # Errors
    /// What libtorch refuses, such as tokens beyond the vocabulary.
    fn begin(&self, source: &Tensor) -> Result<Box<dyn Generation + '_>>;
}

/// Hypotheses for B sources, k of each, that grow by a token at each step.
pub trait Generation {
    /// The next token of each hypothesis, i64 (B·k), → logits f32 (B·k, vocabulary) of the one after
    /// it.
    ///
    /// # Errors
    /// As [`Generator::begin`].
    fn step(&mut self, tokens: &Tensor) -> Result<Tensor>;

    /// Goes on with the sentences `kept` of the B, and of their hypotheses with `rows` of the B·k: any
    /// of them any number of times, sentence by sentence, as many for each.
    ///
    /// # Errors
    /// A sentence or a row that there is not.
    fn keep(&mut self, kept: &[i64], rows: &[i64]) -> Result<()>;
}
