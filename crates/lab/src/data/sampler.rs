//! What the engine draws from, and in which order.

use tch::Tensor;

use crate::Result;
use crate::random::Stream;

/// What one step sees.
#[derive(Debug)]
pub struct Batch {
    /// What the model takes: one tensor for images, several for graphs or sentences.
    pub inputs: Vec<Tensor>,
    /// The class of each example (or of each token), i64.
    pub targets: Tensor,
}

/// A part of a data set that batches are drawn from.
pub trait Source {
    /// How many examples.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The examples in `order`, `size` at a time, the last batch with what is left.
    ///
    /// # Errors
    /// What the source or libtorch refuses.
    fn batches(&self, order: &[usize], size: usize) -> Result<Vec<Batch>>;

    /// All examples as they lie, for measuring.
    ///
    /// # Errors
    /// As [`Source::batches`].
    fn in_order(&self, size: usize) -> Result<Vec<Batch>> {
        self.batches(&(0..self.len()).collect::<Vec<_>>(), size)
    }
}

/// The order of `examples` in `epoch`: a new one each epoch, the same for every loss of a seed.
pub fn order(examples: usize, seed: u64, epoch: usize) -> Vec<usize> {
    Stream::new(seed, "batches").part(epoch as u64).permutation(examples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_and_seed_has_its_own_order() {
        let first = order(100, 0, 1);
        assert_eq!(first, order(100, 0, 1));
        assert_ne!(first, order(100, 0, 2));
        assert_ne!(first, order(100, 1, 1));
    }
}
