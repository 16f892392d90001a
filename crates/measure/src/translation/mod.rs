//! How good translations are: BLEU and chrF of a corpus, and whether two systems differ by more than
//! chance. Numbers, names of settings and signatures are sacreBLEU's (Post 2018, "A call for clarity
//! in reporting BLEU scores"), version [`SACREBLEU`].

mod bleu;
mod chrf;
pub(crate) mod quality;
mod resample;
#[cfg(test)]
mod tests;
mod tokenize;

pub use bleu::{Bleu, BleuScore, Smoothing};
pub use chrf::Chrf;
pub use quality::Quality;
pub use resample::{Interval, PairedBootstrap, interval, paired_bootstrap};
pub use tokenize::Tokenizer;

use std::collections::HashMap;
use std::hash::Hash;

use crate::{Error, Result};

/// The version of sacreBLEU whose numbers these are.
pub const SACREBLEU: &str = "2.6.0";

/// A metric of a corpus that is a function of counts, each a sum over its segments.
pub trait Metric {
    /// The counts of one segment against its references, as many for every segment.
    fn counts(&self, hypothesis: &str, references: &[&str]) -> Vec<f64>;

    /// The score, from 0 to 100, of summed counts.
    fn score(&self, counts: &[f64]) -> f64;
}

/// The counts of every segment: line n of `hypotheses` against line n of each of the `references`.
///
/// # Errors
/// No reference, no lines, and a reference with another number of lines than the hypotheses.
pub fn segments(
    metric: &dyn Metric,
    hypotheses: &[String],
    references: &[Vec<String>],
) -> Result<Vec<Vec<f64>>> {
    if references.is_empty() {
        return Err(Error::Request("at least one reference is needed".to_owned()));
    }
    if hypotheses.is_empty() {
        return Err(Error::Request("there are no lines to score".to_owned()));
    }
    for (at, lines) in references.iter().enumerate() {
        if lines.len() != hypotheses.len() {
            return Err(Error::Request(format!(
                "{} hypotheses, but {} lines in reference {}",
                hypotheses.len(),
                lines.len(),
                at + 1
            )));
        }
    }
    let segment = |(row, hypothesis): (usize, &String)| {
        let references: Vec<&str> = references.iter().map(|lines| lines[row].as_str()).collect();
        metric.counts(hypothesis, &references)
    };
    Ok(hypotheses.iter().enumerate().map(segment).collect())
}

/// The sum of the counts of `segments`.
pub fn total<'a>(segments: impl IntoIterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let mut sum: Vec<f64> = Vec::new();
    for counts in segments {
        sum.resize(counts.len(), 0.0);
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    sum
}

/// What Python's `str.split()` takes for white space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// The words of a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(is_space).filter(|word| !word.is_empty())
}

/// How often each n-gram occurs.
fn ngrams<T: Eq + Hash>(items: &[T], n: usize) -> HashMap<&[T], usize> {
    let mut counts = HashMap::new();
    for ngram in items.windows(n) {
        *counts.entry(ngram).or_insert(0) += 1;
    }
    counts
}
