//! Unpacks a .tar.gz or a .zip that may be hostile.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::{Error, Result, durable};

/// More than the archives of any data set here.
const MOST_ENTRIES: usize = 10_000;
const MOST_BYTES: u64 = 1 << 30;

/// Of an entry that only says more about the next one, such as a long name, which is read into memory.
const MOST_SAID: u64 = 1 << 16;

/// Unpacks the files in the folder `top` of `archive` to `folder`, which appears only when all of
/// them are there and `sound` has looked at them.
///
/// # Errors
/// What `sound` says; damage; a path that is absolute or leads out with `..`; a link or a device; more than 1 GiB; an
/// archive without `top`.
pub fn unpack(
    archive: &Path,
    top: &str,
    folder: &Path,
    sound: &dyn Fn(&Path) -> Result<()>,
) -> Result<()> {
    let part = folder.with_extension("part");
    let _unfinished = durable::PartialFile::new(&part);
    durable::remove_folder(&part)?;
    fs::create_dir_all(&part).map_err(Error::output(&part))?;
    let is_zip = archive.extension().is_some_and(|extension| extension == "zip");
    let unpacked = match is_zip {
        true => unzip_into(archive, top, &part),
        false => unpack_into(archive, top, &part),
    };
    let unpacked = unpacked.and_then(|()| sound(&part));
    if unpacked.is_err() {
        durable::remove_folder(&part)?;
    }
    unpacked?;
    fs::rename(&part, folder).map_err(Error::output(folder))
}

/// The tar archive in `archive`, up to what is taken.
fn tar_of(archive: &Path) -> Result<Archive<impl Read>> {
    let file = File::open(archive).map_err(Error::input(archive))?;
    Ok(Archive::new(MultiGzDecoder::new(io::BufReader::new(file)).take(MOST_BYTES + 1)))
}

/// Refuses names and the like that would be read into memory and are longer than any.
fn validate_names(archive: &Path) -> Result<()> {
    let damaged = |error: io::Error| Error::malformed(archive, "archive", error);
    let mut tar = tar_of(archive)?;
    for (at, entry) in tar.entries().map_err(damaged)?.raw(true).enumerate() {
        let entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        let is_said = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions();
        let refuse =
            |problem: String| Err(Error::malformed(archive, format!("entry {}", at + 1), problem));
        match () {
            () if at >= 3 * MOST_ENTRIES => return refuse("there are too many of them".to_owned()),
            () if is_said && entry.size() > MOST_SAID => {
                return refuse(format!("a name of more than {MOST_SAID} bytes"));
            }
            () => {}
        }
    }
    Ok(())
}

fn unpack_into(archive: &Path, top: &str, folder: &Path) -> Result<()> {
    validate_names(archive)?;
    let mut tar = tar_of(archive)?;
    let damaged = |error: io::Error| Error::malformed(archive, "archive", error);
    let (mut bytes, mut files) = (0u64, 0);
    for (at, entry) in tar.entries().map_err(damaged)?.enumerate() {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.into_owned();
        let refuse = |problem: String| {
            Err(Error::malformed(archive, format!("entry {}", name.display()), problem))
        };
        let Some(inner) = below(&name, top) else {
            return refuse(format!("its path is not a plain one below {top}"));
        };
        let kind = entry.header().entry_type();
        bytes = bytes.saturating_add(entry.size());
        match kind {
            _ if at >= MOST_ENTRIES => return refuse(format!("more than {MOST_ENTRIES} entries")),
            _ if bytes > MOST_BYTES => return refuse(format!("more than {MOST_BYTES} bytes")),
            EntryType::Directory => {
                let path = folder.join(inner);
                fs::create_dir_all(&path).map_err(Error::output(&path))?;
            }
            EntryType::Regular | EntryType::Continuous => {
                let path = folder.join(inner);
                let parent = path.parent().unwrap_or(folder);
                fs::create_dir_all(parent).map_err(Error::output(parent))?;
                // Never through something that is already there.
                let mut to = File::create_new(&path).map_err(Error::output(&path))?;
                let written = io::copy(&mut entry, &mut to).map_err(damaged)?;
                if written != entry.size() {
                    return refuse(format!("it ends after {written} of {} bytes", entry.size()));
                }
                to.sync_all().map_err(Error::output(&path))?;
                files += 1;
            }
            kind => return refuse(format!("a {kind:?}, expected files and folders only")),
        }
    }
    match files {
        0 => Err(Error::malformed(archive, "archive", format!("there is nothing in {top}"))),
        _ => Ok(()),
    }
}

/// As [`unpack_into`]. The format's own checksums are compared on the way.
fn unzip_into(archive: &Path, top: &str, folder: &Path) -> Result<()> {
    let damaged = |error: ZipError| Error::malformed(archive, "archive", error);
    let file = File::open(archive).map_err(Error::input(archive))?;
    let mut zip = ZipArchive::new(io::BufReader::new(file)).map_err(damaged)?;
    let (mut bytes, mut files) = (0u64, 0);
    for at in 0..zip.len() {
        let entry = zip.by_index(at).map_err(damaged)?;
        let name = entry.name().to_owned();
        let refuse =
            |problem: String| Err(Error::malformed(archive, format!("entry {name}"), problem));
        let Some(inner) = below(Path::new(&name), top) else {
            return refuse(format!("its path is not a plain one below {top}"));
        };
        let is_link = entry.unix_mode().is_some_and(|mode| mode & 0o170_000 == 0o120_000);
        match () {
            () if at >= MOST_ENTRIES => return refuse(format!("more than {MOST_ENTRIES} entries")),
            () if is_link => return refuse("a link, expected files and folders only".to_owned()),
            () if entry.is_dir() => continue,
            () => {}
        }
        let path = folder.join(inner);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(Error::output(parent))?;
        // Never through something that is already there.
        let mut to = File::create_new(&path).map_err(Error::output(&path))?;
        // What the entry says of its size may be a lie.
        let left = MOST_BYTES - bytes;
        bytes +=
            io::copy(&mut entry.take(left + 1), &mut to).map_err(|error| damaged(error.into()))?;
        if bytes > MOST_BYTES {
            return refuse(format!("more than {MOST_BYTES} bytes"));
        }
        to.sync_all().map_err(Error::output(&path))?;
        files += 1;
    }
    match files {
        0 => Err(Error::malformed(archive, "archive", format!("there is nothing in {top}"))),
        _ => Ok(()),
    }
}

/// The part of `name` behind `top`, if it is a plain path.
fn below(name: &Path, top: &str) -> Option<PathBuf> {
    let mut parts = name.components().filter(|part| *part != Component::CurDir);
    let plain = |part: Component| matches!(part, Component::Normal(_));
    if parts.next()?.as_os_str() != top {
        return None;
    }
    let rest: Vec<Component> = parts.collect();
    rest.iter().all(|part| plain(*part)).then(|| rest.iter().collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::data::files::gzip;

    /// A tar entry with the given name, which the crate's own builder would refuse.
    fn entry(tar: &mut tar::Builder<Vec<u8>>, name: &str, kind: EntryType, data: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(data.len() as u64);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        if kind == EntryType::Symlink || kind == EntryType::Link {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, data).unwrap();
    }

    pub fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        entries.iter().for_each(|(name, kind, data)| entry(&mut tar, name, *kind, data));
        gzip(&tar.into_inner().unwrap())
    }

    /// Files by name and contents.
    pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, data) in entries {
            zip.start_file(*name, zip::write::FileOptions::default()).unwrap();
            io::Write::write_all(&mut zip, data).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn zips_are_unpacked_and_looked_at() {
        let place = tempfile::tempdir().unwrap();
        let (path, out) = (place.path().join("a.zip"), place.path().join("out"));
        let good = zip(&[("top/a.txt", b"123"), ("top/deep/b.txt", &[7; 5000])]);
        fs::write(&path, &good).unwrap();
        let refuse = |_: &Path| Err(Error::Work("not what it should be".to_owned()));
        assert!(unpack(&path, "top", &out, &refuse).is_err() && !out.exists());
        unpack(&path, "top", &out, &|_| Ok(())).unwrap();
        assert_eq!(fs::read(out.join("a.txt")).unwrap(), b"123");
        assert_eq!(fs::read(out.join("deep/b.txt")).unwrap(), [7; 5000]);
        let mut flipped = good.clone();
        flipped[40] ^= 1;
        for (bytes, expected) in [
            (zip(&[("top/../../evil", b"x")]), "top/../../evil: its path is not"),
            (zip(&[("/tmp/evil", b"x")]), "/tmp/evil: its path is not"),
            (zip(&[("other/evil", b"x")]), "other/evil: its path is not"),
            (zip(&[]), "there is nothing in top"),
            (good[..good.len() / 2].to_vec(), "a.zip: archive: "),
            (flipped, "a.zip: archive: "),
            (b"no archive".to_vec(), "a.zip: archive: "),
        ] {
            fs::remove_dir_all(&out).ok();
            fs::write(&path, bytes).unwrap();
            let error = unpack(&path, "top", &out, &|_| Ok(())).unwrap_err().to_string();
            assert!(error.contains(expected) && !out.exists(), "{expected}: {error}");
        }
    }

    fn try_unpack(bytes: &[u8]) -> (tempfile::TempDir, Result<()>) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.tar.gz");
        fs::write(&path, bytes).unwrap();
        let done = unpack(&path, "top", &place.path().join("out"), &|_| Ok(()));
        (place, done)
    }

    #[test]
    fn files_below_the_top_are_unpacked() {
        let bytes = archive(&[
            ("top/", EntryType::Directory, b""),
            ("top/a.bin", EntryType::Regular, b"123"),
            ("./top/deep/b.bin", EntryType::Regular, b""),
        ]);
        let (place, done) = try_unpack(&bytes);
        done.unwrap();
        assert_eq!(fs::read(place.path().join("out/a.bin")).unwrap(), b"123");
        assert!(place.path().join("out/deep/b.bin").is_file());
        assert!(!place.path().join("out.part").exists());
    }

    #[test]
    fn hostile_archives_leave_nothing() {
        let regular = EntryType::Regular;
        let good = ("top/a", regular, &b"x"[..]);
        for (bytes, expected) in [
            (
                archive(&[good, ("top/../../evil", regular, b"x")]),
                "top/../../evil: its path is not",
            ),
            (archive(&[good, ("/tmp/evil", regular, b"x")]), "/tmp/evil: its path is not"),
            (archive(&[good, ("other/evil", regular, b"x")]), "other/evil: its path is not"),
            (archive(&[good, ("top/link", EntryType::Symlink, b"")]), "top/link: a Symlink"),
            (archive(&[good, ("top/link", EntryType::Link, b"")]), "top/link: a Link"),
            (archive(&[good, ("top/pipe", EntryType::Fifo, b"")]), "top/pipe: a Fifo"),
            (archive(&[("top/", EntryType::Directory, b"")]), "there is nothing in top"),
            (archive(&[("top/big", regular, &[7; 5000])])[..40].to_vec(), "a.tar.gz: "),
            (gzip(&[1; 600]), "a.tar.gz: archive: "),
            (b"no archive".to_vec(), "a.tar.gz: archive: "),
        ] {
            let (place, done) = try_unpack(&bytes);
            let error = done.unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "{expected}");
        }
        // Twice the same name is written once.
        let (place, done) = try_unpack(&archive(&[good, good]));
        assert!(done.is_err() && !place.path().join("out").exists());
    }

    /// A few kilobytes that are a name of many megabytes.
    #[test]
    fn bombs_are_stopped() {
        let long = vec![b'a'; 1 << 24];
        for kind in [EntryType::GNULongName, EntryType::XHeader] {
            let bytes =
                archive(&[("././@LongLink", kind, &long), ("top/a", EntryType::Regular, b"x")]);
            assert!(bytes.len() < 1 << 16);
            let error = try_unpack(&bytes).1.unwrap_err().to_string();
            assert!(error.contains("entry 1: a name of more than 65536 bytes"), "{error}");
        }
    }

    /// A header that promises more than there is, and one that promises more than we take.
    #[test]
    fn sizes_are_not_believed() {
        let mut header = tar::Header::new_gnu();
        header.set_path("top/a").unwrap();
        header.set_entry_type(EntryType::Regular);
        for size in [4096, 1 << 40] {
            header.set_size(size);
            header.set_cksum();
            let (place, done) = try_unpack(&gzip(&[&header.as_bytes()[..], &[0; 512]].concat()));
            assert_eq!(done.unwrap_err().exit_code(), 2);
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        }
    }
}
