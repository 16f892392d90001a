//! [`Quality`]: how good the translations of a test part are, as a run records it.

use serde::{Deserialize, Serialize};

use super::{Bleu, Chrf, Metric, Smoothing, Tokenizer, segments, total};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};

pub(crate) const BLEU: Card = Card {
    key: "bleu",
    title: "BLEU",
    unit: "",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "BLEU of the translations of the test sentences as sacreBLEU computes it (13a)",
    range: Range::NotNegative,
    source: Source::Field("translation.bleu", |m| Some(m.translation.as_ref()?.bleu)),
};

pub(crate) const CHRF: Card = Card {
    key: "chrf",
    title: "chrF2",
    unit: "",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "chrF2 of the same translations: n-grams of characters",
    range: Range::NotNegative,
    source: Source::Field("translation.chrf", |m| Some(m.translation.as_ref()?.chrf)),
};

pub(crate) const BLEU_OF_WORDS: Card = Card {
    key: "bleu_of_words",
    title: "BLEU of words",
    unit: "",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "BLEU of the words as they were learned, unsmoothed, as fairseq prints it and the paper reports it",
    range: Range::NotNegative,
    source: Source::Field("translation.bleu_of_words", |m| m.translation.as_ref()?.bleu_of_words),
};

pub(crate) const LENGTH_RATIO: Card = Card {
    key: "length_ratio",
    title: "length ratio",
    unit: "",
    direction: Direction::Undefined,
    decimals: 3,
    meaning: "words of the translations for each word of the references",
    range: Range::NotNegative,
    source: Source::Field("translation.length_ratio", |m| {
        Some(m.translation.as_ref()?.length_ratio)
    }),
};

/// The scores of one system, with what others need to compute the same numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Sentences translated.
    pub sentences: usize,
    /// BLEU of the whole, 0 to 100.
    pub bleu: f64,
    /// How it was computed.
    pub bleu_signature: String,
    /// chrF2 of the whole, 0 to 100.
    pub chrf: f64,
    /// How it was computed.
    pub chrf_signature: String,
    /// Words of the translations for each word of the references, as BLEU counts both.
    pub length_ratio: f64,
    /// BLEU of the words as they were learned, without smoothing: what fairseq's `generate` prints, and
    /// the paper reports. Only of text that was cut into words; other tools' words give other numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bleu_of_words: Option<f64>,
}

impl Quality {
    /// Scores `hypotheses` against one reference each: plain text that is not tokenised.
    ///
    /// # Errors
    /// No lines, or another number of references.
    pub fn new(hypotheses: &[String], references: Vec<String>) -> Result<Self> {
        let references = [references];
        let (bleu, chrf) = (Bleu::default(), Chrf::default());
        let words = total(&segments(&bleu, hypotheses, &references)?);
        let characters = total(&segments(&chrf, hypotheses, &references)?);
        let details = bleu.details(&words);
        Ok(Self {
            sentences: hypotheses.len(),
            bleu: bleu.score(&words),
            bleu_signature: bleu.signature(1),
            chrf: chrf.score(&characters),
            chrf_signature: chrf.signature(1),
            length_ratio: details.hypothesis_length as f64 / details.reference_length.max(1) as f64,
            bleu_of_words: None,
        })
    }

    /// With [`Quality::bleu_of_words`] of lines that are words between spaces.
    ///
    /// # Errors
    /// As [`Quality::new`].
    pub fn with_words(self, hypotheses: &[String], references: Vec<String>) -> Result<Self> {
        let bleu =
            Bleu { tokenizer: Tokenizer::None, smoothing: Smoothing::None, lowercase: false };
        let counts = total(&segments(&bleu, hypotheses, &[references])?);
        Ok(Self { bleu_of_words: Some(bleu.score(&counts)), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// h, r = ["A dog runs.", "Two men sit here"], ["A dog is running.", "Two men sit there"]
    /// sacrebleu.corpus_bleu(h, [r]).score, sacrebleu.corpus_chrf(h, [r]).score
    /// ```
    #[test]
    fn the_scores_are_those_of_sacrebleu() {
        let lines = |lines: [&str; 2]| lines.map(String::from).to_vec();
        let found = Quality::new(
            &lines(["A dog runs.", "Two men sit here"]),
            lines(["A dog is running.", "Two men sit there"]),
        )
        .unwrap();
        assert!((found.bleu - 34.52955735493971).abs() < 1e-9, "{}", found.bleu);
        assert!((found.chrf - 51.124625328364345).abs() < 1e-9, "{}", found.chrf);
        assert_eq!((found.sentences, found.length_ratio), (2, 8.0 / 9.0));
        assert!(found.bleu_signature.contains("tok:13a"), "{}", found.bleu_signature);
        let error = Quality::new(&lines(["a", "b"]), vec!["a".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("2 hypotheses, but 1 lines"), "{error}");
    }
}
