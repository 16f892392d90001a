//! How the learning rate changes: a factor for each moment of a training.
//!
//! What is counted in epochs changes between them; what is counted in steps, at every one.

use serde::{Deserialize, Serialize};

use crate::{Check, Error, Result};

/// When a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its epoch, from 1.
    pub epoch: usize,
    /// How many epochs there will be.
    pub epochs: usize,
    /// Steps before it, in all epochs.
    pub steps: u64,
}

/// A factor on the learning rate: `schedule = "constant"` or `[schedule.multi-step]`.
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
    /// Half a cosine, from 1 in the first epoch towards `end` (Loshchilov and Hutter 2017, eq. 5).
    Cosine {
        /// Where it would be in the epoch after the last.
        #[serde(default)]
        end: f64,
        /// Counts the epoch that is under way too, so that the last one is at `end`: a scheduler that
        /// steps before the epoch instead of after it, as in the paper's code for iNaturalist.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        early: bool,
    },
    /// Multiplied by `factor` whenever another `every` epochs have passed.
    Exponential {
        /// What the rate is multiplied by each time.
        factor: f64,
        /// Epochs from one time to the next; 2.4 drops after the epochs 3, 5, 8, 10, 12, 15, ….
        #[serde(default = "one")]
        every: f64,
    },
    /// 1 for `steps` steps n, then √(n/t) after t of them (Vaswani et al. 2017, eq. 3, whose other
    /// part is a warm-up of as many steps).
    InverseSqrt {
        /// After how many steps it begins to fall.
        steps: u64,
    },
}

fn one() -> f64 {
    1.0
}

impl Schedule {
    /// The factor `now`.
    pub fn factor(&self, now: Moment) -> f64 {
        let done = now.epoch.saturating_sub(1) as f64;
        match self {
            Schedule::Constant => 1.0,
            Schedule::MultiStep { after, factor } => {
                factor.powi(after.iter().filter(|&&last| now.epoch > last).count() as i32)
            }
            Schedule::Cosine { end, early } => {
                let done = done + f64::from(u8::from(*early));
                let angle = std::f64::consts::PI * done / now.epochs as f64;
                end + (1.0 - end) * (1.0 + angle.cos()) / 2.0
            }
            Schedule::Exponential { factor, every } => factor.powf((done / every).floor()),
            Schedule::InverseSqrt { steps } => {
                (*steps as f64 / now.steps.max(*steps) as f64).sqrt()
            }
        }
    }
}

impl Check for Schedule {
    fn check(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Request(format!("schedule: {problem}")));
        match self {
            Schedule::MultiStep { factor, .. } | Schedule::Exponential { factor, .. }
                if !(*factor > 0.0 && factor.is_finite()) =>
            {
                refuse(format!("factor = {factor} must be above 0"))
            }
            Schedule::MultiStep { after, .. }
                if after.contains(&0) || after.windows(2).any(|pair| pair[0] >= pair[1]) =>
            {
                refuse(format!("after = {after:?} must be ascending epochs from 1"))
            }
            Schedule::Exponential { every, .. } if !(*every > 0.0 && every.is_finite()) => {
                refuse(format!("every = {every} must be above 0"))
            }
            Schedule::Cosine { end, .. } if !(0.0..=1.0).contains(end) => {
                refuse(format!("end = {end} must lie in [0, 1]"))
            }
            Schedule::InverseSqrt { steps: 0 } => refuse("steps = 0 must be above 0".to_owned()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_epoch(epoch: usize) -> Moment {
        Moment { epoch, epochs: 10, steps: 0 }
    }

    /// The MNIST recipe of the paper: epochs 1–50: 0.1; 51–64: 0.01; 65–100: 0.001.
    #[test]
    fn drops_come_after_their_epochs() {
        let schedule = Schedule::MultiStep { after: vec![50, 64], factor: 0.1 };
        let rate = |epoch| 0.1 * schedule.factor(in_epoch(epoch));
        for (epoch, expected) in
            [(1, 0.1), (50, 0.1), (51, 0.01), (64, 0.01), (65, 0.001), (100, 0.001)]
        {
            assert!((rate(epoch) - expected).abs() < 1e-15, "epoch {epoch}: {}", rate(epoch));
        }
        assert_eq!(Schedule::Constant.factor(in_epoch(1000)), 1.0);
    }

    /// ```python
    /// opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    /// s = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=10, eta_min=0.1)
    /// for _ in range(10): print(s.get_last_lr()); opt.step(); s.step()
    /// ```
    #[test]
    fn cosine_is_that_of_pytorch() {
        let schedule = Schedule::Cosine { end: 0.1, early: false };
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
        let schedule = Schedule::Cosine { end: 0.0, early: true };
        assert!((schedule.factor(in_epoch(5)) - 0.5).abs() < 1e-12);
        assert!(schedule.factor(in_epoch(10)).abs() < 1e-12);
    }

    #[test]
    fn exponential_drops_when_its_epochs_have_passed() {
        let schedule = Schedule::Exponential { factor: 0.5, every: 2.4 };
        let factors: Vec<f64> = (1..=11).map(|epoch| schedule.factor(in_epoch(epoch))).collect();
        let half = 0.5f64;
        let expected = [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4].map(|drops| half.powi(drops));
        assert_eq!(factors, expected);
        let each = Schedule::Exponential { factor: 0.5, every: 1.0 };
        assert_eq!(each.factor(in_epoch(4)), 0.125);
    }

    #[test]
    fn the_inverse_root_counts_steps() {
        let schedule = Schedule::InverseSqrt { steps: 4000 };
        let after = |steps| schedule.factor(Moment { epoch: 1, epochs: 1, steps });
        assert_eq!([after(0), after(4000), after(16_000)], [1.0, 1.0, 0.5]);
    }

    #[test]
    fn senseless_schedules_are_refused() {
        for (toml, expected) in [
            ("multi-step = { after = [2, 1], factor = 0.5 }", "after = [2, 1] must be ascending"),
            ("multi-step = { after = [0], factor = 0.5 }", "after = [0] must be ascending"),
            ("multi-step = { after = [1], factor = 0.0 }", "factor = 0 must be above 0"),
            ("multi-step = { after = [1], factor = nan }", "factor = NaN must be above 0"),
            ("cosine = { end = 2.0 }", "end = 2 must lie in [0, 1]"),
            ("exponential = { factor = -1.0 }", "factor = -1 must be above 0"),
            ("exponential = { factor = 0.9, every = 0.0 }", "every = 0 must be above 0"),
            ("inverse-sqrt = { steps = 0 }", "steps = 0 must be above 0"),
        ] {
            let error = toml::from_str::<Schedule>(toml).unwrap().check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("schedule: {expected}")), "{error}");
        }
        for toml in ["multi-step = { after = [1, 2], factor = 0.5 }", "[cosine]"] {
            assert!(toml::from_str::<Schedule>(toml).unwrap().check().is_ok());
        }
    }
}
