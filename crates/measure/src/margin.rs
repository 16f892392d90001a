//! Margins: by how much the label's logit leads.
//!
//! * γ = z_y − max_{k≠y} z_k, the hard margin;
//! * u = z_y − log Σ_{k≠y} exp z_k, the log-sum-exp margin: the log-odds of the label, log p/(1 − p).
//!   Every other class counts, so it is γ or less, by no more than log(K − 1);
//! * z_y − max(0, max_{k≠y} z_k), the legacy margin, as the authors measured it: their code takes
//!   the maximum over z·(1 − one-hot), whose entry for the label is 0. It is γ or less, and less
//!   exactly when all the other logits are negative.

use super::{
    Logit, Logits,
    softmax::{Odds, rival},
};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};

pub(crate) const CARD: Card = Card {
    key: "margin",
    title: "margin",
    unit: "",
    direction: Direction::Undefined,
    decimals: 2,
    meaning: "mean of the label's logit minus the largest other logit",
    range: Range::Any,
    source: Source::Field("margin.mean", |m| Some(m.margin.mean)),
};

pub(crate) const LSE: Card = Card {
    key: "margin_lse",
    title: "soft margin",
    unit: "",
    direction: Direction::Undefined,
    decimals: 2,
    meaning: "mean of the label's logit minus log Σ exp of the others: the log-odds of the label",
    range: Range::Any,
    source: Source::Field("margin_lse_mean", |m| m.margin_lse_mean),
};

pub(crate) const LEGACY: Card = Card {
    key: "margin_legacy",
    title: "legacy margin",
    unit: "",
    direction: Direction::Undefined,
    decimals: 2,
    meaning: "mean margin as the authors measured it, where the largest other logit is at least 0",
    range: Range::Any,
    source: Source::Field("margin_legacy_mean", |m| m.margin_legacy_mean),
};

/// The hard margin of each example, one value a row; positive exactly where the label alone leads.
///
/// `labels`: one class a row.
///
/// # Errors
/// A single class has no margin. Labels that do not fit the logits.
pub fn margins<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Vec<f64>> {
    logits.validate_rivals("a margin")?;
    logits.map_labelled(labels, |row, label| row[label].into() - rival(row, label))
}

/// The log-sum-exp margin of each example, one value a row; positive exactly where p_y > 1/2.
///
/// # Errors
/// As [`margins`].
pub fn lse_margins<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Vec<f64>> {
    logits.validate_rivals("a margin")?;
    logits.map_labelled(labels, |row, label| Odds::new(row, label).log_odds)
}

/// The margin as the authors measured it, clipped at 0, one value a row: for comparison with the
/// paper's Figures 1 and 6 only.
///
/// # Errors
/// As [`margins`].
pub fn legacy_margins<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Vec<f64>> {
    logits.validate_rivals("a margin")?;
    logits.map_labelled(labels, |row, label| row[label].into() - rival(row, label).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{accuracy::correct, sample};

    #[test]
    fn is_not_clipped_at_zero() {
        let logits = Logits::new(&[-1.0f32, -3.0, -2.0, 2.0, 2.0, 1.0], 3).unwrap();
        assert_eq!(margins(logits, &[0, 2]).unwrap(), [1.0, -1.0]);
        assert_eq!(margins(logits, &[1, 0]).unwrap(), [-2.0, 0.0]);
    }

    #[test]
    fn the_authors_is() {
        // mask = numpy.eye(3)[y]; (z * mask).sum(1) - (z * (1 - mask)).max(1), the official code
        let logits = Logits::new(&[-1.0f32, -3.0, -2.0, 2.0, 2.0, 1.0], 3).unwrap();
        assert_eq!(legacy_margins(logits, &[0, 2]).unwrap(), [-1.0, -1.0]);
        assert_eq!(legacy_margins(logits, &[1, 0]).unwrap(), [-3.0, 0.0]);
    }

    #[test]
    fn the_soft_margin_agrees_with_scipy() {
        // [z[i, k] - scipy.special.logsumexp(numpy.delete(z[i], k)) for i, k in enumerate(y)]
        let margins = lse_margins(Logits::new(&sample::LOGITS, 4).unwrap(), &sample::LABELS);
        let expected = [
            0.128460968147317,
            -1.0986122886681098,
            5.681824570752546,
            38.68492783933475,
            -1.1698460195562856,
            -0.3166970566234055,
        ];
        for (margin, expected) in margins.unwrap().iter().zip(expected) {
            assert!((margin - expected).abs() < 1e-12, "{margin} is not {expected}");
        }
    }

    #[test]
    fn one_class_has_none() {
        let logits = Logits::new(&[1.0f32], 1).unwrap();
        for margins in [margins, lse_margins, legacy_margins] {
            let complaint = margins(logits, &[0]).unwrap_err().to_string();
            assert_eq!(complaint, "a margin needs at least 2 classes, not 1");
        }
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

    #[test]
    fn the_others_lie_below_the_hard_one() {
        let (values, labels) = sample::draw(9, 200, 5, 3.0);
        let logits = Logits::new(&values, 5).unwrap();
        let hard = margins(logits, &labels).unwrap();
        let soft = lse_margins(logits, &labels).unwrap();
        let legacy = legacy_margins(logits, &labels).unwrap();
        for ((hard, soft), legacy) in hard.iter().zip(soft).zip(legacy) {
            assert!(soft <= *hard && hard - soft <= 4f64.ln() + 1e-12);
            assert!(legacy <= *hard);
        }
    }
}
