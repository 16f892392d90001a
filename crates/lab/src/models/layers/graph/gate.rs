//! The features of the nodes that stay, each times its score: so the score learns.

use std::sync::Arc;

use tch::{Kind, Tensor};

use super::kernel::{add_scaled, dot, row, row_mut, set_scaled};
use super::select::select;
use super::{Topology, is_ours};
use crate::Result;
use crate::autograd::{Operation, Values, attach, filled};
use crate::models::layers::widest::widest;

/// Of features f32 (N, width) and scores f32 (N), a share `ratio` of each graph's nodes, and which of
/// these are neighbours.
///
/// # Errors
/// Only what libtorch refuses.
pub fn gate(
    x: &Tensor,
    scores: &Tensor,
    topology: &Topology,
    ratio: f64,
) -> Result<(Tensor, Arc<Topology>)> {
    let values = Values::of::<f32>(scores)?;
    let kept = select(values.slice(), topology, ratio);
    let left = Arc::new(topology.induced(&kept));
    if !is_ours(x)? {
        return Ok((composed(x, scores, &kept)?, left));
    }
    let inputs = [x, scores];
    let width = x.size()[1] as usize;
    let x = Values::of::<f32>(x)?;
    let result = filled(&[kept.len() as i64, width as i64], |to| {
        forward(x.slice(), values.slice(), width, &kept, to);
    })?;
    Ok((attach(&result, &inputs, Gate { x, scores: values, kept })?, left))
}

widest! {
    fn forward(x: &[f32], scores: &[f32], width: usize, kept: &[u32], to: &mut [f32]) {
        for (at, &node) in kept.iter().enumerate() {
            let node = node as usize;
            set_scaled(row_mut(to, at, width), scores[node], row(x, node, width));
        }
    }
}

widest! {
    fn backward(
        upstream: &[f32],
        x: &[f32],
        scores: &[f32],
        width: usize,
        kept: &[u32],
        dx: &mut [f32],
        dscores: &mut [f32],
    ) {
        for (at, &node) in kept.iter().enumerate() {
            let (node, passed) = (node as usize, row(upstream, at, width));
            add_scaled(row_mut(dx, node, width), scores[node], passed);
            dscores[node] = dot(passed, row(x, node, width));
        }
    }
}

struct Gate {
    x: Values,
    scores: Values,
    kept: Vec<u32>,
}

impl Operation for Gate {
    fn backward(&self, upstream: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let Self { x, scores, kept } = self;
        let upstream = Values::of::<f32>(upstream)?;
        let size = x.tensor().size();
        let mut dscores = vec![0f32; scores.tensor().numel()];
        let dx = filled(&size, |dx| {
            let (upstream, scores) = (upstream.slice(), scores.slice());
            backward(upstream, x.slice(), scores, size[1] as usize, kept, dx, &mut dscores);
        })?;
        Ok(vec![Some(dx), Some(Tensor::f_from_slice(&dscores)?)])
    }
}

/// The same of libtorch's operations.
pub fn composed(x: &Tensor, scores: &Tensor, kept: &[u32]) -> Result<Tensor> {
    let kept: Vec<i64> = kept.iter().map(|&node| node.into()).collect();
    let kept = Tensor::f_from_slice(&kept)?.f_to_kind(Kind::Int64)?.f_to(x.device())?;
    let scores = scores.f_index_select(0, &kept)?.f_unsqueeze(1)?;
    Ok(x.f_index_select(0, &kept)?.f_mul(&scores)?)
}
