//! The encouraging loss of a fraction of the data term: the bonus ln(1 − r·p), written `el(sub=r)`.

use super::card::{Card, Form, Parameter, Range};
use super::part::{Part, Scope};
use super::{Bonus, PUBLISHED_CLAMP};
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "el",
    parameters: &[
        Parameter::new("sub", 0.5, Range::OpenUnit),
        Parameter::option("clamp", PUBLISHED_CLAMP, Range::Unit),
    ],
    forms: &[Form {
        spec: "el(sub=r)",
        value: "−ln p + ln(1 − r·p)",
        weight: "1 + r·p/(1 − r·p)",
        title: "bonus of a fraction of the data term",
        source: "official code",
    }],
    examples: &["el(sub=0.7)"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>(sub: f64, clamp: f64, bonus: &Bonus) -> impl Part<R> {
    LogFraction {
        r: R::of(sub),
        clamp: R::of(clamp),
        ln_clamp: R::of(clamp.ln()),
        scope: Scope::new(bonus, 0.0, 0.0),
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

#[cfg(test)]
mod tests {
    use crate::curve::tests::golden;

    #[test]
    fn golden_values() {
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -log(p) + log(1 - .7*p), q * (1 + .7*p/(1 - .7*p))) */
        golden(
            "el(sub=0.7)",
            &[
                (0.2, 1.458615023, 0.930232558),
                (0.6, -0.033901552, 0.689655172),
                (0.9, -0.888891758, 0.270270270),
                (0.99, -1.170857196, 0.032573290),
            ],
        );
    }
}
