//! The engine: trains one model with one loss, whatever the model, the data and the loss are.
//!
//! Everything it carries from step to step is in a [`Snapshot`], so that a training which was
//! stopped at any step goes on bit for bit.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use steepness::Criterion;
use tch::Tensor;

use super::state::{Snapshot, State, Sums};
use super::{Schedule, Sgd, checkpoint, predict};
use crate::data::{Batch, Source, order};
use crate::experiment::EpochMetrics;
use crate::measure::{self, Logits};
use crate::models::Model;
use crate::{Error, Result, durable};

/// Hears how a training goes.
pub trait Monitor: Sync {
    /// `epochs` of earlier ones were found done.
    fn resumed(&self, epochs: usize);
    /// An epoch ended.
    fn epoch(&self, metrics: &EpochMetrics);
    /// Something is not as it should be, but the work goes on.
    fn warning(&self, text: &str);
}

/// One training and all that it needs.
pub struct Training<'a> {
    /// The network, with its initial weights.
    pub model: &'a dyn Model,
    /// The loss.
    pub criterion: Criterion,
    /// The optimizer, at rest.
    pub optimizer: Sgd,
    /// The learning rate over the epochs.
    pub schedule: &'a Schedule,
    /// How many epochs.
    pub epochs: usize,
    /// Examples a step.
    pub batch: usize,
    /// Decides the order of the examples.
    pub seed: u64,
    /// What is learned from.
    pub train: &'a dyn Source,
    /// What chooses among epochs.
    pub validation: &'a dyn Source,
    /// The run directory: gets `metrics.jsonl` and `checkpoint/`.
    pub dir: &'a Path,
    /// Least time between two checkpoints; there is always one at the end.
    pub checkpoint_every: Duration,
}

/// What a training leaves behind.
#[derive(Debug)]
pub struct Trained {
    /// Every epoch.
    pub history: Vec<EpochMetrics>,
    /// The weights of the epoch with the highest validation accuracy, the earliest of equals.
    pub best: Vec<(String, Tensor)>,
    /// The weights after the last epoch.
    pub last: Vec<(String, Tensor)>,
    /// The loss, with what it carried from step to step.
    pub criterion: Criterion,
}

impl Training<'_> {
    /// Trains to the end, from the newest checkpoint in the run directory if there is one.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a checkpoint once `stop` is set; [`Error::Work`] before the
    /// update of a step whose logits or loss are not finite; files that cannot be written.
    pub fn run(mut self, stop: &AtomicBool, monitor: &dyn Monitor) -> Result<Trained> {
        let (mut state, mut best) = self.resume(monitor)?;
        let mut saved = Instant::now();
        let finished_before = state.epoch > self.epochs;
        write_log(&self.log(), &state.history)?;
        while state.epoch <= self.epochs {
            let order = order(self.train.len(), self.seed, state.epoch);
            let order = order.after(state.step * self.batch);
            let batches = self.train.batches(&order, self.batch)?;
            let lr = self.optimizer.lr() * self.schedule.factor(state.epoch);
            self.criterion.set_epoch(state.epoch, self.epochs);
            let mut clock = Instant::now();
            for batch in batches {
                self.step(&batch?, lr, &mut state)?;
                let stopped = stop.load(Ordering::Relaxed);
                if stopped || saved.elapsed() >= self.checkpoint_every {
                    state.sums.seconds += lap(&mut clock);
                    self.save(&state, &best)?;
                    saved = Instant::now();
                }
                if stopped {
                    return Err(Error::Interrupted);
                }
            }
            let (val_nll, val_accuracy) = self.validate(&state)?;
            state.sums.seconds += lap(&mut clock);
            let sums = std::mem::take(&mut state.sums);
            let metrics = epoch_metrics(state.epoch, lr, sums, val_nll, val_accuracy);
            append_log(&self.log(), &metrics)?;
            monitor.epoch(&metrics);
            state.history.push(metrics);
            if state.best_epoch() == Some(state.epoch) {
                best = self.model.weights().snapshot()?;
            }
            (state.epoch, state.step) = (state.epoch + 1, 0);
        }
        if !finished_before {
            self.save(&state, &best)?;
        }
        let last = self.model.weights().snapshot()?;
        Ok(Trained { history: state.history, best, last, criterion: self.criterion })
    }

    /// Where to go on: the newest checkpoint, or the beginning.
    fn resume(&mut self, monitor: &dyn Monitor) -> Result<(State, Vec<(String, Tensor)>)> {
        let weights = self.model.weights();
        let files = checkpoint::newest(&self.checkpoints(), &|text| monitor.warning(text))?;
        let Some(files) = files else {
            return Ok((State::start(self.criterion.state()), weights.snapshot()?));
        };
        let snapshot = Snapshot::from_files(&files)?;
        weights.restore(&snapshot.last)?;
        self.optimizer.restore(&snapshot.optimizer)?;
        self.criterion.set_state(snapshot.state.criterion);
        monitor.resumed(snapshot.state.history.len());
        Ok((snapshot.state, snapshot.best))
    }

    fn step(&mut self, batch: &Batch, lr: f64, state: &mut State) -> Result<()> {
        let place = |problem: String| {
            Error::Work(format!("epoch {}, step {}: {problem}", state.epoch, state.step + 1))
        };
        let logits = self.model.forward(&batch.inputs, true)?;
        let loss = self
            .criterion
            .forward_tch(&logits, &batch.targets)
            .map_err(|error| place(error.to_string()))?;
        let value = loss.f_double_value(&[])?;
        if !value.is_finite() {
            return Err(place(format!("the loss of the batch is {value}; nothing was updated")));
        }
        loss.f_backward()?;
        self.optimizer.step(self.model.weights().parameters(), lr)?;
        let labels = batch.labels()?;
        let examples = labels.numel() as i64;
        let hits = logits.f_argmax(-1, false)?.f_eq_tensor(&labels)?.f_sum(None)?;
        state.sums.correct += hits.f_int64_value(&[])?;
        state.sums.loss += value * examples as f64;
        state.sums.seen += examples;
        state.step += 1;
        state.steps += 1;
        Ok(())
    }

    /// Negative log-likelihood and accuracy on the validation part.
    fn validate(&self, state: &State) -> Result<(f64, f64)> {
        let predictions = predict(self.model, self.validation)?;
        let logits = Logits::new(&predictions.logits, predictions.classes).map_err(|error| {
            Error::Work(format!("validation after epoch {}: {error}", state.epoch))
        })?;
        let labels = &predictions.labels;
        Ok((measure::nll(logits, labels)?, measure::accuracy(logits, labels)?))
    }

    fn save(&self, state: &State, best: &[(String, Tensor)]) -> Result<()> {
        let share = |(name, tensor): &(String, Tensor)| (name.clone(), tensor.shallow_clone());
        let snapshot = Snapshot {
            state: State { criterion: self.criterion.state(), ..state.clone() },
            last: self.model.weights().snapshot()?,
            best: best.iter().map(share).collect(),
            optimizer: self.optimizer.velocities().iter().map(Tensor::shallow_clone).collect(),
        };
        checkpoint::save(&self.checkpoints(), state.steps, &snapshot.to_files()?)
    }

    fn checkpoints(&self) -> PathBuf {
        self.dir.join("checkpoint")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("metrics.jsonl")
    }
}

/// Seconds since the last call.
fn lap(clock: &mut Instant) -> f64 {
    let seconds = clock.elapsed().as_secs_f64();
    *clock = Instant::now();
    seconds
}

fn epoch_metrics(
    epoch: usize,
    lr: f64,
    sums: Sums,
    val_nll: f64,
    val_accuracy: f64,
) -> EpochMetrics {
    EpochMetrics {
        epoch,
        lr,
        train_loss: sums.loss / sums.seen as f64,
        train_accuracy: sums.correct as f64 / sums.seen as f64,
        val_nll,
        val_accuracy,
        seconds: sums.seconds,
    }
}

fn line(metrics: &EpochMetrics) -> String {
    serde_json::to_string(metrics).expect("numbers are JSON") + "\n"
}

/// Brings the log to what the checkpoint knows: no line twice, none torn.
fn write_log(path: &Path, history: &[EpochMetrics]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::output(folder))?;
    durable::write(path, history.iter().map(line).collect::<String>().as_bytes())
}

fn append_log(path: &Path, metrics: &EpochMetrics) -> Result<()> {
    let file = OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| file.write_all(line(metrics).as_bytes())).map_err(Error::output(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::augment::AugmentRecipe;
    use crate::data::{Batches, DataRecipe, Examples, Fractions, Inputs, Order, Parts, load};
    use crate::models::{CnnRecipe, ModelRecipe, build};
    use crate::train::SgdRecipe;
    use std::borrow::Cow;
    use std::hash::{Hash, Hasher};
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    const EPOCHS: usize = 3;

    /// Listens, and sets `stop` after so many steps.
    struct Witness {
        warnings: Mutex<Vec<String>>,
    }

    impl Monitor for Witness {
        fn resumed(&self, _epochs: usize) {}
        fn epoch(&self, _metrics: &EpochMetrics) {}
        fn warning(&self, text: &str) {
            self.warnings.lock().unwrap().push(text.to_owned());
        }
    }

    /// A source that sets `stop` when the batches of an epoch are asked for.
    struct StopAt<'a> {
        inner: &'a dyn Source,
        stop: &'a AtomicBool,
        epochs_left: AtomicUsize,
    }

    impl Source for StopAt<'_> {
        fn len(&self) -> usize {
            self.inner.len()
        }
        fn batches(&self, order: &Order, size: usize) -> Result<Batches<'_>> {
            if self.epochs_left.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.stop.store(true, Ordering::Relaxed);
            }
            self.inner.batches(order, size)
        }
    }

    struct Setup {
        train: Examples,
        validation: Examples,
        schedule: Schedule,
    }

    impl Setup {
        /// With everything that is drawn anew each epoch.
        fn augmented(seed: u64) -> Self {
            let recipe: AugmentRecipe = toml::from_str(
                "horizontal_flip = 0.5\nrand_augment = \"rand-m9-mstd0.5\"\n\
                 random_resized_crop = { size = 8, interpolation = \"random\" }\n\
                 color_jitter = { brightness = 0.4 }\n\
                 random_erasing = { probability = 0.5, mode = \"pixel\" }\n\
                 mix = { mixup = 0.8, cutmix = 1.0 }",
            )
            .unwrap();
            let Self { train, validation, schedule } = Self::new();
            let held_out: Cow<Examples> = Cow::Owned(validation);
            let parts = Parts { train, validation: held_out.clone(), test: held_out };
            let Parts { train, validation, .. } = recipe.parts(parts, seed).unwrap();
            Self { train, validation: validation.into_owned(), schedule }
        }

        fn new() -> Self {
            let shares = Fractions { validation: 0.2, test: 0.2 };
            let digits = load(&DataRecipe::Digits(shares)).unwrap().examples;
            Self {
                train: digits.select(&(0..200).collect::<Vec<_>>()),
                validation: digits.select(&(200..300).collect::<Vec<_>>()),
                schedule: Schedule::MultiStep { after: vec![2], factor: 0.1 },
            }
        }

        /// Trains with `spec`; stops in the first step of the epoch `stop_in`, counted from where
        /// it goes on.
        fn train(
            &self,
            dir: &Path,
            spec: &str,
            seed: u64,
            stop_in: usize,
        ) -> (Result<Trained>, Vec<String>) {
            tch::set_num_threads(1);
            let model = ModelRecipe::Cnn(CnnRecipe { channels: [4, 8] });
            let model = build(&model, &self.validation, seed).unwrap();
            let sgd = SgdRecipe { lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 1e-4 };
            let stop = AtomicBool::new(false);
            let source = self.train.source().unwrap();
            let source =
                StopAt { inner: &*source, stop: &stop, epochs_left: AtomicUsize::new(stop_in) };
            let training = Training {
                model: &*model,
                criterion: spec.parse::<steepness::Loss>().unwrap().criterion(10).unwrap(),
                optimizer: Sgd::new(&sgd, model.weights().parameters()),
                schedule: &self.schedule,
                epochs: EPOCHS,
                batch: 8,
                seed,
                train: &source,
                validation: &*self.validation.source().unwrap(),
                dir,
                checkpoint_every: Duration::from_secs(3600),
            };
            let witness = Witness { warnings: Mutex::default() };
            let trained = training.run(&stop, &witness);
            (trained, witness.warnings.into_inner().unwrap())
        }

        fn finish(&self, dir: &Path, spec: &str, seed: u64) -> Trained {
            self.train(dir, spec, seed, 0).0.unwrap()
        }
    }

    /// Everything but the wall-clock time; the weights as a digest of their bits.
    fn numbers(trained: &Trained) -> (Vec<EpochMetrics>, [u64; 2]) {
        let timeless = |epoch: &EpochMetrics| EpochMetrics { seconds: 0.0, ..epoch.clone() };
        let digest = |named: &[(String, Tensor)]| {
            let mut hasher = std::hash::DefaultHasher::new();
            let mut named: Vec<_> = named.iter().collect();
            named.sort_by_key(|(name, _)| name);
            for (name, tensor) in named {
                let values: Vec<f32> = tensor.flatten(0, -1).try_into().unwrap();
                let bits: Vec<u32> = values.into_iter().map(f32::to_bits).collect();
                (name, bits).hash(&mut hasher);
            }
            hasher.finish()
        };
        let weights = [digest(&trained.best), digest(&trained.last)];
        (trained.history.iter().map(timeless).collect(), weights)
    }

    #[test]
    fn training_learns_and_repeats_bit_for_bit() {
        let setup = Setup::new();
        let [a, b, c] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let first = setup.finish(a.path(), "ce", 1);
        assert!(first.history.last().unwrap().val_accuracy > 0.6, "{:?}", first.history);
        assert_eq!(first.history.len(), EPOCHS);
        assert!((first.history[2].lr - 0.005).abs() < 1e-12);
        assert_eq!(numbers(&first), numbers(&setup.finish(b.path(), "ce", 1)));
        assert_ne!(numbers(&first), numbers(&setup.finish(c.path(), "ce", 2)));
        let log = fs::read_to_string(a.path().join("metrics.jsonl")).unwrap();
        let lines: Vec<EpochMetrics> =
            log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, first.history);
    }

    #[test]
    fn a_stopped_training_goes_on_bit_for_bit() {
        let (plain, augmented) = (Setup::new(), Setup::augmented(3));
        for (setup, spec) in [(&plain, "ce"), (&plain, "el(le=0.5)"), (&augmented, "el(le=0.5)")] {
            let whole = tempfile::tempdir().unwrap();
            let whole = numbers(&setup.finish(whole.path(), spec, 3));
            let dir = tempfile::tempdir().unwrap();
            // Once in the first epoch, then after one more, then a step at a time.
            for stop_in in [1, 2, 1, 1] {
                let stopped = setup.train(dir.path(), spec, 3, stop_in).0;
                assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
            }
            assert_eq!(numbers(&setup.finish(dir.path(), spec, 3)), whole);
            // And once more, with nothing left to do.
            assert_eq!(numbers(&setup.finish(dir.path(), spec, 3)), whole);
        }
    }

    /// What `kill -9` leaves: a log that is ahead of the checkpoint and torn, a checkpoint half
    /// written, and here also a newest one that is damaged.
    #[test]
    fn a_killed_training_goes_on_bit_for_bit() {
        let setup = Setup::new();
        let whole = tempfile::tempdir().unwrap();
        let whole = numbers(&setup.finish(whole.path(), "ce", 4));
        let dir = tempfile::tempdir().unwrap();
        for stop_in in [2, 1] {
            assert!(setup.train(dir.path(), "ce", 4, stop_in).0.is_err());
        }
        let log = dir.path().join("metrics.jsonl");
        let ahead = fs::read_to_string(&log).unwrap().replace("\"epoch\":1", "\"epoch\":2");
        fs::write(&log, format!("{ahead}{ahead}{{\"epoch\":3,\"lr")).unwrap();
        let checkpoints = dir.path().join("checkpoint");
        let mut saved: Vec<_> =
            fs::read_dir(&checkpoints).unwrap().map(|entry| entry.unwrap().path()).collect();
        saved.sort();
        assert_eq!(saved.len(), 2);
        fs::write(saved[1].join("last.safetensors"), "torn").unwrap();
        fs::create_dir(checkpoints.join("step-000000099.part")).unwrap();
        let (trained, warnings) = setup.train(dir.path(), "ce", 4, 0);
        assert_eq!(numbers(&trained.unwrap()), whole);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("last.safetensors"), "{warnings:?}");
        assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), EPOCHS);
    }

    #[test]
    fn nan_stops_before_the_update() {
        let mut setup = Setup::new();
        let mut numbers = vec![0.5; setup.train.inputs.len()];
        numbers[64 * 150 + 35] = f32::NAN;
        setup.train.inputs = Inputs::Numbers(numbers);
        let dir = tempfile::tempdir().unwrap();
        let error = setup.train(dir.path(), "ce", 1, 0).0.unwrap_err();
        assert_eq!(error.exit_code(), 1);
        let message = error.to_string();
        assert!(message.starts_with("epoch 1, step "), "{message}");
        assert!(message.to_lowercase().contains("nan"), "{message}");
    }
}
