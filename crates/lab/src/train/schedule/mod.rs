//! How the learning rate changes: a factor for each moment of a training.
//!
//! What is counted in epochs changes between them; what is counted in steps, at every one. One file a
//! schedule, with its [`Card`]; the list in `schedules!` below is all that recipes, the documentation
//! and the tests know of them.

mod constant;
mod cosine;
mod exponential;
mod inverse_sqrt;
mod multi_step;

pub use cosine::Cosine;
pub use exponential::Exponential;
pub use inverse_sqrt::InverseSqrt;
pub use multi_step::MultiStep;

use serde::{Deserialize, Serialize};

use crate::card::Card;
use crate::{Error, Result, Validate};

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

/// Makes [`Schedule`] and [`SCHEDULES`] of one list. An entry is a schedule's file and its type, which
/// gives a factor for each [`Moment`]; a recipe calls it as its card does.
macro_rules! schedules {
    ($($(#[$doc:meta])* $file:ident: $Name:ident,)*) => {
        /// A factor on the learning rate: `schedule = "constant"` or `[schedule.multi-step]`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub enum Schedule {
            /// Always 1.
            Constant,
            $($(#[$doc])* $Name($Name),)*
        }

        /// What each schedule says of itself, in the order in which they are spoken of.
        pub static SCHEDULES: &[&Card] = &[&constant::CARD, $(&$file::CARD),*];

        impl Schedule {
            /// The factor `now`.
            pub fn factor(&self, now: Moment) -> f64 {
                match self {
                    Schedule::Constant => constant::FACTOR,
                    $(Schedule::$Name(schedule) => schedule.factor(now),)*
                }
            }
        }

        impl Validate for Schedule {
            fn validate(&self) -> Result<()> {
                match self {
                    Schedule::Constant => Ok(()),
                    $(Schedule::$Name(schedule) => schedule.validate(),)*
                }
            }
        }
    };
}

schedules! {
    /// Multiplied by a factor after given epochs.
    multi_step: MultiStep,
    /// Half a cosine, from 1 in the first epoch towards an end (Loshchilov and Hutter 2017, eq. 5).
    cosine: Cosine,
    /// Multiplied by a factor whenever some epochs have passed.
    exponential: Exponential,
    /// The inverse root of the steps (Vaswani et al. 2017, eq. 3).
    inverse_sqrt: InverseSqrt,
}

fn refuse(problem: String) -> Error {
    Error::Request(format!("schedule: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::tests::says_what_is_read;

    #[test]
    fn cards_say_what_is_read() {
        SCHEDULES.iter().for_each(|card| says_what_is_read::<Schedule>("schedule", card));
        assert_eq!(Schedule::Constant.factor(Moment { epoch: 1000, epochs: 1, steps: 9 }), 1.0);
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
            let error =
                toml::from_str::<Schedule>(toml).unwrap().validate().unwrap_err().to_string();
            assert!(error.starts_with(&format!("schedule: {expected}")), "{error}");
        }
        for toml in ["multi-step = { after = [1, 2], factor = 0.5 }", "[cosine]"] {
            assert!(toml::from_str::<Schedule>(toml).unwrap().validate().is_ok());
        }
    }
}
