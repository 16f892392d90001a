//! Attention with several heads (Vaswani et al. 2017, §3.2): with queries Q, keys K and values V of a
//! head, each of them d wide,
//!
//! ```text
//! softmax(Q·Kᵀ/√d + mask)·V
//! ```
//!
//! Queries, keys and values have products of their own: one for the three of them was not faster,
//! forward and backward on a CPU, at widths of 256 and 512.

use tch::{Device, Kind, Tensor};

use super::{BitDropout, Linear};
use crate::Result;
use crate::models::{Init, Mode, Weights};

/// The layer.
#[derive(Debug)]
pub struct Attention {
    heads: i64,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    dropout: BitDropout,
}

/// What each place may attend to.
#[derive(Clone, Copy, Debug)]
pub enum AttentionMask<'a> {
    /// All there is.
    All,
    /// Itself and what comes before it.
    Past,
    /// Where this, f32 (B, 1, 1, S), is 0 and not −∞.
    Where(&'a Tensor),
}

/// Keys and values of what is attended to, each (B, heads, S, width / heads).
#[derive(Debug)]
pub struct Memory {
    keys: Tensor,
    values: Tensor,
}

impl Memory {
    /// B.
    pub fn rows(&self) -> i64 {
        self.keys.size()[0]
    }

    /// Where they are.
    pub fn device(&self) -> Device {
        self.keys.device()
    }

    /// Those of the rows `rows` i64 (R), in that order.
    pub fn select(&self, rows: &Tensor) -> Result<Self> {
        let select = |tensor: &Tensor| tensor.f_index_select(0, rows);
        Ok(Self { keys: select(&self.keys)?, values: select(&self.values)? })
    }

    /// These and then those.
    pub fn followed_by(&self, next: &Self) -> Result<Self> {
        let join = |first: &Tensor, second: &Tensor| Tensor::f_cat(&[first, second], 2);
        let (keys, values) = (join(&self.keys, &next.keys)?, join(&self.values, &next.values)?);
        Ok(Self { keys, values })
    }
}

impl Attention {
    /// Draws it as fairseq does: all weights by Glorot and Bengio 2010, those of queries, keys and
    /// values 1/√2 of that; their biases as PyTorch's, that of the output 0. A share `dropout` of what
    /// is attended to is left out.
    pub fn new(
        weights: &mut Weights,
        name: &str,
        width: usize,
        heads: usize,
        dropout: f64,
    ) -> Result<Self> {
        let mut linear = |part: &str, weight, bias| {
            Linear::with(weights, &format!("{name}.{part}"), [width, width], weight, Some(bias))
        };
        // √(6/(2·width)), and that of three matrices that lie side by side.
        let narrow = Init::Uniform((1.5 / width as f64).sqrt());
        Ok(Self {
            heads: heads as i64,
            query: linear("query", narrow, Init::fan_in(width))?,
            key: linear("key", narrow, Init::fan_in(width))?,
            value: linear("value", narrow, Init::fan_in(width))?,
            output: linear("output", Init::glorot(width, width), Init::Constant(0.0))?,
            dropout: BitDropout::new(name, dropout),
        })
    }

    /// Keys and values of `x` (B, S, width).
    pub fn memory(&self, x: &Tensor, mode: Mode) -> Result<Memory> {
        let keys = self.split(&self.key.forward(x, mode)?)?;
        Ok(Memory { keys, values: self.split(&self.value.forward(x, mode)?)? })
    }

    /// Queries (B, T, width) → what they find in `memory`, the same shape, in the numbers of `mode`.
    ///
    /// # Errors
    /// What libtorch refuses, such as another B.
    pub fn forward(
        &self,
        x: &Tensor,
        memory: &Memory,
        visible: AttentionMask<'_>,
        mode: Mode,
    ) -> Result<Tensor> {
        let queries = self.split(&self.query.forward(x, mode)?)?;
        // libtorch's fused attention draws its dropout from a generator. On a CPU and at the lengths of
        // sentences, forward and backward, it takes 10 to 40 % less time than the composed one in f32,
        // and three to five times as long in bfloat16.
        let composed = self.dropout.applies(mode) || queries.f_kind()? != Kind::Float;
        let found = match composed {
            true => self.composed(&queries, memory, visible, mode)?,
            false => fused(&queries, memory, visible)?,
        };
        self.output.forward(&found.f_transpose(1, 2)?.f_flatten(2, 3)?, mode)
    }

    /// (B, T, width) → (B, heads, T, width / heads).
    fn split(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_unflatten(2, [self.heads, -1])?.f_transpose(1, 2)?)
    }

    fn composed(
        &self,
        queries: &Tensor,
        memory: &Memory,
        visible: AttentionMask<'_>,
        mode: Mode,
    ) -> Result<Tensor> {
        let width = queries.size()[3] as f64;
        let queries = queries.f_mul_scalar(1.0 / width.sqrt())?;
        let scores = queries.f_matmul(&memory.keys.f_transpose(2, 3)?)?;
        let scores = match visible {
            AttentionMask::All => scores,
            AttentionMask::Past => scores.f_add(&future(&scores)?)?,
            AttentionMask::Where(mask) => scores.f_add(&mask.f_to_kind(scores.f_kind()?)?)?,
        };
        let shares = self.dropout.forward(scores.f_softmax(-1, None::<Kind>)?, mode)?;
        Ok(shares.f_matmul(&memory.values)?)
    }
}

fn fused(queries: &Tensor, memory: &Memory, visible: AttentionMask<'_>) -> Result<Tensor> {
    let (mask, past) = match visible {
        AttentionMask::All => (None, false),
        AttentionMask::Past => (None, true),
        AttentionMask::Where(mask) => (Some(mask), false),
    };
    let Memory { keys, values } = memory;
    let scale = None::<f64>;
    Ok(Tensor::f_scaled_dot_product_attention(
        queries, keys, values, mask, 0.0, past, scale, false,
    )?)
}

/// −∞ for what comes after a place, (T, T).
fn future(scores: &Tensor) -> Result<Tensor> {
    let length = scores.size()[3];
    let options = (scores.f_kind()?, scores.device());
    Ok(Tensor::f_full([length, length], f64::NEG_INFINITY, options)?.f_triu(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fused attention is the composed one.
    #[test]
    fn both_ways_find_the_same() {
        let mut weights = Weights::new(1);
        let layer = Attention::new(&mut weights, "a", 16, 2, 0.0).unwrap();
        let x = Tensor::arange(2 * 5 * 16, (Kind::Float, Device::Cpu)).sin().view([2, 5, 16]);
        let infinity = f32::NEG_INFINITY;
        let mask = [0.0, 0.0, 0.0, infinity, infinity, 0.0, 0.0, 0.0, 0.0, infinity];
        let mask = Tensor::from_slice(&mask).view([2, 1, 1, 5]);
        let memory = layer.memory(&x, Mode::Evaluate).unwrap();
        let queries = layer.split(&layer.query.forward(&x, Mode::Evaluate).unwrap()).unwrap();
        for visible in [AttentionMask::All, AttentionMask::Past, AttentionMask::Where(&mask)] {
            let composed = layer.composed(&queries, &memory, visible, Mode::Evaluate).unwrap();
            let difference = composed - fused(&queries, &memory, visible).unwrap();
            assert!(difference.abs().max().double_value(&[]) < 1e-6, "{visible:?}");
        }
    }

    /// `nn.MultiheadAttention(64, 4)`, of which fairseq's keys have `gain=1 / math.sqrt(2)`:
    ///
    /// ```python
    /// w = torch.empty(64, 64); nn.init.xavier_uniform_(w, gain=1 / math.sqrt(2)); print(w.abs().max())
    /// ```
    #[test]
    fn keys_start_smaller_than_the_output() {
        let mut weights = Weights::new(1);
        let layer = Attention::new(&mut weights, "a", 64, 4, 0.0).unwrap();
        let largest = |linear: &Linear| linear.weight.abs().max().double_value(&[]);
        for (linear, bound) in [(&layer.key, 0.1531), (&layer.output, 0.2165)] {
            assert!(largest(linear) < bound && largest(linear) > 0.99 * bound, "{}", linear.name);
        }
        assert_eq!(layer.output.bias.as_ref().unwrap().abs().max().double_value(&[]), 0.0);
    }
}
