//! Brier score: the squared distance of the predicted distribution from what happened.
//!
//! Σ_k (p_k − 1\[k = y\])² averaged over the examples (Brier 1950), between 0 and 2: for two classes
//! twice what is called the binary Brier score. It is a proper score: it rewards calibration and
//! sharpness together.

use super::{Logit, Logits, softmax::RowOutcome};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};

pub(crate) const CARD: Card = Card {
    key: "brier",
    title: "Brier",
    unit: "",
    direction: Direction::Lower,
    decimals: 4,
    meaning: "mean squared distance of the probabilities from what happened, 0 to 2",
    range: Range::NotNegative,
    source: Source::Field("calibration.brier", |m| Some(m.calibration?.brier)),
};

pub(crate) const SCALED: Card = Card {
    key: "brier_scaled",
    title: "Brier, scaled",
    unit: "",
    direction: Direction::Lower,
    decimals: 4,
    meaning: "Brier score after temperature scaling",
    range: Range::NotNegative,
    source: Source::Field("recalibrated.brier", |m| Some(m.recalibrated?.calibration.brier)),
};

/// The mean Brier score, as scikit-learn's `brier_score_loss(scale_by_half=False)`.
///
/// `labels`: one class a row.
///
/// # Errors
/// Labels that do not fit the logits.
pub fn brier<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<f64> {
    let scores = logits.map_labelled(labels, |row, label| RowOutcome::new(row, label).brier)?;
    Ok(scores.iter().sum::<f64>() / logits.rows() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, LABELS, LOGITS};

    #[test]
    fn agrees_with_scikit_learn() {
        // p = scipy.special.softmax(numpy.float64(z), axis=1)
        // sklearn.metrics.brier_score_loss(y, p, labels=range(4), scale_by_half=False)
        let value = brier(Logits::new(&LOGITS, 4).unwrap(), &LABELS).unwrap();
        assert!((value - BRIER).abs() < 1e-14, "{value}");
    }

    const BRIER: f64 = 0.45363248675310963;

    #[test]
    fn stays_exact_near_certainty() {
        let sure = Logits::new(&[50.0f64, 0.0], 2).unwrap();
        let value = brier(sure, &[0]).unwrap();
        assert!((value / (2.0 * (-100f64).exp()) - 1.0).abs() < 1e-12, "{value}");
        assert_eq!(brier(sure, &[1]).unwrap(), 2.0);
        assert_eq!(brier(Logits::new(&[3.0f32], 1).unwrap(), &[0]).unwrap(), 0.0);
    }

    #[test]
    fn lies_between_zero_and_two() {
        for seed in 0..20 {
            let (values, labels) = sample::draw(seed, 30, 4, 10.0);
            let value = brier(Logits::new(&values, 4).unwrap(), &labels).unwrap();
            assert!((0.0..=2.0).contains(&value));
        }
    }
}
