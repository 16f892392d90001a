//! [`Vocabulary`]: the pieces of words that sentences are made of.
//!
//! Pieces are learned from text, by byte pair encoding (Sennrich et al. 2016) or as a unigram
//! language model (Kudo 2018). As in SentencePiece, the mark ▁ stands for the space before a word,
//! so that a sentence comes back from its pieces as it was, but for the kind and number of its
//! spaces.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tokenizers::decoders::metaspace::Metaspace as Decoder;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::models::unigram::{Unigram, UnigramTrainer};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{AddedToken, ModelWrapper, Tokenizer, Trainer};

use crate::guard::guarded;
use crate::{Error, Result, durable};

/// The beginning of a sentence. Like the other marks it has the same number in every vocabulary.
pub const BOS: i64 = 0;
/// What fills sentences up to one length.
pub const PAD: i64 = 1;
/// The end of a sentence.
pub const EOS: i64 = 2;
/// A character that was not in the text the vocabulary was learned from.
pub const UNK: i64 = 3;

/// How [`BOS`], [`PAD`], [`EOS`] and [`UNK`] are written.
pub const SPECIALS: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];

/// The space before a word.
const SPACE: char = '▁';

/// A word is cut into such lengths before pieces are learned from it: no text makes training slow
/// or lets a sum of its logarithms overflow.
const MOST_LETTERS: usize = 64;

/// Said of files that are none.
const NO_VOCABULARY: &str = "this is no vocabulary of the package tokenizers";

/// How pieces are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VocabularyKind {
    /// The most frequent pair of pieces becomes one, again and again.
    #[default]
    Bpe,
    /// The pieces without which the text would be least probable remain.
    Unigram,
}

/// `vocabulary = { kind = "bpe", size = 4000, joint = true }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VocabularyRecipe {
    /// How pieces are chosen.
    #[serde(default)]
    pub kind: VocabularyKind,
    /// How many pieces at most, the four marks among them; of each language if they are separate.
    pub size: usize,
    /// Whether both languages share one.
    #[serde(default = "yes")]
    pub joint: bool,
}

fn yes() -> bool {
    true
}

impl Default for VocabularyRecipe {
    fn default() -> Self {
        Self { kind: VocabularyKind::Bpe, size: 4000, joint: true }
    }
}

/// Pieces and their numbers; [`SPECIALS`] are the first four.
#[derive(Clone)]
pub struct Vocabulary {
    tokenizer: Tokenizer,
    pieces: Vec<String>,
    /// All there is to know of it.
    json: String,
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Vocabulary({} pieces)", self.pieces.len())
    }
}

impl PartialEq for Vocabulary {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Vocabulary {
    /// Learns at most `size` pieces of `lines`, fewer where the text gives no more. The same text
    /// gives the same vocabulary, byte for byte.
    ///
    /// # Errors
    /// No text, or more characters in it than `size` leaves room for.
    pub fn train<'a>(
        kind: VocabularyKind,
        size: usize,
        lines: impl Iterator<Item = &'a str>,
    ) -> Result<Self> {
        let mut counts = BTreeMap::new();
        for word in lines.flat_map(words) {
            for part in parts(&word) {
                *counts.entry(part).or_insert(0) += 1;
            }
        }
        let letters = counts.keys().flat_map(|word| word.chars()).collect::<BTreeSet<_>>().len();
        if letters == 0 {
            let problem = "there is no text to learn a vocabulary from";
            return Err(Error::Request(problem.to_owned()));
        }
        if letters + SPECIALS.len() > size || u32::try_from(size).is_err() {
            return Err(Error::Request(format!(
                "vocabulary: size = {size} cannot be; the text has {letters} different characters, \
                 which take {} with the {} marks, and at most {} are numbered",
                letters + SPECIALS.len(),
                SPECIALS.len(),
                u32::MAX
            )));
        }
        let model = alone(|| match kind {
            VocabularyKind::Bpe => bpe(size, &counts),
            VocabularyKind::Unigram => unigram(size as u32, counts),
        })??;
        let mut tokenizer = Tokenizer::new(model);
        let space = || Metaspace::new(SPACE, PrependScheme::Always, true);
        tokenizer.with_pre_tokenizer(Some(space()));
        tokenizer.with_decoder(Some::<Decoder>(space()));
        tokenizer.add_special_tokens(specials()).map_err(failed)?;
        let json = tokenizer.to_string(false).map_err(failed)?;
        Self::of_text(json).map_err(Error::Work)
    }

    /// Reads the file at `path`, which [`Vocabulary::save`] or the package `tokenizers` wrote.
    ///
    /// # Errors
    /// What is no vocabulary, or one whose marks are not the first four pieces.
    pub fn load(path: &Path) -> Result<Self> {
        let json = fs::read_to_string(path).map_err(Error::input(path))?;
        Self::of_text(json).map_err(|problem| Error::malformed(path, "vocabulary", problem))
    }

    /// That of a file with the contents `json`.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn of_text(json: String) -> std::result::Result<Self, String> {
        // The package panics at some files that are damaged.
        let read = guarded(|| Self::read(json));
        read.unwrap_or_else(|words| Err(format!("{NO_VOCABULARY}: {words}")))
    }

    /// Writes it to `path`.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn save(&self, path: &Path) -> Result<()> {
        Ok(durable::write(path, self.json.as_bytes())?)
    }

    /// As [`Vocabulary::of_text`], unguarded.
    fn read(json: String) -> std::result::Result<Self, String> {
        let tokenizer = Tokenizer::from_bytes(&json);
        let tokenizer = tokenizer.map_err(|error| format!("{NO_VOCABULARY}: {error}"))?;
        let len = tokenizer.get_vocab_size(true);
        let piece = |number: usize| {
            let piece = tokenizer.id_to_token(number as u32);
            piece.ok_or_else(|| format!("of its {len} pieces, none has the number {number}"))
        };
        let pieces = (0..len).map(piece).collect::<std::result::Result<Vec<_>, _>>()?;
        for (number, mark) in SPECIALS.iter().enumerate() {
            let found = tokenizer.token_to_id(mark);
            if found != Some(number as u32) {
                let found = found.map_or("missing".to_owned(), |found| format!("number {found}"));
                return Err(format!("the mark {mark} has to be number {number} and is {found}"));
            }
        }
        let vocabulary = Self { tokenizer, pieces, json };
        // The last character there is has no use.
        match vocabulary.encode("\u{10ffff}") {
            Ok(found) if found.contains(&(UNK as u32)) => Ok(vocabulary),
            Ok(_) => Err("a character that it does not know is not <unk>, but vanishes".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// How many pieces, the marks among them.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there are none, which no vocabulary is.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The pieces as they are written, by their numbers.
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// The pieces of `line`, without any mark but [`UNK`]: a mark that is written out in the text
    /// is unknown too.
    ///
    /// # Errors
    /// What the package refuses, which is nothing that is known.
    pub fn encode(&self, line: &str) -> Result<Vec<u32>> {
        let words: Vec<&str> = split(line).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let encoding = guarded(|| self.tokenizer.encode_fast(words.join(" "), false));
        let encoding = encoding.map_err(|words| failed(words.into()))?.map_err(failed)?;
        let piece = |&piece: &u32| piece.max(UNK as u32);
        Ok(encoding.get_ids().iter().map(piece).collect())
    }

    /// The text of `pieces`; what is unknown stands in it as `<unk>`, the other marks do not.
    pub fn decode(&self, pieces: &[u32]) -> String {
        let mut text = String::new();
        for &piece in pieces {
            match self.pieces.get(piece as usize) {
                Some(_) if i64::from(piece) < UNK => {}
                Some(piece) => text += piece,
                None => text += SPECIALS[UNK as usize],
            }
        }
        text.replace(SPACE, " ").trim().to_owned()
    }
}

/// What lies between spaces of any kind; the mark of a space counts as one.
fn split(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || c == SPACE).filter(|word| !word.is_empty())
}

/// The words of `line`, each with the space before it.
fn words(line: &str) -> impl Iterator<Item = String> {
    split(line).map(|word| format!("{SPACE}{word}"))
}

/// `word` in parts of [`MOST_LETTERS`].
fn parts(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    letters.chunks(MOST_LETTERS).map(|part| part.iter().collect()).collect()
}

fn specials() -> Vec<AddedToken> {
    SPECIALS.iter().map(|&mark| AddedToken::from(mark, true)).collect()
}

fn failed(error: tokenizers::Error) -> Error {
    Error::failed("vocabulary: ", error)
}

/// Does `work` on one thread: how many there are decides in which order sums are taken.
fn alone<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|error| Error::failed("no thread to work in: ", error))?;
    pool.install(|| guarded(work)).map_err(|words| failed(words.into()))
}

fn bpe(size: usize, counts: &BTreeMap<String, u32>) -> Result<ModelWrapper> {
    let mut trainer = BpeTrainer::builder()
        .vocab_size(size)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(specials())
        .build();
    let repeated =
        counts.iter().flat_map(|(word, &count)| std::iter::repeat_n(word, count as usize));
    trainer.feed(repeated, |word| Ok(vec![word.to_owned()])).map_err(failed)?;
    let unknown = SPECIALS[UNK as usize].to_owned();
    let mut model = BPE::builder().unk_token(unknown).build().map_err(failed)?;
    trainer.train(&mut model).map_err(failed)?;
    Ok(model.into())
}

fn unigram(size: u32, counts: BTreeMap<String, u32>) -> Result<ModelWrapper> {
    let trainer = UnigramTrainer::builder()
        .show_progress(false)
        .vocab_size(size)
        .special_tokens(specials())
        .unk_token(Some(SPECIALS[UNK as usize].to_owned()))
        .build()
        .map_err(|error| Error::failed("vocabulary: ", error))?;
    let mut model = Unigram::default();
    trainer.do_train(counts.into_iter().collect(), &mut model).map_err(failed)?;
    let marks = SPECIALS.iter().map(|mark| ((*mark).to_owned(), 0.0));
    let pieces = marks.chain(in_order(&model)).collect();
    Unigram::from(pieces, Some(UNK as usize), false).map(Into::into).map_err(failed)
}

/// The pieces of a trained `model` with their scores, the marks left out, in an order of their own.
/// Characters that are no piece of use get the lowest scores, one a little above the other, in an
/// order that is another with each training; here it is that of the characters.
fn in_order(model: &Unigram) -> Vec<(String, f64)> {
    let is_mark = |piece: &str| SPECIALS.contains(&piece);
    let mut pieces: Vec<(String, f64)> =
        model.iter().filter(|(piece, _)| !is_mark(piece)).cloned().collect();
    pieces.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let lowest = pieces.last().map_or(0.0, |(_, score)| *score);
    let is_letter = |piece: &str| piece.chars().nth(1).is_none();
    let (mut above, mut steps) = (0.0, BTreeSet::new());
    for _ in &pieces {
        steps.insert((lowest + above).to_bits());
        above += 0.0001;
    }
    let spare: Vec<usize> = (0..pieces.len())
        .filter(|&at| is_letter(&pieces[at].0) && steps.contains(&pieces[at].1.to_bits()))
        .collect();
    let mut letters: Vec<String> = spare.iter().map(|&at| pieces[at].0.clone()).collect();
    letters.sort();
    spare.into_iter().zip(letters).for_each(|(at, letter)| pieces[at].0 = letter);
    pieces
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::test_folder;

    /// The letters a to z and the space, from number 4 on.
    pub fn letters() -> Vocabulary {
        let alphabet: String = ('a'..='z').collect();
        Vocabulary::train(VocabularyKind::Bpe, 31, [alphabet.as_str()].into_iter()).unwrap()
    }

    /// The package panics at a stride that is longer than what it is a part of.
    #[test]
    fn what_panics_in_the_package_is_an_error_of_the_file() {
        let (sound, none) = (letters().json, "\"truncation\":null");
        assert!(sound.contains(none), "{sound}");
        let stride = "{\"direction\":\"Right\",\"max_length\":1,\"strategy\":\"LongestFirst\",\
                      \"stride\":5}";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.json");
        fs::write(&path, sound.replace(none, &format!("\"truncation\":{stride}"))).unwrap();
        let error = Vocabulary::load(&path).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(error.contains("v.json: vocabulary: ") && error.contains("stride"), "{error}");
    }

    const TEXT: &str = "der Mann läuft über die Straße, die Frau läuft über das Gras: \
        \"Fußball\" in der Stadt — 25 % läuft, läuft und läuft";

    #[test]
    fn marks_have_their_numbers_and_text_comes_back() {
        for kind in [VocabularyKind::Bpe, VocabularyKind::Unigram] {
            let vocabulary = Vocabulary::train(kind, 80, TEXT.split('.')).unwrap();
            assert_eq!(vocabulary.pieces()[..4], SPECIALS);
            assert!((30..=80).contains(&vocabulary.len()), "{}", vocabulary.len());
            let pieces = vocabulary.encode(TEXT).unwrap();
            assert!(pieces.iter().all(|&piece| piece > UNK as u32));
            assert!(pieces.len() < TEXT.chars().count());
            assert_eq!(vocabulary.decode(&pieces), TEXT);
            // Marks are no text; a number that nothing has is unknown.
            let marked = [&[0, 2, 1][..], &pieces, &[2, 1, 1]].concat();
            assert_eq!(vocabulary.decode(&marked), TEXT);
            assert_eq!(vocabulary.decode(&[9999]), "<unk>");
        }
    }

    #[test]
    fn what_is_unknown_does_not_vanish() {
        for kind in [VocabularyKind::Bpe, VocabularyKind::Unigram] {
            let vocabulary = Vocabulary::train(kind, 80, TEXT.split('.')).unwrap();
            let unknown = |line: &str| {
                let pieces = vocabulary.encode(line).unwrap();
                assert!(pieces.iter().all(|&piece| piece >= UNK as u32), "{line}: {pieces:?}");
                vocabulary.decode(&pieces)
            };
            assert_eq!(unknown("die 猫 Frau"), "die <unk> Frau");
            assert_eq!(unknown("\u{10ffff}"), "<unk>");
            assert_eq!(unknown(" die\u{a0}\t Frau\u{2028}"), "die Frau");
            assert_eq!(unknown("▁die▁▁Frau"), "die Frau");
            assert_eq!(unknown(""), "");
            assert_eq!(unknown(" \t"), "");
            // A mark in the text is text.
            for mark in SPECIALS {
                assert!(unknown(&format!("die {mark}Frau")).contains("<unk>"), "{mark}");
            }
        }
        // Even where it is frequent.
        let marked = "a </s> b <pad> c <s> d <unk> ".repeat(50);
        for kind in [VocabularyKind::Bpe, VocabularyKind::Unigram] {
            let vocabulary = Vocabulary::train(kind, 60, marked.split('.')).unwrap();
            let pieces = vocabulary.encode(&marked).unwrap();
            assert!(pieces.iter().all(|&piece| piece >= UNK as u32), "{pieces:?}");
        }
    }

    #[test]
    fn very_long_lines_and_words_are_encoded() {
        let words = TEXT.repeat(500);
        let word = "läuft".repeat(20_000);
        for kind in [VocabularyKind::Bpe, VocabularyKind::Unigram] {
            let lines = [words.as_str(), word.as_str()];
            let vocabulary = Vocabulary::train(kind, 80, lines.into_iter()).unwrap();
            for line in [&words, &word] {
                let pieces = vocabulary.encode(line).unwrap();
                assert!(pieces.len() > 1000);
                assert_eq!(vocabulary.decode(&pieces), *line);
            }
        }
    }

    #[test]
    fn what_cannot_be_learned_is_refused() {
        let refused = |size: usize, text: &'static str| {
            Vocabulary::train(VocabularyKind::Bpe, size, text.lines()).unwrap_err().to_string()
        };
        assert_eq!(refused(100, " \n\n"), "there is no text to learn a vocabulary from");
        let small = refused(7, "abc");
        assert!(
            small
                .starts_with("vocabulary: size = 7 cannot be; the text has 4 different characters"),
            "{small}"
        );
        assert!(Vocabulary::train(VocabularyKind::Bpe, 8, "abc".lines()).is_ok());
        assert!(Vocabulary::train(VocabularyKind::Unigram, 8, "abc".lines()).is_ok());
    }

    #[test]
    fn a_saved_vocabulary_is_the_same_and_wrong_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocabulary.json");
        for kind in [VocabularyKind::Bpe, VocabularyKind::Unigram] {
            let vocabulary = Vocabulary::train(kind, 80, TEXT.split('.')).unwrap();
            vocabulary.save(&path).unwrap();
            let loaded = Vocabulary::load(&path).unwrap();
            assert_eq!(loaded, vocabulary);
            assert_eq!(loaded.encode(TEXT).unwrap(), vocabulary.encode(TEXT).unwrap());
        }
        let json = letters().json;
        for (wrong, expected) in [
            ("{}".to_owned(), "this is no vocabulary"),
            (json.replace("\"</s>\":2", "\"</s>\":9"), "none has the number"),
            (json.replace("</s>", "<eos>"), "the mark </s> has to be number 2 and is missing"),
            (
                json.replace("</s>", "<x>").replace("<pad>", "</s>").replace("<x>", "<pad>"),
                "the mark <pad> has to be number 1 and is number 2",
            ),
            (json.replace("\"unk_token\":\"<unk>\"", "\"unk_token\":null"), "vanishes"),
        ] {
            fs::write(&path, wrong).unwrap();
            let error = Vocabulary::load(&path).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(expected), "{error}");
        }
        assert!(Vocabulary::load(&folder.path().join("none")).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is in the text, it comes back, and nothing vanishes of any other.
        #[test]
        fn any_text_is_learned_and_comes_back(
            lines in prop::collection::vec("[a-c▁é猫 \u{a0}\u{300}]{0,40}|\\PC{0,20}", 1..8),
            other in "\\PC{0,20}",
        ) {
            for kind in [VocabularyKind::Bpe, VocabularyKind::Unigram] {
                let Ok(vocabulary) = Vocabulary::train(kind, 300, lines.iter().map(|line| &**line))
                else {
                    prop_assert!(lines.iter().all(|line| split(line).next().is_none()));
                    continue;
                };
                for line in &lines {
                    let words: Vec<&str> = split(line).collect();
                    let back = vocabulary.decode(&vocabulary.encode(line).unwrap());
                    prop_assert_eq!(back, words.join(" "));
                }
                let pieces = vocabulary.encode(&other).unwrap();
                prop_assert!(pieces.iter().all(|&piece| piece >= UNK as u32));
                prop_assert_eq!(pieces.is_empty(), split(&other).next().is_none());
                let words = vocabulary.decode(&pieces).split(' ').count();
                prop_assert_eq!(words, split(&other).count().max(1));
            }
        }
    }

    #[test]
    fn the_same_text_gives_the_same_vocabulary() {
        let Some(folder) = test_folder("the_same_text_gives_the_same_vocabulary") else { return };
        let text = fs::read_to_string(folder.join("multi30k/val.de")).unwrap();
        for kind in [VocabularyKind::Bpe, VocabularyKind::Unigram] {
            let train = || Vocabulary::train(kind, 1500, text.lines()).unwrap();
            let first = train();
            for _ in 0..3 {
                assert!(train().json == first.json, "{kind:?}");
            }
            assert_eq!(first.len(), 1500);
        }
    }
}
