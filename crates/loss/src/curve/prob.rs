//! −p, whose gradient is that of the expected accuracy.

use super::card::{Card, Form};
use super::part::Part;
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "prob",
    forms: &[Form {
        spec: "prob",
        value: "−p",
        weight: "p",
        title: "expected accuracy",
        source: "",
    }],
    examples: &["prob"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>() -> impl Part<R> {
    Probability
}

#[derive(Clone, Copy)]
struct Probability;

impl<R: Real> Part<R> for Probability {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        (-o.p, o.p * o.q)
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
            print(p, -p, q * (p)) */
        golden(
            "prob",
            &[
                (0.2, -0.200000000, 0.160000000),
                (0.6, -0.600000000, 0.240000000),
                (0.9, -0.900000000, 0.090000000),
                (0.99, -0.990000000, 0.009900000),
            ],
        );
    }
}
