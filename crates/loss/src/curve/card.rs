//! What a family of curves says of itself: the reader and the printer of specs, the checks, the tables
//! of the documentation and the tests go over these cards.

use crate::error::{Result, open_unit, positive, within};

/// A family of curves: how it is written, what it computes, where it comes from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Card {
    /// Its name in a spec. Two families may share one; then the first parameter decides, if it is
    /// written.
    pub name: &'static str,
    /// What goes between the brackets, in the order in which it is printed.
    pub parameters: &'static [Parameter],
    /// Parameters of the family it is a special case of, with the values they have here.
    pub fixed: &'static [(&'static str, f64)],
    /// Its special cases that have a name of their own.
    pub presets: &'static [&'static Card],
    /// Whether it looks at the whole row, at Σ_k p_k² over its softmax. Only such a curve makes a
    /// kernel compute that; it is held fixed in the gradient.
    pub squares: bool,
    /// Its rows in the tables of the documentation.
    pub forms: &'static [Form],
    /// What papers and other libraries call it, in lower case and with '_'.
    pub aliases: &'static [&'static str],
    /// Specs with parameters in general position, which the tests go over. Slopes may jump where p is
    /// 0.3, 0.5, 0.75, 0.8 or 0.95, or 1 − p is 1e-5, since the tests step around these.
    pub examples: &'static [&'static str],
}

/// One way to write a curve, and its formulas in Markdown.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The spec.
    pub spec: &'static str,
    /// L(p), with q = 1 − p.
    pub value: &'static str,
    /// w(p) = −p·L′(p).
    pub weight: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Who published it, and where.
    pub source: &'static str,
}

/// A number that a curve takes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name in a spec, and in the enum.
    pub name: &'static str,
    /// What it is where the spec says nothing.
    pub default: f64,
    /// What it may be.
    pub range: Range,
    /// Whether a spec is printed with it although it has its default.
    pub always: bool,
    /// Whether it can be `auto`.
    pub auto: bool,
    /// Whether it is a probability at which the slope jumps.
    pub kink: bool,
}

/// What a number may be.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Range {
    /// This or more.
    AtLeast(f64),
    /// In \[0, 1\].
    Unit,
    /// In (0, 1).
    OpenUnit,
    /// In (0, 1\].
    PositiveUnit,
    /// Above 0.
    Positive,
}

impl Card {
    /// With nothing in it, for `..Card::EMPTY`.
    pub(super) const EMPTY: Self = Self {
        name: "",
        parameters: &[],
        fixed: &[],
        presets: &[],
        squares: false,
        forms: &[],
        aliases: &[],
        examples: &[],
    };

    /// Checks that every parameter lies in its range.
    pub(super) fn validate(&self, values: &[(&'static str, f64)]) -> Result<()> {
        let of = |name| values.iter().find(|(of, _)| *of == name);
        self.parameters.iter().try_for_each(|parameter| match of(parameter.name) {
            Some((name, value)) => parameter.range.validate(name, *value),
            None => Ok(()),
        })
    }
}

impl Parameter {
    /// A parameter that is always printed.
    pub(super) const fn new(name: &'static str, default: f64, range: Range) -> Self {
        Self { name, default, range, always: true, auto: false, kink: false }
    }

    /// One that is printed only where it has not its default.
    pub(super) const fn option(name: &'static str, default: f64, range: Range) -> Self {
        Self { always: false, ..Self::new(name, default, range) }
    }

    /// It can be `auto`.
    pub(super) const fn or_auto(self) -> Self {
        Self { auto: true, ..self }
    }

    /// It is a probability at which the slope jumps.
    pub(super) const fn kink(self) -> Self {
        Self { kink: true, ..self }
    }
}

impl Range {
    pub(super) fn validate(self, option: &str, value: f64) -> Result<()> {
        match self {
            Range::AtLeast(low) => within(option, value, low, f64::MAX),
            Range::Unit => within(option, value, 0.0, 1.0),
            Range::OpenUnit => open_unit(option, value),
            Range::PositiveUnit => {
                positive(option, value)?;
                within(option, value, 0.0, 1.0)
            }
            Range::Positive => positive(option, value),
        }
    }
}
