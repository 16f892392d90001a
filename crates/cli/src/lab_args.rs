//! How the laboratory trains, which changes no result but last digits: for `compare` and for `run-one`, which
//! is handed on what was said to the former.

use std::time::Duration;

use steepness_lab::Result;
use steepness_lab::experiment::{self, Options};

/// Options of its trainings.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// Where the models run: auto (a GPU where libtorch finds one), cpu, cuda or cuda:1
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,

    /// Seconds that pass at least between two checkpoints of a training
    ///
    /// What a kill or a power cut costs at most. Changes no result.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = crate::numbers::seconds, allow_negative_numbers = true)]
    checkpoint_every: u32,

    /// Write event files for TensorBoard into the folders of the runs
    ///
    /// `tensorboard --logdir DIR` draws them. Runs that are finished already get none.
    #[arg(long)]
    pub tensorboard: bool,
}

impl Args {
    /// How `runs` are trained.
    ///
    /// # Errors
    /// A device that is not there.
    pub fn options<'a>(&self, runs: steepness_compare::Options<'a>) -> Result<Options<'a>> {
        Ok(Options {
            runs,
            device: experiment::device(&self.device)?,
            checkpoint_every: Duration::from_secs(self.checkpoint_every.into()),
            tensorboard: self.tensorboard,
            remarks: false,
        })
    }

    /// Refuses a device that is not there.
    ///
    /// # Errors
    /// As [`Args::options`].
    pub fn validate_device(&self) -> Result<()> {
        experiment::device(&self.device).map(drop)
    }

    /// The same for `run-one`, in which a run that has a GPU to itself uses it, or fails.
    pub fn words(&self, has_gpu: bool) -> Vec<String> {
        let device = match self.device.as_str() {
            "auto" if has_gpu => "cuda",
            device => device,
        };
        let every = format!("--checkpoint-every={}", self.checkpoint_every);
        let tensorboard = self.tensorboard.then(|| "--tensorboard".to_owned());
        [format!("--device={device}"), every].into_iter().chain(tensorboard).collect()
    }
}
