//! The bonus cos(πp) − 1, which has no slope at either end.

use super::Bonus;
use super::card::{Card, Form};
use super::part::{Part, Scope};
use crate::odds::Odds;
use crate::real::Real;
use std::f64::consts::PI;

pub(super) static CARD: Card = Card {
    name: "cosine",
    forms: &[Form {
        spec: "cosine",
        value: "−ln p + cos(πp) − 1",
        weight: "1 + πp·sin(πp)",
        title: "cosine bonus",
        source: "official code",
    }],
    examples: &["cosine"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>(bonus: &Bonus) -> impl Part<R> {
    Cosine(Scope::new(bonus, 0.0, 0.0))
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
    use crate::curve::tests::golden;

    #[test]
    fn golden_values() {
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -log(p) + cos(pi*p) - 1, q * (1 + pi*p*sin(pi*p))) */
        golden(
            "cosine",
            &[
                (0.2, 1.418454907, 1.095453093),
                (0.6, -0.798191371, 1.117079720),
                (0.9, -1.845696001, 0.187372497),
                (0.99, -1.989456225, 0.010976930),
            ],
        );
    }
}
