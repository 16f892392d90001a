//! Calibration: does a confidence of 80 % come true in 80 % of the cases?
//!
//! The confidence is max_k p_k, and its accuracy that of the prediction. Over bins m of n_m among N
//! examples,
//!
//! * ECE = Σ_m (n_m / N) · |accuracy_m − confidence_m| (Guo et al. 2017, eq. 3),
//! * MCE = max_m |accuracy_m − confidence_m| over the bins that are not empty (eq. 5),
//!
//! with bins (a, b\] of equal width, or of equal mass: as many examples in each. A confidence of
//! exactly 1.0 lies in the last bin, which torchmetrics gets wrong. Classwise, every class is judged
//! by its own probability, not only the predicted one.

pub(crate) mod classwise;
pub(crate) mod equal_mass;
mod record;

pub use classwise::classwise_ece;
pub use equal_mass::reliability_equal_mass;
pub use record::{Calibration, ScaledCalibration};

use super::{
    Logit, Logits, ReliabilityBin,
    softmax::{Odds, argmax},
};
use crate::card::{Card, Direction, Range, Source};
use crate::{Error, Result};

pub(crate) const ECE: Card = Card {
    key: "ece",
    title: "ECE",
    unit: "%",
    direction: Direction::Lower,
    decimals: 2,
    meaning: "expected calibration error, 15 equal-width bins of confidence",
    range: Range::Share,
    source: Source::Field("ece", |m| Some(m.ece)),
};

pub(crate) const MCE: Card = Card {
    key: "mce",
    title: "MCE",
    unit: "%",
    direction: Direction::Lower,
    decimals: 2,
    meaning: "largest calibration error of 15 equal-width bins",
    range: Range::Share,
    source: Source::Field("calibration.mce", |m| Some(m.calibration?.mce)),
};

pub(crate) const ECE_SCALED: Card = Card {
    key: "ece_scaled",
    title: "ECE, scaled",
    unit: "%",
    direction: Direction::Lower,
    decimals: 2,
    meaning: "expected calibration error after temperature scaling",
    range: Range::Share,
    source: Source::Field("recalibrated.ece", |m| Some(m.recalibrated?.calibration.ece)),
};

/// Confidence and accuracy in `bins` equal-width bins of confidence: the reliability diagram.
///
/// `labels`: one class a row.
///
/// # Errors
/// Zero bins. Labels that do not fit the logits.
pub fn reliability<T: Logit>(
    logits: Logits<T>,
    labels: &[i64],
    bins: usize,
) -> Result<Vec<ReliabilityBin>> {
    equal_width(&confidences(logits, labels)?, bins)
}

/// The expected calibration error of the bins of a [`reliability`] diagram, in \[0, 1\]; 0 for bins
/// that are all empty.
pub fn ece(reliability: &[ReliabilityBin]) -> f64 {
    let examples: u64 = reliability.iter().map(|bin| bin.count).sum();
    let gap = |bin: &ReliabilityBin| bin.count as f64 * (bin.accuracy - bin.confidence).abs();
    reliability.iter().map(gap).sum::<f64>() / examples.max(1) as f64
}

/// The maximum calibration error: the largest gap of a bin that is not empty, in \[0, 1\]; 0 for
/// bins that are all empty.
pub fn mce(reliability: &[ReliabilityBin]) -> f64 {
    let filled = reliability.iter().filter(|bin| bin.count > 0);
    filled.map(|bin| (bin.accuracy - bin.confidence).abs()).fold(0.0, f64::max)
}

/// The confidence of each prediction, and whether it is right.
pub(crate) fn confidences<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Vec<(f64, bool)>> {
    logits.map_labelled(labels, |row, label| {
        let prediction = argmax(row);
        (Odds::new(row, prediction).probability(), prediction == label)
    })
}

fn equal_width(confidences: &[(f64, bool)], bins: usize) -> Result<Vec<ReliabilityBin>> {
    validate_bins(bins)?;
    let edge = |i: usize| i as f64 / bins as f64;
    let empty = |i| ReliabilityBin {
        low: edge(i),
        high: edge(i + 1),
        count: 0,
        confidence: 0.0,
        accuracy: 0.0,
    };
    let mut reliability: Vec<_> = (0..bins).map(empty).collect();
    for &(confidence, hit) in confidences {
        let bin = &mut reliability[bin_of(confidence, bins)];
        bin.count += 1;
        bin.confidence += confidence;
        bin.accuracy += f64::from(hit);
    }
    for bin in reliability.iter_mut().filter(|bin| bin.count > 0) {
        bin.confidence /= bin.count as f64;
        bin.accuracy /= bin.count as f64;
    }
    Ok(reliability)
}

fn validate_bins(bins: usize) -> Result<()> {
    match bins {
        0 => Err(Error::Request("calibration needs at least 1 bin, not 0".into())),
        _ => Ok(()),
    }
}

/// The bin i with i / bins < confidence ≤ (i + 1) / bins.
pub(crate) fn bin_of(confidence: f64, bins: usize) -> usize {
    let bin = ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1;
    // The product may round over an edge, which only the quotient tells exactly.
    if confidence <= bin as f64 / bins as f64 {
        bin.saturating_sub(1)
    } else if confidence > (bin + 1) as f64 / bins as f64 {
        (bin + 1).min(bins - 1)
    } else {
        bin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// Two-class logits with the given probability of class 0.
    fn confident(p: &[f64]) -> Vec<f64> {
        p.iter().flat_map(|p| [(p / (1.0 - p)).ln(), 0.0]).collect()
    }

    #[test]
    fn ece_agrees_with_numpy_and_torchmetrics() {
        // p = scipy.special.softmax(z, axis=1); c = p.max(1); hit = p.argmax(1) == y
        // sum(m.mean() * abs(hit[m].mean() - c[m].mean()) for i in range(15)
        //     if (m := (c > i / 15) & (c <= (i + 1) / 15)).any())
        // torchmetrics 1.9.0, which sums in f32: torchmetrics.functional.classification
        //     .multiclass_calibration_error(torch.tensor(p), y, 4, n_bins=15, norm="l1")
        let logits = Logits::new(&sample::LOGITS, 4).unwrap();
        let value = ece(&reliability(logits, &sample::LABELS, 15).unwrap());
        assert!((value - 0.3177385127985672).abs() < 1e-12, "{value}");
        assert!((value - 0.31773853302001953).abs() < 1e-7, "{value}");
    }

    #[test]
    fn mce_agrees_with_numpy_and_torchmetrics() {
        // max(abs(hit[m].mean() - c[m].mean()) for i in range(15) if …), and with norm="max"
        let logits = Logits::new(&sample::LOGITS, 4).unwrap();
        let value = mce(&reliability(logits, &sample::LABELS, 15).unwrap());
        assert!((value - MCE).abs() < 1e-12, "{value}");
        assert!((value - 0.6439142823219299).abs() < 1e-7, "{value}");
    }

    const MCE: f64 = 0.6439142598879724;

    #[test]
    fn edges_belong_to_the_bin_below() {
        for bins in 1..=60 {
            for i in 1..=bins {
                let edge = i as f64 / bins as f64;
                assert_eq!(bin_of(edge, bins), i - 1, "{i}/{bins}");
                if i < bins {
                    assert_eq!(bin_of(edge.next_up(), bins), i, "above {i}/{bins}");
                }
            }
        }
    }

    #[test]
    fn certainty_lies_in_the_last_bin() {
        let logits = Logits::new(&[1e3f32, 0.0], 2).unwrap();
        let bins = reliability(logits, &[0], 15).unwrap();
        assert_eq!((bins[14].count, bins[14].confidence, bins[14].accuracy), (1, 1.0, 1.0));
        assert_eq!(ece(&bins), 0.0);
        assert_eq!(ece(&reliability(logits, &[1], 15).unwrap()), 1.0);
    }

    #[test]
    fn opposite_errors_in_one_bin_cancel_and_in_two_bins_add_up() {
        let values = confident(&[0.74, 0.75, 0.94, 0.95]);
        let logits = Logits::new(&values, 2).unwrap();
        let one = ece(&reliability(logits, &[0, 0, 1, 0], 1).unwrap());
        assert!((one - (0.75f64 - 0.845).abs()).abs() < 1e-12, "{one}");
        let ten = ece(&reliability(logits, &[0, 0, 1, 0], 10).unwrap());
        assert!((ten - 0.5 * (0.255 + 0.445)).abs() < 1e-12, "{ten}");
    }

    #[test]
    fn lies_between_zero_and_one() {
        for seed in 0..50 {
            let (values, labels) = sample::draw(seed, 30, 4, 10.0);
            let bins = reliability(Logits::new(&values, 4).unwrap(), &labels, 15).unwrap();
            assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), 30);
            assert!((0.0..=1.0).contains(&ece(&bins)));
            assert!((ece(&bins)..=1.0).contains(&mce(&bins)));
        }
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        let logits = Logits::new(&[1.0f32, 0.0], 2).unwrap();
        assert!(reliability(logits, &[0], 0).is_err());
        assert_eq!((ece(&[]), mce(&[])), (0.0, 0.0));
        let single = Logits::new(&[1.0f32], 1).unwrap();
        assert_eq!(ece(&reliability(single, &[0], 15).unwrap()), 0.0);
    }
}
