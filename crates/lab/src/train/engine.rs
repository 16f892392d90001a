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
use super::{Ema, Moment, Optimizer, Schedule, Update, Warmup, checkpoint, gradient, predict};
use crate::data::{Batch, Source, order};
use crate::experiment::EpochMetrics;
use crate::measure::{self, Logits};
use crate::models::{Mode, Model};
use crate::{Error, Result, durable};

/// How many times as long as it took to save a checkpoint passes at least until the next one.
const CHECKPOINT_SHARE: u32 = 20;

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
    pub optimizer: Optimizer,
    /// What happens around its steps.
    pub update: &'a Update,
    /// The learning rate over the training.
    pub schedule: &'a Schedule,
    /// How it rises before that.
    pub warmup: Option<&'a Warmup>,
    /// How many epochs.
    pub epochs: usize,
    /// Examples that go through the model at a time.
    pub batch: usize,
    /// Decides the order of the examples, and what the model draws while training.
    pub seed: u64,
    /// What is learned from.
    pub train: &'a dyn Source,
    /// What chooses among epochs.
    pub validation: &'a dyn Source,
    /// Ends the training after so many epochs without a better validation accuracy.
    pub patience: Option<usize>,
    /// The run directory: gets `metrics.jsonl` and `checkpoint/`.
    pub dir: &'a Path,
    /// Least time between two checkpoints; there is always one at the end.
    pub checkpoint_every: Duration,
}

/// What a training leaves behind. With a moving average of the weights, they are that average.
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

/// Where a training stands, with its tensors that are neither the model's nor the optimizer's.
struct Course {
    state: State,
    /// The weights of the best epoch.
    best: Vec<(String, Tensor)>,
    ema: Option<Ema>,
}

impl Training<'_> {
    /// Trains to the end, from the newest checkpoint in the run directory if there is one.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a checkpoint once `stop` is set; [`Error::Work`] before the
    /// update of a step whose logits, loss or gradient are not finite; files that cannot be written.
    pub fn run(mut self, stop: &AtomicBool, monitor: &dyn Monitor) -> Result<Trained> {
        let mut course = self.resume(monitor)?;
        let (mut saved, mut pause) = (Instant::now(), self.checkpoint_every);
        let device = self.model.weights().device();
        let finished_before = self.ended(&course.state);
        write_log(&self.log(), &course.state.history)?;
        while !self.ended(&course.state) {
            let epoch = course.state.epoch;
            let order = order(self.train.len(), self.seed, epoch);
            let size = self.update.accumulate.get();
            let done = course.state.step.saturating_mul(size).saturating_mul(self.batch);
            let mut batches = self.train.batches(&order.after(done), self.batch)?;
            self.criterion.set_epoch(epoch, self.epochs);
            let mut clock = Instant::now();
            loop {
                let next = batches.by_ref().take(size);
                let batches: Vec<Batch> =
                    next.map(|batch| batch?.to(device)).collect::<Result<_>>()?;
                if batches.is_empty() {
                    break;
                }
                self.step(&batches, &mut course)?;
                let stopped = stop.load(Ordering::Relaxed);
                if stopped || saved.elapsed() >= pause {
                    course.state.sums.seconds += lap(&mut clock);
                    let start = Instant::now();
                    self.save(&course)?;
                    saved = Instant::now();
                    // A large network takes seconds to save: that is not to rule the training.
                    pause = self.checkpoint_every.max(CHECKPOINT_SHARE * (saved - start));
                }
                if stopped {
                    return Err(Error::Interrupted);
                }
            }
            let (val_nll, val_accuracy) = match &course.ema {
                Some(ema) => ema.during(self.model.weights(), || self.validate(epoch))?,
                None => self.validate(epoch)?,
            };
            let state = &mut course.state;
            state.sums.seconds += lap(&mut clock);
            let lr = self.lr(epoch, state.steps.saturating_sub(1));
            let metrics = epoch_metrics(state, lr, val_nll, val_accuracy);
            append_log(&self.log(), &metrics)?;
            monitor.epoch(&metrics);
            state.sums = Sums::default();
            state.history.push(metrics);
            (state.epoch, state.step) = (epoch + 1, 0);
            if state.best_epoch() == Some(epoch) {
                course.best = self.measured(&course)?;
            }
        }
        if !finished_before {
            self.save(&course)?;
        }
        let last = self.measured(&course)?;
        let Course { state, best, .. } = course;
        Ok(Trained { history: state.history, best, last, criterion: self.criterion })
    }

    /// Whether no epoch is to come.
    fn ended(&self, state: &State) -> bool {
        let lost = self.patience.is_some_and(|patience| state.epochs_since_best() >= patience);
        lost || state.epoch > self.epochs
    }

    /// Where to go on: the newest checkpoint, or the beginning.
    fn resume(&mut self, monitor: &dyn Monitor) -> Result<Course> {
        let weights = self.model.weights();
        let ema = self.update.ema.map(|decay| Ema::new(decay, weights)).transpose()?;
        let files = checkpoint::newest(&self.checkpoints(), &|text| monitor.warning(text))?;
        let Some(files) = files else {
            let state = State::start(self.criterion.state());
            return Ok(Course { state, best: weights.snapshot()?, ema });
        };
        let snapshot = Snapshot::from_files(&files)?;
        weights.restore(&snapshot.last)?;
        let mut course = Course { state: snapshot.state, best: snapshot.best, ema };
        if let Some(ema) = &mut course.ema {
            ema.restore(&snapshot.ema.unwrap_or_default())?;
        }
        self.optimizer.restore(&snapshot.optimizer)?;
        self.criterion.set_state(course.state.criterion);
        monitor.resumed(course.state.history.len());
        Ok(course)
    }

    /// The learning rate in `epoch`, after so many `steps`.
    fn lr(&self, epoch: usize, steps: u64) -> f64 {
        let now = Moment { epoch, epochs: self.epochs, steps };
        let rising = self.warmup.and_then(|warmup| warmup.factor(now));
        self.optimizer.lr() * rising.unwrap_or_else(|| self.schedule.factor(now))
    }

    /// One step of the optimizer, by the mean loss over all of `batches`.
    fn step(&mut self, batches: &[Batch], course: &mut Course) -> Result<()> {
        let state = &mut course.state;
        let (epoch, step) = (state.epoch, state.step + 1);
        let place = |problem: String| Error::Work(format!("epoch {epoch}, step {step}: {problem}"));
        let all: usize = batches.iter().map(|batch| batch.targets.numel()).sum();
        let first = state.steps.wrapping_mul(self.update.accumulate.get() as u64);
        for (pass, batch) in (first..).zip(batches) {
            let mode = Mode::Train { seed: self.seed, pass };
            let logits = self.model.forward(&batch.inputs, mode)?;
            let loss = self
                .criterion
                .forward_tch(&logits, &batch.targets)
                .map_err(|error| place(error.to_string()))?;
            let value = loss.f_double_value(&[])?;
            if !value.is_finite() {
                return Err(place(format!(
                    "the loss of the batch is {value}; nothing was updated"
                )));
            }
            // As many shares of classes an example as `all` counts, where examples are mixed.
            loss.f_mul_scalar(batch.targets.numel() as f64 / all as f64)?.f_backward()?;
            let labels = batch.labels()?;
            let examples = labels.numel();
            let hits = logits.f_argmax(-1, false)?.f_eq_tensor(&labels)?.f_sum(None)?;
            state.sums.correct += hits.f_int64_value(&[])?;
            state.sums.loss += value * examples as f64;
            state.sums.seen += examples as i64;
        }
        let weights = self.model.weights();
        let norm = gradient::norm(weights.parameters())?;
        if !norm.is_finite() {
            return Err(place(format!("the norm of the gradient is {norm}; nothing was updated")));
        }
        if let Some(limit) = self.update.clip_norm {
            gradient::clip(weights.parameters(), norm, limit)?;
        }
        let lr = self.lr(epoch, course.state.steps);
        self.optimizer.step(weights.parameters(), lr, course.state.steps + 1)?;
        if let Some(ema) = &mut course.ema {
            ema.follow(weights)?;
        }
        course.state.sums.grad_norm += norm;
        course.state.step += 1;
        course.state.steps += 1;
        Ok(())
    }

    /// A copy of the weights that are measured.
    fn measured(&self, course: &Course) -> Result<Vec<(String, Tensor)>> {
        match &course.ema {
            Some(ema) => Ok(copy(ema.average())),
            None => self.model.weights().snapshot(),
        }
    }

    /// Negative log-likelihood and accuracy on the validation part.
    fn validate(&self, epoch: usize) -> Result<(f64, f64)> {
        let predictions = predict(self.model, self.validation)?;
        let logits = Logits::new(&predictions.logits, predictions.classes)
            .map_err(|error| Error::Work(format!("validation after epoch {epoch}: {error}")))?;
        let labels = &predictions.labels;
        Ok((measure::nll(logits, labels)?, measure::accuracy(logits, labels)?))
    }

    fn save(&self, course: &Course) -> Result<()> {
        let state = &course.state;
        let snapshot = Snapshot {
            state: State { criterion: self.criterion.state(), ..state.clone() },
            last: self.model.weights().snapshot()?,
            best: share(&course.best),
            ema: course.ema.as_ref().map(|ema| share(ema.average())),
            optimizer: self.optimizer.carried(),
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

/// The same tensors once more.
fn share(named: &[(String, Tensor)]) -> Vec<(String, Tensor)> {
    named.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
}

/// Copies of the tensors.
fn copy(named: &[(String, Tensor)]) -> Vec<(String, Tensor)> {
    named.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect()
}

/// What is logged of the epoch that `state` has come to the end of.
fn epoch_metrics(state: &State, lr: f64, val_nll: f64, val_accuracy: f64) -> EpochMetrics {
    let sums = &state.sums;
    EpochMetrics {
        epoch: state.epoch,
        lr,
        train_loss: sums.loss / sums.seen as f64,
        train_accuracy: sums.correct as f64 / sums.seen as f64,
        grad_norm: sums.grad_norm / state.step as f64,
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
    use crate::models::{ModelRecipe, build};
    use crate::train::OptimizerRecipe;
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
        batch: usize,
        patience: Option<usize>,
        /// What they are trained with, as a recipe says it.
        how: How,
    }

    #[derive(Clone, serde::Deserialize)]
    struct How {
        model: ModelRecipe,
        optimizer: OptimizerRecipe,
        schedule: Schedule,
        #[serde(default)]
        update: Update,
        warmup: Option<Warmup>,
    }

    const SGD: &str = "
        model.cnn.channels = [4, 8]
        optimizer.sgd = { lr = 0.05, momentum = 0.9, nesterov = true, weight_decay = 1e-4 }
        schedule.multi-step = { after = [2], factor = 0.1 }";

    impl Setup {
        /// With images that are different each epoch.
        fn augmented(self, seed: u64) -> Self {
            let recipe: AugmentRecipe = toml::from_str(
                "horizontal_flip = 0.5\nrand_augment = \"rand-m9-mstd0.5\"\n\
                 random_resized_crop = { size = 8, interpolation = \"random\" }\n\
                 color_jitter = { brightness = 0.4 }\n\
                 random_erasing = { probability = 0.5, mode = \"pixel\" }\n\
                 mix = { mixup = 0.8, cutmix = 1.0 }",
            )
            .unwrap();
            let Self { train, validation, .. } = self;
            let held_out: Cow<Examples> = Cow::Owned(validation);
            let parts = Parts { train, validation: held_out.clone(), test: held_out };
            let Parts { train, validation, .. } = recipe.parts(parts, seed).unwrap();
            Self { train, validation: validation.into_owned(), ..self }
        }

        fn new() -> Self {
            Self::with(SGD)
        }

        fn with(how: &str) -> Self {
            let shares = Fractions { validation: 0.2, test: 0.2 };
            let digits = load(&DataRecipe::Digits(shares)).unwrap().examples;
            Self {
                train: digits.select(&(0..200).collect::<Vec<_>>()),
                validation: digits.select(&(200..300).collect::<Vec<_>>()),
                batch: 8,
                patience: None,
                how: toml::from_str(how).unwrap(),
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
            let model = build(&self.how.model, &self.validation, seed).unwrap();
            let parameters = model.weights().parameters();
            let stop = AtomicBool::new(false);
            let source = self.train.source().unwrap();
            let source =
                StopAt { inner: &*source, stop: &stop, epochs_left: AtomicUsize::new(stop_in) };
            let training = Training {
                model: &*model,
                criterion: spec.parse::<steepness::Loss>().unwrap().criterion(10).unwrap(),
                optimizer: Optimizer::new(&self.how.optimizer, parameters).unwrap(),
                update: &self.how.update,
                schedule: &self.how.schedule,
                warmup: self.how.warmup.as_ref(),
                epochs: EPOCHS,
                batch: self.batch,
                seed,
                train: &source,
                validation: &*self.validation.source().unwrap(),
                patience: self.patience,
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

    /// Trains `setup` as a whole and again with interruptions: the same numbers have to come out.
    fn assert_resumes(setup: &Setup, spec: &str) {
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

    #[test]
    fn a_stopped_training_goes_on_bit_for_bit() {
        let setup = Setup::new();
        for spec in ["ce", "el(le=0.5)"] {
            assert_resumes(&setup, spec);
        }
    }

    #[test]
    fn augmented_training_goes_on_bit_for_bit() {
        assert_resumes(&Setup::new().augmented(3), "el(le=0.5)");
    }

    #[test]
    fn every_optimizer_goes_on_bit_for_bit() {
        for optimizer in [
            "adam = { lr = 0.001, weight_decay = 1e-4 }",
            "adamw = { lr = 0.001, weight_decay = 0.1, weight_decay_on = 'kernels' }",
            "rmsprop = { lr = 0.001, momentum = 0.9 }",
        ] {
            let how = format!(
                "optimizer.{optimizer}\nmodel.cnn.channels = [4, 8]\nschedule.cosine = {{}}"
            );
            assert_resumes(&Setup::with(&how), "ce");
        }
    }

    /// Dropout, drop path, running moments, accumulated batches, warm-up and the moving average.
    #[test]
    fn all_that_a_training_carries_goes_on_bit_for_bit() {
        let mut setup = Setup::with(
            "model.efficientnet-b0 = { variant = 'timm' }
             optimizer.rmsprop = { lr = 0.001, momentum = 0.9, weight_decay = 1e-5 }
             schedule.exponential = { factor = 0.97, every = 2.4 }
             update = { accumulate = 2, clip_norm = 1.0, ema = 0.9 }
             warmup = { steps = 5, from = 0.1 }",
        );
        setup.train = setup.train.select(&(0..40).collect::<Vec<_>>());
        assert_resumes(&setup, "ce");
    }

    /// Two batches of 8 are one of 16, for a loss that is a mean and a model whose examples do not
    /// see each other.
    #[test]
    fn accumulated_batches_are_one_large_batch() {
        let losses = |how: &str, batch: usize| -> Vec<f64> {
            let dir = tempfile::tempdir().unwrap();
            let setup = Setup { batch, ..Setup::with(&format!("{SGD}\n{how}")) };
            setup.finish(dir.path(), "ce", 1).history.iter().map(|e| e.train_loss).collect()
        };
        let (large, small) = (losses("", 16), losses("update.accumulate = 2", 8));
        for (large, small) in large.iter().zip(&small) {
            assert!((large - small).abs() < 1e-4 * large, "{large}, {small}");
        }
        assert!((losses("", 8)[0] - large[0]).abs() > 1e-3);
    }

    #[test]
    fn updates_do_what_they_say() {
        let train = |how: &str| {
            let dir = tempfile::tempdir().unwrap();
            Setup::with(&format!("{SGD}\n{how}")).finish(dir.path(), "ce", 1)
        };
        let plain = train("");
        assert!(plain.history.iter().all(|epoch| epoch.grad_norm > 0.0));
        // A gradient of next to no length moves nothing; its own norm is still logged.
        let clipped = train("update.clip_norm = 1e-9");
        assert!((clipped.history[0].val_nll - clipped.history[2].val_nll).abs() < 1e-3);
        assert!(clipped.history[0].grad_norm > 0.1, "{:?}", clipped.history[0]);
        // The average lags behind, but the weights that are trained are the same.
        let averaged = train("update.ema = 0.9");
        assert_eq!(averaged.history[2].train_loss, plain.history[2].train_loss);
        assert_ne!(averaged.history[2].val_nll, plain.history[2].val_nll);
        assert_ne!(numbers(&averaged).1[1], numbers(&plain).1[1]);
        // 25 steps an epoch: the first one ends within the warm-up, at its 25th step.
        let warmed = train("warmup = { steps = 50, from = 0.5 }");
        assert!((warmed.history[0].lr - 0.05 * 0.74).abs() < 1e-12, "{}", warmed.history[0].lr);
        assert!((warmed.history[1].lr - 0.05 * 0.99).abs() < 1e-12, "{}", warmed.history[1].lr);
    }

    #[test]
    fn patience_ends_a_training_that_no_longer_gains() {
        let mut setup = Setup::new();
        // Nothing moves after the first epoch.
        setup.how.schedule = Schedule::MultiStep { after: vec![1], factor: 1e-30 };
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(setup.finish(dir.path(), "ce", 1).history.len(), EPOCHS);
        setup.patience = Some(1);
        let dir = tempfile::tempdir().unwrap();
        let ended = setup.finish(dir.path(), "ce", 1);
        assert_eq!(ended.history.len(), 2);
        assert_eq!(numbers(&setup.finish(dir.path(), "ce", 1)), numbers(&ended));
        assert_eq!(
            fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap().lines().count(),
            2
        );
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
