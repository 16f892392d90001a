//! [`Clean`]: which sentence pairs are too long or too unlike each other to learn from.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Validate};

/// A word of more bytes than this is none.
const LONGEST_WORD: usize = 1000;

/// `clean = { max_len = 175, ratio = 1.5 }`: what Moses' script `clean-corpus-n` leaves, with a
/// length of at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clean {
    /// The most words on a side.
    #[serde(default = "most_words")]
    pub max_len: usize,
    /// How many times as many words as the other side one side may have.
    #[serde(default = "ratio")]
    pub ratio: f64,
}

fn most_words() -> usize {
    175
}

fn ratio() -> f64 {
    1.5
}

impl Validate for Clean {
    fn validate(&self) -> Result<()> {
        if self.max_len > 0 && self.ratio >= 1.0 {
            return Ok(());
        }
        Err(Error::Request(format!(
            "clean: max_len = {} must be above 0 and ratio = {} at least 1",
            self.max_len, self.ratio
        )))
    }
}

impl Clean {
    /// Whether the pair of the words `source` and `target`, with spaces between them, stays.
    pub fn keeps(&self, source: &str, target: &str) -> bool {
        let [source, target] = [source, target].map(|side| {
            let words = || side.split_whitespace();
            let fits = words().all(|word| word.len() <= LONGEST_WORD);
            if fits { words().count() } else { 0 }
        });
        let fits = |words: usize| (1..=self.max_len).contains(&words);
        let [more, less] = [source.max(target), source.min(target)];
        fits(source) && fits(target) && more as f64 / less as f64 <= self.ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_unlike_pairs_go() {
        let clean = Clean { max_len: 6, ratio: 1.5 };
        let words = |count: usize| "w ".repeat(count);
        let keeps = |source, target| clean.keeps(&words(source), &words(target));
        assert!(keeps(1, 1) && keeps(6, 6) && keeps(6, 4) && keeps(4, 6) && keeps(2, 3));
        assert!(!keeps(7, 6) && !keeps(6, 7) && !keeps(5, 3) && !keeps(3, 5) && !keeps(2, 1));
        assert!(!keeps(0, 0) && !keeps(0, 1) && !keeps(1, 0));
        let long = "x".repeat(1001);
        assert!(!clean.keeps(&long, "a") && clean.keeps(&long[..1000], "a"));
    }

    #[test]
    fn senseless_settings_are_refused() {
        for (max_len, ratio) in [(0, 1.5), (5, 0.9), (5, f64::NAN)] {
            assert!(Clean { max_len, ratio }.validate().is_err());
        }
        assert!(Clean { max_len: 175, ratio: 1.5 }.validate().is_ok());
    }
}
