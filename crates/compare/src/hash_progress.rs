//! Tells people that data are hashed, where that takes more than a moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::{Result, Stop, console};

/// What takes less is not worth a word.
const QUIET: Duration = Duration::from_secs(1);
/// Least time between two updates of a line on a terminal, and between two lines elsewhere.
const REDRAW: Duration = Duration::from_millis(200);
const LINE: Duration = Duration::from_secs(5);

/// Hears of the bytes that are read, from any thread; the line that it draws goes with it.
pub struct HashProgress<'a> {
    stop: Stop<'a>,
    began: Instant,
    bytes: AtomicU64,
    /// When it was last said.
    said: Mutex<Option<Instant>>,
}

impl<'a> HashProgress<'a> {
    /// That begins now, until `stop` is set.
    pub fn new(stop: Stop<'a>) -> Self {
        Self { stop, began: Instant::now(), bytes: AtomicU64::new(0), said: Mutex::new(None) }
    }

    /// So many bytes more.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] once it is time to leave.
    pub fn hear(&self, bytes: u64) -> Result<()> {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
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
        let gigabytes = self.bytes.load(Ordering::Relaxed) as f64 / 1e9;
        Some(format!("hashing the data, to know them again: {gigabytes:.1} GB read"))
    }

    fn said(&self) -> MutexGuard<'_, Option<Instant>> {
        self.said.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for HashProgress<'_> {
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
        let mut hashing = HashProgress::new(Stop::never());
        hashing.hear(1_500_000_000).unwrap();
        assert_eq!(hashing.due(), None);
        hashing.began = Instant::now().checked_sub(2 * QUIET).unwrap();
        assert!(hashing.due().unwrap().ends_with(": 1.5 GB read"));
        assert_eq!(hashing.due(), None, "it was just said");
        *hashing.said() = Instant::now().checked_sub(LINE);
        assert!(hashing.due().is_some());
    }
}
