//! Archives of downloads. The first byte says how the rest is meant: as a .zip, as a .tar.gz, as the
//! .tar in one, with its checksums made right, or as the names and contents of a .tar, a line each.
//! Nothing may appear anywhere but in the one folder, and after an error not even that.
#![no_main]

use std::fs;
use std::io::Write;
use std::sync::LazyLock;

use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;
use steepness_fuzz::{Place, refused};
use steepness_lab::data::download::unpack;
use steepness_lab::measure::Error;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("archive"));

fuzz_target!(|data: &[u8]| {
    let Some((&how, data)) = data.split_first() else { return };
    let (name, bytes) = match how {
        b'z' => ("a.zip", data.to_vec()),
        b'g' => ("a.tar.gz", data.to_vec()),
        b'l' => ("a.tar.gz", gzip(&of_lines(data))),
        _ => ("a.tar.gz", gzip(&with_checksums(data))),
    };
    let path = PLACE.put(name, &bytes);
    let out = PLACE.path("out");
    let done = unpack(&path, "top", &out, &|_| Ok(()));
    match done {
        Ok(()) => {
            assert!(out.is_dir() && PLACE.holds_only(&[name, "out"]));
            fs::remove_dir_all(&out).expect("our folder");
        }
        // Two names of which one is a folder of the other, or one that is too long for a file: the
        // system refuses.
        Err(error) if matches!(error.as_measure(), Some(Error::Output { .. })) => {
            assert!(PLACE.holds_only(&[name]));
        }
        Err(error) => {
            refused(&error);
            assert!(PLACE.holds_only(&[name]));
        }
    }
    fs::remove_file(&path).expect("our file");
});

/// As one stored block, which is quick.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    packed.write_all(bytes).expect("in memory");
    packed.finish().expect("in memory")
}

/// With the checksum of each header, so that what is in it is looked at.
fn with_checksums(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let mut at = 0_usize;
    while let Some(block) = bytes.get_mut(at..at.saturating_add(512)) {
        let header = tar::Header::from_byte_slice(block);
        let size = header.entry_size().unwrap_or(0);
        let mut header = header.clone();
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
        let blocks = usize::try_from(size).unwrap_or(usize::MAX).div_ceil(512);
        at = at.saturating_add(blocks.saturating_add(1).saturating_mul(512));
    }
    bytes
}

/// "kind name contents" a line.
fn of_lines(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in data.split(|&byte| byte == b'\n').take(32) {
        let Some((&kind, line)) = line.split_first() else { continue };
        let end = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
        let (name, contents) = (&line[..end.min(100)], &line[end..]);
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.as_mut_bytes()[157..160].copy_from_slice(b"../");
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_size(contents.len() as u64);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(contents);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes
}
