//! The event file that TensorBoard draws the epochs of a training from.
//!
//! It is a TFRecord file, each record of which is a protocol buffer `Event`:
//!
//! ```text
//! record:  length u64 · masked CRC-32C of the length u32 · bytes · masked CRC-32C of the bytes u32
//! Event:   1 wall_time f64 · 2 step i64 · 3 file_version string · 5 summary Summary
//! Summary: 1 repeated Value { 1 tag string · 2 simple_value f32 }
//! ```

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::compare::EpochMetrics;
use crate::{Error, Result, durable};

/// TensorBoard reads every file with `tfevents` in its name.
const NAME: &str = "events.out.tfevents.steepness";

/// The event file of a training: one event an epoch, its step being the number of the epoch.
#[derive(Debug)]
pub struct Events {
    path: PathBuf,
}

impl Events {
    /// Begins the file in the folder `dir` with the epochs that are known already. What an earlier
    /// process wrote beyond them is gone with it: no epoch is there twice.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn begin(dir: &Path, history: &[EpochMetrics]) -> Result<Self> {
        let path = dir.join(NAME);
        let mut bytes = version(now());
        history.iter().for_each(|metrics| bytes.extend(event(now(), metrics)));
        durable::write(&path, &bytes)?;
        Ok(Self { path })
    }

    /// Adds an epoch.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn add(&self, metrics: &EpochMetrics) -> Result<()> {
        let file = OpenOptions::new().append(true).open(&self.path);
        file.and_then(|mut file| file.write_all(&event(now(), metrics)))
            .map_err(Error::output(&self.path))
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// The first record of every file.
fn version(time: f64) -> Vec<u8> {
    record(&[fixed64(1, time), bytes(3, b"brain.Event:2")].concat())
}

fn event(time: f64, metrics: &EpochMetrics) -> Vec<u8> {
    let scalars = [
        ("train/loss", metrics.train_loss),
        ("train/accuracy", metrics.train_accuracy),
        ("train/lr", metrics.lr),
        ("train/grad_norm", metrics.grad_norm),
        ("validation/nll", metrics.val_nll),
        ("validation/accuracy", metrics.val_accuracy),
    ];
    let value = |(tag, value): (&str, f64)| {
        bytes(1, &[bytes(1, tag.as_bytes()), fixed32(2, value as f32)].concat())
    };
    let summary: Vec<u8> = scalars.into_iter().flat_map(value).collect();
    record(&[fixed64(1, time), integer(2, metrics.epoch as u64), bytes(5, &summary)].concat())
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let sum = |bytes: &[u8]| masked(crc32c(bytes)).to_le_bytes();
    [&length[..], &sum(&length), data, &sum(data)].concat()
}

/// A checksum as TFRecord stores it, so that one of bytes that hold a checksum is none of itself.
fn masked(sum: u32) -> u32 {
    sum.rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// CRC-32 with Castagnoli's polynomial (RFC 3720, appendix B.4).
fn crc32c(bytes: &[u8]) -> u32 {
    let shift = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ 0x82F6_3B78 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), shift))
}

/// The fields of a protocol buffer: number and wire type, then the value.
fn field(number: u64, wire: u64, value: &[u8]) -> Vec<u8> {
    [varint(number << 3 | wire).as_slice(), value].concat()
}

fn integer(number: u64, value: u64) -> Vec<u8> {
    field(number, 0, &varint(value))
}

fn fixed64(number: u64, value: f64) -> Vec<u8> {
    field(number, 1, &value.to_le_bytes())
}

fn bytes(number: u64, value: &[u8]) -> Vec<u8> {
    field(number, 2, &[&varint(value.len() as u64), value].concat())
}

fn fixed32(number: u64, value: f32) -> Vec<u8> {
    field(number, 5, &value.to_le_bytes())
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7F {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// # tensorboardX 2.6.5
    /// from tensorboardX.proto.event_pb2 import Event
    /// from tensorboardX.proto.summary_pb2 import Summary
    /// from tensorboardX.record_writer import RecordWriter
    /// out = RecordWriter("golden.tfevents")
    /// out.write(Event(wall_time=1.5, file_version="brain.Event:2").SerializeToString())
    /// for step in 1, 300:
    ///     values = [("train/loss", 0.5 / step), ("train/accuracy", 0.25), ("train/lr", 0.1),
    ///               ("train/grad_norm", 3.0), ("validation/nll", -1e-3), ("validation/accuracy", 1.0)]
    ///     values = [Summary.Value(tag=tag, simple_value=value) for tag, value in values]
    ///     event = Event(wall_time=1700000000.25 + step, step=step, summary=Summary(value=values))
    ///     out.write(event.SerializeToString())
    /// out.close()
    /// ```
    #[test]
    fn files_are_those_of_tensorboardx() {
        let golden = include_bytes!("../../tests/golden.tfevents");
        let of = |epoch: usize| event(1_700_000_000.25 + epoch as f64, &metrics(epoch));
        assert_eq!([version(1.5), of(1), of(300)].concat(), golden);
    }

    fn metrics(epoch: usize) -> EpochMetrics {
        EpochMetrics {
            epoch,
            lr: 0.1,
            train_loss: 0.5 / epoch as f64,
            train_accuracy: 0.25,
            grad_norm: 3.0,
            skipped: 0,
            val_nll: -1e-3,
            val_accuracy: 1.0,
            val_margin: None,
            val_energy: None,
            seconds: 9.0,
        }
    }

    /// The answers of RFC 3720, appendix B.4.
    #[test]
    fn checksums_are_the_published_ones() {
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn no_epoch_is_there_twice() {
        let dir = tempfile::tempdir().unwrap();
        let size = || std::fs::metadata(dir.path().join(NAME)).unwrap().len();
        let events = Events::begin(dir.path(), &[]).unwrap();
        [1, 2, 3].iter().for_each(|&epoch| events.add(&metrics(epoch)).unwrap());
        let three = size();
        // Killed, and the checkpoint knows of one epoch only.
        let events = Events::begin(dir.path(), &[metrics(1)]).unwrap();
        assert!(size() < three);
        [2, 3].iter().for_each(|&epoch| events.add(&metrics(epoch)).unwrap());
        assert_eq!(size(), three);
    }
}
