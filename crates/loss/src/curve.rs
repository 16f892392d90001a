//! Every loss as one scalar function of the label's probability: the only place with loss maths.
//!
//! For a loss L(p) of the probability p that softmax gives the label, with q = 1 − p,
//!
//! ```text
//! ∂L/∂z_k = w(p) · (p_k − 1[k = y]),        w(p) = −p · L′(p)
//! ```
//!
//! so a loss is its value L and its weight w. What the label's logit feels is the *steepness*
//! |∂L/∂z_y| = w·q. A [`Curve`] is a [`Base`] and, optionally, a [`Bonus`] for what is already
//! classified well; each arm below has its formula, its source, and its value and steepness.
//!
//! | spec | L(p) | w(p) | source |
//! |---|---|---|---|
//! | `ce` | −ln p | 1 | - |
//! | `el` = `el(le=1)` | −ln p + ln q | 1/q | eq. 6 |
//! | `el(le=a)` | as `el` to p = a, then the tangent: −ln p − (p−a)/(1−a) + ln(1−a) | 1/q, then 1 + p/(1−a) | eq. 7 |
//! | `aggressive(start=s)` | −ln p, from s on −ln p + ln q − ln(1−s) | 1, then 1/q | Table 3 |
//! | `power(gamma=g)` | −ln p − p^g | 1 + g·p^g | official code |
//! | `cosine` | −ln p + cos(πp) − 1 | 1 + πp·sin(πp) | official code |
//! | `poly(eps=e)` | −ln p + e·q | 1 + e·p | Leng et al. 2022 |
//! | `focal(gamma=g)` | −q^g·ln p | q^g − g·p·q^(g−1)·ln p | Lin et al. 2017 |
//! | `antifocal(gamma=g)` | −(1+p)^g·ln p | (1+p)^g + g·p·(1+p)^(g−1)·ln p | Zhao et al. 2022 |
//! | `halted(gamma=g, at=h)` | focal to h, then −ln p − B, B = −ln h·(1 − (1−h)^g) | focal's, then 1 | Zhao et al. 2022, appendix |
//! | `gce(q=k)` | (1 − p^k)/k | p^k | Zhang, Sabuncu 2018 |
//! | `prob` | −p | p | - |
//!
//! (Equations and tables without a name are those of *Well-Classified Examples are Underestimated*,
//! AAAI 2022.)

use crate::odds::Odds;
use crate::real::Real;
use std::f64::consts::PI;

/// A loss as a function of the label's probability: a base and, optionally, a bonus.
///
/// ```
/// use steepness::{Curve, Odds};
/// let el = Curve::encouraging(0.75);
/// let odds = Odds::from_probability(0.9);
/// assert!((el.value(&odds) - -1.880934).abs() < 1e-6);
/// assert!((el.steepness(&odds) - 0.46).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// What is paid for a low probability.
    pub base: Base,
    /// What is paid out for a high one.
    pub bonus: Option<Bonus>,
}

/// The part of a loss that is there without a bonus.
///
/// ```
/// use steepness::{Loss, Odds};
/// // Value and steepness of each at p = 0.9, and the value towards p = 1.
/// for (spec, value, steepness, end) in [
///     ("ce", 0.105361, 0.1, 0.0),
///     ("poly(eps=2)", 0.305361, 0.28, 0.0),
///     ("focal(gamma=2)", 0.001054, 0.002896, 0.0),
///     ("antifocal(gamma=1)", 0.200185, 0.180518, 0.0),
///     ("halted(gamma=1, at=0.5)", -0.241213, 0.1, -0.346574),
///     ("gce(q=0.7)", 0.101569, 0.092890, 0.0),
///     ("prob", -0.9, 0.09, -1.0),
/// ] {
///     let loss: Loss = spec.parse()?;
///     let curve = loss.curve().unwrap();
///     let odds = Odds::from_probability(0.9);
///     assert!((curve.value(&odds) - value).abs() < 2e-6, "{spec} {}", curve.value(&odds));
///     assert!((curve.steepness(&odds) - steepness).abs() < 2e-6, "{spec}");
///     assert!((curve.value(&Odds::from_probability(1.0)) - end).abs() < 1e-6, "{spec}");
/// }
/// # Ok::<(), steepness::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Base {
    /// Nothing: the bonus alone.
    Zero,
    /// Cross entropy, −ln p.
    CrossEntropy,
    /// Poly-1, −ln p + eps·q (Leng et al. 2022, eq. 6).
    Poly {
        /// Weight of the first polynomial term, ≥ −1.
        eps: f64,
    },
    /// Focal loss, −q^gamma·ln p (Lin et al. 2017, eq. 4).
    Focal {
        /// Focusing exponent, ≥ 0.
        gamma: f64,
    },
    /// −(1+p)^gamma·ln p: up-weights what is classified well.
    AntiFocal {
        /// Exponent, ≥ 0.
        gamma: f64,
    },
    /// Halted focal loss: focal up to `at`, then cross entropy, shifted to be continuous.
    Halted {
        /// Focusing exponent, ≥ 0.
        gamma: f64,
        /// The probability from which cross entropy takes over, in (0, 1).
        at: f64,
    },
    /// Generalised cross entropy, (1 − p^k)/k (Zhang and Sabuncu 2018, eq. 6).
    Generalised {
        /// k in (0, 1]: 0 would be cross entropy, 1 is 1 − p.
        q: f64,
    },
    /// −p: the gradient of accuracy's expectation.
    Probability,
}

/// Extra reward for what is already classified well; b(p) is added to the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bonus {
    /// Its form.
    pub shape: Shape,
    /// Multiplies it; 1 as published.
    pub rho: f64,
    /// No bonus above this probability (the official ablation keeps it for p ≤ `abrupt`).
    pub abrupt: Option<f64>,
}

/// The form of a bonus.
///
/// ```
/// use steepness::{Loss, Odds};
/// // Value and steepness of cross entropy with each at p = 0.9.
/// for (spec, value, steepness) in [
///     ("el(le=1)", -2.197225, 1.0),
///     ("el(le=0.75)", -1.880934, 0.46),
///     ("aggressive(start=0.5)", -1.504077, 1.0),
///     ("el(sub=0.7)", -0.888892, 0.270270),
///     ("power(gamma=2)", -0.704639, 0.262),
///     ("cosine", -1.845696, 0.187372),
/// ] {
///     let loss: Loss = spec.parse()?;
///     let curve = loss.curve().unwrap();
///     let odds = Odds::from_probability(0.9);
///     assert!((curve.value(&odds) - value).abs() < 2e-6, "{spec} {}", curve.value(&odds));
///     assert!((curve.steepness(&odds) - steepness).abs() < 2e-6, "{spec}");
///     // Where the example is as wrong as can be, there is cross entropy and no bonus.
///     let wrong = Odds::from_probability(1e-9);
///     assert!((curve.value(&wrong) + 1e-9f64.ln()).abs() < 1e-6, "{spec}");
/// }
/// # Ok::<(), steepness::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// ln(1 − p), the normal bonus (eq. 6); for p > `le` its tangent at `le`, the conservative bonus
    /// (eq. 7).
    Log {
        /// "log end" in \[0, 1\]: where the logarithm ends and its tangent goes on; 1 is the normal
        /// bonus, 0 is −p.
        le: f64,
        /// The logarithm's argument is at least this; below it the bonus is constant. 1e-5 as
        /// published, 0 for the exact bonus.
        clamp: f64,
        /// No bonus below this probability (the aggressive bonus, Table 3; 0 for none), and
        /// continuous there: ln(1 − `start`) is taken off the logarithm and off its tangent. The
        /// official code takes it off the logarithm alone, so that with `le` < 1 its value falls by
        /// −ln(1 − `start`) at `le`; the gradient is the same.
        start: f64,
    },
    /// ln(1 − r·p): the bonus of a fraction of the data term.
    LogFraction {
        /// r in (0, 1).
        sub: f64,
        /// As in [`Shape::Log`].
        clamp: f64,
    },
    /// −p^gamma.
    Power {
        /// Exponent, > 0.
        gamma: f64,
        /// As in [`Shape::Log`].
        start: f64,
    },
    /// cos(πp) − 1.
    Cosine,
}

/// The bonus' clamp in the official code.
pub const PUBLISHED_CLAMP: f64 = 1e-5;

impl Bonus {
    /// The conservative bonus with the published clamp; `le = 1` is the normal bonus.
    pub const fn log(le: f64) -> Self {
        let shape = Shape::Log { le, clamp: PUBLISHED_CLAMP, start: 0.0 };
        Self { shape, rho: 1.0, abrupt: None }
    }
}

impl Curve {
    /// Cross entropy.
    pub const CROSS_ENTROPY: Self = Self { base: Base::CrossEntropy, bonus: None };

    /// The encouraging loss with the conservative bonus that ends at `le` (1: the normal bonus).
    pub const fn encouraging(le: f64) -> Self {
        Self { base: Base::CrossEntropy, bonus: Some(Bonus::log(le)) }
    }

    /// L(p), in nats.
    pub fn value(&self, odds: &Odds) -> f64 {
        self.point(odds).0
    }

    /// w(p) = −p·L′(p), the factor of (p_k − 1\[k = y\]) in the gradient.
    ///
    /// Infinite where p is 1 to the last bit and the bonus is exact; [`Curve::steepness`] is not.
    pub fn weight(&self, odds: &Odds) -> f64 {
        self.point(odds).1 / odds.q
    }

    /// w(p)·q = |∂L/∂z_y|, what the label's logit feels.
    pub fn steepness(&self, odds: &Odds) -> f64 {
        self.point(odds).1
    }

    fn point(&self, odds: &Odds) -> (f64, f64) {
        struct Point<'a>(&'a Odds, f64, f64);
        impl Visit<f64> for Point<'_> {
            fn visit<const FMA: bool>(&mut self, part: impl Part<f64>) {
                let (value, steepness) = part.at::<FMA>(self.0);
                self.1 += value;
                self.2 += steepness;
            }
        }
        let mut point = Point(odds, 0.0, 0.0);
        self.visit::<f64, false>(&mut point);
        (point.1, point.2)
    }

    /// Hands over the base, then the bonus, each as a function from odds to (value, steepness), to
    /// be added up: the loops that the functions are inlined into are the visitor's.
    #[inline(always)]
    pub(crate) fn visit<R: Real, const FMA: bool>(&self, visitor: &mut impl Visit<R>) {
        match (self.base, &self.bonus) {
            // The encouraging loss itself is worth a loop of its own.
            (Base::CrossEntropy, Some(bonus)) => {
                bonus.visit::<R, FMA>(&mut OnCrossEntropy(visitor));
            }
            (base, bonus) => {
                base.visit::<R, FMA>(visitor);
                if let Some(bonus) = bonus {
                    bonus.visit::<R, FMA>(visitor);
                }
            }
        }
    }
}

/// Adds cross entropy to the part that it hands on.
struct OnCrossEntropy<'a, V>(&'a mut V);

impl<R: Real, V: Visit<R>> Visit<R> for OnCrossEntropy<'_, V> {
    #[inline(always)]
    fn visit<const FMA: bool>(&mut self, part: impl Part<R>) {
        self.0.visit::<FMA>(Sum(CrossEntropy, part));
    }
}

impl Curve {
    /// A sigmoid halted focal loss whose halt is decided by the score σ(z) of a negative entry,
    /// which is its q: the official detection code branches on z > 0 for every entry.
    #[inline(always)]
    pub(crate) fn visit_halted_by_score<R: Real, const FMA: bool>(
        &self,
        visitor: &mut impl Visit<R>,
    ) {
        if let Base::Halted { gamma, at } = self.base {
            visitor.visit::<FMA>(HaltedByScore(Halted::of(gamma, at)));
        }
    }
}

/// A loop over odds that a part of a curve is put into.
pub(crate) trait Visit<R> {
    fn visit<const FMA: bool>(&mut self, part: impl Part<R>);
}

/// A part of a curve with its parameters. A type and not a closure, because a method can be told to
/// be inlined: one call in a loop over a row and the loop is not vectorised.
pub(crate) trait Part<R>: Copy {
    /// The value L and the steepness w·q.
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R);
}

#[derive(Clone, Copy)]
struct Sum<A, B>(A, B);

impl<R: Real, A: Part<R>, B: Part<R>> Part<R> for Sum<A, B> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        let (a, b) = (self.0.at::<FMA>(o), self.1.at::<FMA>(o));
        (a.0 + b.0, a.1 + b.1)
    }
}

impl Base {
    #[inline(always)]
    fn visit<R: Real, const FMA: bool>(&self, visitor: &mut impl Visit<R>) {
        match *self {
            Base::Zero => {}
            Base::CrossEntropy => visitor.visit::<FMA>(CrossEntropy),
            Base::Poly { eps } => visitor.visit::<FMA>(Poly(R::of(eps))),
            Base::Focal { gamma } => visitor.visit::<FMA>(Focal(R::of(gamma))),
            Base::AntiFocal { gamma } => visitor.visit::<FMA>(AntiFocal(R::of(gamma))),
            Base::Halted { gamma, at } => visitor.visit::<FMA>(Halted::of(gamma, at)),
            Base::Generalised { q } => visitor.visit::<FMA>(Generalised(R::of(q))),
            Base::Probability => visitor.visit::<FMA>(Probability),
        }
    }
}

#[derive(Clone, Copy)]
struct CrossEntropy;

impl<R: Real> Part<R> for CrossEntropy {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        (-o.ln_p, o.q)
    }
}

#[derive(Clone, Copy)]
struct Poly<R>(R);

impl<R: Real> Part<R> for Poly<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        let eps = self.0;
        (eps * o.q - o.ln_p, (R::ONE + eps * o.p) * o.q)
    }
}

#[derive(Clone, Copy)]
struct Focal<R>(R);

impl<R: Real> Part<R> for Focal<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        let gamma = self.0;
        let power = power::<R, FMA>(o.ln_q, gamma);
        // q^g·0 where p is 1: −ln p is 0 there.
        (-power * o.ln_p, power * (o.q - gamma * o.p_ln_p()))
    }
}

#[derive(Clone, Copy)]
struct AntiFocal<R>(R);

impl<R: Real> Part<R> for AntiFocal<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        let gamma = self.0;
        // (1+p)^g = 2^g·((1+p)/2)^g, and ln((1+p)/2) = ln(1 − q/2) ≤ 0.
        let ln_half = (o.q * R::of(0.5)).ln_one_minus::<FMA>();
        let scale = (gamma * R::of(-std::f64::consts::LN_2)).exp::<FMA>();
        let power = power::<R, FMA>(ln_half, gamma) / scale;
        let weight = power + gamma * power / (R::ONE + o.p) * o.p_ln_p();
        (-power * o.ln_p, weight * o.q)
    }
}

#[derive(Clone, Copy)]
struct Halted<R> {
    gamma: R,
    at: R,
    /// B, which makes the value continuous.
    shift: R,
}

impl<R: Real> Halted<R> {
    fn of(gamma: f64, at: f64) -> Self {
        let shift = -at.ln() * (1.0 - (1.0 - at).powf(gamma));
        Self { gamma: R::of(gamma), at: R::of(at), shift: R::of(shift) }
    }

    #[inline(always)]
    fn choose<const FMA: bool>(self, score: R, o: &Odds<R>) -> (R, R) {
        let below = Focal(self.gamma).at::<FMA>(o);
        if score > self.at { (-o.ln_p - self.shift, o.q) } else { below }
    }
}

impl<R: Real> Part<R> for Halted<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        self.choose::<FMA>(o.p, o)
    }
}

#[derive(Clone, Copy)]
struct HaltedByScore<R>(Halted<R>);

impl<R: Real> Part<R> for HaltedByScore<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        self.0.choose::<FMA>(o.q, o)
    }
}

#[derive(Clone, Copy)]
struct Generalised<R>(R);

impl<R: Real> Part<R> for Generalised<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        let power = power_of_p::<R, FMA>(o, self.0);
        ((R::ONE - power) / self.0, power * o.q)
    }
}

#[derive(Clone, Copy)]
struct Probability;

impl<R: Real> Part<R> for Probability {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        (-o.p, o.p * o.q)
    }
}

/// pᵍ. Its logarithm alone would not do: where p is small, ln p is large and its rounding is in the
/// power, while p itself is exact.
#[inline(always)]
fn power_of_p<R: Real, const FMA: bool>(o: &Odds<R>, exponent: R) -> R {
    let product = exponent * o.ln_p;
    let rounded = exponent.fma::<FMA>(o.ln_p, -product);
    let p = o.ln_p.exp::<FMA>();
    let missed = if p > R::ZERO { exponent * ((o.p - p) / p) } else { R::ZERO };
    product.exp_corrected::<FMA>(rounded + missed)
}

/// xᵍ from ln x ≤ 0.
#[inline(always)]
fn power<R: Real, const FMA: bool>(ln_x: R, exponent: R) -> R {
    if exponent == R::ZERO { R::ONE } else { (exponent * ln_x).exp::<FMA>() }
}

impl Bonus {
    #[inline(always)]
    fn visit<R: Real, const FMA: bool>(&self, visitor: &mut impl Visit<R>) {
        let scope = |start: f64, origin: f64| Scope {
            rho: R::of(self.rho),
            start: R::of(start),
            end: R::of(self.abrupt.unwrap_or(2.0)),
            origin: R::of(origin),
        };
        match self.shape {
            Shape::Log { le, clamp, start } => {
                let tangent = 1.0 / (1.0 - le);
                visitor.visit::<FMA>(LogBonus {
                    ln_clamp: R::of(clamp.ln()),
                    // le = 1 has no tangent; the comparison p > 1 never takes it.
                    tangent: R::of(if tangent.is_finite() { tangent } else { 0.0 }),
                    ln_end: R::of((1.0 - le).ln()),
                    le: R::of(le),
                    scope: scope(start, (1.0 - start).max(clamp).ln()),
                });
            }
            Shape::LogFraction { sub, clamp } => visitor.visit::<FMA>(LogFraction {
                r: R::of(sub),
                clamp: R::of(clamp),
                ln_clamp: R::of(clamp.ln()),
                scope: scope(0.0, 0.0),
            }),
            Shape::Power { gamma, start } => {
                let origin = if start > 0.0 { -start.powf(gamma) } else { 0.0 };
                visitor.visit::<FMA>(PowerBonus(R::of(gamma), scope(start, origin)));
            }
            Shape::Cosine => visitor.visit::<FMA>(Cosine(scope(0.0, 0.0))),
        }
    }
}

/// Where a bonus is on, and its scale.
#[derive(Clone, Copy)]
struct Scope<R> {
    rho: R,
    start: R,
    end: R,
    /// The bonus at `start`, taken off so that it begins at 0.
    origin: R,
}

impl<R: Real> Scope<R> {
    /// From (b, −p·b′·q).
    #[inline(always)]
    fn of(self, p: R, (value, steepness): (R, R)) -> (R, R) {
        let on = p >= self.start && p <= self.end;
        let off = (R::ZERO, R::ZERO);
        if on { (self.rho * (value - self.origin), self.rho * steepness) } else { off }
    }
}

#[derive(Clone, Copy)]
struct LogBonus<R> {
    ln_clamp: R,
    tangent: R,
    ln_end: R,
    le: R,
    scope: Scope<R>,
}

impl<R: Real> Part<R> for LogBonus<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        // By logarithms: q itself is 0 long before ln q is −∞.
        let log = if o.ln_q > self.ln_clamp { (o.ln_q, o.p) } else { (self.ln_clamp, R::ZERO) };
        let line = (self.ln_end - (o.p - self.le) * self.tangent, o.p * self.tangent * o.q);
        self.scope.of(o.p, if o.p > self.le { line } else { log })
    }
}

#[derive(Clone, Copy)]
struct LogFraction<R> {
    r: R,
    clamp: R,
    ln_clamp: R,
    scope: Scope<R>,
}

impl<R: Real> Part<R> for LogFraction<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        let r = self.r;
        let rest = (R::ONE - r) + r * o.q;
        let log = if rest > R::of(0.5) { (-(r * o.p)).ln_1p() } else { rest.ln() };
        let free = (log, r * o.p / rest * o.q);
        self.scope.of(o.p, if rest > self.clamp { free } else { (self.ln_clamp, R::ZERO) })
    }
}

#[derive(Clone, Copy)]
struct PowerBonus<R>(R, Scope<R>);

impl<R: Real> Part<R> for PowerBonus<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        let power = power::<R, FMA>(o.ln_p, self.0);
        self.1.of(o.p, (-power, self.0 * power * o.q))
    }
}

#[derive(Clone, Copy)]
struct Cosine<R>(Scope<R>);

impl<R: Real> Part<R> for Cosine<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        // cos(πp) − 1 = −2·sin²(πp/2), and sin(πp) = sin(πq) from the smaller.
        let pi = R::of(PI);
        let half = (pi * o.p * R::of(0.5)).sin();
        let sine = (pi * if o.p > o.q { o.q } else { o.p }).sin();
        self.0.of(o.p, (R::of(-2.0) * half * half, pi * o.p * sine * o.q))
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    fn log(le: f64, clamp: f64, start: f64) -> Curve {
        let bonus = Bonus { shape: Shape::Log { le, clamp, start }, ..Bonus::log(1.0) };
        Curve { base: Base::CrossEntropy, bonus: Some(bonus) }
    }

    fn shaped(shape: Shape) -> Curve {
        Curve { base: Base::CrossEntropy, bonus: Some(Bonus { shape, rho: 1.0, abrupt: None }) }
    }

    fn plain(base: Base) -> Curve {
        Curve { base, bonus: None }
    }

    /// Every curve, with parameters in general position.
    pub(crate) fn catalogue() -> Vec<Curve> {
        let mut all = vec![Curve::CROSS_ENTROPY];
        all.extend([0.0, 0.25, 0.5, 0.75, 1.0].map(Curve::encouraging));
        all.extend([log(1.0, 0.0, 0.0), log(1.0, 1e-5, 0.5), log(0.8, 1e-5, 0.3)]);
        all.push(shaped(Shape::LogFraction { sub: 0.7, clamp: 1e-5 }));
        all.extend([1.0, 2.0, 0.5].map(|gamma| shaped(Shape::Power { gamma, start: 0.0 })));
        all.push(shaped(Shape::Power { gamma: 3.0, start: 0.4 }));
        all.push(shaped(Shape::Cosine));
        let mut half = Curve::encouraging(0.75);
        half.bonus = half.bonus.map(|b| Bonus { rho: 0.5, abrupt: Some(0.9), ..b });
        all.push(half);
        all.extend([Base::Zero, Base::Poly { eps: 2.0 }, Base::Poly { eps: -0.5 }].map(plain));
        all.extend([0.0, 0.5, 1.0, 2.0].map(|gamma| plain(Base::Focal { gamma })));
        all.extend([0.0, 1.0, 2.5].map(|gamma| plain(Base::AntiFocal { gamma })));
        all.extend([1.0, 2.0].map(|gamma| plain(Base::Halted { gamma, at: 0.5 })));
        all.extend([0.7, 1.0].map(|q| plain(Base::Generalised { q })));
        all.push(plain(Base::Probability));
        all.push(Curve { base: Base::Focal { gamma: 2.0 }, bonus: Some(Bonus::log(0.5)) });
        all
    }

    /// Where the slope of a curve jumps, as probabilities.
    fn kinks(curve: &Curve) -> Vec<f64> {
        let mut kinks = match curve.base {
            Base::Halted { at, .. } => vec![at],
            _ => vec![],
        };
        if let Some(bonus) = curve.bonus {
            kinks.extend(bonus.abrupt);
            match bonus.shape {
                Shape::Log { le, start, .. } => kinks.extend([le, start]),
                Shape::Power { start, .. } => kinks.push(start),
                _ => {}
            }
        }
        kinks
    }

    /// The table of docs/derivations.md §2, to its six decimals.
    #[test]
    fn published_golden_values() {
        // p, CE, then (loss, ∂L/∂z_y) for LE = 0, 0.25, 0.5, 0.75, 1
        type Line = (f64, f64, [(f64, f64); 5]);
        #[rustfmt::skip]
        #[allow(clippy::approx_constant, reason = "as they are printed")]
        let golden: [Line; 10] = [
            (0.01, 4.605170, [(4.595170, -0.9999), (4.595120, -1.0), (4.595120, -1.0), (4.595120, -1.0), (4.595120, -1.0)]),
            (0.1, 2.302585, [(2.202585, -0.99), (2.197225, -1.0), (2.197225, -1.0), (2.197225, -1.0), (2.197225, -1.0)]),
            (0.25, 1.386294, [(1.136294, -0.9375), (1.098612, -1.0), (1.098612, -1.0), (1.098612, -1.0), (1.098612, -1.0)]),
            (0.5, 0.693147, [(0.193147, -0.75), (0.072132, -0.833333), (0.0, -1.0), (0.0, -1.0), (0.0, -1.0)]),
            (0.6, 0.510826, [(-0.089174, -0.64), (-0.243523, -0.72), (-0.382322, -0.88), (-0.405465, -1.0), (-0.405465, -1.0)]),
            (0.75, 0.287682, [(-0.462318, -0.4375), (-0.666667, -0.5), (-0.905465, -0.625), (-1.098612, -1.0), (-1.098612, -1.0)]),
            (0.9, 0.105361, [(-0.794639, -0.19), (-1.048988, -0.22), (-1.387787, -0.28), (-1.880934, -0.46), (-2.197225, -1.0)]),
            (0.99, 0.010050, [(-0.979950, -0.0199), (-1.264298, -0.0232), (-1.663097, -0.0298), (-2.336244, -0.0496), (-4.595120, -1.0)]),
            (0.9999, 0.000100, [(-0.999800, -2.0e-4), (-1.287449, -2.33e-4), (-1.692847, -3e-4), (-2.385794, -5e-4), (-9.210240, -1.0)]),
            (0.999995, 0.000005, [(-0.999990, -1.0e-5), (-1.287670, -1.2e-5), (-1.693132, -1.5e-5), (-2.386269, -2.5e-5), (-11.512920, -5e-6)]),
        ];
        for (p, ce, els) in golden {
            let odds = Odds::from_probability(p);
            assert!((Curve::CROSS_ENTROPY.value(&odds) - ce).abs() < 6e-7, "ce at {p}");
            for ((loss, gradient), le) in els.into_iter().zip([0.0, 0.25, 0.5, 0.75, 1.0]) {
                let curve = Curve::encouraging(le);
                assert!((curve.value(&odds) - loss).abs() < 6e-7, "le={le} at {p}");
                assert!((curve.steepness(&odds) + gradient).abs() < 6e-7, "le={le} at {p}");
            }
        }
    }

    /// The table of docs/derivations.md §4, to its two decimals, in its order.
    #[test]
    fn the_picture_of_the_documentation() {
        let columns = [
            Curve::CROSS_ENTROPY,
            Curve::encouraging(1.0),
            Curve::encouraging(0.75),
            Curve::encouraging(0.0),
            plain(Base::Focal { gamma: 2.0 }),
            log(1.0, 1e-5, 0.5),
            plain(Base::Probability),
        ];
        for (p, row) in [
            (0.1, [0.90, 1.0, 1.0, 0.99, 1.10, 0.90, 0.09]),
            (0.5, [0.50, 1.0, 1.0, 0.75, 0.30, 1.0, 0.25]),
            (0.75, [0.25, 1.0, 1.0, 0.44, 0.04, 1.0, 0.19]),
            (0.9, [0.10, 1.0, 0.46, 0.19, 0.003, 1.0, 0.09]),
            (0.99, [0.01, 1.0, 0.05, 0.02, 0.0, 1.0, 0.01]),
        ] {
            for (curve, expected) in columns.iter().zip(row) {
                let steepness = curve.steepness(&Odds::from_probability(p));
                assert!((steepness - expected).abs() < 6e-3, "{curve:?} at {p}: {steepness}");
            }
        }
    }

    #[test]
    fn the_steepness_is_the_derivative_by_central_differences() {
        // dL/du = L′(p)·p·q = −w·q, away from the kinks.
        let h = 1e-5;
        for curve in catalogue() {
            let kinks = kinks(&curve);
            for i in 0..2000 {
                let u = -12.0 + 23.0 * f64::from(i) / 1999.0;
                let odds = Odds::from_log_odds(u);
                if kinks.iter().any(|k| (odds.p - k).abs() < 2.0 * h) {
                    continue;
                }
                let value = |u| curve.value(&Odds::from_log_odds(u));
                let slope = (value(u + h) - value(u - h)) / (2.0 * h);
                let gradient = -curve.steepness(&odds);
                assert!((slope - gradient).abs() < 1e-8, "{curve:?} at {u}: {slope} {gradient}");
            }
        }
    }

    #[test]
    fn values_are_continuous_but_for_the_abrupt_end() {
        for curve in catalogue() {
            for kink in kinks(&curve) {
                if curve.bonus.is_some_and(|b| b.abrupt == Some(kink)) || kink == 0.0 || kink == 1.0
                {
                    continue;
                }
                let at = |p| curve.value(&Odds::from_probability(p));
                assert!((at(kink - 1e-9) - at(kink + 1e-9)).abs() < 1e-7, "{curve:?} at {kink}");
            }
        }
    }

    #[test]
    fn certainty_and_impossibility_are_defined() {
        for curve in catalogue() {
            for u in [-1e4, -800.0, 800.0, 1e4] {
                let odds = Odds::from_log_odds(u);
                let (value, steepness) = (curve.value(&odds), curve.steepness(&odds));
                assert!(value.is_finite() && steepness.is_finite(), "{curve:?} at {u}");
            }
            let certain = Odds::from_log_odds(f64::INFINITY);
            assert!(
                !curve.value(&certain).is_nan() && curve.steepness(&certain) == 0.0,
                "{curve:?}"
            );
            let impossible = Odds::from_log_odds(f64::NEG_INFINITY);
            assert!(!curve.value(&impossible).is_nan(), "{curve:?}");
            assert!(curve.steepness(&impossible).is_finite(), "{curve:?}");
        }
    }

    #[test]
    fn the_exact_bonus_is_minus_the_log_odds() {
        let exact = log(1.0, 0.0, 0.0);
        for u in [-1e4, -3.0, 0.0, 11.6, 40.0, 700.0, 1e4] {
            let odds = Odds::from_log_odds(u);
            assert!((exact.value(&odds) + u).abs() <= 1e-12 * u.abs());
            assert_eq!(exact.steepness(&odds) as f32, 1.0);
        }
        // The published clamp ends it at log-odds ln(1/1e-5 − 1) = 11.51292.
        let clamped = Curve::encouraging(1.0);
        assert_eq!(clamped.steepness(&Odds::from_log_odds(11.512)) as f32, 1.0);
        assert!(clamped.steepness(&Odds::from_log_odds(11.514)) < 1.1e-5);
    }

    #[test]
    fn relatives_agree() {
        let pairs = [
            (Curve::encouraging(0.0), plain(Base::Poly { eps: 1.0 }), 1.0),
            (Curve::encouraging(0.0), shaped(Shape::Power { gamma: 1.0, start: 0.0 }), 0.0),
            (plain(Base::Focal { gamma: 0.0 }), Curve::CROSS_ENTROPY, 0.0),
            (plain(Base::AntiFocal { gamma: 0.0 }), Curve::CROSS_ENTROPY, 0.0),
            (plain(Base::Generalised { q: 1.0 }), plain(Base::Probability), -1.0),
        ];
        for (a, b, shift) in pairs {
            for i in 1..100 {
                let odds = Odds::from_probability(f64::from(i) / 100.0);
                assert!((a.value(&odds) + shift - b.value(&odds)).abs() < 1e-14, "{a:?} {b:?}");
                assert!((a.steepness(&odds) - b.steepness(&odds)).abs() < 1e-14, "{a:?} {b:?}");
            }
        }
        // docs/derivations.md §7: the shift of the halted focal loss.
        for (gamma, shift) in [(1.0, 0.34657359), (2.0, 0.51986039)] {
            let halted = plain(Base::Halted { gamma, at: 0.5 });
            let end = halted.value(&Odds::from_log_odds(f64::INFINITY));
            assert!((end + shift).abs() < 1e-8);
        }
    }
}
