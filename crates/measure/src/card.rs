//! [`Card`]: what introduces a measurement, and [`Evidence`]: what one may look at.
//!
//! The card stands in the file of the measurement and is listed once, in [`crate::MAIN`] or
//! [`crate::MORE`]. What a run records, the ranges that its record is held against, the columns of a
//! comparison, its page, and the list of `steepness measure` go over these lists.

use std::collections::BTreeMap;

use super::{Features, Logit, Logits, Measures};
use crate::Result;

/// What introduces a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// Its name for machines.
    pub key: &'static str,
    /// Its name for people, at the head of a column.
    pub title: &'static str,
    /// "%" for fractions shown as percentages, else empty.
    pub unit: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// Digits after the point.
    pub decimals: usize,
    /// What it is, in one sentence.
    pub meaning: &'static str,
    /// What it can be.
    pub range: Range,
    /// Where its value comes from.
    pub source: Source,
}

/// Whether more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
    /// Neither: the value describes, it does not rank.
    Undefined,
}

impl Direction {
    /// The arrow of a column's title, empty where "better" is not defined.
    pub fn arrow(self) -> &'static str {
        match self {
            Direction::Higher => "↑",
            Direction::Lower => "↓",
            Direction::Undefined => "",
        }
    }

    /// The word for machines.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Higher => "higher",
            Direction::Lower => "lower",
            Direction::Undefined => "",
        }
    }
}

/// What a value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// A fraction.
    Share,
    /// 0 or more.
    NotNegative,
    /// Any number.
    Any,
}

impl Range {
    /// What is wrong with `value`, if anything. Means of shares may be off by their rounding.
    pub fn problem(self, value: f64) -> Option<String> {
        match self {
            Range::Share if !(-1e-9..=1.0 + 1e-9).contains(&value) => {
                Some(format!("{value}, expected 0 to 1"))
            }
            Range::NotNegative if value.is_nan() || value < 0.0 => {
                Some(format!("{value} is below 0"))
            }
            _ => None,
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// Worked out of the evidence, and kept by the card's key in [`Measures::numbers`].
    Evidence(Function),
    /// A number of the record: where it stands there, and what reads it.
    Field(&'static str, fn(&Measures) -> Option<f64>),
    /// A number of the record for each of two classes, of which the rarer one counts.
    RareClass(&'static str, fn(&Measures) -> Option<[f64; 2]>),
    /// The epoch whose weights were measured, which of older records only the log of the training says.
    Epoch,
    /// Accuracy under this attack, at the budget that a comparison quotes.
    Attack(&'static str),
    /// What a training that we know nothing of calls by this name.
    Own(&'static str),
}

/// A function of the evidence in both of the numbers that logits come in: `Function { f32: aurc, f64:
/// aurc }`. `None` where the evidence it needs is not there.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Of logits in single precision.
    pub f32: fn(&Evidence<f32>) -> Result<Option<f64>>,
    /// Of logits in double precision.
    pub f64: fn(&Evidence<f64>) -> Result<Option<f64>>,
}

/// A number that evidence comes in, which chooses between the two of a [`Function`].
pub trait Number: Logit {
    /// What `function` says of `evidence`.
    ///
    /// # Errors
    /// Those of the function.
    fn apply(function: &Function, evidence: &Evidence<Self>) -> Result<Option<f64>>;
}

impl Number for f32 {
    fn apply(function: &Function, evidence: &Evidence<Self>) -> Result<Option<f64>> {
        (function.f32)(evidence)
    }
}

impl Number for f64 {
    fn apply(function: &Function, evidence: &Evidence<Self>) -> Result<Option<f64>> {
        (function.f64)(evidence)
    }
}

/// What a measurement may look at: logits with their labels always, and what else there is.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a, T = f32> {
    /// Of the examples that are measured.
    pub logits: Logits<'a, T>,
    /// Their classes, one a row.
    pub labels: &'a [i64],
    /// Logits and labels of validation examples.
    pub validation: Option<(Logits<'a, T>, &'a [i64])>,
    /// How many training examples each class has.
    pub train_counts: Option<&'a [i64]>,
    /// Features of examples that are measured, all or some, with their classes.
    pub features: Option<(Features<'a, T>, &'a [i64])>,
    /// Logits of examples from another data set.
    pub foreign: Option<Logits<'a, T>>,
}

impl<'a, T: Number> Evidence<'a, T> {
    /// Logits with one class a row in `labels`, and nothing else.
    ///
    /// ```
    /// use steepness_measure::{Evidence, Logits};
    /// let evidence = Evidence::new(Logits::new(&[2.0f32, 1.0, 0.0, 3.0], 2)?, &[0, 1]);
    /// let evidence = Evidence { train_counts: Some(&[50, 3]), ..evidence };
    /// assert!(evidence.features.is_none());
    /// # Ok::<(), steepness_measure::Error>(())
    /// ```
    pub fn new(logits: Logits<'a, T>, labels: &'a [i64]) -> Self {
        Self { logits, labels, validation: None, train_counts: None, features: None, foreign: None }
    }

    /// Works out each of the measurements that are functions of the evidence, by the keys of their
    /// cards: adds to `numbers` what is not there yet and what this evidence is enough for. What is not
    /// finite is left out: no record could hold it.
    ///
    /// # Errors
    /// Arrays that do not fit each other.
    pub fn measure(&self, numbers: &mut BTreeMap<String, f64>) -> Result<()> {
        for card in Card::all() {
            let Source::Evidence(function) = card.source else { continue };
            if numbers.contains_key(card.key) {
                continue;
            }
            let value = T::apply(&function, self)?;
            numbers.extend(value.filter(|v| v.is_finite()).map(|v| (card.key.to_owned(), v)));
        }
        Ok(())
    }
}

impl Card {
    /// Every measurement, in the order of the columns.
    pub fn all() -> impl Iterator<Item = &'static Card> {
        crate::MAIN.into_iter().chain(crate::MORE)
    }

    /// Where its number stands in a record, and the number, if there is one; not of what only a
    /// comparison can tell.
    pub fn recorded(&self, measures: &Measures) -> Option<(&'static str, f64)> {
        match self.source {
            Source::Evidence(_) => Some((self.key, *measures.numbers.get(self.key)?)),
            Source::Field(place, field) => Some((place, field(measures)?)),
            Source::RareClass(..) | Source::Epoch | Source::Attack(_) | Source::Own(_) => None,
        }
    }

    /// A value in the unit in which it is shown.
    pub fn in_unit(&self, value: f64) -> f64 {
        if self.unit == "%" { 100.0 * value } else { value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{LABELS, LOGITS};

    #[test]
    fn keys_and_places_are_unique() {
        let mut keys: Vec<_> = Card::all().map(|card| card.key).collect();
        assert_eq!(keys.len(), crate::MAIN.len() + crate::MORE.len());
        let place = |card: &Card| match card.source {
            Source::Field(place, _) | Source::RareClass(place, _) => Some(place),
            _ => None,
        };
        let mut places: Vec<_> = Card::all().filter_map(place).collect();
        for names in [&mut keys, &mut places] {
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all);
        }
    }

    /// A place is where JSON has the number.
    #[test]
    fn a_number_stands_where_its_card_says() {
        let logits = Logits::new(&LOGITS, 4).unwrap();
        let mut measures = Measures::new(logits, &LABELS, &[-0.5; 6]).unwrap();
        measures.recalibrate(logits, &LABELS, logits, &LABELS).unwrap();
        let json = serde_json::to_value(&measures).unwrap();
        let mut found = 0;
        for card in Card::all() {
            let Source::Field(place, _) = card.source else { continue };
            let Some((_, value)) = card.recorded(&measures) else { continue };
            let in_json = place.split('.').fold(&json, |json, key| &json[key]);
            // The profile of all classes stands for the gap that is read off it.
            if place != "energy_profile" {
                assert_eq!(in_json.as_f64(), Some(value), "{place}");
            }
            found += 1;
        }
        assert!(found > 15, "{found}");
    }

    #[test]
    fn a_value_out_of_its_range_is_told() {
        assert_eq!(Range::Share.problem(1.0 + 1e-12), None);
        assert_eq!(Range::Share.problem(1.5).unwrap(), "1.5, expected 0 to 1");
        assert_eq!(Range::NotNegative.problem(-1.0).unwrap(), "-1 is below 0");
        assert!(Range::Share.problem(f64::NAN).is_some());
        assert!(Range::NotNegative.problem(f64::NAN).is_some());
        assert_eq!(Range::Any.problem(-1.0), None);
    }
}
