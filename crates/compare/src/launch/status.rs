//! [`Status`]: how a run stands that a process of its own makes, as a small file in the run's folder says
//! it to whoever waits on the same disk. It is whole or not there, and gone once the run is finished.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::HumanDuration;
use serde::{Deserialize, Serialize};

use crate::layout::{MANIFEST, STATUS};
use crate::{Error, Result, durable};

/// `run-one.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// How it stands.
    #[serde(flatten)]
    pub state: State,
    /// Who says so.
    host: String,
    process: u32,
    /// The job that this is a part of, where there is a scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    /// Since when, in seconds since 1970.
    since: u64,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// It is being made.
    Running,
    /// Its process was told to stop, and did.
    Stopped,
    /// It failed.
    Failed {
        /// Why.
        problem: String,
        /// The exit code of that.
        code: u8,
    },
}

impl State {
    /// What is said of a run that failed, and of one that did not end by itself.
    pub fn into_error(self) -> Error {
        match self {
            // What is wrong with the request is wrong for all runs.
            Self::Failed { problem, code: 2 } => Error::Request(problem),
            Self::Failed { problem, .. } => Error::Work(problem),
            Self::Running | Self::Stopped => Error::Work("it was stopped".to_owned()),
        }
    }
}

/// What the folder of a run says.
#[derive(Debug)]
pub enum Standing {
    /// There is a manifest.
    Finished,
    /// What its process said last.
    Unfinished(Option<Status>),
}

impl Status {
    /// That of a run which this process makes.
    pub fn now(state: State) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let job = std::env::var("SLURM_JOB_ID").ok();
        Self { state, host: host(), process: std::process::id(), job, since }
    }

    /// Says it in the folder `run`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, run: &Path) -> Result<()> {
        let path = run.join(STATUS);
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::failed(format!("{}: ", path.display()), error))?;
        Ok(durable::write(&path, (text + "\n").as_bytes())?)
    }

    /// Where it was said, and how long ago.
    pub fn whereabouts(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ago = HumanDuration(now.saturating_sub(Duration::from_secs(self.since)));
        format!("process {} of {}, {ago} ago", self.process, self.host)
    }
}

/// Takes away what was said in the folder `run`.
///
/// # Errors
/// A file that cannot be removed.
pub fn forget(run: &Path) -> Result<()> {
    Ok(durable::remove_file(&run.join(STATUS))?)
}

/// Looks at the folder `run`, which another machine may write to.
pub fn look(run: &Path) -> Standing {
    // A network's disk asks what is new in a folder when that is opened; without, a file that was not
    // there a minute ago may still not be there.
    let _ = fs::read_dir(run);
    if run.join(MANIFEST).is_file() {
        return Standing::Finished;
    }
    let text = fs::read(run.join(STATUS)).ok();
    Standing::Unfinished(text.and_then(|text| serde_json::from_slice(&text).ok()))
}

/// The name of this machine.
fn host() -> String {
    let mut name = [0u8; 256];
    // Safety: the buffer is as long as is said; its last byte stays 0.
    let found = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let length = name.iter().position(|byte| *byte == 0).unwrap_or(0);
    match found {
        0 if length > 0 => String::from_utf8_lossy(&name[..length]).into_owned(),
        _ => "an unknown machine".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_seen_until_the_run_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path();
        assert!(matches!(look(run), Standing::Unfinished(None)));
        let problem = "it ended with exit status 3".to_owned();
        for state in [State::Running, State::Stopped, State::Failed { problem, code: 1 }] {
            let status = Status::now(state);
            status.write(run).unwrap();
            assert!(matches!(look(run), Standing::Unfinished(Some(seen)) if seen == status));
            let process = format!("process {} of ", std::process::id());
            let whereabouts = status.whereabouts();
            assert!(
                whereabouts.starts_with(&process) && whereabouts.ends_with(" ago"),
                "{whereabouts}"
            );
        }
        // What cannot be read says nothing.
        fs::write(run.join(STATUS), "{").unwrap();
        assert!(matches!(look(run), Standing::Unfinished(None)));
        fs::write(run.join(MANIFEST), "").unwrap();
        assert!(matches!(look(run), Standing::Finished));
        forget(run).and_then(|()| forget(run)).unwrap();
        assert!(!run.join(STATUS).exists());
    }
}
