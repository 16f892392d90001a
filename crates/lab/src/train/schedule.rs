//! How the learning rate changes over the epochs.

use serde::{Deserialize, Serialize};

use crate::{Check, Error, Result};

/// A factor on the learning rate for each epoch: `schedule = "constant"` or
/// `[schedule.multi-step]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// Always 1.
    Constant,
    /// Multiplied by `factor` after each of the epochs `after`.
    MultiStep {
        /// Epochs, from 1 and ascending, after which the rate drops.
        after: Vec<usize>,
        /// What the rate is multiplied by each time.
        factor: f64,
    },
}

impl Schedule {
    /// The factor in `epoch`, from 1.
    pub fn factor(&self, epoch: usize) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::MultiStep { after, factor } => {
                factor.powi(after.iter().filter(|&&last| epoch > last).count() as i32)
            }
        }
    }
}

impl Check for Schedule {
    fn check(&self) -> Result<()> {
        let Schedule::MultiStep { after, factor } = self else { return Ok(()) };
        if !(*factor > 0.0 && factor.is_finite()) {
            return Err(Error::Request(format!("schedule: factor = {factor} must be above 0")));
        }
        if after.contains(&0) || after.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::Request(format!(
                "schedule: after = {after:?} must be ascending epochs from 1"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The MNIST recipe of the paper: epochs 1–50: 0.1; 51–64: 0.01; 65–100: 0.001.
    #[test]
    fn drops_come_after_their_epochs() {
        let schedule = Schedule::MultiStep { after: vec![50, 64], factor: 0.1 };
        let rate = |epoch| 0.1 * schedule.factor(epoch);
        for (epoch, expected) in
            [(1, 0.1), (50, 0.1), (51, 0.01), (64, 0.01), (65, 0.001), (100, 0.001)]
        {
            assert!((rate(epoch) - expected).abs() < 1e-15, "epoch {epoch}: {}", rate(epoch));
        }
        assert_eq!(Schedule::Constant.factor(1000), 1.0);
    }

    #[test]
    fn senseless_schedules_are_refused() {
        let check = |after: &[usize], factor| {
            Schedule::MultiStep { after: after.to_vec(), factor }.check().is_ok()
        };
        assert!(check(&[1, 2], 0.5));
        assert!(!check(&[2, 1], 0.5));
        assert!(!check(&[0], 0.5));
        assert!(!check(&[1], 0.0));
        assert!(!check(&[1], f64::NAN));
    }
}
