//! What a recipe says of a Transformer.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Validate};

/// Its sizes and its kind; fairseq's `transformer_iwslt_de_en` by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransformerRecipe {
    /// Features of a token between the layers, an even number.
    pub width: usize,
    /// Hidden units of the feed-forward layers.
    pub hidden: usize,
    /// Heads of each attention, which share the features.
    pub heads: usize,
    /// Layers that read the source.
    pub encoder_layers: usize,
    /// Layers that write the target.
    pub decoder_layers: usize,
    /// Share of features left out of the embeddings and of what each layer adds, while training.
    pub dropout: f64,
    /// Share left out of what is attended to.
    #[serde(skip_serializing_if = "is_zero")]
    pub attention_dropout: f64,
    /// Share left out of the hidden units.
    #[serde(skip_serializing_if = "is_zero")]
    pub activation_dropout: f64,
    /// Which tables of vectors are one.
    pub embeddings: Sharing,
    /// Where layers are normalised.
    pub norm: NormPlace,
}

/// Which tables of vectors are one: of the source's tokens, of the target's, and the output's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Three of them.
    #[default]
    Separate,
    /// That of the target is also that of the output (Press and Wolf 2017).
    Decoder,
    /// A single one, for two languages with one vocabulary.
    All,
}

/// Where layers are normalised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormPlace {
    /// What a layer has been added to (Vaswani et al. 2017).
    #[default]
    Post,
    /// What a layer sees, and the last output.
    Pre,
}

fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

impl Default for TransformerRecipe {
    fn default() -> Self {
        Self {
            width: 512,
            hidden: 1024,
            heads: 4,
            encoder_layers: 6,
            decoder_layers: 6,
            dropout: 0.3,
            attention_dropout: 0.0,
            activation_dropout: 0.0,
            embeddings: Sharing::default(),
            norm: NormPlace::default(),
        }
    }
}

impl Validate for TransformerRecipe {
    fn validate(&self) -> Result<()> {
        let Self { width, hidden, heads, encoder_layers, decoder_layers, .. } = self;
        let refuse = |problem: String| Err(Error::Request(format!("model: {problem}")));
        for (name, share) in [
            ("dropout", self.dropout),
            ("attention_dropout", self.attention_dropout),
            ("activation_dropout", self.activation_dropout),
        ] {
            if !(0.0..1.0).contains(&share) {
                return refuse(format!("{name} = {share} must lie in [0, 1)"));
            }
        }
        for (name, size) in [
            ("width", width),
            ("hidden", hidden),
            ("heads", heads),
            ("encoder_layers", encoder_layers),
            ("decoder_layers", decoder_layers),
        ] {
            if *size == 0 {
                return refuse(format!("{name} = 0 must be at least 1"));
            }
        }
        if !width.is_multiple_of(2) {
            return refuse(format!("width = {width} must be even: half sines, half cosines"));
        }
        if !width.is_multiple_of(*heads) {
            return refuse(format!("heads = {heads} must divide width = {width}"));
        }
        Ok(())
    }
}
