//! What holds for every card, and the document that lists them all.

use std::fmt::{Debug, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Table;

use super::*;
use crate::Validate;
use crate::attack::ATTACKS;
use crate::data::augment::AUGMENTATIONS;
use crate::train::{OPTIMIZERS, SCHEDULES};

impl Range {
    /// Numbers just outside of it, and NaN; none where it is not one of numbers.
    pub fn outside(self) -> Vec<f64> {
        let ends: &[f64] = match self {
            Range::Positive => &[0.0, -1.0, f64::INFINITY],
            Range::AtLeast(low) => &[low - 1.0, f64::INFINITY],
            Range::Within(low, high) => &[low - 1.0, high + 1.0],
            Range::BelowOne => &[-1.0, 1.0],
            Range::PositiveShare => &[0.0, 2.0],
            Range::Words(_) => return Vec::new(),
        };
        ends.iter().copied().chain([f64::NAN]).collect()
    }
}

/// What holds for each card of a kind that recipes read as a `T`: its example is read, what is not
/// given is as the card says, what is out of range is refused by name, and there are no settings
/// but those on the card. `kind` is the recipe's key.
pub fn says_what_is_read<T: DeserializeOwned + Validate + PartialEq + Debug>(
    kind: &str,
    card: &Card,
) {
    let example: Table = card.example.parse().unwrap();
    let value = &example[kind];
    let read = |value: &Value| -> Result<T, String> {
        let made: T = value.clone().try_into().map_err(|e: toml::de::Error| e.to_string())?;
        made.validate().map_err(|error| error.to_string()).map(|()| made)
    };
    read(value).unwrap();
    let Some(Value::Table(given)) = value.get(card.name) else { return };
    let with = |change: &dyn Fn(&mut Table)| {
        let mut settings = given.clone();
        change(&mut settings);
        read(&Value::Table(Table::from_iter([(card.name.to_owned(), settings.into())])))
    };
    for Parameter { name, default, range, .. } in card.parameters {
        let usual =
            default.map(|text| format!("x = {text}").parse::<Table>().unwrap()["x"].clone());
        if let Some(usual) = &usual {
            let said = with(&|settings| _ = settings.insert((*name).to_owned(), usual.clone()));
            assert_eq!(said, with(&|settings| _ = settings.remove(*name)), "{name}");
        }
        let sample = given.get(*name).or(usual.as_ref());
        for outside in range.outside() {
            let whole = matches!(sample, Some(Value::Integer(_)));
            if whole && !(outside >= 0.0 && outside.fract() == 0.0) {
                continue; // refused by its type
            }
            let number = if whole { Value::Integer(outside as i64) } else { Value::Float(outside) };
            let number = match sample {
                Some(Value::Array(all)) => {
                    let mut all = all.clone();
                    all[0] = number;
                    Value::Array(all)
                }
                _ => number,
            };
            let said = with(&|settings| _ = settings.insert((*name).to_owned(), number.clone()));
            let error = said.unwrap_err();
            assert!(error.contains(*name), "{name} = {outside}: {error}");
        }
    }
    let unknown = with(&|settings| _ = settings.insert("unheard-of".to_owned(), 1.into()));
    let error = unknown.unwrap_err();
    let said = error.lines().next().and_then(|line| line.split_once("expected "));
    let expected = said.map_or("", |(_, names)| names);
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let named: Vec<&str> = card.parameters.iter().map(|parameter| parameter.name).collect();
    assert_eq!(known, named, "{error}");
}

#[test]
fn a_range_holds_what_it_says() {
    for (range, inside, words) in [
        (Range::Positive, 1e-300, "be above 0"),
        (Range::AtLeast(1.0), 1.0, "be at least 1"),
        (Range::Within(0.0, 0.5), 0.5, "lie in [0, 0.5]"),
        (Range::BelowOne, 0.0, "lie in [0, 1)"),
        (Range::PositiveShare, 1.0, "lie in (0, 1]"),
    ] {
        assert!(range.holds(inside), "{range}");
        assert!(range.outside().into_iter().all(|outside| !range.holds(outside)), "{range}");
        assert_eq!(range.to_string(), words);
    }
}

/// The kinds, with what is to be said of each.
const KINDS: [(&str, &str, &[&Card]); 4] = [
    (
        "Optimizers",
        "`[optimizer.NAME]`, in `[crt]` and `[probe]` too: how the weights are moved.",
        OPTIMIZERS,
    ),
    (
        "Schedules",
        "`schedule = \"constant\"` or `[schedule.NAME]`: the factor on the learning rate.",
        SCHEDULES,
    ),
    (
        "Augmentations",
        "`[augment]`: what is done to training images, each epoch anew and in this order.",
        AUGMENTATIONS,
    ),
    (
        "Attacks",
        "A line such as `pgd(norm=l2, loss=margin)`: in `attacks` of `[attack]`, as `attack` of \
         `[adversarial]`, and with `steepness attack --attack`.",
        ATTACKS,
    ),
];

/// docs/settings.md.
fn document() -> String {
    let mut text = "# Settings of a training\n\nOptimizers, schedules, augmentations and attacks that a \
                    recipe can ask for, with their settings. `STEEPNESS_BLESS=1 cargo test --release -p \
                    steepness-lab every_card_is_in_the_documentation` writes this file anew from what \
                    the program itself reads.\n"
        .to_owned();
    for (title, about, cards) in KINDS {
        let _ = write!(text, "\n## {title}\n\n{about}\n");
        cards.iter().for_each(|card| describe(&mut text, card));
    }
    text
}

fn describe(text: &mut String, card: &Card) {
    let Card { name, title, what, source, parameters, example } = card;
    let source = if source.is_empty() { String::new() } else { format!(" ({source})") };
    let _ = write!(text, "\n### `{name}`\n\n**{title}**: {what}{source}.\n\n    {example}\n");
    if parameters.is_empty() {
        return;
    }
    *text += "\n| setting | without it | must | what it decides |\n|---|---|---|---|\n";
    for Parameter { name, default, range, what } in *parameters {
        let default = default.map_or(String::new(), |default| format!("`{default}`"));
        let _ = writeln!(text, "| `{name}` | {default} | {range} | {what} |");
    }
}

#[test]
fn every_card_is_in_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    if std::env::var_os("STEEPNESS_BLESS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), document());
}

#[test]
fn names_are_unique_and_cards_are_filled_in() {
    for (kind, _, cards) in KINDS {
        for (at, card) in cards.iter().enumerate() {
            assert!(
                cards[..at].iter().all(|other| other.name != card.name),
                "{kind}: {}",
                card.name
            );
            assert!(!card.title.is_empty() && !card.what.is_empty(), "{kind}: {}", card.name);
            assert!(card.parameters.iter().all(|of| !of.what.is_empty()), "{kind}: {}", card.name);
        }
    }
}
