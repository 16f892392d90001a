//! Interruption: the first signal asks the work to save itself and stop, the second ends it at once.

use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// The exit code that shells give a program which was interrupted.
const INTERRUPTED: i32 = 130;

/// A flag that SIGINT, SIGTERM and SIGHUP set from now on.
///
/// # Errors
/// When the system refuses to install the handler.
pub fn stop_flag() -> anyhow::Result<&'static AtomicBool> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            // Not `exit`: it would run libtorch's destructors under the feet of its threads.
            // What was saved is whole at any moment.
            unsafe { _exit(INTERRUPTED) };
        }
        eprintln!("stopping after this step (once more: at once)");
    })?;
    Ok(&STOP)
}

unsafe extern "C" {
    fn _exit(code: i32) -> !;
}
