//! Margins: by how much the label's logit leads.
//!
//! γ = z_y − max_{k≠y} z_k, the true margin. (The official code of the paper takes
//! z_y − max(0, max_{k≠y} z_k), which is smaller when all the other logits are negative.)

use super::{Logit, Logits, softmax::Odds};
use crate::{Error, Result};

/// The margin of each example, one value a row; positive exactly where the label alone leads.
///
/// `labels`: one class a row.
///
/// # Errors
/// A single class has no margin. Labels that do not fit the logits.
pub fn margins<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Vec<f64>> {
    if logits.classes() < 2 {
        return Err(Error::Request("a margin needs at least 2 classes, not 1".into()));
    }
    Ok(logits.labelled(labels)?.map(|(row, label)| Odds::new(row, label).margin).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{accuracy::correct, sample};

    #[test]
    fn is_not_clipped_at_zero() {
        let logits = Logits::new(&[-1.0f32, -3.0, -2.0, 2.0, 2.0, 1.0], 3).unwrap();
        assert_eq!(margins(logits, &[0, 2]).unwrap(), [1.0, -1.0]);
        assert_eq!(margins(logits, &[1, 0]).unwrap(), [-2.0, 0.0]);
    }

    #[test]
    fn one_class_has_none() {
        let logits = Logits::new(&[1.0f32], 1).unwrap();
        assert!(margins(logits, &[0]).unwrap_err().to_string().contains("at least 2 classes"));
    }

    #[test]
    fn is_positive_exactly_where_the_prediction_is_right() {
        for seed in 0..50 {
            let (values, labels) = sample::draw(seed, 40, 5, 3.0);
            let logits = Logits::new(&values, 5).unwrap();
            let positive = margins(logits, &labels).unwrap().iter().filter(|m| **m > 0.0).count();
            assert_eq!(positive, correct(logits, &labels).unwrap());
        }
    }
}
