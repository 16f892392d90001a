//! [`Partners`]: whether the runs of a command can be compared: with the same test examples for each seed,
//! the same classes and the same metrics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::contract::{RunOutput, others};
use crate::layout::{LABELS, further};
use crate::measure::Overlap;
use crate::{Error, Result, Run, npy};

/// What is known of runs that were looked at.
#[derive(Debug, Default)]
pub struct Partners {
    /// The labels of the test part of each seed, and whose they are.
    labels: BTreeMap<u64, (PathBuf, Vec<i64>)>,
    /// Those of further test sets, by seed and name.
    sets: BTreeMap<(u64, String), (PathBuf, Vec<i64>)>,
    /// What the first one has, which all are to have.
    first: Option<FirstRun>,
    /// The fewest examples beside a test part that a run says there are.
    others: Option<usize>,
}

/// What has to be the same in all runs.
#[derive(Debug)]
struct FirstRun {
    folder: PathBuf,
    classes: Vec<String>,
    metrics: Vec<String>,
    /// Names of further test sets.
    sets: Vec<String>,
}

/// What runs are held against each other by.
struct RunTraits {
    labels: Vec<i64>,
    sets: BTreeMap<String, Vec<i64>>,
    classes: Vec<String>,
    metrics: Vec<String>,
    others: Option<usize>,
}

/// How `own` labels differ from `theirs`, if they do.
fn unequal(own: &[i64], theirs: &[i64]) -> Option<String> {
    if own.len() != theirs.len() {
        return Some(format!("{} labels, the other {}", own.len(), theirs.len()));
    }
    let row = theirs.iter().zip(own).position(|(theirs, own)| theirs != own)?;
    Some(format!("label {} in row {row}, the other {}", own[row], theirs[row]))
}

impl Partners {
    /// Looks at what the run of `seed` in `folder` has just left.
    ///
    /// # Errors
    /// What does not go with the others, and with which of them.
    pub fn meet(&mut self, folder: &Path, seed: u64, found: &RunOutput) -> Result<()> {
        let sets = found.tests.iter().map(|(name, (_, labels))| (name.clone(), labels.clone()));
        let traits = RunTraits {
            labels: found.labels.clone(),
            sets: sets.collect(),
            classes: found.classes.clone(),
            metrics: found.own.keys().cloned().collect(),
            others: found.others,
        };
        self.add(folder, seed, traits)
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
        let of_set = |name: &String| {
            let path = folder.join(further(name)).join(LABELS);
            Ok((name.clone(), npy::integers(&path)?))
        };
        let traits = RunTraits {
            labels,
            sets: run.tests.keys().map(of_set).collect::<Result<_>>()?,
            classes: classes.to_vec(),
            metrics: run.own.keys().cloned().collect(),
            others: others(folder)?,
        };
        self.add(folder, run.seed, traits)
    }

    fn add(&mut self, folder: &Path, seed: u64, traits: RunTraits) -> Result<()> {
        let RunTraits { labels, sets, classes, metrics, others } = traits;
        let names: Vec<String> = sets.keys().cloned().collect();
        let refuse = |other: &Path, problem: String| {
            Err(Error::Work(format!(
                "{} cannot be compared with {}: {problem}",
                folder.display(),
                other.display()
            )))
        };
        if let Some(FirstRun {
            folder: other,
            classes: theirs,
            metrics: metrics_there,
            sets: sets_there,
        }) = &self.first
        {
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
            for (what, own, theirs) in
                [("metric", &metrics, metrics_there), ("test set", &names, sets_there)]
            {
                if let Some(name) = lacks(theirs, own) {
                    return refuse(other, format!("it has no {what} {name:?}, and the other has"));
                }
                if let Some(name) = lacks(own, theirs) {
                    return refuse(
                        other,
                        format!("it has a {what} {name:?}, and the other has not"),
                    );
                }
            }
        }
        if let Some((other, theirs)) = self.labels.get(&seed)
            && let Some(problem) = unequal(&labels, theirs)
        {
            return refuse(other, format!("one seed is tested on the same examples: {problem}"));
        }
        for (name, own) in &sets {
            if let Some((other, theirs)) = self.sets.get(&(seed, name.clone()))
                && let Some(problem) = unequal(own, theirs)
            {
                let what = "one seed is tested on the same examples";
                return refuse(other, format!("{what}: of the test set {name}, {problem}"));
            }
        }
        self.first.get_or_insert_with(|| FirstRun {
            folder: folder.to_owned(),
            classes,
            metrics,
            sets: names,
        });
        self.labels.entry(seed).or_insert_with(|| (folder.to_owned(), labels));
        for (name, labels) in sets {
            self.sets.entry((seed, name)).or_insert_with(|| (folder.to_owned(), labels));
        }
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

    fn found(labels: &[i64], classes: &[&str], metrics: &[&str]) -> RunOutput {
        let owned =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        RunOutput {
            labels: labels.to_vec(),
            classes: owned(classes),
            own: owned(metrics).into_iter().map(|name| (name, 1.0)).collect(),
            ..RunOutput::default()
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
        let set = |labels: &[i64]| RunOutput {
            tests: [("rain".to_owned(), (Default::default(), labels.to_vec()))].into(),
            ..found(&[0, 1, 1], &["a", "b"], &["wer"])
        };
        let error =
            partners.meet(Path::new("focal/seed=0"), 0, &set(&[1])).unwrap_err().to_string();
        assert!(error.ends_with("it has a test set \"rain\", and the other has not"), "{error}");
        let mut others = Partners::default();
        others.meet(Path::new("ce/seed=0"), 0, &set(&[1, 0])).unwrap();
        others.meet(Path::new("ce/seed=1"), 1, &set(&[0, 0])).unwrap();
        let error = others.meet(Path::new("el/seed=0"), 0, &set(&[1, 1])).unwrap_err().to_string();
        assert!(error.ends_with("of the test set rain, label 1 in row 1, the other 0"), "{error}");
        // Another seed may draw another part.
        let other = found(&[1, 1, 0], &["a", "b"], &["wer"]);
        partners.meet(Path::new("ce/seed=1"), 1, &other).unwrap();
        assert_eq!(partners.overlap(), None);
        partners.others = Some(12);
        assert_eq!(partners.overlap(), Some(Overlap::Redrawn { test: 3, train: 12 }));
    }
}
