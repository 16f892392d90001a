//! Classwise calibration error: the mean over the classes of the ECE of each class's own
//! probability (Nixon et al. 2019, "static calibration error"; Kull et al. 2019).
//!
//! (1/K) Σ_k Σ_m (n_mk / N) · |share of label k_m − mean p_k,m| over equal-width bins (a, b\]. With
//! many classes nearly all the probabilities are near 0 and so is this figure: compare it between
//! losses on one data set, not between data sets.

use super::{bin_of, validate_bins};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};
use crate::{Logit, Logits, parallel, softmax::weigh};

pub(crate) const CARD: Card = Card {
    key: "ece_classwise",
    title: "classwise ECE",
    unit: "%",
    direction: Direction::Lower,
    decimals: 2,
    meaning: "mean over the classes of the calibration error of each one's probability",
    range: Range::Share,
    source: Source::Field("calibration.ece_classwise", |m| Some(m.calibration?.ece_classwise)),
};

/// The classwise ECE with `bins` equal-width bins, in \[0, 1\].
///
/// `labels`: one class a row.
///
/// # Errors
/// Zero bins. Labels that do not fit the logits.
pub fn classwise_ece<T: Logit>(logits: Logits<T>, labels: &[i64], bins: usize) -> Result<f64> {
    validate_bins(bins)?;
    logits.validate_labels(labels)?;
    let (rows, classes) = (logits.rows(), logits.classes());
    // n_mk · (share − mean p) is the difference of two sums: the labels less the probabilities.
    let of_block = |block: usize| {
        let mut surplus = vec![0.0; classes * bins];
        let mut weights = Vec::with_capacity(classes);
        for (row, &label) in logits.iter().zip(labels).skip(block * BLOCK).take(BLOCK) {
            let share = 1.0 / weigh(row, &mut weights);
            surplus[label as usize * bins + place(weights[label as usize] * share, bins)] += 1.0;
            for (weight, surplus) in weights.iter().zip(surplus.chunks_exact_mut(bins)) {
                let p = weight * share;
                surplus[place(p, bins)] -= p;
            }
        }
        surplus
    };
    let blocks = parallel::map(rows.div_ceil(BLOCK), BLOCK * classes, of_block);
    let mut surplus = vec![0.0; classes * bins];
    for block in blocks {
        surplus.iter_mut().zip(block).for_each(|(sum, part)| *sum += part);
    }
    let total: f64 = surplus.iter().map(|surplus| surplus.abs()).sum();
    Ok(total / (rows as f64 * classes as f64))
}

/// Rows that are summed by themselves, and the sums then in order: the number of threads changes
/// nothing.
const BLOCK: usize = 1024;

/// [`bin_of`], at once where nearly all probabilities of many classes are: in the first bin.
fn place(p: f64, bins: usize) -> usize {
    if p <= 1.0 / bins as f64 { 0 } else { bin_of(p, bins) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn agrees_with_a_plain_numpy_loop() {
        // The draw of sample.rs with seed 21, 100 rows of 5 classes, scale 3: p = softmax(z, axis=1)
        // numpy.mean([sum(m.mean() * abs((y[m] == k).mean() - p[m, k].mean()) for i in range(15)
        //     if (m := (p[:, k] > i / 15) & (p[:, k] <= (i + 1) / 15)).any()) for k in range(5)])
        let (values, labels) = sample::draw(21, 100, 5, 3.0);
        let value = classwise_ece(Logits::new(&values, 5).unwrap(), &labels, 15).unwrap();
        assert!((value - CLASSWISE).abs() < 1e-12, "{value}");
    }

    const CLASSWISE: f64 = 0.23819295086013267;

    #[test]
    fn blocks_add_up() {
        let (values, labels) = sample::draw(22, BLOCK / 2, 3, 3.0);
        let one = classwise_ece(Logits::new(&values, 3).unwrap(), &labels, 15).unwrap();
        let five = classwise_ece(Logits::new(&values.repeat(5), 3).unwrap(), &labels.repeat(5), 15);
        assert!((one - five.unwrap()).abs() < 1e-13);
    }

    #[test]
    fn certainty_is_right_or_wrong() {
        let logits = Logits::new(&[1e4f32, 0.0], 2).unwrap();
        assert_eq!(classwise_ece(logits, &[0], 15).unwrap(), 0.0);
        assert_eq!(classwise_ece(logits, &[1], 15).unwrap(), 1.0);
        let single = Logits::new(&[1.0f32], 1).unwrap();
        assert_eq!(classwise_ece(single, &[0], 15).unwrap(), 0.0);
        assert!(classwise_ece(logits, &[0], 0).is_err());
    }
}
