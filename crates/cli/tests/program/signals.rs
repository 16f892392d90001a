//! Signals for the program while it waits for what a FIFO brings.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Makes a FIFO.
pub fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Started, and past what comes before its work: waiting for what a FIFO brings.
pub fn start_and_wait(mut command: Command) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    let place = format!("/proc/{}/wchan", child.id());
    let waits = || fs::read_to_string(&place).is_ok_and(|at| at.contains("partner"));
    while !waits() && begin.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

/// Sends `signal` to it.
pub fn send(child: &Child, signal: libc::c_int) {
    // Safety: the child was not waited for, so that its number is its own.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
}
