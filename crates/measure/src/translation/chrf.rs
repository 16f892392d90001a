//! [`Chrf`]: the F-score of character n-grams (Popović 2015, "chrF: character n-gram F-score for
//! automatic MT evaluation"), and with word n-grams chrF++ (Popović 2017).

use std::collections::HashMap;
use std::hash::Hash;

use super::{Metric, SACREBLEU, is_space, ngrams, words};

const CHARACTERS: usize = 6;

/// How many times as much recall counts as precision, squared.
const BETA_SQUARED: f64 = 4.0;

/// The settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chrf {
    /// The longest n-grams of words that count: 0 for chrF, 2 for chrF++.
    pub words: usize,
    /// Whether case is ignored.
    pub lowercase: bool,
}

/// Of each order: n-grams of the hypothesis, n-grams of the reference, matches.
type Counts = Vec<f64>;

impl Chrf {
    /// What others need to compute the same, in sacreBLEU's form.
    pub fn signature(&self, references: usize) -> String {
        let case = if self.lowercase { "lc" } else { "mixed" };
        let words = self.words;
        format!(
            "nrefs:{references}|case:{case}|eff:yes|nc:{CHARACTERS}|nw:{words}|space:no|version:{SACREBLEU}"
        )
    }

    /// Its name in tables.
    pub fn name(&self) -> String {
        format!("chrF2{}", "+".repeat(self.words))
    }

    fn against(&self, hypothesis: &str, reference: &str) -> Counts {
        let characters =
            |line: &str| -> Vec<char> { line.chars().filter(|&c| !is_space(c)).collect() };
        let (ours, theirs) = (characters(hypothesis), characters(reference));
        let mut counts = Vec::new();
        for n in 1..=CHARACTERS {
            counts.extend(matches(&ngrams(&ours, n), &ngrams(&theirs, n)));
        }
        let (ours, theirs) = (without_punctuation(hypothesis), without_punctuation(reference));
        for n in 1..=self.words {
            counts.extend(matches(&ngrams(&ours, n), &ngrams(&theirs, n)));
        }
        counts
    }
}

fn matches<T: Eq + Hash>(ours: &HashMap<&[T], usize>, theirs: &HashMap<&[T], usize>) -> [f64; 3] {
    let shared = ours.iter().map(|(ngram, &count)| count.min(*theirs.get(ngram).unwrap_or(&0)));
    let shared: usize = shared.sum();
    // Where the reference has none, the hypothesis has none either.
    let tried: usize = if theirs.is_empty() { 0 } else { ours.values().sum() };
    [tried as f64, theirs.values().sum::<usize>() as f64, shared as f64]
}

/// The words, with one mark of ASCII punctuation at the end, or else at the beginning, cut off.
fn without_punctuation(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for word in words(line) {
        let (first, last) = (word.chars().next(), word.chars().next_back());
        let mark = |c: Option<char>| c.is_some_and(|c| c.is_ascii_punctuation());
        if word.chars().nth(1).is_none() {
            found.push(word);
        } else if mark(last) {
            found.extend([&word[..word.len() - 1], &word[word.len() - 1..]]);
        } else if mark(first) {
            found.extend([&word[..1], &word[1..]]);
        } else {
            found.push(word);
        }
    }
    found
}

impl Metric for Chrf {
    fn counts(&self, hypothesis: &str, references: &[&str]) -> Vec<f64> {
        let lower = |line: &str| if self.lowercase { line.to_lowercase() } else { line.to_owned() };
        let hypothesis = lower(hypothesis);
        // Of several references the one with the best score, the first of equals.
        let mut best: Option<(f64, Counts)> = None;
        for reference in references {
            let counts = self.against(&hypothesis, &lower(reference));
            let score = self.score(&counts);
            if best.as_ref().is_none_or(|(best, _)| score > *best) {
                best = Some((score, counts));
            }
        }
        best.map_or_else(Vec::new, |(_, counts)| counts)
    }

    fn score(&self, counts: &[f64]) -> f64 {
        let orders: Vec<&[f64]> =
            counts.chunks_exact(3).filter(|order| order[0] > 0.0 && order[1] > 0.0).collect();
        let mean = |side: usize| {
            let shares = orders.iter().map(|order| order[2] / order[side]);
            shares.sum::<f64>() / orders.len() as f64
        };
        let (precision, recall) = (mean(0), mean(1));
        if orders.is_empty() || precision + recall == 0.0 {
            return 0.0;
        }
        100.0 * (1.0 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)
    }
}
