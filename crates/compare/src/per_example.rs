//! How [`ExampleDifferences`] come out of the predictions that runs keep.
//!
//! The predictions of a run can be as large as its data, so each file is read once and only sums are kept.

use std::path::{Path, PathBuf};

use super::layout::{LABELS, LOGITS, MANIFEST};
use super::{Comparison, ExampleDifferences, RunFiles};
use crate::measure::{Logits, OF_EACH, Overlap, TwoWay, each};
use crate::npy::{self, Floats};
use crate::plain;

/// One run's test part.
struct TestPart {
    labels: Vec<i64>,
    values: [Vec<f64>; OF_EACH.len()],
}

impl ExampleDifferences {
    /// Reads the predictions of the runs of `comparison`, which lie in `folders`: one a setting and
    /// seed. Whatever keeps them from being read is said by [`ExampleDifferences::Absent`], without a
    /// path, so that a report is the same wherever it is made: it is none the worse without them.
    pub fn read(comparison: &Comparison, folders: &[Vec<PathBuf>]) -> Self {
        let drawn = comparison.overlap().is_some_and(|overlap| overlap != Overlap::None);
        if drawn || folders.len() < 2 || folders.iter().any(|runs| runs.len() < 2) {
            return ExampleDifferences::NotAsked;
        }
        Self::compare(comparison, folders).unwrap_or_else(ExampleDifferences::Absent)
    }

    fn compare(comparison: &Comparison, folders: &[Vec<PathBuf>]) -> Result<Self, String> {
        let (mut labels, mut differences) = (Vec::new(), Vec::new());
        for (at, run) in comparison.groups[0].runs.iter().enumerate() {
            let mut first: Option<TestPart> = None;
            for (row, (group, runs)) in comparison.groups.iter().zip(folders).enumerate() {
                let folder = runs.get(at).ok_or("a seed has no run with every loss")?;
                let name = || {
                    let setting = group.setting.to_string();
                    format!("{} with seed {}", plain::name(&setting), run.seed)
                };
                let own = tested(folder).map_err(|what| format!("{} {what}", name()))?;
                if differences.is_empty() {
                    let none = || std::array::from_fn(|_| Some(TwoWay::new(own.labels.len())));
                    differences = folders[1..].iter().map(|_| none()).collect();
                    labels.clone_from(&own.labels);
                }
                if labels != own.labels {
                    return Err(format!(
                        "{} was tested on other examples than the first run",
                        name()
                    ));
                }
                match &first {
                    Some(first) => add(&mut differences[row - 1], first, &own),
                    None => first = Some(own),
                }
            }
        }
        Ok(ExampleDifferences::Asked { count: labels.len(), differences })
    }
}

/// Adds a seed's differences; a metric with one that is not finite is left out from then on.
fn add(differences: &mut [Option<TwoWay>], first: &TestPart, own: &TestPart) {
    for (at, both) in differences.iter_mut().enumerate() {
        let pairs = own.values[at].iter().zip(&first.values[at]);
        let of_seed: Vec<f64> = pairs.map(|(own, first)| own - first).collect();
        let added = both.as_mut().is_some_and(|both| both.add(&of_seed).is_ok());
        if !added {
            *both = None;
        }
    }
}

/// What the run in `folder` said of its test examples, or what is wrong with that.
fn tested(folder: &Path) -> Result<TestPart, String> {
    let unread = |name: &str| format!("has a {name} that cannot be read");
    let bytes = |name: &str| -> Result<Vec<u8>, String> {
        let files = RunFiles::at(folder).map_err(|_| unread(MANIFEST))?;
        match files.has(name) {
            Ok(false) => Err(format!("has kept no {name}")),
            Ok(true) => files.bytes(name).map_err(|_| unread(name)),
            Err(_) => Err(unread(name)),
        }
    };
    let matrix =
        npy::matrix_of(bytes(LOGITS)?, &folder.join(LOGITS)).map_err(|_| unread(LOGITS))?;
    let labels =
        npy::integers_of(bytes(LABELS)?, &folder.join(LABELS)).map_err(|_| unread(LABELS))?;
    let values = match &matrix.values {
        Floats::F32(values) => Logits::new(values, matrix.columns).and_then(|z| each(z, &labels)),
        Floats::F64(values) => Logits::new(values, matrix.columns).and_then(|z| each(z, &labels)),
    };
    let values = values.map_err(|problem| format!("has odd predictions: {problem}"))?;
    Ok(TestPart { labels, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use std::fs;

    /// Two losses with two seeds: the second one gets one example more right.
    fn folders(root: &Path, labels: &[i64]) -> Vec<Vec<PathBuf>> {
        let folder = |loss: usize, seed: usize| {
            let path = root.join(format!("{loss}/{seed}"));
            fs::create_dir_all(&path).unwrap();
            let last = if loss == 1 { 2.0 } else { -2.0 };
            let logits = [1.0, 0.0, 1.0, 0.5, last, seed as f32];
            npy::write_matrix(&path.join(LOGITS), &logits, 2).unwrap();
            npy::write_vector(&path.join(LABELS), labels).unwrap();
            path
        };
        (0..2).map(|loss| (0..2).map(|seed| folder(loss, seed)).collect()).collect()
    }

    fn fixed() -> Comparison {
        sample::overlapping(sample::comparison(&["ce", "el(le=1)"], 2), Overlap::None)
    }

    fn why(examples: &ExampleDifferences) -> &str {
        match examples {
            ExampleDifferences::Absent(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn differences_are_those_of_the_predictions() {
        let root = tempfile::tempdir().unwrap();
        let examples = ExampleDifferences::read(&fixed(), &folders(root.path(), &[0, 1, 0]));
        let accuracy = examples.of(1, "accuracy").unwrap();
        assert_eq!((accuracy.mean(), accuracy.examples()), (Some(1.0 / 3.0), 3));
        // log p of the last example: log(1 + e^(s - 2)) and log(1 + e^(s + 2)), for s = 0 and 1.
        let nll = |z: f64| (1.0 + z.exp()).ln();
        let expected = (nll(-2.0) + nll(-1.0) - nll(2.0) - nll(3.0)) / 6.0;
        assert!((examples.of(1, "nll").unwrap().mean().unwrap() - expected).abs() < 1e-12);
        assert!(examples.of(0, "nll").is_none() && examples.of(2, "nll").is_none());
        assert!(examples.of(1, "ece").is_some() && examples.of(1, "macro_f1").is_none());
    }

    #[test]
    fn what_keeps_them_from_being_read_is_said() {
        let root = tempfile::tempdir().unwrap();
        let folders = folders(root.path(), &[0, 1, 0]);
        let second = &folders[1][1];
        npy::write_vector(&second.join(LABELS), &[1i64, 1, 0]).unwrap();
        let examples = ExampleDifferences::read(&fixed(), &folders);
        let expected = "el(le=1) with seed 2 was tested on other examples than the first run";
        assert_eq!(why(&examples), expected);
        fs::remove_file(second.join(LOGITS)).unwrap();
        let examples = ExampleDifferences::read(&fixed(), &folders);
        assert_eq!(why(&examples), "el(le=1) with seed 2 has kept no logits.npy");
        fs::write(second.join(LOGITS), "no array").unwrap();
        let examples = ExampleDifferences::read(&fixed(), &folders);
        let expected = "el(le=1) with seed 2 has a logits.npy that cannot be read";
        assert_eq!(why(&examples), expected);
        assert!(examples.of(1, "accuracy").is_none());
    }

    #[test]
    fn nobody_asks_where_there_is_nothing_to_tell() {
        let not_asked = |comparison: &Comparison, folders: &[Vec<PathBuf>]| {
            matches!(ExampleDifferences::read(comparison, folders), ExampleDifferences::NotAsked)
        };
        let root = tempfile::tempdir().unwrap();
        let all = folders(root.path(), &[0, 1, 0]);
        let drawn = sample::overlapping(fixed(), Overlap::Redrawn { test: 3, train: 9 });
        assert!(not_asked(&drawn, &all) && not_asked(&fixed(), &all[..1]));
        let one_seed = all.iter().map(|runs| runs[..1].to_vec()).collect::<Vec<_>>();
        assert!(not_asked(&fixed(), &one_seed));
    }

    /// Their columns are found by these keys.
    #[test]
    fn each_is_a_metric_of_the_table() {
        for key in OF_EACH {
            crate::report::find_metric(key).unwrap();
        }
    }
}
