//! Accuracy of frequent and rare classes, as long-tailed benchmarks report it.
//!
//! The usual thresholds, for ImageNet-LT and iNaturalist, call classes with more than 100 training
//! examples "many" and those with fewer than 20 "few" (Liu et al. 2019).

use super::{Confusion, Logit, Logits};
use crate::card::{Card, Direction, Range, Source};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

pub(crate) const MANY: Card = Card {
    key: "many",
    title: "many-shot",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "mean accuracy of the classes with more than 100 training examples",
    range: Range::Share,
    source: Source::Field("groups.many", |m| m.groups?.many),
};

pub(crate) const MEDIUM: Card = Card {
    key: "medium",
    title: "medium-shot",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "mean accuracy of the classes with 20 to 100 training examples",
    range: Range::Share,
    source: Source::Field("groups.medium", |m| m.groups?.medium),
};

pub(crate) const FEW: Card = Card {
    key: "few",
    title: "few-shot",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "mean accuracy of the classes with fewer than 20 training examples",
    range: Range::Share,
    source: Source::Field("groups.few", |m| m.groups?.few),
};

/// Mean per-class accuracy of the classes with many, some and few training examples, fractions.
/// `None` for a group without a class that has examples here.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// Classes with more training examples than [`Thresholds::many_above`].
    pub many: Option<f64>,
    /// Classes in between.
    pub medium: Option<f64>,
    /// Classes with fewer training examples than [`Thresholds::few_below`].
    pub few: Option<f64>,
}

/// Where the groups of classes begin and end, in training examples of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// A class with more has many.
    pub many_above: i64,
    /// A class with fewer has few.
    pub few_below: i64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { many_above: 100, few_below: 20 }
    }
}

impl Groups {
    /// Groups the classes by `train_counts`, the number of training examples of each class, with
    /// the usual [`Thresholds`]. A class without evaluation examples is left out of its group's
    /// mean.
    ///
    /// `labels`: one class a row.
    ///
    /// # Errors
    /// Counts that are negative or not one a class; labels that do not fit the logits.
    pub fn new<T: Logit>(logits: Logits<T>, labels: &[i64], train_counts: &[i64]) -> Result<Self> {
        Self::with(Thresholds::default(), logits, labels, train_counts)
    }

    /// As [`Groups::new`] with other thresholds.
    ///
    /// # Errors
    /// As [`Groups::new`]; thresholds between which there is no room.
    pub fn with<T: Logit>(
        thresholds: Thresholds,
        logits: Logits<T>,
        labels: &[i64],
        train_counts: &[i64],
    ) -> Result<Self> {
        let Thresholds { many_above, few_below } = thresholds;
        if few_below > many_above {
            return Err(Error::Request(format!(
                "classes cannot have few examples below {few_below} and many above {many_above}"
            )));
        }
        if train_counts.len() != logits.classes() {
            return Err(Error::Request(format!(
                "{} training counts for {} classes",
                train_counts.len(),
                logits.classes()
            )));
        }
        if let Some(class) = train_counts.iter().position(|count| *count < 0) {
            return Err(Error::Request(format!(
                "class {class} cannot have {} training examples",
                train_counts[class]
            )));
        }
        let accuracies = Confusion::new(logits, labels)?.class_accuracy();
        let mean = |wanted: &dyn Fn(i64) -> bool| {
            let group = train_counts.iter().zip(&accuracies).filter(|(count, _)| wanted(**count));
            let known: Vec<f64> = group.filter_map(|(_, accuracy)| *accuracy).collect();
            super::mean(&known)
        };
        Ok(Self {
            many: mean(&|n| n > many_above),
            medium: mean(&|n| (few_below..=many_above).contains(&n)),
            few: mean(&|n| n < few_below),
        })
    }
}

impl Groups {
    /// `None` where all classes are in one group, which then says no more than the balanced
    /// accuracy.
    pub fn unless_alone(self) -> Option<Self> {
        let known = [self.many, self.medium, self.few].iter().flatten().count();
        (known > 1).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One-hot logits that predict the given classes.
    fn predict(predictions: &[usize], classes: usize) -> Vec<f32> {
        let one_hot = |&p: &usize| (0..classes).map(move |k| if k == p { 1.0 } else { 0.0 });
        predictions.iter().flat_map(one_hot).collect()
    }

    #[test]
    fn means_are_over_classes_not_examples() {
        let values = predict(&[0, 0, 0, 1, 1, 2, 0], 5);
        let logits = Logits::new(&values, 5).unwrap();
        let labels = [0, 0, 0, 0, 1, 2, 3];
        let groups = Groups::new(logits, &labels, &[101, 500, 100, 20, 19]).unwrap();
        assert_eq!(groups, Groups { many: Some(0.875), medium: Some(0.5), few: None });
        let groups = Groups::new(logits, &labels, &[0, 19, 20, 100, 101]).unwrap();
        assert_eq!(groups, Groups { many: None, medium: Some(0.5), few: Some(0.875) });
        assert_eq!(groups.unless_alone(), Some(groups));
        assert_eq!(Groups { few: None, ..groups }.unless_alone(), None);
        let thresholds = Thresholds { many_above: 20, few_below: 19 };
        let groups = Groups::with(thresholds, logits, &labels, &[0, 19, 20, 100, 101]).unwrap();
        assert_eq!(groups, Groups { many: Some(0.0), medium: Some(1.0), few: Some(0.75) });
    }

    #[test]
    fn counts_are_checked() {
        let logits = Logits::new(&[0.0f32, 1.0], 2).unwrap();
        let complaint = |counts: &[i64]| Groups::new(logits, &[1], counts).unwrap_err().to_string();
        let crossed = Thresholds { many_above: 5, few_below: 6 };
        assert!(Groups::with(crossed, logits, &[1], &[1, 1]).is_err());
        assert_eq!(complaint(&[1]), "1 training counts for 2 classes");
        assert_eq!(complaint(&[1, -3]), "class 1 cannot have -3 training examples");
    }
}
