//! What may have been meant by a word that no loss, modifier or argument is called.

use super::words::Item;
use super::{MODIFIERS, families, losses, parse};
use crate::curve::Card;

/// What other libraries and papers call what is no family of curves, in lower case and with '_'; the
/// others are on the families' cards.
const ALIASES: [(&str, &str); 17] = [
    ("binary_cross_entropy", "bce"),
    ("bce_with_logits", "bce"),
    ("bcewithlogits", "bce"),
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

/// Which argument a lone value is meant for; of a family it is the first on its card.
const FIRST_KEYS: [(&str, &str); 10] = [
    ("bonus", "le"),
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

/// Arguments of losses and modifiers that are on no card.
const KEYS: [&str; 17] = [
    "rho", "abrupt", "sigmoid", "softmax", "branch", "alpha", "beta", "ita", "margin", "bonus",
    "tau", "max", "scale", "from", "off", "rate", "m",
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
    if losses().contains(&name) {
        return accepted(&corrected);
    }
    accepted(&format!("el + {corrected}")).map(|_| corrected)
}

/// `item` under the name `name`, every argument with a key that there is.
fn written(item: &Item, name: &str) -> String {
    let argument = |argument: &super::words::Argument| {
        let value = &argument.value.text;
        let key = match &argument.key {
            Some(key) if keys().any(|known| known == key.text) => Some(key.text.as_str()),
            Some(key) => Some(nearest(&key.text, keys()).unwrap_or(&key.text)),
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
    let of_card = families().find(|(_, card)| card.name == name);
    let of_card = of_card.and_then(|(_, card)| card.parameters.first()).map(|first| first.name);
    of_card.or_else(|| FIRST_KEYS.iter().find(|(of, _)| *of == name).map(|(_, key)| *key))
}

fn keys() -> impl Iterator<Item = &'static str> {
    families().flat_map(|(_, card)| card.parameters).map(|parameter| parameter.name).chain(KEYS)
}

/// What is called otherwise elsewhere, and what it is called here.
fn aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_card = |(_, card): (_, &'static Card)| card.aliases.iter().map(|a| (*a, card.name));
    families().flat_map(of_card).chain(ALIASES)
}

/// The line, if it is one.
fn accepted(spec: &str) -> Option<String> {
    parse(spec, Suggestions::Without).is_ok().then(|| spec.to_owned())
}

/// The loss or modifier that `word` may stand for.
fn known(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase().replace('-', "_");
    let bare = word.strip_suffix("loss").unwrap_or(&word).trim_end_matches('_');
    let names = || losses().into_iter().chain(MODIFIERS);
    let same = |word: &str| names().find(|name| *name == word);
    let alias = |word: &str| aliases().find(|(alias, _)| *alias == word).map(|(_, name)| name);
    let exactly = |word| same(word).or_else(|| alias(word));
    exactly(&word)
        .or_else(|| exactly(bare))
        .or_else(|| nearest(&word, names()))
        .or_else(|| nearest(bare, aliases().map(|(alias, _)| alias)).and_then(alias))
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
        let known = |name| losses().contains(&name) || MODIFIERS.contains(&name);
        for (alias, name) in aliases() {
            assert!(known(name) && !known(alias), "{alias} {name}");
        }
        for (name, key) in FIRST_KEYS {
            assert!(known(name), "{name}");
            assert!(keys().any(|known| known == key), "{key}");
        }
    }
}
