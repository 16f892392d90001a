//! [`Bleu`]: the geometric mean of the precisions of 1- to 4-grams, with a penalty for brevity
//! (Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine translation", §2.3).

use std::collections::HashMap;
use std::str::FromStr;

use super::{Metric, SACREBLEU, Tokenizer, ngrams, words};

const ORDER: usize = 4;

/// Where the counts of one segment lie: the lengths of hypothesis and closest reference, matches by
/// order, n-grams by order.
const MATCHES: usize = 2;
const TOTALS: usize = MATCHES + ORDER;

/// What is done where an order has no match at all (Chen and Cherry 2014, "A systematic comparison of
/// smoothing techniques for sentence-level BLEU", §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Smoothing {
    /// 1/2 of a match for the first such order, 1/4 for the next, and so on (method 3).
    #[default]
    Exp,
    /// A tenth of a match (method 1).
    Floor,
    /// Nothing: the score is 0.
    None,
}

impl FromStr for Smoothing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "exp" => Ok(Smoothing::Exp),
            "floor" => Ok(Smoothing::Floor),
            "none" => Ok(Smoothing::None),
            _ => Err("there are exp, floor and none".to_owned()),
        }
    }
}

/// Share of a match with [`Smoothing::Floor`].
const FLOOR: f64 = 0.1;

/// The settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bleu {
    /// How lines are cut into words.
    pub tokenizer: Tokenizer,
    /// What is done about orders without a match.
    pub smoothing: Smoothing,
    /// Whether case is ignored.
    pub lowercase: bool,
}

/// A score and what it is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct BleuScore {
    /// From 0 to 100.
    pub score: f64,
    /// Of 1- to 4-grams, in percent.
    pub precisions: [f64; ORDER],
    /// The factor for brevity.
    pub brevity_penalty: f64,
    /// Words of the hypotheses.
    pub hypothesis_length: u64,
    /// Words of the references, each time the one that is closest in length.
    pub reference_length: u64,
}

impl Bleu {
    /// The score of summed counts, with its parts.
    pub fn details(&self, counts: &[f64]) -> BleuScore {
        let (hypothesis, reference) = (counts[0], counts[1]);
        let brevity_penalty = match hypothesis {
            length if length >= reference => 1.0,
            0.0 => 0.0,
            length => (1.0 - reference / length).exp(),
        };
        let (matches, totals) = (&counts[MATCHES..TOTALS], &counts[TOTALS..]);
        let mut precisions = [0.0; ORDER];
        let mut score = 0.0;
        if matches.iter().any(|&count| count > 0.0) {
            let mut halves = 1.0;
            for (precision, (&matches, &total)) in
                precisions.iter_mut().zip(matches.iter().zip(totals))
            {
                if total == 0.0 {
                    break;
                }
                *precision = match (matches, self.smoothing) {
                    (0.0, Smoothing::Exp) => {
                        halves *= 2.0;
                        100.0 / (halves * total)
                    }
                    (0.0, Smoothing::Floor) => 100.0 * FLOOR / total,
                    (matches, _) => 100.0 * matches / total,
                };
            }
            let logs = precisions.iter().map(|precision| precision.ln());
            score = brevity_penalty * (logs.sum::<f64>() / ORDER as f64).exp();
        }
        BleuScore {
            score,
            precisions,
            brevity_penalty,
            hypothesis_length: hypothesis as u64,
            reference_length: reference as u64,
        }
    }

    /// What others need to compute the same, in sacreBLEU's form.
    pub fn signature(&self, references: usize) -> String {
        let case = if self.lowercase { "lc" } else { "mixed" };
        let smooth = match self.smoothing {
            Smoothing::Exp => "exp".to_owned(),
            Smoothing::Floor => format!("floor[{FLOOR:.2}]"),
            Smoothing::None => "none".to_owned(),
        };
        let tok = self.tokenizer;
        format!(
            "nrefs:{references}|case:{case}|eff:no|tok:{tok}|smooth:{smooth}|version:{SACREBLEU}"
        )
    }

    fn prepare(&self, line: &str) -> String {
        let line = if self.lowercase { line.to_lowercase() } else { line.to_owned() };
        self.tokenizer.apply(line.trim_end_matches(super::is_space))
    }
}

impl Metric for Bleu {
    fn counts(&self, hypothesis: &str, references: &[&str]) -> Vec<f64> {
        let hypothesis = self.prepare(hypothesis);
        let hypothesis: Vec<&str> = words(&hypothesis).collect();
        let references: Vec<String> = references.iter().map(|line| self.prepare(line)).collect();
        let references: Vec<Vec<&str>> =
            references.iter().map(|line| words(line).collect()).collect();
        let mut counts = vec![0.0; TOTALS + ORDER];
        counts[0] = hypothesis.len() as f64;
        // The shorter of two that are equally close.
        let close = |length: &usize| (length.abs_diff(hypothesis.len()), *length);
        let lengths = references.iter().map(Vec::len);
        counts[1] = lengths.min_by_key(close).unwrap_or(0) as f64;
        for n in 1..=ORDER {
            let mut most: HashMap<&[&str], usize> = HashMap::new();
            for reference in &references {
                for (ngram, count) in ngrams(reference, n) {
                    let known = most.entry(ngram).or_insert(0);
                    *known = count.max(*known);
                }
            }
            for (ngram, count) in ngrams(&hypothesis, n) {
                let matches = most.get(ngram).map_or(0, |&most| count.min(most));
                counts[MATCHES + n - 1] += matches as f64;
                counts[TOTALS + n - 1] += count as f64;
            }
        }
        counts
    }

    fn score(&self, counts: &[f64]) -> f64 {
        self.details(counts).score
    }
}
