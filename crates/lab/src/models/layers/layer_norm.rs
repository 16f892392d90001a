//! Layer normalisation (Ba et al. 2016): each row to mean 0 and variance 1, then a scale and a shift
//! for each feature.

use tch::{Kind, Tensor};

use crate::Result;
use crate::models::{Init, Weights};

/// What is added to the variance, in PyTorch and fairseq.
const EPS: f64 = 1e-5;

/// The layer. It computes in f32 whatever the precision.
#[derive(Debug)]
pub struct LayerNorm {
    /// f32 (width)
    scale: Tensor,
    /// f32 (width)
    shift: Tensor,
    eps: f64,
}

impl LayerNorm {
    /// Scales of 1 and shifts of 0.
    pub fn new(weights: &mut Weights, name: &str, width: usize) -> Result<Self> {
        let mut constant = |part, value| {
            weights.parameter(format!("{name}.{part}"), &[width], Init::Constant(value))
        };
        Ok(Self { scale: constant("weight", 1.0)?, shift: constant("bias", 0.0)?, eps: EPS })
    }

    /// With so much added to the variance.
    pub fn with_eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// (…, width) → f32, the same shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let Self { scale, shift, eps } = self;
        let x = x.f_to_kind(Kind::Float)?;
        Ok(x.f_layer_norm(scale.size(), Some(scale), Some(shift), *eps, false)?)
    }
}
