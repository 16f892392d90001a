//! A loss made ready for given classes, for memory that the Python side owns.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use steepness::{Batch, CriterionState, Linear, LinearGradients, Loss, Reduction, Stored, Targets};

use crate::errors::of_loss;
use crate::memory::{slice, slice_mut, with_element};
use crate::{terms, threads};

/// How a running quantity that is not there is written; those that are there are 0 or more.
const NONE: f64 = -1.0;

/// A loss, its options, and running quantities.
#[pyclass(frozen, module = "steepness._core")]
pub struct Criterion(Mutex<steepness::Criterion>);

#[pymethods]
impl Criterion {
    #[new]
    #[pyo3(signature = (spec, classes, *, counts=None, weight=None, reduction="mean", ignore_index=-100, label_smoothing=0.0))]
    fn new(
        spec: &str,
        classes: usize,
        counts: Option<Vec<u64>>,
        weight: Option<Vec<f64>>,
        reduction: &str,
        ignore_index: i64,
        label_smoothing: f64,
    ) -> PyResult<Self> {
        let mut loss: Loss = spec.parse().map_err(of_loss)?;
        if label_smoothing != 0.0 {
            if loss.smoothing != 0.0 {
                return Err(PyValueError::new_err(format!(
                    "label_smoothing={label_smoothing} beside {loss}, which says it already: \
                     choose one"
                )));
            }
            loss.smoothing = label_smoothing;
        }
        let reduction = match reduction {
            "mean" => Reduction::Mean,
            "sum" => Reduction::Sum,
            "none" => Reduction::None,
            other => {
                return Err(PyValueError::new_err(format!(
                    "reduction={other:?}: expected \"mean\", \"sum\" or \"none\""
                )));
            }
        };
        let criterion = match &counts {
            None => loss.criterion(classes),
            Some(counts) if counts.len() != classes => {
                return Err(PyValueError::new_err(format!(
                    "{} class counts for {classes} classes",
                    counts.len()
                )));
            }
            Some(counts) => loss.criterion_with_counts(counts),
        };
        let criterion =
            criterion.map_err(of_loss)?.with_reduction(reduction).with_ignore_index(ignore_index);
        let criterion = match weight {
            None => criterion,
            Some(weight) => criterion.with_class_weights(&weight).map_err(of_loss)?,
        };
        Ok(Self(Mutex::new(criterion)))
    }

    /// The loss as one line, label smoothing included.
    #[getter]
    fn spec(&self) -> String {
        self.copy().loss().to_string()
    }

    #[getter]
    fn classes(&self) -> usize {
        self.copy().classes()
    }

    #[getter]
    fn ignore_index(&self) -> i64 {
        self.copy().ignore_index()
    }

    #[getter]
    fn reduction(&self) -> &'static str {
        match self.copy().reduction() {
            Reduction::Mean => "mean",
            Reduction::Sum => "sum",
            Reduction::None => "none",
        }
    }

    /// Whether running means decide what it computes.
    #[getter]
    fn learns(&self) -> bool {
        let criterion = self.copy();
        criterion.loss().auto_le || criterion.loss().matching
    }

    /// Whether the epoch decides what it computes.
    #[getter]
    fn by_epoch(&self) -> bool {
        let criterion = self.copy();
        let loss = criterion.loss();
        let deferred = loss.weighting.is_some_and(|weighting| weighting.from > 0.0);
        loss.schedule.is_some() || loss.from_epoch > 1 || deferred
    }

    /// Epoch, epochs, the running mean of p and the two of gradient norms; −1 for what is not there.
    #[getter]
    fn state(&self) -> [f64; 5] {
        of_state(self.copy().state())
    }

    #[setter]
    fn set_state(&self, state: [f64; 5]) {
        self.lock(|criterion| criterion.set_state(to_state(state)));
    }

    /// What a row pays, term by term: see `terms.rs`.
    fn terms<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        self.copy().terms().iter().map(|term| terms::described(py, term)).collect()
    }

    /// Whether every row has a loss of its own, so that the sum of rows is the loss.
    #[getter]
    fn row_by_row(&self) -> bool {
        let criterion = self.copy();
        criterion.loss().jsd.is_none() && !criterion.loss().matching
    }

    /// The loss of `rows` rows of logits at the address `logits`, (N, C) or, with `inner` the product of
    /// d…, (N, C, d…). The gradient goes to the address `gradient`, which may be that of the logits; 0:
    /// there is none, and running means stay. `targets` are int64, or where they are `soft` of the
    /// logits' type; `sample_weights` (0: none) and `losses` (0: not wanted), one a row, are float64. The
    /// loss goes to the address `value` as well, where it is not 0: one float32, or float64 for such
    /// logits, since to make a tensor of a number costs PyTorch more than a small batch costs the kernel.
    ///
    /// The memory must be contiguous, of those types and sizes, and live until this returns.
    #[pyo3(signature = (dtype, logits, gradient, targets, soft, rows, inner, sample_weights, losses, value=0))]
    #[allow(clippy::too_many_arguments, reason = "called from one place, with names")]
    fn compute(
        &self,
        py: Python<'_>,
        dtype: &str,
        logits: usize,
        gradient: usize,
        targets: usize,
        soft: bool,
        rows: usize,
        inner: usize,
        sample_weights: usize,
        losses: usize,
        value: usize,
    ) -> PyResult<f64> {
        let mut criterion = self.copy();
        let learns = criterion.loss().auto_le || criterion.loss().matching;
        let elements = rows * criterion.classes();
        let outcome = with_element!(dtype, E, {
            py.detach(|| {
                // SAFETY: by this function's contract.
                let batch = unsafe {
                    let targets = match soft {
                        true => Targets::Soft(slice::<E>(targets, elements)),
                        false => Targets::Hard(slice::<i64>(targets, rows)),
                    };
                    let batch = Batch::new(targets).with_inner(inner);
                    match sample_weights {
                        0 => batch,
                        address => batch.with_sample_weights(slice(address, rows)),
                    }
                };
                threads::within(|| {
                    if gradient == 0 {
                        // SAFETY: as above.
                        criterion.forward(unsafe { slice::<E>(logits, elements) }, batch)
                    } else if gradient == logits {
                        // SAFETY: as above.
                        let logits = unsafe { slice_mut::<E>(logits, elements) };
                        criterion.forward_backward_in_place(logits, batch)
                    } else {
                        // SAFETY: as above.
                        let (logits, gradient) = unsafe {
                            (slice::<E>(logits, elements), slice_mut::<E>(gradient, elements))
                        };
                        criterion.forward_backward(logits, batch, gradient)
                    }
                })
            })
            .map_err(of_loss)
        })?;
        if losses != 0 {
            if outcome.rows.len() != rows {
                return Err(PyValueError::new_err(
                    "jsd has one loss for three rows: it needs the mean or the sum",
                ));
            }
            // SAFETY: as above.
            let losses = unsafe { slice_mut::<f64>(losses, rows) };
            losses.iter_mut().zip(&outcome.rows).for_each(|(to, row)| *to = row.loss);
        }
        if value != 0 {
            // SAFETY: as above.
            unsafe {
                match dtype {
                    "float64" => slice_mut::<f64>(value, 1)[0] = outcome.loss,
                    _ => slice_mut::<f32>(value, 1)[0] = outcome.loss as f32,
                }
            }
        }
        if learns && gradient != 0 {
            self.lock(|own| own.set_state(criterion.state()));
        }
        Ok(outcome.loss)
    }

    /// The loss of the logits that a linear layer gives and its gradients, without the logits in memory:
    /// features (N, D), weight (C, D) and bias (C), or 0; the gradients, each 0 where it is not wanted,
    /// have the same shapes. Features are of `dtype`, all else of float32, or of float64 where they are.
    #[pyo3(signature = (dtype, features, weight, bias, targets, soft, rows, depth, of_features, of_weight, of_bias))]
    #[allow(clippy::too_many_arguments, reason = "called from one place, with names")]
    fn linear(
        &self,
        py: Python<'_>,
        dtype: &str,
        features: usize,
        weight: usize,
        bias: usize,
        targets: usize,
        soft: bool,
        rows: usize,
        depth: usize,
        of_features: usize,
        of_weight: usize,
        of_bias: usize,
    ) -> PyResult<f64> {
        let mut criterion = self.copy();
        let learns = criterion.loss().auto_le || criterion.loss().matching;
        let classes = criterion.classes();
        if depth == 0 {
            return Err(PyValueError::new_err("features of depth 0"));
        }
        let outcome = with_element!(dtype, E, {
            type R = <E as Stored>::Real;
            py.detach(|| {
                // SAFETY: by this function's contract.
                let (layer, targets, gradients) = unsafe {
                    let layer = Linear {
                        features: slice::<E>(features, rows * depth),
                        weight: slice::<R>(weight, classes * depth),
                        bias: (bias != 0).then(|| slice::<R>(bias, classes)),
                        depth,
                    };
                    let targets = match soft {
                        true => Targets::Soft(slice::<R>(targets, rows * classes)),
                        false => Targets::Hard(slice::<i64>(targets, rows)),
                    };
                    let gradients = LinearGradients {
                        features: (of_features != 0)
                            .then(|| slice_mut::<E>(of_features, rows * depth)),
                        weight: (of_weight != 0)
                            .then(|| slice_mut::<R>(of_weight, classes * depth)),
                        bias: (of_bias != 0).then(|| slice_mut::<R>(of_bias, classes)),
                    };
                    (layer, targets, gradients)
                };
                let wanted = of_features != 0 || of_weight != 0 || of_bias != 0;
                threads::within(|| match wanted {
                    true => criterion.linear_forward_backward(layer, targets, gradients),
                    false => criterion.linear_forward(layer, targets),
                })
            })
            .map_err(of_loss)
        })?;
        if learns && (of_features != 0 || of_weight != 0 || of_bias != 0) {
            self.lock(|own| own.set_state(criterion.state()));
        }
        Ok(outcome.loss)
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("a criterion of steepness._core is made anew, not pickled"))
    }
}

impl Criterion {
    fn lock<T>(&self, work: impl FnOnce(&mut steepness::Criterion) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A copy to compute with: several threads may be at it.
    pub fn copy(&self) -> steepness::Criterion {
        self.lock(|criterion| criterion.clone())
    }
}

fn of_state(state: CriterionState) -> [f64; 5] {
    let (ce, own) = state.norms.unzip();
    let [mean_p, ce, own] = [state.mean_p, ce, own].map(|value| value.unwrap_or(NONE));
    [state.epoch as f64, state.epochs as f64, mean_p, ce, own]
}

fn to_state([epoch, epochs, mean_p, ce, own]: [f64; 5]) -> CriterionState {
    let some = |value: f64| (value >= 0.0).then_some(value);
    CriterionState {
        epoch: epoch as usize,
        epochs: epochs as usize,
        mean_p: some(mean_p),
        norms: some(ce).zip(some(own)),
    }
}
