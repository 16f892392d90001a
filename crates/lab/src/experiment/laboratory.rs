//! [`Laboratory`]: makes the runs of a comparison by training networks on libtorch.

use std::sync::Arc;

use super::{Estimate, LabFiles, LabReader, Options, Recipe, run};
use crate::compare::{
    self, Content, Forecast, Monitor, Plan, RunDir, RunFiles, Runner, Setting, cores,
};
use crate::data::DataSet;
use crate::measure::Overlap;
use crate::{Result, Stop};

/// Trains the runs of `recipe` on `data` of that `content`.
pub(super) struct Laboratory<'a> {
    pub recipe: &'a Recipe,
    pub plan: &'a Plan,
    pub data: &'a Arc<DataSet>,
    pub content: Content,
    pub options: &'a Options<'a>,
}

impl Laboratory<'_> {
    /// How many threads libtorch has for a run.
    fn threads(&self) -> i32 {
        self.recipe.threads.get() as i32
    }

    /// A word for each attack of the recipe that another takes the place of, on images of two classes.
    fn attacks_in_others_place(&self) -> Result<Vec<String>> {
        let examples = &self.data.examples;
        match self.recipe.attack.as_ref().filter(|_| examples.are_images()) {
            Some(attack) => Ok(attack.on(examples.classes.len())?.1),
            None => Ok(Vec::new()),
        }
    }
}

impl Runner for Laboratory<'_> {
    fn most_at_once(&self) -> usize {
        // Of a GPU there is one, however many cores there are.
        match self.options.device.is_cuda() {
            true => 1,
            false => cores() / self.recipe.threads.get(),
        }
    }

    fn remarks(&self) -> compare::Result<Vec<String>> {
        let mut remarks = match self.options.remarks {
            true => self.data.remarks(),
            false => Vec::new(),
        };
        // Which classes a part lacks is a matter of the seeds: what is made of --data does not know them.
        remarks.extend(self.data.absent(&self.recipe.seeds)?);
        remarks.extend(self.attacks_in_others_place()?);
        Ok(remarks)
    }

    fn forecast(
        &self,
        setting: &Setting,
        seed: u64,
        runs: usize,
        jobs: usize,
    ) -> compare::Result<Forecast> {
        let run = self.recipe.run(setting, seed);
        let (data, device) = (self.data.clone(), self.options.device);
        let threads = self.threads();
        let estimate = Stop(self.options.runs.stop).leave(move || {
            // A thread of its own: libtorch's number of threads belongs to the thread that sets it.
            tch::set_num_threads(threads);
            Estimate::new(&run, &data, device, runs, jobs)
        })?;
        let mut notes = self.remarks()?;
        notes.push(estimate.to_string());
        Ok(Forecast { measuring: estimate.measuring, notes })
    }

    fn make(
        &self,
        setting: &Setting,
        seed: u64,
        dir: &RunDir,
        monitor: &dyn Monitor,
    ) -> compare::Result<()> {
        let _lock = dir.lock()?;
        if dir.finished(&self.plan.run(setting, seed)?, &self.content, &LabReader)? {
            // By another process, a moment ago.
            return Ok(());
        }
        // libtorch keeps the number of its threads for each thread that calls it.
        tch::set_num_threads(self.threads());
        let recipe = self.recipe.run(setting, seed);
        Ok(run(&recipe, self.data, &self.content, dir, self.options, monitor)?)
    }

    fn validate_partner(&self, files: &RunFiles) -> compare::Result<()> {
        // Runs of earlier versions read some tables in another way.
        if !self.data.columns.is_empty()
            && let Some(what) = files.reader()?.difference(self.data)
        {
            return Err(compare::Error::Request(format!(
                "{} read its table in another way, as an earlier version did: {what}; \
                 `compare --fresh` makes it anew",
                files.path().display()
            )));
        }
        Ok(())
    }

    fn overlap(&self, seed: u64) -> compare::Result<Option<Overlap>> {
        Ok(Some(self.data.overlap(seed)?))
    }
}
