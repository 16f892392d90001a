//! Parametric rectifier: x where it is positive, a·x elsewhere, with one trained a for all channels
//! (He et al. 2015, "Delving deep into rectifiers").

use tch::Tensor;

use crate::Result;
use crate::models::{Init, Weights};

/// The rectifier.
#[derive(Debug)]
pub struct PRelu(Tensor);

impl PRelu {
    /// With a = 0.25.
    pub fn new(weights: &mut Weights, name: &str) -> Result<Self> {
        Ok(Self(weights.parameter(format!("{name}.weight"), &[1], Init::Constant(0.25))?))
    }

    /// Any shape → the same.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_prelu(&self.0.f_to_kind(x.kind())?)?)
    }
}
