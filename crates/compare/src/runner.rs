//! [`Runner`]: what makes the runs of a comparison, which knows nothing else of how they train.

use super::{Monitor, RunDir, RunFiles, Setting};
use crate::Result;
use crate::measure::Overlap;

/// Makes one run, a setting with a seed, in its folder. Runs are made in several threads.
pub trait Runner: Sync {
    /// How many runs side by side this machine has room for.
    fn most_at_once(&self) -> usize;

    /// What there is to say of the data and of the recipe before the first run, lines for people.
    ///
    /// # Errors
    /// What stands in the way of all runs.
    fn remarks(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// How long `runs` take of which that of `setting` and `seed` is one, `jobs` at a time.
    ///
    /// # Errors
    /// What stands in the way of the run itself.
    fn forecast(&self, setting: &Setting, seed: u64, runs: usize, jobs: usize) -> Result<Forecast>;

    /// Makes the run of `setting` and `seed` in the folder `dir`, going on where an earlier call
    /// stopped; `monitor` hears how it goes.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::Error::Interrupted) where it was told to stop and has saved where
    /// it stands; what is in its way.
    fn make(&self, setting: &Setting, seed: u64, dir: &RunDir, monitor: &dyn Monitor)
    -> Result<()>;

    /// Refuses a finished run that is no partner of those that are made today.
    ///
    /// # Errors
    /// Says why.
    fn validate_partner(&self, files: &RunFiles) -> Result<()>;

    /// What the test part of `seed` has in common with those of others, for a run that does not say it;
    /// `None` where nobody knows.
    ///
    /// # Errors
    /// What is in the way of finding out.
    fn overlap(&self, seed: u64) -> Result<Option<Overlap>>;
}

/// What there is to say before the first run.
#[derive(Clone, Debug, Default)]
pub struct Forecast {
    /// As how many examples that are trained on measuring a run counts, by the time that it takes.
    pub measuring: f64,
    /// Lines for people.
    pub notes: Vec<String>,
}
