//! Interruption by SIGINT, SIGTERM or SIGHUP: at once, or, where work can save itself, after its
//! step; then only the second signal is at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use steepness_compare::{console, durable};

static STOP: AtomicBool = AtomicBool::new(false);

/// Whether somebody looks at [`STOP`].
static LOOKED_AT: AtomicBool = AtomicBool::new(false);

/// The exit code that shells give a program which was interrupted.
pub const CODE: u8 = 130;

/// From now on a signal ends the program with exit code 130, what is half written taken away.
/// Signals that whoever started it wants ignored stay ignored: SIGHUP under nohup, SIGINT in the
/// background of a script.
///
/// # Errors
/// When the system refuses to install the handler.
pub fn listen() -> anyhow::Result<()> {
    let ignored: Vec<_> = [libc::SIGHUP, libc::SIGINT, libc::SIGTERM]
        .into_iter()
        .filter(|signal| is_ignored(*signal))
        .collect();
    ctrlc::set_handler(on_signal)?;
    for signal in ignored {
        // Safety: nothing of ours runs in a signal's context.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    // A file that grows past the limit is then an error of writing like any other.
    // Safety: as above.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    Ok(())
}

/// A flag that the first signal sets from now on. Whoever asks for it has to look at it, save what
/// is done and return [`steepness_compare::Error::Interrupted`].
pub fn stop_flag() -> &'static AtomicBool {
    LOOKED_AT.store(true, Ordering::Relaxed);
    &STOP
}

/// Nobody looks at the flag any more: a signal ends the program.
pub fn at_once() {
    LOOKED_AT.store(false, Ordering::Relaxed);
}

/// What is said where a signal ends the program.
static WORDS: Mutex<Option<String>> = Mutex::new(None);

/// From now on `words` are said where a signal ends the program; none with `None`.
pub fn then_say(words: Option<String>) {
    *WORDS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = words;
}

/// In a thread of its own.
fn on_signal() {
    if LOOKED_AT.load(Ordering::Relaxed) && !STOP.swap(true, Ordering::Relaxed) {
        return console::say("stopping after this step (once more: at once)");
    }
    console::redraw("");
    if let Ok(Some(words)) = WORDS.try_lock().as_deref() {
        console::say(words);
    }
    console::complain("error: interrupted");
    durable::remove_unfinished();
    leave();
}

/// Ends the program, whatever its threads do.
pub fn leave() -> ! {
    // Not `exit`: it would run libtorch's destructors under the feet of its threads, and of those
    // that were left behind. What was saved is whole at any moment.
    // Safety: it does not return.
    unsafe { libc::_exit(CODE.into()) }
}

fn is_ignored(signal: libc::c_int) -> bool {
    // Safety: a zeroed sigaction is one, and is only written to.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut now) == 0
            && now.sa_sigaction == libc::SIG_IGN
    }
}
