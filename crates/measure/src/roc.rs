//! The ROC and the precision-recall curve, their areas and points: how well a score tells two sets
//! apart.
//!
//! The positives are the first argument (for out-of-distribution detection the in-distribution
//! examples) and should have the higher scores. Equal scores pass a threshold together, so nothing
//! depends on the order of the examples.

use crate::{Error, Result};

/// Area under the ROC curve, a fraction: the probability that a positive scores higher than a
/// negative, equal scores counted half (Mann–Whitney; what scikit-learn's `roc_auc_score` gives).
///
/// ```
/// use steepness_measure::auroc;
/// assert_eq!(auroc(&[3.0, 2.0], &[2.0, 1.0])?, 0.875);
/// # Ok::<(), steepness_measure::Error>(())
/// ```
///
/// # Errors
/// An empty side, or a NaN, named by its place.
pub fn auroc(positives: &[f64], negatives: &[f64]) -> Result<f64> {
    let mut below = 0u128;
    let mut twice = 0u128;
    for (hits, misses) in steps(positives, negatives)?.into_iter().rev() {
        twice += u128::from(hits) * (2 * below + u128::from(misses));
        below += u128::from(misses);
    }
    Ok(twice as f64 / (2.0 * positives.len() as f64 * negatives.len() as f64))
}

/// The false positive rate at the highest threshold whose true positive rate is at least 95 %, a
/// fraction. Equal scores pass a threshold together, as in scikit-learn's
/// `roc_curve(drop_intermediate=False)`.
///
/// # Errors
/// An empty side, or a NaN, named by its place.
pub fn fpr95(positives: &[f64], negatives: &[f64]) -> Result<f64> {
    let passed = passed(&steps(positives, negatives)?);
    let enough = |(hits, _): &&(u64, u64)| *hits as f64 / positives.len() as f64 >= 0.95;
    // The last threshold lets everything pass, so one is always found.
    let false_positives = passed.iter().find(enough).map_or(negatives.len() as u64, |p| p.1);
    Ok(false_positives as f64 / negatives.len() as f64)
}

/// The ROC curve: (false positive rate, true positive rate) from (0, 0) to (1, 1), a point for each
/// distinct score, as in scikit-learn's `roc_curve(drop_intermediate=False)`.
///
/// # Errors
/// An empty side, or a NaN, named by its place.
pub fn roc_curve(positives: &[f64], negatives: &[f64]) -> Result<Vec<(f64, f64)>> {
    let rates = |&(hits, misses): &(u64, u64)| {
        (misses as f64 / negatives.len() as f64, hits as f64 / positives.len() as f64)
    };
    let passed = passed(&steps(positives, negatives)?);
    Ok([(0.0, 0.0)].into_iter().chain(passed.iter().map(rates)).collect())
}

/// Area under the precision-recall curve as a step function, Σ (R_i − R_{i−1})·P_i: what
/// scikit-learn's `average_precision_score` gives. Unlike the trapezoids below it does not
/// interpolate between points that no threshold reaches.
///
/// # Errors
/// An empty side, or a NaN, named by its place.
pub fn average_precision(positives: &[f64], negatives: &[f64]) -> Result<f64> {
    let steps = steps(positives, negatives)?;
    let passed = passed(&steps);
    let area = |((new, _), (hits, misses)): (&(u64, u64), &(u64, u64))| {
        *new as f64 * *hits as f64 / (hits + misses) as f64
    };
    Ok(steps.iter().zip(&passed).map(area).sum::<f64>() / positives.len() as f64)
}

/// Area under the precision-recall curve by trapezoids from its first point on, as the authors
/// measured it (their AUIN and AUOUT): too large where few thresholds are far apart, and without
/// the part before the first point.
///
/// # Errors
/// An empty side, or a NaN, named by its place.
pub fn legacy_aupr(positives: &[f64], negatives: &[f64]) -> Result<f64> {
    let point = |&(hits, misses): &(u64, u64)| {
        (hits as f64 / positives.len() as f64, hits as f64 / (hits + misses) as f64)
    };
    let points: Vec<_> = passed(&steps(positives, negatives)?).iter().map(point).collect();
    let area = |pair: &[(f64, f64)]| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0;
    Ok(points.windows(2).map(area).sum())
}

/// For each distinct score, from the highest: how many positives and how many negatives have it or
/// a higher one.
fn passed(steps: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let add = |sum: &mut (u64, u64), &(hits, misses): &(u64, u64)| {
        *sum = (sum.0 + hits, sum.1 + misses);
        Some(*sum)
    };
    steps.iter().scan((0, 0), add).collect()
}

/// For each distinct score, from the highest: how many positives and how many negatives have it.
fn steps(positives: &[f64], negatives: &[f64]) -> Result<Vec<(u64, u64)>> {
    for (scores, side) in [(positives, "positive"), (negatives, "negative")] {
        if scores.is_empty() {
            return Err(Error::Request(format!("there are no {side} scores")));
        }
        if let Some(at) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::Request(format!("{side} score {at} is NaN")));
        }
    }
    let marked = |scores: &[f64], positive: bool| -> Vec<(f64, bool)> {
        scores.iter().map(|&score| (score, positive)).collect()
    };
    let mut all = [marked(positives, true), marked(negatives, false)].concat();
    all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let count = |tied: &[(f64, bool)]| {
        let hits = tied.iter().filter(|(_, positive)| *positive).count();
        (hits as u64, (tied.len() - hits) as u64)
    };
    Ok(all.chunk_by(|a, b| a.0 == b.0).map(count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::uniform;
    use proptest::prelude::*;

    fn golden(levels: f64) -> (Vec<f64>, Vec<f64>) {
        let scores: Vec<f64> = uniform(7).take(110).map(|u| (u * levels).floor()).collect();
        (scores[..60].iter().map(|s| s + (levels / 5.0).floor()).collect(), scores[60..].to_vec())
    }

    #[test]
    fn agrees_with_scikit_learn() {
        // y = [1] * len(positives) + [0] * len(negatives); s = positives + negatives
        // sklearn.metrics.roc_auc_score(y, s)
        // fpr, tpr, _ = sklearn.metrics.roc_curve(y, s, drop_intermediate=False)
        // fpr[numpy.argmax(tpr >= .95)]
        // for the scores below, which Python makes with the `uniform` of sample.rs as
        // s = [numpy.floor(u * levels) for u in uniform(7, 110)]
        // positives = [v + numpy.floor(levels / 5) for v in s[:60]]; negatives = s[60:]
        // sklearn.metrics.average_precision_score(y, s)
        for (levels, area, rate, precision) in [
            (4.0, 0.43533333333333335, 1.0, 0.5096117424242423),
            (30.0, 0.6114999999999999, 0.84, 0.6915733827350293),
            (1000.0, 0.6091666666666666, 0.82, 0.6939773809097707),
            (1099511627776.0, 0.6093333333333333, 0.82, 0.6948044147237981),
        ] {
            let (positives, negatives) = golden(levels);
            let (a, r) =
                (auroc(&positives, &negatives).unwrap(), fpr95(&positives, &negatives).unwrap());
            assert!((a - area).abs() < 1e-12, "{levels} levels: {a} is not {area}");
            assert_eq!(r, rate, "{levels} levels");
            let p = average_precision(&positives, &negatives).unwrap();
            assert!((p - precision).abs() < 1e-12, "{levels} levels: {p} is not {precision}");
        }
    }

    #[test]
    fn the_authors_area_lacks_its_beginning() {
        // precision, recall, _ = sklearn.metrics.precision_recall_curve([1, 1, 0, 1], [4, 3, 2, 1])
        // sklearn.metrics.auc(recall[:-1], precision[:-1])
        let area = legacy_aupr(&[4.0, 3.0, 1.0], &[2.0]).unwrap();
        assert!((area - (1.0 / 3.0 + (2.0 / 3.0 + 0.75) / 6.0)).abs() < 1e-15, "{area}");
        assert_eq!(legacy_aupr(&[1.0; 3], &[1.0]).unwrap(), 0.0);
    }

    #[test]
    fn the_curve_ends_where_everything_passes() {
        let curve = roc_curve(&[3.0, 2.0], &[2.0, 1.0]).unwrap();
        assert_eq!(curve, [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
    }

    #[test]
    fn exactly_95_percent_is_enough() {
        let positives: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(fpr95(&positives, &[1.5, 2.0, 2.5, 0.0]).unwrap(), 0.5);
    }

    #[test]
    fn constant_scores_tell_nothing() {
        assert_eq!(auroc(&[1.0; 5], &[1.0; 3]).unwrap(), 0.5);
        assert_eq!(fpr95(&[1.0; 5], &[1.0; 3]).unwrap(), 1.0);
        assert_eq!(average_precision(&[1.0; 5], &[1.0; 3]).unwrap(), 5.0 / 8.0);
        assert_eq!(auroc(&[0.0], &[-0.0]).unwrap(), 0.5);
    }

    #[test]
    fn odd_input_is_refused() {
        assert_eq!(auroc(&[], &[1.0]).unwrap_err().to_string(), "there are no positive scores");
        assert_eq!(fpr95(&[1.0], &[]).unwrap_err().to_string(), "there are no negative scores");
        let nan = auroc(&[1.0], &[0.0, f64::NAN]).unwrap_err().to_string();
        assert_eq!(nan, "negative score 1 is NaN");
        assert_eq!(auroc(&[f64::INFINITY], &[f64::NEG_INFINITY]).unwrap(), 1.0);
    }

    proptest! {
        #[test]
        fn swapping_the_sides_mirrors_the_area(
            a in prop::collection::vec(-4i8..4, 1..40),
            b in prop::collection::vec(-4i8..4, 1..40),
        ) {
            let float = |v: &[i8]| v.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
            let (a, b) = (float(&a), float(&b));
            let area = auroc(&a, &b).unwrap();
            prop_assert!((area + auroc(&b, &a).unwrap() - 1.0).abs() < 1e-15);
            // Pair by pair, the definition.
            let pairs = a.iter().flat_map(|x| b.iter().map(move |y| (x, y)));
            let won: f64 = pairs.map(|(x, y)| f64::from(x > y) + 0.5 * f64::from(x == y)).sum();
            prop_assert!((area - won / (a.len() * b.len()) as f64).abs() < 1e-12);
        }

        #[test]
        fn a_monotone_map_changes_nothing(
            a in prop::collection::vec(-5.0..5.0f64, 1..40),
            b in prop::collection::vec(-5.0..5.0f64, 1..40),
        ) {
            let map = |v: &[f64]| v.iter().map(|x| 3.0 * x.floor() - 7.0).collect::<Vec<_>>();
            let floor = |v: &[f64]| v.iter().map(|x| x.floor()).collect::<Vec<_>>();
            prop_assert_eq!(
                auroc(&floor(&a), &floor(&b)).unwrap(),
                auroc(&map(&a), &map(&b)).unwrap()
            );
            prop_assert_eq!(
                fpr95(&floor(&a), &floor(&b)).unwrap(),
                fpr95(&map(&a), &map(&b)).unwrap()
            );
        }
    }
}
