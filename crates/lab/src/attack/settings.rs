//! [`Settings`]: goes over the settings of an attack, to read what is given and to note what each is.

use std::fmt::Display;
use std::str::FromStr;

use super::{Norm, Objective};
use crate::card::{Card, Parameter, Range};
use crate::{Error, Result};

/// The word for a step whose length follows ε.
const FOLLOWS_BUDGET: &str = "auto";

/// [`Settings::norm`] of an attack in L∞ by default.
pub(super) const NORM: Parameter = Parameter {
    name: "norm",
    default: Some("linf"),
    range: Range::Words("linf or l2"),
    what: "what measures the budget",
};

/// [`Settings::objective`].
pub(super) const LOSS: Parameter = Parameter {
    name: "loss",
    default: Some("ce"),
    range: Range::Words("ce, margin or dlr"),
    what: "what is climbed: cross entropy, the margin between logits, or the difference of logits ratio",
};

/// [`Settings::objective`].
pub(super) const TEMPERATURE: Parameter = Parameter {
    name: "temperature",
    default: Some("1"),
    range: Range::Positive,
    what: "of `loss=ce`: the logits are divided by it",
};

/// Towards how many wrong classes.
pub(super) const TARGETS: Parameter = Parameter {
    name: "targets",
    default: Some("0"),
    range: Range::AtLeast(0.0),
    what: "towards how many wrong classes, the most probable first; 0 for none in particular",
};

/// The settings that are given as text, and those that were gone over.
pub(super) struct Settings<'a> {
    card: &'static Card,
    given: &'a [(&'a str, &'a str)],
    all: Vec<(&'static str, String)>,
}

impl<'a> Settings<'a> {
    pub fn new(card: &'static Card, given: &'a [(&'a str, &'a str)]) -> Self {
        Self { card, given, all: Vec::new() }
    }

    /// What each is called, and is now.
    pub fn all(self) -> Vec<(&'static str, String)> {
        self.all
    }

    /// A number, in the range on the card.
    pub fn number(&mut self, name: &'static str, value: &mut f64) -> Result<()> {
        self.read(name, "a number", value, |number| number)
    }

    /// A whole number, likewise.
    pub fn whole(&mut self, name: &'static str, value: &mut usize) -> Result<()> {
        self.read(name, "a whole number", value, |number| number as f64)
    }

    /// `norm`.
    pub fn norm(&mut self, value: &mut Norm) -> Result<()> {
        if let Some(word) = self.get("norm") {
            *value = Norm::parse(word)?;
        }
        self.note("norm", value.word());
        Ok(())
    }

    /// `loss` and `temperature`.
    pub fn objective(&mut self, value: &mut Objective) -> Result<()> {
        let (loss, mut temperature) = (self.get("loss"), value.temperature());
        self.note("loss", loss.unwrap_or(value.word()));
        self.number("temperature", &mut temperature)?;
        if loss.is_some() || temperature != value.temperature() {
            *value = Objective::parse(loss.unwrap_or(value.word()), temperature)?;
        }
        Ok(())
    }

    /// `step`, the length of one; `auto` follows ε.
    pub fn step(&mut self, value: &mut Option<f64>) -> Result<()> {
        match self.get("step") {
            Some(FOLLOWS_BUDGET) => *value = None,
            Some(_) => {
                let step = value.insert(f64::NAN);
                return self.number("step", step);
            }
            None => {}
        }
        self.note("step", value.map_or(FOLLOWS_BUDGET.to_owned(), |step| step.to_string()));
        Ok(())
    }

    /// `start`: whether it is random, or none.
    pub fn random_start(&mut self, value: &mut bool) -> Result<()> {
        match self.get("start") {
            None => {}
            Some("random") => *value = true,
            Some("none") => *value = false,
            Some(other) => return Err(self.refuse("start", other, "be random or none")),
        }
        self.note("start", if *value { "random" } else { "none" });
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.given.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    fn note(&mut self, name: &'static str, value: impl Display) {
        self.all.push((name, value.to_string()));
    }

    /// Takes over what is given for `name`, in the range on the card.
    fn read<T: FromStr + Display + Copy>(
        &mut self,
        name: &'static str,
        expected: &str,
        value: &mut T,
        number: impl Fn(T) -> f64,
    ) -> Result<()> {
        if let Some(word) = self.get(name) {
            let refuse = |_| self.refuse(name, word, format_args!("be {expected}"));
            *value = word.parse().map_err(refuse)?;
            let range = self.card.parameter(name).map(|parameter| parameter.range);
            if let Some(range) = range.filter(|range| !range.holds(number(*value))) {
                return Err(self.refuse(name, *value, range));
            }
        }
        self.note(name, *value);
        Ok(())
    }

    fn refuse(&self, name: &str, value: impl Display, must: impl Display) -> Error {
        Error::Request(format!("{}: {name} = {value} must {must}", self.card.name))
    }
}
