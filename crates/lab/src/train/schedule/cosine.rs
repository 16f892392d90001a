//! Half a cosine (Loshchilov and Hutter 2017, eq. 5, without restarts).

use serde::{Deserialize, Serialize};

use super::{Moment, refuse};
use crate::card::{Card, Parameter, Range};
use crate::{Result, Validate};

pub(super) static CARD: Card = Card {
    name: "cosine",
    title: "cosine",
    what: "half a cosine, from 1 in the first epoch towards `end`",
    source: "Loshchilov and Hutter 2017, eq. 5; PyTorch's `CosineAnnealingLR`",
    parameters: &[
        Parameter {
            name: "end",
            default: Some("0.0"),
            range: Range::Within(0.0, 1.0),
            what: "where it would be in the epoch after the last",
        },
        Parameter {
            name: "early",
            default: Some("false"),
            range: Range::Words("true or false"),
            what: "counts the epoch that is under way too, so that the last one is at `end`",
        },
    ],
    example: "schedule.cosine = {}",
};

/// `[schedule.cosine]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    /// Where it would be in the epoch after the last.
    #[serde(default)]
    pub end: f64,
    /// Counts the epoch that is under way too, so that the last one is at `end`: a scheduler that
    /// steps before the epoch instead of after it, as in the paper's code for iNaturalist.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub early: bool,
}

impl Cosine {
    /// The factor `now`.
    pub fn factor(&self, now: Moment) -> f64 {
        let done = now.epoch.saturating_sub(1) as f64 + f64::from(u8::from(self.early));
        let angle = std::f64::consts::PI * done / now.epochs as f64;
        self.end + (1.0 - self.end) * (1.0 + angle.cos()) / 2.0
    }
}

impl Validate for Cosine {
    fn validate(&self) -> Result<()> {
        CARD.validate(self).map_err(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_epoch(epoch: usize) -> Moment {
        Moment { epoch, epochs: 10, steps: 0 }
    }

    /// ```python
    /// opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    /// s = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=10, eta_min=0.1)
    /// for _ in range(10): print(s.get_last_lr()); opt.step(); s.step()
    /// ```
    #[test]
    fn cosine_is_that_of_pytorch() {
        let schedule = Cosine { end: 0.1, early: false };
        let expected = [
            1.0, 0.9779754, 0.9140576, 0.8145034, 0.6890576, 0.55, 0.4109424, 0.2854966, 0.1859424,
            0.1220246,
        ];
        for (epoch, expected) in (1..).zip(expected) {
            let found = schedule.factor(in_epoch(epoch));
            assert!((found - expected).abs() < 1e-7, "epoch {epoch}: {found}");
        }
    }

    /// Epoch e of the paper's 200 on iNaturalist has the rate of cos(πe/200), the last one 0.
    #[test]
    fn an_early_cosine_ends_at_its_end() {
        let schedule = Cosine { end: 0.0, early: true };
        assert!((schedule.factor(in_epoch(5)) - 0.5).abs() < 1e-12);
        assert!(schedule.factor(in_epoch(10)).abs() < 1e-12);
    }
}
