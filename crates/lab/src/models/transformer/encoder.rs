//! The half that reads the source.

use tch::Tensor;

use super::TransformerRecipe;
use super::residual::{Residual, after_layers};
use super::tokens::Tokens;
use crate::Result;
use crate::data::text::PAD;
use crate::models::layers::{Attention, AttentionMask, Embedding, FeedForward, LayerNorm};
use crate::models::{Mode, Weights};

/// The encoder.
#[derive(Debug)]
pub struct Encoder {
    tokens: Tokens,
    layers: Vec<Layer>,
    norm: Option<LayerNorm>,
}

/// A batch of sources, read.
#[derive(Debug)]
pub struct EncodedSource {
    /// (B, S, width), in the numbers of the mode.
    pub states: Tensor,
    /// f32 (B, 1, 1, S): 0, and −∞ where padding is; none where there is none.
    pub mask: Option<Tensor>,
}

impl EncodedSource {
    /// What the decoder may attend to.
    pub fn visible(mask: Option<&Tensor>) -> AttentionMask<'_> {
        mask.map_or(AttentionMask::All, AttentionMask::Where)
    }
}

#[derive(Debug)]
struct Layer {
    attention: Attention,
    around_attention: Residual,
    feed_forward: FeedForward,
    around_feed_forward: Residual,
}

impl Encoder {
    /// Draws it on top of the table `embedding`.
    pub fn new(
        weights: &mut Weights,
        recipe: &TransformerRecipe,
        embedding: Embedding,
    ) -> Result<Self> {
        let layers = (0..recipe.encoder_layers).map(|at| Layer::new(weights, at, recipe));
        let layers = layers.collect::<Result<_>>()?;
        let norm = after_layers(weights, "encoder", recipe)?;
        Ok(Self { tokens: Tokens::new(embedding, "encoder", recipe), layers, norm })
    }

    /// Sources i64 (B, S), padded on the right.
    pub fn forward(&self, source: &Tensor, mode: Mode) -> Result<EncodedSource> {
        let mask = padding(source)?;
        let mut x = self.tokens.forward(source, 0, mode)?;
        for layer in &self.layers {
            x = layer.forward(&x, EncodedSource::visible(mask.as_ref()), mode)?;
        }
        if let Some(norm) = &self.norm {
            x = norm.forward(&x)?;
        }
        Ok(EncodedSource { states: mode.cast(&x)?, mask })
    }
}

/// The mask of what is padding.
fn padding(source: &Tensor) -> Result<Option<Tensor>> {
    let padding = source.f_eq(PAD)?;
    if !bool::try_from(padding.f_any()?)? {
        return Ok(None);
    }
    let (rows, length) = source.size2()?;
    let zeros = Tensor::f_zeros([rows, length], (tch::Kind::Float, source.device()))?;
    let mask = zeros.f_masked_fill(&padding, f64::NEG_INFINITY)?;
    Ok(Some(mask.f_view([rows, 1, 1, length])?))
}

impl Layer {
    fn new(weights: &mut Weights, at: usize, recipe: &TransformerRecipe) -> Result<Self> {
        let TransformerRecipe { width, hidden, heads, .. } = *recipe;
        let (attention, feed_forward) =
            (format!("encoder.{at}.attention"), format!("encoder.{at}.feed_forward"));
        let dropout = [recipe.attention_dropout, recipe.activation_dropout];
        Ok(Self {
            attention: Attention::new(weights, &attention, width, heads, dropout[0])?,
            around_attention: Residual::new(weights, &attention, recipe)?,
            feed_forward: FeedForward::new(weights, &feed_forward, [width, hidden], dropout[1])?,
            around_feed_forward: Residual::new(weights, &feed_forward, recipe)?,
        })
    }

    fn forward(&self, x: &Tensor, visible: AttentionMask<'_>, mode: Mode) -> Result<Tensor> {
        let x = self.around_attention.forward(x, mode, |x| {
            self.attention.forward(x, &self.attention.memory(x, mode)?, visible, mode)
        })?;
        self.around_feed_forward.forward(&x, mode, |x| self.feed_forward.forward(x, mode))
    }
}
