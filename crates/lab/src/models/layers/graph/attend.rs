//! What a node hears from the neighbours that it attends to (Veličković et al. 2018, eq. 1 to 4).
//!
//! ```text
//! e_ij = LeakyReLU(a_j + b_i)     α_ij = exp e_ij / Σ_k exp e_ik     y_i = Σ_j α_ij x_j
//! ```
//!
//! for each head, over the neighbours j of a node i and the node itself.

use std::sync::Arc;

use tch::{Kind, Tensor};

use super::kernel::{add_scaled, dot, row, row_mut};
use super::{Topology, is_ours};
use crate::Result;
use crate::autograd::{Operation, Values, attach, filled};
use crate::models::layers::widest::widest;

/// Slope of the leaky rectifier below 0.
const SLOPE: f32 = 0.2;

/// Features f32 (N, heads · width) of the nodes, what speaks for them as `sources` and as `targets`,
/// both f32 (N, heads): f32 (N, heads · width).
///
/// # Errors
/// Only what libtorch refuses.
pub fn attend(
    x: &Tensor,
    sources: &Tensor,
    targets: &Tensor,
    topology: &Arc<Topology>,
) -> Result<Tensor> {
    if !is_ours(x)? {
        return composed(x, sources, targets, topology);
    }
    let inputs = [x, sources, targets];
    let [x, sources, targets] = [x, sources, targets].map(Values::of::<f32>);
    let kept = [x?, sources?, targets?];
    let (nodes, heads) = (topology.nodes(), kept[1].tensor().size()[1] as usize);
    // Of the edges to a node, then of the node to itself: as many as edges and nodes.
    let mut shares = vec![0f32; (topology.edges() + nodes) * heads];
    let result = filled(&kept[0].tensor().size(), |to| {
        let [x, sources, targets] = kept.each_ref().map(|values| values.slice::<f32>());
        forward(x, sources, targets, topology, heads, &mut shares, to);
    })?;
    let operation = Attend { topology: topology.clone(), heads, kept, shares };
    attach(&result, &inputs, operation)
}

/// e before the rectifier, and after it.
#[inline(always)]
fn leaky(sum: f32) -> f32 {
    if sum > 0.0 { sum } else { SLOPE * sum }
}

/// Where the shares of `node` begin: those of its edges, and then its own.
#[inline(always)]
fn first_share(topology: &Topology, node: usize) -> usize {
    topology.edges_to(node).start + node
}

/// Those that `node` attends to.
#[inline(always)]
fn heard(topology: &Topology, node: usize) -> impl Iterator<Item = usize> {
    topology.to(node).iter().map(|&source| source as usize).chain([node])
}

widest! {
    fn forward(
        x: &[f32],
        sources: &[f32],
        targets: &[f32],
        topology: &Topology,
        heads: usize,
        shares: &mut [f32],
        to: &mut [f32],
    ) {
        let all = to.len() / topology.nodes().max(1);
        let width = all / heads;
        for node in 0..topology.nodes() {
            let first = first_share(topology, node);
            for head in 0..heads {
                let mut most = f32::NEG_INFINITY;
                for (at, source) in heard(topology, node).enumerate() {
                    let e = leaky(sources[source * heads + head] + targets[node * heads + head]);
                    shares[(first + at) * heads + head] = e;
                    most = if e > most { e } else { most };
                }
                let mut sum = 0.0;
                for (at, _) in heard(topology, node).enumerate() {
                    let share = &mut shares[(first + at) * heads + head];
                    *share = (*share - most).exp();
                    sum += *share;
                }
                let sent = head * width..(head + 1) * width;
                let to = &mut row_mut(to, node, all)[sent.clone()];
                for (at, source) in heard(topology, node).enumerate() {
                    let share = &mut shares[(first + at) * heads + head];
                    *share /= sum;
                    add_scaled(to, *share, &row(x, source, all)[sent.clone()]);
                }
            }
        }
    }
}

widest! {
    fn backward(
        upstream: &[f32],
        kept: [&[f32]; 3],
        shares: &[f32],
        topology: &Topology,
        heads: usize,
        gradients: [&mut [f32]; 3],
    ) {
        let ([x, sources, targets], [dx, dsources, dtargets]) = (kept, gradients);
        let all = x.len() / topology.nodes().max(1);
        let width = all / heads;
        let mut felt = Vec::new();
        for node in 0..topology.nodes() {
            let first = first_share(topology, node);
            for head in 0..heads {
                let sent = head * width..(head + 1) * width;
                let dy = &row(upstream, node, all)[sent.clone()];
                // ∂L/∂α of each, and their mean with the weights α, which the softmax takes off.
                felt.clear();
                let mut mean = 0.0;
                for (at, source) in heard(topology, node).enumerate() {
                    let share = shares[(first + at) * heads + head];
                    let dshare = dot(dy, &row(x, source, all)[sent.clone()]);
                    mean += share * dshare;
                    felt.push(dshare);
                    add_scaled(&mut row_mut(dx, source, all)[sent.clone()], share, dy);
                }
                for (at, source) in heard(topology, node).enumerate() {
                    let share = shares[(first + at) * heads + head];
                    let sum = sources[source * heads + head] + targets[node * heads + head];
                    let slope = if sum > 0.0 { 1.0 } else { SLOPE };
                    let de = slope * share * (felt[at] - mean);
                    dsources[source * heads + head] += de;
                    dtargets[node * heads + head] += de;
                }
            }
        }
    }
}

struct Attend {
    topology: Arc<Topology>,
    heads: usize,
    /// Features, sources and targets.
    kept: [Values; 3],
    /// α, of each node those of its edges and then its own, each for all heads.
    shares: Vec<f32>,
}

impl Operation for Attend {
    fn backward(&self, upstream: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let upstream = Values::of::<f32>(upstream)?;
        let kept = self.kept.each_ref().map(|values| values.slice::<f32>());
        let nodes = [self.topology.nodes() as i64, self.heads as i64];
        let (mut dsources, mut dtargets) = (vec![0f32; kept[1].len()], vec![0f32; kept[2].len()]);
        let dx = filled(&self.kept[0].tensor().size(), |dx| {
            let gradients = [dx, &mut dsources[..], &mut dtargets[..]];
            backward(upstream.slice(), kept, &self.shares, &self.topology, self.heads, gradients);
        })?;
        let of_nodes = |all: &[f32]| -> Result<Option<Tensor>> {
            Ok(Some(Tensor::f_from_slice(all)?.f_reshape(nodes)?))
        };
        Ok(vec![Some(dx), of_nodes(&dsources)?, of_nodes(&dtargets)?])
    }
}

/// The same of libtorch's operations.
pub fn composed(
    x: &Tensor,
    sources: &Tensor,
    targets: &Tensor,
    topology: &Topology,
) -> Result<Tensor> {
    let (device, nodes, heads) = (x.device(), topology.nodes() as i64, sources.size()[1]);
    let own = Tensor::f_arange(nodes, (Kind::Int64, device))?;
    let [from, to] = topology.pairs(device)?;
    let from = Tensor::f_cat(&[&from, &own], 0)?;
    let to = Tensor::f_cat(&[&to, &own], 0)?;
    let sum = sources.f_index_select(0, &from)?.f_add(&targets.f_index_select(0, &to)?)?;
    let e = sum.f_maximum(&sum.f_mul_scalar(f64::from(SLOPE))?)?;
    let size = [nodes, heads];
    let most = Tensor::f_full(size, f64::NEG_INFINITY, (Kind::Float, device))?;
    let most = most.f_index_reduce(0, &to, &e.f_detach()?, "amax", true)?;
    let shares = e.f_sub(&most.f_index_select(0, &to)?)?.f_exp()?;
    let total = Tensor::f_zeros(size, (Kind::Float, device))?.f_index_add(0, &to, &shares)?;
    let shares = shares.f_div(&total.f_index_select(0, &to)?)?.f_unsqueeze(2)?;
    let sent = x.f_reshape([nodes, heads, -1])?;
    let heard = Tensor::f_zeros(sent.size(), (Kind::Float, device))?;
    let heard = heard.f_index_add(0, &to, &sent.f_index_select(0, &from)?.f_mul(&shares)?)?;
    Ok(heard.f_reshape(x.size())?)
}
