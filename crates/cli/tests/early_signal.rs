//! A signal before there is anything to save ends the program at once: what makes runs looks at a flag, and
//! until it is there nobody does.

use std::fs;
use std::time::{Duration, Instant};

use crate::program::command;
use crate::program::signals::{fifo, send, start_and_wait};

/// How long an answer may take, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn while_the_request_is_read_a_signal_ends_the_program() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("o")).unwrap();
    fs::write(at("a.txt"), "a dog runs\n").unwrap();
    fifo(&at("o/comparison.toml"));
    fifo(&at("fifo"));
    for arguments in [
        &["run-one", "o", "ce", "0"][..],
        &["bleu", "--hyp", "a.txt", "--ref", "fifo"],
        &["loss", "ce", "--logits", "fifo", "--targets", "y.npy"],
        &["measure", "--logits", "fifo", "--labels", "y.npy"],
    ] {
        for signal in [libc::SIGINT, libc::SIGTERM] {
            let mut child = start_and_wait(command(place.path(), arguments));
            send(&child, signal);
            let sent = Instant::now();
            while child.try_wait().unwrap().is_none() {
                if sent.elapsed() > SOON {
                    child.kill().unwrap();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(130), "{arguments:?}, signal {signal}");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "error: interrupted\n");
        }
    }
}
