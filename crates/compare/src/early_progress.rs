//! [`EarlyProgress`]: tells people how far something is that happens before the runs, where it takes more than a
//! moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::{Result, Stop, console};

/// What takes less is not worth a word.
const QUIET: Duration = Duration::from_secs(1);
/// Least time between two updates of a line on a terminal, and between two lines elsewhere.
const REDRAW: Duration = Duration::from_millis(200);
const LINE: Duration = Duration::from_secs(5);

/// Hears how much is done, from any thread; the line that it draws goes with it.
pub struct EarlyProgress<'a> {
    stop: Stop<'a>,
    /// What is said of so much.
    line: Box<dyn Fn(u64) -> String + Send + Sync + 'a>,
    began: Instant,
    done: AtomicU64,
    /// When it was last said.
    said: Mutex<Option<Instant>>,
}

impl<'a> EarlyProgress<'a> {
    /// What begins now, until `stop` is set; `line` is said of so much that is done.
    pub fn new(stop: Stop<'a>, line: impl Fn(u64) -> String + Send + Sync + 'a) -> Self {
        let (began, done, said) = (Instant::now(), AtomicU64::new(0), Mutex::new(None));
        Self { stop, line: Box::new(line), began, done, said }
    }

    /// The bytes of data that are hashed.
    pub fn of_hashes(stop: Stop<'a>) -> Self {
        Self::new(stop, |bytes| {
            let gigabytes = bytes as f64 / 1e9;
            format!("hashing the data, to know them again: {gigabytes:.1} GB read")
        })
    }

    /// So much more.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] once it is time to leave.
    pub fn hear(&self, more: u64) -> Result<()> {
        self.done.fetch_add(more, Ordering::Relaxed);
        if let Some(line) = self.due() {
            match console::draws() {
                true => console::redraw(&line),
                false => console::say(&line),
            }
        }
        Ok(self.stop.check()?)
    }

    /// What is to be said now, if it is time.
    fn due(&self) -> Option<String> {
        if self.began.elapsed() < QUIET {
            return None;
        }
        let pause = if console::draws() { REDRAW } else { LINE };
        let mut said = self.said();
        if said.is_some_and(|said| said.elapsed() < pause) {
            return None;
        }
        *said = Some(Instant::now());
        Some((self.line)(self.done.load(Ordering::Relaxed)))
    }

    fn said(&self) -> MutexGuard<'_, Option<Instant>> {
        self.said.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for EarlyProgress<'_> {
    fn drop(&mut self) {
        if self.said().is_some() {
            console::redraw("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_said_now_and_then() {
        let mut hashing = EarlyProgress::of_hashes(Stop::never());
        hashing.hear(1_500_000_000).unwrap();
        assert_eq!(hashing.due(), None);
        hashing.began = Instant::now().checked_sub(2 * QUIET).unwrap();
        assert!(hashing.due().unwrap().ends_with(": 1.5 GB read"));
        assert_eq!(hashing.due(), None, "it was just said");
        *hashing.said() = Instant::now().checked_sub(LINE);
        assert!(hashing.due().is_some());
    }
}
