//! One error type for what needs no engine; every variant carries the place and the numbers.

use std::path::{Path, PathBuf};

use crate::plain;

/// A result of a measurement.
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
    /// A file of ours could not be written or read back.
    #[error("cannot write {}", shown(path))]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Measuring broke off: what, and where.
    #[error("{0}")]
    Work(String),
    /// The user asked to stop; what is done so far is saved.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// 1: the work failed; 2: the request was wrong; 130: interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Request(_) | Error::Malformed { .. } => 2,
            Error::Input { source, .. } => code_of_reading(source),
            Error::Output { .. } | Error::Work(_) => 1,
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

/// The exit code where a file could not be read: 2 if another one has to be named, 1 if the system
/// failed (no more file handles, an error of the disk), so that the same request may succeed later.
pub fn code_of_reading(source: &std::io::Error) -> u8 {
    use std::io::ErrorKind::{
        InvalidData, InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound,
        PermissionDenied, UnexpectedEof,
    };
    match source.kind() {
        InvalidData | InvalidFilename | InvalidInput | IsADirectory | NotADirectory | NotFound
        | PermissionDenied | UnexpectedEof => 2,
        // What the library made itself, without the system; links in a circle (ELOOP), which have no
        // kind of their own yet.
        _ if matches!(source.raw_os_error(), None | Some(40)) => 2,
        _ => 1,
    }
}

/// Within the line, whatever is in it.
fn shown(path: &Path) -> String {
    plain::name(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_failing_system_is_not_a_wrong_request() {
        let code = |source| Error::input(Path::new("x.npy"))(source).exit_code();
        // From Linux's errno.h: EIO, ENFILE, EMFILE.
        for number in [5, 23, 24] {
            assert_eq!(code(io::Error::from_raw_os_error(number)), 1, "{number}");
        }
        // ENOENT, EACCES, ENOTDIR, EISDIR, ENAMETOOLONG, ELOOP.
        for number in [2, 13, 20, 21, 36, 40] {
            assert_eq!(code(io::Error::from_raw_os_error(number)), 2, "{number}");
        }
        assert_eq!(code(io::Error::other("no number")), 2);
    }
}
