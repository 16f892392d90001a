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
use tch::{Tensor, no_grad};

use super::last_layer::{HeadLoss, head_loss, logits_loss};
use super::state::{Snapshot, Sums, TrainingState};
use super::{
    Average, Events, LargeMargin, Moment, OnNan, Optimizer, TrainingOptions, Update, adversarial,
    checkpoint, gradient, predict_each,
};
use crate::compare::{EpochMetrics, Monitor};
use crate::data::{Batch, BatchSource, Order};
use crate::measure::{self, Logits};
use crate::models::{Mode, Model};
use crate::{Error, Result, Stop, durable};

/// How many times as long as it took to save a checkpoint passes at least until the next one.
const CHECKPOINT_SHARE: u32 = 20;

/// One training and all that it needs.
pub struct Training<'a> {
    /// The network, with its initial weights.
    pub model: &'a dyn Model,
    /// The loss.
    pub criterion: Criterion,
    /// What widens the label's angle while training.
    pub margin: Option<LargeMargin>,
    /// Trains the last layer alone, on features as they are in evaluation: all else stays as it is,
    /// the running moments of batch normalisation included.
    pub freeze_backbone: bool,
    /// How it is trained.
    pub options: TrainingOptions,
    /// Decides what the model draws while training.
    pub seed: u64,
    /// What is learned from.
    pub train: &'a dyn BatchSource,
    /// Which of it, in which order, in an epoch (from 1): a function of the epoch alone.
    pub order: &'a dyn Fn(usize) -> Order,
    /// What chooses among epochs.
    pub validation: &'a dyn BatchSource,
    /// The run directory: gets `metrics.jsonl` and `checkpoint/`.
    pub dir: &'a Path,
    /// Whether it gets an event file for TensorBoard too.
    pub tensorboard: bool,
    /// Least time between two checkpoints; there is always one at the end.
    pub checkpoint_every: Duration,
}

/// What a training leaves behind. With a moving average of the weights, they are that average.
#[derive(Debug)]
pub struct TrainingResult {
    /// Every epoch.
    pub history: Vec<EpochMetrics>,
    /// The weights of the best epoch.
    pub best: Vec<(String, Tensor)>,
    /// Which one that is; see [`crate::compare::best_epoch`].
    pub best_epoch: usize,
    /// The weights after the last epoch.
    pub last: Vec<(String, Tensor)>,
    /// The loss, with what it carried from step to step.
    pub criterion: Criterion,
}

/// Where a training stands, with its tensors that are neither the model's nor the optimizer's.
struct Course {
    state: TrainingState,
    /// The weights of the best epoch.
    best: Vec<(String, Tensor)>,
    /// A mean of the weights, where the recipe asks for one.
    average: Option<Average>,
    optimizer: Optimizer,
}

impl Training<'_> {
    /// Trains to the end, from the newest checkpoint in the run directory if there is one.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a checkpoint once `stop` is set; [`Error::Work`] before the
    /// update of a step whose logits, loss or gradient are not finite, unless they are to be skipped;
    /// files that cannot be written.
    pub fn run(mut self, stop: &AtomicBool, monitor: &dyn Monitor) -> Result<TrainingResult> {
        let mut course = self.resume(monitor)?;
        let (mut saved, mut pause) = (Instant::now(), self.checkpoint_every);
        let device = self.model.weights().device();
        let finished_before = self.ended(&course.state);
        write_log(&self.log(), &course.state.history)?;
        let events = self.tensorboard.then(|| Events::begin(self.dir, &course.state.history));
        let events = events.transpose()?;
        while !self.ended(&course.state) {
            let epoch = course.state.epoch;
            let order = (self.order)(epoch);
            let size = self.options.update.accumulate.get();
            let done = course.state.step.saturating_mul(size);
            let mut batches = self.train.batches_after(&order, self.options.batch.get(), done)?;
            self.criterion.set_epoch(epoch, self.options.epochs.get());
            let mut clock = Instant::now();
            loop {
                let next = batches.by_ref().take(size);
                let batches: Vec<Batch> =
                    next.map(|batch| batch?.to(device)).collect::<Result<_>>()?;
                if batches.is_empty() {
                    break;
                }
                self.step(&batches, &mut course)?;
                monitor.step(batches.iter().map(Batch::len).sum());
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
            let share = self.options.update.after_epoch(epoch, self.options.epochs.get());
            if let (Some(average), Some(share)) = (&mut course.average, share) {
                average.follow(self.model.weights(), share)?;
            }
            self.report_skipped(&course.state, monitor)?;
            let validate = || self.validate(epoch, Stop(stop));
            let validation = match self.moving(&course) {
                Some(average) => average.during(self.model.weights(), validate),
                None => validate(),
            };
            // A mean that has this epoch's weights must not get them again: then the last checkpoint
            // is where it goes on.
            let interrupted = validation.as_ref().is_err_and(Error::is_interrupted);
            if interrupted && share.is_none() {
                course.state.sums.seconds += lap(&mut clock);
                self.save(&course)?;
            }
            let validation = validation?;
            let state = &mut course.state;
            state.sums.seconds += lap(&mut clock);
            let lr = self.lr(epoch, state.steps.saturating_sub(1));
            let metrics = epoch_metrics(state, lr, &validation);
            append_log(&self.log(), &metrics)?;
            if let Some(events) = &events {
                events.add(&metrics)?;
            }
            monitor.epoch(&metrics);
            if state.end_epoch(metrics) {
                course.best = self.copied(self.moving(&course))?;
            }
        }
        if !finished_before {
            self.save(&course)?;
        }
        let last = self.copied(course.average.as_ref())?;
        let Course { state, best, .. } = course;
        let best_epoch = state.best_epoch().unwrap_or(0);
        Ok(TrainingResult {
            history: state.history,
            best,
            best_epoch,
            last,
            criterion: self.criterion,
        })
    }

    /// Says how many steps of the epoch that is over were skipped, and refuses that all were.
    fn report_skipped(&self, state: &TrainingState, monitor: &dyn Monitor) -> Result<()> {
        let (skipped, steps, epoch) = (state.sums.skipped, state.step as u64, state.epoch);
        if skipped > 0 && skipped == steps {
            return Err(Error::Work(format!(
                "epoch {epoch}: all {steps} steps were skipped, for none was finite"
            )));
        }
        if skipped > 0 {
            monitor.warning(&format!(
                "epoch {epoch}: {skipped} of {steps} steps were skipped, for they were not finite"
            ));
        }
        Ok(())
    }

    /// Whether no epoch is to come.
    fn ended(&self, state: &TrainingState) -> bool {
        let lost =
            self.options.patience.is_some_and(|most| state.epochs_without_gain() >= most.get());
        lost || state.epoch > self.options.epochs.get()
    }

    /// Where to go on: the newest checkpoint, or the beginning.
    fn resume(&mut self, monitor: &dyn Monitor) -> Result<Course> {
        let weights = self.model.weights();
        let Update { ema, average, .. } = self.options.update;
        let mean = ema.is_some() || average.is_some();
        let average = mean.then(|| Average::new(weights)).transpose()?;
        let mut optimizer = Optimizer::new(&self.options.optimizer, self.parameters())?;
        let files = checkpoint::newest(&self.checkpoints(), &|text| monitor.warning(text))?;
        let Some(files) = files else {
            let state = TrainingState::start(self.criterion.state());
            return Ok(Course { state, best: weights.snapshot()?, average, optimizer });
        };
        let snapshot = Snapshot::from_files(&files)?;
        weights.restore(&snapshot.last)?;
        optimizer.restore(&snapshot.optimizer)?;
        let mut course = Course { state: snapshot.state, best: snapshot.best, average, optimizer };
        if let Some(average) = &mut course.average {
            average.restore(&snapshot.average.unwrap_or_default())?;
        }
        self.criterion.set_state(course.state.criterion);
        if let (Some(margin), Some(lambda)) = (&mut self.margin, course.state.lambda) {
            margin.set_lambda(lambda);
        }
        let examples = usize::try_from(course.state.sums.seen).unwrap_or(0);
        monitor.resumed(course.state.history.len(), examples);
        Ok(course)
    }

    /// What is trained.
    fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        let (head, all) = (self.model.head(), self.model.weights());
        let head = std::iter::once(&head.weight).chain(&head.bias);
        let backbone_too = !self.freeze_backbone;
        let all = all.parameters().filter(move |_| backbone_too);
        all.chain(head.filter(move |_| !backbone_too))
    }

    /// Features f32 (N, width) that the last layer learns from.
    fn features(&self, inputs: &[Tensor], mode: Mode) -> Result<Tensor> {
        if self.freeze_backbone {
            return no_grad(|| self.model.features(inputs, Mode::Evaluate));
        }
        self.model.features(inputs, mode)
    }

    /// The learning rate in `epoch`, after so many `steps`.
    fn lr(&self, epoch: usize, steps: u64) -> f64 {
        let now = Moment { epoch, epochs: self.options.epochs.get(), steps };
        let rising = self.options.warmup.as_ref().and_then(|warmup| warmup.factor(now));
        self.options.optimizer.lr() * rising.unwrap_or_else(|| self.options.schedule.factor(now))
    }

    /// One step of the optimizer, by the mean loss over all of `batches`.
    fn step(&mut self, batches: &[Batch], course: &mut Course) -> Result<()> {
        let (sums, carried) = (course.state.sums, self.criterion.state());
        let place = format!("epoch {}, step {}: ", course.state.epoch, course.state.step + 1);
        let learned = self.learn(batches, &mut course.state);
        let norm = learned.map_err(|error| error.broken_off_at(&place))?;
        match (norm, self.options.update.on_nan) {
            (Ok(norm), _) => self.move_weights(norm, course)?,
            (Err(problem), OnNan::Stop) => {
                return Err(Error::Work(format!("{problem}; nothing was updated")).at(place));
            }
            // As if the batches had not been there.
            (Err(_), OnNan::Skip) => {
                gradient::clear(self.parameters())?;
                self.criterion.set_state(carried);
                course.state.sums = Sums { skipped: sums.skipped + 1, ..sums };
            }
        }
        course.state.step += 1;
        course.state.steps += 1;
        Ok(())
    }

    /// Adds up the gradient of all of `batches`, and returns its norm, or what is not finite.
    fn learn(
        &mut self,
        batches: &[Batch],
        state: &mut TrainingState,
    ) -> Result<std::result::Result<f64, String>> {
        let all: usize = batches.iter().map(Batch::len).sum();
        let first = state.steps.wrapping_mul(self.options.update.accumulate.get() as u64);
        for (pass, batch) in (first..).zip(batches) {
            let mode = Mode::Train { seed: self.seed, pass, precision: self.options.precision };
            let moved = self.options.adversarial.as_ref().map(|attack| {
                let first = pass * self.options.batch.get() as u64;
                adversarial::moved(attack, self.model, batch, self.seed, first)
            });
            let moved = moved.transpose()?;
            let features = self.features(moved.as_ref().unwrap_or(&batch.inputs), mode)?;
            let mut broken = None;
            let mut learn = |judged: HeadLoss| {
                let mut give_up = |error: Error, finite: bool| {
                    broken = (!finite).then(|| error.to_string());
                    Err(error)
                };
                let (loss, correct) = match judged {
                    Ok(judged) => judged,
                    Err(error) => {
                        let finite = !matches!(error, steepness::Error::Logit { .. });
                        return give_up(Error::failed("", error), finite);
                    }
                };
                let value = loss.f_double_value(&[])?;
                if !value.is_finite() {
                    let problem = format!("the loss of the batch is {value}");
                    return give_up(Error::Work(problem), false);
                }
                let examples = batch.len();
                loss.f_mul_scalar(examples as f64 / all as f64)?.f_backward()?;
                state.sums.correct += correct;
                state.sums.loss += value * examples as f64;
                state.sums.seen += examples as i64;
                Ok(())
            };
            let (head, criterion) = (self.model.head(), &mut self.criterion);
            let learned = match &mut self.margin {
                Some(margin) => margin.step(&features, head, &batch.targets, |logits| {
                    learn(logits_loss(criterion, logits, batch)?)
                }),
                None => head_loss(criterion, &features, head, batch, mode).and_then(learn),
            };
            match (learned, broken) {
                (Err(_), Some(problem)) => return Ok(Err(problem)),
                (learned, _) => learned?,
            }
        }
        let norm = gradient::norm(self.parameters())?;
        let broken = || format!("the norm of the gradient is {norm}");
        Ok(if norm.is_finite() { Ok(norm) } else { Err(broken()) })
    }

    /// Moves the weights along a gradient of that norm.
    fn move_weights(&self, norm: f64, course: &mut Course) -> Result<()> {
        if let Some(limit) = self.options.update.clip_norm {
            gradient::clip(self.parameters(), norm, limit)?;
        }
        let lr = self.lr(course.state.epoch, course.state.steps);
        course.optimizer.step(self.parameters(), lr, course.state.steps + 1)?;
        if let (Some(average), Some(share)) =
            (&mut course.average, self.options.update.after_step())
        {
            average.follow(self.model.weights(), share)?;
        }
        course.state.sums.grad_norm += norm;
        Ok(())
    }

    /// The mean of the weights that takes their place from step to step.
    fn moving<'b>(&self, course: &'b Course) -> Option<&'b Average> {
        course.average.as_ref().filter(|_| self.options.update.ema.is_some())
    }

    /// A copy of the weights, or of their mean.
    fn copied(&self, average: Option<&Average>) -> Result<Vec<(String, Tensor)>> {
        match average {
            Some(average) => Ok(copy(average.mean())),
            None => self.model.weights().snapshot(),
        }
    }

    /// What the model is worth on the validation part.
    fn validate(&self, epoch: usize, stop: Stop) -> Result<Validation> {
        let mut sums = Validation { nll: 0.0, accuracy: 0.0, margin: Some(0.0), energy: 0.0 };
        let mut seen = 0;
        predict_each(self.model, self.validation, stop, |some| {
            let logits = Logits::new(&some.logits, some.classes).map_err(|error| {
                Error::failed(format!("validation after epoch {epoch}: "), error)
            })?;
            let (labels, count) = (&some.labels, some.labels.len() as f64);
            let margin = measure::mean(&measure::margins(logits, labels)?);
            sums.nll += count * measure::nll(logits, labels)?;
            sums.accuracy += measure::correct(logits, labels)? as f64;
            sums.margin = sums.margin.zip(margin).map(|(sum, margin)| sum + count * margin);
            sums.energy += count * measure::label_energy(logits, labels)?;
            seen += some.labels.len();
            Ok(())
        })?;
        let mean = |sum: f64| sum / seen as f64;
        Ok(Validation {
            nll: mean(sums.nll),
            accuracy: mean(sums.accuracy),
            margin: sums.margin.map(mean),
            energy: mean(sums.energy),
        })
    }

    fn save(&self, course: &Course) -> Result<()> {
        let state = &course.state;
        let snapshot = Snapshot {
            state: TrainingState {
                criterion: self.criterion.state(),
                lambda: self.margin.as_ref().map(LargeMargin::lambda),
                ..state.clone()
            },
            last: self.model.weights().snapshot()?,
            best: share(&course.best),
            average: course.average.as_ref().map(|average| share(average.mean())),
            optimizer: course.optimizer.carried(),
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

/// Means over the validation part after an epoch.
struct Validation {
    nll: f64,
    accuracy: f64,
    margin: Option<f64>,
    energy: f64,
}

/// What is logged of the epoch that `state` has come to the end of.
fn epoch_metrics(state: &TrainingState, lr: f64, validation: &Validation) -> EpochMetrics {
    let sums = &state.sums;
    EpochMetrics {
        epoch: state.epoch,
        lr,
        train_loss: sums.loss / sums.seen as f64,
        train_accuracy: sums.correct as f64 / sums.seen as f64,
        grad_norm: sums.grad_norm / (state.step as u64 - sums.skipped) as f64,
        skipped: sums.skipped,
        val_nll: validation.nll,
        val_accuracy: validation.accuracy,
        val_margin: validation.margin,
        val_energy: Some(validation.energy),
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
    Ok(durable::write(path, history.iter().map(line).collect::<String>().as_bytes())?)
}

fn append_log(path: &Path, metrics: &EpochMetrics) -> Result<()> {
    let file = OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| file.write_all(line(metrics).as_bytes())).map_err(Error::output(path))
}

#[cfg(test)]
mod tests;
