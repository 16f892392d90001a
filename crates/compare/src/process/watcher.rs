//! Kills the groups of commands that are running when this process ends, however it ends.
//!
//! A small shell waits at the end of a pipe, in a group of its own, so that no signal that is meant for us
//! reaches it. It hears of each group that begins and ends. Only our end closes the pipe, be it by
//! SIGKILL: then it kills what is left.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard};

const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=
while read -r sign group; do
    case $sign in
        +) groups="$groups $group" ;;
        -)  left=
            for one in $groups; do [ "$one" = "$group" ] || left="$left $one"; done
            groups=$left ;;
    esac
done
for one in $groups; do kill -s KILL -- "-$one"; done
"#;

/// What it hears by.
static WATCHER: Mutex<Option<ChildStdin>> = Mutex::new(None);

/// Starts it, unless it is there.
///
/// # Errors
/// A system without a shell.
pub fn ready() -> io::Result<()> {
    let mut watcher = hold();
    if watcher.is_none() {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SCRIPT]).current_dir("/").process_group(0);
        // Whoever waits for the end of our output does not wait for it.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        *watcher = shell.spawn()?.stdin;
    }
    Ok(())
}

/// A group begins.
pub fn remember(group: i32) {
    tell('+', group);
}

/// A group has ended.
pub fn forget(group: i32) {
    tell('-', group);
}

fn tell(sign: char, group: i32) {
    if let Some(watcher) = hold().as_mut() {
        // It may have been killed: then the kernel alone kills the commands, with us.
        let _ = watcher.write_all(format!("{sign} {group}\n").as_bytes());
    }
}

fn hold() -> MutexGuard<'static, Option<ChildStdin>> {
    WATCHER.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
