//! What a run of a command must leave in its folder, and how it is read.
//!
//! `logits.npy` (N, C) with `labels.npy` (N,) of the test part: then everything is measured that needs
//! nothing else. And/or `metrics.json`, names and numbers. What else may be there:
//!
//! | file | what is measured |
//! |---|---|
//! | `val_logits.npy`, `val_labels.npy` | calibration after temperature scaling |
//! | `train_counts.npy` (C,) | accuracy of classes with many and few training examples; losses that need the counts |
//! | `features.npy` (N, D) | neighbours, class separation, maps |
//! | `test/NAME/logits.npy`, `test/NAME/labels.npy` | the same of a further test set, apart from the others |
//! | `ood/NAME.npy` (M, C) | detection of examples from other data sets |
//! | `classes.json` | the names of the classes |
//! | `metrics.jsonl`, `metrics.csv` | a line an epoch, kept |

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use steepness::{Element, Loss, Reduction, Targets};

use super::outputs;
use crate::layout::{
    CLASSES, FEATURES, LABELS, LOGITS, METRICS, OOD, OWN_EPOCHS, OWN_METRICS, TRAIN_COUNTS,
    VAL_LABELS, VAL_LOGITS, further,
};
use crate::measure::{
    At, Evidence, FeatureMap, Features, Groups, Logits, Measures, Number, Ood, Pca, Representation,
    Scores,
};
use crate::npy::{self, Floats, Matrix};
use crate::run_dir::test_sets;
use crate::{Better, Error, Result, Stop, own_log};

/// Examples whose features are looked at, at most, evenly spaced, and those on a map: as in the
/// laboratory.
const MOST: usize = 5_000;
const MAPPED: usize = 300;
/// Other examples that vote on a label.
const VOTERS: usize = 20;

/// What was found in the folder of a run.
#[derive(Debug, Default)]
pub struct RunOutput {
    /// What was measured, where there are predictions.
    pub measures: Option<Measures>,
    /// The names of their classes.
    pub classes: Vec<String>,
    /// The labels of the test part.
    pub labels: Vec<i64>,
    /// What was measured on further test sets, and their labels, by their names.
    pub tests: BTreeMap<String, (Measures, Vec<i64>)>,
    /// What the command says of itself.
    pub own: BTreeMap<String, f64>,
    /// Maps of test examples.
    pub map: Option<FeatureMap>,
    /// How many examples it learned from or chose by, where it says so.
    pub others: Option<usize>,
}

/// Reads and measures what a run with `loss` left in `folder`; `declared` metrics have to be there.
///
/// # Errors
/// What is missing, or is not what it should be, by its file and its place; once `stop` is set,
/// [`Error::Interrupted`].
pub fn read(
    folder: &Path,
    loss: Option<&Loss>,
    declared: &BTreeMap<String, Better>,
    stop: Stop,
) -> Result<RunOutput> {
    outputs::validate(folder)?;
    let at = |name: &str| folder.join(name);
    let has = |name: &str| at(name).is_file();
    let mut found = RunOutput::default();
    if has(OWN_METRICS) {
        found.own = own_metrics(&at(OWN_METRICS))?;
    }
    if let Some(name) = declared.keys().find(|name| !found.own.contains_key(*name)) {
        return lacks(folder, &format!("no metric {name:?} in {OWN_METRICS}"));
    }
    for log in [METRICS, OWN_EPOCHS].map(at) {
        if log.is_file() {
            own_log::read(&log)?;
        }
    }
    match (has(LOGITS), has(LABELS)) {
        (true, true) => {}
        (true, false) => return lacks(folder, "logits.npy and no labels.npy"),
        (false, true) => return lacks(folder, "labels.npy and no logits.npy"),
        (false, false) if !test_sets(folder)?.is_empty() => {
            return lacks(folder, "further test sets and no logits.npy of the test part");
        }
        (false, false) if found.own.is_empty() => {
            return lacks(folder, "neither logits.npy with labels.npy nor metrics.json");
        }
        (false, false) => return Ok(found),
    }
    found.labels = npy::integers(&at(LABELS))?;
    found.others = others(folder)?;
    let logits = npy::matrix(&at(LOGITS))?;
    if logits.columns < 2 {
        return Err(Error::malformed(
            &at(LOGITS),
            "header",
            format!(
                "{} column: one for each class is expected (of a sigmoid's z: 0 and z)",
                logits.columns
            ),
        ));
    }
    found.classes = match has(CLASSES) {
        true => class_names(&at(CLASSES), logits.columns)?,
        false => (0..logits.columns).map(|class| class.to_string()).collect(),
    };
    validate_labels(&at(LABELS), &found.labels, logits.rows, logits.columns)?;
    let arrays = Arrays {
        folder,
        part: folder.to_owned(),
        classes: logits.columns,
        labels: &found.labels,
        loss,
        stop,
    };
    let measures = arrays.measured(&logits)?;
    for name in test_sets(folder)? {
        let set = arrays.further(&name)?;
        found.tests.insert(name, set);
    }
    let (representation, map) = arrays.features()?;
    found.measures = Some(Measures { representation, ..measures });
    found.map = map;
    Ok(found)
}

fn lacks<T>(folder: &Path, what: &str) -> Result<T> {
    Err(Error::Work(format!("it left {what} in {}", folder.display())))
}

/// One class a row.
fn validate_labels(path: &Path, labels: &[i64], rows: usize, classes: usize) -> Result<()> {
    if labels.len() != rows {
        let problem = format!("{} labels, and {rows} rows of logits", labels.len());
        return Err(Error::malformed(path, "header", problem));
    }
    let is_class = |label: i64| usize::try_from(label).is_ok_and(|label| label < classes);
    match labels.iter().position(|label| !is_class(*label)) {
        None => Ok(()),
        Some(row) => {
            let label = labels[row];
            // As PyTorch marks what its loss is to ignore.
            let more =
                if label < 0 { ": leave out of both files what is not to count" } else { "" };
            let problem = format!("{label} is none of the {classes} classes{more}");
            Err(Error::malformed(path, format!("row {row}"), problem))
        }
    }
}

/// How many examples the run in `folder` learned from or chose by: the rest of what its test part was
/// drawn from.
///
/// # Errors
/// What is no such array.
pub fn others(folder: &Path) -> Result<Option<usize>> {
    let [counts, validation] = [TRAIN_COUNTS, VAL_LABELS].map(|name| folder.join(name));
    if !counts.is_file() {
        return Ok(None);
    }
    let train: i64 =
        npy::integers(&counts)?.iter().fold(0, |all, count| all.saturating_add(*count));
    let chosen = if validation.is_file() { npy::integers(&validation)?.len() } else { 0 };
    Ok(usize::try_from(train).ok().map(|train| train.saturating_add(chosen)))
}

/// Names and numbers.
fn own_metrics(path: &Path) -> Result<BTreeMap<String, f64>> {
    let text = fs::read_to_string(path).map_err(Error::input(path))?;
    let found: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            // As Python writes what is not finite.
            match ["NaN", "Infinity"].iter().find(|name| text.contains(**name)) {
                Some(name) => {
                    let problem = format!("{name} is no number that can be compared");
                    Error::malformed(path, place, problem)
                }
                None => {
                    let problem = At::cause("names and numbers are expected: ", error);
                    Error::malformed(path, place, problem)
                }
            }
        })?;
    let number = |(name, value): (String, serde_json::Value)| match value.as_f64() {
        Some(number) => Ok((name, number)),
        None => Err(Error::malformed(path, format!("{name:?}"), format!("{value} is no number"))),
    };
    found.into_iter().map(number).collect()
}

fn class_names(path: &Path, classes: usize) -> Result<Vec<String>> {
    let text = fs::read_to_string(path).map_err(Error::input(path))?;
    let names: Vec<String> = serde_json::from_str(&text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::malformed(path, place, At::cause("a list of names is expected: ", error))
    })?;
    match names.len() == classes {
        true => Ok(names),
        false => {
            let problem = format!("{} names for {classes} classes", names.len());
            Err(Error::malformed(path, "whole file", problem))
        }
    }
}

/// What the logits of a test part are stored in, and all that is compared with them.
trait Precision: Number + Element {
    fn of(values: &Floats) -> Vec<Self>;
}

impl Precision for f32 {
    fn of(values: &Floats) -> Vec<f32> {
        values.to_f32()
    }
}

impl Precision for f64 {
    fn of(values: &Floats) -> Vec<f64> {
        values.to_f64()
    }
}

/// The arrays of a run.
struct Arrays<'a> {
    folder: &'a Path,
    /// Where logits and labels lie: that, or the folder of a further test set.
    part: PathBuf,
    classes: usize,
    labels: &'a [i64],
    loss: Option<&'a Loss>,
    stop: Stop<'a>,
}

impl Arrays<'_> {
    fn at(&self, name: &str) -> PathBuf {
        match [LOGITS, LABELS].contains(&name) {
            true => self.part.join(name),
            false => self.folder.join(name),
        }
    }

    /// What follows from the logits of the test part, or of another test set.
    fn measured(&self, logits: &Matrix) -> Result<Measures> {
        match &logits.values {
            Floats::F32(values) => self.measure(values),
            Floats::F64(values) => self.measure(values),
        }
    }

    /// What follows from the test set `name`, and its labels.
    fn further(&self, name: &str) -> Result<(Measures, Vec<i64>)> {
        let part = self.folder.join(further(name));
        if let Some(file) = [LOGITS, LABELS].iter().find(|file| !part.join(file).is_file()) {
            return lacks(self.folder, &format!("no {}/{file}", further(name)));
        }
        let labels = npy::integers(&part.join(LABELS))?;
        let logits = npy::matrix(&part.join(LOGITS))?;
        if logits.columns != self.classes {
            let problem = format!(
                "{} columns, and the logits of the test part have {} classes",
                logits.columns, self.classes
            );
            return Err(Error::malformed(&part.join(LOGITS), "header", problem));
        }
        validate_labels(&part.join(LABELS), &labels, logits.rows, logits.columns)?;
        let arrays = Arrays { part, labels: &labels, ..*self };
        let measures = arrays.measured(&logits)?;
        Ok((measures, labels))
    }

    /// The file `name`, if there is one, as logits of the same classes.
    fn logits<T: Precision>(&self, path: &Path) -> Result<Option<Vec<T>>> {
        if !path.is_file() {
            return Ok(None);
        }
        let matrix = npy::matrix(path)?;
        if matrix.columns != self.classes {
            let problem = format!(
                "{} columns, and the logits of the test part have {} classes",
                matrix.columns, self.classes
            );
            return Err(Error::malformed(path, "header", problem));
        }
        Ok(Some(T::of(&matrix.values)))
    }

    /// With the name of the file that a complaint is about.
    fn of<T>(&self, file: &Path, found: crate::measure::Result<T>) -> Result<T> {
        found.map_err(|error| match error {
            error if error.is_request() => Error::failed(format!("{}: ", file.display()), error),
            error => error.into(),
        })
    }

    fn measure<T: Precision>(&self, values: &[T]) -> Result<Measures> {
        let file = self.at(LOGITS);
        let logits = self.of(&file, Logits::new(values, self.classes))?;
        let counts = self.counts()?;
        let gradients = self.gradients(values, counts.as_deref())?;
        let felt = gradients.is_some();
        // Without the loss that was trained with nobody knows how steep it was.
        let gradients = gradients.unwrap_or_else(|| vec![T::default(); self.labels.len()]);
        let mut measures = self.of(&file, Measures::new(logits, self.labels, &gradients))?;
        if !felt {
            measures.steepness.clear();
        }
        let known = match self.logits::<T>(&self.at(VAL_LOGITS))? {
            Some(logits) => Some((logits, npy::integers(&self.at(VAL_LABELS))?)),
            None => None,
        };
        let mut validation = None;
        if let Some((known, labels)) = &known {
            let known = self.of(&self.at(VAL_LOGITS), Logits::new(known, self.classes))?;
            let done = measures.recalibrate(logits, self.labels, known, labels);
            self.of(&self.at(VAL_LABELS), done)?;
            validation = Some((known, &labels[..]));
        }
        if let Some(counts) = &counts {
            let path = self.at(TRAIN_COUNTS);
            let groups = self.of(&path, Groups::new(logits, self.labels, counts))?;
            measures.groups = groups.unless_alone();
        }
        let inside = Scores::new(logits);
        let mut first = None;
        // Those of other data are to be told from the test part.
        let foreign = if self.part == self.folder { self.foreign()? } else { Vec::new() };
        for (name, path) in foreign {
            let Some(values) = self.logits::<T>(&path)? else { continue };
            let foreign = Scores::new(self.of(&path, Logits::new(&values, self.classes))?);
            measures.ood.push(self.of(&path, Ood::new(&name, &inside, &foreign))?);
            first.get_or_insert(values);
        }
        let foreign = first.as_ref().map(|values| Logits::new(values, self.classes));
        let evidence = Evidence {
            validation,
            train_counts: counts.as_deref(),
            foreign: foreign.transpose()?,
            ..Evidence::new(logits, self.labels)
        };
        self.of(&file, evidence.measure(&mut measures.numbers))?;
        self.stop.check()?;
        Ok(measures)
    }

    /// Training examples of each class, where the run says it.
    fn counts(&self) -> Result<Option<Vec<i64>>> {
        let path = self.at(TRAIN_COUNTS);
        if !path.is_file() {
            return Ok(None);
        }
        let counts = npy::integers(&path)?;
        if counts.len() != self.classes {
            let problem = format!("{} counts for {} classes", counts.len(), self.classes);
            return Err(Error::malformed(&path, "header", problem));
        }
        match counts.iter().position(|count| *count < 0) {
            None => Ok(Some(counts)),
            Some(row) => {
                let problem = format!("{} is no number of examples", counts[row]);
                Err(Error::malformed(&path, format!("row {row}"), problem))
            }
        }
    }

    /// ∂L/∂z_y of each example's own loss; `None` where that is not known: of no loss, of one that
    /// changes while it trains, and of one that needs counts which are not there.
    fn gradients<T: Element>(
        &self,
        values: &[T],
        counts: Option<&[i64]>,
    ) -> Result<Option<Vec<T>>> {
        let fixed = |loss: &&Loss| {
            loss.schedule.is_none() && loss.from_epoch == 0 && !loss.auto_le && loss.jsd.is_none()
        };
        let Some(loss) = self.loss.filter(fixed) else { return Ok(None) };
        let criterion = match counts {
            Some(counts) => {
                let counts: Vec<u64> = counts.iter().map(|count| *count as u64).collect();
                loss.criterion_with_counts(&counts)?
            }
            None if loss.needs_counts() => return Ok(None),
            None => loss.criterion(self.classes)?,
        };
        let mut gradient = vec![T::default(); values.len()];
        let mut criterion = criterion.with_reduction(Reduction::None);
        criterion
            .forward_backward(values, Targets::Hard(self.labels), &mut gradient)
            .map_err(|error| Error::failed(format!("{}: ", self.at(LABELS).display()), error))?;
        let rows = gradient.chunks_exact(self.classes).zip(self.labels);
        Ok(Some(rows.map(|(row, &label)| row[label as usize]).collect()))
    }

    /// The logits of other data sets by their names.
    fn foreign(&self) -> Result<Vec<(String, PathBuf)>> {
        let folder = self.at(OOD);
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).map_err(Error::input(&folder))? {
            let path = entry.map_err(Error::input(&folder))?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if path.extension().is_some_and(|end| end == "npy") {
                found.push((name, path));
            }
        }
        found.sort();
        Ok(found)
    }

    /// What the features are worth, each by the others, and where they lie.
    fn features(&self) -> Result<(Option<Representation>, Option<FeatureMap>)> {
        let path = self.at(FEATURES);
        if !path.is_file() {
            return Ok((None, None));
        }
        let matrix = npy::matrix(&path)?;
        if matrix.rows != self.labels.len() {
            let problem = format!("{} rows for {} labels", matrix.rows, self.labels.len());
            return Err(Error::malformed(&path, "header", problem));
        }
        let values = matrix.values.to_f64();
        let some = |most: usize| {
            let step = matrix.rows.div_ceil(most).max(1);
            let rows = values.chunks_exact(matrix.columns.max(1)).step_by(step);
            let labels: Vec<i64> = self.labels.iter().copied().step_by(step).collect();
            (rows.flatten().copied().collect::<Vec<f64>>(), labels)
        };
        let (few, labels) = some(MOST);
        let features = self.of(&path, Features::new(&few, matrix.columns))?;
        if features.rows() < 2 {
            return Ok((None, None));
        }
        let pca = self.of(&path, Pca::fit(features, features.columns().min(2), self.stop))?;
        let voters = VOTERS.min(features.rows() - 1);
        let measured = Representation::new(features, &labels, None, &pca, voters, None, self.stop);
        let (few, labels) = some(MAPPED);
        let mapped = self.of(&path, Features::new(&few, matrix.columns))?;
        let map = self.of(&path, FeatureMap::new(mapped, &labels, self.stop))?;
        Ok((Some(self.of(&path, measured)?), map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Run;
    use crate::measure::Cause;

    /// What is said of three test examples of two classes where `change` is done to them.
    fn said(change: impl Fn(&Run, &Path)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let run = Run::in_folder(folder.path(), None, 0);
        run.test(&[2.0, 0.0, 0.0, 2.0, 1.0, 0.0], 2, &[0, 1, 1]).unwrap();
        change(&run, folder.path());
        let loss: Loss = "el(le=0.75)".parse().unwrap();
        let found = read(folder.path(), Some(&loss), &BTreeMap::new(), Stop::never());
        found.map_or_else(|error| error.to_string(), |found| format!("{:?}", found.own))
    }

    fn labels(folder: &Path, labels: &[i64]) {
        npy::write_vector(&folder.join(LABELS), labels).unwrap();
    }

    /// What a library said is kept behind our words.
    #[test]
    fn causes_are_kept() {
        use crate::measure::Error::{Failed, Malformed};
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join(OWN_METRICS);
        fs::write(&at, "[").unwrap();
        for error in [own_metrics(&at).unwrap_err(), class_names(&at, 2).unwrap_err()] {
            let Error::Measure(Malformed { problem, .. }) = error else { panic!("{error}") };
            let cause = &problem.downcast_ref::<At<Cause>>().unwrap().error;
            assert!(cause.0.is::<serde_json::Error>());
        }
        let run = Run::in_folder(folder.path(), None, 0);
        run.test(&[f32::NAN, 0.0, 0.0, 2.0], 2, &[0, 1]).unwrap();
        fs::remove_file(at).unwrap();
        let error = read(folder.path(), None, &BTreeMap::new(), Stop::never()).unwrap_err();
        let Error::Measure(Failed(at)) = error else { panic!("{error}") };
        assert!(at.error.0.is::<crate::measure::Error>());
    }

    #[test]
    fn a_complaint_names_the_file_that_it_is_about() {
        let infinite = [2.0, 0.0, 0.0, f32::NEG_INFINITY, 1.0, 0.0];
        let metrics = |text: &str| {
            let text = text.to_owned();
            said(move |_, folder| fs::write(folder.join(OWN_METRICS), &text).unwrap())
        };
        for (found, expected) in [
            (said(|_, _| ()), "{}"),
            (said(|_, folder| labels(folder, &[0, 1])), "labels.npy: header: 2 labels, and 3 rows"),
            (
                said(|_, folder| labels(folder, &[0, 1, 2])),
                "labels.npy: row 2: 2 is none of the 2 classes",
            ),
            (
                said(|_, folder| labels(folder, &[0, -100, 1])),
                "labels.npy: row 1: -100 is none of the 2 classes: leave out of both files",
            ),
            (
                said(|run, _| run.test(&infinite, 2, &[0, 1, 1]).unwrap()),
                "logits.npy: the logit in row 1, column 1 is -inf",
            ),
            (
                said(|run, _| run.train_counts(&[3]).unwrap()),
                "train_counts.npy: header: 1 counts for 2 classes",
            ),
            (
                said(|run, _| run.train_counts(&[3, -1]).unwrap()),
                "train_counts.npy: row 1: -1 is no number of examples",
            ),
            (
                metrics("{\"wer\": NaN}"),
                "metrics.json: line 1, column 9: NaN is no number that can",
            ),
            (metrics("{\"wer\": \"x\"}"), "metrics.json: \"wer\": \"x\" is no number"),
            (metrics("{\"wer\": 2}"), "{\"wer\": 2.0}"),
        ] {
            assert!(found.contains(expected), "{found}\n{expected}");
        }
    }
}
