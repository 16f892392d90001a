//! The words and punctuation of a line, and items `name(arguments)` made of them.

/// A word of the line and the column, from 1, where it begins.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub text: String,
    pub column: usize,
}

#[derive(Debug)]
pub(super) struct Argument {
    pub key: Option<Word>,
    pub value: Word,
    used: bool,
}

/// `name(arguments)`.
#[derive(Debug)]
pub(super) struct Item {
    pub name: Word,
    pub arguments: Vec<Argument>,
}

/// A complaint at a column; the line is added at the end.
pub(super) struct Complaint {
    pub column: usize,
    pub problem: String,
}

pub(super) type Parsed<T> = std::result::Result<T, Complaint>;

pub(super) fn complain<T>(column: usize, problem: impl Into<String>) -> Parsed<T> {
    Err(Complaint { column, problem: problem.into() })
}

/// Splits the line into words and punctuation.
pub(super) struct Reader {
    text: Vec<char>,
    at: usize,
}

impl Reader {
    pub fn new(spec: &str) -> Self {
        Self { text: spec.chars().collect(), at: 0 }
    }

    fn skip_space(&mut self) {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn column(&mut self) -> usize {
        self.skip_space();
        self.at + 1
    }

    /// Takes `c` if it comes next.
    pub fn take(&mut self, c: char) -> bool {
        self.skip_space();
        let found = self.text.get(self.at) == Some(&c);
        self.at += usize::from(found);
        found
    }

    /// Letters, digits and what numbers hold; a '+' or '-' only inside a number.
    pub fn word(&mut self) -> Option<Word> {
        self.skip_space();
        let start = self.at;
        while let Some(&c) = self.text.get(self.at) {
            let previous = self.at.checked_sub(1).and_then(|i| self.text.get(i));
            let exponent = self.at > start + 1
                && matches!(previous, Some('e' | 'E'))
                && self.text[start..self.at - 1]
                    .iter()
                    .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
            let sign = c == '-' || (c == '+' && exponent);
            if !(c.is_alphanumeric() || matches!(c, '_' | '.') || sign) {
                break;
            }
            self.at += 1;
        }
        let text: String = self.text[start..self.at].iter().collect();
        (!text.is_empty()).then_some(Word { text, column: start + 1 })
    }

    pub fn expect_any(&mut self, what: &str) -> Parsed<Word> {
        let column = self.column();
        let found = self.text.get(self.at).map_or("the end".into(), |c| format!("'{c}'"));
        self.word().map_or_else(|| complain(column, format!("expected {what}, found {found}")), Ok)
    }

    pub fn expect_word(&mut self, word: &str) -> Parsed<()> {
        let found = self.expect_any(&format!("'{word}'"))?;
        if found.text == word {
            return Ok(());
        }
        complain(found.column, format!("expected '{word}', found '{}'", found.text))
    }

    pub fn item(&mut self, what: &str) -> Parsed<Item> {
        let name = self.expect_any(what)?;
        let mut arguments = vec![];
        if self.take('(') && !self.take(')') {
            loop {
                let first = self.expect_any("an argument")?;
                arguments.push(if self.take('=') {
                    let value = self.expect_any(&format!("a value for {}", first.text))?;
                    Argument { key: Some(first), value, used: false }
                } else {
                    Argument { key: None, value: first, used: false }
                });
                if self.take(')') {
                    break;
                }
                if !self.take(',') {
                    return complain(self.column(), "expected ',' or ')'");
                }
            }
        }
        Ok(Item { name, arguments })
    }

    pub fn end(&mut self) -> Parsed<()> {
        let column = self.column();
        match self.text.get(self.at) {
            None => Ok(()),
            Some(c) => {
                complain(column, format!("expected '+', 'from epoch' or the end, found '{c}'"))
            }
        }
    }
}

impl Item {
    /// Whether `key` has a value.
    pub fn has(&self, key: &str) -> bool {
        let named = |argument: &Argument| argument.key.as_ref().is_some_and(|k| k.text == key);
        self.arguments.iter().any(named)
    }

    /// The value of `key`, marked as used; given twice is an error.
    pub fn value(&mut self, key: &str) -> Parsed<Option<Word>> {
        let mut found = None;
        for argument in &mut self.arguments {
            if argument.key.as_ref().is_some_and(|k| k.text == key) {
                if found.is_some() {
                    return complain(argument.value.column, format!("{key} is given twice"));
                }
                argument.used = true;
                found = Some(argument.value.clone());
            }
        }
        Ok(found)
    }

    /// The first argument without a key that is not used yet.
    pub fn positional(&mut self) -> Option<Word> {
        let argument = self.arguments.iter_mut().find(|a| a.key.is_none() && !a.used)?;
        argument.used = true;
        Some(argument.value.clone())
    }

    pub fn flag(&mut self, name: &str) -> bool {
        let found = self.arguments.iter_mut().find(|a| a.key.is_none() && a.value.text == name);
        found.map(|argument| argument.used = true).is_some()
    }

    pub fn number(&mut self, key: &str) -> Parsed<Option<f64>> {
        self.value(key)?.map(|word| number(&word, key)).transpose()
    }

    pub fn number_or(&mut self, key: &str, default: f64) -> Parsed<f64> {
        Ok(self.number(key)?.unwrap_or(default))
    }

    /// `name(0.1)` or `name(key=0.1)`, which must be there.
    pub fn main_number(&mut self, key: &str) -> Parsed<f64> {
        if let Some(value) = self.number(key)? {
            return Ok(value);
        }
        match self.positional() {
            Some(word) => number(&word, key),
            None => complain(
                self.name.column,
                format!("{0} needs a number, as in {0}(0.1)", self.name.text),
            ),
        }
    }

    /// Complains about what nobody asked for.
    pub fn all_used(&self) -> Parsed<()> {
        match self.arguments.iter().find(|argument| !argument.used) {
            None => Ok(()),
            Some(argument) => {
                let word = argument.key.as_ref().unwrap_or(&argument.value);
                complain(word.column, format!("{} takes no '{}'", self.name.text, word.text))
            }
        }
    }
}

pub(super) fn number(word: &Word, key: &str) -> Parsed<f64> {
    match word.text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => complain(word.column, format!("{key} must be a number, not '{}'", word.text)),
    }
}

/// One of `choices`, by its name.
pub(super) fn choose<T: Copy>(word: &Word, choices: &[(&str, T)]) -> Parsed<T> {
    match choices.iter().find(|(name, _)| *name == word.text) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            complain(word.column, format!("expected one of {}", names.join(", ")))
        }
    }
}
