//! [`Options`]: how the laboratory makes a comparison.

use std::time::Duration;

use tch::Device;

use crate::compare;

/// How a comparison is made; nothing here changes its result.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// How its runs are made, whatever they train.
    pub runs: compare::Options<'a>,
    /// Where the models run.
    pub device: Device,
    /// Least time between two checkpoints of a training; there is always one at its end.
    pub checkpoint_every: Duration,
    /// Whether each training gets an event file for TensorBoard.
    pub tensorboard: bool,
    /// Whether what is to be known of the data is still to be said.
    pub remarks: bool,
}
