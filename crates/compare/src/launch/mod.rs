//! Where the runs of a comparison are made: in this process, in children of it that have a GPU each, or by
//! Slurm.
//!
//! Whatever makes them elsewhere wraps the [`Runner`] that would make them here. Each run is
//! then a process of its own, `steepness run-one` ([`Call`], [`Single`]), and all that is heard of it is
//! what lies in its folder: the manifest of one that is finished, or how it stands (`status`).

mod call;
mod children;
mod recipe;
mod single;
mod slurm;
mod status;

pub use call::Call;
pub use recipe::{LaunchRecipe, Submission};
pub use single::Single;

use std::fs;
use std::path::Path;

use crate::layout::MANIFEST;
use crate::measure::Error as MeasureError;
use crate::work::Work;
use crate::{Comparison, Error, Options, Result, RunFiles, Runner, Setting};
use children::Children;
use slurm::Slurm;

/// How the runs of a comparison are launched; nothing here is to change their results.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Where they are made.
    pub place: Place,
    /// What makes one of them in a process of its own.
    pub call: Call,
}

/// Where runs are made.
#[derive(Clone, Debug, Default)]
pub enum Place {
    /// By this process.
    #[default]
    Here,
    /// On this machine, each with one of these GPUs to itself, as `CUDA_VISIBLE_DEVICES` names them.
    Gpus(Vec<String>),
    /// By Slurm, on whatever machines it has.
    Slurm(Submission),
}

impl Launch {
    /// Whether each run is a process of its own, also of what could be made by this one.
    pub fn is_elsewhere(&self) -> bool {
        !matches!(self.place, Place::Here)
    }

    /// Refuses what cannot be had, before anything is written.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn validate(&self, options: &Options) -> Result<()> {
        match &self.place {
            Place::Here => Ok(()),
            Place::Gpus(gpus) => match options.jobs {
                Some(jobs) if jobs > gpus.len() => Err(Error::Request(format!(
                    "{jobs} runs side by side on {} GPUs: a run has one to itself",
                    gpus.len()
                ))),
                _ => Ok(()),
            },
            Place::Slurm(submission) => {
                submission.validate()?;
                slurm::require()
            }
        }
    }

    /// Makes the runs of `work` that are not finished, there.
    ///
    /// # Errors
    /// Those of [`Work::make`]; what stands in the way of launching.
    pub fn make(&self, work: Work) -> Result<Comparison> {
        let runner = work.runner;
        match &self.place {
            Place::Here => work.make(),
            Place::Gpus(gpus) => {
                let children = Children::new(runner, &self.call, gpus, work.folder, work.options);
                elsewhere(work, &children).make()
            }
            Place::Slurm(submission) => {
                let (folder, options) = (&work.folder.path, work.options);
                let submit = |left: &[(Setting, u64)]| match left {
                    [] => Ok(None),
                    left => Slurm::submit(runner, &self.call, submission, folder, left, options)
                        .map(Some),
                };
                // What each loss takes is known when the trials are done: that is a second array.
                let tuned = match submit(&work.trials_left()?)? {
                    Some(slurm) => elsewhere(work.clone(), &slurm).tune()?,
                    None => work.tune()?,
                };
                match submit(&work.left(tuned.as_ref())?)? {
                    Some(slurm) => elsewhere(work, &slurm).compare(tuned),
                    None => work.compare(tuned),
                }
            }
        }
    }
}

/// `work` with its runs made by `runner`: how far they are is known only when they end.
fn elsewhere<'a>(work: Work<'a>, runner: &'a dyn Runner) -> Work<'a> {
    Work { runner, epochs: 0, examples: 0, ..work }
}

/// Takes the finished run in the folder `run` that another process has made, where it is a partner of those
/// that were taken before it. Where it is none it is not finished: the next call makes it again, as it does
/// here.
fn accept(runner: &dyn Runner, run: &Path) -> Result<()> {
    let accepted = runner.validate_partner(&RunFiles::at(run)?);
    if accepted.as_ref().is_err_and(|error| error.as_measure().is_some_and(MeasureError::is_work)) {
        let manifest = run.join(MANIFEST);
        fs::remove_file(&manifest).map_err(Error::output(&manifest))?;
    }
    accepted
}
