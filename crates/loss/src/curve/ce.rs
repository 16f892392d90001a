//! Cross entropy, −ln p: what every other curve is held against.

use super::card::{Card, Form};
use super::part::Part;
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "ce",
    forms: &[Form {
        spec: "ce", value: "−ln p", weight: "1", title: "cross entropy", source: ""
    }],
    aliases: &["cross_entropy", "crossentropy", "softmax", "nll", "xent"],
    examples: &["ce"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>() -> impl Part<R> {
    CrossEntropy
}

#[derive(Clone, Copy)]
pub(super) struct CrossEntropy;

impl<R: Real> Part<R> for CrossEntropy {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        (-o.ln_p, o.q)
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
            print(p, -log(p), q * (1)) */
        golden(
            "ce",
            &[
                (0.2, 1.609437912, 0.800000000),
                (0.6, 0.510825624, 0.400000000),
                (0.9, 0.105360516, 0.100000000),
                (0.99, 0.010050336, 0.010000000),
            ],
        );
    }
}
