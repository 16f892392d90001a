//! Top-1 accuracy: the share of examples whose largest logit is the label's.

use super::{Logit, Logits, softmax::argmax};
use crate::Result;

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
