//! Focal loss: cross entropy that fades as q^g towards the well classified.

use super::card::{Card, Form, Parameter, Range};
use super::part::{Part, power};
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "focal",
    parameters: &[Parameter::new("gamma", 2.0, Range::AtLeast(0.0))],
    forms: &[Form {
        spec: "focal(gamma=g)",
        value: "−q^g·ln p",
        weight: "q^g − g·p·q^(g−1)·ln p",
        title: "focal loss",
        source: "Lin et al. 2017, eq. 4",
    }],
    examples: &["focal(gamma=2)", "focal(gamma=0.5)"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>(gamma: f64) -> impl Part<R> {
    Focal(R::of(gamma))
}

#[derive(Clone, Copy)]
pub(super) struct Focal<R>(pub R);

impl<R: Real> Part<R> for Focal<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        let gamma = self.0;
        let power = power::<R, FMA>(o.ln_q, gamma);
        // q^g·0 where p is 1: −ln p is 0 there.
        (-power * o.ln_p, power * (o.q - gamma * o.p_ln_p()))
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
            print(p, -q**2*log(p), q * (q**2 - 2*p*q*log(p))) */
        golden(
            "focal(gamma=2)",
            &[
                (0.2, 1.030040264, 0.924016106),
                (0.6, 0.081732100, 0.162078520),
                (0.9, 0.001053605, 0.002896489),
                (0.99, 0.000001005, 0.000002990),
            ],
        );
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -q**.5*log(p), q * (q**.5 - .5*p*q**-.5*log(p))) */
        golden(
            "focal(gamma=0.5)",
            &[
                (0.2, 1.439525031, 0.859494256),
                (0.6, 0.323074492, 0.349904560),
                (0.9, 0.033317920, 0.046615841),
                (0.99, 0.001005034, 0.001497492),
            ],
        );
    }
}
