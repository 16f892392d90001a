//! What can go wrong in a comparison: what measuring, reading and writing say, the loss, and whoever makes
//! the runs.

use steepness_measure::{self as measure, At, Error as MeasureError, error_constructors};

/// A result of a comparison.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong, and whose turn it is: [`Error::exit_code`] tells a wrong request from work
/// that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A request that makes no sense, files, work that broke off, an interruption.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The loss refused its specification or its input.
    #[error(transparent)]
    Loss(#[from] steepness::Error),
    /// What makes the runs failed in a way of its own.
    #[error(transparent)]
    Runner(Box<dyn std::error::Error + Send + Sync>),
    /// One of these, and where.
    #[error(transparent)]
    At(Box<At<Error>>),
}

error_constructors!(Error);

/// Named as the variant of [`steepness_measure::Error`] that it is.
#[expect(non_upper_case_globals, reason = "it stands for a variant")]
impl Error {
    /// The user asked to stop; what is done so far is saved.
    pub const Interrupted: Error = Error::Measure(MeasureError::Interrupted);
}

impl Error {
    /// 1: the work failed; 2: the request was wrong; 130: interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Measure(error) => error.exit_code(),
            Error::Loss(_) => 2,
            Error::Runner(_) => 1,
            Error::At(at) => at.error.exit_code(),
        }
    }

    /// What measuring, reading or writing said, without places; `None` where it was something else.
    pub fn as_measure(&self) -> Option<&MeasureError> {
        match self {
            Error::Measure(error) => Some(error),
            Error::At(at) => at.error.as_measure(),
            Error::Loss(_) | Error::Runner(_) => None,
        }
    }

    /// Whether what was asked for makes no sense, to us or to the loss.
    pub fn is_request(&self) -> bool {
        match self {
            Error::Loss(_) => true,
            Error::At(at) => at.error.is_request(),
            error => error.as_measure().is_some_and(MeasureError::is_request),
        }
    }

    /// All of it, with what is behind it: also why a file cannot be read.
    pub fn whole(&self) -> String {
        let first: &(dyn std::error::Error + 'static) = self;
        let behind = std::iter::successors(Some(first), |error| error.source());
        behind.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }

    /// With a place in front: "epoch 2, step 7: ".
    pub fn at(self, place: impl Into<String>) -> Error {
        Error::At(Box::new(At { place: place.into(), error: self }))
    }

    /// With a remark in brackets behind it, if it is about the contents of a file.
    pub fn remarked(self, remark: &str) -> Error {
        match self {
            Error::Measure(error) => error.remarked(remark).into(),
            error => error,
        }
    }
}
