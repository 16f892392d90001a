//! f32, bf16 and f16 against f64, over many draws, with the options.

use super::modifiers::{criterion, senseless};
use super::{COUNTS, CURVES, draws, labels, loss};
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
    // An exponent that is a sum of f32, as p^(Σ p_k²) has, is magnified by ln p.
    let tolerance = match criterion.loss().curve() {
        _ if ulp > 0.0 && what.contains("adjust") => 1e-4,
        Some(curve) if curve.needs_squares() => 3e-5,
        _ => 1e-6,
    };
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

/// The pull on the label of EL without its clamp is 1 however sure the model is.
fn pulls_by_one<E: Element + PartialEq + std::fmt::Debug>(number: impl Fn(f64) -> E) {
    for classes in [2, 10, 40, 3000] {
        let mut criterion = loss("el(le=1, clamp=0)").criterion(classes).unwrap();
        for confidence in [-60.0, -3.0, 0.0, 1.5, 9.0, 12.0, 40.0, 90.0, 800.0, 10_000.0] {
            let mut logits = vec![number(0.0); classes];
            logits[1] = number(confidence);
            let mut gradient = logits.clone();
            criterion.forward_backward(&logits, &[1][..], &mut gradient).unwrap();
            assert_eq!(gradient[1], number(-1.0), "{classes} classes, {confidence}");
        }
    }
}

#[test]
fn the_exact_bonus_pulls_by_one_at_any_confidence() {
    pulls_by_one(|z| z as f32);
    pulls_by_one(bf16::from_f64);
    pulls_by_one(f16::from_f64);
}

/// The official code in f64: −ln p + ln max(1 − p, 1e-5), whose gradient is cross entropy's where the
/// clamp bites.
#[test]
fn the_clamp_is_that_of_the_official_code() {
    let criterion = loss("el(le=1, clamp=1e-5)").criterion(3).unwrap();
    for margin in [-8.0f64, 0.0, 3.0, 11.0, 12.2, 12.3, 14.0, 30.0, 200.0] {
        let logits = [0.0, margin, 0.0];
        let others = 2.0 * (-margin).exp();
        let (p, q) = (1.0 / (1.0 + others), others / (1.0 + others));
        let value = others.ln_1p() + f64::max(q, 1e-5).ln();
        let of_label = if q > 1e-5 { -1.0 } else { -q };
        let narrow = logits.map(|z| z as f32);
        for (found, gradient) in [run(&criterion, &logits, &[1]), run(&criterion, &narrow, &[1])] {
            assert!((found - value).abs() <= 1e-6 * value.abs().max(1.0), "{margin}: {found}");
            let tolerance = (1e-6 * of_label.abs()).max(f64::from(f32::MIN_POSITIVE));
            assert!((gradient[1] - of_label).abs() <= tolerance, "{margin}: {gradient:?}, p = {p}");
            assert!((gradient[0] + of_label / 2.0).abs() <= tolerance, "{margin}: {gradient:?}");
        }
    }
}
