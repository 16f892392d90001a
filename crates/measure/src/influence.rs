//! One value an example for metrics that are no means over examples: AUROC, average precision and the
//! expected calibration error.
//!
//! What an example contributes is how the metric changes with its weight: with the influence
//! IF_e = ∂M/∂w_e of an example whose weight w_e = 1/m grows, M + m·IF_e/m is a value whose mean over the
//! examples is exactly M, and whose variance over m is that of M, as far as M is smooth (Efron 1982, the
//! infinitesimal jackknife). Differences of two losses in these values can be asked what other test examples
//! would make of them, as those of accuracies are.
//!
//! * AUROC: the share of the other class that an example is rightly ordered with, which are the structural
//!   components of DeLong, DeLong and Clarke-Pearson (1988); the variance is theirs.
//! * Average precision: what the example adds as one that is found, and what it does to the precision at every
//!   positive that comes with it or behind it.
//! * ECE: the example's share of its bin's gap, (hit − confidence) by the gap's sign. Where gaps are nothing
//!   but chance the variance of an absolute value is smaller than that: the interval is then too wide, never
//!   too narrow.

use super::calibration::{bin_of, confidences, reliability};
use super::{Logit, Logits};
use crate::Result;

/// The bins of the ECE that runs record.
const BINS: usize = 15;

/// One value an example for AUROC and for the average precision of the rarer of two classes (of equally
/// frequent ones of class 1), NaN where there are not two with examples; `labels`: one class a row.
///
/// # Errors
/// Labels that do not fit the logits.
pub fn of_order<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<[Vec<f64>; 2]> {
    let rows = logits.labelled(labels)?;
    let none = || vec![f64::NAN; labels.len()];
    if logits.classes() != 2 {
        return Ok([none(), none()]);
    }
    let scored = rows.map(|(row, label)| {
        let (first, second): (f64, f64) = (row[0].into(), row[1].into());
        // Two masked classes are equally unlikely.
        (if first == second { 0.0 } else { second - first }, label == 1)
    });
    let scored: Vec<(f64, bool)> = scored.collect();
    let ones = scored.iter().filter(|(_, one)| *one).count();
    if ones == 0 || ones == scored.len() {
        return Ok([none(), none()]);
    }
    let rarer: Vec<(f64, bool)> = match ones > scored.len() - ones {
        true => scored.iter().map(|(score, one)| (-score, !one)).collect(),
        false => scored.clone(),
    };
    Ok([auroc(&scored), average_precision(&rarer)])
}

/// The examples in the order of their scores, the highest first, in groups of equal ones.
fn groups(scored: &[(f64, bool)]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..scored.len()).collect();
    order.sort_by(|a, b| scored[*b].0.total_cmp(&scored[*a].0));
    order.chunk_by(|a, b| scored[*a].0 == scored[*b].0).map(<[usize]>::to_vec).collect()
}

/// How many of `group` are positives.
fn positives(scored: &[(f64, bool)], group: &[usize]) -> f64 {
    group.iter().filter(|example| scored[**example].1).count() as f64
}

/// Positives and negatives are both there.
fn auroc(scored: &[(f64, bool)]) -> Vec<f64> {
    let all = scored.len() as f64;
    let found = scored.iter().filter(|(_, positive)| *positive).count() as f64;
    let missed = all - found;
    // For each example the share of the other class that lies on its right side, equal ones half.
    let mut shares = vec![0.0; scored.len()];
    let (mut hits, mut misses, mut area) = (0.0, 0.0, 0.0);
    for group in groups(scored) {
        let own = positives(scored, &group);
        let others = group.len() as f64 - own;
        for example in group {
            shares[example] = match scored[example].1 {
                true => (missed - misses - others / 2.0) / missed,
                false => (hits + own / 2.0) / found,
            };
        }
        area += own * (missed - misses - others / 2.0);
        (hits, misses) = (hits + own, misses + others);
    }
    area /= found * missed;
    let value = |(share, (_, positive)): (&f64, &(f64, bool))| {
        let class = if *positive { found } else { missed };
        area + (share - area) * all / class
    };
    shares.iter().zip(scored).map(value).collect()
}

/// Positives are there.
fn average_precision(scored: &[(f64, bool)]) -> Vec<f64> {
    let all = scored.len() as f64;
    let found = scored.iter().filter(|(_, positive)| *positive).count() as f64;
    let groups = groups(scored);
    let (mut passed, mut hits) = (0.0, 0.0);
    // Of each group its positives, how many come no later, and the precision among these.
    let points: Vec<(f64, f64, f64)> = groups
        .iter()
        .map(|group| {
            let own = positives(scored, group);
            (passed, hits) = (passed + group.len() as f64, hits + own);
            (own, passed, hits / passed)
        })
        .collect();
    let area = points.iter().map(|(own, _, precision)| own * precision).sum::<f64>() / found;
    let mut values = vec![0.0; scored.len()];
    // Sums over the positives that come with an example or behind it: of 1/passed, and of precision/passed.
    let (mut one, mut precise) = (0.0, 0.0);
    for (group, (own, passed, precision)) in groups.iter().zip(&points).rev() {
        one += own / passed;
        precise += own * precision / passed;
        for &example in group {
            let positive = f64::from(u8::from(scored[example].1));
            let itself = positive * (precision - area);
            values[example] = area + all / found * (itself + positive * one - precise);
        }
    }
    values
}

/// One value an example for the ECE in 15 bins of equal width; `labels`: one class a row.
///
/// # Errors
/// Labels that do not fit the logits.
pub fn of_calibration<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Vec<f64>> {
    let bins = reliability(logits, labels, BINS)?;
    let value = |(confidence, hit): (f64, bool)| {
        let bin = &bins[bin_of(confidence, BINS)];
        let sign = if bin.accuracy >= bin.confidence { 1.0 } else { -1.0 };
        sign * (f64::from(u8::from(hit)) - confidence)
    };
    Ok(confidences(logits, labels)?.into_iter().map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use crate::{Binary, TwoWay, ece, mean, sample};

    fn draw() -> (Vec<f32>, Vec<i64>) {
        let (values, mut labels) = sample::draw(41, 60, 2, 3.0);
        labels.iter_mut().enumerate().for_each(|(at, y)| *y *= i64::from(at % 3 == 0));
        // Some are equal.
        (values.iter().map(|z| (z * 2.0).round() / 2.0).collect(), labels)
    }

    #[test]
    fn the_mean_is_the_metric() {
        let (values, labels) = draw();
        let logits = Logits::new(&values, 2).unwrap();
        let binary = Binary::new(logits, &labels).unwrap().unwrap();
        let [auroc, precision] = of_order(logits, &labels).unwrap();
        let gap = of_calibration(logits, &labels).unwrap();
        let ece = ece(&reliability(logits, &labels, 15).unwrap());
        for (values, expected) in
            [(auroc, binary.auroc), (precision, binary.average_precision[1]), (gap, ece)]
        {
            assert!((mean(&values).unwrap() - expected).abs() < 1e-12, "{expected}");
        }
        // The other class is the rarer one of the labels turned round.
        let turned: Vec<i64> = labels.iter().map(|label| 1 - label).collect();
        let binary = Binary::new(logits, &turned).unwrap().unwrap();
        let [_, precision] = of_order(logits, &turned).unwrap();
        assert!((mean(&precision).unwrap() - binary.average_precision[0]).abs() < 1e-12);
    }

    /// An example that counts twice by a small part changes the metric as its value says.
    #[test]
    fn values_are_derivatives() {
        let (values, labels) = draw();
        let logits = Logits::new(&values, 2).unwrap();
        let found = of_order(logits, &labels).unwrap();
        let (times, m) = (400, labels.len());
        let of = |extra: Option<usize>| {
            // Each example so many times, one of them once more.
            let rows = (0..m)
                .flat_map(|row| std::iter::repeat_n(row, times + usize::from(extra == Some(row))));
            let rows: Vec<usize> = rows.collect();
            let values: Vec<f32> =
                rows.iter().flat_map(|row| values[2 * row..2 * row + 2].to_vec()).collect();
            let labels: Vec<i64> = rows.iter().map(|row| labels[*row]).collect();
            let found = Binary::new(Logits::new(&values, 2).unwrap(), &labels).unwrap().unwrap();
            [found.auroc, found.average_precision[1]]
        };
        let before = of(None);
        for row in [0, 1, 7, 30, 59] {
            for (metric, after) in of(Some(row)).into_iter().enumerate() {
                // By 1/times of a weight 1/m.
                let derivative = (after - before[metric]) * (times * m) as f64;
                let value = found[metric][row] - before[metric];
                assert!((derivative - value).abs() < 0.02 * (1.0 + value.abs()), "{metric} {row}");
            }
        }
    }

    /* python:
    V10 = [(s > neg).mean() + .5 * (s == neg).mean() for s in pos]; V01 likewise
    var = numpy.var(V10) / len(pos) + numpy.var(V01) / len(neg)
    */
    #[test]
    fn the_variance_is_that_of_delong() {
        let (values, labels) = draw();
        let scores: Vec<f64> =
            values.chunks(2).map(|row| f64::from(row[1]) - f64::from(row[0])).collect();
        let of = |class: i64| {
            let of = scores.iter().zip(&labels).filter(move |(_, label)| **label == class);
            of.map(|(score, _)| *score).collect::<Vec<f64>>()
        };
        let (negatives, positives) = (of(0), of(1));
        let above = |a: f64, b: f64| {
            if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            }
        };
        let share = |of: &[f64], share: &dyn Fn(f64) -> f64| {
            mean(&of.iter().map(|score| share(*score)).collect::<Vec<_>>()).unwrap()
        };
        let of_positives: Vec<f64> =
            positives.iter().map(|p| share(&negatives, &|n| above(*p, n))).collect();
        let of_negatives: Vec<f64> =
            negatives.iter().map(|n| share(&positives, &|p| above(p, *n))).collect();
        let part = |values: &[f64]| {
            let n = values.len() as f64;
            crate::std(values).unwrap().powi(2) * (n - 1.0) / (n * n)
        };
        let delong = part(&of_positives) + part(&of_negatives);
        let [auroc, _] = of_order(Logits::new(&values, 2).unwrap(), &labels).unwrap();
        let ours = part(&auroc);
        assert!((ours / delong - 1.0).abs() < 1e-12, "{ours} {delong}");
    }

    #[test]
    fn where_there_is_no_order_there_is_no_value() {
        let odd = |values: &[f32], classes: usize, labels: &[i64]| {
            let [auroc, precision] =
                of_order(Logits::new(values, classes).unwrap(), labels).unwrap();
            assert!(auroc.iter().chain(&precision).all(|value| value.is_nan()));
        };
        odd(&[0.0, 1.0, 2.0], 3, &[1]);
        odd(&[0.0, 1.0, 1.0, 0.0], 2, &[1, 1]);
    }

    /// Of two losses that are equally good on all examples there are, how often the interval over seeds and
    /// examples claims a difference: 150 test examples, 5 seeds, 1,000 comparisons.
    #[test]
    fn simulated_losses_that_are_equally_good() {
        const COMPARISONS: u64 = 1_000;
        const EXAMPLES: usize = 150;
        let mut claims = [[0u32; 3]; 2];
        for comparison in 0..COMPARISONS {
            let draw = Stream::new(comparison, "two losses");
            let labels: Vec<i64> =
                (0..EXAMPLES).map(|at| i64::from(draw.part(0).uniform(at as u64) < 0.3)).collect();
            let mut both = [(); 3].map(|()| TwoWay::new(EXAMPLES));
            // What an example is like for every seed of a loss.
            let own = [1, 2].map(|loss| {
                let of_loss = draw.part(loss);
                (0..EXAMPLES).map(|at| of_loss.normal(at as u64)).collect::<Vec<_>>()
            });
            for seed in 0..5u64 {
                let values = |loss: usize| {
                    let of_seed = draw.part(10 + 10 * seed + loss as u64);
                    let logits = (0..EXAMPLES).flat_map(|at| {
                        let (own, noise) = (own[loss][at], of_seed.normal(at as u64));
                        let side = if labels[at] == 1 { 1.0 } else { -1.0 };
                        // Too sure by a half, as networks are.
                        [0.0f32, (1.5 * (side + own + 0.5 * noise - 0.4)) as f32]
                    });
                    let logits: Vec<f32> = logits.collect();
                    let of = Logits::new(&logits, 2).unwrap();
                    let [auroc, precision] = of_order(of, &labels).unwrap();
                    [auroc, precision, of_calibration(of, &labels).unwrap()]
                };
                for (both, (a, b)) in both.iter_mut().zip(values(0).iter().zip(&values(1))) {
                    both.add(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>()).unwrap();
                }
            }
            for (metric, both) in both.iter().enumerate() {
                let claim = |estimate: Option<crate::Estimate>| {
                    let (low, high) = estimate.expect("there is spread").interval(0.95);
                    u32::from(low > 0.0 || high < 0.0)
                };
                claims[0][metric] += claim(both.seeds_alone());
                claims[1][metric] += claim(both.estimate());
            }
        }
        let share = |claims: u32| f64::from(claims) / COMPARISONS as f64;
        for (metric, name) in ["AUROC", "average precision", "ECE"].iter().enumerate() {
            let [seeds, both] = [0, 1].map(|over| share(claims[over][metric]));
            println!("{name}: {:.1} % over seeds, {:.1} % over both", 100.0 * seeds, 100.0 * both);
            assert!(both < 0.07 && seeds > 2.0 * both, "{name}: {seeds} {both}");
        }
    }
}
