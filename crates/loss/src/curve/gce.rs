//! Generalised cross entropy: from cross entropy (k → 0) to 1 − p (k = 1), against wrong labels.

use super::card::{Card, Form, Parameter, Range};
use super::part::{Part, power_of_p};
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "gce",
    parameters: &[Parameter::new("q", 0.7, Range::PositiveUnit)],
    forms: &[Form {
        spec: "gce(q=k)",
        value: "(1 − p^k)/k",
        weight: "p^k",
        title: "generalised cross entropy",
        source: "Zhang and Sabuncu 2018, eq. 6",
    }],
    aliases: &["generalized_cross_entropy", "generalised_cross_entropy"],
    examples: &["gce(q=0.7)"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>(q: f64) -> impl Part<R> {
    Generalised(R::of(q))
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

#[cfg(test)]
mod tests {
    use crate::curve::tests::golden;

    #[test]
    fn golden_values() {
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, (1 - p**.7)/.7, q * (p**.7)) */
        golden(
            "gce(q=0.7)",
            &[
                (0.2, 0.965526687, 0.259305055),
                (0.6, 0.429474014, 0.279747276),
                (0.9, 0.101569003, 0.092890170),
                (0.99, 0.010015065, 0.009929895),
            ],
        );
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, 1 - p, q * (p)) */
        golden(
            "gce(q=1)",
            &[
                (0.2, 0.800000000, 0.160000000),
                (0.6, 0.400000000, 0.240000000),
                (0.9, 0.100000000, 0.090000000),
                (0.99, 0.010000000, 0.009900000),
            ],
        );
    }
}
