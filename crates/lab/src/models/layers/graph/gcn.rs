//! Graph convolution (Kipf and Welling 2017, eq. 2): D^−½ (A + I) D^−½ X Wᵀ + b.

use std::sync::Arc;

use tch::Tensor;

use super::aggregate::{Weighing, aggregate};
use super::{Conv, Topology, product, rectified};
use crate::Result;
use crate::models::{Init, Mode, Weights};

/// The layer.
#[derive(Debug)]
pub struct Gcn {
    /// W, f32 (outputs, inputs).
    weight: Tensor,
    /// b, f32 (outputs).
    bias: Tensor,
    /// Whether features are fewer before W than after it: then neighbours come first.
    widens: bool,
}

impl Gcn {
    /// Draws the weights as PyTorch Geometric does: W by Glorot and Bengio 2010, b = 0.
    pub fn new(weights: &mut Weights, name: &str, [inputs, outputs]: [usize; 2]) -> Result<Self> {
        let init = Init::glorot(inputs, outputs);
        let weight = weights.parameter(format!("{name}.lin.weight"), &[outputs, inputs], init)?;
        let bias = weights.parameter(format!("{name}.bias"), &[outputs], Init::Constant(0.0))?;
        Ok(Self { weight, bias, widens: inputs < outputs })
    }
}

impl Conv for Gcn {
    fn forward(
        &self,
        x: &Tensor,
        topology: &Arc<Topology>,
        mode: Mode,
        rectify: bool,
    ) -> Result<Tensor> {
        let Self { weight, bias, widens } = self;
        if *widens {
            let heard = aggregate(x, topology, Weighing::Normalised, None, false)?;
            return rectified(product(&heard, weight, Some(bias), mode)?, rectify);
        }
        let sent = product(x, weight, None, mode)?;
        aggregate(&sent, topology, Weighing::Normalised, Some(bias), rectify)
    }
}
