//! The bonus −p^g, and with `start` none below that.

use super::Bonus;
use super::card::{Card, Form, Parameter, Range};
use super::part::{Part, Scope, power};
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "power",
    parameters: &[
        Parameter::new("gamma", 1.0, Range::Positive),
        Parameter::option("start", 0.0, Range::Unit).kink(),
    ],
    forms: &[Form {
        spec: "power(gamma=g)",
        value: "−ln p − p^g",
        weight: "1 + g·p^g",
        title: "power bonus",
        source: "official code",
    }],
    examples: &["power(gamma=2)"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>(gamma: f64, start: f64, bonus: &Bonus) -> impl Part<R> {
    let origin = if start > 0.0 { -start.powf(gamma) } else { 0.0 };
    PowerBonus(R::of(gamma), Scope::new(bonus, start, origin))
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

#[cfg(test)]
mod tests {
    use crate::curve::tests::golden;

    #[test]
    fn golden_values() {
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -log(p) - p**2, q * (1 + 2*p**2)) */
        golden(
            "power(gamma=2)",
            &[
                (0.2, 1.569437912, 0.864000000),
                (0.6, 0.150825624, 0.688000000),
                (0.9, -0.704639484, 0.262000000),
                (0.99, -0.970049664, 0.029602000),
            ],
        );
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -log(p) if p < .4 else -log(p) - p**3 + .4**3, q * (1 if p < .4 else 1 + 3*p**3)) */
        golden(
            "power(gamma=3, start=0.4)",
            &[
                (0.2, 1.609437912, 0.800000000),
                (0.6, 0.358825624, 0.659200000),
                (0.9, -0.559639484, 0.318700000),
                (0.99, -0.896248664, 0.039108970),
            ],
        );
    }
}
