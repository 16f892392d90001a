//! The inverse root of the steps, for translation (Vaswani et al. 2017, eq. 3, whose other part is a
//! warm-up of as many steps).

use serde::{Deserialize, Serialize};

use super::{Moment, refuse};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "inverse-sqrt",
    title: "inverse root",
    what: "1 for `steps` steps n, then √(n/t) after t of them",
    source: "Vaswani et al. 2017, eq. 3",
    parameters: &[Parameter {
        name: "steps",
        default: None,
        range: Range::Positive,
        what: "after how many steps it begins to fall",
    }],
    example: "schedule.inverse-sqrt = { steps = 4000 }",
};

/// `[schedule.inverse-sqrt]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InverseSqrt {
    /// After how many steps it begins to fall.
    pub steps: u64,
}

impl InverseSqrt {
    /// The factor `now`.
    pub fn factor(&self, now: Moment) -> f64 {
        (self.steps as f64 / now.steps.max(self.steps) as f64).sqrt()
    }
}

impl Validate for InverseSqrt {
    fn validate(&self) -> Result<()> {
        CARD.validate(self).map_err(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_root_counts_steps() {
        let schedule = InverseSqrt { steps: 4000 };
        let after = |steps| schedule.factor(Moment { epoch: 1, epochs: 1, steps });
        assert_eq!([after(0), after(4000), after(16_000)], [1.0, 1.0, 0.5]);
    }
}
