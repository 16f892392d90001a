//! What a decoder keeps of the places before the next one, so that each is computed once.

use tch::Tensor;

use crate::Result;
use crate::models::layers::Memory;

/// Of B sentences with k hypotheses each, one after the other; k is that of the last step.
#[derive(Debug)]
pub struct DecoderState {
    /// Of each layer of the decoder.
    pub(super) layers: Vec<LayerState>,
    /// f32 (B, 1, 1, S): −∞ where the source is padding.
    pub(super) mask: Option<Tensor>,
    /// Places so far.
    pub(super) length: usize,
}

/// Keys and values of one layer.
#[derive(Debug)]
pub struct LayerState {
    /// Of the target so far, one for each hypothesis.
    pub own: Option<Memory>,
    /// Of the source, one for each sentence.
    pub source: Memory,
}

impl LayerState {
    /// Before the first place.
    pub fn new(source: Memory) -> Self {
        Self { own: None, source }
    }
}

impl DecoderState {
    pub(super) fn new(layers: Vec<LayerState>, mask: Option<Tensor>) -> Self {
        Self { layers, mask, length: 0 }
    }

    /// Goes on with the sentences `kept` of the B, and of their hypotheses with `rows` of the B·k: any
    /// of them any number of times, sentence by sentence, as many for each.
    ///
    /// # Errors
    /// A sentence or a row that there is not.
    pub fn go_on(&mut self, kept: &[i64], rows: &[i64]) -> Result<()> {
        let Some(first) = self.layers.first() else { return Ok(()) };
        let device = first.source.device();
        let stays = kept.len() as i64 == first.source.rows();
        let [kept, rows] = [kept, rows].map(Tensor::f_from_slice);
        let (kept, rows) = (kept?.f_to(device)?, rows?.f_to(device)?);
        for layer in &mut self.layers {
            layer.own = layer.own.as_ref().map(|own| own.select(&rows)).transpose()?;
            if !stays {
                layer.source = layer.source.select(&kept)?;
            }
        }
        if !stays {
            let mask = self.mask.as_ref().map(|mask| mask.f_index_select(0, &kept));
            self.mask = mask.transpose()?;
        }
        Ok(())
    }
}
