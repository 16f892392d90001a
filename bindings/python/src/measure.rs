//! Logits and features measured, as a text of JSON: what `steepness measure --json` prints, with one
//! entry of `ood` for each foreign data set.

use std::collections::BTreeMap;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use steepness_measure::{
    Card, Evidence, Features, Groups, Logits, OodSummary, Pca, Positive, Representation,
    ScaledCalibration, Scores, Stop, Summary,
};

use crate::errors::of_measure;
use crate::memory::slice;

/// A matrix of float64 at an address: rows and columns.
type Matrix = (usize, usize, usize);
/// A vector of int64 at an address.
type Vector = (usize, usize);

/// Measures. Every array is contiguous, and alive until this returns.
#[pyfunction]
#[pyo3(signature = (logits, labels, validation, foreign, counts, features, neighbours))]
#[allow(clippy::too_many_arguments, reason = "called from one place")]
pub fn measure(
    py: Python<'_>,
    logits: Matrix,
    labels: Vector,
    validation: Option<(Matrix, Vector)>,
    foreign: Vec<(String, Matrix)>,
    counts: Option<Vector>,
    features: Option<Matrix>,
    neighbours: usize,
) -> PyResult<String> {
    let given = Given { logits, labels, validation, foreign, counts, features, neighbours };
    let (summary, of_foreign) = py.detach(|| given.measure()).map_err(of_measure)?;
    let json = || -> serde_json::Result<String> {
        let mut all = serde_json::to_value(&summary)?;
        if !of_foreign.is_empty() {
            all["ood"] = serde_json::to_value(&of_foreign)?;
        }
        let meanings: BTreeMap<_, _> = Card::all().map(|card| (card.key, card.meaning)).collect();
        all["meanings"] = serde_json::to_value(meanings)?;
        serde_json::to_string(&all)
    };
    json().map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

struct Given {
    logits: Matrix,
    labels: Vector,
    validation: Option<(Matrix, Vector)>,
    foreign: Vec<(String, Matrix)>,
    counts: Option<Vector>,
    features: Option<Matrix>,
    neighbours: usize,
}

fn values<'a>((address, rows, columns): Matrix) -> &'a [f64] {
    // SAFETY: by the contract of `measure`.
    unsafe { slice(address, rows * columns) }
}

fn logits<'a>(matrix: Matrix) -> steepness_measure::Result<Logits<'a, f64>> {
    Logits::new(values(matrix), matrix.2)
}

fn integers<'a>((address, length): Vector) -> &'a [i64] {
    // SAFETY: as above.
    unsafe { slice(address, length) }
}

impl Given {
    fn measure(&self) -> steepness_measure::Result<(Summary, BTreeMap<&String, OodSummary>)> {
        let (own, labels) = (logits(self.logits)?, integers(self.labels));
        let mut summary = Summary::new(own, labels)?;
        let mut evidence = Evidence::new(own, labels);
        if let Some((of, known)) = self.validation {
            let (of, known) = (logits(of)?, integers(known));
            summary.recalibrated = ScaledCalibration::new(own, labels, of, known)?;
            evidence.validation = Some((of, known));
        }
        if let Some(counts) = self.counts {
            let counts = integers(counts);
            summary.groups = Some(Groups::new(own, labels, counts)?);
            evidence.train_counts = Some(counts);
        }
        let inside = Scores::new(own);
        let mut of_foreign = BTreeMap::new();
        for (name, matrix) in &self.foreign {
            let outside = Scores::new(logits(*matrix)?);
            let ood = OodSummary::new(&inside, &outside, Positive::In);
            of_foreign.insert(name, ood.map_err(|error| error.at(format!("{name}: ")))?);
        }
        if let [(_, matrix)] = self.foreign[..] {
            evidence.foreign = Some(logits(matrix)?);
        }
        if let Some(matrix) = self.features {
            let features = Features::new(values(matrix), matrix.2)?;
            let axes = features.columns().min(2);
            let pca = Pca::fit(features, axes, Stop::never())?;
            let (voters, stop) = (self.neighbours, Stop::never());
            let record = Representation::new(features, labels, None, &pca, voters, None, stop)?;
            summary.representation = Some(record);
            evidence.features = Some((features, labels));
        }
        evidence.measure(&mut summary.numbers)?;
        Ok((summary, of_foreign))
    }
}
