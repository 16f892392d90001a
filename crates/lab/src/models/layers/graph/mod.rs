//! What networks on graphs are made of: one file each.
//!
//! Several graphs are one: their nodes lie one after the other, graph by graph, and a [`Topology`] says
//! which are neighbours. On the CPU the operations on edges and nodes are loops of our own, which take
//! what a node sends from the cache while its graph is there; elsewhere, and in the tests as what the
//! loops are compared with, they are composed of libtorch's operations.

mod aggregate;
mod attend;
mod gat;
mod gate;
mod gcn;
mod graph_conv;
mod kernel;
mod readout;
mod sag_pool;
mod select;
#[cfg(test)]
mod tests;
mod top_k_pool;
mod topology;

pub use gat::Gat;
pub use gcn::Gcn;
pub use graph_conv::GraphConv;
pub use readout::readout;
pub use sag_pool::SagPool;
pub use top_k_pool::TopKPool;
pub use topology::Topology;

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use crate::Result;
use crate::models::Mode;

/// A convolution on graphs.
pub trait Conv: std::fmt::Debug {
    /// Features f32 (N, inputs) of the nodes → f32 (N, outputs), rectified if asked for.
    ///
    /// # Errors
    /// What libtorch refuses, such as features of another width.
    fn forward(
        &self,
        x: &Tensor,
        topology: &Arc<Topology>,
        mode: Mode,
        rectify: bool,
    ) -> Result<Tensor>;
}

/// Leaves the nodes with the highest scores of each graph.
pub trait Pool: std::fmt::Debug {
    /// Features f32 (N, width) of the nodes → those of the nodes that stay, times their scores, and
    /// which of these are neighbours.
    ///
    /// # Errors
    /// What libtorch refuses, such as features of another width.
    fn forward(
        &self,
        x: &Tensor,
        topology: &Arc<Topology>,
        mode: Mode,
    ) -> Result<(Tensor, Arc<Topology>)>;
}

/// Whether our own loops work on `x`.
fn is_ours(x: &Tensor) -> Result<bool> {
    Ok(x.device() == Device::Cpu && x.f_kind()? == Kind::Float && x.dim() == 2)
}

/// x·Wᵀ + b, f32, computed in the numbers of `mode`.
fn product(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, mode: Mode) -> Result<Tensor> {
    let bias = bias.map(|bias| mode.cast(bias)).transpose()?;
    let product = mode.cast(x)?.f_linear(&mode.cast(weight)?, bias.as_ref())?;
    Ok(product.f_to_kind(Kind::Float)?)
}

/// Zeros below 0, in place of `x`.
fn rectified(mut x: Tensor, rectify: bool) -> Result<Tensor> {
    Ok(if rectify { x.f_relu_()? } else { x })
}
