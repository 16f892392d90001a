//! What a criterion is given and what it gives: [`Batch`], [`Reduction`], [`Outcome`].

use crate::rows::{Row, Targets};

/// How the rows' losses become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// The sum over the sum of the rows' weights, so that a constant loss averages to itself: sample
    /// weights times class weights, and 1 for every row that is not ignored where there are none. 0
    /// where all are ignored.
    ///
    /// Two means differ. Soft targets of a softmax loss are not weighed by their class in the
    /// divisor, as in PyTorch's `cross_entropy`; and PyTorch's `multi_margin_loss` divides by the
    /// number of rows, where ours divides by their class weights like every other loss.
    #[default]
    Mean,
    /// The sum.
    Sum,
    /// No reduction: [`Outcome::rows`] holds the losses, the gradient is that of their sum.
    None,
}

/// A batch: logits, targets and what belongs to them.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, E = f32> {
    pub(crate) targets: Targets<'a, E>,
    pub(crate) sample_weights: Option<&'a [f64]>,
    pub(crate) inner: usize,
}

impl<'a, E> Batch<'a, E> {
    /// `targets` of logits of shape (N, C).
    pub fn new(targets: Targets<'a, E>) -> Self {
        Self { targets, sample_weights: None, inner: 1 }
    }

    /// One weight ≥ 0 a row (or token).
    #[must_use]
    pub fn with_sample_weights(mut self, weights: &'a [f64]) -> Self {
        self.sample_weights = Some(weights);
        self
    }

    /// The logits have shape (N, C, d…), with `inner` the product of d…: the class is not the last
    /// dimension. Targets are (N, d…) or (N, C, d…). ((B, T, V) is rows of V: nothing to say.)
    #[must_use]
    pub fn with_inner(mut self, inner: usize) -> Self {
        self.inner = inner;
        self
    }

    /// Its first `rows` rows of `classes` classes.
    pub(crate) fn first(&self, rows: usize, classes: usize) -> Self {
        Self {
            targets: match self.targets {
                Targets::Hard(targets) => Targets::Hard(&targets[..rows]),
                Targets::Soft(targets) => Targets::Soft(&targets[..rows * classes]),
            },
            sample_weights: self.sample_weights.map(|weights| &weights[..rows]),
            inner: self.inner,
        }
    }
}

impl<'a, E> From<Targets<'a, E>> for Batch<'a, E> {
    fn from(targets: Targets<'a, E>) -> Self {
        Self::new(targets)
    }
}

impl<'a, E> From<&'a [i64]> for Batch<'a, E> {
    fn from(targets: &'a [i64]) -> Self {
        Self::new(Targets::Hard(targets))
    }
}

/// What a batch gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The reduced loss; the sum for [`Reduction::None`].
    pub loss: f64,
    /// Rows that counted.
    pub counted: usize,
    /// Rows with the index to ignore.
    pub ignored: usize,
    /// Loss and by-products of each row.
    pub rows: Vec<Row>,
}

impl Outcome {
    /// The losses of the rows, with their weights and before any reduction.
    pub fn row_losses(&self) -> Vec<f64> {
        self.rows.iter().map(|row| row.loss).collect()
    }
}

/// (N, a, b) to (N, b, a).
pub(super) fn transpose<E: Copy>(values: &[E], a: usize, b: usize) -> Vec<E> {
    let mut transposed = Vec::with_capacity(values.len());
    for block in values.chunks_exact(a * b) {
        for column in 0..b {
            transposed.extend((0..a).map(|row| block[row * b + column]));
        }
    }
    transposed
}
