//! A command with placeholders, and what they stand for in one run.
//!
//! A command that is one string is split as a shell splits it, before anything is put into it, and no
//! shell runs it: `el(le=0.5) + smooth(0.1)` is then one word whatever a shell would make of it. Who
//! wants a shell says so: `sh -c 'python train.py "$STEEPNESS_LOSS" | tee …'`.

use serde::{Deserialize, Deserializer};

use crate::{Error, Result};

/// For `deserialize_with`: a list of words, or one string.
pub fn words<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a command: a list of words, or one string")]
    enum Typed {
        Words(Vec<String>),
        Line(String),
    }
    match Typed::deserialize(from)? {
        Typed::Words(words) => Ok(words),
        Typed::Line(line) => split(&line).map_err(serde::de::Error::custom),
    }
}

/// The words of `line`.
///
/// # Errors
/// A quotation mark without its partner.
pub fn split(line: &str) -> Result<Vec<String>> {
    shlex::split(line).ok_or_else(|| {
        Error::Request(format!("the command {line:?} has a quotation mark without its partner"))
    })
}

/// The names of the placeholders in `word`: `{loss}` is one, `{{` and `}}` are braces.
pub fn placeholders(word: &str) -> Vec<&str> {
    tokens(word)
        .into_iter()
        .filter_map(|token| match token {
            Token::Placeholder(name) => Some(name),
            Token::Text(_) => None,
        })
        .collect()
}

/// `word` with `values` in place of its placeholders; one without a value stays as it is.
pub fn filled(word: &str, values: &[(String, String)]) -> String {
    let fill = |token: Token| match token {
        Token::Text(text) => text.to_owned(),
        Token::Placeholder(name) => match values.iter().find(|(known, _)| known == name) {
            Some((_, value)) => value.clone(),
            None => format!("{{{name}}}"),
        },
    };
    tokens(word).into_iter().map(fill).collect()
}

enum Token<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

/// Braces around anything but a name are what they are.
fn tokens(word: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = word;
    while let Some(at) = rest.find(['{', '}']) {
        found.push(Token::Text(&rest[..at]));
        let from = &rest[at..];
        let name = from.strip_prefix('{').and_then(|from| from.split_once('}'));
        match name {
            _ if from.starts_with("{{") || from.starts_with("}}") => {
                found.push(Token::Text(&from[..1]));
                rest = &from[2..];
            }
            Some((name, after)) if is_name(name) => {
                found.push(Token::Placeholder(name));
                rest = after;
            }
            _ => {
                found.push(Token::Text(&from[..1]));
                rest = &from[1..];
            }
        }
    }
    found.push(Token::Text(rest));
    found
}

/// Whether a placeholder, an option or a metric can be called that.
pub fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// `command` as it may be typed; its placeholders stay as they are.
pub fn quoted(command: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=+:@%{}".contains(c);
    let quote = |word: &String| match !word.is_empty() && word.chars().all(plain) {
        true => word.clone(),
        false => shlex::try_quote(word).map_or_else(|_| word.clone(), Into::into),
    };
    command.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_braces_are_kept() {
        let values = [("loss".to_owned(), "el(le=1) + z(0.1)".to_owned())];
        for (word, expected) in [
            ("{loss}", "el(le=1) + z(0.1)"),
            ("--loss={loss}", "--loss=el(le=1) + z(0.1)"),
            ("{{loss}}", "{loss}"),
            ("awk {print $1}", "awk {print $1}"),
            ("{", "{"),
            ("a}b{}c", "a}b{}c"),
            ("{other}", "{other}"),
            ("{{{loss}}}", "{el(le=1) + z(0.1)}"),
        ] {
            assert_eq!(filled(word, &values), expected, "{word}");
        }
        assert_eq!(placeholders("{loss} {{seed}} {out}/{x y}"), ["loss", "out"]);
    }

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        let words = split("python 'my train.py' --loss {loss} \"a b\"").unwrap();
        assert_eq!(words, ["python", "my train.py", "--loss", "{loss}", "a b"]);
        assert!(split("echo 'a").unwrap_err().to_string().contains("quotation mark"));
        let words = ["a", "b c", "el(le=1)", "--x={loss}"].map(str::to_owned);
        assert_eq!(quoted(&words), "a 'b c' 'el(le=1)' --x={loss}");
    }
}
