//! The kernels against a plain f64 reference written straight from docs/derivations.md.

use crate::curves::CURVES;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use steepness::{Batch, Loss, Odds, Reduction, Targets};

/// What every curve has in common on one row, in f64.
pub struct Truth {
    logits: Vec<f32>,
    targets: Vec<f32>,
    /// The slope of each logit after its adjustment.
    slopes: Vec<f64>,
    /// Σ p_k².
    squares: f64,
    /// For each class with a target: its odds against the others, and the others' softmax.
    classes: Vec<Option<(Odds, Vec<f64>)>>,
}

/// An adjusted logit and its slope.
pub type Adjust = fn(f64) -> (f64, f64);

pub const AS_THEY_ARE: Adjust = |z| (z, 1.0);

/// softcap(30), then temp(0.7).
const CAPPED: Adjust = |z| {
    let slope = 1.0 / (z / 30.0).cosh().powi(2);
    ((z / 30.0).tanh() * 30.0 / 0.7, slope / 0.7)
};

impl Truth {
    pub fn new(logits: &[f32], targets: &[f32], smoothed: bool, adjust: Adjust) -> Self {
        let wanted = |k: usize| smoothed || targets[k] != 0.0;
        let adjusted = logits.iter().map(|z| adjust(f64::from(*z)));
        let (wide, slopes): (Vec<f64>, Vec<f64>) = adjusted.unzip();
        let class = |k: usize| {
            let others = || wide.iter().enumerate().filter(|(j, _)| *j != k).map(|(_, z)| *z);
            let largest = others().fold(f64::NEG_INFINITY, f64::max);
            if largest == f64::NEG_INFINITY {
                return (Odds::from_log_odds(f64::INFINITY), vec![0.0; wide.len()]);
            }
            let sum: f64 = others().map(|z| (z - largest).exp()).sum();
            let share = |(j, z): (usize, &f64)| {
                if j == k { 0.0 } else { (z - largest).exp() / sum }
            };
            let shares = wide.iter().enumerate().map(share).collect();
            (Odds::from_log_odds(wide[k] - largest - sum.ln()), shares)
        };
        let classes = (0..logits.len()).map(|k| wanted(k).then(|| class(k))).collect();
        let largest = wide.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = wide.iter().map(|z| (z - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        let squares = powers.iter().map(|e| (e / sum).powi(2)).sum();
        Self { logits: logits.to_vec(), targets: targets.to_vec(), slopes, squares, classes }
    }

    /// Value and gradient, the sum over classes of t_k·ℓ(p_k), and ∂ℓ(p_k)/∂z_j = s·o_j with o the
    /// softmax of the others of k; and for each the size of its terms, which may cancel.
    pub fn of(&self, loss: &Loss) -> ((f64, f64), (Vec<f64>, f64)) {
        let curve = loss.curve().expect("a curve");
        let count = self.logits.len();
        let (mut value, mut values) = (0.0, 0.0);
        let (mut gradient, mut terms) = (vec![0.0; count], 0.0f64);
        for (k, (class, t)) in self.classes.iter().zip(&self.targets).enumerate() {
            let t = (1.0 - loss.smoothing) * f64::from(*t) + loss.smoothing / count as f64;
            let Some((odds, others)) = class.as_ref().filter(|_| t != 0.0) else { continue };
            let (of_class, steepness) = curve.in_row(odds, self.squares);
            value += t * of_class;
            values += (t * of_class).abs();
            let pull = t * steepness;
            gradient[k] -= pull;
            terms = terms.max(pull);
            gradient.iter_mut().zip(others).for_each(|(g, share)| *g += pull * share);
        }
        gradient.iter_mut().zip(&self.slopes).for_each(|(g, slope)| *g *= slope);
        ((value, values), (gradient, terms))
    }
}

/// |a − b| against the scale of the whole row, or of the number itself where that is larger.
fn close(found: f64, expected: f64, scale: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * expected.abs().max(scale)
}

fn check_row(spec: &str, truth: &Truth) -> Result<(), TestCaseError> {
    let loss: Loss = spec.parse().unwrap();
    // An exponent that is a sum of f32, as p^(Σ p_k²) has, is magnified by ln p.
    let tolerance = if loss.curve().unwrap().needs_squares() { 3e-5 } else { 1e-6 };
    let Truth { logits, targets, .. } = truth;
    let classes = logits.len();
    let hard =
        targets.iter().position(|t| *t == 1.0).filter(|_| targets.iter().sum::<f32>() == 1.0);
    let ((value, values), (gradient, terms)) = truth.of(&loss);
    // Subnormal f32 have fewer digits.
    let scale = terms.max(1e-36);
    let mut criterion = loss.criterion(classes).unwrap();
    let mut found = vec![0f32; classes];
    let label = [hard.unwrap_or(0) as i64];
    let batch = if hard.is_some() { Targets::Hard(&label) } else { Targets::Soft(targets) };
    let outcome = criterion.forward_backward(logits, batch, &mut found).unwrap();
    prop_assert!(
        close(outcome.loss, value, values.max(1.0), tolerance) || outcome.loss == value,
        "{spec} {logits:?} {targets:?}: {} {value}",
        outcome.loss
    );
    for (k, (f, e)) in found.iter().zip(&gradient).enumerate() {
        prop_assert!(
            close(f64::from(*f), *e, scale, tolerance),
            "{spec} {logits:?} {targets:?} at {k}: {f} {e}"
        );
    }
    // The value alone is the value with a gradient.
    prop_assert_eq!(criterion.forward(logits, batch).unwrap().loss, outcome.loss);
    // In place is the same.
    let mut in_place = logits.to_vec();
    let again = criterion.forward_backward_in_place(&mut in_place, batch).unwrap();
    prop_assert_eq!(again.loss, outcome.loss);
    prop_assert_eq!(in_place, found);
    Ok(())
}

fn logits() -> impl Strategy<Value = Vec<f32>> {
    let spread = prop_oneof![Just(0.0f32), Just(1.0), Just(10.0), Just(100.0), Just(1e4)];
    (1usize..70, spread).prop_flat_map(|(classes, spread)| {
        prop::collection::vec((-1.0f32..1.0).prop_map(move |z| z * spread), classes)
    })
}

/// Whether p lies so near to where a slope jumps that rounding decides the side.
fn near_a_kink(logits: &[f32], label: usize) -> bool {
    let wide: Vec<f64> = logits.iter().map(|z| f64::from(*z)).collect();
    let max = wide.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = wide.iter().map(|z| (z - max).exp()).sum();
    let p = (wide[label] - max).exp() / total;
    [0.3, 0.5, 0.75, 0.8, 0.95, 1.0 - 1e-5].iter().any(|kink| (p - kink).abs() < 1e-5)
}

/// Draws for every curve, the same each time.
const CASES: u32 = 10_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn hard_labels_agree_with_the_reference(logits in logits(), pick in 0usize..70) {
        let label = pick % logits.len();
        let mut targets = vec![0f32; logits.len()];
        targets[label] = 1.0;
        let truth = Truth::new(&logits, &targets, false, AS_THEY_ARE);
        for spec in CURVES.iter() {
            if !near_a_kink(&logits, label) {
                check_row(spec, &truth)?;
            }
        }
    }

    #[test]
    fn capped_logits_agree_with_the_reference(logits in logits(), pick in 0usize..70) {
        let label = pick % logits.len();
        let mut targets = vec![0f32; logits.len()];
        targets[label] = 1.0;
        let capped: Vec<f32> = logits.iter().map(|z| CAPPED(f64::from(*z)).0 as f32).collect();
        let truth = Truth::new(&logits, &targets, false, CAPPED);
        for spec in CURVES.iter() {
            if !near_a_kink(&capped, label) {
                check_row(&format!("{spec} + softcap(30) + temp(0.7)"), &truth)?;
            }
        }
    }

    /// Rows of few classes take another way than long ones, and masks make a row long.
    #[test]
    fn masked_classes_change_nothing(logits in logits(), labels in prop::collection::vec(0usize..16, 1..70)) {
        let classes = logits.len().min(16);
        for spec in ["ce", "el(le=0.75)", "focal(gamma=2)", "el(le=0.5) + softcap(5)"] {
            let rows = labels.len();
            let narrow: Vec<f32> = (0..rows * classes).map(|i| logits[(i * 7) % logits.len()]).collect();
            let wide: Vec<f32> = narrow
                .chunks(classes)
                .flat_map(|row| row.iter().copied().chain([f32::NEG_INFINITY; 20]))
                .collect();
            let labels: Vec<i64> = labels
                .iter()
                .map(|label| if *label == 15 { -100 } else { (*label % classes) as i64 })
                .collect();
            let run = |logits: &[f32], classes: usize| {
                let mut gradient = vec![0f32; logits.len()];
                let targets = Targets::Hard(&labels);
                let mut criterion = spec.parse::<Loss>().unwrap().criterion(classes).unwrap();
                let outcome = criterion.forward_backward(logits, targets, &mut gradient).unwrap();
                (outcome.loss, outcome.rows, gradient)
            };
            let (short, long) = (run(&narrow, classes), run(&wide, classes + 20));
            prop_assert!(short.0 == long.0 || close(short.0, long.0, 1.0, 1e-6), "{spec}: {} {}", short.0, long.0);
            for (row, (short, long)) in short.2.chunks(classes).zip(long.2.chunks(classes + 20)).enumerate() {
                prop_assert!(short.iter().zip(long).all(|(s, l)| (s - l).abs() <= 1e-6), "{spec} at {row}: {short:?} {long:?}");
                prop_assert!(long[classes..].iter().all(|g| *g == 0.0));
            }
            for (short, long) in short.1.iter().zip(&long.1) {
                prop_assert_eq!((short.ignored, short.correct), (long.ignored, long.correct));
                prop_assert_eq!((short.margin, short.energy), (long.margin, long.energy));
                prop_assert!(close(short.p, long.p, 1e-30, 1e-6));
            }
        }
    }

    /// Bit for bit, whatever rows it is computed beside.
    #[test]
    fn a_row_is_the_same_among_others(
        classes in 1usize..40,
        labels in prop::collection::vec(-1i64..40, 1..70),
        seed in 0u32..1000,
    ) {
        let count = labels.len() * classes;
        let logits: Vec<f32> = (0..count).map(|i| ((i as u32 + seed) as f32 * 0.7).sin() * 5.0).collect();
        let targets: Vec<f32> = logits.iter().map(|z| z.abs() / (5.0 * classes as f32)).collect();
        let labels: Vec<i64> = labels.iter().map(|l| if *l < 0 { *l } else { *l % classes as i64 }).collect();
        for (spec, soft) in [("el(le=0.75)", false), ("el(le=0.75) + smooth(0.1)", false), ("ce", true)] {
            let criterion = spec.parse::<Loss>().unwrap().criterion(classes).unwrap();
            let mut criterion = criterion.with_reduction(Reduction::Sum).with_ignore_index(-1);
            let (mut all, mut alone) = (vec![0f32; count], vec![0f32; count]);
            let batch = if soft { Targets::Soft(&targets[..]) } else { Targets::Hard(&labels) };
            let together = criterion.forward_backward(&logits, batch, &mut all).unwrap();
            for (row, one) in alone.chunks_mut(classes).enumerate() {
                let span = row * classes..(row + 1) * classes;
                let batch = match soft {
                    true => Targets::Soft(&targets[span.clone()]),
                    false => Targets::Hard(&labels[row..=row]),
                };
                let outcome = criterion.forward_backward(&logits[span], batch, one).unwrap();
                prop_assert_eq!(outcome.rows[0], together.rows[row]);
            }
            prop_assert_eq!(all, alone);
        }
    }

    #[test]
    fn smoothed_labels_agree_with_the_reference(logits in logits(), pick in 0usize..70) {
        let label = pick % logits.len();
        let mut targets = vec![0f32; logits.len()];
        targets[label] = 1.0;
        if (0..logits.len()).any(|k| near_a_kink(&logits, k)) {
            return Ok(());
        }
        let truth = Truth::new(&logits, &targets, true, AS_THEY_ARE);
        for spec in CURVES.iter() {
            check_row(&format!("{spec} + smooth(0.1)"), &truth)?;
        }
    }

    #[test]
    fn soft_targets_agree_with_the_reference(
        logits in logits(),
        draws in prop::collection::vec(0.0f32..1.0, 70),
    ) {
        let sum: f32 = draws[..logits.len()].iter().sum();
        let targets: Vec<f32> = draws[..logits.len()].iter().map(|t| t / sum).collect();
        if logits.len() == 1 {
            return Ok(());
        }
        if (0..logits.len()).any(|k| near_a_kink(&logits, k)) {
            return Ok(());
        }
        let truth = Truth::new(&logits, &targets, false, AS_THEY_ARE);
        for spec in CURVES.iter() {
            check_row(spec, &truth)?;
        }
    }
}

#[test]
fn golden_vector_case_of_the_paper() {
    // docs/derivations.md §2 and §5: z = (2, −1, 0.5, 1.5), y = 0
    let z = [2.0, -1.0, 0.5, 1.5];
    let z32 = z.map(|z| z as f32);
    type Line<'a> = (&'a str, f64, [f64; 4]);
    let golden: [Line; 11] = [
        ("ce", 0.63097806, [-0.46792885, 0.02649026, 0.11872112, 0.32271747]),
        ("el(le=1)", -0.12846097, [-1.0, 0.05661173, 0.25371618, 0.68967209]),
        ("el(le=0.75)", -0.12846097, [-1.0, 0.05661173, 0.25371618, 0.68967209]),
        ("el(le=0.5)", -0.12631142, [-0.96587173, 0.05467967, 0.24505729, 0.66613477]),
        ("el(le=0.25)", -0.03279888, [-0.79989077, 0.0452832, 0.20294523, 0.55166234]),
        ("el(le=0)", 0.09890691, [-0.71690029, 0.04058497, 0.1818892, 0.49442612]),
        ("el(le=1) + smooth(0.1)", 0.03992457, [-0.87660262, 0.02909514, 0.21711852, 0.63038896]),
        ("el(le=0.5) + smooth(0.1)", 0.04191290, [-0.84503397, 0.02730798, 0.20910904, 0.60861694]),
        (
            "el(le=0.25) + smooth(0.1)",
            0.12853771,
            [-0.69211611, 0.01858565, 0.17001827, 0.50351218],
        ),
        ("el(le=0) + smooth(0.1)", 0.25211402, [-0.61700315, 0.0141755, 0.1505724, 0.45225525]),
        ("aggressive(start=0.5)", 0.56468621, [-1.0, 0.05661173, 0.25371618, 0.68967209]),
    ];
    for (spec, value, gradient) in golden {
        let mut criterion = spec.parse::<Loss>().unwrap().criterion(4).unwrap();
        let (mut wide, mut narrow) = ([0f64; 4], [0f32; 4]);
        let targets = [0i64];
        let in_f64 = criterion.forward_backward(&z, Targets::Hard(&targets), &mut wide).unwrap();
        let in_f32 =
            criterion.forward_backward(&z32, Targets::Hard(&targets), &mut narrow).unwrap();
        assert!((in_f64.loss - value).abs() < 6e-9, "{spec}: {}", in_f64.loss);
        assert!((in_f32.loss - value).abs() < 1e-6, "{spec}: {}", in_f32.loss);
        for ((found64, found32), expected) in wide.iter().zip(narrow).zip(gradient) {
            assert!((found64 - expected).abs() < 6e-9, "{spec}: {wide:?}");
            assert!((f64::from(found32) - expected).abs() < 1e-6, "{spec}: {narrow:?}");
        }
    }
}

/// The same case in closed form, to twelve digits.
#[test]
fn golden_vector_case_in_f64() {
    let z: [f64; 4] = [2.0, -1.0, 0.5, 1.5];
    let total: f64 = z.iter().map(|z| z.exp()).sum();
    let p = z.map(|z| z.exp() / total);
    for le in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let after = p[0] > le;
        let tangent = (1.0 - le).ln() - (p[0] - le) / (1.0 - le);
        let bonus = if after { tangent } else { (1.0 - p[0]).ln() };
        let weight = if after { 1.0 + p[0] / (1.0 - le) } else { 1.0 / (1.0 - p[0]) };
        let mut criterion = format!("el(le={le})").parse::<Loss>().unwrap().criterion(4).unwrap();
        let mut gradient = [0f64; 4];
        let found = criterion.forward_backward(&z, Targets::Hard(&[0]), &mut gradient).unwrap();
        assert!((found.loss - (bonus - p[0].ln())).abs() < 1e-12, "le={le}");
        for (class, g) in gradient.iter().enumerate() {
            let own = if class == 0 { 1.0 } else { 0.0 };
            assert!((g - weight * (p[class] - own)).abs() < 1e-12, "le={le}, class {class}");
        }
    }
}

#[test]
fn batch_semantics() {
    let criterion = "el(le=0.5)".parse::<Loss>().unwrap().criterion(3).unwrap();
    let logits = [0.1f32, 0.5, -0.2, 1.0, 1.0, 1.0];
    let sum = criterion.clone().with_reduction(Reduction::Sum);
    let mean = criterion.forward(&logits, Targets::Hard(&[0, 2])).unwrap();
    let total = sum.forward(&logits, Targets::Hard(&[0, 2])).unwrap();
    assert!((mean.loss * 2.0 - total.loss).abs() < 1e-12);
    let weights = [3.0, 0.0];
    let batch = Batch::new(Targets::Hard(&[0, 2])).with_sample_weights(&weights);
    let first = criterion.forward(&logits[..3], Targets::Hard(&[0])).unwrap();
    assert!((criterion.forward(&logits, batch).unwrap().loss - first.loss).abs() < 1e-12);
}
