//! What a node hears from its neighbours.

use std::sync::Arc;

use tch::{Kind, Tensor};

use super::kernel::{add, add_scaled, row, row_mut, set_scaled};
use super::{Topology, is_ours, rectified};
use crate::Result;
use crate::autograd::{Operation, Values, attach, filled};
use crate::models::layers::widest::widest;

/// How neighbours are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighing {
    /// D^−½ (A + I) D^−½ with D = 1 + the number of edges to a node (Kipf and Welling 2017, eq. 2): the
    /// node itself counts as one of its neighbours.
    Normalised,
    /// A: the sum over the neighbours.
    Sum,
}

/// Weighed sum of f32 (N, width) over the neighbours of each node, plus a bias f32 (width), rectified:
/// f32 (N, width).
///
/// # Errors
/// Only what libtorch refuses.
pub fn aggregate(
    x: &Tensor,
    topology: &Arc<Topology>,
    weighing: Weighing,
    bias: Option<&Tensor>,
    rectify: bool,
) -> Result<Tensor> {
    if !is_ours(x)? {
        return composed(x, topology, weighing, bias, rectify);
    }
    let width = x.size()[1] as usize;
    let values = Values::of::<f32>(x)?;
    let bias_values = bias.map(Values::of::<f32>).transpose()?;
    let bias_slice = bias_values.as_ref().map_or(&[][..], |bias| bias.slice::<f32>());
    let result = filled(&x.size(), |to| {
        forward(values.slice(), width, topology, weighing, bias_slice, rectify, to);
    })?;
    let operation = Aggregate {
        topology: topology.clone(),
        weighing,
        width,
        result: rectify.then(|| result.shallow_clone()),
        wanted: x.requires_grad(),
        bias: bias.map(Tensor::requires_grad),
    };
    let inputs: Vec<&Tensor> = [x].into_iter().chain(bias).collect();
    attach(&result, &inputs, operation)
}

widest! {
    fn forward(
        x: &[f32],
        width: usize,
        topology: &Topology,
        weighing: Weighing,
        bias: &[f32],
        rectify: bool,
        to: &mut [f32],
    ) {
        let roots = topology.roots();
        for node in 0..topology.nodes() {
            let sum = row_mut(to, node, width);
            match weighing {
                Weighing::Normalised => {
                    set_scaled(sum, roots[node] * roots[node], row(x, node, width));
                    for &source in topology.to(node) {
                        let source = source as usize;
                        add_scaled(sum, roots[node] * roots[source], row(x, source, width));
                    }
                }
                Weighing::Sum => {
                    for &source in topology.to(node) {
                        add(sum, row(x, source as usize, width));
                    }
                }
            }
            add(sum, bias);
            if rectify {
                sum.iter_mut().for_each(|value| *value = if *value > 0.0 { *value } else { 0.0 });
            }
        }
    }
}

widest! {
    /// `result` is empty where nothing was rectified, and so is a gradient that is not wanted.
    fn backward(
        upstream: &[f32],
        result: &[f32],
        width: usize,
        topology: &Topology,
        weighing: Weighing,
        dx: &mut [f32],
        dbias: &mut [f32],
    ) {
        let roots = topology.roots();
        let mut passed = vec![0f32; width];
        for node in 0..topology.nodes() {
            passed.copy_from_slice(row(upstream, node, width));
            if !result.is_empty() {
                for (passed, &result) in passed.iter_mut().zip(row(result, node, width)) {
                    *passed = if result > 0.0 { *passed } else { 0.0 };
                }
            }
            add(dbias, &passed);
            if dx.is_empty() {
                continue;
            }
            if weighing == Weighing::Normalised {
                add_scaled(row_mut(dx, node, width), roots[node] * roots[node], &passed);
            }
            for &source in topology.to(node) {
                let source = source as usize;
                let to = row_mut(dx, source, width);
                match weighing {
                    Weighing::Normalised => add_scaled(to, roots[node] * roots[source], &passed),
                    Weighing::Sum => add(to, &passed),
                }
            }
        }
    }
}

struct Aggregate {
    topology: Arc<Topology>,
    weighing: Weighing,
    width: usize,
    /// Where it is above 0 the gradient passes.
    result: Option<Tensor>,
    /// Whether the features need a gradient.
    wanted: bool,
    /// Whether the bias does, if there is one.
    bias: Option<bool>,
}

impl Operation for Aggregate {
    fn backward(&self, upstream: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let Self { topology, weighing, width, wanted, .. } = self;
        let upstream = Values::of::<f32>(upstream)?;
        let result = self.result.as_ref().map(Values::of::<f32>).transpose()?;
        let result = result.as_ref().map_or(&[][..], |result| result.slice::<f32>());
        let mut dbias = vec![0f32; if self.bias == Some(true) { *width } else { 0 }];
        let mut pass = |dx: &mut [f32]| {
            backward(upstream.slice(), result, *width, topology, *weighing, dx, &mut dbias);
        };
        let dx = if *wanted {
            Some(filled(&[topology.nodes() as i64, *width as i64], pass)?)
        } else {
            pass(&mut []);
            None
        };
        let mut gradients = vec![dx];
        if let Some(wanted) = self.bias {
            gradients.push(if wanted { Some(Tensor::f_from_slice(&dbias)?) } else { None });
        }
        Ok(gradients)
    }
}

/// The same of libtorch's operations.
pub fn composed(
    x: &Tensor,
    topology: &Topology,
    weighing: Weighing,
    bias: Option<&Tensor>,
    rectify: bool,
) -> Result<Tensor> {
    let [from, to] = topology.pairs(x.device())?;
    let zeros = Tensor::f_zeros(x.size(), (Kind::Float, x.device()))?;
    let mut sum = match weighing {
        Weighing::Sum => zeros.f_index_add(0, &to, &x.f_index_select(0, &from)?)?,
        Weighing::Normalised => {
            let roots = Tensor::f_from_slice(topology.roots())?.f_to(x.device())?.f_unsqueeze(1)?;
            let scaled = x.f_mul(&roots)?;
            let heard = zeros.f_index_add(0, &to, &scaled.f_index_select(0, &from)?)?;
            heard.f_add(&scaled)?.f_mul(&roots)?
        }
    };
    if let Some(bias) = bias {
        sum = sum.f_add(bias)?;
    }
    rectified(sum, rectify)
}
