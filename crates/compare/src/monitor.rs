//! [`Monitor`]: who hears how a run goes.

use super::EpochMetrics;

/// Hears how a training goes.
pub trait Monitor: Sync {
    /// `epochs` of earlier ones were found done, and so many `examples` of the next.
    fn resumed(&self, epochs: usize, examples: usize);
    /// A step was taken, with so many examples.
    fn step(&self, examples: usize);
    /// The run is measured, up to that share of the whole.
    fn measured(&self, share: f64);
    /// An epoch ended.
    fn epoch(&self, metrics: &EpochMetrics);
    /// Something is not as it should be, but the work goes on.
    fn warning(&self, text: &str);
}

/// Hears nothing: of a run that tells nothing while it is made.
pub struct SilentMonitor;

impl Monitor for SilentMonitor {
    fn resumed(&self, _: usize, _: usize) {}
    fn step(&self, _: usize) {}
    fn measured(&self, _: f64) {}
    fn epoch(&self, _: &EpochMetrics) {}
    fn warning(&self, _: &str) {}
}
