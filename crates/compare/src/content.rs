//! [`Content`]: what lies in the files that data are read from, as hashes.
//!
//! What is known of a file from an earlier call is believed as long as its size and the times of its
//! last change are those of then, as in git: 100,000 images are looked up, not read.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Origin, cores};
use crate::{Error, Result};

/// A file that changed so short a time ago may change again within the same tick of its clock.
const SETTLED: Duration = Duration::from_secs(2);

/// Files named in a message, of those that differ.
const NAMED: usize = 3;

/// Hears how many bytes were read since it last heard, from any thread.
pub type Watch<'a> = &'a (dyn Fn(u64) -> Result<()> + Sync);

/// The contents of several [`Origin`]s, by their keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content {
    origins: BTreeMap<String, OriginContent>,
}

/// What one path in a recipe leads to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OriginContent {
    /// Where it is, absolute.
    path: PathBuf,
    /// Of the names and the contents of all its files; where they lie is not part of it.
    sha256: String,
    /// Those; none in what a single run keeps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileContent>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileContent {
    /// Relative to the base of its origin, with '/'; empty where the base is the file itself.
    name: String,
    bytes: u64,
    /// When its contents last changed, nanoseconds since 1970, where the system says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<i64>,
    /// When anything of it last changed; missing where that was too short a time ago to be believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<i64>,
    sha256: String,
}

impl Content {
    /// Hashes the files of `origins`; what `known` says of those that have not changed is believed.
    ///
    /// # Errors
    /// A file that cannot be read, or is none (a folder, a pipe).
    pub fn of(origins: &[Origin], known: Option<&Self>) -> Result<Self> {
        Self::watched(origins, known, &|_| Ok(()))
    }

    /// The same; `watch` hears of each file, and of each piece of one, how many bytes were read, and ends
    /// it with an error of its own.
    ///
    /// # Errors
    /// As [`Content::of`], and those of `watch`.
    pub fn watched(origins: &[Origin], known: Option<&Self>, watch: Watch) -> Result<Self> {
        let content = |origin: &Origin| -> Result<(String, OriginContent)> {
            let known = known.and_then(|known| known.origins.get(&origin.key));
            Ok((origin.key.clone(), OriginContent::of(origin, known, watch)?))
        };
        Ok(Self { origins: origins.iter().map(content).collect::<Result<_>>()? })
    }

    /// Makes sure that the files of `origins` are still those that were hashed.
    ///
    /// # Errors
    /// Names the file that changed meanwhile; those of `watch`.
    pub fn verify_unchanged(&self, origins: &[Origin], watch: Watch) -> Result<()> {
        match self.differences(&Self::watched(origins, Some(self), watch)?).first() {
            Some(difference) => {
                Err(Error::Request(format!("the data changed while they were read: {difference}")))
            }
            None => Ok(()),
        }
    }

    /// The same without what is known of each single file.
    pub fn brief(&self) -> Self {
        let mut brief = self.clone();
        brief.origins.values_mut().for_each(|origin| origin.files.clear());
        brief
    }

    /// Whether the files are the same, wherever they lie.
    pub fn is_same(&self, other: &Self) -> bool {
        let hashes = |content: &Self| -> Vec<(String, String)> {
            let origins = content.origins.iter();
            origins.map(|(key, origin)| (key.clone(), origin.sha256.clone())).collect()
        };
        hashes(self) == hashes(other)
    }

    /// The origins of the data themselves, without examples from outside and initial weights.
    pub fn of_data(&self) -> Self {
        self.of_keys(|key| key == "data" || key.starts_with("data."))
    }

    /// The origins whose keys are `wanted`.
    pub fn of_keys(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let mut some = self.clone();
        some.origins.retain(|key, _| wanted(key));
        some
    }

    /// A hash of all of it, as hex digits, wherever the files lie.
    pub fn digest(&self) -> String {
        let mut all = Sha256::new();
        for (key, origin) in &self.origins {
            all.update(format!("{key}\0{}\n", origin.sha256));
        }
        format!("{:x}", all.finalize())
    }

    /// Where the origin `key` was when it was read, absolute.
    pub fn path(&self, key: &str) -> Option<&Path> {
        self.origins.get(key).map(|origin| origin.path.as_path())
    }

    /// The latest change of a file, of those that are known one by one.
    pub fn changed(&self) -> Option<(PathBuf, SystemTime)> {
        let file = |(origin, file): (&OriginContent, &FileContent)| {
            // What is not known may have changed at any time.
            let nanoseconds = u64::try_from(file.modified.unwrap_or(i64::MAX)).unwrap_or(0);
            let time = UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds))?;
            let path = match file.name.is_empty() {
                true => origin.path.clone(),
                false => origin.path.join(&file.name),
            };
            Some((path, time))
        };
        let origins = self.origins.values();
        let files = origins.flat_map(|origin| origin.files.iter().map(move |file| (origin, file)));
        files.filter_map(file).max_by_key(|(_, time)| *time)
    }

    /// What differs in `now`: one sentence for each origin, with the names of files.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let keys: std::collections::BTreeSet<&String> =
            self.origins.keys().chain(now.origins.keys()).collect();
        let differs = |key: &String| match (self.origins.get(key), now.origins.get(key)) {
            (Some(before), Some(now)) if before.sha256 == now.sha256 => None,
            (Some(before), Some(now)) => Some(before.difference(key, now)),
            (None, Some(now)) => Some(format!("{key} is read from {} now", now.path.display())),
            (Some(before), None) => Some(format!("{key} was read from {}", before.path.display())),
            (None, None) => None,
        };
        keys.into_iter().filter_map(differs).collect()
    }
}

impl OriginContent {
    fn of(origin: &Origin, known: Option<&Self>, watch: Watch) -> Result<Self> {
        let path = std::path::absolute(&origin.path).map_err(Error::input(&origin.path))?;
        let known: HashMap<&str, &FileContent> = known
            .into_iter()
            .flat_map(|known| known.files.iter().map(|file| (file.name.as_str(), file)))
            .collect();
        let slots: Vec<Mutex<Option<FileContent>>> =
            origin.files.iter().map(|_| Mutex::new(None)).collect();
        let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = origin.files.get(at) else { return };
                match FileContent::of(&origin.base, file, &known, watch) {
                    Ok(content) => *hold(&slots[at]) = Some(content),
                    Err(error) => {
                        next.store(origin.files.len(), Ordering::Relaxed);
                        hold(&failure).get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..cores().min(origin.files.len().div_ceil(64)) {
                scope.spawn(work);
            }
        });
        if let Some(error) = hold(&failure).take() {
            return Err(error);
        }
        let mut files: Vec<FileContent> =
            slots.iter().filter_map(|slot| hold(slot).take()).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files.dedup_by(|a, b| a.name == b.name);
        let mut all = Sha256::new();
        for FileContent { name, sha256, .. } in &files {
            all.update(format!("{name}\0{sha256}\n"));
        }
        Ok(Self { path, sha256: format!("{:x}", all.finalize()), files })
    }

    /// What differs in `now`, in words.
    fn difference(&self, key: &str, now: &Self) -> String {
        let place = match self.path == now.path {
            true => format!("{key} has changed in {}", now.path.display()),
            false => format!(
                "{key} is read from {} and was read from {}, which held something else",
                now.path.display(),
                self.path.display()
            ),
        };
        let by_name = |content: &Self| -> HashMap<String, String> {
            let files = content.files.iter();
            files.map(|file| (file.name.clone(), file.sha256.clone())).collect()
        };
        let (then, after) = (by_name(self), by_name(now));
        if then.is_empty() || after.is_empty() || now.files[0].name.is_empty() {
            return place;
        }
        let names = |is: &dyn Fn(&str) -> bool, of: &Self| -> Vec<String> {
            let names = of.files.iter().map(|file| file.name.clone());
            names.filter(|name| is(name)).collect()
        };
        let other = |name: &str| after.get(name).is_some_and(|hash| then.get(name) != Some(hash));
        let kinds = [
            ("changed", names(&|name| other(name) && then.contains_key(name), now)),
            ("new", names(&|name| !then.contains_key(name), now)),
            ("gone", names(&|name| !after.contains_key(name), self)),
        ];
        let said = kinds.iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| {
            let more = if names.len() > NAMED { ", …" } else { "" };
            let some = names[..names.len().min(NAMED)].join(", ");
            format!("{} {what}: {some}{more}", names.len())
        });
        format!("{place} ({})", said.collect::<Vec<_>>().join("; "))
    }
}

impl FileContent {
    fn of(base: &Path, path: &Path, known: &HashMap<&str, &Self>, watch: Watch) -> Result<Self> {
        watch(0)?;
        let relative = path.strip_prefix(base).unwrap_or(path);
        let parts = relative.components().map(|part| part.as_os_str().to_string_lossy());
        let name = parts.collect::<Vec<_>>().join("/");
        let about = std::fs::metadata(path).map_err(Error::input(path))?;
        if !about.is_file() {
            let problem = "a folder, a pipe or a device: what is read has to be still there later";
            return Err(Error::malformed(path, "no file", problem));
        }
        let (bytes, [modified, changed]) = (about.len(), times(&about));
        if let Some(known) = known.get(name.as_str())
            && known.changed.is_some()
            && (known.bytes, known.modified, known.changed) == (bytes, modified, changed)
        {
            return Ok((*known).clone());
        }
        let mut hash = Sha256::new();
        let mut file = File::open(path).map_err(Error::input(path))?;
        let mut part = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut part).map_err(Error::input(path))?;
            if read == 0 {
                break;
            }
            hash.update(&part[..read]);
            watch(read as u64)?;
        }
        let settled = |changed: &i64| {
            let last = (*changed).max(modified.unwrap_or(i64::MAX));
            let last = UNIX_EPOCH.checked_add(Duration::from_nanos(last.try_into().unwrap_or(0)));
            let age = last.and_then(|last| SystemTime::now().duration_since(last).ok());
            age.is_some_and(|age| age > SETTLED)
        };
        let changed = changed.filter(settled);
        Ok(Self { name, bytes, modified, changed, sha256: format!("{:x}", hash.finalize()) })
    }
}

/// When the contents and when anything of a file last changed, nanoseconds since 1970.
#[cfg(unix)]
fn times(about: &Metadata) -> [Option<i64>; 2] {
    use std::os::unix::fs::MetadataExt;
    let time = |seconds: i64, more: i64| seconds.checked_mul(1_000_000_000)?.checked_add(more);
    [time(about.mtime(), about.mtime_nsec()), time(about.ctime(), about.ctime_nsec())]
}

#[cfg(not(unix))]
fn times(about: &Metadata) -> [Option<i64>; 2] {
    let modified = about.modified().ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    [since.and_then(|since| i64::try_from(since.as_nanos()).ok()); 2]
}

fn hold<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn old(path: &Path) {
        let then = SystemTime::now() - Duration::from_secs(3600);
        File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    }

    fn table(path: &Path) -> Content {
        Content::of(&[Origin::file("data", path)], None).unwrap()
    }

    #[test]
    fn where_a_file_lies_does_not_matter_and_what_is_in_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["one.csv", "two.csv"].map(|name| folder.path().join(name));
        fs::write(&one, "x,y\n1,a\n").unwrap();
        fs::copy(&one, &two).unwrap();
        let content = table(&one);
        assert!(content.is_same(&table(&two)));
        assert!(content.is_same(&table(&folder.path().join("./one.csv"))));
        assert!(content.differences(&table(&two)).is_empty());
        fs::write(&one, "x,y\n1,b\n").unwrap();
        let said = content.differences(&table(&one)).join("");
        assert_eq!(said, format!("data has changed in {}", one.display()));
        let said = content.brief().differences(&table(&folder.path().join("./one.csv"))).join("");
        assert!(said.starts_with("data has changed in"), "{said}");
        fs::write(&two, "").unwrap();
        let said = content.differences(&table(&two)).join("");
        assert!(said.contains("two.csv and was read from") && said.contains("one.csv"), "{said}");
        let error = content
            .verify_unchanged(&[Origin::file("data", &one)], &|_| Ok(()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("changed while they were read: data has changed"), "{error}");
    }

    #[test]
    fn files_of_a_folder_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let files = ["a/1.png", "a/2.png", "b/1.png", "b/2.png"];
        for name in files {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), "7").unwrap();
        }
        let content = |files: &[&str]| {
            let [path, base] = [folder.path().to_owned(), folder.path().to_owned()];
            let files = files.iter().map(|name| at(name)).collect();
            Content::of(&[Origin::folder(path, base, files)], None).unwrap()
        };
        let before = content(&files);
        fs::write(at("a/1.png"), "8").unwrap();
        fs::write(at("b/3.png"), "7").unwrap();
        let now = content(&["a/1.png", "a/2.png", "b/1.png", "b/3.png"]);
        let said = before.differences(&now).join("");
        assert!(said.ends_with("(1 changed: a/1.png; 1 new: b/3.png; 1 gone: b/2.png)"), "{said}");
        let json = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), before);
        assert!(before.is_same(&before.brief()) && !before.is_same(&now));
    }

    /// What is known is believed as long as size and times are those of then.
    #[test]
    fn what_has_not_changed_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        fs::write(&path, "x").unwrap();
        let origins = [Origin::file("data", &path)];
        // A file of this moment may change within the same tick.
        let fresh = Content::of(&origins, None).unwrap();
        assert_eq!(fresh.origins["data"].files[0].changed, None);
        let mut known = fresh.clone();
        let file = &mut known.origins.get_mut("data").unwrap().files[0];
        [file.modified, file.changed] = times(&fs::metadata(&path).unwrap());
        file.sha256 = "believed".to_owned();
        let again = Content::of(&origins, Some(&known)).unwrap();
        assert_eq!(again.origins["data"].files[0].sha256, "believed");
        old(&path);
        let again = Content::of(&origins, Some(&known)).unwrap();
        assert!(again.is_same(&fresh), "its time is another one");
        let folder = [Origin::file("data", folder.path())];
        let error = Content::of(&folder, None).unwrap_err().to_string();
        assert!(error.contains("no file: a folder, a pipe or a device"), "{error}");
    }

    #[test]
    fn hashing_is_watched_and_ends_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        fs::write(&path, vec![b'x'; 200_000]).unwrap();
        let origins = [Origin::file("data", &path)];
        let read = std::sync::atomic::AtomicU64::new(0);
        let count = |bytes: u64| {
            read.fetch_add(bytes, Ordering::Relaxed);
            Ok(())
        };
        Content::watched(&origins, None, &count).unwrap();
        assert_eq!(read.load(Ordering::Relaxed), 200_000);
        let enough = |bytes: u64| match read.fetch_add(bytes, Ordering::Relaxed) {
            0..250_000 => Ok(()),
            _ => Err(Error::Interrupted),
        };
        let ended = Content::watched(&origins, None, &enough);
        assert!(ended.is_err_and(|error| error.is_interrupted()));
        assert!(read.load(Ordering::Relaxed) < 400_000);
    }
}
