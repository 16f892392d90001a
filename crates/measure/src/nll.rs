//! Negative log-likelihood and the likelihoods behind it.
//!
//! The same measure for every loss: −log p of the label, whatever the model was trained with.

use super::{Logit, Logits, softmax::Odds};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};

pub(crate) const CARD: Card = Card {
    key: "nll",
    title: "NLL",
    unit: "",
    direction: Direction::Lower,
    decimals: 3,
    meaning: "mean −log p of the label, in nats, before any temperature scaling",
    range: Range::NotNegative,
    source: Source::Field("nll", |m| Some(m.nll)),
};

pub(crate) const SCALED: Card = Card {
    key: "nll_scaled",
    title: "NLL, scaled",
    unit: "",
    direction: Direction::Lower,
    decimals: 3,
    meaning: "mean −log p of the label after temperature scaling",
    range: Range::NotNegative,
    source: Source::Field("recalibrated.nll", |m| Some(m.recalibrated?.calibration.nll)),
};

/// Mean −log p of the label, in nats; +∞ if a label's own logit is −∞.
///
/// `labels`: one class a row.
///
/// # Errors
/// Labels that do not fit the logits.
pub fn nll<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<f64> {
    let surprise = |row: &[T], label| Odds::new(row, label).surprise();
    let sum: f64 = logits.map_labelled(labels, surprise)?.iter().sum();
    Ok(sum / logits.rows() as f64)
}

/// The probability of each example's label, one value a row.
///
/// # Errors
/// Labels that do not fit the logits.
pub fn likelihoods<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Vec<f64>> {
    logits.map_labelled(labels, |row, label| Odds::new(row, label).probability())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{LABELS, LOGITS};

    #[test]
    fn agrees_with_scikit_learn() {
        // p = scipy.special.softmax(z, axis=1)
        // sklearn.metrics.log_loss(y, p, labels=range(4)); p[range(6), y]
        let logits = Logits::new(&LOGITS, 4).unwrap();
        let value = nll(logits, &LABELS).unwrap();
        assert!((value - 0.7208074087518609).abs() < 1e-12, "{value}");
        let expected = [
            0.5320711503963734,
            0.25,
            0.9966042346699128,
            1.0,
            0.23688281808991013,
            0.42148091068615356,
        ];
        for (p, expected) in likelihoods(logits, &LABELS).unwrap().iter().zip(expected) {
            assert!((p - expected).abs() < 1e-14, "{p} is not {expected}");
        }
    }

    #[test]
    fn a_masked_label_is_infinitely_surprising() {
        let logits = Logits::new(&[f32::NEG_INFINITY, 0.0], 2).unwrap();
        assert_eq!(nll(logits, &[0]).unwrap(), f64::INFINITY);
        assert_eq!(nll(logits, &[1]).unwrap(), 0.0);
    }
}
