//! What a forward pass is for, and in which numbers it computes.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::Result;
use crate::random::Stream;

/// The numbers that convolutions and linear layers compute with while training; weights, their
/// updates, the loss and all that is measured are f32 whatever it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 24 bits of mantissa.
    #[default]
    F32,
    /// 8 bits of mantissa and the range of f32, which therefore needs no scaling of gradients: what
    /// PyTorch calls autocast to bfloat16. Up to twice as fast where the processor knows it.
    Bf16,
}

impl Precision {
    /// Whether it is f32.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

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
        /// What it computes with.
        precision: Precision,
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
            Mode::Train { seed, pass, .. } => Some(Stream::new(seed, purpose).part(pass)),
            Mode::Evaluate => None,
        }
    }

    /// `tensor` in the numbers that matrix products are computed with.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn cast(self, tensor: &Tensor) -> Result<Tensor> {
        Ok(tensor.f_to_kind(self.kind())?)
    }

    /// The kind of those numbers.
    pub fn kind(self) -> Kind {
        match self {
            Mode::Train { precision: Precision::Bf16, .. } => Kind::BFloat16,
            _ => Kind::Float,
        }
    }
}
