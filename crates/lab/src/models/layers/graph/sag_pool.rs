//! Self-attention graph pooling (Lee et al. 2019, eq. 3): a convolution with one output scores the nodes,
//! and each that stays is multiplied with the tanh of its score.

use std::sync::Arc;

use tch::Tensor;

use super::gate::gate;
use super::{Conv, Pool, Topology};
use crate::Result;
use crate::models::Mode;

/// The layer.
#[derive(Debug)]
pub struct SagPool {
    scorer: Box<dyn Conv>,
    ratio: f64,
}

impl SagPool {
    /// A share `ratio` of each graph's nodes stays, by the scores of `scorer`.
    pub fn new(scorer: Box<dyn Conv>, ratio: f64) -> Self {
        Self { scorer, ratio }
    }
}

impl Pool for SagPool {
    fn forward(
        &self,
        x: &Tensor,
        topology: &Arc<Topology>,
        mode: Mode,
    ) -> Result<(Tensor, Arc<Topology>)> {
        let scores = self.scorer.forward(x, topology, mode, false)?.f_squeeze_dim(1)?.f_tanh()?;
        gate(x, &scores, topology, self.ratio)
    }
}
