//! What comes with a batch, for every curve: class and sample weights, the index to ignore,
//! reductions, soft targets, the layout (N, C, d).

use super::reference::{Rows, plain, same_gradient, same_value};
use super::{COUNTS, CURVES, draws, labels, loss, of_the_label_alone};
use steepness::{Batch, Reduction, Targets};

const CLASSES: usize = COUNTS.len();
const ROWS: usize = 4;
const CLASS_WEIGHTS: [f64; CLASSES] = [1.0, 0.5, 2.0, 3.0];
const REDUCTIONS: [Reduction; 3] = [Reduction::Mean, Reduction::Sum, Reduction::None];

#[test]
fn weights_ignored_rows_and_reductions() {
    let (mut jumps, mut compared) = (0, 0);
    for spec in CURVES.iter() {
        let curve = *loss(spec).curve().unwrap();
        for (eps, z_loss) in [(0.0, 0.0), (0.1, 0.0), (0.0, 0.01), (0.1, 0.01)] {
            let mut own = loss(spec);
            (own.smoothing, own.z_loss) = (eps, z_loss);
            let plain_criterion = own.criterion(CLASSES).unwrap();
            for reduction in REDUCTIONS {
                for (weigh_classes, weigh_rows) in
                    [(false, false), (true, false), (false, true), (true, true)]
                {
                    let mut rows = Rows::new(labels(41, ROWS, CLASSES));
                    rows.labels[2] = -100;
                    rows.reduction = reduction;
                    let mut part = plain(curve, CLASSES);
                    (part.smoothing, part.z_loss) = (eps, z_loss);
                    let mut criterion = plain_criterion.clone();
                    if weigh_classes {
                        part.class_weights = CLASS_WEIGHTS.to_vec();
                        criterion = criterion.with_class_weights(&CLASS_WEIGHTS).unwrap();
                    }
                    if weigh_rows {
                        rows.sample_weights = vec![0.5, 2.0, 7.0, 0.0];
                    }
                    let logits = draws(41, ROWS * CLASSES, 4.0);
                    let what = format!("{own} {reduction:?} {weigh_classes} {weigh_rows}");
                    jumps += rows.check(&what, &criterion, &[part], &logits);
                    compared += logits.len();
                }
            }
        }
    }
    assert!(jumps * 50 < compared, "{jumps} of {compared} slopes jump");
}

#[test]
fn the_losses_of_rows_are_those_of_batches_of_one() {
    let (logits, labels) = (draws(3, ROWS * CLASSES, 4.0), labels(3, ROWS, CLASSES));
    for spec in CURVES.iter() {
        let criterion = loss(spec).criterion(CLASSES).unwrap();
        let all = criterion
            .clone()
            .with_reduction(Reduction::None)
            .forward(&logits, &labels[..])
            .unwrap();
        for (row, z) in logits.chunks(CLASSES).enumerate() {
            let alone = criterion.forward(z, &labels[row..=row]).unwrap();
            assert_eq!(all.rows[row].loss, alone.loss, "{spec}");
        }
        assert_eq!(all.loss, all.rows.iter().map(|row| row.loss).sum::<f64>());
    }
}

#[test]
fn any_integer_can_be_ignored() {
    let logits = draws(3, 3 * CLASSES, 4.0);
    let criterion = loss("el(le=0.75)").criterion(CLASSES).unwrap();
    let expected = criterion.forward(&logits, &[1, -100, 2][..]).unwrap();
    for index in [-1, 255, 0, i64::MIN, i64::MAX] {
        let ignoring = criterion.clone().with_ignore_index(index);
        assert_eq!(ignoring.forward(&logits, &[1, index, 2][..]).unwrap(), expected, "{index}");
    }
}

#[test]
fn soft_targets_with_weights() {
    let logits = draws(7, ROWS * CLASSES, 4.0);
    let raw = draws(8, ROWS * CLASSES, 0.5);
    let targets: Vec<f64> = raw
        .chunks(CLASSES)
        .flat_map(|row| {
            let sum: f64 = row.iter().map(|t| t + 0.5).sum();
            row.iter().map(move |t| (t + 0.5) / sum)
        })
        .collect();
    let sample = [0.5, 2.0, 1.0, 0.0];
    for spec in of_the_label_alone() {
        for eps in [0.0, 0.1] {
            let mut own = loss(spec);
            own.smoothing = eps;
            for class_weights in [[1.0; CLASSES], CLASS_WEIGHTS] {
                let criterion = own.criterion(CLASSES).unwrap();
                let mut criterion = criterion.with_class_weights(&class_weights).unwrap();
                // A soft row is the sum over classes of its shares of a hard one.
                let hard = loss(spec).criterion(CLASSES).unwrap().with_reduction(Reduction::Sum);
                let row = |z: &[f64], t: &[f64]| -> f64 {
                    let share = |k: usize| {
                        let t = (1.0 - eps) * t[k] + eps / CLASSES as f64;
                        t * class_weights[k] * hard.forward(z, &[k as i64][..]).unwrap().loss
                    };
                    (0..CLASSES).map(share).sum()
                };
                // Soft targets have no class to divide by the weight of (as PyTorch).
                let value = |logits: &[f64]| {
                    let rows = logits.chunks(CLASSES).zip(targets.chunks(CLASSES)).zip(sample);
                    rows.map(|((z, t), w)| w * row(z, t)).sum::<f64>() / 3.5
                };
                let batch = Batch::new(Targets::Soft(&targets)).with_sample_weights(&sample);
                let mut gradient = vec![f64::NAN; logits.len()];
                let outcome = criterion.forward_backward(&logits, batch, &mut gradient).unwrap();
                same_value(spec, outcome.loss, value(&logits));
                assert!(same_gradient(spec, &gradient, value, &logits) <= 2, "{spec}");
            }
        }
    }
}

#[test]
fn the_class_in_the_middle() {
    const INNER: usize = 3;
    // (N, C, d) to (N·d, C)
    let to_rows = |values: &[f64]| -> Vec<f64> {
        let at = |row: usize, k: usize| (row / INNER * CLASSES + k) * INNER + row % INNER;
        (0..values.len()).map(|i| values[at(i / CLASSES, i % CLASSES)]).collect()
    };
    let size = 2 * CLASSES * INNER;
    let (logits, soft) = (draws(5, size, 4.0), draws(6, size, 0.5));
    let soft: Vec<f64> = soft.into_iter().map(|t| t + 0.5).collect();
    let (labels, sample) = (labels(5, 2 * INNER, CLASSES), [1.0, 2.0, 0.5, 1.0, 0.0, 3.0]);
    let (by_row, soft_by_row) = (to_rows(&logits), to_rows(&soft));
    for spec in CURVES.iter().chain(&["el + smooth(0.1, bonus=0.3)", "bce", "mse + mirror"]) {
        let mut criterion = loss(spec).criterion(CLASSES).unwrap();
        for (middle, last) in [
            (Targets::Hard(&labels[..]), Targets::Hard(&labels[..])),
            (Targets::Soft(&soft), Targets::Soft(&soft_by_row)),
        ] {
            let (middle, last) = (Batch::new(middle).with_inner(INNER), Batch::new(last));
            let (middle, last) =
                (middle.with_sample_weights(&sample), last.with_sample_weights(&sample));
            let (mut found, mut expected) = (vec![0.0; size], vec![0.0; size]);
            let outcome = criterion.forward_backward(&logits, middle, &mut found).unwrap();
            let by_rows = criterion.forward_backward(&by_row, last, &mut expected).unwrap();
            assert_eq!((outcome, to_rows(&found)), (by_rows, expected), "{spec}");
            let mut in_place = logits.clone();
            criterion.forward_backward_in_place(&mut in_place, middle).unwrap();
            assert_eq!(in_place, found, "{spec}");
            let forward = criterion.forward(&logits, middle).unwrap();
            assert_eq!(forward, criterion.forward(&by_row, last).unwrap(), "{spec}");
        }
    }
}

/// `torch.nn.functional.cross_entropy`, from the formulas of its documentation:
///
/// ```python
/// from math import exp, log
/// x = [[2.0, -1.0, 0.5, 1.5], [0.3, 0.7, -2.0, 0.1], [1.0, 1.0, -0.5, 3.0]]
/// y, w, e, C = [0, -100, 3], [1.0, 0.5, 2.0, 3.0], 0.1, 4
/// lp = [[z - log(sum(exp(v) for v in r)) for z in r] for r in x]
/// n = [i for i in range(3) if y[i] != -100]
/// W, N = sum(w[y[i]] for i in n), len(n)
/// nll = sum(-w[y[i]] * lp[i][y[i]] for i in n)
/// sm = sum(-w[c] * lp[i][c] for i in n for c in range(C))
/// print(sum(-lp[i][y[i]] for i in n) / N, nll / W, nll)
/// print(((1 - e) * nll + e / C * sm) / W, (1 - e) * nll + e / C * sm)
/// t = [[0.7, 0.1, 0.1, 0.1], [0.25] * 4, [0.0, 0.5, 0.0, 0.5]]
/// soft = lambda t, w: sum(-w[c] * t[i][c] * lp[i][c] for i in range(3) for c in range(C)) / 3
/// print(soft(t, [1] * 4), soft(t, w), soft([[(1 - e) * v + e / C for v in r] for r in t], w))
/// ```
#[test]
fn cross_entropy_as_pytorch_defines_it() {
    let logits = [2.0, -1.0, 0.5, 1.5, 0.3, 0.7, -2.0, 0.1, 1.0, 1.0, -0.5, 3.0];
    let soft = [0.7, 0.1, 0.1, 0.1, 0.25, 0.25, 0.25, 0.25, 0.0, 0.5, 0.0, 0.5];
    let (hard, soft) = (Targets::Hard(&[0, -100, 3]), Targets::Soft(&soft));
    for (spec, weighed, reduction, targets, expected) in [
        ("ce", false, Reduction::Mean, hard, 0.44700487634408814),
        ("ce", true, Reduction::Mean, hard, 0.355018285897881),
        ("ce", true, Reduction::Sum, hard, 1.420073143591524),
        ("ce + smooth(0.1)", false, Reduction::Mean, hard, 0.6032548763440881),
        ("ce + smooth(0.1)", true, Reduction::Mean, hard, 0.4558356035110501),
        ("ce + smooth(0.1)", true, Reduction::Sum, hard, 1.8233424140442005),
        ("ce", false, Reduction::Mean, soft, 1.3819869371668105),
        ("ce", true, Reduction::Mean, soft, 1.8642745030519912),
        ("ce + smooth(0.1)", true, Reduction::Mean, soft, 1.9677324300363992),
    ] {
        let mut criterion = loss(spec).criterion(CLASSES).unwrap().with_reduction(reduction);
        if weighed {
            criterion = criterion.with_class_weights(&CLASS_WEIGHTS).unwrap();
        }
        let found = criterion.forward(&logits, targets).unwrap().loss;
        assert!((found - expected).abs() < 1e-14, "{spec} {weighed} {targets:?}: {found}");
    }
}
