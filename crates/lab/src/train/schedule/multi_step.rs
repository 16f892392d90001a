//! Drops after given epochs, as PyTorch's `MultiStepLR`.

use serde::{Deserialize, Serialize};

use super::{Moment, refuse};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "multi-step",
    title: "steps",
    what: "multiplied by `factor` after each of the epochs `after`",
    source: "PyTorch's `MultiStepLR`",
    parameters: &[
        Parameter {
            name: "after",
            default: None,
            range: Range::Words("ascending epochs from 1"),
            what: "epochs after which the rate drops",
        },
        Parameter {
            name: "factor",
            default: None,
            range: Range::Positive,
            what: "what the rate is multiplied by each time",
        },
    ],
    example: "schedule.multi-step = { after = [50, 64], factor = 0.1 }",
};

/// `[schedule.multi-step]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiStep {
    /// Epochs, from 1 and ascending, after which the rate drops.
    pub after: Vec<usize>,
    /// What the rate is multiplied by each time.
    pub factor: f64,
}

impl MultiStep {
    /// The factor `now`.
    pub fn factor(&self, now: Moment) -> f64 {
        self.factor.powi(self.after.iter().filter(|&&last| now.epoch > last).count() as i32)
    }
}

impl Validate for MultiStep {
    fn validate(&self) -> Result<()> {
        CARD.validate(self).map_err(refuse)?;
        let Self { after, .. } = self;
        if after.contains(&0) || after.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(refuse(format!("after = {after:?} must be ascending epochs from 1")));
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
        let schedule = MultiStep { after: vec![50, 64], factor: 0.1 };
        let rate = |epoch| 0.1 * schedule.factor(Moment { epoch, epochs: 100, steps: 0 });
        for (epoch, expected) in
            [(1, 0.1), (50, 0.1), (51, 0.01), (64, 0.01), (65, 0.001), (100, 0.001)]
        {
            assert!((rate(epoch) - expected).abs() < 1e-15, "epoch {epoch}: {}", rate(epoch));
        }
    }
}
