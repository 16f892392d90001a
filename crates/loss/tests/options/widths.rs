//! f32, bf16 and f16 against f64, over many draws, with the options.

use crate::modifiers::{criterion, senseless};
use crate::{COUNTS, CURVES, draws, labels, loss};
use half::{bf16, f16};
use steepness::{Criterion, Element};

const CLASSES: usize = COUNTS.len();

/// Loss and gradient in f64 of logits that are stored as E.
fn run<E: Element>(criterion: &Criterion, logits: &[E], labels: &[i64]) -> (f64, Vec<f64>) {
    let mut gradient = vec![E::default(); logits.len()];
    let outcome = criterion.clone().forward_backward(logits, labels, &mut gradient).unwrap();
    (outcome.loss, gradient.into_iter().map(E::wide).collect())
}

/// Compares E with f64, each from the same logits. `ulp` is what rounding to E may cost relatively,
/// `least` what it may cost near 0.
fn check<E: Element>(
    what: &str,
    criterion: &Criterion,
    (logits, labels): (&[E], &[i64]),
    (ulp, least): (f64, f64),
) {
    let wide: Vec<f64> = logits.iter().map(|z| z.wide()).collect();
    if near_a_jump(criterion, &wide) {
        return;
    }
    let (expected, exact) = run(criterion, &wide, labels);
    let (loss, gradient) = run(criterion, logits, labels);
    // Half-precision logits are computed with in f32, where a prior added to 1000 loses digits.
    let tolerance = if ulp > 0.0 && what.contains("adjust") { 1e-4 } else { 1e-6 };
    // Losses are not stored in E: only f32's arithmetic shows.
    let scale = expected.abs().max(1.0);
    assert!((loss - expected).abs() <= tolerance * scale, "{what}: {loss} instead of {expected}");
    // Exponentials of what f32 has rounded beyond a soft cap; terms of soft rows that cancel.
    let rounded = what.contains("softcap") || what.contains("smooth");
    let floor = if rounded { 1e-3 } else { 1e-30 };
    let scale = exact.iter().fold(floor, |max: f64, g| max.max(g.abs()));
    for (found, exact) in gradient.iter().zip(exact) {
        let gap = (found - exact).abs();
        assert!(
            gap <= tolerance * scale + ulp * exact.abs() + least,
            "{what}: {found} instead of {exact}"
        );
    }
}

const MODIFIERS: &[&str] = &[
    "",
    "smooth(0.1)",
    "softcap(5)",
    "temp(2) + adjust(tau=1)",
    "margin(m=0.35, scale=4)",
    "weights(beta=0.99)",
    "zloss(0.001)",
    "match",
    "smooth(0.1, bonus=0.2)",
    "weights(beta=0.99, bonus=max)",
];

/// Whether some class's probability lies where a slope jumps, so that rounding decides the side.
fn near_a_jump(criterion: &Criterion, logits: &[f64]) -> bool {
    let rows = logits.chunks(CLASSES);
    let near =
        |p: f64| [0.3, 0.5, 0.75, 0.8, 0.95, 1.0 - 1e-5].iter().any(|kink| (p - kink).abs() < 2e-6);
    (0..CLASSES as i64).any(|k| {
        rows.clone().any(|z| {
            let outcome = criterion.forward(z, &[k][..]).unwrap();
            near(outcome.rows[0].p)
        })
    })
}

#[test]
fn widths_agree() {
    for (seed, spec) in CURVES.iter().enumerate() {
        let curve = *loss(spec).curve().unwrap();
        for modifier in MODIFIERS.iter().filter(|modifier| !senseless(&curve, modifier)) {
            let criterion = criterion(spec, modifier);
            for draw in 0..if modifier.is_empty() { 400 } else { 40 } {
                // Norm matching comes too late for a gradient that f32 has lost.
                let matched = modifier.contains("match");
                let spreads = if matched { [0.5, 2.0, 4.0, 9.0] } else { [0.5, 4.0, 30.0, 1000.0] };
                let spread = spreads[draw as usize % 4];
                let seed = 10_000 * seed as u64 + draw;
                let (wide, labels) = (draws(seed, 2 * CLASSES, spread), labels(seed, 2, CLASSES));
                let what = format!("{spec} + {modifier} ({seed})");
                let single: Vec<f32> = wide.iter().map(|z| *z as f32).collect();
                check(&what, &criterion, (&single, &labels), (0.0, 0.0));
                let half: Vec<f16> = wide.iter().map(|z| f16::from_f64(*z)).collect();
                check(&what, &criterion, (&half, &labels), (1.1 * 2f64.powi(-11), 2f64.powi(-24)));
                let brain: Vec<bf16> = wide.iter().map(|z| bf16::from_f64(*z)).collect();
                check(&what, &criterion, (&brain, &labels), (1.1 * 2f64.powi(-8), 0.0));
            }
        }
    }
}
