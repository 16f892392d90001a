//! A factor that repeats: each time that some epochs have passed, which need not be whole ones.

use serde::{Deserialize, Serialize};

use super::{Moment, refuse};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "exponential",
    title: "exponential",
    what: "multiplied by `factor` whenever another `every` epochs have passed",
    source: "timm's `StepLRScheduler`",
    parameters: &[
        Parameter {
            name: "factor",
            default: None,
            range: Range::Positive,
            what: "what the rate is multiplied by each time",
        },
        Parameter {
            name: "every",
            default: Some("1.0"),
            range: Range::Positive,
            what: "epochs from one time to the next; 2.4 drops after the epochs 3, 5, 8, 10, 12, 15, …",
        },
    ],
    example: "schedule.exponential = { factor = 0.97, every = 2.4 }",
};

/// `[schedule.exponential]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exponential {
    /// What the rate is multiplied by each time.
    pub factor: f64,
    /// Epochs from one time to the next; 2.4 drops after the epochs 3, 5, 8, 10, 12, 15, ….
    #[serde(default = "one")]
    pub every: f64,
}

fn one() -> f64 {
    1.0
}

impl Exponential {
    /// The factor `now`.
    pub fn factor(&self, now: Moment) -> f64 {
        let done = now.epoch.saturating_sub(1) as f64;
        self.factor.powf((done / self.every).floor())
    }
}

impl Validate for Exponential {
    fn validate(&self) -> Result<()> {
        CARD.validate(self).map_err(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_drops_when_its_epochs_have_passed() {
        let in_epoch = |epoch| Moment { epoch, epochs: 11, steps: 0 };
        let schedule = Exponential { factor: 0.5, every: 2.4 };
        let factors: Vec<f64> = (1..=11).map(|epoch| schedule.factor(in_epoch(epoch))).collect();
        let half = 0.5f64;
        let expected = [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4].map(|drops| half.powi(drops));
        assert_eq!(factors, expected);
        let each = Exponential { factor: 0.5, every: 1.0 };
        assert_eq!(each.factor(in_epoch(4)), 0.125);
    }
}
