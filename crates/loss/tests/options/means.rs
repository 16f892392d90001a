//! What changes with the epochs and with the batches seen: deferral, `le=auto`, `match`.

use super::modifiers::{criterion, senseless};
use super::reference::{Rows, log_sum_exp, plain};
use super::{COUNTS, CURVES, draws, labels, loss};
use steepness::{Criterion, CriterionState, Curve};

const CLASSES: usize = COUNTS.len();
const ROWS: usize = 3;

#[test]
fn deferral_is_cross_entropy_until_its_epoch() {
    for spec in CURVES.iter() {
        let curve = *loss(spec).curve().unwrap();
        let mut criterion = loss(&format!("{spec} from epoch 3")).criterion(CLASSES).unwrap();
        for (epoch, expected) in [(1, Curve::CROSS_ENTROPY), (2, Curve::CROSS_ENTROPY), (3, curve)]
        {
            criterion.set_epoch(epoch, 10);
            let rows = Rows::new(labels(7, ROWS, CLASSES));
            rows.check(spec, &criterion, &[plain(expected, CLASSES)], &draws(7, 12, 3.0));
        }
    }
}

#[test]
fn the_log_end_follows_the_mean_probability() {
    let mut auto = loss("el(le=auto)").criterion(CLASSES).unwrap();
    let rows = Rows::new(labels(5, ROWS, CLASSES));
    let logits = draws(5, 12, 3.0);
    rows.check("before", &auto, &[plain(Curve::encouraging(0.0), CLASSES)], &logits);
    let p = |row: usize| {
        let z = &logits[row * CLASSES..(row + 1) * CLASSES];
        (z[rows.labels[row] as usize] - log_sum_exp(z.iter().copied())).exp()
    };
    let mean = (p(0) + p(1) + p(2)) / 3.0;
    auto.forward_backward(&logits, &rows.labels[..], &mut [0.0; 12]).unwrap();
    assert!((auto.state().mean_p.unwrap() - mean).abs() < 1e-12);
    rows.check("after", &auto, &[plain(Curve::encouraging(mean), CLASSES)], &logits);
    // The mean runs, and a checkpoint brings it back.
    auto.set_state(CriterionState { mean_p: Some(0.5), ..auto.state() });
    auto.forward_backward(&logits, &rows.labels[..], &mut [0.0; 12]).unwrap();
    assert!((auto.state().mean_p.unwrap() - (0.99 * 0.5 + 0.01 * mean)).abs() < 1e-12);
    // Evaluation does not move it.
    let before = auto.state();
    auto.forward(&logits, &rows.labels[..]).unwrap();
    assert_eq!(auto.state(), before);
}

/// Mean L1 norm of the rows' gradients.
fn norm(criterion: &mut Criterion, logits: &[f64], labels: &[i64]) -> f64 {
    let mut gradient = vec![0.0; logits.len()];
    criterion.forward_backward(logits, labels, &mut gradient).unwrap();
    gradient.iter().map(|g| g.abs()).sum()
}

#[test]
fn norm_matching_makes_gradients_as_long_as_cross_entropys() {
    const ROWS: usize = 20;
    for spec in CURVES.iter() {
        for modifier in [
            "",
            "smooth(0.1)",
            "smooth(0.1, bonus=0.3)",
            "temp(2)",
            "adjust(tau=1)",
            "ldam(max=0.5, scale=5, bonus=raw)",
            "shots(off=medium-and-many)",
            "weights(beta=0.999, bonus=max)",
        ] {
            let curve = *loss(spec).curve().unwrap();
            if senseless(&curve, modifier) {
                continue;
            }
            let of_base = modifier.split(", bonus").next().unwrap();
            let of_base = match modifier.contains(", bonus") {
                true => format!("{of_base})"),
                false if modifier.contains("shots") => String::new(),
                false => of_base.into(),
            };
            let (logits, labels) = (draws(3, ROWS * CLASSES, 3.0), labels(3, ROWS, CLASSES));
            let mut ce = criterion("ce", &of_base);
            let mut matched = match modifier {
                "" => criterion(spec, "match"),
                _ => criterion(spec, &format!("{modifier} + match")),
            };
            let expected = norm(&mut ce, &logits, &labels);
            let found = norm(&mut matched, &logits, &labels);
            let what = format!("{spec} + {modifier}");
            assert!((found / expected - 1.0).abs() < 1e-9, "{what}: {found} for {expected}");
            // The direction is the loss's own, and so is the value, up to the same factor.
            let (mut own, mut scaled) = (vec![0.0; logits.len()], vec![0.0; logits.len()]);
            let mut free = criterion(spec, modifier);
            let free = free.forward_backward(&logits, &labels[..], &mut own).unwrap();
            let matched = matched.forward_backward(&logits, &labels[..], &mut scaled).unwrap();
            let c = matched.loss / free.loss;
            for (own, scaled) in own.iter().zip(&scaled) {
                assert!((own * c - scaled).abs() < 1e-12, "{what}: {own} {c} {scaled}");
            }
        }
    }
}

#[test]
fn a_gradient_that_vanished_is_not_matched_into_nan() {
    // Cross entropy's is e^−484 long here, this one's e^−726: their ratio is no f32.
    let mut matched = loss("focal(gamma=0.5) + match").criterion(2).unwrap();
    let mut gradient = [f32::NAN; 2];
    matched.forward_backward(&[484f32, 0.0], &[0][..], &mut gradient).unwrap();
    let (ce, own) = matched.state().norms.unwrap();
    assert!(own > 0.0 && ce / own > f64::from(f32::MAX));
    assert_eq!(gradient, [0.0; 2]);
}
