//! Poly-1: cross entropy plus the first term of its expansion in q, with a weight of its own.

use super::card::{Card, Form, Parameter, Range};
use super::part::Part;
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "poly",
    parameters: &[Parameter::new("eps", 2.0, Range::AtLeast(-1.0))],
    forms: &[Form {
        spec: "poly(eps=e)",
        value: "−ln p + e·q",
        weight: "1 + e·p",
        title: "PolyLoss",
        source: "Leng et al. 2022, eq. 6",
    }],
    aliases: &["polyloss", "poly1"],
    examples: &["poly(eps=2)"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>(eps: f64) -> impl Part<R> {
    Poly(R::of(eps))
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

#[cfg(test)]
mod tests {
    use crate::curve::tests::golden;

    #[test]
    fn golden_values() {
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -log(p) + 2*q, q * (1 + 2*p)) */
        golden(
            "poly(eps=2)",
            &[
                (0.2, 3.209437912, 1.120000000),
                (0.6, 1.310825624, 0.880000000),
                (0.9, 0.305360516, 0.280000000),
                (0.99, 0.030050336, 0.029800000),
            ],
        );
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -log(p) - .5*q, q * (1 - .5*p)) */
        golden(
            "poly(eps=-0.5)",
            &[
                (0.2, 1.209437912, 0.720000000),
                (0.6, 0.310825624, 0.280000000),
                (0.9, 0.055360516, 0.055000000),
                (0.99, 0.005050336, 0.005050000),
            ],
        );
    }
}
