//! Attacks on a model that was trained: as part of its run, or on a finished run.

use serde_json::json;
use sha2::{Digest, Sha256};
use tch::{Device, Tensor};

use super::PartialFindings;
use crate::attack::{AttackRecipe, Outcome, Spec, Trial, curves};
use crate::data::Examples;
use crate::measure::RobustnessCurve;
use crate::models::{Mode, Model};
use crate::{Result, Stop, tensors};

/// Most examples that are attacked at a time, and examples that are in memory as a model sees them.
const ATTACKED: usize = 512;
const LOADED: usize = 2 * ATTACKED;

/// Most values that are attacked at a time, 512 images of MNIST: of larger images fewer, for their
/// activations have to fit into memory, and between two batches an attack can be stopped. A GPU has
/// both, memory and speed.
const VALUES: usize = ATTACKED * 28 * 28;
const VALUES_ON_GPU: usize = 16 * VALUES;

/// A prediction without its gradient takes about so much of one with it.
const FORWARD: f64 = 1.0 / 3.0;

/// What goes along with attacks on a model; nothing here changes what they find.
pub(super) struct AttackHooks<'a> {
    /// Ends them between two batches.
    pub stop: Stop<'a>,
    /// What an earlier call has found, and what this one finds: a folder, and all that decides but the
    /// attack and the examples.
    pub unfinished: (&'a PartialFindings, &'a str),
    /// Hears of each attack before it begins.
    pub begin: &'a dyn Fn(&Spec),
    /// Hears how many gradients of an example there were, or were found done before.
    pub passed: &'a dyn Fn(WorkDone),
}

/// Work that is done, in gradients of an example.
#[derive(Clone, Copy, Debug)]
pub(super) enum WorkDone {
    /// Just now.
    Now(f64),
    /// By an earlier call.
    Before(f64),
}

/// All `attacks` with the budgets of `recipe` on as many test examples as it says, so many at once
/// as fit into memory.
pub(super) fn attack_all(
    attacks: &[Spec],
    recipe: &AttackRecipe,
    model: &dyn Model,
    test: &Examples,
    seed: u64,
    along: &AttackHooks,
) -> Result<Vec<RobustnessCurve>> {
    // An attack is worked out on the CPU; only the model runs where it is.
    let device = model.weights().device();
    let forward = |inputs: &Tensor| -> Result<Tensor> {
        // Whatever the attack, it asks the model in each of its steps.
        along.stop.check()?;
        let logits = model.forward(&[inputs.f_to(device)?], Mode::Evaluate)?.f_to(Device::Cpu)?;
        let each = if inputs.requires_grad() { 1.0 } else { FORWARD };
        (along.passed)(WorkDone::Now(each * inputs.size()[0] as f64));
        Ok(logits)
    };
    let batch = at_a_time(test, device);
    let examples = recipe.examples.map_or(test.len(), |most| most.get().min(test.len()));
    let weights = Sha256::digest(tensors::encode(&model.weights().snapshot()?)?);
    let mut parts: Vec<Option<String>> = vec![None; examples.div_ceil(LOADED)];
    let mut outcomes: Vec<Outcome> = Vec::new();
    for spec in attacks {
        let attack = spec.attack();
        let grid = recipe.grid(attack.norm());
        (along.begin)(spec);
        let mut whole: Option<Outcome> = None;
        for (part, known) in parts.iter_mut().enumerate() {
            along.stop.check()?;
            let first = part * LOADED;
            let rows: Vec<usize> = (first..examples.min(first + LOADED)).collect();
            let part = test.select(&rows);
            let (inputs, labels) = (part.tensor()?, &part.labels);
            if known.is_none() {
                *known = Some(digest(&inputs, labels)?);
            }
            let (unfinished, run) = along.unfinished;
            let of = json!({
                "run": run,
                "version": env!("CARGO_PKG_VERSION"),
                "weights": format!("{weights:x}"),
                "device": format!("{device:?}"),
                "threads": tch::get_num_threads(),
                "attack": [spec.to_string(), attack.setting()],
                "epsilons": grid,
                "examples": known,
                "first": first,
                "seed": seed,
            })
            .to_string();
            let before = unfinished.get(&of);
            let outcome = match before.filter(|found| found.fits(budgets(grid), rows.len())) {
                Some(found) => {
                    let each = recipe.cost_of(spec);
                    (along.passed)(WorkDone::Before(each * rows.len() as f64));
                    Outcome::new(attack, grid, found)
                }
                None => {
                    let trial =
                        Trial { model: &forward, inputs: &inputs, labels, first, seed, batch };
                    let outcome = trial.meet(attack, grid)?;
                    unfinished.put(&of, outcome.found())?;
                    outcome
                }
            };
            match &mut whole {
                Some(whole) => whole.append(outcome),
                None => whole = Some(outcome),
            }
        }
        outcomes.extend(whole);
    }
    Ok(curves(&outcomes))
}

/// How many of the examples are attacked at a time.
pub(super) fn at_a_time(examples: &Examples, device: Device) -> usize {
    let values = if device.is_cuda() { VALUES_ON_GPU } else { VALUES };
    (values / examples.shape.values().max(1)).clamp(1, ATTACKED)
}

/// The budgets of an attack, 0 included.
fn budgets(grid: &[f64]) -> usize {
    1 + grid.iter().filter(|epsilon| **epsilon > 0.0).count()
}

/// Of the values of `inputs`, f32, and of `labels`.
fn digest(inputs: &Tensor, labels: &[i64]) -> Result<String> {
    let mut digest = Sha256::new();
    for value in Vec::<f32>::try_from(inputs.f_flatten(0, -1)?)? {
        digest.update(value.to_le_bytes());
    }
    labels.iter().for_each(|label| digest.update(label.to_le_bytes()));
    Ok(format!("{:x}", digest.finalize()))
}
