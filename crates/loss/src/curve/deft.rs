//! DEFT: generalised cross entropy whose exponent α = Σ_k p_k² is the row's own, held fixed in the
//! gradient. A flat row (α → 0, at least 1/C) pays cross entropy, −ln p; a sure one (α → 1) pays 1 − p.
//!
//! ```text
//! L = (1 − p^α)/α,        ∂L/∂z_k = p^α·(p_k − 1[k = y])
//! ```

use super::card::{Card, Form};
use super::part::{Part, power_of_p};
use crate::odds::Odds;
use crate::real::Real;

pub(super) static CARD: Card = Card {
    name: "deft",
    squares: true,
    forms: &[Form {
        spec: "deft",
        value: "(1 − p^α)/α, α = Σ p_k² of the row, held fixed in the gradient",
        weight: "p^α",
        title: "DEFT",
        source: "arXiv 2602.11424",
    }],
    examples: &["deft"],
    ..Card::EMPTY
};

#[inline(always)]
pub(super) fn part<R: Real>() -> impl Part<R> {
    Deft
}

#[derive(Clone, Copy)]
struct Deft;

impl<R: Real> Part<R> for Deft {
    #[inline(always)]
    fn at<const FMA: bool>(self, o: &Odds<R>) -> (R, R) {
        self.in_row::<FMA>(o, o.p * o.p + o.q * o.q)
    }

    #[inline(always)]
    fn in_row<const FMA: bool>(self, o: &Odds<R>, alpha: R) -> (R, R) {
        // 1 − p^α itself would have no digits left in a flat row of many classes.
        let value = -(alpha * o.ln_p).exp_m1::<FMA>() / alpha;
        (value, power_of_p::<R, FMA>(o, alpha) * o.q)
    }
}

#[cfg(test)]
mod tests {
    use crate::curve::tests::golden;
    use crate::{Criterion, Element, Loss, Odds, Reduction, Targets};
    use half::{bf16, f16};

    fn criterion(spec: &str, classes: usize) -> Criterion {
        let loss: Loss = spec.parse().unwrap();
        loss.criterion(classes).unwrap().with_reduction(Reduction::Sum)
    }

    /// Loss and gradient in f64.
    fn run<E: Element>(spec: &str, z: &[E], targets: Targets<'_, E>) -> (f64, Vec<f64>) {
        let rows = match targets {
            Targets::Hard(labels) => labels.len(),
            Targets::Soft(_) => 1,
        };
        let mut gradient = vec![E::default(); z.len()];
        let mut criterion = criterion(spec, z.len() / rows);
        let outcome = criterion.forward_backward(z, targets, &mut gradient).unwrap();
        (outcome.loss, gradient.into_iter().map(E::wide).collect())
    }

    fn softmax(z: &[f64]) -> Vec<f64> {
        let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = z.iter().map(|z| (z - largest).exp()).sum();
        z.iter().map(|z| (z - largest).exp() / sum).collect()
    }

    /// Logits of which the largest is not the label's.
    fn draws(classes: usize, spread: f64) -> Vec<f64> {
        let wave = |i: usize| spread * (i as f64 * 0.731 + 0.4).sin();
        // Exact in f32, so that each width is given the same.
        (0..classes).map(|i| f64::from(wave(i) as f32)).collect()
    }

    fn close(what: &str, found: f64, expected: f64, tolerance: f64) {
        let gap = (found - expected).abs();
        assert!(gap <= tolerance * expected.abs().max(1.0), "{what}: {found} and not {expected}");
    }

    #[test]
    fn golden_values_in_a_row_of_two_classes() {
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p; a = p*p + q*q
            print(p, (1 - p**a)/a, q * p**a) */
        golden(
            "deft",
            &[
                (0.2, 0.978331707, 0.267787551),
                (0.6, 0.448609076, 0.306689312),
                (0.9, 0.100937461, 0.091723128),
                (0.99, 0.010000993, 0.009901970),
            ],
        );
    }

    /// ```python
    /// import torch
    /// z = torch.tensor([2, -1, .5, 1.5], dtype=torch.float64, requires_grad=True)
    /// p = z.softmax(0); a = (p * p).sum().detach()
    /// t = torch.tensor([.5, .1, .15, .25], dtype=torch.float64)
    /// for loss in (1 - p[0]**a)/a, (t * (1 - p**a)/a).sum():
    ///     print(loss.item(), torch.autograd.grad(loss, z, retain_graph=True)[0].tolist())
    /// ```
    #[test]
    fn golden_rows_in_every_width() {
        fn check<E: Element>(number: impl Fn(f64) -> E, tolerance: f64) {
            let (z, t) = ([2.0, -1.0, 0.5, 1.5].map(&number), [0.5, 0.1, 0.15, 0.25].map(&number));
            for (targets, value, gradient) in [
                (
                    Targets::Hard(&[0]),
                    0.5573040640649465,
                    [
                        -0.3630846945003285,
                        0.02055485350566592,
                        0.092120462298743,
                        0.2504093786959197,
                    ],
                ),
                (
                    Targets::Soft(&t[..]),
                    0.9114983840866568,
                    [
                        -0.050882306681658385,
                        -0.006445473679355395,
                        0.011533117746318947,
                        0.045794662614694975,
                    ],
                ),
            ] {
                let (found, slopes) = run("deft", &z, targets);
                close("value", found, value, tolerance);
                for (found, expected) in slopes.into_iter().zip(gradient) {
                    close("slope", found, expected, tolerance);
                }
            }
        }
        check(|z| z, 1e-14);
        check(|z| z as f32, 3e-7);
        check(f16::from_f64, 5e-4);
        check(bf16::from_f64, 4e-3);
    }

    /// Few classes side by side, many in one block, more in several; a label that is not the likeliest.
    #[test]
    fn every_kernel_agrees_with_the_definition() {
        for classes in [1, 2, 5, 15, 16, 17, 100, 1024, 1025, 5000] {
            for spread in [0.1, 1.0, 5.0, 30.0] {
                let z = draws(classes, spread);
                let p = softmax(&z);
                let alpha: f64 = p.iter().map(|p| p * p).sum();
                let label = classes / 2;
                let labels = [label as i64];
                let what = format!("{classes} classes, ±{spread}");
                let value = |p: f64| -(alpha * p.ln()).exp_m1() / alpha;
                let narrow: Vec<f32> = z.iter().map(|z| *z as f32).collect();

                let pull = p[label].powf(alpha);
                let of_hard = |k: usize| pull * (p[k] - f64::from(u8::from(k == label)));
                let (found, slopes) = run("deft", &z, Targets::Hard(&labels));
                close(&what, found, value(p[label]), 1e-12);
                (0..classes).for_each(|k| close(&what, slopes[k], of_hard(k), 1e-12));
                let (found, slopes) = run("deft", &narrow, Targets::Hard(&labels));
                close(&what, found, value(p[label]), 1e-6);
                (0..classes).for_each(|k| close(&what, slopes[k], of_hard(k), 1e-6));

                let share = 0.1 / classes as f64;
                let t = |k: usize| share + if k == label { 0.9 } else { 0.0 };
                let all: f64 = (0..classes).map(|k| t(k) * value(p[k])).sum();
                let total: f64 = (0..classes).map(|k| t(k) * p[k].powf(alpha)).sum();
                let of_soft = |k: usize| p[k] * total - t(k) * p[k].powf(alpha);
                for (found, slopes) in [
                    run("deft + smooth(0.1)", &z, Targets::Hard(&labels)),
                    run("deft", &z, Targets::Soft(&(0..classes).map(t).collect::<Vec<_>>())),
                ] {
                    close(&what, found, all, 1e-12);
                    (0..classes).for_each(|k| close(&what, slopes[k], of_soft(k), 1e-12));
                }
                let (found, slopes) = run("deft + smooth(0.1)", &narrow, Targets::Hard(&labels));
                close(&what, found, all, 2e-6);
                (0..classes).for_each(|k| close(&what, slopes[k], of_soft(k), 1e-6));
            }
        }
    }

    /// With α held as it is where the slope is taken; the free value has another one.
    #[test]
    fn the_gradient_holds_alpha() {
        let (z, h) = (draws(6, 2.0), 1e-5);
        let alpha: f64 = softmax(&z).iter().map(|p| p * p).sum();
        let (_, slopes) = run("deft", &z, Targets::Hard(&[4]));
        let mut apart = 0.0f64;
        for k in 0..6 {
            let moved = |by: f64| {
                let mut z = z.clone();
                z[k] += by;
                z
            };
            let held = |by: f64| (1.0 - softmax(&moved(by))[4].powf(alpha)) / alpha;
            let free = |by: f64| run("deft", &moved(by), Targets::Hard(&[4])).0;
            close("slope", slopes[k], (held(h) - held(-h)) / (2.0 * h), 1e-9);
            apart = apart.max((slopes[k] - (free(h) - free(-h)) / (2.0 * h)).abs());
        }
        assert!(apart > 1e-3, "the gradient goes through α");
    }

    #[test]
    fn rows_at_the_ends() {
        const MASK: f64 = f64::NEG_INFINITY;
        for (z, value, slopes) in [
            (vec![3.0], 0.0, vec![0.0]),
            (vec![1e4, -1e4, 0.0], 0.0, vec![0.0; 3]),
            (vec![-1e4, 1e4, 0.0], 1.0, vec![0.0; 3]),
            (vec![-1e4, 0.0, 0.0], 2.0, vec![0.0; 3]),
            (vec![MASK, 0.0, 0.0], 2.0, vec![0.0; 3]),
            (vec![0.0, MASK, MASK], 0.0, vec![0.0; 3]),
            // α = 1/2: (1 − √½)/½, and √½·½.
            (
                vec![0.0, 0.0, MASK],
                2.0 - 2f64.sqrt(),
                vec![-(0.125f64.sqrt()), 0.125f64.sqrt(), 0.0],
            ),
        ] {
            let narrow: Vec<f32> = z.iter().map(|z| *z as f32).collect();
            for ((found, gradient), tolerance) in [
                (run("deft", &z, Targets::Hard(&[0])), 1e-15),
                (run("deft", &narrow, Targets::Hard(&[0])), 1e-6),
            ] {
                close(&format!("{z:?}"), found, value, tolerance);
                for (found, expected) in gradient.iter().zip(&slopes) {
                    close(&format!("{z:?}"), *found, *expected, tolerance);
                }
            }
        }
        // Flat rows pay cross entropy up to a term of α·ln² p/2.
        let (found, _) = run("deft", &[0f32; 100_000], Targets::Hard(&[7]));
        close("flat", found, 1e5f64.ln(), 1e-4);
    }

    /// σ is the softmax of two classes.
    #[test]
    fn the_sigmoid_form_is_that_of_two_classes() {
        for u in [-30.0, -1.0, 0.0, 0.7, 12.0] {
            let (found, slopes) = run("deft(sigmoid)", &[u], Targets::Hard(&[0]));
            let (expected, of_two) = run("deft", &[u, 0.0], Targets::Hard(&[0]));
            close("value", found, expected, 1e-14);
            close("slope", slopes[0], of_two[0], 1e-14);
            let loss: Loss = "deft".parse().unwrap();
            close("curve", loss.curve().unwrap().value(&Odds::from_log_odds(u)), expected, 1e-14);
        }
    }

    /// One row of features and a layer that hands them on.
    #[cfg(feature = "linear")]
    #[test]
    fn with_a_linear_layer_it_is_the_same() {
        let z = draws(6, 2.0);
        let identity: Vec<f64> = (0..36).map(|i| if i % 7 == 0 { 1.0 } else { 0.0 }).collect();
        let layer = crate::Linear { features: &z, weight: &identity, bias: None, depth: 6 };
        let mut gradient = vec![0.0; 6];
        let wanted =
            crate::LinearGradients { features: Some(&mut gradient), weight: None, bias: None };
        let outcome = criterion("deft", 6)
            .linear_forward_backward(layer, Targets::Hard(&[4]), wanted)
            .unwrap();
        let (value, slopes) = run("deft", &z, Targets::Hard(&[4]));
        close("value", outcome.loss, value, 1e-14);
        gradient.iter().zip(slopes).for_each(|(found, slope)| close("slope", *found, slope, 1e-14));
    }
}
