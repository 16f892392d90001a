//! A linear layer: x·Wᵀ + b.

use tch::Tensor;

use crate::Result;
use crate::models::{Init, Mode, Weights};

/// The layer. As the last one of a network it is what a loss that is fused with it needs: its
/// weights are open to all.
#[derive(Debug)]
pub struct Linear {
    /// What its weights are named after.
    pub name: String,
    /// W, f32 (outputs, inputs).
    pub weight: Tensor,
    /// b, f32 (outputs).
    pub bias: Option<Tensor>,
}

impl Linear {
    /// Draws the weights of `inputs` → `outputs` as PyTorch does by default.
    pub fn new(weights: &mut Weights, name: &str, inputs: usize, outputs: usize) -> Result<Self> {
        let init = Init::fan_in(inputs);
        Self::with(weights, name, [inputs, outputs], init, Some(init))
    }

    /// Without a bias, so that its logits are lengths and angles alone: the last layer that large
    /// margins take, drawn as in their code (He et al. 2015).
    pub fn unbiased(
        weights: &mut Weights,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self> {
        Self::with(weights, name, [inputs, outputs], Init::kaiming(inputs), None)
    }

    /// Draws the weights of `inputs` → `outputs` as told, and a bias if told how.
    pub fn with(
        weights: &mut Weights,
        name: &str,
        [inputs, outputs]: [usize; 2],
        weight: Init,
        bias: Option<Init>,
    ) -> Result<Self> {
        let weight = weights.parameter(format!("{name}.weight"), &[outputs, inputs], weight)?;
        let bias = bias.map(|init| weights.parameter(format!("{name}.bias"), &[outputs], init));
        Ok(Self { name: name.to_owned(), weight, bias: bias.transpose()? })
    }

    /// (N, inputs) → (N, outputs).
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let bias = self.bias.as_ref().map(|bias| mode.cast(bias)).transpose()?;
        Ok(mode.cast(x)?.f_linear(&mode.cast(&self.weight)?, bias.as_ref())?)
    }
}
