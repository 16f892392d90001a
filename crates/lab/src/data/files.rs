//! Files from outside: read with a limit, unpacked where they are gzip.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::{Error, Result};

/// Opens `path`, unpacking it if it begins as gzip does.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let mut file = File::open(path).map_err(Error::input(path))?;
    let mut magic = Vec::with_capacity(2);
    file.by_ref().take(2).read_to_end(&mut magic).map_err(Error::input(path))?;
    let packed = magic == [0x1f, 0x8b];
    let whole = BufReader::with_capacity(1 << 16, std::io::Cursor::new(magic).chain(file));
    Ok(if packed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// Reads up to `most` bytes from `from`, the contents of `path`; memory grows with what is there.
pub(super) fn read_up_to(from: &mut dyn Read, path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most).read_to_end(&mut bytes).map_err(|error| match error.kind() {
        // What gzip says of damage does not say where.
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidInput => {
            let place = format!("byte {} of what is packed in it", bytes.len());
            Error::malformed(path, place, format!("the file is cut off or damaged: {error}"))
        }
        _ => Error::input(path)(error),
    })?;
    Ok(bytes)
}

/// Reads all of `path`, which may be gzip.
///
/// # Errors
/// More than `most` bytes.
pub(super) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let bytes = read_up_to(&mut *open(path)?, path, most + 1)?;
    if bytes.len() as u64 > most {
        return Err(Error::malformed(path, "size", format!("more than {most} bytes")));
    }
    Ok(bytes)
}

/// Reads all of `path` as text, which may be gzip.
///
/// # Errors
/// More than `most` bytes, and what is not UTF-8.
pub(super) fn read_text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| {
        let place = format!("byte {}", error.utf8_error().valid_up_to());
        Error::malformed(path, place, "not text (UTF-8)")
    })
}

/// The names in `path`, one a line, if it is there.
pub(super) fn read_names(path: &Path) -> Result<Option<Vec<String>>> {
    if !path.try_exists().map_err(Error::input(path))? {
        return Ok(None);
    }
    let text = read_text(path, 1 << 20)?;
    let names = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(Some(names.map(str::to_owned).collect()))
}

/// What lies in the folder `path`, in the order of the names; hidden files are left out.
pub(super) fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::input(path))? {
        let entry = entry.map_err(Error::input(path))?.path();
        if !name(&entry).starts_with('.') {
            found.push(entry);
        }
    }
    found.sort();
    Ok(found)
}

/// The last part of `path`, for names and messages.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folder that `STEEPNESS_TEST_DATA` names, or a line that says which `test` is skipped.
#[cfg(test)]
pub(crate) fn test_data(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("STEEPNESS_TEST_DATA").filter(|folder| !folder.is_empty());
    if folder.is_none() {
        // Not with eprintln!, which a test that passes keeps to itself.
        let line = format!("skipped: {test}: STEEPNESS_TEST_DATA is not set\n");
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
    }
    folder.map(PathBuf::from)
}

#[cfg(test)]
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, bytes).unwrap();
    packed.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_files_are_read_like_plain_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        for contents in [&b"some text"[..], b"", b"x"] {
            for bytes in [contents.to_vec(), gzip(contents)] {
                fs::write(&path, bytes).unwrap();
                assert_eq!(read(&path, 9).unwrap(), contents);
            }
        }
        fs::write(&path, gzip(b"some text")).unwrap();
        assert!(read(&path, 8).unwrap_err().to_string().contains("more than 8 bytes"));
        fs::write(&path, &gzip(b"some text")[..20]).unwrap();
        let error = read(&path, 100).unwrap_err();
        assert!(error.to_string().contains("cut off or damaged"), "{error}");
        fs::write(&path, b"abc\xff").unwrap();
        let error = read_text(&path, 100).unwrap_err().to_string();
        assert!(error.ends_with("byte 3: not text (UTF-8)"), "{error}");
    }

    /// A few bytes that unpack to very many cost no more memory than the limit.
    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb");
        fs::write(&path, gzip(&vec![0; 1 << 24])).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < 1 << 15);
        assert!(read(&path, 1 << 10).unwrap_err().to_string().contains("more than 1024 bytes"));
    }
}
