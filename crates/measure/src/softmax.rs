//! What softmax says of one class of one row, without ever computing 1 − p.
//!
//! With the other classes' m' = max z_k and lse' = m' + ln Σ exp(z_k − m'), the log-odds of a class
//! are u = z − lse', and p = σ(u), −log p = softplus(−u): exact at any confidence, where
//! 1 − p and log Σ exp z − z_y would round to zero.

use super::Logit;

/// One class of a row against all the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odds {
    /// z − log Σ exp of the others; +∞ if there are no others or all are masked.
    pub log_odds: f64,
}

impl Odds {
    /// The odds of `class` in a row of logits with a finite one among them.
    pub fn new<T: Logit>(row: &[T], class: usize) -> Self {
        let z: f64 = row[class].into();
        let (before, after) = (&row[..class], &row[class + 1..]);
        let highest = rival(row, class);
        if highest == f64::NEG_INFINITY {
            return Self { log_odds: f64::INFINITY };
        }
        let sum = |part: &[T]| part.iter().map(|&z| (z.into() - highest).exp()).sum::<f64>();
        Self { log_odds: z - highest - (sum(before) + sum(after)).ln() }
    }

    /// The probability p of the class.
    pub fn probability(self) -> f64 {
        1.0 / (1.0 + (-self.log_odds).exp())
    }

    /// 1 − p.
    pub fn complement(self) -> f64 {
        1.0 / (1.0 + self.log_odds.exp())
    }

    /// −log p, in nats.
    pub fn surprise(self) -> f64 {
        softplus(-self.log_odds)
    }
}

/// What softmax says of one row and its label, from a single pass over the exponentials, which are
/// nearly all that a measure of probabilities costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowOutcome {
    /// Whether the prediction is the label.
    pub hit: bool,
    /// The odds of the prediction, whose probability is the confidence.
    pub prediction: Odds,
    /// The odds of the label.
    pub label: Odds,
    /// Σ_k (p_k − 1\[k = y\])²
    pub brier: f64,
}

impl RowOutcome {
    /// Judges a row of logits with a finite one among them.
    ///
    /// With a the prediction, m the largest logit of the others and e_k = exp(z_k − m), the sums
    /// B = Σ_{k≠a} e_k and Q = Σ_{k≠a} e_k² give p_k = e_k·f·p_a, where f = exp(m − z_a) ≤ 1. What is
    /// subtracted below is then small beside what it is added to.
    pub fn new<T: Logit>(row: &[T], label: usize) -> Self {
        let prediction = argmax(row);
        let (highest, second): (f64, f64) = (row[prediction].into(), rival(row, prediction));
        let hit = prediction == label;
        if second == f64::NEG_INFINITY {
            let certain = Odds { log_odds: f64::INFINITY };
            let label = if hit { certain } else { Odds { log_odds: f64::NEG_INFINITY } };
            return Self { hit, prediction: certain, label, brier: if hit { 0.0 } else { 2.0 } };
        }
        let (mut sum, mut squares) = (0.0, 0.0);
        for part in [&row[..prediction], &row[prediction + 1..]] {
            for &z in part {
                let weight = (z.into() - second).exp();
                sum += weight;
                squares += weight * weight;
            }
        }
        let factor = (second - highest).exp();
        let first = Odds { log_odds: highest - second - sum.ln() };
        let p = first.probability();
        let scale = (factor * p) * (factor * p);
        if hit {
            let missed = first.complement();
            let brier = missed * missed + squares * scale;
            return Self { hit, prediction: first, label: first, brier };
        }
        let z: f64 = row[label].into();
        let weight = (z - second).exp();
        let others = factor * (sum - weight).max(0.0);
        let own = Odds { log_odds: z - highest - others.ln_1p() };
        let missed = own.complement();
        let brier = missed * missed + p * p + (squares - weight * weight).max(0.0) * scale;
        Self { hit, prediction: first, label: own, brier }
    }
}

/// log(1 + eˣ)
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The class with the largest logit; the first of equals.
pub(super) fn argmax<T: Logit>(row: &[T]) -> usize {
    let mut best = 0;
    for (class, &z) in row.iter().enumerate() {
        if z.into() > row[best].into() {
            best = class;
        }
    }
    best
}

/// The largest logit of the other classes; −∞ if there are none or all are masked.
pub(super) fn rival<T: Logit>(row: &[T], class: usize) -> f64 {
    maximum(&row[..class]).max(maximum(&row[class + 1..]))
}

/// Puts exp(z_k − max z) of each class into `weights` and returns their sum, at least 1: p_k is the
/// quotient.
pub(super) fn weigh<T: Logit>(row: &[T], weights: &mut Vec<f64>) -> f64 {
    let highest = maximum(row);
    weights.clear();
    weights.extend(row.iter().map(|&z| (z.into() - highest).exp()));
    weights.iter().sum()
}

/// The largest logit; −∞ of none.
pub(super) fn maximum<T: Logit>(part: &[T]) -> f64 {
    part.iter().map(|&z| z.into()).fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_exact_at_extreme_logits() {
        let sure = Odds::new(&[1e4f32, 0.0], 0);
        assert_eq!((sure.log_odds, sure.probability(), sure.surprise()), (1e4, 1.0, 0.0));
        let wrong = Odds::new(&[1e4f32, 0.0], 1);
        assert_eq!((wrong.log_odds, wrong.probability(), wrong.surprise()), (-1e4, 0.0, 1e4));
        // e⁻⁵⁰ is far below the spacing of doubles at 1; log Σ exp z − z_y would be 0 here.
        let quiet = Odds::new(&[50.0f32, 0.0], 0).surprise();
        assert!((quiet / (-50f64).exp() - 1.0).abs() < 1e-14, "{quiet}");
        let huge = Odds::new(&[f64::MAX, -f64::MAX], 0);
        assert_eq!((huge.probability(), huge.surprise()), (1.0, 0.0));
    }

    #[test]
    fn masked_classes_do_not_count() {
        let inf = f32::INFINITY;
        let open = Odds::new(&[1.0f32, 0.5, -1.0], 0);
        let masked = Odds::new(&[1.0f32, 0.5, -inf, -1.0], 0);
        assert_eq!(open.log_odds, masked.log_odds);
        assert_eq!(Odds::new(&[-inf, 0.0], 0).surprise(), f64::INFINITY);
        assert_eq!(Odds::new(&[-inf, 0.0], 0).probability(), 0.0);
        assert_eq!(Odds::new(&[-inf, 0.0], 1).probability(), 1.0);
        assert_eq!(Odds::new(&[3.0f32], 0).probability(), 1.0);
    }

    #[test]
    fn one_pass_says_what_each_class_by_itself_does() {
        for (seed, scale) in [(1, 3.0), (2, 40.0), (3, 900.0), (4, 1e-3)] {
            let (values, labels) = crate::sample::draw(seed, 60, 5, scale);
            for (row, &label) in values.chunks_exact(5).zip(&labels) {
                let judged = RowOutcome::new(row, label as usize);
                for (ours, class) in
                    [(judged.prediction, argmax(row)), (judged.label, label as usize)]
                {
                    let own = Odds::new(row, class).log_odds;
                    let slack = 1e-14 * (1.0 + own.abs());
                    assert!((ours.log_odds - own).abs() <= slack, "{own} is not {ours:?}");
                }
                assert_eq!(judged.hit, argmax(row) as i64 == label);
            }
        }
        let masked = RowOutcome::new(&[f32::NEG_INFINITY, 0.0], 0);
        assert_eq!((masked.label.surprise(), masked.brier), (f64::INFINITY, 2.0));
        let single = RowOutcome::new(&[3.0f32], 0);
        assert_eq!((single.label.surprise(), single.brier, single.hit), (0.0, 0.0, true));
    }

    #[test]
    fn the_first_of_equals_is_the_prediction() {
        assert_eq!(argmax(&[1.0f32, 2.0, 2.0]), 1);
        assert_eq!(argmax(&[f32::NEG_INFINITY, f32::MIN]), 1);
        assert_eq!(argmax(&[0.0f32, -0.0]), 0);
    }
}
