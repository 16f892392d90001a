//! Class weights of losses that are a mean over classes: they weigh examples, hard and soft alike.
//!
//! The expected numbers are those of PyTorch 2.15 in double precision, as `weigh` computes them:
//!
//! ```python
//! z = torch.tensor([[2., -1., .5, 1.5], [.25, -.75, 3., -2.], [-1., 0., 1., 2.5]], dtype=torch.float64)
//! y = torch.tensor([0, 3, 1]); w = torch.tensor([.3, 1., 2., 4.], dtype=torch.float64)
//! t = F.one_hot(y, 4).double()
//! # Cui et al. 2019, class_balanced_loss.py: weights = (w * labels_one_hot).sum(1)
//! def weigh(rows, t): wt = (w * t).sum(1); return rows * wt, (rows * wt).sum() / wt.sum()
//! weigh(F.binary_cross_entropy_with_logits(z, t, reduction="none").mean(1), t)
//! ```

use super::{COUNTS, loss};
use steepness::{Batch, Criterion, Error, Reduction, Targets, effective_number_weights};

const LOGITS: [f64; 12] = [2.0, -1.0, 0.5, 1.5, 0.25, -0.75, 3.0, -2.0, -1.0, 0.0, 1.0, 2.5];
const LABELS: [i64; 3] = [0, 3, 1];
const WEIGHTS: [f64; 4] = [0.3, 1.0, 2.0, 4.0];
const ONE_HOT: [f64; 12] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0];
/// Several classes an example, and shares of one.
const SOFT: [f64; 12] = [0.5, 0.25, 0.0, 0.25, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.75, 0.0];
/// Losses that are no curve of the softmax probability.
const SPECS: [&str; 7] = [
    "bce",
    "focal(gamma=2, sigmoid)",
    "el(le=0.5, sigmoid)",
    "mse",
    "mse(sigmoid) + mirror",
    "mae",
    "mae(sigmoid)",
];

fn weighed(spec: &str) -> Criterion {
    loss(spec).criterion(4).unwrap().with_class_weights(&WEIGHTS).unwrap()
}

fn close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{what}: {found} is not {expected}");
    }
}

/// Rows with their weights, their mean, and the first row of the mean's gradient.
fn check(spec: &str, targets: Targets<f64>, rows: [f64; 3], mean: f64, first: [f64; 4]) {
    let mut gradient = [0.0; 12];
    let mut criterion = weighed(spec);
    let outcome = criterion.forward_backward(&LOGITS, targets, &mut gradient).unwrap();
    close(spec, &outcome.row_losses(), &rows);
    close(spec, &[outcome.loss], &[mean]);
    close(spec, &gradient[..4], &first);
}

#[test]
fn agrees_with_pytorch() {
    check(
        "bce",
        Targets::Hard(&LABELS),
        [0.23367599705430406, 6.388325788610459, 1.224640072472235],
        1.4804984637994336,
        [-0.0016868338021997786, 0.003805774830707478, 0.008808386762290395, 0.011569450134815713],
    );
    check(
        "bce",
        Targets::Soft(&SOFT),
        [1.396737986253419, 6.598700222756243, 1.5557101087083525],
        1.3265483774608355,
        [0.01851096906836928, 0.0009207635388192065, 0.030258439711201266, 0.0275904259260799],
    );
    check(
        "focal(gamma=2, sigmoid)",
        Targets::Hard(&LABELS),
        [0.11543591526167206, 4.717209715918179, 0.7750708134248886],
        1.0580597065291963,
        [-6.89283989914073e-05, 0.000744072594022084, 0.007445544649168629, 0.013605066332127741],
    );
    check(
        "mse(sigmoid)",
        Targets::Hard(&LABELS),
        [0.08568168509030215, 2.10216968487689, 0.4277035592376712],
        0.49350093003865336,
        [-0.0003542134577455685, 0.001496521493894341, 0.004140007175291253, 0.0034510848800247958],
    );
    check(
        "mse",
        Targets::Hard(&LABELS),
        [0.02534253072421776, 1.8268535108016337, 0.367505424520194],
        0.4188115973671784,
        [
            -0.005088313009958483,
            0.00011734589315548234,
            0.0008358064166973966,
            0.004135160700105604,
        ],
    );
    check(
        "mae",
        Targets::Hard(&LABELS),
        [0.07018932744054399, 1.9876840645720308, 0.4692660522384347],
        0.47681876306622817,
        [
            -0.007046361546573203,
            0.00039890673314415534,
            0.001787775946016424,
            0.0048596788674126245,
        ],
    );
}

/// torch.nn.functional.multi_margin_loss(z, y, weight=w, reduction="none") and "sum"; its "mean"
/// divides the sum by the number of rows, ours by their weights.
#[test]
fn the_hinge_differs_from_pytorchs_in_its_mean_alone() {
    let sum = weighed("multimargin").with_reduction(Reduction::Sum);
    let outcome = sum.forward(&LOGITS, &LABELS[..]).unwrap();
    close("rows", &outcome.row_losses(), &[0.0375, 11.5, 1.375]);
    close("sum", &[outcome.loss], &[12.9125]);
    let mean = weighed("multimargin").forward(&LOGITS, &LABELS[..]).unwrap();
    close("mean", &[mean.loss * 5.3 / 3.0], &[4.304166666666666]);
}

#[test]
fn a_constant_loss_averages_to_itself() {
    let (zeros, labels) = ([0.0; 12], [3; 3]);
    let one_hot = [0.0, 0.0, 0.0, 1.0].repeat(3);
    let expected = std::f64::consts::LN_2;
    for smooth in ["", " + smooth(0.2)"] {
        let bce = weighed(&format!("bce{smooth}"));
        let hard = bce.forward(&zeros, &labels[..]).unwrap();
        let soft = bce.forward(&zeros, Targets::Soft(&one_hot)).unwrap();
        close("hard", &[hard.loss], &[expected]);
        close("soft", &[soft.loss], &[expected]);
    }
}

#[test]
fn labels_and_their_one_hot_rows_are_the_same() {
    let sample = [0.5, 1.0, 3.0];
    for spec in SPECS {
        for smooth in ["", " + smooth(0.1)"] {
            let run = |targets: Targets<f64>, reduction| {
                let mut gradient = [0.0; 12];
                let mut criterion = weighed(&format!("{spec}{smooth}")).with_reduction(reduction);
                let batch = Batch::new(targets).with_sample_weights(&sample);
                let outcome = criterion.forward_backward(&LOGITS, batch, &mut gradient).unwrap();
                (outcome.loss, outcome.rows, gradient)
            };
            for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
                let hard = run(Targets::Hard(&LABELS), reduction);
                let soft = run(Targets::Soft(&ONE_HOT), reduction);
                assert_eq!(hard, soft, "{spec}{smooth} {reduction:?}");
            }
        }
    }
}

/// w_y multiplies all of an example's loss: Cui et al. 2019, eq. 3.
#[test]
fn effective_numbers_weigh_examples() {
    let weights = effective_number_weights(0.99, &COUNTS);
    for spec in SPECS {
        let rows = |spec: &str| {
            let criterion = loss(spec).criterion_with_counts(&COUNTS).unwrap();
            criterion.forward(&LOGITS, &LABELS[..]).unwrap().rows
        };
        let plain = rows(spec);
        let balanced = rows(&format!("{spec} + weights(beta=0.99)"));
        for ((plain, balanced), label) in plain.iter().zip(&balanced).zip(LABELS) {
            close(spec, &[balanced.loss], &[weights[label as usize] * plain.loss]);
            assert_eq!(balanced.steepness, plain.steepness, "{spec}: steepness is before weights");
        }
    }
}

#[test]
fn an_example_of_no_class_weighs_nothing() {
    let none = [0.0; 4];
    let bce = weighed("bce");
    let outcome = bce.forward(&LOGITS[..4], Targets::Soft(&none)).unwrap();
    assert_eq!((outcome.loss, outcome.rows[0].loss), (0.0, 0.0));
    let both: Vec<f64> = none.iter().chain(&ONE_HOT[4..]).copied().collect();
    let all = bce.forward(&LOGITS, Targets::Soft(&both)).unwrap();
    let others = bce.forward(&LOGITS[4..], Targets::Soft(&ONE_HOT[4..])).unwrap();
    close("mean", &[all.loss], &[others.loss]);
    let wrong = [0.0, f64::NAN, 0.0, 0.0];
    let refused = bce.forward(&LOGITS[..4], Targets::Soft(&wrong)).unwrap_err();
    assert!(matches!(refused, Error::SoftTarget { row: 0, class: 1, .. }), "{refused}");
}

/// A weight that is none is no matter of shapes: which one it is and what it is stands in the error.
#[test]
fn a_weight_that_is_none_is_named() {
    let ce = || loss("ce").criterion(4).unwrap();
    let refused = ce().with_class_weights(&[1.0, 2.0, -0.5, 1.0]).unwrap_err();
    assert_eq!(refused, Error::Weight { of: "class", index: 2, value: -0.5 });
    assert_eq!(refused.to_string(), "class weight 2 is -0.5, not a finite number ≥ 0");
    let batch = Batch::new(Targets::Hard(&LABELS)).with_sample_weights(&[1.0, f64::INFINITY, 1.0]);
    let refused = ce().forward(&LOGITS, batch).unwrap_err();
    assert_eq!(refused, Error::Weight { of: "sample", index: 1, value: f64::INFINITY });
    assert!(matches!(ce().with_class_weights(&[1.0; 3]), Err(Error::Shape(_))));
    assert_eq!(loss("ce").criterion(0).unwrap_err(), Error::Classes(0));
}
