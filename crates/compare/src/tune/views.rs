//! [`Views`]: the two comparisons that a tuned one is: with what each loss took, and with what all share.

use super::{Point, Tuning, TuningResult, TuningRow};
use crate::Setting;

/// One of them.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What is trained, as folders are called.
    pub settings: Vec<Setting>,
    /// The same as the report calls it.
    pub shown: Vec<Setting>,
}

/// Both of them.
#[derive(Clone, Debug)]
pub struct Views {
    /// Each loss with what it took.
    pub taken: View,
    /// All with the same.
    pub shared: View,
}

impl Views {
    /// Those of the rows of `tuned`.
    pub fn new(tuning: &Tuning, tuned: &TuningResult) -> Self {
        let view = |point: &dyn Fn(&TuningRow) -> Point| {
            let of = |make: fn(&Tuning, &Setting, &Point) -> Setting| {
                tuned.rows.iter().map(|row| make(tuning, &row.setting, &point(row))).collect()
            };
            View { settings: of(Tuning::setting), shown: of(Tuning::shown) }
        };
        Self {
            taken: view(&|row| tuned.taken(row).clone()),
            shared: view(&|_| tuned.shared.clone()),
        }
    }

    /// What is trained for either, each once.
    pub fn settings(&self) -> Vec<Setting> {
        let mut all: Vec<Setting> = Vec::new();
        for setting in self.shared.settings.iter().chain(&self.taken.settings) {
            if !all.contains(setting) {
                all.push(setting.clone());
            }
        }
        all
    }
}
