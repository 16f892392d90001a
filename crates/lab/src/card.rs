//! What each of a kind says of itself: an optimizer, a schedule, an augmentation, an attack.
//!
//! A kind is a list of cards, and whatever goes over all of a kind goes over its list: the reader of
//! recipes and specs, the checks of ranges, suggestions, the help, docs/settings.md and the tests.

use std::fmt::{self, Display};

use serde::Serialize;
use toml::Value;

/// One of a kind: how it is written, what it does, where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// Its name in a recipe or a spec.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it does, in Markdown.
    pub what: &'static str,
    /// Who published it, and whose definition it follows.
    pub source: &'static str,
    /// Its settings, in the order in which they are written.
    pub parameters: &'static [Parameter],
    /// A line that asks for it, with what has no default.
    pub example: &'static str,
}

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is where it is not given, as it is written; `None` where it must be given, or where
    /// what it asks for is not done without it.
    pub default: Option<&'static str>,
    /// What it may be.
    pub range: Range,
    /// What it decides, in Markdown.
    pub what: &'static str,
}

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// A number above 0.
    Positive,
    /// This or more.
    AtLeast(f64),
    /// In \[low, high\].
    Within(f64, f64),
    /// In \[0, 1).
    BelowOne,
    /// In (0, 1\].
    PositiveShare,
    /// What is no single number, in words; its own file looks.
    Words(&'static str),
}

impl Card {
    /// Refuses a number of `settings` that is out of its range, or one of a list.
    ///
    /// # Errors
    /// Says which, and what it must be: "momentum = 1 must lie in \[0, 1)".
    pub(crate) fn check(&self, settings: &impl Serialize) -> Result<(), String> {
        let settings = Value::try_from(settings).map_err(|error| error.to_string())?;
        for parameter in self.parameters {
            match settings.get(parameter.name) {
                Some(Value::Array(all)) => {
                    for (at, value) in all.iter().enumerate() {
                        parameter.range.check(&format!("{}[{at}]", parameter.name), value)?;
                    }
                }
                Some(value) => parameter.range.check(parameter.name, value)?,
                None => {}
            }
        }
        Ok(())
    }

    /// The setting of that name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

impl Range {
    /// Whether `number` lies in it; NaN lies in none.
    pub(crate) fn holds(self, number: f64) -> bool {
        match self {
            Range::Positive => number > 0.0 && number.is_finite(),
            Range::AtLeast(low) => number >= low && number.is_finite(),
            Range::Within(low, high) => (low..=high).contains(&number),
            Range::BelowOne => (0.0..1.0).contains(&number),
            Range::PositiveShare => number > 0.0 && number <= 1.0,
            Range::Words(_) => true,
        }
    }

    fn check(self, name: &str, value: &Value) -> Result<(), String> {
        let number = match value {
            Value::Float(number) => *number,
            Value::Integer(number) => *number as f64,
            _ => return Ok(()),
        };
        match self.holds(number) {
            true => Ok(()),
            false => Err(format!("{name} = {number} must {self}")),
        }
    }
}

/// What follows "must".
impl Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Range::Positive => f.write_str("be above 0"),
            Range::AtLeast(low) => write!(f, "be at least {low}"),
            Range::Within(low, high) => write!(f, "lie in [{low}, {high}]"),
            Range::BelowOne => f.write_str("lie in [0, 1)"),
            Range::PositiveShare => f.write_str("lie in (0, 1]"),
            Range::Words(words) => write!(f, "be {words}"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;
    use toml::Table;

    use super::*;
    use crate::Check;

    impl Range {
        /// Numbers just outside of it, and NaN; none where it is not one of numbers.
        pub fn outside(self) -> Vec<f64> {
            let ends: &[f64] = match self {
                Range::Positive => &[0.0, -1.0, f64::INFINITY],
                Range::AtLeast(low) => &[low - 1.0, f64::INFINITY],
                Range::Within(low, high) => &[low - 1e-3, high + 1e-3],
                Range::BelowOne => &[-1e-3, 1.0],
                Range::PositiveShare => &[0.0, 1.001],
                Range::Words(_) => return Vec::new(),
            };
            ends.iter().copied().chain([f64::NAN]).collect()
        }
    }

    /// What holds for each card of a kind that recipes read as a `T`: its example is read, what is not
    /// given is as the card says, what is out of range is refused by name, and there are no settings
    /// but those on the card. `kind` is the recipe's key.
    pub fn says_what_is_read<T: DeserializeOwned + Check + PartialEq + Debug>(
        kind: &str,
        card: &Card,
    ) {
        let example: Table = card.example.parse().unwrap();
        let value = &example[kind];
        let read = |value: &Value| -> Result<T, String> {
            let made: T = value.clone().try_into().map_err(|e: toml::de::Error| e.to_string())?;
            made.check().map_err(|error| error.to_string()).map(|()| made)
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
                let number =
                    if whole { Value::Integer(outside as i64) } else { Value::Float(outside) };
                let number = match sample {
                    Some(Value::Array(all)) => {
                        let mut all = all.clone();
                        all[0] = number;
                        Value::Array(all)
                    }
                    _ => number,
                };
                let said =
                    with(&|settings| _ = settings.insert((*name).to_owned(), number.clone()));
                let error = said.unwrap_err();
                assert!(error.contains(*name), "{name} = {outside}: {error}");
            }
        }
        let unknown = with(&|settings| _ = settings.insert("unheard-of".to_owned(), 1.into()));
        let error = unknown.unwrap_err();
        let expected = error.split_once("expected ").map_or("", |(_, names)| names);
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
}
