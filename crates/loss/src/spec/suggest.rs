//! What may have been meant by a word that no loss, modifier or argument is called.

use super::words::Item;
use super::{CURVES, MODIFIERS, parse};

/// What other libraries and papers call them, in lower case and with '_'.
const ALIASES: [(&str, &str); 27] = [
    ("cross_entropy", "ce"),
    ("crossentropy", "ce"),
    ("softmax", "ce"),
    ("nll", "ce"),
    ("xent", "ce"),
    ("binary_cross_entropy", "bce"),
    ("bce_with_logits", "bce"),
    ("bcewithlogits", "bce"),
    ("encouraging", "el"),
    ("generalized_cross_entropy", "gce"),
    ("generalised_cross_entropy", "gce"),
    ("polyloss", "poly"),
    ("poly1", "poly"),
    ("l2", "mse"),
    ("l1", "mae"),
    ("hinge", "multimargin"),
    ("multi_margin", "multimargin"),
    ("label_smoothing", "smooth"),
    ("labelsmoothing", "smooth"),
    ("smoothing", "smooth"),
    ("logit_adjustment", "adjust"),
    ("logit_adjust", "adjust"),
    ("la", "adjust"),
    ("temperature", "temp"),
    ("class_balanced", "weights"),
    ("soft_cap", "softcap"),
    ("z_loss", "zloss"),
];

/// Which argument a lone value is meant for.
const FIRST_KEYS: [(&str, &str); 18] = [
    ("el", "le"),
    ("bonus", "le"),
    ("aggressive", "start"),
    ("power", "gamma"),
    ("poly", "eps"),
    ("focal", "gamma"),
    ("antifocal", "gamma"),
    ("halted", "gamma"),
    ("gce", "q"),
    ("multimargin", "margin"),
    ("mirror", "gamma"),
    ("adjust", "tau"),
    ("ldam", "max"),
    ("margin", "m"),
    ("weights", "beta"),
    ("drw", "beta"),
    ("shots", "off"),
    ("jsd", "alpha"),
];

/// Arguments of losses and modifiers.
const KEYS: [&str; 25] = [
    "le", "clamp", "start", "sub", "rho", "abrupt", "gamma", "at", "eps", "q", "sigmoid",
    "softmax", "branch", "alpha", "beta", "ita", "margin", "bonus", "tau", "max", "scale", "from",
    "off", "rate", "m",
];

/// Whether a complaint says what may have been meant. What is suggested is tried without: one that is
/// wrong itself asks for no further one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Suggestions {
    With,
    Without,
}

impl Suggestions {
    /// What `meant` finds, if it is asked for.
    pub fn ask(self, meant: impl FnOnce() -> Option<String>) -> Option<String> {
        match self {
            Suggestions::With => meant(),
            Suggestions::Without => None,
        }
    }
}

/// For the item that begins a line and is no loss.
pub(super) fn loss(item: &Item) -> Option<String> {
    let name = known(&item.name.text)?;
    let item = written(item, name);
    if MODIFIERS.contains(&name) {
        return accepted(&format!("ce + {item}")).or_else(|| Some(format!("ce + {name}")));
    }
    accepted(&item).or_else(|| Some(name.to_owned()))
}

/// For an item after a '+' that is no modifier.
pub(super) fn modifier(item: &Item) -> Option<String> {
    let name = known(&item.name.text).filter(|name| MODIFIERS.contains(name))?;
    let item = written(item, name);
    let fits = |start: &str| accepted(&format!("{start} + {item}")).is_some();
    Some(if fits("ce") || fits("el") || fits("mse") { item } else { name.to_owned() })
}

/// For an item with an argument that it does not take.
pub(super) fn arguments(item: &Item) -> Option<String> {
    let name = item.name.text.as_str();
    let corrected = written(item, name);
    if CURVES.contains(&name) {
        return accepted(&corrected);
    }
    accepted(&format!("el + {corrected}")).map(|_| corrected)
}

/// `item` under the name `name`, every argument with a key that there is.
fn written(item: &Item, name: &str) -> String {
    let argument = |argument: &super::words::Argument| {
        let value = &argument.value.text;
        let key = match &argument.key {
            Some(key) if KEYS.contains(&key.text.as_str()) => Some(key.text.as_str()),
            Some(key) => Some(nearest(&key.text, KEYS).unwrap_or(&key.text)),
            None if value.parse::<f64>().is_err() && value != "auto" => None,
            None => first_key(name),
        };
        key.map_or_else(|| value.clone(), |key| format!("{key}={value}"))
    };
    let arguments: Vec<String> = item.arguments.iter().map(argument).collect();
    match arguments.is_empty() {
        true => name.to_owned(),
        false => format!("{name}({})", arguments.join(", ")),
    }
}

fn first_key(name: &str) -> Option<&'static str> {
    FIRST_KEYS.iter().find(|(of, _)| *of == name).map(|(_, key)| *key)
}

/// The line, if it is one.
fn accepted(spec: &str) -> Option<String> {
    parse(spec, Suggestions::Without).is_ok().then(|| spec.to_owned())
}

/// The loss or modifier that `word` may stand for.
fn known(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase().replace('-', "_");
    let bare = word.strip_suffix("loss").unwrap_or(&word).trim_end_matches('_');
    let names = || CURVES.into_iter().chain(MODIFIERS);
    let same = |word: &str| names().find(|name| *name == word);
    let alias =
        |word: &str| ALIASES.iter().find(|(alias, _)| *alias == word).map(|(_, name)| *name);
    let exactly = |word| same(word).or_else(|| alias(word));
    exactly(&word)
        .or_else(|| exactly(bare))
        .or_else(|| nearest(&word, names()))
        .or_else(|| nearest(bare, ALIASES.map(|(alias, _)| alias)).and_then(alias))
        .or_else(|| begun(&word, names()))
}

/// The one of `names` that `word` begins with, as "elle" does with "el": the longest, and no more than two
/// letters behind it.
fn begun<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let rest = |name: &str| word.strip_prefix(name).map(str::len);
    let near = names.filter(|name| rest(name).is_some_and(|letters| letters <= 2));
    near.max_by_key(|name| name.len())
}

/// The one of `names` that is at most one letter away from `word`, or two where the word is long: what may
/// have been meant by a word that is none of them.
///
/// ```
/// assert_eq!(steepness::nearest("acuracy", ["accuracy", "nll"]), Some("accuracy"));
/// assert_eq!(steepness::nearest("pgdd", ["fgsm", "pgd"]), Some("pgd"));
/// assert_eq!(steepness::nearest("bleu", ["accuracy", "nll"]), None);
/// ```
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = if word.chars().count() > 4 { 2 } else { 1 };
    let near = names.into_iter().map(|name| (distance(word, name), name));
    let near = near.filter(|(away, name)| *away <= far && *away < name.len());
    near.min_by_key(|(away, _)| *away).map(|(_, name)| name)
}

/// Letters put in, left out, exchanged or swapped with their neighbour, to make one of the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(40).collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let exchange = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = exchange.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_letters() {
        for (a, b, away) in [
            ("", "", 0),
            ("", "ab", 2),
            ("smooth", "smooth", 0),
            ("smoth", "smooth", 1),
            ("focla", "focal", 1),
            ("ec", "ce", 1),
            ("kitten", "sitting", 3),
            ("ü", "u", 1),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (away, away), "{a} {b}");
        }
    }

    #[test]
    fn every_name_here_is_one() {
        for (_, name) in ALIASES {
            assert!(CURVES.contains(&name) || MODIFIERS.contains(&name), "{name}");
        }
        for (name, key) in FIRST_KEYS {
            assert!(CURVES.contains(&name) || MODIFIERS.contains(&name), "{name}");
            assert!(KEYS.contains(&key), "{key}");
        }
    }
}
