//! What a pass over rows is given, and what it yields of each: plain data, so that the element types
//! can name the kernels compiled for them ([`Kernels`]) without knowing how those work.

use crate::error::Result;
use crate::loss::Objective;

/// What one row gave: its loss and what the same pass knows besides.
///
/// Everything is about the logits as the loss sees them: after [`crate::Adjust`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// The row's loss with its weights, before any reduction; 0 for an ignored row.
    pub loss: f64,
    /// Probability of the label (for soft targets: of the class with the largest target).
    pub p: f64,
    /// Its log-odds ln(p/(1−p)): the margin in the log-sum-exp sense.
    pub log_odds: f64,
    /// log Σ exp z, minus the free energy.
    pub log_sum_exp: f64,
    /// The label's logit minus the largest other.
    pub margin: f64,
    /// Conditional energy of the label: minus its logit.
    pub energy: f64,
    /// Half the L1 norm of the loss's gradient before weights: w·q for a hard label.
    pub steepness: f64,
    /// The same for cross entropy: q for a hard label.
    pub ce_steepness: f64,
    /// The class with the largest logit, the first among equals; computed on request only, since
    /// it costs another look at the row (see [`crate::Criterion::with_predictions`]).
    pub predicted: Option<u32>,
    /// Whether the label's logit is the largest, the first among equals.
    pub correct: bool,
    /// Whether the row's target is the index to ignore.
    pub ignored: bool,
}

/// What every row of a pass has in common.
pub struct Plan<'a, E> {
    pub objective: Objective,
    pub classes: usize,
    pub targets: Targets<'a, E>,
    pub ignore_index: i64,
    pub smoothing: f64,
    pub class_weights: Option<&'a [f64]>,
    /// The weight of each row; it multiplies loss and gradient.
    pub sample_weights: Option<&'a [f64]>,
    /// Multiplies the gradient: one over the sum of weights for a mean.
    pub gradient_scale: f64,
    pub adjusted: &'a Adjusted,
    pub z_loss: f64,
    /// Whether soft rows must compute their two norms (hard rows always know them).
    pub norms: bool,
    /// Whether rows say which class they predict.
    pub predictions: bool,
}

/// The targets of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a, E = f32> {
    /// One class a row.
    Hard(&'a [i64]),
    /// One weight a row and class, row-major: probabilities, usually.
    Soft(&'a [E]),
}

/// [`crate::Adjust`] made ready for given classes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Adjusted {
    /// z → cap·tanh(z/cap).
    pub soft_cap: Option<f64>,
    /// Then z → z·before.
    pub before: f64,
    /// Then a sum with what each class has.
    pub offsets: Option<Vec<f64>>,
    /// Then the label's logit loses its class's margin.
    pub margins: Option<Vec<f64>>,
    /// Then all × after.
    pub after: f64,
}

/// Where the logits are and where the gradient goes.
pub enum Buffers<'a, E> {
    Forward(&'a [E]),
    Both(&'a [E], &'a mut [E]),
    InPlace(&'a mut [E]),
}

/// The kernels for one element type, compiled once, in `rows`: generic code would be compiled
/// anew, for every instruction set, in each crate that computes a loss.
pub trait Kernels: Sized {
    /// Computes every row.
    fn run(plan: &Plan<'_, Self>, buffers: Buffers<'_, Self>, rows: &mut [Row]) -> Result<()>;
}
