//! [`Single`]: one run of a comparison, made alone, whoever makes others beside it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::status::{self, State, Status};
use crate::layout::MARKER;
use crate::monitor::SilentMonitor;
use crate::{Content, Error, Plan, RecipeReader, Result, RunDir, Runner, Setting, folder_content};

/// What a run is made by and of; see [`Work`](crate::Work).
pub struct Single<'a> {
    /// The comparison's folder.
    pub out: &'a Path,
    /// Its recipe.
    pub plan: &'a Plan,
    /// Who reads what is there.
    pub reader: &'a dyn RecipeReader,
    /// Who makes the run.
    pub runner: &'a dyn Runner,
    /// The content of the data as they are now.
    pub content: &'a Content,
    /// Set from outside to stop.
    pub stop: &'a AtomicBool,
}

impl Single<'_> {
    /// Makes the run of the setting that prints as `setting` and of `seed`, unless it is finished, and says
    /// in its folder how it stands; returns whether it was still to be made.
    ///
    /// # Errors
    /// A setting or a seed that the comparison has not, data that are not the comparison's, a run that
    /// another process makes; what stands in the way of the run itself.
    pub fn make(&self, setting: &str, seed: u64) -> Result<bool> {
        let Self { out, plan, content, .. } = *self;
        let refuse = |problem: String| {
            Err(Error::Request(format!("{}: {problem}", out.join(MARKER).display())))
        };
        let settings = plan.possible()?;
        let Some(setting) = settings.iter().find(|one| one.to_string() == setting) else {
            let all: Vec<String> = settings.iter().map(Setting::to_string).collect();
            return refuse(format!("there is no {setting:?}; there are {}", all.join("; ")));
        };
        if !plan.has_seed(seed) {
            return refuse(format!("the seed {seed} is none of the comparison"));
        }
        let dir = RunDir::new(out, setting, seed);
        let made = self.unless_finished(&dir, || {
            if let Some(known) = folder_content(out)?.filter(|known| !known.is_same(content)) {
                return refuse(format!(
                    "made of other files: {}",
                    known.differences(content).join("; ")
                ));
            }
            if dir.finished(&plan.run(setting, seed)?, &content.brief(), self.reader)? {
                return Ok(false);
            }
            self.runner.make(setting, seed, &dir, &SilentMonitor).map(|()| true)
        });
        made.map_err(|error| error.broken_off_at(format!("{setting}, seed {seed}: ")))
    }

    /// Has `make` make the run in `dir`, and says there how it goes.
    fn unless_finished(&self, dir: &RunDir, make: impl FnOnce() -> Result<bool>) -> Result<bool> {
        // What another process makes, it tells itself.
        drop(dir.lock()?);
        let run = dir.path();
        Status::now(State::Running).write(run)?;
        let made = make();
        match &made {
            Ok(_) => status::forget(run)?,
            // Whoever ends us may have ended first what we wait for.
            Err(error) if error.is_interrupted() || self.stop.load(Ordering::Relaxed) => {
                Status::now(State::Stopped).write(run)?;
            }
            Err(error) => {
                let (problem, code) = (error.whole(), error.exit_code());
                Status::now(State::Failed { problem, code }).write(run)?;
            }
        }
        made
    }
}
