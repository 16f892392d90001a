//! [`Tune`]: which options are tuned for every loss, as a recipe says it.
//!
//! ```toml
//! [tune]
//! lr = [0.01, 0.03, 0.1]     # several options: each value with each
//! trials = 6                 # so many draws of these, the same for every loss; all without it
//! seeds = 2                  # how many for each trial, or a list; none is one of the comparison's
//! metric = "nll"             # of the validation part; without it the first metric of the table
//! ```

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::fields::{repeated, validate_seeds, values};
use crate::{Error, Result};

/// Seeds of a trial where nobody says how many.
const USUAL_SEEDS: u16 = 2;
/// The seeds of trials begin at the first multiple of this above those of the comparison: far enough that
/// a comparison which gets more seeds keeps its trials.
const APART: u64 = 1000;
/// A grid of more points is surely a mistake.
const MOST_POINTS: usize = 10_000;

/// `[tune]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tune {
    /// How many points of the grid are tried; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<NonZeroUsize>,
    /// With which seeds.
    #[serde(default)]
    pub seeds: TrialSeeds,
    /// What they are judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The options, each with its values as they are typed.
    #[serde(flatten, deserialize_with = "values")]
    pub options: BTreeMap<String, Vec<String>>,
}

/// How many seeds a trial has, or which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a list of seeds, or how many (1 to 10000)")]
pub enum TrialSeeds {
    /// So many, beyond those of the comparison.
    Count(u16),
    /// These.
    List(Vec<u64>),
}

impl Default for TrialSeeds {
    fn default() -> Self {
        Self::Count(USUAL_SEEDS)
    }
}

impl Tune {
    /// For `deserialize_with`: what makes sense, or nothing.
    ///
    /// # Errors
    /// What makes no sense, as the format's own error.
    pub fn validated<'de, D: Deserializer<'de>>(
        from: D,
    ) -> std::result::Result<Option<Self>, D::Error> {
        let tune = Option::<Self>::deserialize(from)?;
        tune.as_ref().map_or(Ok(()), Self::validate).map_err(D::Error::custom)?;
        Ok(tune)
    }

    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// Names the option and the value.
    pub fn validate(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Request(format!("tune: {problem}")));
        if self.options.is_empty() {
            return refuse("nothing is tuned: lr = [0.01, 0.03, 0.1] names an option".to_owned());
        }
        let mut points = 1usize;
        for (name, values) in &self.options {
            if values.is_empty() {
                return refuse(format!("{name} needs a value at least"));
            }
            if let Some(value) = repeated(values.iter()) {
                return refuse(format!("{name} = {value:?} is there twice"));
            }
            points = points.saturating_mul(values.len());
        }
        if points > MOST_POINTS {
            return refuse(format!("{points} combinations of values are more than {MOST_POINTS}"));
        }
        if let Some(trials) = self.trials.filter(|trials| trials.get() > points) {
            return refuse(format!("trials = {trials} of {points} combinations of values"));
        }
        match &self.seeds {
            TrialSeeds::Count(0) => refuse("a trial needs a seed at least".to_owned()),
            TrialSeeds::Count(_) => Ok(()),
            TrialSeeds::List(seeds) => validate_seeds(seeds),
        }
    }

    /// The seeds of every trial, where the comparison has those.
    pub fn seeds(&self, comparison: &[u64]) -> Vec<u64> {
        match &self.seeds {
            TrialSeeds::List(seeds) => seeds.clone(),
            TrialSeeds::Count(count) => {
                let highest = comparison.iter().max().copied().unwrap_or(0);
                let first = (highest / APART).saturating_add(1).saturating_mul(APART);
                (0..u64::from(*count)).map(|at| first.saturating_add(at)).collect()
            }
        }
    }

    /// The same with its seeds spelt out, which more seeds of the comparison do not change any more.
    #[must_use]
    pub fn settled(&self, comparison: &[u64]) -> Self {
        Self { seeds: TrialSeeds::List(self.seeds(comparison)), ..self.clone() }
    }

    /// Refuses seeds that the comparison has, too: a setting would be chosen by what it is measured by.
    ///
    /// # Errors
    /// Names the seed.
    pub fn validate_apart(&self, comparison: &[u64]) -> Result<()> {
        match self.seeds(comparison).iter().find(|seed| comparison.contains(seed)) {
            None => Ok(()),
            Some(seed) => Err(Error::Request(format!(
                "tune: the seed {seed} is one of the comparison, and the trials have others: a setting \
                 is not chosen with the seeds that it is compared with"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tune(text: &str) -> std::result::Result<Tune, String> {
        #[derive(Deserialize)]
        struct Outer {
            #[serde(default, deserialize_with = "Tune::validated")]
            tune: Option<Tune>,
        }
        let outer: Outer = toml::from_str(text).map_err(|error| error.to_string())?;
        outer.tune.ok_or_else(|| "none".to_owned())
    }

    #[test]
    fn comes_back_from_its_text() {
        let text =
            "[tune]\nlr = [0.1, \"1e-3\"]\nwd = [0]\ntrials = 2\nseeds = [7]\nmetric = \"nll\"";
        let read = tune(text).unwrap();
        assert_eq!(read.options["lr"], ["0.1", "1e-3"]);
        assert_eq!((read.trials.map(NonZeroUsize::get), read.options["wd"].len()), (Some(2), 1));
        let again: Tune = toml::from_str(&toml::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
    }

    #[test]
    fn seeds_lie_beyond_those_of_the_comparison_and_stay_where_these_grow() {
        let plain = tune("[tune]\nlr = [1]").unwrap();
        assert_eq!(plain.seeds(&[0, 1, 4]), [1000, 1001]);
        assert_eq!(plain.seeds(&[0, 13]), [1000, 1001]);
        assert_eq!(plain.seeds(&[4711, 3]), [5000, 5001]);
        assert_eq!(plain.settled(&[3]).seeds(&[4711]), [1000, 1001]);
        let own = tune("[tune]\nlr = [1]\nseeds = [7, 3]").unwrap();
        assert_eq!(own.seeds(&[0]), [7, 3]);
        let error = own.validate_apart(&[0, 3]).unwrap_err().to_string();
        assert!(error.contains("the seed 3 is one of the comparison"), "{error}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, expected) in [
            ("trials = 1", "nothing is tuned"),
            ("lr = []", "lr needs a value"),
            ("lr = [1, \"1\"]", "lr = \"1\" is there twice"),
            ("lr = [1, 2]\ntrials = 3", "trials = 3 of 2"),
            ("lr = [1]\nseeds = 0", "needs a seed"),
            ("lr = [1]\nseeds = [1, 1]", "the seed 1 is there twice"),
            ("lr = 1", "expected a sequence"),
        ] {
            let error = tune(&format!("[tune]\n{text}")).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let many: Vec<String> = (0..101).map(|value| value.to_string()).collect();
        let many = many.join(",");
        let error = tune(&format!("[tune]\na = [{many}]\nb = [{many}]")).unwrap_err();
        assert!(error.contains("10201 combinations"), "{error}");
    }
}
