//! Anti-focal loss: focal loss the other way round, so that the well classified weigh more.

use super::card::{Card, Form, Parameter, Range};
use super::part::{Part, power};
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "antifocal",
    parameters: &[Parameter::new("gamma", 1.0, Range::AtLeast(0.0))],
    forms: &[Form {
        spec: "antifocal(gamma=g)",
        value: "−(1+p)^g·ln p",
        weight: "(1+p)^g + g·p·(1+p)^(g−1)·ln p",
        title: "anti-focal loss",
        source: "Zhao et al. 2022",
    }],
    examples: &["antifocal(gamma=1)"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>(gamma: f64) -> impl Part<R> {
    AntiFocal(R::of(gamma))
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

#[cfg(test)]
mod tests {
    use crate::curve::tests::golden;

    #[test]
    fn golden_values() {
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -(1+p)*log(p), q * (1 + p + p*log(p))) */
        golden(
            "antifocal(gamma=1)",
            &[
                (0.2, 1.931325495, 0.702489934),
                (0.6, 0.817320998, 0.517401850),
                (0.9, 0.200184980, 0.180517554),
                (0.99, 0.020000168, 0.019800502),
            ],
        );
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -(1+p)**2.5*log(p), q * ((1+p)**2.5 + 2.5*p*(1+p)**1.5*log(p))) */
        golden(
            "antifocal(gamma=2.5)",
            &[
                (0.2, 2.538793295, 0.415688341),
                (0.6, 1.654141397, 0.674965906),
                (0.9, 0.524278309, 0.435518571),
                (0.99, 0.056145282, 0.055165796),
            ],
        );
    }
}
