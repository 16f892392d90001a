//! The half that writes the target: all places at once in training, one after the other in search.

use tch::Tensor;

use super::TransformerRecipe;
use super::encoder::EncodedSource;
use super::residual::{Residual, after_layers};
use super::state::{DecoderState, LayerState};
use super::tokens::Tokens;
use crate::Result;
use crate::models::layers::{Attention, AttentionMask, Embedding, FeedForward, LayerNorm};
use crate::models::{Mode, Weights};

/// The decoder.
#[derive(Debug)]
pub struct Decoder {
    tokens: Tokens,
    layers: Vec<Layer>,
    norm: Option<LayerNorm>,
}

#[derive(Debug)]
struct Layer {
    attention: Attention,
    around_attention: Residual,
    source: Attention,
    around_source: Residual,
    feed_forward: FeedForward,
    around_feed_forward: Residual,
}

impl Decoder {
    /// Draws it on top of the table `embedding`.
    pub fn new(
        weights: &mut Weights,
        recipe: &TransformerRecipe,
        embedding: Embedding,
    ) -> Result<Self> {
        let layers = (0..recipe.decoder_layers).map(|at| Layer::new(weights, at, recipe));
        let layers = layers.collect::<Result<_>>()?;
        let norm = after_layers(weights, "decoder", recipe)?;
        Ok(Self { tokens: Tokens::new(embedding, "decoder", recipe), layers, norm })
    }

    /// Tokens before each place, i64 (B, T), and what was read → f32 (B, T, width).
    pub fn forward(&self, previous: &Tensor, source: &EncodedSource, mode: Mode) -> Result<Tensor> {
        let mut x = self.tokens.forward(previous, 0, mode)?;
        let visible = EncodedSource::visible(source.mask.as_ref());
        for layer in &self.layers {
            let memory = layer.source.memory(&source.states, mode)?;
            let own = |x: &Tensor| {
                let memory = layer.attention.memory(x, mode)?;
                layer.attention.forward(x, &memory, AttentionMask::Past, mode)
            };
            let read = |x: &Tensor| layer.source.forward(x, &memory, visible, mode);
            x = layer.forward(&x, own, read, mode)?;
        }
        self.last(x)
    }

    /// The state before the first place of each of the sentences in `source`.
    pub fn start(&self, source: EncodedSource) -> Result<DecoderState> {
        let read = |layer: &Layer| layer.source.memory(&source.states, Mode::Evaluate);
        let layers = self.layers.iter().map(|layer| Ok(LayerState::new(read(layer)?)));
        Ok(DecoderState::new(layers.collect::<Result<_>>()?, source.mask))
    }

    /// The next token of each hypothesis, i64 (B·k), k for each sentence → f32 (B·k, width), which
    /// predicts the one after it.
    pub fn step(&self, tokens: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        let mode = Mode::Evaluate;
        let mut x = self.tokens.forward(&tokens.f_unsqueeze(1)?, state.length, mode)?;
        let (rows, _, width) = x.size3()?;
        let visible = EncodedSource::visible(state.mask.as_ref());
        for (layer, LayerState { own, source }) in self.layers.iter().zip(&mut state.layers) {
            let next = |x: &Tensor| {
                let new = layer.attention.memory(x, mode)?;
                let all = match own.take() {
                    Some(before) => before.followed_by(&new)?,
                    None => new,
                };
                layer.attention.forward(x, own.insert(all), AttentionMask::All, mode)
            };
            // The hypotheses of a sentence read the same source: they are its queries.
            let read = |x: &Tensor| {
                let queries = x.f_view([source.rows(), -1, width])?;
                let found = layer.source.forward(&queries, source, visible, mode)?;
                Ok(found.f_reshape([rows, 1, width])?)
            };
            x = layer.forward(&x, next, read, mode)?;
        }
        state.length += 1;
        Ok(self.last(x)?.f_squeeze_dim(1)?)
    }

    fn last(&self, x: Tensor) -> Result<Tensor> {
        self.norm.as_ref().map_or(Ok(x.shallow_clone()), |norm| norm.forward(&x))
    }
}

impl Layer {
    fn new(weights: &mut Weights, at: usize, recipe: &TransformerRecipe) -> Result<Self> {
        let TransformerRecipe { width, hidden, heads, .. } = *recipe;
        let name = |part: &str| format!("decoder.{at}.{part}");
        let (attention, source, feed_forward) =
            (name("attention"), name("source"), name("feed_forward"));
        let dropout = [recipe.attention_dropout, recipe.activation_dropout];
        Ok(Self {
            attention: Attention::new(weights, &attention, width, heads, dropout[0])?,
            around_attention: Residual::new(weights, &attention, recipe)?,
            source: Attention::new(weights, &source, width, heads, dropout[0])?,
            around_source: Residual::new(weights, &source, recipe)?,
            feed_forward: FeedForward::new(weights, &feed_forward, [width, hidden], dropout[1])?,
            around_feed_forward: Residual::new(weights, &feed_forward, recipe)?,
        })
    }

    /// `own` attends to the target so far, `read` to the source.
    fn forward(
        &self,
        x: &Tensor,
        own: impl FnOnce(&Tensor) -> Result<Tensor>,
        read: impl FnOnce(&Tensor) -> Result<Tensor>,
        mode: Mode,
    ) -> Result<Tensor> {
        let x = self.around_attention.forward(x, mode, own)?;
        let x = self.around_source.forward(&x, mode, read)?;
        self.around_feed_forward.forward(&x, mode, |x| self.feed_forward.forward(x, mode))
    }
}
