//! How translations are searched for.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Validate};

/// fairseq's options, with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchOptions {
    /// Hypotheses that go on at each step; 1 takes the likeliest token each time.
    pub beam: usize,
    /// λ of the score, log p / lengthᵏ with k = λ: the larger, the longer the translations.
    pub lenpen: f64,
    /// A translation has at most ⌊a·S + b⌋ tokens, S being those of the source with its end.
    pub max_len_a: f64,
    /// b of the above.
    pub max_len_b: usize,
    /// Fewest tokens of a translation.
    pub min_len: usize,
    /// What an unknown token costs beyond its −log p; infinity forbids it.
    pub unk_penalty: f64,
    /// How many translations of each sentence come back.
    pub nbest: usize,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            beam: 5,
            lenpen: 1.0,
            max_len_a: 0.0,
            max_len_b: 200,
            min_len: 1,
            unk_penalty: 0.0,
            nbest: 1,
        }
    }
}

impl SearchOptions {
    /// The most tokens of the translation of a source of `length` tokens with its end.
    pub fn longest(&self, length: usize) -> usize {
        (self.max_len_a * length as f64 + self.max_len_b as f64) as usize
    }
}

impl Validate for SearchOptions {
    fn validate(&self) -> Result<()> {
        let Self { beam, lenpen, max_len_a, max_len_b, min_len, unk_penalty, nbest } = self;
        let refuse = |problem: String| Err(Error::Request(format!("search: {problem}")));
        if *beam == 0 {
            return refuse("beam = 0 must be at least 1".to_owned());
        }
        if !(1..=*beam).contains(nbest) {
            return refuse(format!("nbest = {nbest} must lie in 1..={beam}, the beam"));
        }
        if !lenpen.is_finite() {
            return refuse(format!("lenpen = {lenpen} must be finite"));
        }
        if !(max_len_a.is_finite() && *max_len_a >= 0.0) {
            return refuse(format!("max_len_a = {max_len_a} must be finite and at least 0"));
        }
        if unk_penalty.is_nan() {
            return refuse("unk_penalty = nan must be a number".to_owned());
        }
        // The shortest source is an end alone.
        if *min_len > self.longest(1) {
            return refuse(format!(
                "min_len = {min_len} is more than max_len_a + max_len_b = {}",
                max_len_a + *max_len_b as f64
            ));
        }
        Ok(())
    }
}
