//! What is said of a column that is not there: those that are, and the one that was meant.

use std::fmt::Display;
use std::path::Path;

use crate::Error;

/// As many names as one reads.
const MOST_NAMES: usize = 50;

/// Longer names are not compared letter by letter.
const MOST_LETTERS: usize = 100;

/// The complaint that the table at `path` with the columns `names` has none called `name`; `shown` is
/// how the message calls it.
pub(super) fn no_column(path: &Path, name: &str, shown: impl Display, names: &[String]) -> Error {
    let meant =
        meant(name, names).map_or_else(String::new, |meant| format!("; did you mean {meant:?}?"));
    Error::Request(format!(
        "{}: there is no column {shown}; there are {}{meant}",
        path.display(),
        listed(names)
    ))
}

/// "age, height, colour", or the first of very many.
pub(super) fn listed(names: &[String]) -> String {
    let shown = names[..names.len().min(MOST_NAMES)].join(", ");
    match names.len() - names.len().min(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The one of `names` that is `name` but for capitals, spaces and the like, or for a slip in four
/// letters.
fn meant<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    let bare = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).take(MOST_LETTERS).collect()
    };
    let wanted = bare(name);
    let near = names.iter().filter_map(|other| {
        let there = bare(other);
        let far = strsim::osa_distance(&wanted, &there);
        let letters = wanted.chars().count().min(there.chars().count());
        (letters > 0 && far <= letters.div_ceil(4) && far < letters).then_some((far, other))
    });
    near.min_by_key(|(far, _)| *far).map(|(_, other)| other.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_named() {
        let names: Vec<String> =
            ["age", "Fixed acidity", "colour", "x", "y"].map(str::to_owned).to_vec();
        let of = |name| meant(name, &names);
        assert_eq!(of("Age"), Some("age"));
        assert_eq!(of("agee"), Some("age"));
        assert_eq!(of("fixed_acidity"), Some("Fixed acidity"));
        assert_eq!(of("color"), Some("colour"));
        assert_eq!(of("X"), Some("x"));
        for other in ["z", "", "weight", "??"] {
            assert_eq!(of(other), None, "{other}");
        }
        let error = no_column(Path::new("t.csv"), "agee", "\"agee\"", &names[..2]).to_string();
        let expected = "t.csv: there is no column \"agee\"; there are age, Fixed acidity; did you mean \
                        \"age\"?";
        assert_eq!(error, expected);
        let many: Vec<String> = (0..90).map(|at| format!("v{at}")).collect();
        assert!(listed(&many).ends_with("v48, v49 and 40 more"));
    }
}
