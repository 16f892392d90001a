//! [`Judge`]: what a trial is worth, by its validation part alone.
//!
//! Of a command that is a metric of `val_logits.npy` with `val_labels.npy`, or a number `val_…` of its
//! `metrics.json`; of our own trainings the accuracy or the NLL that the log has of the epoch whose
//! weights are measured. What a run says of its test part has no say in it.

use super::facts::Facts;
use super::recipe::Tune;
use crate::measure::{Card, Direction};
use crate::{Better, Error, Result, Select};

/// In front of the name of what was measured on the validation part.
pub(super) const PREFIX: &str = "val_";
/// What trials are judged by where nobody says it.
pub(super) const USUAL: &str = "accuracy";

/// The metric that trials are judged by.
#[derive(Clone, Debug)]
pub struct Judge {
    /// What it is called, without "val_".
    pub name: String,
    /// Which way is better.
    pub better: Better,
    /// What we know of it, where it is one of ours.
    pub card: Option<&'static Card>,
    /// Whether it is to be read from `metrics.json`, whatever else there is.
    pub(super) reported: bool,
    pub(super) of_command: bool,
    pub(super) select: Select,
}

/// What a trial is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The metric, in the unit that it is shown in.
    pub value: f64,
    /// NLL of the validation part, which decides between equals; not where only metrics are known.
    pub nll: Option<f64>,
}

impl Judge {
    /// What the trials that `tune` asks for are judged by: what it names, or what the table begins with.
    ///
    /// # Errors
    /// A metric of which it is not known which way is better, or that our own trainings do not log.
    pub fn new(tune: &Tune, facts: &Facts) -> Result<Self> {
        let asked = tune.metric.as_deref();
        let key = asked.or(facts.primary).unwrap_or(USUAL);
        let name = key.strip_prefix(PREFIX).unwrap_or(key).to_owned();
        let refuse = |problem: String| Err(Error::Request(format!("tune: {problem}")));
        let of_command = facts.training.is_none();
        if !of_command && ![USUAL, "nll"].contains(&name.as_str()) {
            return refuse(format!(
                "{name} is not known of the validation part: our own trainings log its accuracy and nll"
            ));
        }
        let card = Card::all().find(|card| card.key == name);
        let declared = [format!("{PREFIX}{name}"), name.clone()];
        let declared = declared.iter().find_map(|name| facts.directions.get(name)).copied();
        let better = declared.or_else(|| match card?.direction {
            Direction::Higher => Some(Better::Higher),
            Direction::Lower => Some(Better::Lower),
            Direction::Undefined => None,
        });
        let Some(better) = better else {
            return refuse(format!(
                "which way {name} is better is not known: --metric {PREFIX}{name}=lower says it"
            ));
        };
        let reported = asked.is_some_and(|asked| asked.starts_with(PREFIX));
        Ok(Self { name, better, card, reported, of_command, select: facts.select })
    }

    /// Whether `a` is better than `b`, by the metric, and of equals by the NLL.
    pub fn prefers(&self, a: Score, b: Score) -> bool {
        let ahead = match self.better {
            Better::Higher => a.value.total_cmp(&b.value),
            Better::Lower => b.value.total_cmp(&a.value),
        };
        let surer = a.nll.zip(b.nll).map(|(a, b)| b.total_cmp(&a));
        ahead.then(surer.unwrap_or(std::cmp::Ordering::Equal)).is_gt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;
    use std::path::Path;

    fn judge(metric: &str, declared: &str) -> Judge {
        let text = format!(
            "name = \"x\"\nlosses = [\"ce\"]\nseeds = [0]\n[run]\ncommand = [\"t\"]\n{declared}\n\
             [tune]\nlr = [1]\n{metric}\n"
        );
        Plan::parse(Path::new("r"), &text).unwrap().tuning().unwrap().unwrap().judge
    }

    #[test]
    fn better_is_what_was_declared_and_of_equals_the_surer_one() {
        let wer = judge("metric = \"wer\"", "[run.metrics.val_wer]\ndirection = \"lower\"\n");
        let of = |value, nll| Score { value, nll };
        assert!(wer.prefers(of(0.1, None), of(0.2, None)));
        assert!(!wer.prefers(of(0.1, None), of(0.1, None)));
        let accuracy = judge("", "");
        assert!(accuracy.prefers(of(90.0, Some(2.0)), of(80.0, Some(0.1))));
        assert!(accuracy.prefers(of(90.0, Some(0.1)), of(90.0, Some(0.2))));
        assert!(!accuracy.prefers(of(90.0, Some(0.2)), of(90.0, Some(0.2))));
    }
}
