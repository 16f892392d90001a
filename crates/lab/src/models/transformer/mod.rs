//! The Transformer, encoder and decoder (Vaswani et al. 2017), as fairseq has it in
//! `transformer_iwslt_de_en`, which the paper translates with.
//!
//! A batch is three tensors: sources i64 (B, S), each its tokens and `</s>`; the tokens before each
//! place of the targets i64 (B, T), which start with `</s>`; both padded on the right; and the numbers
//! b·T + t of the places that are no padding, i64 (N). Only at these there are features, so that no
//! loss ever sees padding.

mod decoder;
mod encoder;
mod recipe;
mod residual;
mod state;
#[cfg(test)]
mod tests;
mod tokens;

pub use recipe::{NormPlace, Sharing, TransformerRecipe};
pub use state::DecoderState;
#[cfg(test)]
pub(crate) use tests::golden_with_source as golden_transformer;

use tch::Tensor;

use self::decoder::Decoder;
use self::encoder::Encoder;
use super::layers::{Embedding, Linear};
use super::{Generation, Generator, Init, Mode, Model, Network, Weights};
use crate::data::text::{PAD, SPECIALS};
use crate::data::{InputKind, InputSpec, Shape};
use crate::{Error, Result, Validate};

impl Network for TransformerRecipe {
    const TAKES: &'static [InputKind] = &[InputKind::Pairs];

    fn build(&self, input: &InputSpec, weights: Weights) -> Result<Box<dyn Model>> {
        let Shape::Pair { vocabularies } = input.shape else {
            return Err(Error::Request("a Transformer takes pairs of sentences".to_owned()));
        };
        Ok(Box::new(Transformer::new(self, vocabularies, weights)?))
    }
}

/// The network: 39,469,056 parameters with vocabularies of 8,848 and 6,632 and a shared table in the
/// decoder.
#[derive(Debug)]
pub struct Transformer {
    encoder: Encoder,
    decoder: Decoder,
    output: Linear,
    weights: Weights,
}

impl Transformer {
    /// Draws it for vocabularies of `sizes` tokens, of the source and of the target.
    ///
    /// # Errors
    /// Settings that make no network, and a single table for vocabularies of two sizes.
    pub fn new(
        recipe: &TransformerRecipe,
        sizes: [usize; 2],
        mut weights: Weights,
    ) -> Result<Self> {
        recipe.validate()?;
        let w = &mut weights;
        let (source, target, output) = tables(recipe, sizes, w)?;
        let encoder = Encoder::new(w, recipe, source)?;
        let decoder = Decoder::new(w, recipe, target)?;
        Ok(Self { encoder, decoder, output, weights })
    }

    /// Reads sources i64 (B, S); what [`Transformer::step`] goes on from.
    ///
    /// # Errors
    /// What libtorch refuses, such as tokens beyond the vocabulary.
    pub fn start(&self, source: &Tensor) -> Result<DecoderState> {
        self.decoder.start(self.encoder.forward(source, Mode::Evaluate)?)
    }

    /// The next token of each of the state's hypotheses, i64 (B·k), → logits f32 (B·k, vocabulary) of
    /// the one after it.
    ///
    /// # Errors
    /// As [`Transformer::start`].
    pub fn step(&self, tokens: &Tensor, state: &mut DecoderState) -> Result<Tensor> {
        self.output.forward(&self.decoder.step(tokens, state)?, Mode::Evaluate)
    }
}

/// The tables of source and target and the output, which may be one.
fn tables(
    recipe: &TransformerRecipe,
    sizes: [usize; 2],
    weights: &mut Weights,
) -> Result<(Embedding, Embedding, Linear)> {
    let refuse = |problem: String| Err(Error::Request(format!("model: {problem}")));
    if let Some(size) = sizes.iter().find(|size| **size <= SPECIALS.len()) {
        return refuse(format!(
            "a vocabulary of {size} tokens has none but the {} special",
            SPECIALS.len()
        ));
    }
    let width = recipe.width;
    let table =
        |weights: &mut Weights, name: &str, size| Embedding::new(weights, name, [size, width], PAD);
    if recipe.embeddings == Sharing::All {
        if sizes[0] != sizes[1] {
            return refuse(format!(
                "embeddings = \"all\" needs one vocabulary, not {} and {} tokens",
                sizes[0], sizes[1]
            ));
        }
        let one = table(weights, "embedding", sizes[0])?;
        return Ok((one.share(), one.share(), tied(&one)));
    }
    let source = table(weights, "encoder.embedding", sizes[0])?;
    let target = table(weights, "decoder.embedding", sizes[1])?;
    let output = match recipe.embeddings {
        Sharing::Separate => {
            let init = Init::Normal(1.0 / (width as f64).sqrt());
            Linear::with(weights, "output", [width, sizes[1]], init, None)?
        }
        Sharing::Decoder | Sharing::All => tied(&target),
    };
    Ok((source, target, output))
}

/// An output whose weights are those of `table`.
fn tied(table: &Embedding) -> Linear {
    Linear { name: table.name.clone(), weight: table.weight.shallow_clone(), bias: None }
}

impl Model for Transformer {
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        let [source, previous, at] = inputs else {
            return Err(Error::Work(format!("{} tensors for pairs of sentences", inputs.len())));
        };
        let source = self.encoder.forward(source, mode)?;
        let states = self.decoder.forward(previous, &source, mode)?;
        Ok(states.f_flatten(0, 1)?.f_index_select(0, at)?)
    }

    fn head(&self) -> &Linear {
        &self.output
    }

    fn weights(&self) -> &Weights {
        &self.weights
    }

    fn as_generator(&self) -> Option<&dyn Generator> {
        Some(self)
    }
}

impl Generator for Transformer {
    fn begin(&self, source: &Tensor) -> Result<Box<dyn Generation + '_>> {
        Ok(Box::new(TransformerGeneration { model: self, state: self.start(source)? }))
    }
}

/// Hypotheses, with what the decoder keeps of them.
struct TransformerGeneration<'a> {
    model: &'a Transformer,
    state: DecoderState,
}

impl Generation for TransformerGeneration<'_> {
    fn step(&mut self, tokens: &Tensor) -> Result<Tensor> {
        self.model.step(tokens, &mut self.state)
    }

    fn keep(&mut self, kept: &[i64], rows: &[i64]) -> Result<()> {
        self.state.go_on(kept, rows)
    }
}
