//! Files from outside: read with a limit, unpacked where they are gzip.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::{Error, Result};

/// Opens a file, or what a link leads to. Nothing else is opened: a FIFO would wait for somebody who
/// writes to it, and a device may have no end.
pub(super) fn open_regular(path: &Path) -> Result<File> {
    let kind = fs::metadata(path).map_err(Error::input(path))?.file_type();
    match irregular(kind) {
        Some(what) => Err(Error::malformed(path, "file", format!("{what}, not a regular file"))),
        None => File::open(path).map_err(Error::input(path)),
    }
}

/// What this is, if it is neither a file nor a folder.
pub(super) fn irregular(kind: fs::FileType) -> Option<&'static str> {
    if kind.is_file() || kind.is_dir() {
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a FIFO");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
    }
    Some("a device")
}

/// Reads all of a regular file as it is.
///
/// # Errors
/// More than `most` bytes.
pub(crate) fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>> {
    let bytes = read_up_to(&mut open_regular(path)?, path, most + 1)?;
    if bytes.len() as u64 > most {
        return Err(Error::malformed(path, "size", format!("more than {most} bytes")));
    }
    Ok(bytes)
}

/// What a packed file may unpack to whatever its size, in bytes.
const ALWAYS: u64 = 64 << 20;
/// Beyond that, how many times its own size. Tables of zeros come to a hundred times, and what unpacks
/// to more (gzip reaches a thousand) was made to fill the memory.
const MOST_TIMES: u64 = 200;

/// Opens `path`, unpacking it if it begins as gzip does. Reading on fails once it unpacks to far more
/// than its size, so that no small file takes all memory.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let mut file = open_regular(path)?;
    let size = file.metadata().map_err(Error::input(path))?.len();
    let mut magic = Vec::with_capacity(2);
    file.by_ref().take(2).read_to_end(&mut magic).map_err(Error::input(path))?;
    let packed = magic == [0x1f, 0x8b];
    let whole = BufReader::with_capacity(1 << 16, std::io::Cursor::new(magic).chain(file));
    let most = size.saturating_mul(MOST_TIMES).max(ALWAYS);
    Ok(if packed {
        Box::new(Unpacked { from: MultiGzDecoder::new(whole), left: most })
    } else {
        Box::new(whole)
    })
}

/// What is unpacked, up to a limit.
struct Unpacked<R> {
    from: R,
    /// Bytes that may still come.
    left: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(to)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

/// Reads up to `most` bytes from `from`, the contents of `path`; memory grows with what is there.
pub(super) fn read_up_to(from: &mut dyn Read, path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(most).read_to_end(&mut bytes);
    read.map_err(|error| damaged(path, bytes.len() as u64, error))?;
    Ok(bytes)
}

/// The error of reading `path` after `read` bytes.
fn damaged(path: &Path, read: u64, error: std::io::Error) -> Error {
    match error.kind() {
        // What gzip says of damage does not say where.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
            let place = format!("byte {read} of what is packed in it");
            Error::malformed(path, place, format!("the file is cut off or damaged: {error}"))
        }
        io::ErrorKind::FileTooLarge => {
            let problem = format!("it unpacks to more than {MOST_TIMES} times its size");
            Error::malformed(path, "size", problem)
        }
        _ => Error::input(path)(error),
    }
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
    let bytes = read(path, most)?;
    if is_utf16(&bytes) {
        return Err(Error::malformed(path, "byte 0", NOT_UTF16));
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(path, error.as_bytes(), 0))
}

/// What is wrong with `bytes`, which are not UTF-8 and stand in `path` from its line `first` on, counted
/// from 0.
pub(super) fn not_utf8(path: &Path, bytes: &[u8], first: usize) -> Error {
    let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let before = bytes.get(..at).unwrap_or_default();
    let line = first + 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let begins = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let byte = bytes.get(at).copied().unwrap_or_default();
    // Below that, Latin-1 has control characters only.
    let letter =
        if byte < 0xa0 { String::new() } else { format!(", \"{}\" in Latin-1", byte as char) };
    let shown = path.display();
    let iconv = "iconv -f WINDOWS-1252 -t UTF-8";
    let command = match name(path).ends_with(".gz") {
        true => format!("gzip -dc \"{shown}\" | {iconv} > NEW"),
        false => format!("{iconv} \"{shown}\" > NEW"),
    };
    let problem = format!(
        "not text in UTF-8: 0x{byte:02x}{letter}; if it is Latin-1 or Windows-1252, `{command}` makes \
         it UTF-8"
    );
    Error::malformed(path, format!("line {line}, byte {}", at - begins), problem)
}

/// Whether `bytes`, the first ones of a file, are likely to be text in one of the encodings that have a
/// byte for each letter.
pub(super) fn is_text_of_bytes(bytes: &[u8]) -> bool {
    let controls = |byte: &&u8| **byte < b' ' && !b"\t\n\r\x0c".contains(byte);
    let plain = bytes.iter().filter(|byte| byte.is_ascii()).count();
    bytes.iter().filter(controls).count() == 0 && 2 * plain > bytes.len()
}

/// Hands each line of `path`, which may be gzip, to `take`, with its number from 0: nothing is kept,
/// however much there is. A line ends at a line feed, or at a carriage return and a line feed, and
/// nowhere else; a mark of the byte order (BOM) before the first is no part of it.
///
/// # Errors
/// What `take` says; more than `most` bytes, a line of more than `longest`, and what is not UTF-8.
pub(super) fn each_line(
    path: &Path,
    most: u64,
    longest: usize,
    take: &mut dyn FnMut(usize, &str) -> Result<()>,
) -> Result<()> {
    let mut file = BufReader::with_capacity(1 << 16, open(path)?);
    let (mut line, mut total) = (Vec::new(), 0);
    for at in 0.. {
        line.clear();
        let read = file.by_ref().take(longest as u64 + 2).read_until(b'\n', &mut line);
        let read = read.map_err(|error| damaged(path, total, error))? as u64;
        total += read;
        let refuse =
            |problem: String| Err(Error::malformed(path, format!("line {}", at + 1), problem));
        match () {
            () if read == 0 => break,
            () if total > most => return refuse(format!("more than {most} bytes up to here")),
            () if line.len() > longest && !line.ends_with(b"\n") => {
                return refuse(format!("longer than {longest} bytes"));
            }
            () => {}
        }
        let bytes = line.strip_suffix(b"\n").unwrap_or(&line);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let bytes =
            if at == 0 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
        let text = std::str::from_utf8(bytes).map_err(|_| not_utf8(path, bytes, at))?;
        take(at, text)?;
    }
    Ok(())
}

/// What there is to say of text that [`is_utf16`].
pub(super) const NOT_UTF16: &str = "text in UTF-16, as \"Unicode text\" of spreadsheets is: save it as \
                                    UTF-8 (CSV UTF-8)";

/// Whether `bytes` begin as text in UTF-16 does.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
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

/// What systems and their archives leave in folders, beside what they hide with a dot.
const LITTER: [&str; 6] =
    ["__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "$RECYCLE.BIN", "lost+found"];

/// What lies in the folder `path`, in the order of the names. Hidden files are left out, and so is
/// what systems put beside the files of people.
pub(super) fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    entries_and_hidden(path).map(|(found, _)| found)
}

/// The same, and what is hidden: not the files "._NAME" that macOS leaves beside each NAME.
pub(super) fn entries_and_hidden(path: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let is_litter = |name: &str| {
        name.starts_with("._") || LITTER.iter().any(|litter| name.eq_ignore_ascii_case(litter))
    };
    let (mut found, mut hidden) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(path).map_err(Error::input(path))? {
        let entry = entry.map_err(Error::input(path))?.path();
        let name = name(&entry);
        match name.starts_with('.') {
            _ if is_litter(&name) => {}
            true => hidden.push(entry),
            false => found.push(entry),
        }
    }
    found.sort();
    hidden.sort();
    Ok((found, hidden))
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
        assert!(error.contains("line 1, byte 3: not text in UTF-8: 0xff"), "{error}");
        let packed = folder.path().join("f.csv.gz");
        fs::write(&packed, gzip(b"a,b\n1,x\n2,M\xfcller\n")).unwrap();
        let error = read_text(&packed, 100).unwrap_err().to_string();
        assert!(error.contains("line 3, byte 3: not text in UTF-8: 0xfc, \"ü\" in"), "{error}");
        assert!(error.contains("`gzip -dc \"") && error.contains("| iconv -f WIN"), "{error}");
        fs::write(&path, b"\xff\xfea\0").unwrap();
        let error = read_text(&path, 100).unwrap_err().to_string();
        assert!(error.contains("byte 0: text in UTF-16"), "{error}");
    }

    #[test]
    fn lines_are_handed_over_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let mut found = Vec::new();
            let done = each_line(&path, 20, 4, &mut |at, line| {
                found.push(format!("{at}{line}"));
                Ok(())
            });
            done.map(|()| found).map_err(|error| error.to_string())
        };
        assert_eq!(read(b"").unwrap(), [""; 0]);
        assert_eq!(read(b"\n").unwrap(), ["0"]);
        assert_eq!(
            read("\u{feff}a\r\n\nabcd\nb\rb".as_bytes()).unwrap(),
            ["0a", "1", "2abcd", "3b\rb"]
        );
        assert_eq!(read(&gzip(b"a\nb\n")).unwrap(), ["0a", "1b"]);
        for (bytes, expected) in [
            (&b"a\nabcdefg\n"[..], "line 2: longer than 4 bytes"),
            (&b"a\n".repeat(11)[..], "line 11: more than 20 bytes up to here"),
            (b"a\nb\xff\n", "line 2, byte 1: not text in UTF-8: 0xff"),
            (&gzip(b"a\nb\n")[..20], "cut off or damaged"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
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

    /// 200 KB of gzip may hold 200 MB: the limit is by what the file is, not only by what is too much
    /// for any file.
    #[test]
    fn a_small_file_is_not_unpacked_to_all_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb");
        fs::write(&path, gzip(&vec![b'\n'; (ALWAYS + 1) as usize])).unwrap();
        let error = read(&path, u64::MAX - 1).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(error.ends_with("size: it unpacks to more than 200 times its size"), "{error}");
        // What is there is unpacked, however far it is packed.
        fs::write(&path, gzip(&vec![b'\n'; ALWAYS as usize])).unwrap();
        assert_eq!(read(&path, u64::MAX - 1).unwrap().len() as u64, ALWAYS);
    }
}
