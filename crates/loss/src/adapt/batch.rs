//! What an adapter makes of its framework's tensors and of an [`Outcome`]; the same for every framework.

use crate::criterion::{Batch, Criterion, Outcome, Reduction};
use crate::error::{Result, refuse};
use crate::rows::Targets;

/// The batch of one label a row, or of weights for every class where there are `soft` targets, with
/// the `weights` of its rows, if any, and its classes `inner` elements apart.
pub(crate) fn batch<'a, E>(
    hard: &'a [i64],
    soft: Option<&'a [E]>,
    weights: Option<&'a [f64]>,
    inner: usize,
) -> Batch<'a, E> {
    let targets = soft.map_or(Targets::Hard(hard), Targets::Soft);
    let batch = Batch::new(targets).with_inner(inner);
    match weights {
        Some(weights) => batch.with_sample_weights(weights),
        None => batch,
    }
}

impl Criterion {
    /// Whether the tensor of losses has an entry a row, each with a gradient of its own.
    pub(crate) fn one_loss_a_row(&self) -> Result<bool> {
        let per_row = self.reduction() == Reduction::None;
        if per_row && self.loss().jsd.is_some() {
            return refuse("jsd", "has one loss for three rows: it needs the mean or the sum");
        }
        Ok(per_row)
    }

    /// The numbers of the tensor of losses: one a row without a reduction, else the reduced one alone.
    pub(crate) fn losses(&self, outcome: &Outcome) -> Vec<f64> {
        match self.reduction() {
            Reduction::None => outcome.row_losses(),
            Reduction::Mean | Reduction::Sum => vec![outcome.loss],
        }
    }
}
