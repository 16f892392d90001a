//! [`ParallelRecipe`]: which text in two languages, and what is done to it.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::super::{DataPath, Fractions, Subset};
use super::{Clean, Form, Moses, SPECIALS, VocabularyRecipe};
use crate::{Error, Result, Validate};

/// `[data.parallel]`: sentences and their translations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParallelRecipe {
    /// A folder with `train.de`, `train.en`, `val.de` and so on; or a file with an English
    /// sentence, a tab and its translation a line.
    pub path: DataPath,
    /// The language that is translated: how its files end.
    #[serde(default = "german")]
    pub source: String,
    /// The language that it is translated to.
    #[serde(default = "english")]
    pub target: String,
    /// Which test set of a folder with several: how its files are called, without the language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// How lines are cut into words.
    #[serde(default)]
    pub tokenize: Tokenize,
    /// Whether all is in lower case.
    #[serde(default)]
    pub lowercase: bool,
    /// Pairs with more pieces on a side are not learned from; those that are measured are cut.
    #[serde(default = "most_pieces")]
    pub max_len: NonZeroUsize,
    /// What sentences are made of.
    #[serde(default)]
    pub vocabulary: VocabularyRecipe,
    /// Leaves pairs out of the training part that are long or unlike each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean: Option<Clean>,
    /// Takes a part of the pairs alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<Subset>,
    /// Of a file: the shares of its English sentences, repeated ones counted once, that are held
    /// out; 0.05 and 0.05 without it. They are the same for every seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Fractions>,
}

/// How lines are cut into words before pieces are looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tokenize {
    /// At spaces.
    #[default]
    None,
    /// As Moses does.
    Moses,
}

fn german() -> String {
    "de".to_owned()
}

fn english() -> String {
    "en".to_owned()
}

fn most_pieces() -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(1023)
}

impl ParallelRecipe {
    /// That of `path` with all defaults.
    pub fn new(path: DataPath, source: &str, target: &str) -> Self {
        Self {
            path,
            source: source.to_owned(),
            target: target.to_owned(),
            test: None,
            tokenize: Tokenize::default(),
            lowercase: false,
            max_len: most_pieces(),
            vocabulary: VocabularyRecipe::default(),
            clean: None,
            take: None,
            shares: None,
        }
    }

    /// The shares that are held out of a file.
    pub fn shares(&self) -> Fractions {
        self.shares.unwrap_or(Fractions { validation: 0.05, test: 0.05 })
    }

    /// What is done to the lines of source and target.
    ///
    /// # Errors
    /// A language that Moses has no rules for.
    pub fn forms(&self) -> Result<[Form; 2]> {
        let form = |language: &str| -> Result<Form> {
            let moses = match self.tokenize {
                Tokenize::None => None,
                Tokenize::Moses => Some(Moses::of(language)?),
            };
            Ok(Form { moses, lowercase: self.lowercase })
        };
        Ok([form(&self.source)?, form(&self.target)?])
    }
}

impl Validate for ParallelRecipe {
    fn validate(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Request(format!("data.parallel: {problem}")));
        for (key, language) in [("source", &self.source), ("target", &self.target)] {
            let is_name = |c: char| c.is_alphanumeric() || "-_".contains(c);
            if language.is_empty() || !language.chars().all(is_name) {
                return refuse(format!("{key} = {language:?} is no language such as \"de\""));
            }
        }
        if self.source == self.target {
            return refuse(format!("source and target are both {:?}", self.source));
        }
        if let Some(test) = self.test.as_ref().filter(|test| test.contains(['/', '\\'])) {
            return refuse(format!("test = {test:?} is no name of files in the folder"));
        }
        if self.vocabulary.size <= SPECIALS.len() {
            let size = self.vocabulary.size;
            return refuse(format!("vocabulary: size = {size} leaves no room for pieces"));
        }
        self.forms()?;
        self.clean.as_ref().map_or(Ok(()), Validate::validate)?;
        self.shares().validate()
    }
}
