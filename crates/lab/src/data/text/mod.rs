//! Text in two languages: sentences and their translations, one file a concept.

mod clean;
mod files;
mod form;
mod iwslt;
mod lines;
mod moses;
mod pairs;
mod parallel;
mod recipe;
mod source;
mod vocabulary;

pub use clean::Clean;
pub(super) use files::{languages, test_sets, unused};
pub use form::Form;
pub use lines::{Lines, Section, Text};
pub use moses::Moses;
pub use pairs::{Corpus, Pairs, Side};
pub use parallel::load;
pub use recipe::{ParallelRecipe, Tokenize};
pub use source::PairSource;
pub(crate) use source::packed;
pub use vocabulary::{BOS, EOS, PAD, SPECIALS, UNK, Vocabulary, VocabularyKind, VocabularyRecipe};
