//! [`Tokenizer`]: how a line is cut into the words that BLEU counts.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use regex::Regex;

/// A tokeniser by its name in sacreBLEU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tokenizer {
    /// That of mteval-v13a, which WMT uses: ASCII punctuation apart, but not within numbers.
    #[default]
    V13a,
    /// That of mteval-v14: every punctuation mark and symbol of Unicode apart, but not within numbers.
    Intl,
    /// Every character by itself.
    Char,
    /// At white space: for lines that are tokenised already.
    None,
}

const NAMES: [(&str, Tokenizer); 4] = [
    ("13a", Tokenizer::V13a),
    ("intl", Tokenizer::Intl),
    ("char", Tokenizer::Char),
    ("none", Tokenizer::None),
];

/// A pattern that is a part of the program, and what takes its place.
type Rule = (Regex, &'static str);

fn rules(of: &[(&str, &'static str)]) -> Vec<Rule> {
    of.iter()
        .map(|(pattern, by)| (Regex::new(pattern).expect("the pattern is ours"), *by))
        .collect()
}

static V13A: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"([{-~\[-` -&(-+:-@/])", " $1 "),
        (r"([^0-9])([.,])", "$1 $2 "),
        (r"([.,])([^0-9])", " $1 $2"),
        (r"([0-9])(-)", "$1 $2 "),
    ])
});

static INTL: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[(r"(\P{N})(\p{P})", "$1 $2 "), (r"(\p{P})(\P{N})", " $1 $2"), (r"(\p{S})", " $1 ")])
});

impl Tokenizer {
    /// `line` with white space between its tokens.
    pub fn apply(self, line: &str) -> String {
        match self {
            Tokenizer::V13a => {
                let mut line = line.replace("<skipped>", "");
                // In this order, as what is made of one may be another.
                for (entity, by) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")]
                {
                    line = line.replace(entity, by);
                }
                replace(format!(" {line} "), &V13A)
            }
            Tokenizer::Intl => replace(line.to_owned(), &INTL),
            Tokenizer::Char => line.chars().flat_map(|c| [c, ' ']).collect(),
            Tokenizer::None => line.to_owned(),
        }
    }
}

fn replace(line: String, rules: &[Rule]) -> String {
    rules.iter().fold(line, |line, (pattern, by)| pattern.replace_all(&line, *by).into_owned())
}

impl fmt::Display for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = NAMES.iter().find(|(_, tokenizer)| tokenizer == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl FromStr for Tokenizer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = NAMES.iter().find(|(name, _)| *name == text).map(|(_, tokenizer)| *tokenizer);
        known.ok_or_else(|| format!("there are {}", NAMES.map(|(name, _)| name).join(", ")))
    }
}
