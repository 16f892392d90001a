//! What the engine draws from, and in which order.

use std::collections::HashMap;

use tch::{Device, Kind, Tensor};

use crate::Result;
use crate::random::Stream;

/// What one step sees.
#[derive(Debug)]
pub struct Batch {
    /// What the model takes: one tensor for images, several for graphs or sentences.
    pub inputs: Vec<Tensor>,
    /// The class of each example (or of each token), i64; where examples are mixed, the share of
    /// each class, f32 (N, classes).
    pub targets: Tensor,
}

impl Batch {
    /// How many examples.
    pub fn len(&self) -> usize {
        self.targets.size().first().map_or(0, |&examples| examples as usize)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same on `device`.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn to(&self, device: Device) -> Result<Self> {
        let inputs = self.inputs.iter().map(|input| input.f_to(device));
        Ok(Self {
            inputs: inputs.collect::<std::result::Result<_, _>>()?,
            targets: self.targets.f_to(device)?,
        })
    }

    /// The class of each example, i64; where examples are mixed, the one with the largest share.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn labels(&self) -> Result<Tensor> {
        Ok(match self.targets.f_kind()? {
            Kind::Int64 => self.targets.shallow_clone(),
            _ => self.targets.f_argmax(-1, false)?,
        })
    }
}

/// Which examples, in which order. Whatever is drawn at random for an example of a batch is a function
/// of the seed, `epoch`, its row and how often the row came before: it does not depend on threads, and
/// a resumed run draws it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// From 1 in training; 0 for measuring.
    pub epoch: usize,
    /// Rows of the source.
    pub rows: Vec<usize>,
    /// How often each of them came before in this epoch.
    pub repeats: Vec<u32>,
}

impl Order {
    /// `rows` from the beginning of `epoch`.
    pub fn new(epoch: usize, rows: Vec<usize>) -> Self {
        let mut seen = HashMap::with_capacity(rows.len());
        let mut count = |&row: &usize| {
            let times = seen.entry(row).or_insert(0);
            *times += 1;
            *times - 1
        };
        let repeats = rows.iter().map(&mut count).collect();
        Self { epoch, rows, repeats }
    }

    /// Without the first `done` rows, as a training that goes on needs it.
    pub fn after(mut self, done: usize) -> Self {
        let done = done.min(self.rows.len());
        self.rows.drain(..done);
        self.repeats.drain(..done);
        self
    }
}

/// Batches, each made when its turn comes.
pub type Batches<'a> = Box<dyn Iterator<Item = Result<Batch>> + 'a>;

/// A part of a data set that batches are drawn from.
pub trait BatchSource {
    /// How many examples.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The examples in `order`, `size` at a time, the last batch with what is left.
    ///
    /// # Errors
    /// What the source or libtorch refuses, here or in the batch that it concerns.
    fn batches(&self, order: &Order, size: usize) -> Result<Batches<'_>>;

    /// All batches of [`BatchSource::batches`] but the first `done`, as a training that goes on needs them.
    ///
    /// # Errors
    /// As [`BatchSource::batches`].
    fn batches_after(&self, order: &Order, size: usize, done: usize) -> Result<Batches<'_>> {
        self.batches(&order.clone().after(done * size), size)
    }

    /// All examples as they lie, for measuring.
    ///
    /// # Errors
    /// As [`BatchSource::batches`].
    fn in_order(&self, size: usize) -> Result<Batches<'_>> {
        self.batches(&Order::new(0, (0..self.len()).collect()), size)
    }
}

/// The order of `examples` in `epoch`: a new one each epoch, the same for every loss of a seed.
pub fn order(examples: usize, seed: u64, epoch: usize) -> Order {
    let rows = Stream::new(seed, "batches").part(epoch as u64).permutation(examples);
    Order::new(epoch, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_and_seed_has_its_own_order() {
        let first = order(100, 0, 1);
        assert_eq!(first, order(100, 0, 1));
        assert_ne!(first.rows, order(100, 0, 2).rows);
        assert_ne!(first.rows, order(100, 1, 1).rows);
        assert_eq!(first.clone().after(97).rows, first.rows[97..]);
        assert!(first.after(101).rows.is_empty());
    }
}
