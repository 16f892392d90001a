//! [`Stop`]: the wish, from outside, that long work ends.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::Error;

/// How often a wait looks up.
const PAUSE: Duration = Duration::from_millis(50);

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
    pub fn check(self) -> Result<(), Error> {
        if self.is_set() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Does `work` that cannot be asked to stop, such as an eigenvalue decomposition, in a thread of
    /// its own, and leaves it to itself once the flag is set: it must change nothing but what it
    /// returns.
    ///
    /// # Errors
    /// [`Error::Interrupted`] where it is time to leave, and those of `work`.
    pub fn leave<T: Send + 'static, E: From<Error> + Send + 'static>(
        self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.check()?;
        let (done, doing) = channel();
        let worker = thread::spawn(move || {
            // Nobody listens any more where it was left.
            let _ = done.send(work());
        });
        loop {
            match doing.recv_timeout(PAUSE) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Timeout) => self.check()?,
                // A panic in there is a bug like any other.
                Err(RecvTimeoutError::Disconnected) => match worker.join() {
                    Err(panic) => resume_unwind(panic),
                    Ok(()) => {
                        let ended = "a computation ended without a word";
                        return Err(Error::Work(ended.into()).into());
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Result;

    #[test]
    fn a_flag_interrupts_from_then_on() {
        let flag = AtomicBool::new(false);
        let stop = Stop(&flag);
        assert!(stop.check().is_ok() && Stop::never().check().is_ok());
        flag.store(true, Ordering::Relaxed);
        assert!(matches!(stop.check(), Err(Error::Interrupted)));
        assert!(matches!(stop.check(), Err(Error::Interrupted)));
    }
    #[test]
    fn work_is_done_elsewhere_as_here() {
        assert_eq!(Stop::never().leave(|| Result::Ok(7)).unwrap(), 7);
        let failed = Stop::never().leave(|| Err::<(), _>(Error::Work("no".into())));
        assert!(matches!(failed, Err(Error::Work(_))));
        let set = AtomicBool::new(true);
        assert!(matches!(Stop(&set).leave(|| Result::Ok(7)), Err(Error::Interrupted)));
    }

    #[test]
    fn what_cannot_stop_is_left_behind() {
        let flag = AtomicBool::new(false);
        let start = std::time::Instant::now();
        let left = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(PAUSE);
                flag.store(true, Ordering::Relaxed);
            });
            Stop(&flag).leave(|| {
                thread::sleep(Duration::from_secs(20));
                Result::Ok(())
            })
        });
        assert!(matches!(left, Err(Error::Interrupted)));
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }

    #[test]
    #[should_panic(expected = "a bug")]
    fn a_panic_comes_back() {
        let _ = Stop::never().leave(|| -> Result<()> { panic!("a bug") });
    }
}
