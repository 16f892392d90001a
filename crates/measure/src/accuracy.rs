//! Top-1 accuracy: the share of examples whose largest logit is the label's.

use super::{Logit, Logits, softmax::argmax};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};

pub(crate) const CARD: Card = Card {
    key: "accuracy",
    title: "accuracy",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "share of test examples whose largest logit is the label's",
    range: Range::Share,
    source: Source::Field("accuracy", |m| Some(m.accuracy)),
};

pub(crate) const FIRST_STAGE: Card = Card {
    key: "first_stage_accuracy",
    title: "first stage",
    unit: "%",
    direction: Direction::Higher,
    decimals: 2,
    meaning: "accuracy before the classifier was trained anew on frozen features (cRT)",
    range: Range::Share,
    source: Source::Field("first_stage_accuracy", |m| m.first_stage_accuracy),
};

/// Accuracy, a fraction. The prediction is the class with the largest logit; of equal ones the
/// first, as numpy's and torch's argmax have it.
///
/// `labels`: one class a row.
///
/// ```
/// use steepness_measure::{Logits, accuracy};
/// let logits = Logits::new(&[2.0f32, 1.0, 0.0, 3.0], 2)?;
/// assert_eq!(accuracy(logits, &[0, 0])?, 0.5);
/// # Ok::<(), steepness_measure::Error>(())
/// ```
///
/// # Errors
/// Labels that do not fit the logits.
pub fn accuracy<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<f64> {
    Ok(correct(logits, labels)? as f64 / logits.rows() as f64)
}

/// How many examples are classified correctly, as in [`accuracy`].
///
/// # Errors
/// Labels that do not fit the logits.
pub fn correct<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<usize> {
    Ok(logits.labelled(labels)?.filter(|(row, label)| argmax(row) == *label).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_first_of_equals() {
        let logits = Logits::new(&[1.0f32, 1.0, 1.0, 1.0, 0.0, 1.0], 2).unwrap();
        assert_eq!(correct(logits, &[0, 0, 1]).unwrap(), 3);
        assert_eq!(correct(logits, &[1, 1, 0]).unwrap(), 0);
    }

    #[test]
    fn one_class_is_always_right() {
        assert_eq!(accuracy(Logits::new(&[1.0f32, -7.0], 1).unwrap(), &[0, 0]).unwrap(), 1.0);
    }

    #[test]
    fn labels_are_checked() {
        let logits = Logits::new(&[1.0f32, 0.0], 2).unwrap();
        assert!(accuracy(logits, &[2]).is_err());
        assert!(accuracy(logits, &[]).is_err());
    }
}
