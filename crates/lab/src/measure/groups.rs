//! Accuracy of frequent and rare classes, as long-tailed benchmarks report it.

use super::{Logit, Logits, softmax::argmax};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Mean per-class accuracy of the classes with many, some and few training examples, fractions.
/// `None` for a group without a class that has examples here.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// Classes with more than 100 training examples.
    pub many: Option<f64>,
    /// Classes with 20 to 100 training examples.
    pub medium: Option<f64>,
    /// Classes with fewer than 20 training examples.
    pub few: Option<f64>,
}

impl Groups {
    /// Groups the classes by `train_counts`, the number of training examples of each class. A class
    /// without evaluation examples is left out of its group's mean.
    ///
    /// `labels`: one class a row.
    ///
    /// # Errors
    /// Counts that are negative or not one a class; labels that do not fit the logits.
    pub fn new<T: Logit>(logits: Logits<T>, labels: &[i64], train_counts: &[i64]) -> Result<Self> {
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
        let mut classes = vec![(0u64, 0u64); logits.classes()];
        for (row, label) in logits.labelled(labels)? {
            classes[label].0 += u64::from(argmax(row) == label);
            classes[label].1 += 1;
        }
        let mean = |wanted: fn(i64) -> bool| {
            let group = train_counts.iter().zip(&classes);
            let accuracies: Vec<f64> = group
                .filter(|(count, (_, examples))| wanted(**count) && *examples > 0)
                .map(|(_, (hits, examples))| *hits as f64 / *examples as f64)
                .collect();
            super::mean(&accuracies)
        };
        Ok(Self {
            many: mean(|n| n > 100),
            medium: mean(|n| (20..=100).contains(&n)),
            few: mean(|n| n < 20),
        })
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
    }

    #[test]
    fn counts_are_checked() {
        let logits = Logits::new(&[0.0f32, 1.0], 2).unwrap();
        let complaint = |counts: &[i64]| Groups::new(logits, &[1], counts).unwrap_err().to_string();
        assert_eq!(complaint(&[1]), "1 training counts for 2 classes");
        assert_eq!(complaint(&[1, -3]), "class 1 cannot have -3 training examples");
    }
}
