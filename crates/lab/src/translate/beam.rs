//! The hypotheses of one sentence, and one step of theirs.

use super::SearchOptions;
use crate::data::text::{EOS, PAD, UNK};

/// A translation.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// Its tokens, without the end.
    pub tokens: Vec<i64>,
    /// log p / lengthᵏ, k being the length penalty; the length includes the end.
    pub score: f64,
    /// log p of each token and of the end, with what an unknown token costs.
    pub log_probs: Vec<f64>,
}

/// A hypothesis that goes on.
#[derive(Clone, Debug)]
struct Live {
    tokens: Vec<i64>,
    log_probs: Vec<f64>,
    /// Their sum; −∞ for one that only fills up the batch.
    total: f64,
}

/// A continuation of one.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    total: f64,
    log_prob: f64,
    parent: usize,
    token: i64,
}

/// One sentence.
#[derive(Debug)]
pub struct Beam {
    live: Vec<Live>,
    finished: Vec<Hypothesis>,
    /// The most tokens that a hypothesis may have.
    longest: usize,
}

/// The logits of the next token of one hypothesis, and the logarithm of the sum of their exponentials.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub logits: &'a [f32],
    pub log_sum: f32,
}

impl Beam {
    /// With the empty hypothesis.
    pub fn new(longest: usize) -> Self {
        let empty = Live { tokens: Vec::new(), log_probs: Vec::new(), total: 0.0 };
        Self { live: vec![empty], finished: Vec::new(), longest }
    }

    /// Goes one token further with a row for each hypothesis: the rows that the hypotheses come from
    /// that are there now, `beam` of them, or none if the sentence is done.
    pub fn advance(&mut self, rows: &[Row<'_>], options: &SearchOptions) -> Option<Vec<usize>> {
        let length = self.live[0].tokens.len();
        let ranked = self.rank(rows, options);
        for candidate in ranked.iter().take(options.beam).filter(|found| found.token == EOS) {
            if self.finished.len() < options.beam {
                self.finished.push(self.finish(candidate, options));
            }
        }
        let going_on = ranked.iter().filter(|found| found.token != EOS);
        let chosen: Vec<&Candidate> = going_on.take(options.beam).collect();
        if self.finished.len() == options.beam || length >= self.longest || chosen.is_empty() {
            return None;
        }
        let mut next: Vec<Live> = chosen.iter().map(|found| self.follow(found)).collect();
        let mut parents: Vec<usize> = chosen.iter().map(|found| found.parent).collect();
        // With few tokens to choose from, there can be fewer; all sentences have as many rows.
        let filling = Live { total: f64::NEG_INFINITY, ..next[0].clone() };
        next.resize(options.beam, filling);
        parents.resize(options.beam, parents[0]);
        self.live = next;
        Some(parents)
    }

    /// The last token of each hypothesis.
    pub fn tokens(&self) -> impl Iterator<Item = i64> {
        self.live.iter().map(|live| live.tokens.last().copied().unwrap_or(EOS))
    }

    /// The finished ones, the best first.
    pub fn results(mut self, nbest: usize) -> Vec<Hypothesis> {
        self.finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.finished.truncate(nbest);
        self.finished
    }

    /// The 2·beam best continuations, the best first.
    fn rank(&self, rows: &[Row<'_>], options: &SearchOptions) -> Vec<Candidate> {
        let mut best = Best { most: 2 * options.beam, found: Vec::new() };
        for (parent, (live, row)) in self.live.iter().zip(rows).enumerate() {
            if live.total == f64::NEG_INFINITY {
                continue;
            }
            let mut offer = |token: i64, logit: f32, penalty: f64| {
                let log_prob = f64::from(logit - row.log_sum) - penalty;
                best.offer(Candidate { total: live.total + log_prob, log_prob, parent, token });
            };
            let length = live.tokens.len();
            if length >= options.min_len {
                offer(EOS, row.logits[EOS as usize], 0.0);
            }
            if length >= self.longest {
                continue;
            }
            offer(UNK, row.logits[UNK as usize], options.unk_penalty);
            let special = [EOS, UNK, PAD].map(|token| token as usize);
            // Rows are long, and few of their logits are worth more than a look.
            for (block, logits) in row.logits.chunks(BLOCK).enumerate() {
                let least = best.least();
                let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                if live.total + f64::from(largest - row.log_sum) <= least {
                    continue;
                }
                for (at, &logit) in logits.iter().enumerate() {
                    let token = block * BLOCK + at;
                    let log_prob = f64::from(logit - row.log_sum);
                    let total = live.total + log_prob;
                    if !special.contains(&token) {
                        best.offer(Candidate { total, log_prob, parent, token: token as i64 });
                    }
                }
            }
        }
        best.found
    }

    fn follow(&self, candidate: &Candidate) -> Live {
        let Live { mut tokens, mut log_probs, .. } = self.live[candidate.parent].clone();
        tokens.push(candidate.token);
        log_probs.push(candidate.log_prob);
        Live { tokens, log_probs, total: candidate.total }
    }

    fn finish(&self, candidate: &Candidate, options: &SearchOptions) -> Hypothesis {
        let Live { tokens, mut log_probs, .. } = self.live[candidate.parent].clone();
        log_probs.push(candidate.log_prob);
        let score = candidate.total / (log_probs.len() as f64).powf(options.lenpen);
        Hypothesis { tokens, score, log_probs }
    }
}

/// Logits of which only the largest is looked at, unless it is large.
const BLOCK: usize = 64;

/// The best candidates so far, the best first; of equals, the first.
struct Best {
    most: usize,
    found: Vec<Candidate>,
}

impl Best {
    /// What a candidate has to be better than.
    fn least(&self) -> f64 {
        match self.found.len() < self.most {
            true => f64::NEG_INFINITY,
            false => self.found[self.most - 1].total,
        }
    }

    /// Takes it if it is good enough; a NaN never is, nor what is impossible.
    fn offer(&mut self, candidate: Candidate) {
        if candidate.total > self.least() {
            let place = self.found.partition_point(|found| found.total >= candidate.total);
            self.found.insert(place, candidate);
            self.found.truncate(self.most);
        }
    }
}
