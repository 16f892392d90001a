//! What each test example contributes to a metric, of the metrics that are means over examples, and of those
//! that can be written as one (`influence`).
//!
//! A difference of two losses in such a metric can be asked what other test examples would make of it
//! ([`TwoWay`](crate::TwoWay)).

use std::collections::HashMap;

use super::influence::{of_calibration, of_order};
use super::softmax::{RowOutcome, rival};
use super::{Logit, Logits};
use crate::Result;

/// The keys of the metrics that [`each`] knows, in its order.
pub const OF_EACH: [&str; 10] = [
    "accuracy",
    "balanced_accuracy",
    "nll",
    "brier",
    "margin",
    "margin_lse",
    "label_energy",
    "auroc",
    "average_precision",
    "ece",
];
/// How many of them are means over examples, each of which can be asked alone.
const ALONE: usize = 7;

/// One value an example for each of [`OF_EACH`], whose mean is the metric: accuracies as fractions, NLL in
/// nats. A margin needs another class and is NaN without one; AUROC and the average precision of the rarer
/// class need two classes with examples, likewise.
///
/// `labels`: one class a row.
///
/// ```
/// use steepness_measure::{Logits, each};
/// let logits = Logits::new(&[2.0f32, 1.0, 0.0, 3.0, 5.0, 3.0], 2)?;
/// let [accuracy, balanced, ..] = each(logits, &[0, 0, 0])?;
/// assert_eq!((&accuracy[..], &balanced[..]), (&[1.0, 0.0, 1.0][..], &[1.0, 0.0, 1.0][..]));
/// # Ok::<(), steepness_measure::Error>(())
/// ```
///
/// # Errors
/// Labels that do not fit the logits.
pub fn each<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<[Vec<f64>; OF_EACH.len()]> {
    let mut counts: HashMap<i64, usize> = HashMap::new();
    labels.iter().for_each(|label| *counts.entry(*label).or_default() += 1);
    let share = labels.len() as f64 / counts.len() as f64;
    // A mean over classes weighs an example by how few its class has.
    let weight: HashMap<i64, f64> =
        counts.into_iter().map(|(label, count)| (label, share / count as f64)).collect();
    let judge = |row: &[T], label: usize| {
        let judged = RowOutcome::new(row, label);
        let right = f64::from(u8::from(judged.hit));
        let weight = weight.get(&(label as i64)).copied().unwrap_or(0.0);
        let (odds, own): (_, f64) = (judged.label, row[label].into());
        let (margin, soft) = match row.len() {
            1 => (f64::NAN, f64::NAN),
            _ => (own - rival(row, label), odds.log_odds),
        };
        [right, weight * right, odds.surprise(), judged.brier, margin, soft, -own]
    };
    let judged: Vec<[f64; ALONE]> = logits.map_labelled(labels, judge)?;
    let [auroc, precision] = of_order(logits, labels)?;
    let mut others = [auroc, precision, of_calibration(logits, labels)?].into_iter();
    Ok(std::array::from_fn(|metric| match metric < ALONE {
        true => judged.iter().map(|values| values[metric]).collect(),
        false => others.next().unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Confusion, accuracy, brier, label_energy, lse_margins, margins, mean, nll, sample,
    };

    #[test]
    fn means_are_the_metrics() {
        let (values, labels) = sample::draw(7, 60, 4, 5.0);
        let logits = Logits::new(&values, 4).unwrap();
        let of = |values: Vec<f64>| mean(&values).unwrap();
        let expected = [
            accuracy(logits, &labels).unwrap(),
            Confusion::new(logits, &labels).unwrap().balanced_accuracy(),
            nll(logits, &labels).unwrap(),
            brier(logits, &labels).unwrap(),
            of(margins(logits, &labels).unwrap()),
            of(lse_margins(logits, &labels).unwrap()),
            label_energy(logits, &labels).unwrap(),
        ];
        let means = each(logits, &labels).unwrap().map(of);
        for ((key, mean), expected) in OF_EACH.iter().zip(means).zip(expected) {
            assert!((mean - expected).abs() < 1e-12, "{key}: {mean} is not {expected}");
        }
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        let one = Logits::new(&[1.0f32, -7.0], 1).unwrap();
        let [accuracy, _, _, _, margin, _, energy, ..] = each(one, &[0, 0]).unwrap();
        assert_eq!((&accuracy[..], &energy[..]), (&[1.0, 1.0][..], &[-1.0, 7.0][..]));
        let [.., auroc, _, ece] = each(one, &[0, 0]).unwrap();
        assert!(auroc.iter().all(|auroc| auroc.is_nan()) && ece == [0.0, 0.0]);
        assert!(margin.iter().all(|margin| margin.is_nan()));
        assert!(each(one, &[0]).is_err() && each(one, &[0, 1]).is_err());
    }
}
