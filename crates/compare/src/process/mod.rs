//! A command in a process group of its own, which ends with us: after a time limit, on a signal, and
//! also where we are killed.
//!
//! Whatever the command starts is in its group, unless it leaves it on purpose (`setsid`), and the group
//! is what gets the signals: SIGTERM first, SIGKILL [a while](GRACE) later. Where we are killed ourselves
//! there is nobody left to send them. Linux then kills the command (`PR_SET_PDEATHSIG`), but not what it
//! has started: that is what the [watcher](watcher) is for.

mod log;
mod watcher;

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use log::Log;
use log::tail;

/// Lines of what a command printed that are shown where it fails.
const SHOWN: usize = 10;

/// How long a command has between SIGTERM and SIGKILL.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long what a command has left running has to end, once it has ended itself.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// By itself, or by a signal that was not ours.
    Exited(ExitStatus),
    /// Its time was over.
    TimedOut,
    /// We were told to stop.
    Stopped,
}

/// "it ended with exit status 3".
pub fn described(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with exit status {code}"),
        (_, Some(libc::SIGKILL)) => {
            "it was killed (signal 9; by the system where memory ran out)".to_owned()
        }
        (_, Some(signal)) => format!("it was ended by signal {signal}"),
        _ => format!("it ended with {status}"),
    }
}

/// What a command printed last, which is in the file at `path`.
pub fn last_words(path: &Path) -> String {
    let lines = tail(path, SHOWN);
    match lines.is_empty() {
        true => format!("{} is empty", path.display()),
        false => format!("the end of {}:\n    {}", path.display(), lines.join("\n    ")),
    }
}

/// When a command has to end.
pub struct Limits<'a> {
    /// After so long.
    pub timeout: Option<Duration>,
    /// Once this is set.
    pub stop: &'a AtomicBool,
}

/// Runs `command` to its end, with what it prints in the file `log`. It reads nothing.
///
/// # Errors
/// What cannot be started, and a log that cannot be written.
pub fn run(mut command: Command, log: &Path, limits: &Limits) -> io::Result<ExitReason> {
    let mut log = Log::create(log)?;
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let (mut child, group) = start(&mut command)?;
    // Ours of the writing ends, without which the reading one would never end.
    drop(command);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let copied = scope.spawn(|| copy(reader, &mut log, &over));
        let ended = wait(&mut child, group, limits);
        over.store(true, Ordering::Relaxed);
        watcher::forget(group);
        let copied = copied.join().unwrap_or_else(|_| Err(io::Error::other("the log broke off")));
        copied.and(ended)
    })
}

/// The command, and its group.
fn start(command: &mut Command) -> io::Result<(Child, i32)> {
    watcher::ready()?;
    command.process_group(0);
    let parent = std::process::id();
    // Safety: only calls that are allowed between fork and exec.
    unsafe {
        command.pre_exec(move || end_with(parent));
    }
    let child = command.spawn()?;
    let group = child.id().cast_signed();
    watcher::remember(group);
    Ok((child, group))
}

/// In the command's process, before it is what it will be: it is killed when `parent` ends. What belongs
/// to us alone is given back: we ignore the signal of files that grow too large.
fn end_with(parent: u32) -> io::Result<()> {
    // Safety: none of them touches memory.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_DFL);
        #[cfg(target_os = "linux")]
        {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // It may have ended before.
            if libc::getppid().cast_unsigned() != parent {
                libc::_exit(1);
            }
        }
    }
    let _ = parent;
    Ok(())
}

fn wait(child: &mut Child, group: i32, limits: &Limits) -> io::Result<ExitReason> {
    let began = Instant::now();
    let told = loop {
        if has_ended(group)? {
            break None;
        }
        if limits.stop.load(Ordering::Relaxed) {
            break Some(ExitReason::Stopped);
        }
        if limits.timeout.is_some_and(|timeout| began.elapsed() >= timeout) {
            break Some(ExitReason::TimedOut);
        }
        // Of a short run little is lost, and a long one is seldom looked at.
        let pause = began.elapsed() / 50;
        std::thread::sleep(pause.clamp(Duration::from_millis(1), Duration::from_millis(50)));
    };
    if told.is_some() {
        signal(group, libc::SIGTERM);
        until(GRACE, || has_ended(group).unwrap_or(true));
    }
    let is_over = has_ended(group)?;
    if !is_over {
        signal(group, libc::SIGKILL);
    }
    let status = child.wait()?;
    // What it has left running. Its number is not given to others as long as there is any of that.
    if signal(group, 0) {
        signal(group, libc::SIGTERM);
        if !until(LEFTOVERS, || !signal(group, 0)) {
            signal(group, libc::SIGKILL);
        }
    }
    Ok(told.unwrap_or(ExitReason::Exited(status)))
}

/// Whether the process is at its end; it keeps its number until somebody waits for it.
fn has_ended(process: i32) -> io::Result<bool> {
    // Safety: a zeroed siginfo is one, and is only written to.
    unsafe {
        let mut found: libc::siginfo_t = std::mem::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        match libc::waitid(libc::P_PID, process.cast_unsigned(), &raw mut found, flags) {
            0 => Ok(found.si_pid() != 0),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Sends it to all of the group; whether there is anybody.
fn signal(group: i32, signal: i32) -> bool {
    // Safety: it touches no memory.
    unsafe { libc::kill(-group, signal) == 0 }
}

/// Waits until `holds`, for so long at most; whether it does.
fn until(most: Duration, holds: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if holds() {
            return true;
        }
        if began.elapsed() >= most {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Copies what the command prints, until nobody can print any more, or it is `over` and there is nothing
/// to read: what has left the group may hold the other end for as long as it likes.
fn copy(mut from: io::PipeReader, log: &mut Log, over: &AtomicBool) -> io::Result<()> {
    let mut part = vec![0; 1 << 16];
    loop {
        let was_over = over.load(Ordering::Relaxed);
        if !is_readable(&from, Duration::from_millis(if was_over { 0 } else { 50 }))? {
            if was_over {
                return log.finish();
            }
            continue;
        }
        match io::Read::read(&mut from, &mut part) {
            Ok(0) => return log.finish(),
            Ok(read) => log.write(&part[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether there is something to read, or nobody left to write, within that time.
fn is_readable(from: &io::PipeReader, within: Duration) -> io::Result<bool> {
    let mut asked = libc::pollfd { fd: from.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // Safety: one entry, as is said.
    match unsafe { libc::poll(&raw mut asked, 1, within.as_millis() as i32) } {
        -1 => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            error => Err(error),
        },
        found => Ok(found > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// How `script` ends with that time limit, what it prints, and how long it takes.
    fn run_for(script: &str, timeout: Option<Duration>) -> (ExitReason, String, Duration) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.txt");
        let began = Instant::now();
        let stop = AtomicBool::new(false);
        let ended = run(shell(script), &log, &Limits { timeout, stop: &stop }).unwrap();
        (ended, fs::read_to_string(log).unwrap(), began.elapsed())
    }

    #[test]
    fn both_outputs_are_kept_in_their_order() {
        let (ended, text, _) = run_for("echo one; echo two >&2; echo three; exit 3", None);
        assert_eq!(ended, ExitReason::Exited(ExitStatus::from_raw(3 << 8)));
        assert_eq!(text, "one\ntwo\nthree\n");
        assert_eq!(run_for("kill -9 $$", None).0, ExitReason::Exited(ExitStatus::from_raw(9)));
    }

    #[test]
    fn the_whole_group_ends_when_time_is_over() {
        let script = "sleep 60 & echo $!; wait";
        let (ended, text, took) = run_for(script, Some(Duration::from_millis(100)));
        assert_eq!(ended, ExitReason::TimedOut);
        assert!(took < GRACE, "{took:?}");
        let sleeper: i32 = text.trim().parse().unwrap();
        // Safety: no memory is touched.
        assert!(until(LEFTOVERS, || unsafe { libc::kill(sleeper, 0) } != 0));
    }

    #[test]
    fn what_does_not_listen_is_killed() {
        let script = "trap '' TERM; while :; do sleep 0.1; done";
        let (ended, _, took) = run_for(script, Some(Duration::from_millis(100)));
        assert_eq!(ended, ExitReason::TimedOut);
        assert!(took >= GRACE && took < 2 * GRACE, "{took:?}");
    }

    #[test]
    fn what_is_left_running_ends_too() {
        let (ended, text, took) = run_for("sleep 60 & echo $!", None);
        assert_eq!(ended, ExitReason::Exited(ExitStatus::from_raw(0)));
        assert!(took < Duration::from_secs(30), "{took:?}");
        let sleeper: i32 = text.trim().parse().unwrap();
        // Safety: no memory is touched.
        assert!(until(LEFTOVERS, || unsafe { libc::kill(sleeper, 0) } != 0));
    }

    #[test]
    fn what_there_is_not_cannot_be_started() {
        let folder = tempfile::tempdir().unwrap();
        let stop = AtomicBool::new(false);
        let limits = Limits { timeout: None, stop: &stop };
        let error = run(Command::new("no-such-program"), &folder.path().join("l"), &limits);
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
