use super::*;
use crate::{Batch, Loss, Reduction, Targets};
use ::burn::tensor::{Device, FloatDType};

const CLASSES: usize = 5;
const LABELS: [i64; 7] = [2, 0, -100, 4, 1, 1, 3];

fn criterion(spec: &str) -> Criterion {
    let loss: Loss = spec.parse().unwrap();
    match loss.needs_counts() {
        true => loss.criterion_with_counts(&[50, 20, 10, 5, 1]).unwrap(),
        false => loss.criterion(CLASSES).unwrap(),
    }
}

fn device() -> Device {
    Device::flex().autodiff()
}

fn draws(count: usize) -> Vec<f32> {
    (0..count).map(|i| 3.0 * (i as f32 * 1.7).sin()).collect()
}

fn logits<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let draws = draws(shape.iter().product());
    Tensor::from_data(TensorData::new(draws, shape), &device()).require_grad()
}

fn labels<const D: usize>(labels: &[i64], shape: [usize; D]) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(labels.to_vec(), shape), &device())
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter().collect()
}

/// The two ways through the adapter; the second is what other backends than flex take.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Flex,
    Elsewhere { rows: bool },
}

const WAYS: [Way; 3] = [Way::Flex, Way::Elsewhere { rows: false }, Way::Elsewhere { rows: true }];

fn loss<const D: usize>(
    way: Way,
    criterion: &mut Criterion,
    logits: Tensor<D>,
    targets: impl Into<BurnTargets>,
    weights: Option<Tensor<1>>,
) -> Result<Tensor<1>> {
    let rows = weights.is_some() || way != Way::Elsewhere { rows: false };
    let (loss, outcome) = match way {
        Way::Flex => criterion.forward_burn_rows(logits, targets, weights)?,
        Way::Elsewhere { .. } => {
            let given = criterion.given(&logits, targets.into(), weights, rows)?;
            elsewhere::loss(criterion, logits, given)?
        }
    };
    assert!(!rows || outcome.rows.iter().all(|row| row.ignored || row.log_sum_exp != 0.0));
    Ok(loss)
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        let same = a == b || (a - b).abs() <= tolerance * b.abs().max(1.0);
        assert!(same, "{what}, {at}: {a} instead of {b}");
    }
}

/// Value and gradient of the slice kernel, the gradient that of `factors`·losses.
fn kernel(
    criterion: &mut Criterion,
    targets: Targets<'_>,
    factors: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let logits = draws(LABELS.len() * CLASSES);
    let mut gradient = vec![0.0; logits.len()];
    let outcome = criterion.forward_backward(&logits, targets, &mut gradient).unwrap();
    let gradient = gradient.iter().enumerate();
    let factor = |at: usize| factors[(at / CLASSES).min(factors.len() - 1)];
    let gradient = gradient.map(|(at, g)| factor(at) * f64::from(*g)).collect();
    (criterion.losses(&outcome), gradient)
}

#[test]
fn value_and_gradient_are_the_kernels() {
    // These are no functions of the label's log-odds, which is all that leaves another device.
    let of_rows = crate::FAMILIES.iter().filter(|family| family.card.squares);
    let of_rows = of_rows.flat_map(|family| family.card.examples).copied();
    let specs = [
        "ce",
        "el(le=1, clamp=0)",
        "el(le=0.75)",
        "el(le=0.5) + smooth(0.1)",
        "focal(gamma=2)",
        "el(le=1) + match",
        "el(le=auto)",
        "ce + temp(2)",
        "mse(sigmoid) + mirror",
        "ce + ldam(max=0.5, scale=30) + drw(beta=0.9999, from=0.9)",
    ];
    for spec in specs.into_iter().chain(of_rows) {
        for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
            for weighted in [false, true] {
                for way in WAYS {
                    let what = format!("{spec} {reduction:?} weighted {weighted} {way:?}");
                    let mut ours = criterion(spec).with_reduction(reduction);
                    if weighted
                        && let Ok(with) =
                            ours.clone().with_class_weights(&[1.0, 2.0, 0.5, 0.0, 3.0])
                    {
                        ours = with;
                    }
                    let mut theirs = ours.clone();
                    let factors: Vec<f64> = match reduction {
                        Reduction::None => (1..=LABELS.len()).map(|i| i as f64).collect(),
                        Reduction::Mean | Reduction::Sum => vec![1.0],
                    };
                    let (value, gradient) = kernel(&mut theirs, Targets::Hard(&LABELS), &factors);

                    let logits = logits([LABELS.len(), CLASSES]);
                    let found =
                        loss(way, &mut ours, logits.clone(), labels(&LABELS, [7]), None).unwrap();
                    let factors = TensorData::new(factors.clone(), [factors.len()]);
                    let total = (found.clone() * Tensor::from_data(factors, &device())).sum();
                    let found_gradient = logits.grad(&total.backward()).unwrap();
                    let tolerance = if way == Way::Flex { 2e-7 } else { 2e-6 };
                    assert_close(&numbers(found), &value, tolerance, &what);
                    assert_close(&numbers(found_gradient), &gradient, tolerance, &what);
                    let (ours, theirs) = (ours.state(), theirs.state());
                    let means = |s: crate::CriterionState| {
                        let (a, b) = s.norms.unwrap_or_default();
                        [s.mean_p.unwrap_or_default(), a, b]
                    };
                    assert_close(&means(ours), &means(theirs), 1e-6, &what);
                }
            }
        }
    }
}

#[test]
fn soft_targets_and_sample_weights() {
    let soft: Vec<f32> = (0..35).map(|i| ((i * 7) % 5) as f32 / 10.0).collect();
    let weights = [1.0, 2.0, 0.0, 0.5, 1.0, 3.0, 1.0];
    let plain = draws(35);
    for way in WAYS {
        let mut gradient = vec![0.0; 35];
        let batch = Batch::new(Targets::Soft(&soft)).with_sample_weights(&weights);
        let outcome =
            criterion("el(le=0.5)").forward_backward(&plain, batch, &mut gradient).unwrap();
        let logits = logits([7, 5]);
        let targets = Tensor::<2>::from_data(TensorData::new(soft.clone(), [7, 5]), &device());
        let weights = Tensor::from_data(TensorData::new(weights.to_vec(), [7]), &device());
        let mut ours = criterion("el(le=0.5)");
        let found = loss(way, &mut ours, logits.clone(), targets, Some(weights)).unwrap();
        let expected: Vec<f64> = gradient.iter().map(|g| f64::from(*g)).collect();
        let grads = found.backward();
        assert_close(&numbers(found), &[outcome.loss], 2e-7, "value");
        assert_close(&numbers(logits.grad(&grads).unwrap()), &expected, 2e-6, "gradient");
    }
}

#[test]
fn layouts() {
    let targets = [0, 1, 2, 3, 4, 0];
    let rows = logits([6, 5]);
    let factors = Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &device());
    let mut el = criterion("el(le=0.75)").with_reduction(Reduction::None);
    let plain = el.forward_burn(rows.clone(), labels(&targets, [6])).unwrap();
    let expected_gradient = rows.grad(&(plain.clone() * factors.clone()).sum().backward()).unwrap();
    let (expected, expected_gradient) = (numbers(plain), numbers(expected_gradient));
    for way in WAYS {
        // (B, T, C), and its memory permuted from (N, C, d)
        let by_class = rows.clone().inner().reshape([2, 3, 5]).swap_dims(1, 2).autodiff();
        let by_class = by_class.require_grad();
        let found = loss(way, &mut el, by_class.clone(), labels(&targets, [2, 3]), None).unwrap();
        let grads = (found.clone() * factors.clone()).sum().backward();
        let gradient = by_class.grad(&grads).unwrap().swap_dims(1, 2);
        assert_close(&numbers(found), &expected, 2e-6, "value");
        assert_close(&numbers(gradient), &expected_gradient, 2e-6, "gradient");
        let last = rows.clone().reshape([2, 3, 5]);
        let found = loss(way, &mut el, last, labels(&targets, [2, 3]), None).unwrap();
        let grads = (found.clone() * factors.clone()).sum().backward();
        assert_close(&numbers(found), &expected, 2e-6, "value");
        assert_close(&numbers(rows.grad(&grads).unwrap()), &expected_gradient, 2e-6, "gradient");
    }
}

#[test]
fn every_float_type() {
    for (dtype, tolerance) in
        [(FloatDType::F64, 1e-12), (FloatDType::BF16, 2e-2), (FloatDType::F16, 2e-3)]
    {
        for way in WAYS {
            let logits = logits([7, 5]).inner().cast(dtype).autodiff().require_grad();
            let wide: Vec<f64> = numbers(logits.clone().inner());
            let mut gradient = vec![0.0; 35];
            let mut el = criterion("el(le=0.75)");
            let outcome = el.forward_backward(&wide, &LABELS[..], &mut gradient).unwrap();
            let found = loss(way, &mut el, logits.clone(), labels(&LABELS, [7]), None).unwrap();
            assert_eq!(found.dtype(), logits.dtype());
            let grads = found.backward();
            let what = format!("{dtype:?} {way:?}");
            assert_close(&numbers(found), &[outcome.loss], tolerance, &what);
            assert_close(&numbers(logits.grad(&grads).unwrap()), &gradient, tolerance, &what);
        }
    }
}

#[test]
fn the_gradient_goes_through_a_network_and_other_terms() {
    let wide = |numbers: Vec<f64>, shape: [usize; 2], device: &Device| {
        Tensor::<2>::from_data(TensorData::new(numbers, shape), (device, DType::F64))
    };
    let inputs = wide(numbers(logits([7, 3])), [7, 3], &Device::flex());
    let start = numbers(logits([3, 5]));
    for way in WAYS {
        let total = |weight: Tensor<2>| {
            let logits = inputs.clone().matmul(weight.clone());
            let targets = labels(&[0, 1, 2, 3, 4, 1, 2], [7]);
            let mut el = criterion("el(le=0.5) + smooth(0.1)");
            let found = loss(way, &mut el, logits, targets, None).unwrap();
            found * 3.0 + weight.powi_scalar(2).sum()
        };
        for device in [device(), device().gradient_checkpointing()] {
            let weight = wide(start.clone(), [3, 5], &device).require_grad();
            let gradient = numbers(weight.grad(&total(weight.clone()).backward()).unwrap());
            for at in 0..15 {
                let moved = |eps: f64| {
                    let mut moved = start.clone();
                    moved[at] += eps;
                    numbers(total(wide(moved, [3, 5], &Device::flex())))[0]
                };
                let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!((slope - gradient[at]).abs() < 1e-7, "{at}: {slope} {}", gradient[at]);
            }
        }
    }
}

#[test]
fn logits_that_are_held_elsewhere_stay_as_they_are() {
    let (kept, moved) = (logits([7, 5]), logits([7, 5]));
    let mut el = criterion("el(le=0.75)");
    let held = kept.clone() * 1.0;
    let a = el.forward_burn(held.clone(), labels(&LABELS, [7])).unwrap();
    let b = el.forward_burn(moved.clone() * 1.0, labels(&LABELS, [7])).unwrap();
    assert_eq!(numbers(held), numbers(kept.clone()), "held logits stay as they are");
    assert_eq!(numbers(moved.clone()), numbers(kept.clone()));
    let of_held = numbers(kept.grad(&a.backward()).unwrap());
    assert_eq!(of_held, numbers(moved.grad(&b.backward()).unwrap()));
}

#[test]
fn classes_that_are_masked_out() {
    let masked = |device: &Device| {
        let mask = [[f32::NEG_INFINITY, 0.0, 1.0], [2.0, f32::NEG_INFINITY, f32::NEG_INFINITY]];
        Tensor::<2>::from_floats(mask, device).require_grad()
    };
    for spec in ["ce", "el(le=1, clamp=0)", "el(le=0.75)"] {
        let mut results = vec![];
        for way in WAYS {
            let logits = masked(&device());
            let targets = labels(&[2, 0], [2]);
            let mut criterion = spec.parse::<Loss>().unwrap().criterion(3).unwrap();
            let found = loss(way, &mut criterion, logits.clone(), targets, None).unwrap();
            let grads = found.backward();
            results.push((numbers(found), numbers(logits.grad(&grads).unwrap())));
        }
        for (value, gradient) in &results {
            assert_close(value, &results[0].0, 1e-6, spec);
            assert_close(gradient, &results[0].1, 1e-6, spec);
        }
    }
}

#[test]
fn evaluation_records_nothing() {
    for way in WAYS {
        let logits = logits([7, 5]);
        let mut matched = criterion("el(le=1) + match");
        let mut run = |logits| loss(way, &mut matched, logits, labels(&LABELS, [7]), None).unwrap();
        assert!(!run(logits.clone().inner()).is_tracked());
        assert!(!run((logits.clone() * 1.0).detach()).is_tracked());
        assert!(matched.state().norms.is_none());
        assert!(loss(way, &mut matched, logits, labels(&LABELS, [7]), None).unwrap().is_tracked());
        assert!(matched.state().norms.is_some());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for way in WAYS {
        let message = |spec: &str, logits: Tensor<2>, targets: Tensor<1, Int>| {
            let mut criterion = criterion(spec).with_reduction(Reduction::None);
            match loss(way, &mut criterion, logits, targets, None) {
                Ok(loss) => format!("{loss}, and no error"),
                Err(error) => error.to_string(),
            }
        };
        let two = || logits([2, 5]);
        let short = message("ce", two(), labels(&[0], [1]));
        assert!(short.contains("[2, 5]") && short.contains("[1]"), "{short}");
        let high = message("ce", two(), labels(&[0, 5], [2]));
        assert_eq!(high, "target 5 in row 1 is not below the 5 classes");
        let narrow = message("ce", logits([2, 4]), labels(&[0, 1], [2]));
        assert!(narrow.contains("8 logits"), "{narrow}");
        for (bad, says) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
            let hole = Tensor::<2>::from_floats([[0.0; 5], [0.0, 0.0, bad, 0.0, 0.0]], &device());
            let found = message("el", hole.require_grad(), labels(&[0, 1], [2]));
            assert_eq!(found, format!("the logit in row 1, column 2 is {says}"));
        }
        let jsd = message("ce + jsd(alpha=12)", logits([3, 5]), labels(&[0, 1, 2], [3]));
        assert!(jsd.contains("three rows"), "{jsd}");
        let square = logits([2, 5, 5]);
        let error = loss(way, &mut criterion("ce"), square, labels(&[0; 10], [2, 5]), None);
        assert!(error.unwrap_err().to_string().contains("flatten"));
        let weights = Tensor::<1>::ones([3], &device());
        let error = loss(way, &mut criterion("ce"), two(), labels(&[0, 1], [2]), Some(weights));
        assert!(error.unwrap_err().to_string().contains("3 sample weights for 2 rows"));
    }
}
