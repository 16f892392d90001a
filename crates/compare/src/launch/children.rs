//! [`Children`]: each run in a child of this process, with a GPU to itself.
//!
//! libtorch and CUDA belong to a process as a whole: two runs on two GPUs are two processes. They end with
//! us, as commands of the user's do.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard};

use super::status::{self, Standing, State};
use super::{Call, accept};
use crate::layout::OUTPUT;
use crate::measure::Overlap;
use crate::process::{self, ExitReason, Limits, described, last_words};
use crate::{Error, Folder, Forecast, Monitor, Options, Result, RunDir, RunFiles, Runner, Setting};

/// Has the runs of `runner` made by `call`.
pub(super) struct Children<'a> {
    runner: &'a dyn Runner,
    call: &'a Call,
    out: PathBuf,
    /// GPUs that no run has.
    free: Mutex<Vec<String>>,
    gpus: &'a [String],
    stop: &'a AtomicBool,
}

impl<'a> Children<'a> {
    /// For the comparison in `folder`, on these `gpus`.
    pub fn new(
        runner: &'a dyn Runner,
        call: &'a Call,
        gpus: &'a [String],
        folder: &Folder,
        options: &'a Options<'a>,
    ) -> Self {
        let free = Mutex::new(gpus.iter().rev().cloned().collect());
        Self { runner, call, out: folder.path.clone(), free, gpus, stop: options.stop }
    }

    fn free(&self) -> MutexGuard<'_, Vec<String>> {
        self.free.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The child from its beginning to its end.
    fn execute(&self, setting: &Setting, seed: u64, output: &Path) -> Result<ExitReason> {
        let gpu = self.free().pop();
        let mut command = self.call.command(&self.out, setting, seed);
        if let Some(gpu) = &gpu {
            command.env("CUDA_VISIBLE_DEVICES", gpu);
        }
        let limits = Limits { timeout: None, stop: self.stop };
        let ended = process::run(command, output, &limits);
        self.free().extend(gpu);
        let program = self.call.program.display();
        ended.map_err(|error| Error::failed(format!("cannot run {program}: "), error))
    }
}

impl Runner for Children<'_> {
    fn most_at_once(&self) -> usize {
        self.gpus.len()
    }

    fn forecast(&self, _: &Setting, _: u64, runs: usize, _: usize) -> Result<Forecast> {
        let mut notes = self.runner.remarks()?;
        let all = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
        notes.push(format!("{all}, each on one of the GPUs {}", self.gpus.join(", ")));
        Ok(Forecast { measuring: 0.0, notes })
    }

    fn make(&self, setting: &Setting, seed: u64, dir: &RunDir, _: &dyn Monitor) -> Result<()> {
        let run = dir.path();
        fs::create_dir_all(run).map_err(Error::output(run))?;
        status::forget(run)?;
        let output = run.join(OUTPUT);
        let ended = self.execute(setting, seed, &output)?;
        match (status::look(run), ended) {
            (_, ExitReason::Stopped) => Err(Error::Interrupted),
            (Standing::Finished, _) => accept(self.runner, run),
            (Standing::Unfinished(Some(status)), ExitReason::Exited(_))
                if matches!(status.state, State::Failed { .. }) =>
            {
                Err(status.state.into_error())
            }
            (Standing::Unfinished(_), ended) => {
                let how = match ended {
                    ExitReason::Exited(status) => described(status),
                    ExitReason::TimedOut | ExitReason::Stopped => "it was stopped".to_owned(),
                };
                Err(Error::Work(format!("{how} without a result; {}", last_words(&output))))
            }
        }
    }

    fn validate_partner(&self, files: &RunFiles) -> Result<()> {
        self.runner.validate_partner(files)
    }

    fn overlap(&self, seed: u64) -> Result<Option<Overlap>> {
        self.runner.overlap(seed)
    }
}
