//! What happens around an optimizer's step: how many batches it is made of, how long its gradient
//! may be, and which weights are kept from it.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Validate};

/// `[update]`: by default each batch is a step, its gradient is taken as it is, and the weights
/// themselves are measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// Batches a step. They go through the model one by one; each counts by its examples, so the
    /// step's loss is the mean over all of them.
    #[serde(default = "one")]
    pub accumulate: NonZeroUsize,
    /// The largest norm that the gradient of all parameters together may have; a longer one is
    /// shortened to it (Pascanu et al. 2013, algorithm 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// The share that is kept in the exponential moving average of the weights, such as 0.9999. With
    /// it, what is validated, selected and measured is the average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// Measures the mean of the weights after each of the last so many epochs, as is usual for
    /// translation; those epochs themselves are validated with their own weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<NonZeroUsize>,
    /// What happens where a loss or a gradient is not finite.
    #[serde(default, skip_serializing_if = "OnNan::is_default")]
    pub on_nan: OnNan,
}

/// What happens where a loss or a gradient is not finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnNan {
    /// The training stops before the update, with the epoch and the step.
    #[default]
    Stop,
    /// The step moves nothing, and is counted.
    Skip,
}

impl OnNan {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

impl Default for Update {
    fn default() -> Self {
        Self { accumulate: one(), clip_norm: None, ema: None, average: None, on_nan: OnNan::Stop }
    }
}

impl Update {
    /// How far the mean of the weights moves towards them at a step.
    pub(super) fn after_step(&self) -> Option<f64> {
        self.ema.map(|decay| 1.0 - decay)
    }

    /// How far it does at the end of `epoch` of `epochs`, counted from 1: all the way at the first one
    /// that counts.
    pub(super) fn after_epoch(&self, epoch: usize, epochs: usize) -> Option<f64> {
        let before = epochs.saturating_sub(self.average?.get());
        (epoch > before).then(|| 1.0 / (epoch - before) as f64)
    }

    /// For `skip_serializing_if`: a recipe that does not say it stays as it was.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Validate for Update {
    fn validate(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Request(format!("update: {problem}")));
        match (self.clip_norm, self.ema) {
            (Some(limit), _) if !(limit > 0.0 && limit.is_finite()) => {
                refuse(format!("clip_norm = {limit} must be above 0"))
            }
            (_, Some(decay)) if !(0.0..1.0).contains(&decay) => {
                refuse(format!("ema = {decay} must lie in [0, 1)"))
            }
            _ if self.ema.is_some() && self.average.is_some() => {
                refuse("ema and average are two means of the weights: one of them".to_owned())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_epoch_that_counts_weighs_the_same_in_their_mean() {
        let update: Update = toml::from_str("average = 3").unwrap();
        let shares: Vec<_> = (1..=10).map(|epoch| update.after_epoch(epoch, 10)).collect();
        assert_eq!(shares[..7], [None; 7]);
        assert_eq!(shares[7..], [Some(1.0), Some(0.5), Some(1.0 / 3.0)]);
        // More epochs than there are: all of them.
        assert_eq!(update.after_epoch(1, 2), Some(1.0));
        assert_eq!(update.after_step(), None);
    }

    #[test]
    fn senseless_updates_are_refused() {
        for (toml, expected) in [
            ("clip_norm = 0.0", "clip_norm = 0 must be above 0"),
            ("clip_norm = nan", "clip_norm = NaN must be above 0"),
            ("ema = 1.0", "ema = 1 must lie in [0, 1)"),
            ("ema = 0.9\naverage = 5", "ema and average are two means of the weights: one of them"),
        ] {
            let error = toml::from_str::<Update>(toml).unwrap().validate().unwrap_err().to_string();
            assert_eq!(error, format!("update: {expected}"));
        }
        assert!(toml::from_str::<Update>("accumulate = 0").is_err());
        assert!(toml::from_str::<Update>("clip = 1.0").is_err());
        assert_eq!(toml::from_str::<Update>("").unwrap(), Update::default());
    }
}
