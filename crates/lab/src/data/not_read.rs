//! [`NotRead`]: files that lie among the data and are not read, so that none is left out in silence.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::plain;
use crate::words::several;

/// Examples of each kind.
const EXAMPLES: usize = 2;

/// Kinds that are named.
const KINDS: usize = 6;

/// Kinds that are called after several, and how one is.
const ONE: [(&str, &str); 5] = [
    ("links to folders that are read already", "link to a folder that is read already"),
    (
        "links that lead nowhere, or what cannot be looked at",
        "link that leads nowhere, or what cannot be looked at",
    ),
    ("images in no folder of a class", "image in no folder of a class"),
    ("hidden images", "hidden image"),
    ("hidden folders with images", "hidden folder with images"),
];

/// How many files of which kinds there are, with examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotRead {
    kinds: BTreeMap<String, FileKind>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct FileKind {
    count: usize,
    examples: Vec<PathBuf>,
}

impl NotRead {
    /// One more, of the kind that its name ends with.
    pub fn by_ending(&mut self, path: PathBuf) {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let kind = match ending {
            Some(ending) if ending.chars().count() <= 12 => format!(".{ending}"),
            _ => "without a known ending".to_owned(),
        };
        self.of(&kind, path);
    }

    /// One more of this kind: "a FIFO".
    pub fn of(&mut self, kind: &str, path: PathBuf) {
        let kind = self.kinds.entry(kind.to_owned()).or_default();
        kind.count += 1;
        if kind.examples.len() < EXAMPLES {
            kind.examples.push(path);
        }
    }

    /// What was found elsewhere, too.
    pub fn add(&mut self, other: Self) {
        for (name, more) in other.kinds {
            let kind = self.kinds.entry(name).or_default();
            kind.count += more.count;
            kind.examples.extend(more.examples);
            kind.examples.truncate(EXAMPLES);
        }
    }

    /// How many files.
    pub fn len(&self) -> usize {
        self.kinds.values().map(|kind| kind.count).sum()
    }

    /// Whether everything is read.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// "3 .heic (a/1.heic, a/2.heic and 1 more), 1 .txt (notes.txt)", the most frequent kinds first;
    /// the paths are those below `folder`.
    pub fn describe(&self, folder: &Path) -> String {
        let mut kinds: Vec<(&String, &FileKind)> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, kind)| std::cmp::Reverse(kind.count));
        let example = |path: &PathBuf| {
            let below = path.strip_prefix(folder).unwrap_or(path);
            plain::name(&below.to_string_lossy()).into_owned()
        };
        let one = |(name, kind): &(&String, &FileKind)| {
            let mut examples = kind.examples.iter().map(example).collect::<Vec<_>>().join(", ");
            if kind.count > kind.examples.len() {
                examples += &format!(" and {} more", kind.count - kind.examples.len());
            }
            format!("{} {} ({examples})", kind.count, plain::name(of_count(name, kind.count)))
        };
        let mut text: Vec<String> = kinds.iter().take(KINDS).map(one).collect();
        if kinds.len() > KINDS {
            let count: usize = kinds[KINDS..].iter().map(|(_, kind)| kind.count).sum();
            text.push(format!("{count} of {} other kinds", kinds.len() - KINDS));
        }
        text.join(", ")
    }

    /// The line that says so, or nothing.
    pub fn line(&self, folder: &Path) -> Option<String> {
        let line =
            || format!("not read: {}: {}", several(self.len(), "file"), self.describe(folder));
        (!self.is_empty()).then(line)
    }
}

/// What `count` of the kind `name` are called.
fn of_count(name: &str, count: usize) -> &str {
    let one = ONE.iter().find(|(several, _)| count == 1 && *several == name);
    one.map_or(name, |(_, one)| one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_and_some_are_named() {
        let mut found = NotRead::default();
        assert_eq!(found.line(Path::new("x")), None);
        for name in ["x/a.HEIC", "x/b.heic", "x/c.heic", "x/README", "x/n\u{1b}.txt"] {
            found.by_ending(name.into());
        }
        found.of("a FIFO", "x/p.png".into());
        let mut one = NotRead::default();
        one.of("images in no folder of a class", "x/a.png".into());
        let line = one.line(Path::new("x")).unwrap();
        assert_eq!(line, "not read: 1 file: 1 image in no folder of a class (a.png)");
        assert_eq!(
            found.line(Path::new("x")).unwrap(),
            "not read: 6 files: 3 .heic (a.HEIC, b.heic and 1 more), 1 .txt (n\u{fffd}.txt), \
             1 a FIFO (p.png), 1 without a known ending (README)"
        );
        for at in 0..9 {
            found.by_ending(format!("x/{at}.{at}").into());
        }
        assert!(found.describe(Path::new("x")).ends_with(", 7 of 7 other kinds"));
    }
}
