//! What the kernels see of a curve: one function for its base and one for its bonus, inlined into the
//! loops that they are put into.

use super::Bonus;
use crate::odds::Odds;
use crate::real::Real;

/// A loop over odds that a part of a curve is put into.
pub(crate) trait Visit<R> {
    fn visit<const FMA: bool>(&mut self, part: impl Part<R>);
}

/// A part of a curve with its parameters. A type and not a closure, because a method can be told to
/// be inlined: one call in a loop over a row and the loop is not vectorised.
pub(crate) trait Part<R>: Copy {
    /// The value L and the steepness w·q.
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R);

    /// The same in a row whose probabilities have the sum of squares `squares`, for the curves that
    /// look at it ([`super::Card::squares`]); [`Part::at`] is theirs in a row of two classes.
    #[inline(always)]
    fn in_row<const FMA: bool>(self, o: &Odds<R>, _squares: R) -> (R, R) {
        self.at::<FMA>(o)
    }
}

/// Two parts added up in one loop.
#[derive(Clone, Copy)]
pub(super) struct Sum<A, B>(pub A, pub B);

impl<R: Real, A: Part<R>, B: Part<R>> Part<R> for Sum<A, B> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        let (a, b) = (self.0.at::<FMA>(o), self.1.at::<FMA>(o));
        (a.0 + b.0, a.1 + b.1)
    }

    #[inline(always)]
    fn in_row<const FMA: bool>(self, o: &Odds<R>, squares: R) -> (R, R) {
        let (a, b) = (self.0.in_row::<FMA>(o, squares), self.1.in_row::<FMA>(o, squares));
        (a.0 + b.0, a.1 + b.1)
    }
}

/// Where a bonus is on, and its scale.
#[derive(Clone, Copy)]
pub(super) struct Scope<R> {
    rho: R,
    start: R,
    end: R,
    /// The bonus at `start`, taken off so that it begins at 0.
    origin: R,
}

impl<R: Real> Scope<R> {
    #[inline(always)]
    pub fn new(bonus: &Bonus, start: f64, origin: f64) -> Self {
        Self {
            rho: R::of(bonus.rho),
            start: R::of(start),
            end: R::of(bonus.abrupt.unwrap_or(2.0)),
            origin: R::of(origin),
        }
    }

    /// From (b, −p·b′·q).
    #[inline(always)]
    pub fn of(self, p: R, (value, steepness): (R, R)) -> (R, R) {
        let on = p >= self.start && p <= self.end;
        let off = (R::ZERO, R::ZERO);
        if on { (self.rho * (value - self.origin), self.rho * steepness) } else { off }
    }
}

/// pᵍ. Its logarithm alone would not do: where p is small, ln p is large and its rounding is in the
/// power, while p itself is exact.
#[inline(always)]
pub(super) fn power_of_p<R: Real, const FMA: bool>(o: &Odds<R>, exponent: R) -> R {
    let product = exponent * o.ln_p;
    let rounded = exponent.fma::<FMA>(o.ln_p, -product);
    let p = o.ln_p.exp::<FMA>();
    let missed = if p > R::ZERO { exponent * ((o.p - p) / p) } else { R::ZERO };
    product.exp_corrected::<FMA>(rounded + missed)
}

/// xᵍ from ln x ≤ 0.
#[inline(always)]
pub(super) fn power<R: Real, const FMA: bool>(ln_x: R, exponent: R) -> R {
    if exponent == R::ZERO { R::ONE } else { (exponent * ln_x).exp::<FMA>() }
}
