//! Where a training stands: everything that is needed to go on bit for bit.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::checkpoint::Files;
use crate::compare::{EpochMetrics, earliest_best_epoch, is_better};
use crate::{Error, Result, tensors};

/// The numbers of a training; the tensors lie beside them in a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingState {
    /// The epoch that is under way, from 1; one more than there are when all is done.
    pub epoch: usize,
    /// Steps done in it.
    pub step: usize,
    /// Steps done in all.
    pub steps: u64,
    /// Sums over the steps of this epoch.
    pub sums: Sums,
    /// The epochs before this one.
    pub history: Vec<EpochMetrics>,
    /// The epoch whose weights are kept as the best ones. Not in the checkpoints of older versions,
    /// which kept those of the earliest of equally accurate epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<usize>,
    /// What the loss carries from step to step.
    #[serde(with = "CriterionStateFields")]
    pub criterion: steepness::CriterionState,
    /// λ of large margins, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
}

/// [`steepness::CriterionState`] field by field: the loss library itself knows nothing of files.
#[derive(Serialize, Deserialize)]
#[serde(remote = "steepness::CriterionState", deny_unknown_fields)]
struct CriterionStateFields {
    epoch: usize,
    epochs: usize,
    mean_p: Option<f64>,
    norms: Option<(f64, f64)>,
}

/// What is summed up over an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// Loss of each batch times its examples.
    pub loss: f64,
    /// Examples whose largest logit was the label's.
    pub correct: i64,
    /// Examples.
    pub seen: i64,
    /// Norm of the gradient of each step.
    pub grad_norm: f64,
    /// Steps that were skipped, since they were not finite.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// For `skip_serializing_if`: what hardly ever happens is told where it did.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl TrainingState {
    /// Before the first step.
    pub fn start(criterion: steepness::CriterionState) -> Self {
        let (sums, history) = (Sums::default(), Vec::new());
        Self { epoch: 1, step: 0, steps: 0, sums, history, best: None, criterion, lambda: None }
    }

    /// How many epochs passed without a higher validation accuracy, or in all if there is none.
    pub fn epochs_without_gain(&self) -> usize {
        self.history.len() - earliest_best_epoch(&self.history).unwrap_or(0)
    }

    /// The epoch whose weights are kept as the best ones.
    pub fn best_epoch(&self) -> Option<usize> {
        self.best.or_else(|| earliest_best_epoch(&self.history))
    }

    /// Goes on to the next epoch after one that went as `metrics` say. Returns whether it is the best
    /// so far: better than the one whose weights are kept.
    pub fn end_epoch(&mut self, metrics: EpochMetrics) -> bool {
        let kept = self.best_epoch().and_then(|best| self.history.get(best - 1));
        let best = kept.is_none_or(|kept| is_better(&metrics, kept));
        self.best = if best { Some(metrics.epoch) } else { self.best_epoch() };
        self.sums = Sums::default();
        (self.epoch, self.step) = (metrics.epoch + 1, 0);
        self.history.push(metrics);
        best
    }
}

/// A [`TrainingState`] with its tensors, as a checkpoint holds it.
#[derive(Debug)]
pub struct Snapshot {
    /// The numbers.
    pub state: TrainingState,
    /// The weights as they are.
    pub last: Vec<(String, Tensor)>,
    /// The weights of the best epoch; before the end of the first one, as they are.
    pub best: Vec<(String, Tensor)>,
    /// Their mean over the training, where one is kept.
    pub average: Option<Vec<(String, Tensor)>>,
    /// What the optimizer carries from step to step.
    pub optimizer: Vec<Tensor>,
}

const STATE: &str = "state.json";
const LAST: &str = "last.safetensors";
const BEST: &str = "best.safetensors";
const AVERAGE: &str = "average.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";

impl Snapshot {
    /// As the files of a checkpoint.
    ///
    /// # Errors
    /// Refuses weights that are not finite: they are not worth going on from.
    pub fn to_files(&self) -> Result<Files> {
        for (name, tensor) in &self.last {
            if tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
                return Err(Error::Work(format!(
                    "epoch {}, step {}: the weights {name} are no longer finite",
                    self.state.epoch, self.state.step
                )));
            }
        }
        let velocity =
            |(at, tensor): (usize, &Tensor)| (format!("{at:04}"), tensor.shallow_clone());
        let optimizer: Vec<_> = self.optimizer.iter().enumerate().map(velocity).collect();
        let state = serde_json::to_vec_pretty(&self.state)
            .map_err(|error| Error::failed(format!("{STATE}: "), error))?;
        let mut files = Files::from([
            (STATE.to_owned(), state),
            (LAST.to_owned(), tensors::encode(&self.last)?),
            (BEST.to_owned(), tensors::encode(&self.best)?),
            (OPTIMIZER.to_owned(), tensors::encode(&optimizer)?),
        ]);
        if let Some(average) = &self.average {
            files.insert(AVERAGE.to_owned(), tensors::encode(average)?);
        }
        Ok(files)
    }

    /// From the files of a checkpoint.
    ///
    /// # Errors
    /// Names the file that is missing or does not hold what it should.
    pub fn from_files(files: &Files) -> Result<Self> {
        let file = |name: &str| {
            files.get(name).ok_or_else(|| Error::Work(format!("the checkpoint has no {name}")))
        };
        let mut optimizer = tensors::decode(file(OPTIMIZER)?)?;
        optimizer.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Self {
            state: serde_json::from_slice(file(STATE)?)
                .map_err(|error| Error::failed(format!("{STATE}: "), error))?,
            last: tensors::decode(file(LAST)?)?,
            best: tensors::decode(file(BEST)?)?,
            average: files.get(AVERAGE).map(|bytes| tensors::decode(bytes)).transpose()?,
            optimizer: optimizer.into_iter().map(|(_, tensor)| tensor).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An epoch with that accuracy and negative log-likelihood on the validation part.
    fn epoch(epoch: usize, val_accuracy: f64, val_nll: f64) -> EpochMetrics {
        let train_loss = 1.0 / 3.0;
        EpochMetrics { epoch, train_loss, val_accuracy, val_nll, ..Default::default() }
    }

    #[test]
    fn the_best_epoch_is_kept_and_patience_waits_for_accuracy() {
        let mut state = TrainingState::start(Default::default());
        assert_eq!((state.best_epoch(), state.epochs_without_gain()), (None, 0));
        let ended = [(0.5, 1.0), (0.9, 0.5), (0.9, 0.4), (0.9, 0.6), (0.8, 0.1)];
        let best = ended.iter().zip(1..).map(|(&(accuracy, nll), at)| {
            let best = state.end_epoch(epoch(at, accuracy, nll));
            assert_eq!((state.epoch, state.step), (at + 1, 0));
            best
        });
        assert_eq!(best.collect::<Vec<_>>(), [true, true, true, false, false]);
        assert_eq!((state.best_epoch(), state.epochs_without_gain()), (Some(3), 3));
    }

    /// A checkpoint of an older version holds the weights of the earliest of equals, and says of no
    /// epoch that it is the best: what counts is which weights there are.
    #[test]
    fn an_older_checkpoint_keeps_what_it_has() {
        let mut state = TrainingState::start(Default::default());
        state.history = vec![epoch(1, 0.9, 0.5), epoch(2, 0.9, 0.3)];
        let mut text = serde_json::to_value(&state).unwrap();
        assert!(text.as_object().unwrap().get("best").is_none());
        state = serde_json::from_value(text.take()).unwrap();
        assert_eq!(state.best_epoch(), Some(1));
        assert!(!state.end_epoch(epoch(3, 0.9, 0.6)));
        assert_eq!(state.best_epoch(), Some(1));
        assert!(state.end_epoch(epoch(4, 0.9, 0.4)));
        assert_eq!(state.best_epoch(), Some(4));
        assert_eq!(serde_json::to_value(&state).unwrap()["best"], 4);
    }

    #[test]
    fn a_snapshot_comes_back_bit_for_bit() {
        let mut state = TrainingState::start(Default::default());
        state.sums.loss = 2.0f64.sqrt() * 1e3;
        state.history = vec![epoch(1, 0.7, 1e-300)];
        let weights = |x: f32| vec![("w".to_owned(), Tensor::from_slice(&[x, -0.0]))];
        let optimizer = (0..12).map(|i| Tensor::from(i as f32)).collect();
        let average = Some(weights(0.3));
        let snapshot =
            Snapshot { state, last: weights(0.1), best: weights(0.2), average, optimizer };
        let back = Snapshot::from_files(&snapshot.to_files().unwrap()).unwrap();
        assert_eq!(back.state, snapshot.state);
        assert_eq!(back.best[0].1, snapshot.best[0].1);
        assert_eq!(back.average.unwrap()[0].1, snapshot.average.unwrap()[0].1);
        let order: Vec<f64> = back.optimizer.iter().map(|t| t.double_value(&[])).collect();
        assert_eq!(order, (0..12).map(f64::from).collect::<Vec<_>>());
    }

    #[test]
    fn infinite_weights_are_not_saved() {
        let last = vec![("conv1.bias".to_owned(), Tensor::from_slice(&[1.0, f32::NAN]))];
        let state = TrainingState::start(Default::default());
        let snapshot = Snapshot { state, last, best: vec![], average: None, optimizer: vec![] };
        let error = snapshot.to_files().unwrap_err().to_string();
        assert!(error.contains("the weights conv1.bias are no longer finite"), "{error}");
    }
}
