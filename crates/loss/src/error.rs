//! What can be wrong with a loss or with what it is given.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What was wrong, with the place and the numbers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A loss spec that cannot be read.
    #[error(
        "loss spec, column {column}: {problem}\n  {}\n  {arrow:>column$}",
        one_line(spec),
        arrow = '^'
    )]
    Spec {
        /// The whole line.
        spec: String,
        /// Where, counted from 1 in characters.
        column: usize,
        /// What stands there and what was expected.
        problem: String,
    },
    /// An option out of its range, or one that does not go with the others.
    #[error("{option} {problem}")]
    Option {
        /// Its name in a spec: "le", or "smooth bonus" for an argument of a modifier.
        option: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Slices or tensors whose sizes do not fit each other, or the classes.
    #[error("{0}")]
    Shape(String),
    /// A number of classes that there cannot be.
    #[error("{0} classes: expected 1 to 2³² − 1")]
    Classes(usize),
    /// A loss that is made from the classes' frequencies, without them.
    #[error("{loss} needs the number of training examples of each class")]
    ClassCounts {
        /// The loss, as it is written.
        loss: String,
    },
    /// A weight that is none.
    #[error("{of} weight {index} is {value}, not a finite number ≥ 0")]
    Weight {
        /// What it weighs: "class" or "sample".
        of: &'static str,
        /// Its place among them: the class, or the row.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A hard target that is no class.
    #[error("target {target} in row {row} is not below the {classes} classes")]
    Target {
        /// The target.
        target: i64,
        /// Its row.
        row: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// A soft target that is no weight.
    #[error("soft target {value} in row {row}, class {class} is not a finite number ≥ 0")]
    SoftTarget {
        /// The value.
        value: f64,
        /// Its row.
        row: usize,
        /// Its class.
        class: usize,
    },
    /// A logit that no loss is defined for.
    #[error("the logit in row {row}, column {column} is {value}")]
    Logit {
        /// The value: NaN or +∞, or −∞ where every logit of the row is −∞.
        value: f64,
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// A tensor whose elements are of a type that is not computed in.
    #[error("{tensor} of type {found}: expected {expected}")]
    ElementType {
        /// Which tensor: "logits".
        tensor: &'static str,
        /// The type, as its framework calls it.
        found: String,
        /// What would do.
        expected: String,
    },
    /// Something that is not computed where a tensor is.
    #[error("{0}")]
    Device(String),
    /// A framework refused an operation.
    #[error(transparent)]
    Framework(FrameworkError),
}

/// What a framework said.
#[derive(Clone, Debug)]
pub struct FrameworkError(Arc<dyn std::error::Error + Send + Sync>);

impl FrameworkError {
    /// The framework's own error, to be downcast to.
    pub fn get_ref(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        &*self.0
    }

    /// Of an error of the framework's, or of its words.
    #[cfg(any(feature = "burn", feature = "candle", feature = "tch"))]
    pub(crate) fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }
}

impl Display for FrameworkError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for FrameworkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Frameworks' errors cannot be compared; their words can.
impl PartialEq for FrameworkError {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// With what would end the line, and move the place that is pointed at, as a space.
fn one_line(spec: &str) -> String {
    spec.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A complaint about an option.
pub(crate) fn refuse<T>(option: &str, problem: impl Into<String>) -> Result<T> {
    Err(Error::Option { option: option.into(), problem: problem.into() })
}

/// Checks low ≤ value ≤ high, which NaN fails.
pub(crate) fn within(option: &str, value: f64, low: f64, high: f64) -> Result<()> {
    if value >= low && value <= high {
        return Ok(());
    }
    if high == f64::MAX {
        return refuse(option, format!("must be at least {low}, not {value}"));
    }
    refuse(option, format!("must lie in [{low}, {high}], not {value}"))
}

/// Checks 0 < value < ∞.
pub(crate) fn positive(option: &str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    refuse(option, format!("must be above 0, not {value}"))
}

/// Checks 0 < value < 1.
pub(crate) fn open_unit(option: &str, value: f64) -> Result<()> {
    if value > 0.0 && value < 1.0 {
        return Ok(());
    }
    refuse(option, format!("must lie in (0, 1), not {value}"))
}
