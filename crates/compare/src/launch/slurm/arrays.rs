//! [`Arrays`]: the jobs of a comparison and which run each of their tasks makes, in a file of its folder, so
//! that whoever goes on after a kill waits for what is still in the queue and does not submit it twice.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cluster::Job;
use crate::{Error, Result, damage, durable};

/// One job with a task a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// The job.
    pub job: Job,
    /// Of each task the setting, as it prints, and the seed.
    pub runs: Vec<(String, u64)>,
    /// Whether it was cancelled, so that nothing is to come of it.
    #[serde(default)]
    pub cancelled: bool,
}

/// Those of one comparison.
#[derive(Clone, Debug)]
pub struct Arrays {
    path: PathBuf,
    /// Those that are not over, as far as is known.
    pub all: Vec<Array>,
}

impl Arrays {
    /// Those that the file at `path` knows; none where there is no file.
    ///
    /// # Errors
    /// A file that is damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let all = match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                let place = format!("line {}, column {}", error.line(), error.column());
                damage(path, &place, error)
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::stored(path)(error)),
        };
        Ok(Self { path: path.to_owned(), all })
    }

    /// Writes them there.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self) -> Result<()> {
        let text = serde_json::to_vec(&self.all)
            .map_err(|error| Error::failed(format!("{}: ", self.path.display()), error))?;
        Ok(durable::write(&self.path, &text)?)
    }

    /// The array and the task that make the run of `setting` and `seed`; of several the latest.
    pub fn task(&self, setting: &str, seed: u64) -> Option<(usize, usize)> {
        self.all.iter().enumerate().rev().find_map(|(at, array)| {
            let task = array.runs.iter().position(|run| run.0 == setting && run.1 == seed)?;
            Some((at, task))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Error as MeasureError;

    #[test]
    fn they_come_back_and_the_latest_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.json");
        let mut arrays = Arrays::read(&path).unwrap();
        assert!(arrays.all.is_empty() && arrays.task("ce", 0).is_none());
        let job = |id: &str| serde_json::from_str(&format!("{{\"id\": \"{id}\"}}")).unwrap();
        let runs = vec![("ce".to_owned(), 0), ("el(le=1)".to_owned(), 0)];
        arrays.all.push(Array { job: job("1"), runs: runs.clone(), cancelled: true });
        arrays.all.push(Array { job: job("2"), runs: runs[1..].to_vec(), cancelled: false });
        arrays.write().unwrap();
        let again = Arrays::read(&path).unwrap();
        assert_eq!(again.all, arrays.all);
        assert_eq!((again.task("ce", 0), again.task("el(le=1)", 0)), (Some((0, 0)), Some((1, 0))));
        assert_eq!(again.task("ce", 1), None);
        fs::write(&path, "[{").unwrap();
        let error = Arrays::read(&path).unwrap_err();
        let expected = "jobs.json: line 1, column 2: EOF while parsing an object at line 1 column 2 (the \
                        file is damaged)";
        assert!(error.to_string().ends_with(expected), "{error}");
        let Error::Measure(MeasureError::Malformed { problem, .. }) = error else {
            panic!("{error}")
        };
        assert!(problem.is::<serde_json::Error>());
    }
}
