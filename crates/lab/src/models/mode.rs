//! Whether a forward pass belongs to training.

use crate::random::Stream;

/// What a forward pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Training: batch normalisation by the batch, dropout. What is drawn is a function of the two
    /// numbers, so that a training that is resumed draws what it would have drawn.
    Train {
        /// The run's.
        seed: u64,
        /// How many training passes there were before.
        pass: u64,
    },
    /// Measuring: running moments, nothing at random.
    Evaluate,
}

impl Mode {
    /// Whether it is training.
    pub fn trains(self) -> bool {
        self != Mode::Evaluate
    }

    /// The random numbers of this pass for `purpose`; none in evaluation.
    pub fn stream(self, purpose: &str) -> Option<Stream> {
        match self {
            Mode::Train { seed, pass } => Some(Stream::new(seed, purpose).part(pass)),
            Mode::Evaluate => None,
        }
    }
}
