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
    /// Refuses a number of `settings` that is out of its range, or one of a list. A lone number goes by
    /// the card's own name.
    ///
    /// # Errors
    /// Says which, and what it must be: "momentum = 1 must lie in \[0, 1)".
    pub(crate) fn validate(&self, settings: &impl Serialize) -> Result<(), String> {
        let settings = Value::try_from(settings).map_err(|error| error.to_string())?;
        for parameter in self.parameters {
            let lone = (!settings.is_table() && parameter.name == self.name).then_some(&settings);
            match lone.or_else(|| settings.get(parameter.name)) {
                Some(Value::Array(all)) => {
                    for (at, value) in all.iter().enumerate() {
                        parameter.range.validate(&format!("{}[{at}]", parameter.name), value)?;
                    }
                }
                Some(value) => parameter.range.validate(parameter.name, value)?,
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

    fn validate(self, name: &str, value: &Value) -> Result<(), String> {
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
pub(crate) mod tests;
