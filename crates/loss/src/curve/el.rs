//! The encouraging loss: the bonus ln(1 − p) on cross entropy, for p > `le` its tangent at `le`.

use super::card::{Card, Form, Parameter, Range};
use super::part::{Part, Scope};
use super::{Bonus, PUBLISHED_CLAMP, aggressive};
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "el",
    parameters: &[
        Parameter::new("le", 1.0, Range::Unit).or_auto().kink(),
        Parameter::option("clamp", PUBLISHED_CLAMP, Range::Unit),
        Parameter::option("start", 0.0, Range::Unit).kink(),
    ],
    presets: &[&aggressive::CARD],
    forms: &[
        Form {
            spec: "el(le=1)",
            value: "−ln p + ln q",
            weight: "1/q",
            title: "encouraging loss, normal bonus",
            source: "eq. 6",
        },
        Form {
            spec: "el(le=a)",
            value: "the same to p = a, then its tangent: −ln p − (p−a)/(1−a) + ln(1−a)",
            weight: "1/q, then 1 + p/(1−a)",
            title: "conservative bonus",
            source: "eq. 7",
        },
    ],
    aliases: &["encouraging"],
    examples: &[
        "el(le=1)",
        "el(le=1, clamp=0)",
        "el(le=0.75)",
        "el(le=0)",
        "el(le=0.8, start=0.3, rho=0.5, abrupt=0.95)",
    ],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>(le: f64, clamp: f64, start: f64, bonus: &Bonus) -> impl Part<R> {
    let tangent = 1.0 / (1.0 - le);
    LogBonus {
        ln_clamp: R::of(clamp.ln()),
        // le = 1 has no tangent; the comparison p > 1 never takes it.
        tangent: R::of(if tangent.is_finite() { tangent } else { 0.0 }),
        ln_end: R::of((1.0 - le).ln()),
        le: R::of(le),
        scope: Scope::new(bonus, start, (1.0 - start).max(clamp).ln()),
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

#[cfg(test)]
mod tests {
    use crate::curve::tests::golden;

    #[test]
    fn golden_values() {
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -log(p) + log(q), q * (1/q)) */
        golden(
            "el(le=1, clamp=0)",
            &[
                (0.2, 1.386294361, 1.000000000),
                (0.6, -0.405465108, 1.000000000),
                (0.9, -2.197224577, 1.000000000),
                (0.99, -4.595119850, 1.000000000),
            ],
        );
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -log(p) + (log(q) if p <= .75 else log(.25) - (p - .75)/.25), q * (1/q if p <= .75 else 1 + p/.25)) */
        golden(
            "el(le=0.75)",
            &[
                (0.2, 1.386294361, 1.000000000),
                (0.6, -0.405465108, 1.000000000),
                (0.9, -1.880933845, 0.460000000),
                (0.99, -2.336244025, 0.049600000),
            ],
        );
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -log(p) - p, q * (1 + p)) */
        golden(
            "el(le=0)",
            &[
                (0.2, 1.409437912, 0.960000000),
                (0.6, -0.089174376, 0.640000000),
                (0.9, -0.794639484, 0.190000000),
                (0.99, -0.979949664, 0.019900000),
            ],
        );
    }
}
