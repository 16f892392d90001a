//! [`Stop`]: the wish, from outside, that long work ends.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

/// A flag that a signal sets, as long work looks at it: between any two of its steps, so that it
/// ends within a second.
#[derive(Clone, Copy, Debug)]
pub struct Stop<'a>(pub &'a AtomicBool);

impl Stop<'static> {
    /// One that nobody sets.
    pub fn never() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Self(&NEVER)
    }
}

impl Stop<'_> {
    /// Whether it was set.
    pub fn is_set(self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Nothing as long as it was not set.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once it was.
    pub fn check(self) -> Result<()> {
        if self.is_set() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_interrupts_from_then_on() {
        let flag = AtomicBool::new(false);
        let stop = Stop(&flag);
        assert!(stop.check().is_ok() && Stop::never().check().is_ok());
        flag.store(true, Ordering::Relaxed);
        assert!(matches!(stop.check(), Err(Error::Interrupted)));
        assert!(matches!(stop.check(), Err(Error::Interrupted)));
    }
}
