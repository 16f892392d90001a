//! Losses that are a mean over classes: sigmoid forms, squared and absolute errors, the hinge.

use super::reference::{Rows, log_sum_exp, same_gradient, same_value};
use super::{COUNTS, draws, labels, loss, of_the_label_alone};
use steepness::{
    Base, Batch, Binary, Criterion, Curve, Halt, Loss, Objective, Odds, Reduction, Targets,
};

const CLASSES: usize = COUNTS.len();
const ROWS: usize = 3;

/// Compares value and gradient with a definition given for one row.
fn check(what: &str, mut criterion: Criterion, labels: &[i64], row: impl Fn(&[f64], usize) -> f64) {
    for spread in [1.0, 4.0, 9.0] {
        let logits = draws(31, labels.len() * CLASSES, spread);
        let value = |logits: &[f64]| {
            let rows = logits.chunks(CLASSES).zip(labels);
            rows.map(|(z, label)| row(z, *label as usize)).sum::<f64>() / labels.len() as f64
        };
        let mut gradient = vec![0.0; logits.len()];
        let outcome = criterion.forward_backward(&logits, labels, &mut gradient).unwrap();
        same_value(what, outcome.loss, value(&logits));
        let jumps = same_gradient(what, &gradient, value, &logits);
        assert!(jumps <= 2, "{what}: {jumps} jumps");
    }
}

fn is_positive(class: usize, label: usize) -> f64 {
    if class == label { 1.0 } else { 0.0 }
}

#[test]
fn every_curve_of_the_sigmoid() {
    let labels = labels(11, ROWS, CLASSES);
    for spec in of_the_label_alone() {
        let curve = *loss(spec).curve().unwrap();
        let base = Curve { bonus: None, ..curve };
        let bonus = Curve { base: Base::Zero, ..curve };
        for (alpha, beta, ita) in
            [(None, None, 0.0), (Some(0.25), Some(0.6), 2.0), (None, Some(1.0), 1.0)]
        {
            let (beta, ita) = if curve.bonus.is_some() { (beta, ita) } else { (None, 0.0) };
            let halt = Halt::Probability;
            let binary = Binary { curve, alpha, beta, ita, halt };
            let side =
                |share: Option<f64>, t: f64| share.map_or(1.0, |a| a * t + (1.0 - a) * (1.0 - t));
            let entry = |z: f64, t: f64| {
                let odds = Odds::from_log_odds(if t == 1.0 { z } else { -z });
                side(alpha, t) * base.value(&odds)
                    + side(beta, t) * odds.q.powf(ita) * bonus.value(&odds)
            };
            // A soft entry is its share of a positive and of a negative one.
            let mixed = |z: f64, t: f64| t * entry(z, 1.0) + (1.0 - t) * entry(z, 0.0);
            let plain = Loss::new(Objective::Sigmoid(binary));
            let mut smooth = plain.clone();
            smooth.smoothing = 0.1;
            for (loss, eps) in [(plain, 0.0), (smooth, 0.1)] {
                check(&loss.to_string(), loss.criterion(CLASSES).unwrap(), &labels, |z, y| {
                    let entries = z.iter().enumerate().map(|(k, z)| {
                        mixed(*z, (1.0 - eps) * is_positive(k, y) + eps / CLASSES as f64)
                    });
                    entries.sum::<f64>() / CLASSES as f64
                });
            }
        }
    }
}

/// docs/derivations.md §7: which entries are cross entropy less B, which focal, which plain cross
/// entropy.
#[test]
fn the_branches_of_the_sigmoid_halted_focal_loss() {
    #[derive(Clone, Copy)]
    enum Is {
        Focal,
        Halted,
        Plain,
    }
    use Is::{Focal, Halted, Plain};
    let shift = std::f64::consts::LN_2 * (1.0 - 0.25);
    // The entries: positive with x > 0, positive with x < 0, negative with x > 0, with x < 0.
    for (branch, expected) in [
        ("probability", [Halted, Focal, Focal, Halted]),
        ("score", [Halted, Focal, Halted, Focal]),
        ("score-positives", [Halted, Focal, Focal, Focal]),
        ("score-negatives", [Focal, Focal, Halted, Focal]),
        ("score-plain-negatives", [Halted, Focal, Plain, Plain]),
        ("score-plain-positives", [Plain, Plain, Halted, Focal]),
    ] {
        let spec = format!("halted(gamma=2, at=0.5, sigmoid, alpha=0.25, branch={branch})");
        let criterion = loss(&spec).criterion(CLASSES).unwrap();
        check(&spec, criterion.clone(), &[0, 1, 2, 3, 0], |z, y| {
            let entry = |(k, x): (usize, &f64)| {
                let positive = k == y;
                let odds = Odds::from_log_odds(if positive { *x } else { -x });
                let kind = expected[2 * usize::from(!positive) + usize::from(*x <= 0.0)];
                let value = match kind {
                    Focal => -odds.q.powi(2) * odds.ln_p,
                    Halted => -odds.ln_p - shift,
                    Plain => -odds.ln_p,
                };
                value * if positive { 0.25 } else { 0.75 }
            };
            z.iter().enumerate().map(entry).sum::<f64>() / CLASSES as f64
        });
    }
}

#[test]
fn binary_cross_entropy_as_pytorch_defines_it() {
    // max(x, 0) − x·t + ln(1 + e^−|x|), for hard and for soft multi-label targets
    let entry = |x: f64, t: f64| x.max(0.0) - x * t + (-x.abs()).exp().ln_1p();
    let (logits, targets) = (draws(2, 12, 6.0), draws(9, 12, 0.5));
    let targets: Vec<f64> = targets.into_iter().map(|t| t + 0.5).collect();
    let mut bce = loss("bce").criterion(CLASSES).unwrap();
    let mut gradient = [0.0; 12];
    let outcome = bce.forward_backward(&logits, Targets::Soft(&targets), &mut gradient).unwrap();
    let value = |z: &[f64]| z.iter().zip(&targets).map(|(z, t)| entry(*z, *t)).sum::<f64>() / 12.0;
    same_value("bce", outcome.loss, value(&logits));
    assert_eq!(same_gradient("bce", &gradient, value, &logits), 0);
}

#[test]
fn the_exact_sigmoid_bonus_is_linear() {
    // docs/derivations.md §7: CE + b = −(2t − 1)·x
    let mut el =
        loss("el(le=1, clamp=0, sigmoid)").criterion(2).unwrap().with_reduction(Reduction::Sum);
    let mut gradient = [0f32; 2];
    let outcome = el.forward_backward(&[40f32, 3.0], &[0][..], &mut gradient).unwrap();
    assert_eq!((outcome.loss as f32, gradient), ((3.0 - 40.0) / 2.0, [-0.5, 0.5]));
}

/// What comes before the link, and weights, for losses without a curve of the softmax too.
#[test]
fn adjustments_and_weights_of_entries() {
    let total: u64 = COUNTS.iter().sum();
    let priors = COUNTS.map(|n| (n as f64 / total as f64).ln());
    for spec in
        ["bce", "focal(gamma=2, sigmoid)", "mse", "mse(sigmoid) + mirror", "mae", "multimargin"]
    {
        let plain = loss(spec).criterion(CLASSES).unwrap().with_reduction(Reduction::Sum);
        let of_row = |z: &[f64], y: usize| plain.forward(z, &[y as i64][..]).unwrap().loss;
        let labels = labels(21, ROWS, CLASSES);
        let with = |modifier: &str| {
            loss(&format!("{spec} + {modifier}")).criterion_with_counts(&COUNTS).unwrap()
        };
        check(spec, with("softcap(3) + temp(2) + adjust(tau=0.5)"), &labels, |z, y| {
            let z = z.iter().zip(priors).map(|(z, prior)| 1.5 * (z / 3.0).tanh() + 0.5 * prior);
            of_row(&z.collect::<Vec<_>>(), y)
        });
        // Rows weigh what their sample weights say.
        let (logits, sample) = (draws(4, 12, 3.0), [2.0, 0.0, 0.5]);
        let batch = Batch::new(Targets::Hard(&labels)).with_sample_weights(&sample);
        let each = plain.forward(&logits, &labels[..]).unwrap();
        let sum: f64 = each.rows.iter().zip(sample).map(|(row, w)| w * row.loss).sum();
        let weighed = plain.clone().forward(&logits, batch).unwrap();
        same_value(spec, weighed.loss, sum);
        let mean = plain.clone().with_reduction(Reduction::Mean).forward(&logits, batch).unwrap();
        same_value(spec, mean.loss, sum / 2.5);
    }
}

/// docs/derivations.md §6: z = (2, −1, 0.5, 1.5), y = 0.
#[test]
fn golden_values_of_the_errors() {
    let z = [2.0, -1.0, 0.5, 1.5];
    for (spec, value) in [
        ("mse", 0.0844751),
        ("mse + mirror", -0.5320712),
        ("mse(sigmoid)", 0.2856056),
        ("mse(sigmoid) + mirror", -0.0859109),
        ("mae", 0.2339644),
        ("mae(sigmoid)", 0.4570445),
    ] {
        let found = loss(spec).criterion(4).unwrap().forward(&z, &[0][..]).unwrap().loss;
        assert!((found - value).abs() < 6e-8, "{spec}: {found}");
    }
}

#[test]
fn errors_by_their_definition() {
    let labels = labels(13, ROWS, CLASSES);
    for squared in [true, false] {
        for sigmoid in [true, false] {
            for (g, rho) in [(0.0, 0.0), (2.0, 1.0), (3.0, 0.5)] {
                let name = if squared { "mse" } else { "mae" };
                let link = if sigmoid { "(sigmoid)" } else { "" };
                let mirror = match g {
                    0.0 => String::new(),
                    g => format!(" + mirror(gamma={g}, rho={rho})"),
                };
                let spec = format!("{name}{link}{mirror}");
                check(&spec, loss(&spec).criterion(CLASSES).unwrap(), &labels, |z, y| {
                    let lse = log_sum_exp(z.iter().copied());
                    let entry = |(k, z): (usize, &f64)| {
                        let a = if sigmoid { 1.0 / (1.0 + (-z).exp()) } else { (z - lse).exp() };
                        let right = if k == y { a } else { 1.0 - a };
                        let wrong = 1.0 - right;
                        let paid = if squared { wrong * wrong } else { wrong };
                        paid - rho * right.powf(g)
                    };
                    z.iter().enumerate().map(entry).sum::<f64>() / CLASSES as f64
                });
            }
        }
    }
}

/// docs/derivations.md §6: MSE + mirror = 2·MAE − 1, value and gradient, hard, smoothed and soft.
#[test]
fn mirrored_mse_is_twice_mae() {
    for link in ["", "(sigmoid)"] {
        for smooth in ["", " + smooth(0.2)"] {
            let run = |spec: String| {
                let mut criterion = loss(&spec).criterion(CLASSES).unwrap();
                let mut gradient = [0.0; 12];
                let logits = draws(17, 12, 6.0);
                let outcome = criterion.forward_backward(&logits, &[0, 3, 1][..], &mut gradient);
                (outcome.unwrap().loss, gradient)
            };
            let (mirrored, of_mirrored) = run(format!("mse{link} + mirror{smooth}"));
            let (mae, of_mae) = run(format!("mae{link}{smooth}"));
            assert!((mirrored - (2.0 * mae - 1.0)).abs() < 1e-14, "{link}{smooth}");
            for (mirrored, mae) in of_mirrored.iter().zip(of_mae) {
                assert!((mirrored - 2.0 * mae).abs() < 1e-15, "{link}{smooth}");
            }
        }
    }
}

#[test]
fn the_hinge() {
    let rows = Rows::new(labels(19, ROWS, CLASSES));
    check(
        "multimargin",
        loss("multimargin(margin=0.7)").criterion(4).unwrap(),
        &rows.labels,
        |z, y| {
            let others = (0..CLASSES).filter(|k| *k != y);
            others.map(|k| (0.7 - z[y] + z[k]).max(0.0)).sum::<f64>() / CLASSES as f64
        },
    );
}
