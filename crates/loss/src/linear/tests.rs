//! The fused linear layer against the unfused loss, and by itself.

use super::*;
use crate::{Loss, Reduction};
use half::bf16;

/// Deterministic numbers in (−scale, scale).
fn draws(count: usize, scale: f64, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let draw = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
        scale * ((state >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
    };
    (0..count).map(draw).collect()
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

struct Problem {
    rows: usize,
    classes: usize,
    depth: usize,
    features: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
    targets: Vec<i64>,
    soft: Vec<f64>,
    sample_weights: Vec<f64>,
}

impl Problem {
    fn new(rows: usize, classes: usize, depth: usize) -> Self {
        let targets = draws(rows, 1e6, 4).into_iter().map(|d| d.abs() as i64 % classes as i64);
        let mut soft = draws(rows * classes, 0.5, 5);
        for row in soft.chunks_mut(classes) {
            row.iter_mut().for_each(|t| *t += 0.5);
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|t| *t /= sum);
        }
        Self {
            rows,
            classes,
            depth,
            features: draws(rows * depth, 2.0, 1),
            weight: draws(classes * depth, 1.0, 2),
            bias: draws(classes, 1.0, 3),
            targets: targets.collect(),
            soft,
            sample_weights: draws(rows, 1.0, 6).iter().map(|d| d + 1.0).collect(),
        }
    }

    fn layer(&self) -> Linear<'_, f64> {
        let Self { features, weight, bias, depth, .. } = self;
        Linear { features, weight, bias: Some(bias), depth: *depth }
    }

    fn logits(&self) -> Vec<f64> {
        let logit = |i: usize, k: usize| -> f64 {
            let (x, w) = (&self.features[i * self.depth..], &self.weight[k * self.depth..]);
            self.bias[k] + (0..self.depth).map(|d| x[d] * w[d]).sum::<f64>()
        };
        (0..self.rows * self.classes).map(|i| logit(i / self.classes, i % self.classes)).collect()
    }

    /// Outcome and gradients by the logits of the whole batch.
    fn unfused(&self, criterion: &mut Criterion, batch: Batch<'_, f64>) -> Answer {
        let logits = self.logits();
        let mut g = vec![0.0; logits.len()];
        let outcome = criterion.forward_backward(&logits, batch, &mut g).unwrap();
        let mut answer = Answer::empty(self, outcome);
        for (i, row) in g.chunks(self.classes).enumerate() {
            for (k, g) in row.iter().enumerate() {
                answer.bias[k] += g;
                for d in 0..self.depth {
                    answer.features[i * self.depth + d] += g * self.weight[k * self.depth + d];
                    answer.weight[k * self.depth + d] += g * self.features[i * self.depth + d];
                }
            }
        }
        answer
    }

    fn fused(&self, criterion: &mut Criterion, batch: Batch<'_, f64>, room: usize) -> Answer {
        let empty = Outcome { loss: 0.0, counted: 0, ignored: 0, rows: vec![] };
        // What is there must not matter.
        let mut answer = Answer::empty(self, empty);
        answer.weight.fill(f64::NAN);
        answer.features.fill(7.0);
        let gradients = LinearGradients {
            features: Some(&mut answer.features),
            weight: Some(&mut answer.weight),
            bias: Some(&mut answer.bias),
        };
        answer.outcome = criterion.linear(self.layer(), batch, gradients, true, room).unwrap();
        answer
    }
}

#[derive(Debug, PartialEq)]
struct Answer {
    outcome: Outcome,
    features: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
}

impl Answer {
    fn empty(problem: &Problem, outcome: Outcome) -> Self {
        Self {
            outcome,
            features: vec![0.0; problem.features.len()],
            weight: vec![0.0; problem.weight.len()],
            bias: vec![0.0; problem.classes],
        }
    }

    fn assert_close(&self, expected: &Self, what: &str) {
        let near = |f: f64, e: f64| f == e || (f - e).abs() <= 1e-12 * e.abs().max(1.0);
        let all = [
            (&self.features, &expected.features),
            (&self.weight, &expected.weight),
            (&self.bias, &expected.bias),
        ];
        for (found, expected) in all {
            for (f, e) in found.iter().zip(expected) {
                assert!(near(*f, *e), "{what}: {f} {e}");
            }
        }
        let (found, expected) = (&self.outcome, &expected.outcome);
        assert!(near(found.loss, expected.loss), "{what}: {} {}", found.loss, expected.loss);
        assert_eq!(found.counted, expected.counted, "{what}");
        assert_eq!(found.ignored, expected.ignored, "{what}");
        assert_eq!(found.rows.len(), expected.rows.len(), "{what}");
        for (f, e) in found.rows.iter().zip(&expected.rows) {
            assert!(near(f.loss, e.loss) && near(f.log_odds, e.log_odds), "{what}: {f:?} {e:?}");
            assert!(near(f.steepness, e.steepness), "{what}: {f:?} {e:?}");
            assert_eq!((f.correct, f.predicted), (e.correct, e.predicted), "{what}");
            assert_eq!(f.ignored, e.ignored, "{what}");
        }
    }
}

/// Counts for the losses that want them.
fn criterion(spec: &str, classes: usize) -> Criterion {
    let counts: Vec<u64> = (0..classes as u64).map(|k| 5 + 37 * k % 211).collect();
    let mut criterion = spec.parse::<Loss>().unwrap().criterion_with_counts(&counts).unwrap();
    criterion.set_epoch(19, 20);
    criterion.with_predictions(true)
}

const SPECS: &[&str] = &[
    "ce",
    "el(le=1)",
    "el(le=0.75) + smooth(0.1)",
    "el(le=0.5) + smooth(0.1, bonus=0.02)",
    "el(le=auto)",
    "el(le=1) + match",
    "el(le=1) + smooth(0.1, bonus=0.3) + match",
    "focal(gamma=2) + zloss(0.01) + softcap(5) + temp(2)",
    "el(le=1) + adjust(tau=1)",
    "el(le=1) + ldam(max=0.5, scale=3, bonus=raw) + drw(beta=0.99, from=0.5, bonus=max)",
    "el(le=1) + shots(off=few)",
    "bce",
    "mse + mirror",
    "multimargin",
];

#[test]
fn it_is_the_unfused_loss_in_chunks_of_any_size() {
    for spec in SPECS {
        for (rows, classes, depth) in [(1, 1, 1), (7, 3, 5), (41, 67, 13)] {
            let mut problem = Problem::new(rows, classes, depth);
            problem.targets[rows / 2] = -100;
            for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
                for chunk in [1, 5, 16, 100] {
                    let batch = Batch::from(Targets::Hard(&problem.targets))
                        .with_sample_weights(&problem.sample_weights);
                    let mut unfused = criterion(spec, classes).with_reduction(reduction);
                    let mut fused = unfused.clone();
                    let what = format!("{spec} {rows}×{classes}×{depth} {reduction:?} {chunk}");
                    // Twice: running means move.
                    for _ in 0..2 {
                        let expected = problem.unfused(&mut unfused, batch);
                        let found = problem.fused(&mut fused, batch, chunk * classes);
                        found.assert_close(&expected, &what);
                    }
                    let value = fused.linear_forward(problem.layer(), batch).unwrap();
                    let expected = unfused.forward(&problem.logits(), batch).unwrap();
                    assert!((value.loss - expected.loss).abs() < 1e-11, "{what}");
                }
            }
        }
    }
}

#[test]
fn soft_targets_class_weights_and_views() {
    let problem = Problem::new(42, 11, 6);
    let soft =
        Batch::from(Targets::Soft(&problem.soft)).with_sample_weights(&problem.sample_weights);
    let mut targets = problem.targets.clone();
    targets[3] = -100;
    let hard = Batch::from(Targets::Hard(&targets));
    let weights: Vec<f64> = (0..11).map(|k| f64::from(k) / 4.0).collect();
    for (spec, batch) in [
        ("el(le=0.75) + smooth(0.1)", soft),
        ("el(le=1) + match", soft),
        ("mae(sigmoid)", soft),
        ("el(le=0.75)", hard),
        ("el(le=0.75) + jsd(alpha=12)", hard),
        ("el(le=0.75) + smooth(0.1, bonus=0.2) + jsd(alpha=12)", soft),
    ] {
        let mut unfused = criterion(spec, 11).with_class_weights(&weights).unwrap();
        let mut fused = unfused.clone();
        let expected = problem.unfused(&mut unfused, batch);
        for chunk in [1, 4, 16, 100] {
            let found = problem.fused(&mut fused, batch, chunk * 11);
            found.assert_close(&expected, &format!("{spec} {chunk}"));
            fused.set_state(crate::CriterionState { epoch: 19, epochs: 20, ..Default::default() });
        }
    }
}

#[test]
fn the_gradients_are_derivatives_by_central_differences() {
    let problem = Problem::new(9, 7, 4);
    let batch = Batch::from(Targets::Hard(&problem.targets));
    for spec in ["el(le=0.75) + smooth(0.1)", "el(le=1, clamp=0)"] {
        let mut criterion = criterion(spec, 7);
        let found = problem.fused(&mut criterion, batch, 3 * 7);
        let value = |which: usize, at: usize, step: f64| {
            let (mut x, mut w) = (problem.features.clone(), problem.weight.clone());
            let mut b = problem.bias.clone();
            [&mut x, &mut w, &mut b][which][at] += step;
            let layer = Linear { features: &x, weight: &w, bias: Some(&b), depth: 4 };
            criterion.linear_forward(layer, batch).unwrap().loss
        };
        for (which, gradient) in
            [&found.features, &found.weight, &found.bias].into_iter().enumerate()
        {
            for (at, g) in gradient.iter().enumerate() {
                let slope = (value(which, at, 1e-6) - value(which, at, -1e-6)) / 2e-6;
                assert!((slope - g).abs() < 1e-8, "{spec} {which} {at}: {slope} {g}");
            }
        }
    }
}

#[test]
fn single_and_half_precision() {
    let problem = Problem::new(700, 130, 33);
    let (x, w, b) = (narrow(&problem.features), narrow(&problem.weight), narrow(&problem.bias));
    let halves: Vec<bf16> = x.iter().map(|x| bf16::from_f32(*x)).collect();
    let batch = Batch::from(Targets::Hard(&problem.targets));
    let expected = problem.unfused(&mut criterion("el(le=0.75)", 130), batch);
    let close = |found: &[f32], expected: &[f64], tolerance: f64| {
        let largest = expected.iter().fold(0.0, |m: f64, e| m.max(e.abs()));
        for (f, e) in found.iter().zip(expected) {
            assert!((f64::from(*f) - e).abs() < tolerance * largest, "{f} {e} {largest}");
        }
    };
    let batch = Batch::from(Targets::Hard(&problem.targets));
    let (mut dw, mut db) = (vec![0f32; w.len()], vec![0f32; 130]);
    let mut dx = vec![0f32; x.len()];
    let layer = Linear { features: &x, weight: &w, bias: Some(&b), depth: 33 };
    let gradients =
        LinearGradients { features: Some(&mut dx), weight: Some(&mut dw), bias: Some(&mut db) };
    let found =
        criterion("el(le=0.75)", 130).linear(layer, batch, gradients, true, 130 * 64).unwrap();
    assert!((found.loss - expected.outcome.loss).abs() < 1e-6 * expected.outcome.loss.abs());
    close(&dx, &expected.features, 1e-5);
    close(&dw, &expected.weight, 1e-5);
    close(&db, &expected.bias, 1e-5);

    // Features of half precision are those numbers, exactly; their gradient is rounded to it.
    let rounded = Problem {
        features: halves.iter().map(|h| f64::from(h.to_f32())).collect(),
        ..Problem::new(700, 130, 33)
    };
    let expected =
        rounded.unfused(&mut criterion("el(le=0.75)", 130), Targets::Hard(&rounded.targets).into());
    let mut dx = vec![bf16::ZERO; x.len()];
    let layer = Linear { features: &halves, weight: &w, bias: Some(&b), depth: 33 };
    let gradients = LinearGradients { features: Some(&mut dx), weight: Some(&mut dw), bias: None };
    let found =
        criterion("el(le=0.75)", 130).linear_forward_backward(layer, batch, gradients).unwrap();
    assert!((found.loss - expected.outcome.loss).abs() < 1e-6 * expected.outcome.loss.abs());
    close(&dw, &expected.weight, 1e-5);
    let dx: Vec<f32> = dx.into_iter().map(bf16::to_f32).collect();
    close(&dx, &expected.features, 1.0 / 256.0);
}

#[cfg(feature = "rayon")]
#[test]
fn every_bit_is_the_same_for_any_number_of_threads() {
    let problem = Problem::new(1100, 300, 200);
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let batch = Batch::from(Targets::Hard(&problem.targets));
            let mut criterion = criterion("el(le=0.75) + smooth(0.1)", 300);
            let wide = problem.fused(&mut criterion, batch, 300 * 600);
            let (x, w) = (narrow(&problem.features), narrow(&problem.weight));
            let layer = Linear { features: &x, weight: &w, bias: None, depth: 200 };
            let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
            let gradients =
                LinearGradients { features: Some(&mut dx), weight: Some(&mut dw), bias: None };
            let batch = Batch::from(Targets::Hard(&problem.targets));
            let outcome = criterion.linear(layer, batch, gradients, true, 300 * 600).unwrap();
            let bits = |v: Vec<f32>| v.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            (wide, outcome, bits(dx), bits(dw))
        })
    };
    let one = with_threads(1);
    assert!(one == with_threads(2));
    assert!(one == with_threads(5));
}

#[test]
fn gradients_that_are_not_wanted_do_not_change_the_others() {
    let problem = Problem::new(12, 5, 3);
    let batch = Batch::from(Targets::Hard(&problem.targets));
    let all = problem.fused(&mut criterion("el(le=1)", 5), batch, 20);
    for wanted in 0..8 {
        let (mut x, mut w, mut b) = (vec![0.0; 36], vec![0.0; 15], vec![0.0; 5]);
        let gradients = LinearGradients {
            features: (wanted & 1 > 0).then_some(&mut x[..]),
            weight: (wanted & 2 > 0).then_some(&mut w[..]),
            bias: (wanted & 4 > 0).then_some(&mut b[..]),
        };
        let mut criterion = criterion("el(le=1)", 5);
        let outcome = criterion.linear(problem.layer(), batch, gradients, true, 20).unwrap();
        assert_eq!(outcome, all.outcome);
        assert!(wanted & 1 == 0 || x == all.features);
        assert!(wanted & 2 == 0 || w == all.weight);
        assert!(wanted & 4 == 0 || b == all.bias);
    }
}

#[test]
fn nothing_to_compute() {
    let mut problem = Problem::new(4, 3, 2);
    problem.targets.fill(-100);
    let batch = Batch::from(Targets::Hard(&problem.targets));
    let found = problem.fused(&mut criterion("el(le=1)", 3), batch, 6);
    assert_eq!((found.outcome.loss, found.outcome.ignored), (0.0, 4));
    assert!(found.features.iter().chain(&found.weight).chain(&found.bias).all(|g| *g == 0.0));
    let none = Problem::new(0, 3, 2);
    let batch = Batch::from(Targets::Hard(&none.targets));
    let found = none.fused(&mut criterion("el(le=1)", 3), batch, 6);
    assert_eq!((found.outcome.loss, found.outcome.counted), (0.0, 0));
}

#[test]
fn what_does_not_fit_is_refused() {
    let problem = Problem::new(6, 3, 2);
    let mut ce = criterion("ce", 3);
    let batch = || Batch::from(Targets::Hard(&problem.targets));
    let none = LinearGradients::default;
    let mut short = vec![0.0; 5];
    let message = |found: Result<Outcome>| found.unwrap_err().to_string();
    let layer = problem.layer();
    let cases = [
        (Linear { depth: 0, ..layer }, none(), "depth 0"),
        (Linear { depth: 5, ..layer }, none(), "12 features are no rows of depth 5"),
        (Linear { weight: &short, ..layer }, none(), "the weight has 5 elements, not 6"),
        (Linear { bias: Some(&short), ..layer }, none(), "the bias has 5 elements, not 3"),
    ];
    for (layer, gradients, expected) in cases {
        let found = message(ce.linear_forward_backward(layer, batch(), gradients));
        assert!(found.contains(expected), "{found}");
    }
    let gradients = LinearGradients { weight: Some(&mut short), ..none() };
    let found = message(ce.linear_forward_backward(layer, batch(), gradients));
    assert!(found.contains("gradient of the weight has 5"), "{found}");
    let gradients = LinearGradients { bias: Some(&mut short[..3]), ..none() };
    let unbiased = Linear { bias: None, ..layer };
    let found = message(ce.linear_forward_backward(unbiased, batch(), gradients));
    assert!(found.contains("no bias"), "{found}");
    let found = message(ce.linear_forward(layer, batch().with_inner(2)));
    assert!(found.contains("inner"), "{found}");
    let found = message(ce.linear_forward(layer, Targets::Hard(&problem.targets[..4])));
    assert!(found.contains("4 targets for 6 rows"), "{found}");
}

#[test]
fn a_bad_row_is_named_by_its_place_in_the_batch() {
    let mut problem = Problem::new(9, 3, 2);
    problem.targets[1] = -100;
    problem.features[2] = f64::NAN;
    problem.features[13] = f64::NAN;
    let batch = Batch::from(Targets::Hard(&problem.targets));
    let mut ce = criterion("ce", 3);
    for chunk in [1, 2, 9] {
        let error = ce
            .linear(problem.layer(), batch, LinearGradients::default(), true, chunk * 3)
            .unwrap_err();
        assert!(matches!(error, Error::Logit { row: 6, column: 0, .. }), "{error}");
    }
}
