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
}

impl Training<'_> {
    /// Trains to the end, from the newest checkpoint in the run directory if there is one.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a checkpoint once `stop` is set; [`Error::Work`] before the
    /// update of a step whose logits or loss are not finite; files that cannot be written.
    pub fn run(mut self, stop: &AtomicBool, monitor: &dyn Monitor) -> Result<Trained> {
        let (mut state, mut best) = self.resume(monitor)?;
        let mut saved = Saved { steps: state.steps, at: Instant::now() };
        write_log(&self.log(), &state.history)?;
        while state.epoch <= self.epochs {
            let order = order(self.train.len(), self.seed, state.epoch);
            let batches = self.train.batches(&order, self.batch)?;
            let lr = self.optimizer.lr() * self.schedule.factor(state.epoch);
            self.criterion.set_epoch(state.epoch, self.epochs);
            let mut clock = Instant::now();
            for batch in batches.iter().skip(state.step) {
                self.step(batch, lr, &mut state)?;
                let stopped = stop.load(Ordering::Relaxed);
                if stopped || saved.at.elapsed() >= self.checkpoint_every {
                    state.sums.seconds += lap(&mut clock);
                    self.save(&state, &best, &mut saved)?;
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
        self.save(&state, &best, &mut saved)?;
        Ok(Trained { history: state.history, best, last: self.model.weights().snapshot()? })
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
        self.criterion.set_state(snapshot.state.criterion.clone());
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
        let examples = batch.targets.numel() as i64;
        let hits = logits.f_argmax(-1, false)?.f_eq_tensor(&batch.targets)?.f_sum(None)?;
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

    fn save(&self, state: &State, best: &[(String, Tensor)], saved: &mut Saved) -> Result<()> {
        let share = |(name, tensor): &(String, Tensor)| (name.clone(), tensor.shallow_clone());
        let snapshot = Snapshot {
            state: State { criterion: self.criterion.state(), ..state.clone() },
            last: self.model.weights().snapshot()?,
            best: best.iter().map(share).collect(),
            optimizer: self.optimizer.velocities().iter().map(Tensor::shallow_clone).collect(),
        };
        checkpoint::save(&self.checkpoints(), state.steps, &snapshot.to_files()?)?;
        *saved = Saved { steps: state.steps, at: Instant::now() };
        Ok(())
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
