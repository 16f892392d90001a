//! Attacks on a model that was trained: as part of its run, or on a finished run.

use std::path::Path;

use tch::{Device, Tensor};

use super::{RunFiles, Setting};
use crate::attack::{AttackRecipe, Outcome, Trial, curves};
use crate::data::{Examples, load};
use crate::measure::RobustnessCurve;
use crate::models::{Mode, Model};
use crate::{Error, Result};

/// Examples attacked at a time, and examples that are in memory as a model sees them.
const ATTACKED: usize = 512;
const LOADED: usize = 2 * ATTACKED;

/// What attacks did to one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Attacked {
    /// What was trained.
    pub setting: Setting,
    /// Its seed.
    pub seed: u64,
    /// Accuracy under each attack.
    pub curves: Vec<RobustnessCurve>,
}

impl Attacked {
    /// Attacks the finished run in the folder `path` on its test part, with the model on `device` and
    /// so many `threads`. Before each attack `begin` hears its name.
    ///
    /// # Errors
    /// What is no finished run; a run on a table; what [`Trial::meet`] refuses.
    pub fn new(
        path: &Path,
        recipe: &AttackRecipe,
        device: Device,
        threads: usize,
        begin: &dyn Fn(&str),
    ) -> Result<Self> {
        tch::set_num_threads(threads as i32);
        let files = RunFiles::of_finished(path)?;
        let run = files.recipe()?;
        let data = load(&run.data)?;
        files.check_data(&run)?;
        let parts = run.augment.parts(data.parts(run.seed)?, run.seed)?;
        if !parts.test.inputs.are_images() {
            return Err(Error::Request(format!(
                "{} was not trained on images: an attack within ε of a pixel means nothing to it",
                path.display()
            )));
        }
        let model = files.model(&run, &parts.train)?;
        model.weights().move_to(device)?;
        let curves = attack_all(recipe, &*model, &parts.test, run.seed, begin)?;
        let setting = Setting { lr: swept_lr(path), ..run.loss.into() };
        Ok(Self { setting, seed: run.seed, curves })
    }
}

/// The learning rate in the name of the folder that the run's is in, if it was swept.
pub(super) fn swept_lr(path: &Path) -> Option<f64> {
    let folder = path.canonicalize().ok()?;
    folder.parent()?.file_name()?.to_str()?.strip_prefix("lr=")?.parse().ok()
}

/// All attacks of `recipe` on as many test examples as it says, so many at once as fit into memory.
pub(super) fn attack_all(
    recipe: &AttackRecipe,
    model: &dyn Model,
    test: &Examples,
    seed: u64,
    begin: &dyn Fn(&str),
) -> Result<Vec<RobustnessCurve>> {
    // An attack is worked out on the CPU; only the model runs where it is.
    let device = model.weights().device();
    let forward = |inputs: &Tensor| -> Result<Tensor> {
        Ok(model.forward(&[inputs.f_to(device)?], Mode::Evaluate)?.f_to(Device::Cpu)?)
    };
    let examples = recipe.examples.map_or(test.len(), |most| most.get().min(test.len()));
    let mut outcomes: Vec<Outcome> = Vec::new();
    for spec in recipe.attacks() {
        let attack = spec.attack();
        begin(&attack.name());
        let mut whole: Option<Outcome> = None;
        for first in (0..examples).step_by(LOADED) {
            let rows: Vec<usize> = (first..examples.min(first + LOADED)).collect();
            let part = test.select(&rows);
            let inputs = part.tensor()?;
            let labels = &part.labels;
            let trial =
                Trial { model: &forward, inputs: &inputs, labels, first, seed, batch: ATTACKED };
            let outcome = trial.meet(attack, recipe.grid(attack.norm()))?;
            match &mut whole {
                Some(whole) => whole.append(outcome),
                None => whole = Some(outcome),
            }
        }
        outcomes.extend(whole);
    }
    Ok(curves(&outcomes))
}
