//! A line on the terminal that says how far the reading of data is.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use steepness_lab::console;

/// Least time between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// A line on the terminal that is written over and over.
pub struct Progress {
    last: Mutex<Instant>,
}

impl Progress {
    /// Empty; nothing is written where the standard error is no terminal.
    pub fn new() -> Self {
        Self { last: Mutex::new(Instant::now()) }
    }

    /// Writes `text` in place of what is there, a few times a second at most.
    pub fn show(&self, text: &str) {
        let mut last = self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if last.elapsed() >= PROGRESS_EVERY {
            *last = Instant::now();
            console::redraw(text);
        }
    }

    /// Takes it away.
    pub fn clear(&self) {
        console::redraw("");
    }
}
