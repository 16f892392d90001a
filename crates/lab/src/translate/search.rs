//! The search for the translations of a batch.

use tch::{Tensor, no_grad};

use super::SearchOptions;
use super::beam::{Beam, Hypothesis, Row};
use crate::autograd::Values;
use crate::data::text::{EOS, PAD};
use crate::models::{Generation, Generator};
use crate::{Error, Result, Stop, Validate};

/// The `nbest` best translations of each source i64 (B, S), which is its tokens, `</s>` and padding; the
/// best first. What else is in the batch does not matter.
///
/// There are fewer than `nbest` where the vocabulary is too small for more, or numbers are not finite.
///
/// # Errors
/// Options that make no sense; a source without an end; what libtorch refuses, such as tokens beyond
/// the vocabulary; [`Error::Interrupted`] between two steps.
///
/// ```
/// use steepness_lab::Stop;
/// use steepness_lab::models::{Transformer, TransformerRecipe, Weights};
/// use steepness_lab::translate::{SearchOptions, search};
/// # use tch::Tensor;
/// let recipe = TransformerRecipe { width: 16, hidden: 32, heads: 2, ..Default::default() };
/// let model = Transformer::new(&recipe, [20, 30], Weights::new(0))?;
/// // Two sentences, of three tokens and of one.
/// let source = Tensor::from_slice(&[7i64, 5, 9, 2, 8, 2, 1, 1]).view([2, 4]);
/// let options = SearchOptions { beam: 3, max_len_b: 10, nbest: 2, ..Default::default() };
/// let found = search(&model, &source, &options, Stop::never())?;
/// assert_eq!(found.len(), 2);
/// assert!(found[0][0].score >= found[0][1].score);
/// assert_eq!(found[0][0].log_probs.len(), found[0][0].tokens.len() + 1); // and the end
/// # Ok::<(), steepness_lab::Error>(())
/// ```
pub fn search(
    model: &dyn Generator,
    source: &Tensor,
    options: &SearchOptions,
    stop: Stop,
) -> Result<Vec<Vec<Hypothesis>>> {
    options.validate()?;
    let lengths = lengths(source)?;
    let mut results = vec![Vec::new(); lengths.len()];
    let mut going_on: Vec<(usize, Beam)> =
        lengths.iter().map(|&length| Beam::new(options.longest(length))).enumerate().collect();
    no_grad(|| {
        let mut state = model.begin(source)?;
        while !going_on.is_empty() {
            stop.check()?;
            let scores = Scores::next(model, &going_on, &mut *state)?;
            let (mut kept, mut rows, mut rest) = (Vec::new(), Vec::new(), Vec::new());
            let each = scores.rows / going_on.len();
            for (place, (sentence, mut beam)) in going_on.into_iter().enumerate() {
                let first = place * each;
                let own: Vec<Row<'_>> = (first..first + each).map(|row| scores.row(row)).collect();
                if let Some(parents) = beam.advance(&own, options) {
                    kept.push(place as i64);
                    rows.extend(parents.into_iter().map(|parent| (first + parent) as i64));
                    rest.push((sentence, beam));
                } else {
                    results[sentence] = beam.results(options.nbest);
                }
            }
            state.keep(&kept, &rows)?;
            going_on = rest;
        }
        Ok(results)
    })
}

/// Tokens of each source, with its end.
fn lengths(source: &Tensor) -> Result<Vec<usize>> {
    let width = source.size2()?.1 as usize;
    let tokens = Values::of::<i64>(source)?;
    let tokens: &[i64] = tokens.slice();
    let length = |(row, tokens): (usize, &[i64])| {
        let padding = tokens.iter().rev().take_while(|token| **token == PAD).count();
        let (words, padding) = tokens.split_at(width - padding);
        match words.last() {
            Some(&EOS) if !words.contains(&PAD) => Ok(words.len()),
            _ => Err(Error::Request(format!(
                "sentence {row} of the batch is not tokens, their end (2) and padding (1), but ends \
                 with {:?} and {} of padding",
                words.last(),
                padding.len()
            ))),
        }
    };
    tokens.chunks(width.max(1)).enumerate().map(length).collect()
}

/// What a model says of the next token of all hypotheses of a batch.
struct Scores {
    rows: usize,
    width: usize,
    /// f32 (rows, width)
    logits: Values,
    /// f32 (rows)
    log_sums: Values,
}

impl Scores {
    /// Of the hypotheses of the sentences that go on, which are those of the state.
    fn next(
        model: &dyn Generator,
        going_on: &[(usize, Beam)],
        state: &mut dyn Generation,
    ) -> Result<Self> {
        let tokens: Vec<i64> = going_on.iter().flat_map(|(_, beam)| beam.tokens()).collect();
        let device = model.weights().device();
        let logits = state.step(&Tensor::f_from_slice(&tokens)?.f_to(device)?)?;
        let width = logits.size2()?.1 as usize;
        let log_sums = Values::of::<f32>(&logits.f_logsumexp([-1], false)?)?;
        Ok(Self { rows: tokens.len(), width, logits: Values::of::<f32>(&logits)?, log_sums })
    }

    fn row(&self, row: usize) -> Row<'_> {
        let logits = &self.logits.slice()[row * self.width..(row + 1) * self.width];
        let log_sums: &[f32] = self.log_sums.slice();
        Row { logits, log_sum: log_sums[row] }
    }
}
