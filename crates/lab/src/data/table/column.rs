//! [`Column`]: what a column of a table holds, and what a model sees of it.

use serde::{Deserialize, Serialize};

use super::date::Dates;
use super::number::Notation;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, or "column 3" where there are no names.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// In how many rows of the training file its value is missing. If there are some, a model sees one
    /// number more, 1 where it is missing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: usize,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// The class.
    Target,
    /// Numbers, seen as they are.
    Numeric {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
        /// How they are written.
        #[serde(default, skip_serializing_if = "Notation::is_plain")]
        written: Notation,
    },
    /// Dates, seen as days since the first, or times of day, seen as hours.
    Date {
        /// The first: days since 1970-01-01, or 0 of times of day.
        first: f64,
        /// The last.
        last: f64,
        /// How they are written.
        written: Dates,
        /// Whether day and month could as well be the other way round.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        open: bool,
    },
    /// Words, seen as one number a category, 1 where it is that and else 0.
    Categorical(Vec<String>),
    /// Left out: the same value in every row.
    Constant(String),
    /// Left out: no value in any row.
    Empty,
    /// Left out: it counts the rows.
    RowNumber,
    /// Left out: a name for the row, or for few of them.
    Identifier {
        /// How many different ones.
        values: usize,
    },
    /// Left out because the recipe says so.
    Ignored,
}

impl Column {
    /// How many numbers a model sees of it.
    pub(super) fn width(&self) -> usize {
        let own = match &self.kind {
            ColumnKind::Numeric { .. } | ColumnKind::Date { .. } => 1,
            ColumnKind::Categorical(values) => values.len(),
            _ => return 0,
        };
        own + usize::from(self.missing > 0)
    }

    /// A name for each number that a model sees: "age", "colour=red", "age is missing".
    pub(super) fn features(&self) -> Vec<String> {
        let name = &self.name;
        let mut features = match &self.kind {
            ColumnKind::Numeric { .. } | ColumnKind::Date { .. } => vec![name.clone()],
            ColumnKind::Categorical(values) => {
                values.iter().map(|value| format!("{name}={value}")).collect()
            }
            _ => return Vec::new(),
        };
        if self.missing > 0 {
            features.push(format!("{name} is missing"));
        }
        features
    }

    /// What there is to say of a column that no model sees although nobody asked for that.
    pub(in crate::data) fn left_out(&self) -> Option<String> {
        let asked = matches!(self.kind, ColumnKind::Target | ColumnKind::Ignored);
        (self.width() == 0 && !asked).then(|| format!("{} is {}", self.name, self.describe()))
    }

    /// One line for a person.
    pub fn describe(&self) -> String {
        match self.missing {
            0 => self.kind.describe(),
            missing => format!("{}; {missing} missing", self.kind.describe()),
        }
    }
}

impl ColumnKind {
    /// One line for a person.
    fn describe(&self) -> String {
        match self {
            ColumnKind::Target => "the class".to_owned(),
            ColumnKind::Numeric { min, max, written } => {
                format!("numeric, {min} to {max}{}", written.describe())
            }
            ColumnKind::Date { last, written: Dates::Clock, first, .. } => {
                let [first, last] = [*first, *last].map(|hours| Dates::Clock.write(hours));
                format!("times of day, {first} to {last}, seen in hours")
            }
            ColumnKind::Date { first, last, written, open } => {
                let [first, last] = [*first, *last].map(|day| written.write(day));
                let order = match (written, open) {
                    (_, false) => "",
                    (Dates::MonthFirst, true) => " (taken as month/day/year: nothing tells)",
                    (_, true) => " (taken as day.month.year: nothing tells)",
                };
                format!("dates, {first} to {last}, seen in days since the first{order}")
            }
            ColumnKind::Categorical(values) => {
                let shown =
                    values.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if values.len() > 5 { ", …" } else { "" };
                format!("{} categories: {shown}{more}", values.len())
            }
            ColumnKind::Constant(value) => format!("left out: {value:?} in every row"),
            ColumnKind::Empty => "left out: no value in any row".to_owned(),
            ColumnKind::RowNumber => "left out: it counts the rows".to_owned(),
            ColumnKind::Identifier { values } => format!("left out: {values} different names"),
            ColumnKind::Ignored => "left out, as asked".to_owned(),
        }
    }
}

/// For `skip_serializing_if`.
fn is_zero(count: &usize) -> bool {
    *count == 0
}
