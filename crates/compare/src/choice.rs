//! Which epoch is the best: the one whose weights `select = "best"` and `"test"` measure.
//!
//! Of few examples many epochs have the same accuracy, often that of the first few: of 36 validation
//! examples all after the fifth epoch may be right. Ties therefore go to the lower negative
//! log-likelihood, and equals in that to the later epoch, which has learned for longer.

use std::cmp::Ordering;

use super::EpochMetrics;

/// Whether `next`, a later epoch, is to be preferred to `best`.
pub fn is_better(next: &EpochMetrics, best: &EpochMetrics) -> bool {
    let nll = |epoch: &EpochMetrics| match epoch.val_nll.is_nan() {
        true => f64::INFINITY,
        false => epoch.val_nll,
    };
    match next.val_accuracy.total_cmp(&best.val_accuracy) {
        Ordering::Equal => nll(next) <= nll(best),
        order => order == Ordering::Greater,
    }
}

/// The best epoch of `history`.
pub fn best_epoch(history: &[EpochMetrics]) -> Option<usize> {
    let preferred = |best, next| if is_better(next, best) { next } else { best };
    history.iter().reduce(preferred).map(|best| best.epoch)
}

/// The earliest epoch with the highest accuracy: the best one as older versions chose it, and what
/// patience counts from.
pub fn earliest_best_epoch(history: &[EpochMetrics]) -> Option<usize> {
    let best = history
        .iter()
        .reduce(|best, next| if next.val_accuracy > best.val_accuracy { next } else { best });
    best.map(|best| best.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An epoch with that accuracy and negative log-likelihood on the validation part.
    fn epoch(epoch: usize, val_accuracy: f64, val_nll: f64) -> EpochMetrics {
        EpochMetrics { epoch, val_accuracy, val_nll, ..Default::default() }
    }

    fn history(of: &[(f64, f64)]) -> Vec<EpochMetrics> {
        of.iter().zip(1..).map(|(&(accuracy, nll), at)| epoch(at, accuracy, nll)).collect()
    }

    #[test]
    fn ties_go_to_the_lower_nll_and_then_to_the_later_epoch() {
        for (of, best) in [
            (&[][..], None),
            (&[(0.9, 0.5)], Some(1)),
            // Accuracy first, whatever the rest.
            (&[(0.8, 0.1), (0.9, 0.7), (0.8, 0.1)], Some(2)),
            (&[(0.5, 1.0), (0.9, 0.5), (0.9, 0.3), (0.9, 0.4), (0.8, 0.1)], Some(3)),
            (&[(0.9, 0.3), (0.9, 0.3), (0.9, 0.3)], Some(3)),
            (&[(0.9, 0.3), (0.9, f64::NAN), (0.9, f64::INFINITY)], Some(1)),
        ] {
            assert_eq!(best_epoch(&history(of)), best, "{of:?}");
        }
        let tied = history(&[(0.5, 1.0), (0.9, 0.5), (0.9, 0.3)]);
        assert_eq!((earliest_best_epoch(&tied), earliest_best_epoch(&[])), (Some(2), None));
    }
}
