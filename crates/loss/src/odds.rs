//! The log-odds of one class, and the probabilities that follow from them without cancellation.
//!
//! With lse′ the log-sum-exp of the other classes' logits, u = z_y − lse′ is the log-odds of class
//! y, and p = σ(u), q = 1 − p = σ(−u), ln p = −softplus(−u), ln q = −softplus(u). Computing q as
//! `1.0 - p` instead loses every digit of it once p is near 1, which is where the encouraging loss
//! lives.

use crate::real::Real;

/// Log-odds u of a class with p = σ(u), q = σ(−u) and their logarithms, each exact to an ulp or two.
///
/// ```
/// let odds = steepness::Odds::from_log_odds(50.0);
/// assert_eq!(odds.p, 1.0);
/// assert_eq!(odds.ln_q, -50.0); // 1.0 - p would be 0, its logarithm −∞
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Odds<R = f64> {
    /// u = ln(p/q).
    pub log_odds: R,
    /// The probability.
    pub p: R,
    /// Its complement, 1 − p.
    pub q: R,
    /// ln p.
    pub ln_p: R,
    /// ln q.
    pub ln_q: R,
}

impl Odds<f64> {
    /// From u = ln(p/q), −∞ and +∞ included.
    pub fn from_log_odds(log_odds: f64) -> Self {
        Self::of::<false>(log_odds)
    }

    /// From a probability in \[0, 1\].
    pub fn from_probability(p: f64) -> Self {
        Self::from_log_odds(p.ln() - (-p).ln_1p())
    }
}

impl<R: Real> Odds<R> {
    #[inline(always)]
    pub(crate) fn of<const FMA: bool>(u: R) -> Self {
        let (one, minus_size) = (R::ONE, -u.abs());
        let small = minus_size.exp::<FMA>();
        let large = one / (one + small);
        let small_p = small * large;
        // softplus(−|u|) = ln(1 + e^−|u|)
        let softplus = (small / (R::of(2.0) + small)).twice_atanh::<FMA>();
        let ln_small = minus_size - softplus;
        let sure = u >= R::ZERO;
        Self {
            log_odds: u,
            p: if sure { large } else { small_p },
            q: if sure { small_p } else { large },
            ln_p: if sure { -softplus } else { ln_small },
            ln_q: if sure { ln_small } else { -softplus },
        }
    }

    /// The odds of a class that is not the likeliest, so that p ≤ 1/2 and 1 − p is exact enough, and
    /// 1/q. `SMALL` says that p ≤ [`Real::SMALL`].
    #[inline(always)]
    pub(crate) fn of_minor<const FMA: bool, const SMALL: bool>(p: R, ln_p: R) -> (Self, R) {
        let q = R::ONE - p;
        let (ln_q, inverse) = match SMALL {
            true => p.small_complement::<FMA>(),
            false => (p.ln_one_minus::<FMA>(), R::ONE / q),
        };
        (Self { log_odds: ln_p - ln_q, p, q, ln_p, ln_q }, inverse)
    }

    /// p·ln p, which is 0 at p = 0.
    #[inline(always)]
    pub(crate) fn p_ln_p(&self) -> R {
        if self.p == R::ZERO { R::ZERO } else { self.p * self.ln_p }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_textbook_where_that_is_exact() {
        for i in -3000..=3000 {
            let u = f64::from(i) / 100.0;
            let odds = Odds::from_log_odds(u);
            let p = 1.0 / (1.0 + (-u).exp());
            assert!((odds.p - p).abs() <= 1e-15, "{u}");
            assert!((odds.p + odds.q - 1.0).abs() <= 3e-16, "{u}");
            let scale = 1e-14 * (1.0 + u.abs());
            assert!((odds.ln_p - odds.ln_q - u).abs() <= scale, "{u}");
            assert!((odds.ln_p + (-u).exp().ln_1p()).abs() <= scale, "{u}");
            assert!((odds.ln_q - Odds::of::<true>(u).ln_q).abs() <= scale, "{u}");
        }
    }

    #[test]
    fn is_exact_at_the_ends() {
        let sure = Odds::from_log_odds(700.0);
        assert_eq!((sure.p, sure.ln_q), (1.0, -700.0));
        assert!((sure.q / (-700f64).exp() - 1.0).abs() < 1e-15);
        let certain = Odds::from_log_odds(f64::INFINITY);
        assert_eq!((certain.p, certain.q, certain.ln_p), (1.0, 0.0, 0.0));
        assert_eq!(certain.ln_q, f64::NEG_INFINITY);
        let impossible = Odds::from_log_odds(f64::NEG_INFINITY);
        assert_eq!((impossible.p, impossible.q, impossible.ln_q), (0.0, 1.0, 0.0));
        assert_eq!(impossible.p_ln_p(), 0.0);
        assert!(Odds::from_log_odds(f64::NAN).p.is_nan());
    }

    #[test]
    fn a_probability_comes_back() {
        for p in [0.0, 1e-300, 0.01, 0.25, 0.5, 0.9, 0.999_995, 1.0] {
            assert!((Odds::from_probability(p).p - p).abs() <= 1e-13 * p, "{p}");
        }
    }
}
