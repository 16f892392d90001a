//! What happens around an optimizer's step: how many batches it is made of, how long its gradient
//! may be, and which weights are kept from it.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::{Check, Error, Result};

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
}

fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

impl Default for Update {
    fn default() -> Self {
        Self { accumulate: one(), clip_norm: None, ema: None }
    }
}

impl Update {
    /// For `skip_serializing_if`: a recipe that does not say it stays as it was.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Check for Update {
    fn check(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Request(format!("update: {problem}")));
        match (self.clip_norm, self.ema) {
            (Some(limit), _) if !(limit > 0.0 && limit.is_finite()) => {
                refuse(format!("clip_norm = {limit} must be above 0"))
            }
            (_, Some(decay)) if !(0.0..1.0).contains(&decay) => {
                refuse(format!("ema = {decay} must lie in [0, 1)"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_updates_are_refused() {
        for (toml, expected) in [
            ("clip_norm = 0.0", "clip_norm = 0 must be above 0"),
            ("clip_norm = nan", "clip_norm = NaN must be above 0"),
            ("ema = 1.0", "ema = 1 must lie in [0, 1)"),
        ] {
            let error = toml::from_str::<Update>(toml).unwrap().check().unwrap_err().to_string();
            assert_eq!(error, format!("update: {expected}"));
        }
        assert!(toml::from_str::<Update>("accumulate = 0").is_err());
        assert!(toml::from_str::<Update>("clip = 1.0").is_err());
        assert_eq!(toml::from_str::<Update>("").unwrap(), Update::default());
    }
}
