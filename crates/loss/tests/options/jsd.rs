//! The JSD form (AugMix), against timm's `JsdCrossEntropy` written out.

use super::reference::{log_sum_exp, same_gradient, same_value};
use super::{draws, labels, loss, of_the_label_alone};
use steepness::{Error, Reduction};

const CLASSES: usize = 4;
const IMAGES: usize = 2;

fn softmax(logits: &[f64]) -> Vec<f64> {
    let lse = log_sum_exp(logits.iter().copied());
    logits.iter().map(|z| (z - lse).exp()).collect()
}

/// α·mean over views of KL(p ‖ m), m being clamped to 1e-7, mean over images.
fn consistency(alpha: f64, logits: &[f64]) -> f64 {
    let size = IMAGES * CLASSES;
    let of_image = |image: usize| {
        let views =
            [0, 1, 2].map(|view| softmax(&logits[view * size + image * CLASSES..][..CLASSES]));
        let mixture = |k: usize| ((views[0][k] + views[1][k] + views[2][k]) / 3.0).max(1e-7);
        let terms = views.iter().flat_map(|view| {
            view.iter()
                .enumerate()
                .map(|(k, p)| if *p == 0.0 { 0.0 } else { p * (p / mixture(k)).ln() })
        });
        alpha / 3.0 * terms.sum::<f64>()
    };
    (0..IMAGES).map(of_image).sum::<f64>() / IMAGES as f64
}

#[test]
fn the_loss_of_the_clean_third_and_the_divergence_of_all() {
    let labels = labels(5, 3 * IMAGES, CLASSES);
    for modifier in ["", " + smooth(0.1)", " + softcap(5)"] {
        for spec in of_the_label_alone() {
            let plain = loss(&format!("{spec}{modifier}")).criterion(CLASSES).unwrap();
            let spec = format!("{spec}{modifier} + jsd(alpha=12)");
            let mut criterion = loss(&spec).criterion(CLASSES).unwrap();
            for spread in [1.0, 4.0, 12.0] {
                let logits = draws(23, 3 * IMAGES * CLASSES, spread);
                let clean = IMAGES * CLASSES;
                let value = |z: &[f64]| {
                    plain.forward(&z[..clean], &labels[..IMAGES]).unwrap().loss
                        + consistency(12.0, z)
                };
                let mut gradient = vec![0.0; logits.len()];
                let outcome =
                    criterion.forward_backward(&logits, &labels[..], &mut gradient).unwrap();
                same_value(&spec, outcome.loss, value(&logits));
                assert!(same_gradient(&spec, &gradient, value, &logits) <= 2, "{spec}");
                let mut in_place = logits.clone();
                criterion.forward_backward_in_place(&mut in_place, &labels[..]).unwrap();
                assert_eq!(in_place, gradient);
            }
        }
    }
}

#[test]
fn sums_rows_and_masked_classes() {
    let (logits, labels) = (draws(29, 24, 3.0), labels(5, 6, CLASSES));
    let mean = loss("ce + jsd(alpha=3)").criterion(CLASSES).unwrap();
    let sum = mean.clone().with_reduction(Reduction::Sum).forward(&logits, &labels[..]).unwrap();
    same_value("sum", sum.loss, 2.0 * mean.forward(&logits, &labels[..]).unwrap().loss);
    same_value("rows", sum.rows.iter().map(|row| row.loss).sum(), sum.loss);
    // A class that is masked everywhere has no probability to disagree about.
    let mut masked = logits.clone();
    masked.chunks_mut(CLASSES).for_each(|row| row[3] = f64::NEG_INFINITY);
    let mut gradient = [f64::NAN; 24];
    let outcome =
        mean.clone().forward_backward(&masked, &[0, 1, 2, 0, 1, 2][..], &mut gradient).unwrap();
    assert!(outcome.loss.is_finite() && gradient.iter().all(|g| g.is_finite()));
    assert!(gradient.chunks(CLASSES).all(|row| row[3] == 0.0), "{gradient:?}");
}

#[test]
fn bad_views_are_named() {
    let mut jsd = loss("ce + jsd").criterion(CLASSES).unwrap();
    let labels = [0; 6];
    assert!(matches!(jsd.forward(&[0.0; 16], &labels[..4]), Err(Error::Shape(_))));
    for (row, value) in [(1, f64::NAN), (3, f64::NAN), (5, f64::INFINITY)] {
        let mut logits = vec![0.5; 24];
        logits[row * CLASSES + 2] = value;
        let error = jsd.forward_backward(&logits, &labels[..], &mut [0.0; 24]).unwrap_err();
        match error {
            Error::Logit { value: found, row: r, column: 2 } if r == row => {
                assert_eq!(found.to_bits(), value.to_bits());
            }
            other => panic!("{other:?}"),
        }
    }
    let mut logits = vec![0.5; 24];
    logits[16..20].fill(f64::NEG_INFINITY);
    let error = jsd.forward(&logits, &labels[..]).unwrap_err();
    assert_eq!(error, Error::Logit { value: f64::NEG_INFINITY, row: 4, column: 0 });
}
