//! [`Attacks`] on finished runs: everything that can be wrong is looked at before the first of them.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::HumanDuration;
use tch::{Device, Tensor};

use super::attacked::{AttackHooks, WorkDone, at_a_time, attack_all};
use super::{LabFiles, PartialFindings, RunRecipe};
use crate::attack::{Attack, AttackRecipe, Clean, Pgd, Spec};
use crate::compare::report::AttackedRun;
use crate::compare::{RunFiles, Setting, swept_lr};
use crate::data::{DataRecipe, DataSet, Examples, load};
use crate::models::{Mode, Model};
use crate::words::several;
use crate::{Error, Result, Stop};

/// How long a model is watched to know how fast it is.
const MEASURED: Duration = Duration::from_millis(300);

/// Attacks on finished runs.
pub struct Attacks {
    recipe: AttackRecipe,
    targets: Vec<RunUnderAttack>,
    /// Each data set once.
    data: Vec<(DataRecipe, DataSet)>,
    words: Vec<String>,
    device: Device,
}

/// A run to be attacked.
struct RunUnderAttack {
    path: PathBuf,
    /// Where that is, whatever it is called.
    place: PathBuf,
    files: RunFiles,
    recipe: RunRecipe,
    setting: Setting,
    name: String,
    /// Which of the data sets, and how many of its test examples are attacked.
    data: usize,
    examples: usize,
    attacks: Vec<Spec>,
    notes: Vec<String>,
}

/// Which attack is under way, and how far all of them are.
#[derive(Clone, Copy, Debug)]
pub struct AttackStatus<'a> {
    /// The run.
    pub run: &'a Path,
    /// Its number, from 1, and how many there are.
    pub number: (usize, usize),
    /// The attack.
    pub attack: &'a str,
    /// Gradients of an example that all attacks take at most, those of what is done, and those of
    /// what an earlier call did.
    pub work: [f64; 3],
}

impl AttackStatus<'_> {
    /// The share of the work that is done.
    pub fn share(&self) -> f64 {
        self.work[1] / self.work[0]
    }

    /// "about 3 minutes left", after `elapsed`; nothing before there is anything to tell it from.
    pub fn left(&self, elapsed: Duration) -> String {
        let [all, done, before] = self.work;
        let each = elapsed.as_secs_f64() / (done - before);
        let left = Duration::try_from_secs_f64(each * (all - done).max(0.0)).ok();
        left.map_or_else(String::new, |left| format!("about {} left", HumanDuration(left)))
    }
}

impl Attacks {
    /// Those of `recipe` on the finished runs in the folders `paths`, on their test parts, with the
    /// models on `device` and so many `threads`. A run that is named twice, or a copy of another, is
    /// one run.
    ///
    /// # Errors
    /// What is no finished run, or none on images; attacks that need more classes than a run has; two
    /// runs of one recipe and seed that are not the same.
    pub fn new(
        paths: &[PathBuf],
        recipe: &AttackRecipe,
        device: Device,
        threads: usize,
    ) -> Result<Self> {
        tch::set_num_threads(threads as i32);
        let recipe = recipe.clone();
        let (targets, data, words) = (Vec::new(), Vec::new(), Vec::new());
        let mut attacks = Self { recipe, targets, data, words, device };
        for path in paths {
            if let Some(target) = attacks.target(path)? {
                for note in &target.notes {
                    if !attacks.words.contains(note) {
                        attacks.words.push(note.clone());
                    }
                }
                attacks.targets.push(target);
            }
        }
        attacks.name();
        Ok(attacks)
    }

    /// What there is to be said before they begin.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The folders of the runs, each once.
    pub fn runs(&self) -> impl Iterator<Item = &Path> {
        self.targets.iter().map(|target| &*target.path)
    }

    /// How many attacks there are, of all runs together.
    pub fn count(&self) -> usize {
        self.targets.iter().map(|target| target.attacks.len()).sum()
    }

    /// The run in the folder `path`, unless it is there already.
    fn target(&mut self, path: &Path) -> Result<Option<RunUnderAttack>> {
        let files = RunFiles::of_finished(path)?;
        let place = path.canonicalize().map_err(Error::input(path))?;
        if let Some(same) = self.targets.iter().find(|known| known.place == place) {
            let (path, same) = (path.display(), same.path.display());
            self.words.push(format!("{path} is the run {same}, which counts once"));
            return Ok(None);
        }
        self.words.extend(files.unverified());
        let recipe = files.recipe()?;
        if let Some(same) = self.targets.iter().find(|known| known.recipe == recipe) {
            let (path, other) = (path.display(), same.path.display());
            if !same_weights(&files, &same.files)? {
                return Err(Error::Request(format!(
                    "{path} and {other} are of one loss, recipe and seed and have other weights: two \
                     trainings of one seed are not two seeds; name one of them"
                )));
            }
            self.words.push(format!("{path} is a copy of the run {other}, which counts once"));
            return Ok(None);
        }
        if recipe.model.backbone().is_some() {
            return Err(Error::Request(format!(
                "{} learned on a frozen backbone, which attacks do not go through",
                path.display()
            )));
        }
        let known = self.data.iter().position(|(known, _)| *known == recipe.data);
        let data = match known {
            Some(data) => data,
            None => {
                self.data.push((recipe.data.clone(), load(&recipe.data)?));
                self.data.len() - 1
            }
        };
        files.verify_data(&recipe)?;
        let set = &self.data[data].1;
        if !set.examples.are_images() {
            return Err(Error::Request(format!(
                "{} was not trained on images: an attack within ε of a pixel means nothing to it",
                path.display()
            )));
        }
        let (attacks, notes) = self.recipe.on(set.examples.classes.len()).map_err(|error| {
            let problem = error.to_string();
            Error::Request(format!("{}: {problem}", path.display()))
        })?;
        let test = set.parts(recipe.seed)?.test.len();
        let examples = self.recipe.examples.map_or(test, |most| most.get().min(test));
        let setting = Setting { lr: swept_lr(path), ..recipe.loss.clone().into() };
        let name = setting.to_string();
        let path = path.to_owned();
        let target = RunUnderAttack {
            path,
            place,
            files,
            recipe,
            setting,
            name,
            data,
            examples,
            attacks,
            notes,
        };
        Ok(Some(target))
    }

    /// Gives runs that are seeds of one setting one name, and others another: that of their comparison
    /// where the setting alone does not tell.
    fn name(&mut self) {
        let of: Vec<RunRecipe> =
            self.targets.iter().map(|target| seedless(&target.recipe)).collect();
        let named = |target: &RunUnderAttack| match comparison(target) {
            Some(folder) => format!("{}, {}", target.setting, folder.display()),
            None => format!("{}, {}", target.setting, target.path.display()),
        };
        let alone = |at: usize, names: &dyn Fn(&RunUnderAttack) -> String| {
            let name = names(&self.targets[at]);
            let mut others = self.targets.iter().zip(&of);
            others.all(|(other, recipe)| *recipe == of[at] || names(other) != name)
        };
        let names: Vec<String> = (0..of.len())
            .map(|at| {
                let target = &self.targets[at];
                if alone(at, &|target| target.setting.to_string()) {
                    return target.setting.to_string();
                }
                match alone(at, &named) {
                    true => named(target),
                    false => format!("{}, {}", target.setting, target.path.display()),
                }
            })
            .collect();
        self.targets.iter_mut().zip(names).for_each(|(target, name)| target.name = name);
    }

    /// "about 12 minutes for 33 attacks on 3 runs", from a few steps of the first model.
    ///
    /// # Errors
    /// What stands in the way of the attacks themselves.
    pub fn estimate(&self) -> Result<String> {
        let seconds =
            self.work() * self.targets.first().map_or(Ok(0.0), |first| self.speed(first))?;
        let time = Duration::try_from_secs_f64(seconds.max(1.0)).unwrap_or(Duration::MAX);
        let (attacks, runs) = (self.count(), self.targets.len());
        Ok(format!(
            "about {} for {} on {} (guessed from a few steps: it may be half or twice that)",
            HumanDuration(time),
            several(attacks, "attack"),
            several(runs, "run")
        ))
    }

    /// Seconds that a step of an attack on one example takes.
    fn speed(&self, target: &RunUnderAttack) -> Result<f64> {
        let (model, test) = self.open(target)?;
        let forward = |inputs: &Tensor| -> Result<Tensor> {
            let inputs = inputs.f_to(self.device)?;
            Ok(model.forward(&[inputs], Mode::Evaluate)?.f_to(Device::Cpu)?)
        };
        let batch = at_a_time(&test, self.device).min(target.examples);
        let numbers: Vec<usize> = (0..batch).collect();
        let part = test.select(&numbers);
        let (inputs, labels) = (part.tensor()?, Tensor::f_from_slice(&part.labels)?);
        let clean = Clean { inputs: &inputs, labels: &labels, numbers: &numbers, seed: 0 };
        let step = Pgd { steps: 1, random_start: false, ..Pgd::default() };
        // The first one allocates.
        let _ = step.perturb(&forward, &clean, 0.1)?;
        let (start, mut steps) = (Instant::now(), 0.0);
        while steps < 1.0 || start.elapsed() < MEASURED {
            let _ = step.perturb(&forward, &clean, 0.1)?;
            steps += 1.0;
        }
        Ok(start.elapsed().as_secs_f64() / (steps * batch as f64))
    }

    /// Makes all of them. What is found goes to `unfinished` part by part,
    /// and is taken from there where an earlier call was interrupted; `watch` hears how far they are.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once `stop` is set; what an attack refuses.
    pub fn run(
        &self,
        stop: Stop,
        unfinished: &PartialFindings,
        watch: &dyn Fn(&AttackStatus),
    ) -> Result<Vec<AttackedRun>> {
        let all = self.work();
        // What was planned for the attacks that are done; of the one under way; what was done before.
        let [past, now, before] = [0f64; 3].map(Cell::new);
        let each = self.targets.iter().enumerate().map(|(at, target)| {
            let (model, test) = self.open(target)?;
            let (planned, attack) = (Cell::new(0f64), RefCell::new(String::new()));
            let tell = || {
                watch(&AttackStatus {
                    run: &target.path,
                    number: (at + 1, self.targets.len()),
                    attack: &attack.borrow(),
                    work: [all, past.get() + now.get().min(planned.get()), before.get()],
                });
            };
            let begin = |spec: &Spec| {
                past.set(past.get() + planned.get());
                planned.set(self.recipe.cost_of(spec) * target.examples as f64);
                now.set(0.0);
                attack.replace(spec.attack().name());
                tell();
            };
            let passed = |passed: WorkDone| {
                let (WorkDone::Now(gradients) | WorkDone::Before(gradients)) = passed;
                if let WorkDone::Before(gradients) = passed {
                    before.set(before.get() + gradients);
                }
                now.set(now.get() + gradients);
                tell();
            };
            let run = target.recipe.to_toml();
            let along = AttackHooks {
                stop,
                unfinished: (unfinished, &run),
                begin: &begin,
                passed: &passed,
            };
            let seed = target.recipe.seed;
            let curves = attack_all(&target.attacks, &self.recipe, &*model, &test, seed, &along)?;
            past.set(past.get() + planned.get());
            now.set(0.0);
            Ok(AttackedRun {
                run: target.path.clone(),
                name: target.name.clone(),
                setting: target.setting.clone(),
                seed,
                curves,
                notes: target.notes.clone(),
            })
        });
        each.collect()
    }

    /// The model of a run with its weights, and its test part.
    fn open(&self, target: &RunUnderAttack) -> Result<(Box<dyn Model>, Examples)> {
        let run = &target.recipe;
        let parts = run.augment.parts(self.data[target.data].1.parts(run.seed)?, run.seed)?;
        let model = target.files.model(run, &parts.train.spec())?;
        model.weights().move_to(self.device)?;
        Ok((model, parts.test.into_owned()))
    }

    /// Gradients of an example that all attacks take at most.
    fn work(&self) -> f64 {
        let of =
            |target: &RunUnderAttack| self.recipe.cost(&target.attacks) * target.examples as f64;
        self.targets.iter().map(of).sum()
    }
}

/// What all seeds of a setting have in common.
fn seedless(recipe: &RunRecipe) -> RunRecipe {
    RunRecipe { seed: 0, ..recipe.clone() }
}

/// The folder of the comparison that a run is part of.
fn comparison(target: &RunUnderAttack) -> Option<&Path> {
    let setting = target.path.parent()?;
    let loss = if target.setting.lr.is_some() { setting.parent()? } else { setting };
    loss.parent().filter(|folder| !folder.as_os_str().is_empty())
}

fn same_weights(one: &RunFiles, other: &RunFiles) -> Result<bool> {
    let (one, other) = (one.weights()?, other.weights()?);
    // The file keeps no order.
    let same = |(name, tensor): &(String, Tensor)| {
        let twin = other.iter().find(|(twin, _)| twin == name);
        twin.is_some_and(|(_, twin)| tensor.size() == twin.size() && tensor.equal(twin))
    };
    Ok(one.len() == other.len() && one.iter().all(same))
}
