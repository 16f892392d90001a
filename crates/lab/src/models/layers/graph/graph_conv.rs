//! Graph convolution that tells a node from its neighbours (Morris et al. 2019, "Weisfeiler and Leman go
//! neural", eq. 3): A X Wᵀ + b + X Vᵀ.

use std::sync::Arc;

use tch::Tensor;

use super::aggregate::{Weighing, aggregate};
use super::{Conv, Topology, product, rectified};
use crate::Result;
use crate::models::layers::Linear;
use crate::models::{Init, Mode, Weights};

/// The layer.
#[derive(Debug)]
pub struct GraphConv {
    /// W and b.
    neighbours: Linear,
    /// V.
    root: Linear,
    /// Whether features are fewer before W than after it: then neighbours come first.
    widens: bool,
}

impl GraphConv {
    /// Draws the weights as PyTorch Geometric does.
    pub fn new(weights: &mut Weights, name: &str, sizes: [usize; 2]) -> Result<Self> {
        let [inputs, outputs] = sizes;
        let init = Init::fan_in(inputs);
        let neighbours = Linear::new(weights, &format!("{name}.lin_rel"), inputs, outputs)?;
        let root = Linear::with(weights, &format!("{name}.lin_root"), sizes, init, None)?;
        Ok(Self { neighbours, root, widens: inputs < outputs })
    }
}

impl Conv for GraphConv {
    fn forward(
        &self,
        x: &Tensor,
        topology: &Arc<Topology>,
        mode: Mode,
        rectify: bool,
    ) -> Result<Tensor> {
        let Self { neighbours, root, widens } = self;
        let (weight, bias) = (&neighbours.weight, neighbours.bias.as_ref());
        let heard = if *widens {
            let heard = aggregate(x, topology, Weighing::Sum, None, false)?;
            product(&heard, weight, bias, mode)?
        } else {
            let sent = product(x, weight, None, mode)?;
            aggregate(&sent, topology, Weighing::Sum, bias, false)?
        };
        rectified(heard.f_add(&product(x, &root.weight, None, mode)?)?, rectify)
    }
}
