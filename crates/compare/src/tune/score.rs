//! What a finished trial is worth to a [`Judge`]: what its files say of the validation part.

use super::judge::{Judge, PREFIX, Score, USUAL};
use crate::layout::{VAL_LABELS, VAL_LOGITS};
use crate::measure::{Card, Logits, Measures};
use crate::npy::{self, Floats};
use crate::{Error, Result, Run, RunFiles};

impl Judge {
    /// What the finished trial `run` is worth, whose files are `files`; `None` where that is no number.
    ///
    /// # Errors
    /// A run that left nothing of a validation part.
    pub fn score(&self, files: &RunFiles, run: &Run) -> Result<Option<Score>> {
        let score = match self.of_command {
            true => self.of_command(files, run)?,
            false => self.of_log(files, run)?,
        };
        Ok(Some(score).filter(|score| score.value.is_finite()))
    }

    fn of_command(&self, files: &RunFiles, run: &Run) -> Result<Score> {
        let own = || run.own.get(&format!("{PREFIX}{}", self.name)).copied();
        let predicted = match self.reported || !files.has(VAL_LOGITS)? {
            true => None,
            false => self.card.map(|card| predicted(files, card)).transpose()?.flatten(),
        };
        let reported = || own().map(|value| Score { value, nll: None });
        predicted.or_else(reported).ok_or_else(|| {
            let Self { name, .. } = self;
            Error::Request(format!(
                "{} left nothing that a trial could be judged by: {VAL_LOGITS} with {VAL_LABELS} of the \
                 validation part, from which {name} follows, or {PREFIX}{name} in metrics.json; the test \
                 part is not asked",
                files.path().display()
            ))
        })
    }

    /// What the log says of the epoch whose weights were measured.
    fn of_log(&self, files: &RunFiles, run: &Run) -> Result<Score> {
        let at = run.epoch(self.select);
        let epoch = run.epochs.iter().find(|epoch| Some(epoch.epoch) == at).ok_or_else(|| {
            let run = files.path().display();
            Error::Work(format!("{run} has no log of the epoch that was measured"))
        })?;
        let value = if self.name == USUAL { epoch.val_accuracy } else { epoch.val_nll };
        let value = self.card.map_or(value, |card| card.in_unit(value));
        Ok(Score { value, nll: Some(epoch.val_nll) })
    }
}

/// The measurement `card` of the validation part; `None` where that does not follow from predictions.
fn predicted(files: &RunFiles, card: &Card) -> Result<Option<Score>> {
    let at = |name: &str| files.path().join(name);
    let matrix = npy::matrix_of(files.bytes(VAL_LOGITS)?, &at(VAL_LOGITS))?;
    let labels = npy::integers_of(files.bytes(VAL_LABELS)?, &at(VAL_LABELS))?;
    let measures = match &matrix.values {
        Floats::F32(values) => Logits::new(values, matrix.columns)
            .and_then(|logits| Measures::new(logits, &labels, &vec![0.0; labels.len()])),
        Floats::F64(values) => Logits::new(values, matrix.columns)
            .and_then(|logits| Measures::new(logits, &labels, &vec![0.0; labels.len()])),
    };
    let measures = measures
        .map_err(|problem| Error::Work(format!("{}: {problem}", at(VAL_LOGITS).display())))?;
    let value = card.recorded(&measures).map(|(_, value)| card.in_unit(value));
    Ok(value.map(|value| Score { value, nll: Some(measures.nll) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;
    use crate::report::sample;
    use std::fs;
    use std::path::Path;

    fn judge(metric: &str, declared: &str) -> Judge {
        let text = format!(
            "name = \"x\"\nlosses = [\"ce\"]\nseeds = [0]\n[run]\ncommand = [\"t\"]\n{declared}\n\
             [tune]\nlr = [1]\n{metric}\n"
        );
        Plan::parse(Path::new("r"), &text).unwrap().tuning().unwrap().unwrap().judge
    }

    fn run() -> Run {
        sample::comparison(&["ce"], 1).groups.remove(0).runs.remove(0)
    }

    #[test]
    fn the_validation_part_is_asked_and_never_the_test_part() {
        let folder = tempfile::tempdir().unwrap();
        let files = RunFiles::at(folder.path()).unwrap();
        let mut run = run();
        run.own = [("accuracy".to_owned(), 0.9)].into();
        let error = judge("", "").score(&files, &run).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains("val_logits.npy"), "{error}");
        run.own.insert("val_accuracy".to_owned(), 0.25);
        let score = |judge: Judge| judge.score(&files, &run).unwrap().unwrap();
        assert_eq!(score(judge("", "")), Score { value: 0.25, nll: None });
        let logits = [1.0f32, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0];
        npy::write_matrix(&folder.path().join(VAL_LOGITS), &logits, 2).unwrap();
        npy::write_vector(&folder.path().join(VAL_LABELS), &[0i64, 0, 1, 0]).unwrap();
        assert_eq!(score(judge("", "")).value, 75.0);
        // log(1 + e^-1) three times, log(1 + e) once
        let nll = ((-1f64).exp().ln_1p() * 3.0 + 1f64.exp().ln_1p()) / 4.0;
        let found = score(judge("metric = \"nll\"", "")).value;
        assert!((found - nll).abs() < 1e-7, "{found}");
        // What is asked for by the name that it has in metrics.json is read there.
        assert_eq!(score(judge("metric = \"val_accuracy\"", "")).value, 0.25);
        fs::write(folder.path().join(VAL_LABELS), "x").unwrap();
        assert!(judge("", "").score(&files, &run).is_err());
    }
}
