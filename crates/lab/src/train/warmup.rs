//! Linear warm-up: the learning rate rises before its schedule takes over (Goyal et al. 2017,
//! "Accurate, large minibatch SGD", §2.2).

use serde::{Deserialize, Serialize};

use super::Moment;
use crate::{Error, Result, Validate};

/// `[warmup]`: over some `epochs`, rising between them, or over some `steps`, rising at every one.
/// The schedule counts from the beginning of the training, not from the end of the warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warmup {
    /// How many epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// How many steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// The factor on the learning rate that it begins with.
    #[serde(default)]
    pub from: f64,
}

impl Warmup {
    /// The factor `now`; none once it is over.
    pub fn factor(&self, now: Moment) -> Option<f64> {
        let (done, all) = match (self.epochs, self.steps) {
            (Some(epochs), _) => (now.epoch.saturating_sub(1) as f64, epochs as f64),
            (None, Some(steps)) => (now.steps as f64, steps as f64),
            (None, None) => return None,
        };
        (done < all).then(|| self.from + (1.0 - self.from) * done / all)
    }
}

impl Validate for Warmup {
    fn validate(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Request(format!("warmup: {problem}")));
        if !(0.0..=1.0).contains(&self.from) {
            return refuse(format!("from = {} must lie in [0, 1]", self.from));
        }
        match (self.epochs, self.steps) {
            (Some(_), Some(_)) | (None, None) => {
                refuse("either epochs or steps must be set".to_owned())
            }
            (Some(_), None) if self.from == 0.0 => {
                refuse("with epochs, from must be above 0: the first would learn nothing".into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Schedule;
    use super::super::schedule::Exponential;
    use super::*;

    /// The paper's EfficientNet recipe, with timm 1.0.31:
    ///
    /// ```python
    /// opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.048)
    /// s = timm.scheduler.StepLRScheduler(
    ///     opt, decay_t=2.4, decay_rate=.97, warmup_t=3, warmup_lr_init=1e-6,
    ///     warmup_prefix=False)
    /// for epoch in range(30): s.step(epoch); print(epoch + 1, opt.param_groups[0]["lr"])
    /// ```
    #[test]
    fn epochs_rise_as_with_timm() {
        let warmup = Warmup { epochs: Some(3), steps: None, from: 1e-6 / 0.048 };
        let schedule = Schedule::Exponential(Exponential { factor: 0.97, every: 2.4 });
        for (epoch, expected) in [
            (1, 1e-6),
            (2, 0.016000666666666667),
            (3, 0.03200033333333333),
            (4, 0.048 * 0.97),
            (13, 0.0412192332336),
            (25, 0.03539635809095655),
        ] {
            let now = Moment { epoch, epochs: 450, steps: 0 };
            let factor = warmup.factor(now).unwrap_or_else(|| schedule.factor(now));
            assert!((0.048 * factor - expected).abs() < 1e-12, "epoch {epoch}: {}", 0.048 * factor);
        }
    }

    #[test]
    fn steps_rise_at_every_one() {
        let warmup = Warmup { epochs: None, steps: Some(4), from: 0.0 };
        let after = |steps| warmup.factor(Moment { epoch: 1, epochs: 1, steps });
        assert_eq!([after(0), after(1), after(3)], [Some(0.0), Some(0.25), Some(0.75)]);
        assert_eq!(after(4), None);
    }

    #[test]
    fn senseless_warm_ups_are_refused() {
        for (toml, expected) in [
            ("from = 0.5", "either epochs or steps"),
            ("epochs = 1\nsteps = 1\nfrom = 0.5", "either epochs or steps"),
            ("epochs = 3", "from must be above 0"),
            ("steps = 3\nfrom = 1.5", "from = 1.5 must lie in [0, 1]"),
        ] {
            let error = toml::from_str::<Warmup>(toml).unwrap().validate().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(toml::from_str::<Warmup>("steps = 3").unwrap().validate().is_ok());
    }
}
