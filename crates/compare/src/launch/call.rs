//! [`Call`]: the command that makes one run in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Setting;

/// `PROGRAM BEFORE run-one OPTIONS FOLDER SETTING SEED`.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The program: ours, or an interpreter that has loaded us.
    pub program: PathBuf,
    /// What makes an interpreter call us: `-m steepness`.
    pub before: Vec<String>,
    /// What it is told beside the run.
    pub options: Vec<String>,
}

impl Call {
    /// Its words for a run of the comparison in the folder `out`.
    pub fn words(&self, out: &Path, setting: &Setting, seed: u64) -> Vec<String> {
        let mut words = vec![self.program.display().to_string()];
        words.extend(self.before.iter().cloned());
        words.push("run-one".to_owned());
        words.extend(self.options.iter().cloned());
        words.extend([out.display().to_string(), setting.to_string(), seed.to_string()]);
        words
    }

    /// The command itself.
    pub(super) fn command(&self, out: &Path, setting: &Setting, seed: u64) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.before).arg("run-one").args(&self.options).arg(out);
        command.arg(setting.to_string()).arg(seed.to_string());
        command
    }
}
