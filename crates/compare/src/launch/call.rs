//! [`Call`]: the command that makes one run in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Setting;

/// `PROGRAM run-one OPTIONS FOLDER SETTING SEED`.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The program: ours.
    pub program: PathBuf,
    /// What it is told beside the run.
    pub options: Vec<String>,
}

impl Call {
    /// Its words for a run of the comparison in the folder `out`.
    pub fn words(&self, out: &Path, setting: &Setting, seed: u64) -> Vec<String> {
        let head = [self.program.display().to_string(), "run-one".to_owned()];
        let run = [out.display().to_string(), setting.to_string(), seed.to_string()];
        head.into_iter().chain(self.options.iter().cloned()).chain(run).collect()
    }

    /// The command itself.
    pub(super) fn command(&self, out: &Path, setting: &Setting, seed: u64) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("run-one").args(&self.options).arg(out);
        command.arg(setting.to_string()).arg(seed.to_string());
        command
    }
}
