//! What can go wrong in the laboratory: what a comparison says, and libtorch.

use steepness_compare::Error as CompareError;
use steepness_measure::{self as measure, Error as MeasureError, error_constructors};

/// A result of the laboratory.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong, and whose turn it is: [`Error::exit_code`] tells a wrong request from work
/// that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A request that makes no sense, files, the loss, work that broke off, an interruption.
    #[error(transparent)]
    Compare(CompareError),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl From<MeasureError> for Error {
    fn from(error: MeasureError) -> Self {
        Error::Compare(error.into())
    }
}

impl From<steepness::Error> for Error {
    fn from(error: steepness::Error) -> Self {
        Error::Compare(error.into())
    }
}

/// What a run of ours said comes back as it was.
impl From<CompareError> for Error {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Runner(error) => match error.downcast() {
                Ok(ours) => *ours,
                Err(error) => Error::Compare(CompareError::Runner(error)),
            },
            error => Error::Compare(error),
        }
    }
}

/// For what a comparison asks of us: to make a run, to read a recipe.
impl From<Error> for CompareError {
    fn from(error: Error) -> Self {
        match error {
            Error::Compare(error) => error,
            torch @ Error::Torch(_) => CompareError::Runner(Box::new(torch)),
        }
    }
}

error_constructors!(Error);

/// Named as the variant of [`steepness_measure::Error`] that it is.
#[expect(non_upper_case_globals, reason = "it stands for a variant")]
impl Error {
    /// The user asked to stop; what is done so far is saved.
    pub const Interrupted: Error = Error::Compare(CompareError::Interrupted);
}

impl Error {
    /// 1: the work failed; 2: the request was wrong; 130: interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Compare(error) => error.exit_code(),
            Error::Torch(_) => 1,
        }
    }

    /// What measuring, reading or writing said, without places; `None` where it was something else.
    pub fn as_measure(&self) -> Option<&MeasureError> {
        match self {
            Error::Compare(error) => error.as_measure(),
            Error::Torch(_) => None,
        }
    }

    /// With a place in front: "epoch 2, step 7: ".
    pub fn at(self, place: impl Into<String>) -> Error {
        Error::Compare(CompareError::from(self).at(place))
    }

    /// With a remark in brackets behind it, if it is about the contents of a file.
    pub fn remarked(self, remark: &str) -> Error {
        match self {
            Error::Compare(error) => Error::Compare(error.remarked(remark)),
            error => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A comparison hands on what a run says, and people read it as it was said.
    #[test]
    fn what_goes_through_a_comparison_comes_back() {
        let refused = || tch::TchError::Torch("out of memory".to_owned());
        let said: [fn() -> Error; 4] = [
            || Error::Request("no".to_owned()),
            || Error::malformed(Path::new("a"), "line 1", "it is empty"),
            || Error::Work("loss is NaN".to_owned()),
            || Error::Interrupted,
        ];
        let torch = || Error::Torch(refused());
        let all = said.into_iter().map(|say| (say(), say())).chain([(torch(), torch())]);
        for (before, error) in all {
            let through: steepness_compare::Error = error.into();
            assert_eq!(through.exit_code(), before.exit_code());
            assert_eq!(through.to_string(), before.to_string());
            let back = Error::from(through);
            assert_eq!(format!("{back:?}"), format!("{before:?}"));
        }
    }
}
