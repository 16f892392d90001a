//! What softmax says of one class of one row, without ever computing 1 − p.
//!
//! With the other classes' m' = max z_k and lse' = m' + ln Σ exp(z_k − m'), the log-odds of a class
//! are u = z − lse', and p = σ(u), −log p = softplus(−u): exact at any confidence, where
//! 1 − p and log Σ exp z − z_y would round to zero.

use super::Logit;

/// One class of a row against all the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odds {
    /// z − max of the others; +∞ if there are no others or all are masked.
    pub margin: f64,
    /// z − log Σ exp of the others.
    pub log_odds: f64,
}

impl Odds {
    /// The odds of `class` in a row of logits with a finite one among them.
    pub fn new<T: Logit>(row: &[T], class: usize) -> Self {
        let z: f64 = row[class].into();
        let (before, after) = (&row[..class], &row[class + 1..]);
        let highest = maximum(before).max(maximum(after));
        if highest == f64::NEG_INFINITY {
            return Self { margin: f64::INFINITY, log_odds: f64::INFINITY };
        }
        let sum = |part: &[T]| part.iter().map(|&z| (z.into() - highest).exp()).sum::<f64>();
        let margin = z - highest;
        Self { margin, log_odds: margin - (sum(before) + sum(after)).ln() }
    }

    /// The probability p of the class.
    pub fn probability(self) -> f64 {
        1.0 / (1.0 + (-self.log_odds).exp())
    }

    /// −log p, in nats.
    pub fn surprise(self) -> f64 {
        softplus(-self.log_odds)
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

fn maximum<T: Logit>(part: &[T]) -> f64 {
    part.iter().map(|&z| z.into()).fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_exact_at_extreme_logits() {
        let sure = Odds::new(&[1e4f32, 0.0], 0);
        assert_eq!((sure.margin, sure.probability(), sure.surprise()), (1e4, 1.0, 0.0));
        let wrong = Odds::new(&[1e4f32, 0.0], 1);
        assert_eq!((wrong.margin, wrong.probability(), wrong.surprise()), (-1e4, 0.0, 1e4));
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
    fn the_first_of_equals_is_the_prediction() {
        assert_eq!(argmax(&[1.0f32, 2.0, 2.0]), 1);
        assert_eq!(argmax(&[f32::NEG_INFINITY, f32::MIN]), 1);
        assert_eq!(argmax(&[0.0f32, -0.0]), 0);
    }
}
