//! [`Moses`]: how a line is cut into words and punctuation, and put together again.
//!
//! The rules are those of the Moses tokeniser for German, English and French (Koehn et al. 2007),
//! as its port sacremoses has them, without its option to split at every dash; only that the signs
//! of Chinese, Japanese and Korean are letters here, as in Moses itself, and stand apart there. The
//! marks of Moses' own formats are escaped in the words, `'` as `&apos;`, as published data sets of
//! translations have them.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The rules of one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moses {
    /// German.
    De,
    /// English.
    En,
    /// French.
    Fr,
}

/// A pattern that is a part of the program, and what takes its place.
type Rule = (Regex, &'static str);

fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is ours")
}

fn rules(of: &[(&str, &'static str)]) -> Vec<Rule> {
    of.iter().map(|(from, to)| (pattern(from), *to)).collect()
}

fn apply(rules: &[Rule], mut text: String) -> String {
    for (from, to) in rules {
        // What is not found is not copied.
        if let std::borrow::Cow::Owned(changed) = from.replace_all(&text, *to) {
            text = changed;
        }
    }
    text
}

/// Stands for a dot of several until the line is cut; as a control character it is in no line.
const DOT: char = '\u{1}';

/// White space is one space, other control characters are nothing.
static CLEAN: LazyLock<Vec<Rule>> =
    LazyLock::new(|| rules(&[(r"[\s\x1c-\x1f]+", " "), (r"[\x00-\x1f]", "")]));

/// All but letters, digits and what has rules of its own stands apart.
static APART: LazyLock<Vec<Rule>> =
    LazyLock::new(|| rules(&[(r"([^\p{Alphabetic}\p{Nd}\s.'`,\-])", " $1 ")]));

static DOTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\.{2,}"));

/// A comma stands apart, but not within a number.
static COMMAS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[(r"(\P{N}),", "$1 , "), (r",(\P{N})", " , $1"), (r"(\p{N}),$", "$1 , ")])
});

static SPACES: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(&[(r"\s+", " ")]));

static LAST_DOT: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(&[(r"\.' ?$", " . ' ")]));

/// In German an apostrophe stands apart.
static DE: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(&[("'", " ' ")]));

/// In English it belongs to what comes after it, if that is the end of a word.
static EN: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"(\P{Alphabetic})'(\P{Alphabetic})", "$1 ' $2"),
        (r"([^\p{Alphabetic}\p{N}])'(\p{Alphabetic})", "$1 ' $2"),
        (r"(\p{Alphabetic})'(\P{Alphabetic})", "$1 ' $2"),
        (r"(\p{Alphabetic})'(\p{Alphabetic})", "$1 '$2"),
        (r"(\p{N})'(s)", "$1 '$2"),
    ])
});

/// In French it belongs to what comes before it.
static FR: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"(\P{Alphabetic})'(\P{Alphabetic})", "$1 ' $2"),
        (r"(\P{Alphabetic})'(\p{Alphabetic})", "$1 ' $2"),
        (r"(\p{Alphabetic})'(\P{Alphabetic})", "$1 ' $2"),
        (r"(\p{Alphabetic})'(\p{Alphabetic})", "$1' $2"),
    ])
});

/// Written in words, in this order: the first one is a part of the others.
const ESCAPES: [(&str, &str); 8] = [
    ("&", "&amp;"),
    ("|", "&#124;"),
    ("<", "&lt;"),
    (">", "&gt;"),
    ("'", "&apos;"),
    ("\"", "&quot;"),
    ("[", "&#91;"),
    ("]", "&#93;"),
];

/// As older versions of Moses write them.
const OLD_ESCAPES: [(&str, &str); 3] = [("|", "&bar;"), ("[", "&bra;"), ("]", "&ket;")];

/// Before a number these keep their full stop.
const BEFORE_NUMBERS: [&str; 3] = ["No", "Art", "pp"];

/// Titles and others that English and German lists share.
const TITLES: &str = "Adj Adm Adv Asst Bart Bldg Brig Bros Capt Cmdr Col Comdr Con Corp Cpl DR Dr \
    Ens Gen Gov Hon Hosp Insp Lt MM MR MRS MS Maj Messrs Mlle Mme Mr Mrs Ms Msgr Op Ord Pfc Ph Prof \
    Pvt Rep Reps Res Rev Rt Sen Sens Sfc Sgt Sr St Supt Surg v vs";

const EN_SHORT: &str = "Drs Hr rev Rs Nos Nr Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec";

const DE_SHORT: &str = "Mio Mrd bzw usw etc MwSt ggf vgl sogen ff Buchst sog Std evtl Zt Chr Ltd \
    spp sen SA jun dgl dergl Co zzt usf Dkr bzgl BSE No Nos Art Nr pp ca Ca";

const FR_SHORT: &str = "art ann apr av auj lib boul ca chap contr cf dir éd env al etc ex fasc fém \
    fig fr hab ibid id inf masc MM ms n/réf pl pp SS sec sect sing sq sqq suiv sup suppl tél vb vol \
    vs";

/// A token of nothing but these has no space after it.
static OPENS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[\p{Sc}(\[{¿¡]+$"));
/// A token of nothing but these has no space before it.
static CLOSES: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[,.?!:;\\%}\])]+$"));
/// A token of nothing but these opens or closes a quotation, in turns.
static QUOTES: LazyLock<Regex> = LazyLock::new(|| pattern("^['\"„“`]+$"));

impl Moses {
    /// That of the language with the code `language`.
    ///
    /// # Errors
    /// A language without rules.
    pub fn of(language: &str) -> Result<Self> {
        match language {
            "de" => Ok(Moses::De),
            "en" => Ok(Moses::En),
            "fr" => Ok(Moses::Fr),
            _ => Err(Error::Request(format!(
                "tokenize = \"moses\" knows the languages de, en and fr, and not {language:?}"
            ))),
        }
    }

    /// The words and marks of `line` with a space between them.
    pub fn tokenize(self, line: &str) -> String {
        ESCAPES.iter().fold(self.cut(line), |text, (mark, name)| text.replace(mark, name))
    }

    /// As [`Moses::tokenize`], without the names of marks.
    fn cut(self, line: &str) -> String {
        let text = apply(&CLEAN, line.to_owned());
        let text = apply(&APART, text.trim().to_owned());
        let text = DOTS.replace_all(&text, |dots: &regex::Captures| {
            format!(" {} ", DOT.to_string().repeat(dots[0].len()))
        });
        let text = apply(&COMMAS, text.trim_end().to_owned());
        let apostrophes = match self {
            Moses::De => &DE,
            Moses::En => &EN,
            Moses::Fr => &FR,
        };
        let text = self.full_stops(&apply(apostrophes, text));
        let text = apply(&SPACES, text);
        let text = apply(&LAST_DOT, text.trim().to_owned());
        text.trim_end().replace(DOT, ".")
    }

    /// Full stops stand apart, but not those of abbreviations.
    fn full_stops(self, text: &str) -> String {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut cut = String::with_capacity(text.len() + 2);
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                cut.push(' ');
            }
            match word.strip_suffix('.').filter(|stem| !stem.is_empty()) {
                Some(stem) if !self.is_short(stem, words.get(at + 1).copied()) => {
                    cut += stem;
                    cut += " .";
                }
                _ => cut += word,
            }
        }
        cut
    }

    /// Whether the full stop behind `stem` belongs to it, where `next` comes after.
    fn is_short(self, stem: &str, next: Option<&str>) -> bool {
        let next = next.and_then(|next| next.chars().next());
        (stem.contains('.') && stem.chars().any(char::is_alphabetic))
            || self.is_listed(stem)
            || next.is_some_and(char::is_lowercase)
            || (self == Moses::En
                && BEFORE_NUMBERS.contains(&stem)
                && next.is_some_and(|next| next.is_ascii_digit()))
    }

    fn is_listed(self, stem: &str) -> bool {
        let in_lists = |lists: &[&str]| {
            lists.iter().any(|list| list.split_ascii_whitespace().any(|short| short == stem))
        };
        let letter = match stem.as_bytes() {
            [letter] => *letter,
            _ => 0,
        };
        match self {
            Moses::En => letter.is_ascii_uppercase() || in_lists(&[TITLES, EN_SHORT]),
            Moses::De => {
                let below_100 =
                    matches!(stem.as_bytes(), [b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']);
                letter.is_ascii_alphabetic()
                    || below_100
                    || is_roman(stem)
                    || in_lists(&[TITLES, DE_SHORT])
            }
            // An "a." is the word at the end of a sentence.
            Moses::Fr => (letter.is_ascii_alphabetic() && letter != b'a') || in_lists(&[FR_SHORT]),
        }
    }

    /// The line that `text`, words and marks with spaces between them, was cut from, as far as that
    /// is known.
    pub fn detokenize(self, text: &str) -> String {
        let text = format!(" {text} ").replace(" @-@ ", "-");
        let names = OLD_ESCAPES.iter().chain(ESCAPES.iter().rev());
        let text = names.fold(text, |text, (mark, name)| text.replace(name, mark));
        let words: Vec<&str> = text.split_whitespace().collect();
        // How many quotation marks of each kind there were.
        let mut quotes = std::collections::HashMap::new();
        let (mut line, mut space) = (String::with_capacity(text.len()), " ");
        for (at, &word) in words.iter().enumerate() {
            let last = at.checked_sub(1).map(|last| words[last]);
            let [before, after] = match self.joins(word, last, words.get(at + 1).copied()) {
                Some(sides) => sides,
                None if QUOTES.is_match(word) => {
                    let curly = word.chars().all(|mark| "„“".contains(mark));
                    let count = quotes.entry(if curly { "\"" } else { word }).or_insert(0);
                    let possessive = self == Moses::En
                        && word == "'"
                        && last.is_some_and(|last| last.ends_with('s'));
                    let opens = *count % 2 == 0;
                    if !(opens && possessive) {
                        *count += 1;
                    }
                    if opens && !possessive { [space, ""] } else { ["", " "] }
                }
                None => [space, " "],
            };
            let before = if before == "?" { space } else { before };
            line += before;
            line += word;
            space = after;
        }
        line.trim().to_owned()
    }

    /// What stands before and after `word`, a mark or an abbreviation that joins its neighbours;
    /// "?" is what the word before it asks for.
    fn joins(
        self,
        word: &str,
        last: Option<&str>,
        next: Option<&str>,
    ) -> Option<[&'static str; 2]> {
        let letter_at_end = || {
            let mut letters = word.strip_suffix('\'')?.chars();
            letters.next_back().filter(|letter| letter.is_alphabetic())
        };
        let begins_with_letter = |word: &str| word.chars().next().is_some_and(char::is_alphabetic);
        if OPENS.is_match(word) {
            return Some(["?", ""]);
        }
        if CLOSES.is_match(word) {
            let french = self == Moses::Fr && matches!(word, "?" | "!" | ":" | ";" | "\\" | "%");
            return Some([if french { " " } else { "" }, " "]);
        }
        if self == Moses::En
            && last.is_some()
            && word.strip_prefix('\'').is_some_and(begins_with_letter)
        {
            return Some(["", " "]);
        }
        let elided = self == Moses::Fr && letter_at_end().is_some();
        (elided && next.is_some_and(begins_with_letter)).then_some(["?", ""])
    }
}

/// I to XX in one case.
fn is_roman(word: &str) -> bool {
    const NUMBERS: [&str; 20] = [
        "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv",
        "xv", "xvi", "xvii", "xviii", "xix", "xx",
    ];
    let lower = word.to_ascii_lowercase();
    let one_case = word == lower || word == word.to_ascii_uppercase();
    one_case && NUMBERS.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of Multi30k and Tatoeba, and some for what these lack, as sacremoses cuts them and
    /// puts them together: language, line, words, line again, with a tab between them. In Python:
    ///
    /// ```python
    /// from sacremoses import MosesTokenizer, MosesDetokenizer  # 0.2.0
    /// for language, line in lines:
    ///     words = MosesTokenizer(language).tokenize(line)
    ///     again = MosesDetokenizer(language).detokenize(words)
    ///     print(language, line, " ".join(words), again, sep="\t")
    /// ```
    const GOLDEN: &str = include_str!("moses/golden.tsv");

    #[test]
    fn lines_are_cut_and_put_together_as_sacremoses_does() {
        let mut count = 0;
        for golden in GOLDEN.lines() {
            let [language, line, words, again] = golden.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{golden}")
            };
            let moses = Moses::of(language).unwrap();
            assert_eq!(moses.tokenize(line), words, "{line}");
            assert_eq!(moses.detokenize(words), again, "{words}");
            count += 1;
        }
        assert!(count >= 200, "{count}");
    }

    #[test]
    fn hostile_lines_are_cut_too() {
        let dots = ".".repeat(100_000);
        let quotes = "'\"".repeat(50_000);
        for moses in [Moses::De, Moses::En, Moses::Fr] {
            assert_eq!(moses.tokenize(""), "");
            assert_eq!(moses.detokenize(" "), "");
            assert_eq!(moses.tokenize("\u{0}\u{1}\t"), "");
            // A control character is not taken for a dot.
            assert_eq!(moses.tokenize("a\u{1}b"), "ab");
            assert_eq!(moses.tokenize(&dots), dots);
            assert_eq!(moses.tokenize("..."), "...");
            assert_eq!(moses.tokenize("."), ".");
            let cut = moses.tokenize(&quotes);
            assert_eq!(cut.matches("&quot;").count(), 50_000);
            assert!(!moses.detokenize(&cut).is_empty());
        }
        assert!(Moses::of("cs").unwrap_err().to_string().contains("\"cs\""));
    }
}
