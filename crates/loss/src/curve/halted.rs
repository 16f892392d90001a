//! Halted focal loss: focal up to `at`, then cross entropy, shifted so that the value is continuous.

use super::card::{Card, Form, Parameter, Range};
use super::focal::Focal;
use super::part::{Part, Visit};
use super::{Base, Curve};
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "halted",
    parameters: &[
        Parameter::new("gamma", 1.0, Range::AtLeast(0.0)),
        Parameter::new("at", 0.5, Range::OpenUnit).kink(),
    ],
    forms: &[Form {
        spec: "halted(gamma=g, at=h)",
        value: "focal to h, then −ln p − B, B = −ln h·(1 − (1−h)^g)",
        weight: "focal's, then 1",
        title: "halted focal loss",
        source: "Zhao et al. 2022, appendix",
    }],
    examples: &["halted(gamma=1, at=0.5)"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>(gamma: f64, at: f64) -> impl Part<R> {
    Halted::of(gamma, at)
}

#[derive(Clone, Copy)]
struct Halted<R> {
    gamma: R,
    at: R,
    /// B, which makes the value continuous.
    shift: R,
}

impl<R: Real> Halted<R> {
    fn of(gamma: f64, at: f64) -> Self {
        let shift = -at.ln() * (1.0 - (1.0 - at).powf(gamma));
        Self { gamma: R::of(gamma), at: R::of(at), shift: R::of(shift) }
    }

    #[inline(always)]
    fn choose<const FMA: bool>(self, score: R, o: &Odds<R>) -> (R, R) {
        let below = Focal(self.gamma).at::<FMA>(o);
        if score > self.at { (-o.ln_p - self.shift, o.q) } else { below }
    }
}

impl<R: Real> Part<R> for Halted<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        self.choose::<FMA>(o.p, o)
    }
}

#[derive(Clone, Copy)]
struct HaltedByScore<R>(Halted<R>);

impl<R: Real> Part<R> for HaltedByScore<R> {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        self.0.choose::<FMA>(o.q, o)
    }
}

impl Curve {
    /// A sigmoid halted focal loss whose halt is decided by the score σ(z) of a negative entry,
    /// which is its q: the official detection code branches on z > 0 for every entry.
    #[inline(always)]
    pub(crate) fn visit_halted_by_score<R: Real, const FMA: bool>(
        &self,
        visitor: &mut impl Visit<R>,
    ) {
        if let Base::Halted { gamma, at } = self.base {
            visitor.visit::<FMA>(HaltedByScore(Halted::of(gamma, at)));
        }
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
            print(p, -q*log(p) if p <= .5 else -log(p) + log(.5)*.5, q * (q - p*log(p) if p <= .5 else 1)) */
        golden(
            "halted(gamma=1, at=0.5)",
            &[
                (0.2, 1.287550330, 0.897510066),
                (0.6, 0.164252033, 0.400000000),
                (0.9, -0.241213075, 0.100000000),
                (0.99, -0.336523254, 0.010000000),
            ],
        );
    }
}
