//! Graph attention (Veličković et al. 2018): each node learns whom of its neighbours to listen to. The
//! heads lie side by side.

use std::sync::Arc;

use tch::{Kind, Tensor};

use super::attend::attend;
use super::{Conv, Topology, product, rectified};
use crate::models::{Init, Mode, Weights};
use crate::{Error, Result};

/// The layer.
#[derive(Debug)]
pub struct Gat {
    /// W, f32 (outputs, inputs).
    weight: Tensor,
    /// What speaks for a node that is heard, and for one that hears: f32 (1, heads, outputs / heads).
    source: Tensor,
    target: Tensor,
    /// b, f32 (outputs).
    bias: Tensor,
}

impl Gat {
    /// Draws the weights as PyTorch Geometric does: by Glorot and Bengio 2010, b = 0.
    ///
    /// # Errors
    /// Outputs that cannot be shared among the heads.
    pub fn new(
        weights: &mut Weights,
        name: &str,
        [inputs, outputs]: [usize; 2],
        heads: usize,
    ) -> Result<Self> {
        if heads == 0 || !outputs.is_multiple_of(heads) {
            return Err(Error::Request(format!(
                "{outputs} features cannot be shared among {heads} heads"
            )));
        }
        let (lin, width) = (Init::glorot(inputs, outputs), outputs / heads);
        let (shape, att) = ([1, heads, width], Init::glorot(heads, width));
        Ok(Self {
            weight: weights.parameter(format!("{name}.lin.weight"), &[outputs, inputs], lin)?,
            source: weights.parameter(format!("{name}.att_src"), &shape, att)?,
            target: weights.parameter(format!("{name}.att_dst"), &shape, att)?,
            bias: weights.parameter(format!("{name}.bias"), &[outputs], Init::Constant(0.0))?,
        })
    }
}

impl Conv for Gat {
    fn forward(
        &self,
        x: &Tensor,
        topology: &Arc<Topology>,
        mode: Mode,
        rectify: bool,
    ) -> Result<Tensor> {
        let sent = product(x, &self.weight, None, mode)?;
        let [_, heads, width] = self.source.size()[..] else { unreachable!("drawn so") };
        let by_head = sent.f_reshape([-1, heads, width])?;
        let says = |what: &Tensor| -> Result<Tensor> {
            Ok(by_head.f_mul(what)?.f_sum_dim_intlist(-1, false, None::<Kind>)?)
        };
        let heard = attend(&sent, &says(&self.source)?, &says(&self.target)?, topology)?;
        rectified(heard.f_add(&self.bias)?, rectify)
    }
}
