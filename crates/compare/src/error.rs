//! One error type for what compares; every variant carries the place and the numbers.

use std::path::{Path, PathBuf};

use crate::plain;

/// A result of a comparison.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong, and whose turn it is: [`Error::exit_code`] tells a wrong request from work
/// that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for makes no sense; the message says what would.
    #[error("{0}")]
    Request(String),
    /// A file that was given is missing or unreadable.
    #[error("cannot read {}", shown(path))]
    Input {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that was given does not hold what it should.
    #[error("{}: {place}: {problem}", shown(path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in it: "byte 12", "line 3, column 7", "row 5".
        place: String,
        /// What is there and what was expected.
        problem: String,
    },
    /// The loss refused its specification or its input.
    #[error(transparent)]
    Loss(#[from] steepness::Error),
    /// A file of ours could not be written or read back.
    #[error("cannot write {}", shown(path))]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A run or its measuring broke off: what, and where.
    #[error("{0}")]
    Work(String),
    /// What makes the runs failed in a way of its own.
    #[error(transparent)]
    Runner(Box<dyn std::error::Error + Send + Sync>),
    /// The user asked to stop; what is done so far is saved.
    #[error("interrupted")]
    Interrupted,
}

/// The same, one by one, so that what matches an error need not know who found it.
impl From<steepness_measure::Error> for Error {
    fn from(error: steepness_measure::Error) -> Self {
        use steepness_measure::Error as Found;
        match error {
            Found::Request(problem) => Error::Request(problem),
            Found::Input { path, source } => Error::Input { path, source },
            Found::Malformed { path, place, problem } => Error::Malformed { path, place, problem },
            Found::Output { path, source } => Error::Output { path, source },
            Found::Interrupted => Error::Interrupted,
            // What is added there later is work that failed, too.
            other => Error::Work(other.to_string()),
        }
    }
}

impl Error {
    /// 1: the work failed; 2: the request was wrong; 130: interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Request(_) | Error::Malformed { .. } | Error::Loss(_) => 2,
            Error::Input { source, .. } => steepness_measure::code_of_reading(source),
            Error::Output { .. } | Error::Work(_) | Error::Runner(_) => 1,
            Error::Interrupted => 130,
        }
    }

    /// For `map_err` on reading `path`, a file that the user named.
    pub fn input(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Input { path: path.to_owned(), source }
    }

    /// For `map_err` on writing `path`, a file of ours.
    pub fn output(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Output { path: path.to_owned(), source }
    }

    /// A complaint about the contents of `path` at `place`.
    pub fn malformed(path: &Path, place: impl Into<String>, problem: impl Into<String>) -> Error {
        Error::Malformed { path: path.to_owned(), place: place.into(), problem: problem.into() }
    }
}

/// Within the line, whatever is in it.
fn shown(path: &Path) -> String {
    plain::name(&path.to_string_lossy()).into_owned()
}
