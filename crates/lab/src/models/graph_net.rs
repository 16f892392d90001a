//! The paper's network for graphs, that of Lee et al. 2019 ("Self-attention graph pooling", the
//! hierarchical one): three blocks of a convolution, ReLU and pooling; what the graph says after each
//! block is added up and goes through two linear layers to the last one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::layers::{
    Dropout, Gat, Gcn, GraphConv, GraphConvolution, Linear, Pool, SagPool, TopKPool, Topology,
    readout, spread,
};
use super::{Mode, Model, Network, Weights};
use crate::data::{InputKind, InputSpec, Shape};
use crate::{Error, Result, Validate};

const BLOCKS: usize = 3;

/// Its kinds of layers and its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphNetRecipe {
    /// How nodes hear of their neighbours.
    #[serde(default)]
    pub conv: Convolution,
    /// How nodes are left out after each convolution.
    #[serde(default)]
    pub pool: Pooling,
    /// Features of a node after each convolution.
    #[serde(default = "hidden")]
    pub hidden: usize,
    /// Heads of `conv = "gat"`, which share the features.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub heads: usize,
    /// Share of each graph's nodes that stay after each block, in (0, 1].
    #[serde(default = "half")]
    pub ratio: f64,
    /// Share of the features that is left out before the second linear layer while training.
    #[serde(default = "half")]
    pub dropout: f64,
}

/// A convolution on graphs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Convolution {
    /// Kipf and Welling 2017.
    #[default]
    Gcn,
    /// Morris et al. 2019.
    GraphConv,
    /// Graph attention, Veličković et al. 2018.
    Gat,
}

/// What scores the nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// A convolution of the same kind, with one head (Lee et al. 2019).
    #[default]
    Sag,
    /// A direction (Gao and Ji 2019).
    TopK,
}

fn hidden() -> usize {
    128
}

fn one() -> usize {
    1
}

fn is_one(heads: &usize) -> bool {
    *heads == 1
}

fn half() -> f64 {
    0.5
}

impl Default for GraphNetRecipe {
    /// The paper's.
    fn default() -> Self {
        let (conv, pool) = (Convolution::Gcn, Pooling::Sag);
        Self { conv, pool, hidden: hidden(), heads: one(), ratio: half(), dropout: half() }
    }
}

impl Validate for GraphNetRecipe {
    fn validate(&self) -> Result<()> {
        let Self { conv, heads, ratio, dropout, hidden, .. } = self;
        let refuse = |problem: String| Err(Error::Request(format!("model: {problem}")));
        if !(*ratio > 0.0 && *ratio <= 1.0) {
            return refuse(format!("ratio = {ratio} must lie in (0, 1]"));
        }
        if !(0.0..1.0).contains(dropout) {
            return refuse(format!("dropout = {dropout} must lie in [0, 1)"));
        }
        if *conv != Convolution::Gat && *heads != 1 {
            return refuse(format!("heads = {heads} are for conv = \"gat\""));
        }
        if *hidden < 2 {
            return refuse(format!("hidden = {hidden} must be at least 2"));
        }
        Ok(())
    }
}

impl Network for GraphNetRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Graphs];

    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        Ok(Box::new(GraphNet::new(self, input, weights)?))
    }
}

/// The network: 75,205 parameters with 3 features a node and two classes.
#[derive(Debug)]
pub struct GraphNet {
    scale: Option<Scale>,
    blocks: Vec<Block>,
    lin1: Linear,
    dropout: Dropout,
    lin2: Linear,
    lin3: Linear,
    weights: Weights,
}

#[derive(Debug)]
struct Block {
    conv: Box<dyn GraphConvolution>,
    pool: Box<dyn Pool>,
}

impl GraphNet {
    /// Draws it for such graphs.
    pub fn new(recipe: &GraphNetRecipe, input: &InputSpec, mut weights: Weights) -> Result<Self> {
        recipe.validate()?;
        let Shape::Graph { features, attributes } = input.shape else {
            return Err(Error::Request("graph-net takes graphs".to_owned()));
        };
        let w = &mut weights;
        let scale = Scale::new(w, attributes, &input.moments)?;
        let hidden = recipe.hidden;
        let block = |block: usize| {
            let inputs = if block == 1 { features } else { hidden };
            let name = format!("conv{block}");
            let conv = convolution(recipe.conv, w, &name, [inputs, hidden], recipe.heads)?;
            let (name, ratio) = (format!("pool{block}"), recipe.ratio);
            let pool: Box<dyn Pool> = match recipe.pool {
                Pooling::Sag => {
                    let name = format!("{name}.gnn");
                    let scorer = convolution(recipe.conv, w, &name, [hidden, 1], 1)?;
                    Box::new(SagPool::new(scorer, ratio))
                }
                Pooling::TopK => Box::new(TopKPool::new(w, &name, hidden, ratio)?),
            };
            Ok(Block { conv, pool })
        };
        let blocks = (1..=BLOCKS).map(block).collect::<Result<_>>()?;
        let lin1 = Linear::new(w, "lin1", hidden.saturating_mul(2), hidden)?;
        let dropout = Dropout::new("lin1", recipe.dropout);
        let lin2 = Linear::new(w, "lin2", hidden, hidden / 2)?;
        let lin3 = Linear::new(w, "lin3", hidden / 2, input.classes)?;
        Ok(Self { scale, blocks, lin1, dropout, lin2, lin3, weights })
    }
}

fn convolution(
    kind: Convolution,
    weights: &mut Weights,
    name: &str,
    sizes: [usize; 2],
    heads: usize,
) -> Result<Box<dyn GraphConvolution>> {
    Ok(match kind {
        Convolution::Gcn => Box::new(Gcn::new(weights, name, sizes)?),
        Convolution::GraphConv => Box::new(GraphConv::new(weights, name, sizes)?),
        Convolution::Gat => Box::new(Gat::new(weights, name, sizes, heads)?),
    })
}

impl Model for GraphNet {
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        let Some((x, edges)) = inputs.split_first() else {
            return Err(Error::Work("a batch of graphs without tensors".to_owned()));
        };
        let nodes = x.size().first().map_or(0, |&nodes| nodes as usize);
        let mut topology = Arc::new(Topology::new(nodes, edges)?);
        let mut x = match &self.scale {
            Some(scale) => scale.forward(x)?,
            None => x.shallow_clone(),
        };
        let mut said: Option<Tensor> = None;
        for Block { conv, pool } in &self.blocks {
            let heard = conv.forward(&x, &topology, mode, true)?;
            (x, topology) = pool.forward(&heard, &topology, mode)?;
            let here = readout(&x, &topology)?;
            said = Some(match said {
                Some(before) => before.f_add(&here)?,
                None => here,
            });
        }
        let said = said.unwrap_or(x);
        let x = self.dropout.forward(self.lin1.forward(&said, mode)?.f_relu()?, mode)?;
        Ok(self.lin2.forward(&x, mode)?.f_relu()?.f_to_kind(Kind::Float)?)
    }

    fn head(&self) -> &Linear {
        &self.lin3
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }
}

/// Brings the numbers on the nodes to mean 0 and standard deviation 1 over the training part; zeros and
/// ones stay what they are, and what is the same everywhere becomes 0.
#[derive(Debug)]
struct Scale {
    mean: Tensor,
    std: Tensor,
}

impl Scale {
    /// `moments` are those of all features, of which the first `attributes` are numbers.
    fn new(
        weights: &mut Weights,
        attributes: usize,
        moments: &[(f64, f64)],
    ) -> Result<Option<Self>> {
        if attributes == 0 {
            return Ok(None);
        }
        let part = |at: usize, value: f64, other: f64| match at < attributes {
            true => value as f32,
            false => other as f32,
        };
        let mean = moments.iter().enumerate().map(|(at, (mean, _))| part(at, *mean, 0.0));
        let std = moments.iter().enumerate();
        let std = std.map(|(at, &moments)| part(at, spread(moments), 1.0));
        let mean = Tensor::f_from_slice(&mean.collect::<Vec<_>>())?;
        let std = Tensor::f_from_slice(&std.collect::<Vec<_>>())?;
        weights.buffer("scale.mean".to_owned(), &mean);
        weights.buffer("scale.std".to_owned(), &std);
        Ok(Some(Self { mean, std }))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_sub(&self.mean)?.f_div(&self.std)?)
    }
}

#[cfg(test)]
mod tests;
