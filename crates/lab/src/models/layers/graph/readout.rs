//! What a graph says: the largest and the mean value of each feature over its nodes.

use std::sync::Arc;

use tch::{Kind, Tensor};

use super::kernel::{add, row, row_mut};
use super::{Topology, is_ours};
use crate::Result;
use crate::autograd::{Operation, Values, attach, filled};
use crate::models::layers::widest::widest;

/// Features f32 (N, width) of the nodes → f32 (G, 2 · width): the maxima, then the means. The gradient
/// of a maximum goes to all nodes that have it, in equal parts.
///
/// # Errors
/// Only what libtorch refuses.
pub fn readout(x: &Tensor, topology: &Arc<Topology>) -> Result<Tensor> {
    if !is_ours(x)? {
        return composed(x, topology);
    }
    let width = x.size()[1] as usize;
    let values = Values::of::<f32>(x)?;
    let size = [topology.graphs().len() as i64, 2 * width as i64];
    let result = filled(&size, |to| forward(values.slice(), width, topology, to))?;
    let said = Values::of::<f32>(&result)?;
    attach(&result, &[x], Readout { topology: topology.clone(), x: values, said })
}

widest! {
    fn forward(x: &[f32], width: usize, topology: &Topology, to: &mut [f32]) {
        for (graph, nodes) in topology.graphs().enumerate() {
            let (most, mean) = row_mut(to, graph, 2 * width).split_at_mut(width);
            let share = 1.0 / nodes.len() as f32;
            for (at, node) in nodes.enumerate() {
                let x = row(x, node, width);
                match at {
                    0 => most.copy_from_slice(x),
                    _ => most.iter_mut().zip(x).for_each(|(most, &x)| {
                        *most = if x > *most { x } else { *most };
                    }),
                }
                add(mean, x);
            }
            mean.iter_mut().for_each(|mean| *mean *= share);
        }
    }
}

widest! {
    fn backward(
        upstream: &[f32],
        x: &[f32],
        said: &[f32],
        width: usize,
        topology: &Topology,
        dx: &mut [f32],
    ) {
        let mut having = vec![0f32; width];
        for (graph, nodes) in topology.graphs().enumerate() {
            let (dmost, dmean) = row(upstream, graph, 2 * width).split_at(width);
            let most = &row(said, graph, 2 * width)[..width];
            let share = 1.0 / nodes.len() as f32;
            having.fill(0.0);
            for node in nodes.clone() {
                let all = having.iter_mut().zip(row(x, node, width)).zip(most);
                all.for_each(|((having, x), most)| *having += if x == most { 1.0 } else { 0.0 });
            }
            // From here on what each that has the maximum gets.
            having.iter_mut().zip(dmost).for_each(|(having, dmost)| *having = dmost / *having);
            for node in nodes {
                let all = row_mut(dx, node, width).iter_mut().zip(row(x, node, width));
                let all = all.zip(most.iter().zip(having.iter().zip(dmean)));
                all.for_each(|((dx, x), (most, (part, dmean)))| {
                    *dx = dmean * share + if x == most { *part } else { 0.0 };
                });
            }
        }
    }
}

struct Readout {
    topology: Arc<Topology>,
    x: Values,
    /// The result.
    said: Values,
}

impl Operation for Readout {
    fn backward(&self, upstream: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let Self { topology, x, said } = self;
        let (upstream, size) = (Values::of::<f32>(upstream)?, x.tensor().size());
        let dx = filled(&size, |dx| {
            backward(upstream.slice(), x.slice(), said.slice(), size[1] as usize, topology, dx);
        })?;
        Ok(vec![Some(dx)])
    }
}

/// The same of libtorch's operations.
pub fn composed(x: &Tensor, topology: &Topology) -> Result<Tensor> {
    let (device, graph_of) = (x.device(), topology.graph_of(x.device())?);
    let (graphs, width) = (topology.graphs().len() as i64, x.size()[1]);
    let counts: Vec<f32> = topology.graphs().map(|nodes| nodes.len() as f32).collect();
    let counts = Tensor::f_from_slice(&counts)?.f_to(device)?.f_unsqueeze(1)?;
    let sum = Tensor::f_zeros([graphs, width], (Kind::Float, device))?;
    let mean = sum.f_index_add(0, &graph_of, x)?.f_div(&counts)?;
    let lowest = Tensor::f_full([graphs, width], f64::NEG_INFINITY, (Kind::Float, device))?;
    let most = lowest.f_index_reduce(0, &graph_of, x, "amax", true)?;
    Ok(Tensor::f_cat(&[&most, &mean], 1)?)
}
