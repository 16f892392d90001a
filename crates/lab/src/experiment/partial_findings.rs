//! [`PartialFindings`]: what is found of attacks that are not all finished, a file a part, so that an
//! interruption costs the part that was under way.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::attack::Findings;
use crate::{Error, Result, durable};

/// A folder of parts. Each is known by everything that decides it, as text.
#[derive(Clone, Debug)]
pub struct PartialFindings {
    path: PathBuf,
}

/// What is in the file of a part.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredFindings {
    of: String,
    found: Findings,
}

impl PartialFindings {
    /// That in the folder `path`, which need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many parts there are.
    pub fn len(&self) -> usize {
        fs::read_dir(&self.path).map_or(0, Iterator::count)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was found by the part `of`. One that is damaged counts as not there: it is found again.
    pub fn get(&self, of: &str) -> Option<Findings> {
        let part: StoredFindings = serde_json::from_slice(&fs::read(self.file(of)).ok()?).ok()?;
        (part.of == of).then_some(part.found)
    }

    /// Keeps it.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn put(&self, of: &str, found: &Findings) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(Error::output(&self.path))?;
        let (file, part) =
            (self.file(of), StoredFindings { of: of.to_owned(), found: found.clone() });
        let text = serde_json::to_vec(&part)
            .map_err(|error| Error::failed(format!("{}: ", file.display()), error))?;
        Ok(durable::write(&file, &text)?)
    }

    /// Takes all of it away, once the whole is written elsewhere.
    ///
    /// # Errors
    /// Names the folder that cannot be removed.
    pub fn remove(&self) -> Result<()> {
        durable::remove_folder(&self.path)?;
        // The folder that was made for it, unless something else is there.
        let _ = self.path.parent().map(fs::remove_dir);
        Ok(())
    }

    fn file(&self, of: &str) -> PathBuf {
        let name = format!("{:x}", Sha256::digest(of));
        self.path.join(&name[..32]).with_extension("json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Findings {
        serde_json::from_str(r#"{"right": [[true, false]], "blind": 1, "faint": 0}"#).unwrap()
    }

    #[test]
    fn a_part_is_known_by_all_that_decides_it() {
        let place = tempfile::tempdir().unwrap();
        let parts = PartialFindings::new(place.path().join("a/b"));
        assert!(parts.is_empty() && parts.get("pgd, seed 0").is_none());
        parts.put("pgd, seed 0", &found()).unwrap();
        assert_eq!(parts.get("pgd, seed 0"), Some(found()));
        assert_eq!((parts.get("pgd, seed 1"), parts.len()), (None, 1));
        let file = parts.file("pgd, seed 0");
        let text = fs::read_to_string(&file).unwrap();
        for damaged in [&text[..text.len() - 2], "", &text.replace("seed 0", "seed 9")] {
            fs::write(&file, damaged).unwrap();
            assert_eq!(parts.get("pgd, seed 0"), None, "{damaged}");
        }
        parts.remove().unwrap();
        parts.remove().unwrap();
        assert!(parts.is_empty());
    }
}
