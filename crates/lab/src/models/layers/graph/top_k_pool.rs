//! Top-k pooling (Gao and Ji 2019, "Graph U-Nets", eq. 2, with tanh as PyTorch Geometric has it): how far a
//! node lies along a direction that is learned scores it.

use std::sync::Arc;

use tch::{Kind, Tensor};

use super::gate::gate;
use super::{Pool, Topology, product};
use crate::Result;
use crate::models::{Init, Mode, Weights};

/// The layer.
#[derive(Debug)]
pub struct TopKPool {
    /// The direction, f32 (1, width).
    weight: Tensor,
    ratio: f64,
}

impl TopKPool {
    /// Draws the direction as PyTorch Geometric does; a share `ratio` of each graph's nodes stays.
    pub fn new(weights: &mut Weights, name: &str, width: usize, ratio: f64) -> Result<Self> {
        let (name, init) = (format!("{name}.select.weight"), Init::fan_in(width));
        Ok(Self { weight: weights.parameter(name, &[1, width], init)?, ratio })
    }
}

impl Pool for TopKPool {
    fn forward(
        &self,
        x: &Tensor,
        topology: &Arc<Topology>,
        mode: Mode,
    ) -> Result<(Tensor, Arc<Topology>)> {
        let square = self.weight.f_mul(&self.weight)?.f_sum(None::<Kind>)?;
        let along = product(x, &self.weight, None, mode)?.f_squeeze_dim(1)?;
        let scores = along.f_div(&square.f_sqrt()?)?.f_tanh()?;
        gate(x, &scores, topology, self.ratio)
    }
}
