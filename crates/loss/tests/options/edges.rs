//! Extreme logits, rows that count for nothing, what is no number, and threads.

use super::{COUNTS, CURVES, draws, labels, loss};
use steepness::{Batch, Criterion, Error, Outcome, Reduction, Targets};

const MASKED: f64 = f64::NEG_INFINITY;

/// Modifiers that go with every curve.
const MODIFIERS: &[&str] = &["", " + smooth(0.1)", " + temp(2) + adjust(tau=1)", " + zloss(0.001)"];

fn with_counts(spec: &str) -> Criterion {
    loss(spec).criterion_with_counts(&COUNTS).unwrap()
}

#[test]
fn extreme_logits_give_finite_gradients() {
    for spec in CURVES.iter() {
        for modifier in MODIFIERS {
            for logits in [
                [1e4, -1e4, 0.0, 3.0],
                [-1e4, 1e4, 1e4, 0.0],
                [1e4; 4],
                [-1e4; 4],
                [0.0; 4],
                [2.0, MASKED, MASKED, MASKED],
                [MASKED, 1.0, MASKED, MASKED],
                [MASKED, 1.0, 2.0, 3.0],
                [5.0, 1.0, 2.0, MASKED],
            ] {
                let what = format!("{spec}{modifier} {logits:?}");
                let mut criterion = with_counts(&format!("{spec}{modifier}"));
                let (mut wide, mut narrow) = ([f64::NAN; 4], [f32::NAN; 4]);
                let value = criterion.forward_backward(&logits, &[0][..], &mut wide).unwrap().loss;
                criterion
                    .forward_backward(&logits.map(|z| z as f32), &[0][..], &mut narrow)
                    .unwrap();
                // The exact bonus of a certain class is −∞, the price of an impossible one +∞.
                let both = spec.contains("clamp=0") && modifier.contains("smooth");
                assert!(!value.is_nan() || both && logits.contains(&MASKED), "{what}");
                assert!(wide.iter().all(|g| g.is_finite()), "{what}: {wide:?}");
                let scale = wide.iter().fold(1.0, |max: f64, g| max.max(g.abs()));
                for (wide, narrow) in wide.iter().zip(narrow) {
                    assert!((wide - f64::from(narrow)).abs() < 1e-6 * scale, "{what}: {narrow}");
                }
                // A curve of softmax does not feel a shift of all logits, nor a z-loss a mask.
                let masked = logits.iter().zip(wide).filter(|(z, _)| **z == MASKED);
                if !modifier.contains("smooth") && logits[0] != MASKED {
                    masked.for_each(|(_, g)| assert_eq!(g, 0.0, "{what}"));
                }
                if !modifier.contains("zloss") {
                    assert!(wide.iter().sum::<f64>().abs() < 1e-12 * scale, "{what}: {wide:?}");
                }
            }
        }
    }
}

#[test]
fn a_masked_label_pays_infinitely_and_is_pulled_finitely() {
    let mut gradient = [0f32; 3];
    let logits = [f32::NEG_INFINITY, 0.0, 0.0];
    let mut ce = loss("ce").criterion(3).unwrap();
    let outcome = ce.forward_backward(&logits, &[0][..], &mut gradient).unwrap();
    assert_eq!((outcome.loss, gradient), (f64::INFINITY, [-1.0, 0.5, 0.5]));
}

/// What lib.rs says of −∞.
#[test]
fn a_mask_is_one_of_softmax_losses_and_of_no_other() {
    let logits = [MASKED, 1.0, 0.5];
    for spec in CURVES.iter() {
        let (mut criterion, mut gradient) = (loss(spec).criterion(3).unwrap(), [f64::NAN; 3]);
        let outcome = criterion.forward_backward(&logits, &[1][..], &mut gradient).unwrap();
        assert!(outcome.loss.is_finite() && gradient[0] == 0.0, "{spec}: {outcome:?} {gradient:?}");
    }
    // On the label the mean of the batch is infinite, and the gradient is not.
    for spec in [
        "ce",
        "el(le=0.75)",
        "el(le=1)",
        "focal(gamma=2)",
        "poly(eps=1)",
        "halted(gamma=2, at=0.5)",
    ] {
        let (two, mut gradient) = ([MASKED, 1.0, 0.5, 1.0, 2.0, 3.0], [f64::NAN; 6]);
        let mut criterion = loss(spec).criterion(3).unwrap();
        let outcome = criterion.forward_backward(&two, &[0, 2][..], &mut gradient).unwrap();
        assert_eq!(outcome.loss, f64::INFINITY, "{spec}");
        assert!(
            gradient[0] < -0.25 && gradient.iter().all(|g| g.is_finite()),
            "{spec}: {gradient:?}"
        );
    }
    for (spec, value) in [("prob", 0.0), ("gce(q=0.7)", 1.0 / 0.7)] {
        let outcome = loss(spec).criterion(3).unwrap().forward(&logits, &[0][..]).unwrap();
        assert!((outcome.loss - value).abs() < 1e-12, "{spec}: {}", outcome.loss);
    }
    for spec in ["bce", "el(le=0.5, sigmoid)", "mse", "mae(sigmoid)", "multimargin"] {
        let refused = loss(spec).criterion(3).unwrap().forward(&logits, &[1][..]).unwrap_err();
        assert!(matches!(refused, Error::Logit { row: 0, column: 0, .. }), "{spec}: {refused}");
    }
    let nothing = loss("ce").criterion(3).unwrap().forward(&[MASKED; 3], &[1][..]).unwrap_err();
    assert!(matches!(nothing, Error::Logit { row: 0, .. }), "{nothing}");
}

/// The official code's value is lower by −ln(1 − start) from `le` on.
#[test]
fn start_and_le_together_are_continuous() {
    let curve = *loss("el(le=0.75, start=0.5, clamp=0)").curve().unwrap();
    let at = |p: f64| curve.value(&steepness::Odds::from_probability(p));
    assert!((at(0.5 + 1e-9) - at(0.5 - 1e-9)).abs() < 1e-7);
    assert!((at(0.75 + 1e-9) - at(0.75 - 1e-9)).abs() < 1e-7);
    let published = -(0.9f64.ln()) - (0.9 - 0.75) / 0.25 + 0.25f64.ln();
    assert!((published - at(0.9) - 0.5f64.ln()).abs() < 1e-12, "{published} {}", at(0.9));
}

#[test]
fn every_shape() {
    for (rows, classes) in [(1, 1), (1, 2), (7, 1), (2, 1023), (3, 1024), (5, 1025), (33, 100_003)]
    {
        let (logits, labels) = (draws(1, rows * classes, 4.0), labels(2, rows, classes));
        let narrow: Vec<f32> = logits.iter().map(|z| *z as f32).collect();
        let logits: Vec<f64> = narrow.iter().map(|z| f64::from(*z)).collect();
        // Smoothing takes the kernel for soft targets. One spec will do for the largest.
        let specs: &[&str] = match classes {
            100_003 => &["el(le=0.75)"],
            _ => &[
                "ce",
                "el(le=0.75)",
                "el(le=1, clamp=0)",
                "el(le=0.5) + smooth(0.1)",
                "mse",
                "bce",
            ],
        };
        for spec in specs {
            let mut criterion = loss(spec).criterion(classes).unwrap();
            let (mut exact, mut found) = (vec![0.0; logits.len()], vec![0f32; logits.len()]);
            let expected = criterion.forward_backward(&logits, &labels[..], &mut exact).unwrap();
            let outcome = criterion.forward_backward(&narrow, &labels[..], &mut found).unwrap();
            let gap = (outcome.loss - expected.loss).abs();
            let same = outcome.loss == expected.loss || gap < 1e-6 * expected.loss.abs().max(1.0);
            assert!(same, "{spec} {rows}×{classes}: {} {}", outcome.loss, expected.loss);
            let scale = exact.iter().fold(0.0, |max: f64, g| max.max(g.abs()));
            for (exact, found) in exact.iter().zip(found) {
                assert!(
                    (exact - f64::from(found)).abs() <= 1e-6 * scale,
                    "{spec} {rows}×{classes}"
                );
            }
        }
    }
}

/// Losses of every kind: one and two passes, soft rows, per-class losses, running means.
const KINDS: &[&str] = &[
    "ce",
    "el(le=0.75) + smooth(0.1)",
    "el(le=0.75) + smooth(0.1, bonus=0.2)",
    "el(le=1) + shots(off=few) + match",
    "el(le=1) + weights(beta=0.99, bonus=max)",
    "el(le=auto) + zloss(0.01) + match",
    "el(le=1) + ldam(bonus=raw)",
    "bce",
    "mse + mirror",
    "multimargin",
];

#[test]
fn a_batch_that_is_ignored_is_worth_nothing() {
    for spec in KINDS {
        for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
            let mut criterion = with_counts(spec).with_reduction(reduction);
            let before = criterion.state();
            let mut gradient = [f32::NAN; 8];
            // Not even what is no number matters in an ignored row.
            let logits = [1.0, 2.0, 3.0, 4.0, f32::NAN, 0.0, 0.0, 0.0];
            let outcome =
                criterion.forward_backward(&logits, &[-100, -100][..], &mut gradient).unwrap();
            assert_eq!((outcome.loss, outcome.counted, outcome.ignored), (0.0, 0, 2), "{spec}");
            assert_eq!(gradient, [0.0; 8], "{spec}");
            assert!(outcome.rows.iter().all(|row| row.loss == 0.0 && row.ignored), "{spec}");
            assert_eq!(criterion.state(), before, "{spec}");
            // Nor do rows that weigh nothing.
            let batch = Batch::new(Targets::Hard(&[1])).with_sample_weights(&[0.0]);
            let outcome = criterion.forward_backward(&logits[..4], batch, &mut gradient[..4]);
            assert_eq!(outcome.unwrap().loss, 0.0, "{spec}");
            assert_eq!(gradient, [0.0; 8], "{spec}");
        }
    }
}

#[test]
fn an_empty_batch_is_worth_nothing() {
    for spec in KINDS {
        let outcome = with_counts(spec).forward_backward(&[] as &[f32], &[][..], &mut []).unwrap();
        assert_eq!((outcome.loss, outcome.counted), (0.0, 0), "{spec}");
    }
}

#[test]
fn what_is_no_number_is_named() {
    let one_class = ["bce", "mse(sigmoid)"];
    for spec in KINDS.iter().chain(&[
        "ce + softcap(30)",
        "ce + adjust(tau=1) + temp(2)",
        "ce + smooth(0.1)",
    ]) {
        for value in [f32::NAN, f32::INFINITY] {
            // On the label and beside it.
            for column in 0..4 {
                let mut logits = [0.5f32; 12];
                logits[4 + column] = value;
                let mut gradient = [0.0; 12];
                let error = with_counts(spec)
                    .forward_backward(&logits, &[0, 2, 1][..], &mut gradient)
                    .expect_err(&format!("{spec}: {value} in column {column}"));
                match error {
                    Error::Logit { value: found, row: 1, column: c } if c == column => {
                        assert_eq!(found.is_nan(), value.is_nan(), "{spec}");
                    }
                    other => panic!("{spec}: {value} in column {column}: {other:?}"),
                }
            }
        }
        let mut logits = [0.5f32; 12];
        logits[8..].fill(f32::NEG_INFINITY);
        let error = with_counts(spec).forward(&logits, &[0, 2, 1][..]).unwrap_err();
        assert_eq!(error, Error::Logit { value: MASKED, row: 2, column: 0 }, "{spec}");
    }
    for spec in one_class {
        let criterion = loss(spec).criterion(1).unwrap();
        assert!(criterion.forward(&[f32::INFINITY], &[0][..]).is_err());
    }
    // In (N, C, d): row 1 of 2·3, class 3.
    let mut logits = [0.5f64; 24];
    logits[3 * 3 + 1] = f64::NAN;
    let batch = Batch::new(Targets::Hard(&[0; 6])).with_inner(3);
    match loss("ce").criterion(4).unwrap().forward(&logits, batch) {
        Err(Error::Logit { row: 1, column: 3, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_soft_cap_keeps_a_mask() {
    let masked = [1.0, 2.0, f64::NEG_INFINITY, 0.5];
    let mut gradient = [f64::NAN; 4];
    let mut capped = loss("el(le=0.75) + softcap(5)").criterion(4).unwrap();
    let outcome = capped.forward_backward(&masked, &[1][..], &mut gradient).unwrap();
    let mut of_three = [0.0; 3];
    let mut three = loss("el(le=0.75) + softcap(5)").criterion(3).unwrap();
    let expected = three.forward_backward(&[1.0, 2.0, 0.5], &[1][..], &mut of_three).unwrap();
    assert_eq!(outcome.loss, expected.loss);
    assert_eq!(gradient, [of_three[0], of_three[1], 0.0, of_three[2]]);
}

#[test]
fn targets_that_are_no_class_and_no_weight_are_named() {
    let ce = loss("ce").criterion(3).unwrap();
    for (target, row) in [(3, 1), (-1, 0), (i64::MIN, 1)] {
        let mut targets = [0, 0];
        targets[row] = target;
        let error = ce.forward(&[0f32; 6], &targets[..]).unwrap_err();
        assert_eq!(error, Error::Target { target, row, classes: 3 });
    }
    for value in [-0.1, f64::INFINITY] {
        let mut targets = [0.25f64; 6];
        targets[4] = value;
        let error = ce.forward(&[0f64; 6], Targets::Soft(&targets)).unwrap_err();
        assert_eq!(error, Error::SoftTarget { value, row: 1, class: 1 });
    }
}

#[cfg(feature = "rayon")]
#[test]
fn nothing_depends_on_the_number_of_threads() {
    let (rows, classes) = (700, COUNTS.len() * 33);
    let counts: Vec<u64> = (0..classes as u64).map(|k| 1 + k * k % 300).collect();
    let wide = draws(6, rows * classes, 6.0);
    let logits: Vec<f32> = wide.iter().map(|z| *z as f32).collect();
    let mut labels = labels(6, rows, classes);
    labels[17] = -100;
    let run = |spec: &str, threads: usize| -> (Outcome, Vec<f32>) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut criterion = loss(spec).criterion_with_counts(&counts).unwrap();
        let mut gradient = vec![0.0; logits.len()];
        let outcome =
            pool.install(|| criterion.forward_backward(&logits, &labels[..], &mut gradient));
        (outcome.unwrap(), gradient)
    };
    for spec in KINDS {
        let (outcome, gradient) = run(spec, 1);
        for threads in [2, 5] {
            let (other, other_gradient) = run(spec, threads);
            assert_eq!(other.loss.to_bits(), outcome.loss.to_bits(), "{spec}");
            assert_eq!(other.rows, outcome.rows, "{spec}");
            let same =
                gradient.iter().zip(&other_gradient).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{spec} with {threads} threads");
        }
    }
    // The first bad row is named, whichever thread meets one first.
    let mut bad = logits.clone();
    bad[300 * classes] = f32::NAN;
    bad[650 * classes] = f32::NAN;
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let ce = loss("ce").criterion(classes).unwrap();
        match pool.install(|| ce.forward(&bad, &labels[..])) {
            Err(Error::Logit { row: 300, column: 0, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}
