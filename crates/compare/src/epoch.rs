//! [`EpochMetrics`]: what a training logs after each epoch.

use serde::{Deserialize, Serialize};

/// A line of `metrics.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Learning rate of the epoch's last step.
    pub lr: f64,
    /// Mean training loss over the epoch (the run's own loss).
    pub train_loss: f64,
    /// Training accuracy, a fraction, counted while training.
    pub train_accuracy: f64,
    /// Norm of the gradient of all parameters, before it is clipped: mean over the steps.
    pub grad_norm: f64,
    /// Steps that were skipped, since their loss or gradient was not finite.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// Validation negative log-likelihood, the same measure for every loss.
    pub val_nll: f64,
    /// Validation accuracy, a fraction.
    pub val_accuracy: f64,
    /// Mean validation margin, z_y − max_{k≠y} z_k; not in older logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_margin: Option<f64>,
    /// Mean conditional energy of the label on the validation part, −z_y; not in older logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_energy: Option<f64>,
    /// Wall-clock seconds of the epoch.
    pub seconds: f64,
}

/// For `skip_serializing_if`: what hardly ever happens is told where it did.
fn is_zero(count: &u64) -> bool {
    *count == 0
}
