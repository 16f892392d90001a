//! The confusion matrix, and what it says of rare classes.
//!
//! With row = label and column = prediction, a class's recall (also called its accuracy) is its
//! diagonal entry over its row's sum, its precision over its column's sum, and
//! F1 = 2·TP / (2·TP + FP + FN).

use super::{Logit, Logits, softmax::argmax};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};
use std::collections::BTreeMap;

pub(crate) const BALANCED_ACCURACY: Card = Card {
    key: "balanced_accuracy",
    title: "balanced accuracy",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "mean accuracy of the classes",
    range: Range::Share,
    source: Source::Field("balance.balanced_accuracy", |m| Some(m.balance?.balanced_accuracy)),
};

pub(crate) const MACRO_F1: Card = Card {
    key: "macro_f1",
    title: "macro F1",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "mean F1 score of the classes",
    range: Range::Share,
    source: Source::Field("balance.macro_f1", |m| Some(m.balance?.macro_f1)),
};

/// Counts of predictions by label. Only the pairs that occur take memory: the full matrix of
/// iNaturalist's 8142 classes would be half a gigabyte of zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    cells: BTreeMap<(usize, usize), u64>,
}

impl Confusion {
    /// Counts the predictions of `logits`, of equal logits the first.
    ///
    /// `labels`: one class a row.
    ///
    /// ```
    /// use steepness_measure::{Confusion, Logits};
    /// let logits = Logits::new(&[2.0f32, 1.0, 0.0, 3.0, 1.0, 0.0], 2)?;
    /// let confusion = Confusion::new(logits, &[0, 1, 1])?;
    /// assert_eq!((confusion.count(1, 0), confusion.count(0, 1)), (1, 0));
    /// assert_eq!(confusion.balanced_accuracy(), 0.75);
    /// # Ok::<(), steepness_measure::Error>(())
    /// ```
    ///
    /// # Errors
    /// Labels that do not fit the logits.
    pub fn new<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Self> {
        let mut cells = BTreeMap::new();
        for (row, label) in logits.labelled(labels)? {
            *cells.entry((label, argmax(row))).or_insert(0) += 1;
        }
        Ok(Self { classes: logits.classes(), cells })
    }

    /// How many examples of class `label` are classified as `prediction`.
    pub fn count(&self, label: usize, prediction: usize) -> u64 {
        self.cells.get(&(label, prediction)).copied().unwrap_or(0)
    }

    /// (label, prediction, count) of the pairs that occur, in the order of the matrix.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        self.cells.iter().map(|(&(label, prediction), &count)| (label, prediction, count))
    }

    /// How many examples each class has.
    pub fn examples(&self) -> Vec<u64> {
        self.totals(|label, _| label)
    }

    /// The accuracy of each class; `None` for a class without examples.
    pub fn class_accuracy(&self) -> Vec<Option<f64>> {
        let examples = self.examples().into_iter().enumerate();
        let accuracy = |(class, examples): (usize, u64)| {
            (examples > 0).then(|| self.count(class, class) as f64 / examples as f64)
        };
        examples.map(accuracy).collect()
    }

    /// The F1 score of each class; `None` for a class that neither occurs nor is predicted.
    pub fn class_f1(&self) -> Vec<Option<f64>> {
        let predicted = self.totals(|_, prediction| prediction);
        let both = self.examples().into_iter().zip(predicted).enumerate();
        let f1 = |(class, (examples, predicted)): (usize, (u64, u64))| {
            let all = examples + predicted;
            (all > 0).then(|| 2.0 * self.count(class, class) as f64 / all as f64)
        };
        both.map(f1).collect()
    }

    /// The mean accuracy of the classes that have examples, as scikit-learn's
    /// `balanced_accuracy_score`.
    pub fn balanced_accuracy(&self) -> f64 {
        mean_of_known(&self.class_accuracy())
    }

    /// The mean F1 score of the classes that occur or are predicted, as scikit-learn's
    /// `f1_score(average="macro")`.
    pub fn macro_f1(&self) -> f64 {
        mean_of_known(&self.class_f1())
    }

    fn totals(&self, class: fn(usize, usize) -> usize) -> Vec<u64> {
        let mut totals = vec![0; self.classes];
        for (label, prediction, count) in self.cells() {
            totals[class(label, prediction)] += count;
        }
        totals
    }
}

/// There is always one: logits have a row, and its label occurs.
fn mean_of_known(values: &[Option<f64>]) -> f64 {
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    super::mean(&known).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{accuracy, sample};

    #[test]
    fn agrees_with_scikit_learn() {
        // z, y = draw(31, 80, 6, 3) of sample.rs; z[:, 4] = -9; y[y == 5] = 0; c = z.argmax(1)
        // sklearn.metrics.confusion_matrix(y, c, labels=range(6))
        // sklearn.metrics.f1_score(y, c, average="macro"), balanced_accuracy_score(y, c)
        let (mut values, mut labels) = sample::draw(31, 80, 6, 3.0);
        values.iter_mut().skip(4).step_by(6).for_each(|z| *z = -9.0);
        labels.iter_mut().filter(|label| **label == 5).for_each(|label| *label = 0);
        let confusion = Confusion::new(Logits::new(&values, 6).unwrap(), &labels).unwrap();
        let all = (0..36).map(|i| confusion.count(i / 6, i % 6));
        assert_eq!(all.collect::<Vec<_>>(), COUNTS);
        assert!((confusion.macro_f1() - F1).abs() < 1e-15, "{}", confusion.macro_f1());
        let balanced = confusion.balanced_accuracy();
        assert!((balanced - BALANCED).abs() < 1e-15, "{balanced}");
        assert_eq!(confusion.class_accuracy()[5], None);
    }

    #[rustfmt::skip]
    const COUNTS: [u64; 36] = [
        7, 5, 2, 2, 0, 10,
        2, 4, 2, 1, 0, 2,
        2, 6, 3, 4, 0, 0,
        1, 2, 5, 3, 0, 0,
        4, 2, 2, 4, 0, 5,
        0, 0, 0, 0, 0, 0,
    ];
    const F1: f64 = 0.17448275862068963;
    const BALANCED: f64 = 0.22111888111888112;

    #[test]
    fn equally_many_of_each_class_make_balanced_accuracy_accuracy() {
        let (values, _) = sample::draw(32, 60, 3, 3.0);
        let labels: Vec<i64> = (0..60).map(|i| i % 3).collect();
        let logits = Logits::new(&values, 3).unwrap();
        let balanced = Confusion::new(logits, &labels).unwrap().balanced_accuracy();
        assert!((balanced - accuracy(logits, &labels).unwrap()).abs() < 1e-15);
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        let one = Confusion::new(Logits::new(&[1.0f32], 1).unwrap(), &[0]).unwrap();
        assert_eq!((one.macro_f1(), one.balanced_accuracy()), (1.0, 1.0));
        let wrong = Confusion::new(Logits::new(&[1.0f32, 0.0, 0.0], 3).unwrap(), &[1]).unwrap();
        assert_eq!(wrong.class_f1(), [Some(0.0), Some(0.0), None]);
        assert_eq!(wrong.class_accuracy(), [None, Some(0.0), None]);
    }
}
