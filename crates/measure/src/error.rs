//! What can go wrong, with the place and the numbers. The crates above wrap this error and add what only
//! they know: the loss, an engine.

use std::fmt;
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
    #[error("{}: {place}: {problem}{remark}", shown(path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in it: "byte 12", "line 3, column 7", "row 5".
        place: String,
        /// What is there and what was expected; where a library found it, its error.
        problem: Box<dyn std::error::Error + Send + Sync>,
        /// What else there is to say of the file, in brackets.
        remark: String,
    },
    /// A file of ours could not be written.
    #[error("cannot write {}", shown(path))]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of ours could not be read back.
    #[error("cannot read {}", shown(path))]
    Stored {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Measuring broke off: what, and where.
    #[error("{0}")]
    Work(String),
    /// The same, since something below refused: what it said, and where.
    #[error(transparent)]
    Failed(Box<At<Cause>>),
    /// What was asked for makes no sense, since something below refused it.
    #[error(transparent)]
    Refused(Box<At<Cause>>),
    /// The user asked to stop; what is done so far is saved.
    #[error("interrupted")]
    Interrupted,
    /// One of these, and where.
    #[error(transparent)]
    At(Box<At<Error>>),
}

/// The error of something below, such as a library, that is not known here by its type.
#[derive(Debug)]
pub struct Cause(pub Box<dyn std::error::Error + Send + Sync>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {
    /// What is behind the error, whose own words are said.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// An error at a place that who found it does not know.
#[derive(Debug)]
pub struct At<E> {
    /// What stands in front of it: "epoch 2, step 7: ".
    pub place: String,
    /// What went wrong.
    pub error: E,
}

impl<E: fmt::Display> fmt::Display for At<E> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}{}", self.place, self.error)
    }
}

impl<E: std::error::Error> std::error::Error for At<E> {
    /// What is behind the error, whose own words are said with the place.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl At<Cause> {
    /// What something below said, with what stands in front of it.
    pub fn cause(
        place: impl Into<String>,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { place: place.into(), error: Cause(error.into()) }
    }
}

impl Error {
    /// 1: the work failed; 2: the request was wrong; 130: interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Request(_) | Error::Refused(_) | Error::Malformed { .. } => 2,
            Error::Input { source, .. } => code_of_reading(source),
            Error::Output { .. } | Error::Stored { .. } | Error::Work(_) | Error::Failed(_) => 1,
            Error::Interrupted => 130,
            Error::At(at) => at.error.exit_code(),
        }
    }

    /// Whether the user asked to stop.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.root(), Error::Interrupted)
    }

    /// Whether what was asked for makes no sense.
    pub fn is_request(&self) -> bool {
        matches!(self.root(), Error::Request(_) | Error::Refused(_))
    }

    /// Whether work broke off.
    pub fn is_work(&self) -> bool {
        matches!(self.root(), Error::Work(_) | Error::Failed(_))
    }

    /// The file or folder that it is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        match self.root() {
            Error::Input { path, .. }
            | Error::Malformed { path, .. }
            | Error::Output { path, .. }
            | Error::Stored { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Without its places.
    fn root(&self) -> &Error {
        match self {
            Error::At(at) => at.error.root(),
            error => error,
        }
    }

    /// With a place in front: "epoch 2, step 7: ".
    pub fn at(self, place: impl Into<String>) -> Error {
        Error::At(Box::new(At { place: place.into(), error: self }))
    }

    /// With a remark in brackets behind it, if it is about the contents of a file.
    pub fn remarked(mut self, remark: &str) -> Error {
        if let Error::Malformed { remark: said, .. } = &mut self {
            *said += &format!(" ({remark})");
        }
        self
    }

    /// Work that broke off by `error`, with a place in front: "safetensors: ".
    pub fn failed(
        place: impl Into<String>,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::Failed(Box::new(At::cause(place, error)))
    }

    /// A request that makes no sense by `error`, with a place in front.
    pub fn refused(
        place: impl Into<String>,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::Refused(Box::new(At::cause(place, error)))
    }

    /// For `map_err` on reading `path`, a file that the user named.
    pub fn input(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Input { path: path.to_owned(), source }
    }

    /// For `map_err` on writing `path`, a file of ours.
    pub fn output(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Output { path: path.to_owned(), source }
    }

    /// For `map_err` on reading `path`, a file of ours.
    pub fn stored(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Stored { path: path.to_owned(), source }
    }

    /// A complaint about the contents of `path` at `place`.
    pub fn malformed(
        path: &Path,
        place: impl Into<String>,
        problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        let (path, place, problem) = (path.to_owned(), place.into(), problem.into());
        Error::Malformed { path, place, problem, remark: String::new() }
    }
}

/// The constructors of [`Error`], for an error of a crate above that is made `From` it: what is wrong is
/// said in the same words everywhere, and only who says it differs.
#[macro_export]
macro_rules! error_constructors {
    ($Error:ident) => {
        /// Named as the variants of [`steepness_measure::Error`](measure::Error) that they make.
        #[expect(non_snake_case, reason = "they stand for variants")]
        impl $Error {
            /// What was asked for makes no sense; the message says what would.
            pub fn Request(problem: String) -> Self {
                measure::Error::Request(problem).into()
            }

            /// Work broke off: what, and where.
            pub fn Work(problem: String) -> Self {
                measure::Error::Work(problem).into()
            }
        }

        impl $Error {
            /// Work that broke off by `error`, with a place in front: "safetensors: ".
            pub fn failed(
                place: impl Into<String>,
                error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
            ) -> Self {
                measure::Error::failed(place, error).into()
            }

            /// A request that makes no sense by `error`, with a place in front.
            pub fn refused(
                place: impl Into<String>,
                error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
            ) -> Self {
                measure::Error::refused(place, error).into()
            }

            /// For `map_err` on reading `path`, a file that the user named.
            pub fn input(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
                move |source| measure::Error::input(path)(source).into()
            }

            /// For `map_err` on writing `path`, a file of ours.
            pub fn output(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
                move |source| measure::Error::output(path)(source).into()
            }

            /// For `map_err` on reading `path`, a file of ours.
            pub fn stored(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
                move |source| measure::Error::stored(path)(source).into()
            }

            /// A complaint about the contents of `path` at `place`.
            pub fn malformed(
                path: &std::path::Path,
                place: impl Into<String>,
                problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
            ) -> Self {
                measure::Error::malformed(path, place, problem).into()
            }

            /// Whether the user asked to stop.
            pub fn is_interrupted(&self) -> bool {
                self.as_measure().is_some_and(measure::Error::is_interrupted)
            }

            /// With the place where work broke off; what else went wrong knows its own.
            pub fn broken_off_at(self, place: impl Into<String>) -> Self {
                let broke_off = self.as_measure().is_some_and(measure::Error::is_work);
                if broke_off { self.at(place) } else { self }
            }
        }
    };
}

/// The exit code where a file could not be read: 2 if another one has to be named, 1 if the system
/// failed (no more file handles, an error of the disk), so that the same request may succeed later.
fn code_of_reading(source: &std::io::Error) -> u8 {
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

    /// The place is said once, and what the system said stays behind it.
    #[test]
    fn a_place_stands_in_front_and_changes_nothing_else() {
        use std::error::Error as _;
        let full = || io::Error::from_raw_os_error(28);
        let error = Error::output(Path::new("x"))(full()).at("step 7: ").at("ce, seed 0: ");
        assert_eq!(error.to_string(), "ce, seed 0: step 7: cannot write x");
        assert_eq!(error.source().unwrap().to_string(), full().to_string());
        assert!(error.source().unwrap().source().is_none());
        assert_eq!((error.exit_code(), error.path()), (1, Some(Path::new("x"))));
        assert!(Error::Interrupted.at("here: ").is_interrupted());
        assert!(Error::Work("no".into()).at("here: ").is_work());
        assert!(!Error::Request("no".into()).at("here: ").is_work());
    }

    /// What a library said is said once, and stays what it was.
    #[test]
    fn a_cause_is_said_and_kept() {
        use std::error::Error as _;
        let inner = || io::Error::other(Error::Work("inner".into()));
        let failed = Error::failed("safetensors: ", inner()).at("step 7: ");
        assert_eq!(failed.to_string(), "step 7: safetensors: inner");
        assert!(failed.is_work() && failed.exit_code() == 1 && failed.source().is_none());
        let Error::At(at) = failed else { panic!("a place was put in front") };
        let Error::Failed(at) = at.error else { panic!("it failed") };
        let cause = at.error.0.downcast_ref::<io::Error>().unwrap();
        assert!(cause.get_ref().unwrap().is::<Error>());
        let refused = Error::refused("", "no".to_owned());
        assert!(refused.is_request() && refused.exit_code() == 2 && !refused.is_work());
        let malformed = Error::malformed(Path::new("x"), "line 1", inner()).remarked("damaged");
        assert_eq!(malformed.to_string(), "x: line 1: inner (damaged)");
        let Error::Malformed { problem, .. } = malformed else { panic!("it is malformed") };
        assert!(problem.is::<io::Error>());
    }

    #[test]
    fn only_what_is_about_contents_is_remarked_on() {
        let error = Error::malformed(Path::new("x"), "line 1", "it is empty");
        assert_eq!(error.remarked("cut off").to_string(), "x: line 1: it is empty (cut off)");
        assert_eq!(Error::Work("no".into()).remarked("cut off").to_string(), "no");
    }
}
