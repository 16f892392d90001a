//! Two classes told apart by the difference of their logits, at all thresholds at once.
//!
//! Where one of two classes is rare, accuracy says little: who always says the other one is right most
//! of the time. The area under the ROC curve is the probability that an example of one class has the
//! larger difference z_1 − z_0 than one of the other; average precision looks at how pure the examples
//! are that come first, and depends on how rare the class is: a guess has the class's share.

use super::{Logit, Logits, auroc, average_precision};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};
use serde::{Deserialize, Serialize};

pub(crate) const AUROC: Card = Card {
    key: "auroc",
    title: "AUROC",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "of two classes: area under the ROC curve of telling one from the other by the \
              difference of their logits",
    range: Range::Share,
    source: Source::Field("binary.auroc", |m| Some(m.binary?.auroc)),
};

pub(crate) const AVERAGE_PRECISION: Card = Card {
    key: "average_precision",
    title: "average precision",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "of two classes: average precision of finding the rarer one by the difference of \
              the logits; a guess has that class's share",
    range: Range::Share,
    source: Source::RareClass("binary.average_precision", |m| Some(m.binary?.average_precision)),
};

/// How well a classifier orders the examples of two classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binary {
    /// Area under the ROC curve, a fraction; the same for either class.
    pub auroc: f64,
    /// Average precision with class 0 and with class 1 as the one looked for, fractions.
    pub average_precision: [f64; 2],
}

impl Binary {
    /// Of `logits`, one class a row in `labels`; `None` where there are not two classes with
    /// examples.
    ///
    /// # Errors
    /// Labels that do not fit the logits.
    pub fn new<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Option<Self>> {
        if logits.classes() != 2 {
            return Ok(None);
        }
        let mut scores = [Vec::new(), Vec::new()];
        for (row, label) in logits.labelled(labels)? {
            let (first, second): (f64, f64) = (row[0].into(), row[1].into());
            // Two masked classes are equally unlikely.
            let score = if first == second { 0.0 } else { second - first };
            scores[label].push(score);
        }
        let [zero, one] = &scores;
        if zero.is_empty() || one.is_empty() {
            return Ok(None);
        }
        let negated = |scores: &[f64]| scores.iter().map(|score| -score).collect::<Vec<_>>();
        Ok(Some(Self {
            auroc: auroc(one, zero)?,
            average_precision: [
                average_precision(&negated(zero), &negated(one))?,
                average_precision(one, zero)?,
            ],
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn agrees_with_scikit_learn() {
        // z, y = draw(41, 60, 2, 3) of sample.rs; y = y * (numpy.arange(60) % 3 == 0)
        // d = (z[:, 1] - z[:, 0]).astype(float)
        // roc_auc_score(y, d), average_precision_score(1 - y, -d), average_precision_score(y, d)
        let (values, mut labels) = sample::draw(41, 60, 2, 3.0);
        labels.iter_mut().enumerate().for_each(|(at, y)| *y *= i64::from(at % 3 == 0));
        let found = Binary::new(Logits::new(&values, 2).unwrap(), &labels).unwrap().unwrap();
        for (ours, expected) in
            [found.auroc, found.average_precision[0], found.average_precision[1]]
                .iter()
                .zip(SKLEARN)
        {
            assert!((ours - expected).abs() < 1e-12, "{found:?} is not {SKLEARN:?}");
        }
    }

    const SKLEARN: [f64; 3] = [0.6361655773420479, 0.914835777543084, 0.21943899581078485];

    #[test]
    fn odd_input_has_a_defined_result() {
        let of = |values: &[f32], classes, labels: &[i64]| {
            Binary::new(Logits::new(values, classes).unwrap(), labels)
        };
        assert_eq!(of(&[0.0, 1.0, 2.0], 3, &[1]).unwrap(), None);
        assert_eq!(of(&[0.0, 1.0, 1.0, 0.0], 2, &[1, 1]).unwrap(), None);
        let constant = of(&[0.5; 8], 2, &[0, 1, 0, 0]).unwrap().unwrap();
        assert_eq!((constant.auroc, constant.average_precision), (0.5, [0.75, 0.25]));
        let masked = of(&[f32::NEG_INFINITY, 1.0, 1.0, f32::NEG_INFINITY], 2, &[1, 0]).unwrap();
        assert_eq!(masked.unwrap().auroc, 1.0);
        assert!(of(&[0.0, 1.0], 2, &[2]).is_err());
    }
}
