//! Sentences that a model writes: beam search, as fairseq's `SequenceGenerator` does it (Ott et
//! al. 2019, version 0.10.2).
//!
//! At each step the 2·beam best continuations of a sentence's hypotheses are ranked. Of the first
//! `beam` those that end are finished; the first `beam` that do not end go on. A sentence is done as
//! soon as it has `beam` finished hypotheses, even if one that goes on could still become better than
//! these. Then it leaves the batch, and the others go on faster.

mod beam;
mod options;
mod search;
#[cfg(test)]
mod tests;

pub use beam::Hypothesis;
pub use options::SearchOptions;
pub use search::search;
