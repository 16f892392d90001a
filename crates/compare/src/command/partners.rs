//! [`Partners`]: whether the runs of a command can be compared: with the same test examples for each seed,
//! the same classes and the same metrics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::contract::{Found, others};
use crate::layout::LABELS;
use crate::measure::Overlap;
use crate::{Error, Result, Run, npy};

/// What is known of runs that were looked at.
#[derive(Debug, Default)]
pub struct Partners {
    /// The labels of the test part of each seed, and whose they are.
    labels: BTreeMap<u64, (PathBuf, Vec<i64>)>,
    /// The classes, and the names of the metrics, of the first one.
    first: Option<(PathBuf, Vec<String>, Vec<String>)>,
    /// The fewest examples beside a test part that a run says there are.
    others: Option<usize>,
}

impl Partners {
    /// Looks at what the run of `seed` in `folder` has just left.
    ///
    /// # Errors
    /// What does not go with the others, and with which of them.
    pub fn meet(&mut self, folder: &Path, seed: u64, found: &Found) -> Result<()> {
        let names = found.own.keys().cloned().collect();
        self.add(folder, seed, found.labels.clone(), found.classes.clone(), names, found.others)
    }

    /// Looks at one that was finished before.
    ///
    /// # Errors
    /// As [`Partners::meet`].
    pub fn meet_again(&mut self, folder: &Path, run: &Run, classes: &[String]) -> Result<()> {
        let labels = match run.has_predictions() {
            true => npy::integers(&folder.join(LABELS))?,
            false => Vec::new(),
        };
        let names = run.own.keys().cloned().collect();
        self.add(folder, run.seed, labels, classes.to_vec(), names, others(folder)?)
    }

    fn add(
        &mut self,
        folder: &Path,
        seed: u64,
        labels: Vec<i64>,
        classes: Vec<String>,
        metrics: Vec<String>,
        others: Option<usize>,
    ) -> Result<()> {
        let refuse = |other: &Path, problem: String| {
            Err(Error::Work(format!(
                "{} cannot be compared with {}: {problem}",
                folder.display(),
                other.display()
            )))
        };
        if let Some((other, theirs, names)) = &self.first {
            if *theirs != classes {
                let problem = match theirs.len() == classes.len() {
                    true => "the names of the classes are not the same".to_owned(),
                    false => {
                        format!("it has {} classes, the other {}", classes.len(), theirs.len())
                    }
                };
                return refuse(other, problem);
            }
            let lacks =
                |a: &[String], b: &[String]| a.iter().find(|name| !b.contains(name)).cloned();
            if let Some(name) = lacks(names, &metrics) {
                return refuse(other, format!("it has no metric {name:?}, and the other has"));
            }
            if let Some(name) = lacks(&metrics, names) {
                return refuse(other, format!("it has a metric {name:?}, and the other has not"));
            }
        }
        if let Some((other, theirs)) = self.labels.get(&seed)
            && *theirs != labels
        {
            let problem = match theirs.len() == labels.len() {
                true => {
                    let row = theirs.iter().zip(&labels).position(|(a, b)| a != b).unwrap_or(0);
                    format!("label {} in row {row}, the other {}", labels[row], theirs[row])
                }
                false => format!("{} labels, the other {}", labels.len(), theirs.len()),
            };
            return refuse(other, format!("one seed is tested on the same examples: {problem}"));
        }
        self.first.get_or_insert_with(|| (folder.to_owned(), classes, metrics));
        self.labels.entry(seed).or_insert_with(|| (folder.to_owned(), labels));
        self.others = match (self.others, others) {
            (Some(before), Some(now)) => Some(before.min(now)),
            (before, now) => before.or(now),
        };
        Ok(())
    }

    /// What the test parts of the seeds have in common: with the same labels they are taken to be one.
    /// Otherwise each seed drew its own, and how large the rest was only the counts of the training
    /// examples tell; without them that is not known.
    pub fn overlap(&self) -> Option<Overlap> {
        let mut all = self.labels.values().map(|(_, labels)| labels);
        let first = all.next().filter(|labels| !labels.is_empty())?;
        match (all.all(|labels| labels == first), self.others) {
            (true, _) => Some(Overlap::None),
            (false, Some(train)) => Some(Overlap::Redrawn { test: first.len(), train }),
            (false, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(labels: &[i64], classes: &[&str], metrics: &[&str]) -> Found {
        let owned =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Found {
            labels: labels.to_vec(),
            classes: owned(classes),
            own: owned(metrics).into_iter().map(|name| (name, 1.0)).collect(),
            ..Found::default()
        }
    }

    #[test]
    fn only_what_is_alike_is_compared() {
        let mut partners = Partners::default();
        let one = found(&[0, 1, 1], &["a", "b"], &["wer"]);
        partners.meet(Path::new("ce/seed=0"), 0, &one).unwrap();
        partners.meet(Path::new("el/seed=0"), 0, &one).unwrap();
        assert_eq!(partners.overlap(), Some(Overlap::None));
        for (other, expected) in [
            (found(&[0, 1, 0], &["a", "b"], &["wer"]), "label 0 in row 2, the other 1"),
            (found(&[0, 1], &["a", "b"], &["wer"]), "2 labels, the other 3"),
            (found(&[0, 1, 1], &["a", "b", "c"], &["wer"]), "it has 3 classes, the other 2"),
            (found(&[0, 1, 1], &["a", "c"], &["wer"]), "the names of the classes"),
            (found(&[0, 1, 1], &["a", "b"], &[]), "it has no metric \"wer\", and the other has"),
            (found(&[0, 1, 1], &["a", "b"], &["f", "wer"]), "it has a metric \"f\", and the other"),
        ] {
            let error = partners.meet(Path::new("focal/seed=0"), 0, &other).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            let both = "focal/seed=0 cannot be compared with ce/seed=0: ";
            assert!(error.to_string().starts_with(both) && error.exit_code() == 1, "{error}");
        }
        // Another seed may draw another part.
        let other = found(&[1, 1, 0], &["a", "b"], &["wer"]);
        partners.meet(Path::new("ce/seed=1"), 1, &other).unwrap();
        assert_eq!(partners.overlap(), None);
        partners.others = Some(12);
        assert_eq!(partners.overlap(), Some(Overlap::Redrawn { test: 3, train: 12 }));
    }
}
