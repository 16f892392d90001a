//! The one place that writes to the standard output and the standard error.
//!
//! What people are told while something goes on is a courtesy: a standard error that is closed or
//! full ends nothing. What was asked for goes to the standard output, where a failure to write is
//! one. Nothing that comes from outside moves a terminal's cursor.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result, plain};

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on [`say`] and [`redraw`] say nothing.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether something that moves can be drawn on the standard error: a terminal, and not
/// [`be_quiet`].
pub fn draws() -> bool {
    !QUIET.load(Ordering::Relaxed) && io::stderr().is_terminal()
}

/// A result, to the standard output: all of it, and as it is where that is no terminal.
///
/// # Errors
/// An output that takes no more; [`io::ErrorKind::BrokenPipe`] inside means a reader that has had
/// enough.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let written = match stdout.is_terminal() {
        true => stdout.write_all(plain::text(text).as_bytes()),
        false => stdout.write_all(text.as_bytes()),
    };
    written.and_then(|()| stdout.flush()).map_err(Error::output(Path::new("standard output")))
}

/// A line, or several, to the standard error, unless [`be_quiet`] was called.
pub fn say(text: &str) {
    if !QUIET.load(Ordering::Relaxed) {
        complain(text);
    }
}

/// What went wrong, to the standard error, in any case.
pub fn complain(text: &str) {
    // In one piece, so that lines of several threads do not get into each other.
    write(&(plain::text(text).into_owned() + "\n"));
}

/// A line on the terminal in place of the last one; an empty one takes it away. Where nothing can be
/// drawn, nothing is.
pub fn redraw(text: &str) {
    if draws() {
        write(&format!("\r\x1b[K{}", plain::name(text)));
    }
}

fn write(text: &str) {
    // There is nobody left to tell of a failure.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
