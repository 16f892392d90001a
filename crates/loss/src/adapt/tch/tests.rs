//! Against PyTorch's own cross entropy, and the composed form against the kernel.

use super::*;
use crate::{Loss, Reduction};

fn criterion(spec: &str, classes: usize) -> Criterion {
    spec.parse::<Loss>().unwrap().criterion(classes).unwrap()
}

fn logits(shape: &[i64], kind: Kind) -> Tensor {
    let count: i64 = shape.iter().product();
    let draws: Vec<f64> = (0..count).map(|i| 3.0 * (i as f64 * 1.7).sin()).collect();
    Tensor::from_slice(&draws).view(shape).to_kind(kind).set_requires_grad(true)
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
}

#[test]
fn ce_is_the_frameworks_own() {
    let targets = Tensor::from_slice(&[2i64, 0, -100, 4, 1]);
    for (kind, tolerance) in [(Kind::Double, 1e-14), (Kind::Float, 4e-7), (Kind::BFloat16, 2e-3)] {
        let (ours, theirs) = (logits(&[5, 6], kind), logits(&[5, 6], kind));
        let loss = criterion("ce", 6).forward_tch(&ours, &targets).unwrap();
        loss.backward();
        let reference = theirs.to_kind(Kind::Double).cross_entropy_loss::<Tensor>(
            &targets,
            None,
            tch::Reduction::Mean,
            -100,
            0.0,
        );
        reference.backward();
        let gap = (loss.double_value(&[]) - reference.double_value(&[])).abs();
        assert!(gap < tolerance, "{kind:?} {gap}");
        assert!(largest_difference(&ours.grad(), &theirs.grad()) < tolerance, "{kind:?}");
    }
}

#[test]
fn the_gradient_goes_through_a_network_and_other_terms() {
    let weight = logits(&[4, 3], Kind::Double);
    let inputs = logits(&[7, 3], Kind::Double).detach();
    let targets = Tensor::from_slice(&[0i64, 1, 2, 3, 0, 1, 2]);
    let total = |eps: f64, at: i64| {
        let moved = weight.detach().copy();
        let _ = moved.view(-1).get(at).f_add_scalar_(eps).unwrap();
        let mut criterion = criterion("el(le=0.5) + smooth(0.1)", 4);
        let loss = criterion.forward_tch(&inputs.matmul(&moved.tr()), &targets).unwrap();
        (loss * 3.0 + moved.square().sum(Kind::Double)).double_value(&[])
    };
    let mut criterion = criterion("el(le=0.5) + smooth(0.1)", 4);
    let loss = criterion.forward_tch(&inputs.matmul(&weight.tr()), &targets).unwrap();
    (loss * 3.0 + weight.square().sum(Kind::Double)).backward();
    for at in 0..12 {
        let slope = (total(1e-6, at) - total(-1e-6, at)) / 2e-6;
        let gradient = weight.grad().view(-1).double_value(&[at]);
        assert!((slope - gradient).abs() < 1e-7, "{at}: {slope} {gradient}");
    }
}

#[test]
fn layouts_and_rows() {
    let by_class = logits(&[2, 5, 3], Kind::Double);
    let targets = Tensor::from_slice(&[0i64, 1, 2, 3, 4, 0]).view([2, 3]);
    let mut per_row = criterion("el(le=0.75)", 5).with_reduction(Reduction::None);
    let losses = per_row.forward_tch(&by_class, &targets).unwrap();
    assert_eq!(losses.size(), [2, 3]);
    let weights = Tensor::from_slice(&[1f64, 2.0, 3.0, 4.0, 5.0, 6.0]).view([2, 3]);
    (&losses * &weights).sum(Kind::Double).backward();

    let rows = by_class.detach().permute([0, 2, 1]).reshape([6, 5]).set_requires_grad(true);
    let mut sum = criterion("el(le=0.75)", 5).with_reduction(Reduction::Sum);
    let (loss, outcome) =
        sum.forward_tch_rows(&rows, &targets.view(-1), Some(&weights.view(-1))).unwrap();
    loss.backward();
    let expected = rows.grad().view([2, 3, 5]).permute([0, 2, 1]);
    assert!(largest_difference(&by_class.grad(), &expected) < 1e-14);
    assert_eq!(outcome.rows.len(), 6);
    // (B, T, V) and its soft form
    let mut last = criterion("el(le=0.75)", 5).with_reduction(Reduction::None);
    let same = last.forward_tch(&rows.view([2, 3, 5]), &targets).unwrap();
    assert!(largest_difference(&same, &losses) < 1e-14);
    let one_hot = targets.view(-1).one_hot(5).to_kind(Kind::Double);
    let soft = last.forward_tch(&rows, &one_hot).unwrap();
    assert!(largest_difference(&soft.view([2, 3]), &losses) < 1e-14);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut ce = criterion("ce", 3);
    let logits = logits(&[2, 3], Kind::Float);
    let message = |found: Result<Tensor>| found.unwrap_err().to_string();
    let short = message(ce.forward_tch(&logits, &Tensor::from_slice(&[0i64])));
    assert!(short.contains("[2, 3]") && short.contains("[1]"), "{short}");
    let high = message(ce.forward_tch(&logits, &Tensor::from_slice(&[0i64, 3])));
    assert!(high.contains("target 3 in row 1"), "{high}");
    let whole = Tensor::zeros([2, 3], (Kind::Int, Device::Cpu));
    assert!(ce.forward_tch(&whole, &Tensor::from_slice(&[0i64, 1])).is_err());
    let square = Tensor::zeros([2, 3, 3], (Kind::Float, Device::Cpu));
    let targets = Tensor::zeros([2, 3], (Kind::Int64, Device::Cpu));
    assert!(message(ce.forward_tch(&square, &targets)).contains("flatten"));
}

#[test]
fn a_loss_of_three_rows_is_no_loss_a_row() {
    let logits = logits(&[6, 3], Kind::Float);
    let targets = Tensor::from_slice(&[0i64, 1, 2, 0, 1, 2]);
    let mut jsd = criterion("ce + jsd(alpha=12)", 3);
    assert!(jsd.forward_tch(&logits, &targets).is_ok());
    let message = jsd.with_reduction(Reduction::None).forward_tch(&logits, &targets);
    assert!(message.unwrap_err().to_string().contains("three rows"));
}

/// The composed path, run on the CPU, against the kernel: it needs no GPU to be right.
#[test]
fn composed_is_the_kernel() {
    let hard = Tensor::from_slice(&[2i64, 0, -100, 4, 1]);
    let soft = logits(&[5, 6], Kind::Double).detach().softmax(-1, Kind::Double);
    let weights = Tensor::from_slice(&[1.0, 0.5, 2.0, 0.0, 3.0]);
    let any: Vec<&str> =
        crate::FAMILIES.iter().flat_map(|family| family.card.examples).copied().collect();
    let options = [
        "ce + smooth(0.1)",
        "el(le=0.25) + smooth(0.1) + zloss(0.01)",
        "el(le=0.75) + softcap(3) + temp(2)",
        "el(le=0.5) + margin(m=0.3, scale=2)",
        "el(le=0.25, rho=0.5, abrupt=0.4, start=0.1) + smooth(0.2)",
        "el(le=0.5) + smooth(0.1, bonus=0.3)",
        "el(le=1) + match",
    ];
    let mut cases: Vec<(&str, &Tensor)> = vec![];
    cases.extend(any.iter().chain(&options).map(|spec| (*spec, &hard)));
    cases.extend(["ce", "el(le=1)", "el(le=0.25)"].map(|spec| (spec, &soft)));
    for (spec, targets) in cases {
        for reduction in [Reduction::Mean, Reduction::Sum] {
            let both = [false, true].map(|composed| {
                let logits = logits(&[5, 6], Kind::Double);
                let mut criterion = criterion(spec, 6)
                    .with_class_weights(&[1.0, 2.0, 0.5, 1.0, 3.0, 1.0])
                    .unwrap()
                    .with_reduction(reduction);
                let done = match composed {
                    true => criterion.on_device::<f64>(&logits, targets, Some(&weights)),
                    false => criterion.forward_tch_rows(&logits, targets, Some(&weights)),
                };
                let (loss, outcome) = done.unwrap_or_else(|error| panic!("{spec}: {error}"));
                loss.backward();
                (loss.double_value(&[]), logits.grad(), outcome)
            });
            let [(value, gradient, outcome), (again, composed, rows)] = both;
            assert!((value - again).abs() < 1e-12, "{spec}: {value} {again}");
            let gap = largest_difference(&gradient, &composed);
            assert!(gap < 1e-12, "{spec}: {gap}\n{gradient}\n{composed}");
            for (a, b) in outcome.rows.iter().zip(&rows.rows) {
                assert!((a.loss - b.loss).abs() < 1e-12 && (a.p - b.p).abs() < 1e-12, "{spec}");
                assert!((a.margin - b.margin).abs() < 1e-12 && a.correct == b.correct, "{spec}");
            }
        }
    }
}

/// Needs a GPU; elsewhere it says so and proves nothing.
#[test]
fn a_gpu_gives_what_the_cpu_gives() {
    if !tch::Cuda::is_available() {
        eprintln!("skipped: a_gpu_gives_what_the_cpu_gives: there is no GPU");
        return;
    }
    for (kind, tolerance) in [(Kind::Float, 2e-6), (Kind::BFloat16, 2e-2)] {
        for spec in ["ce", "el(le=1)", "el(le=0.75) + smooth(0.1)", "focal(gamma=2)"] {
            let [cpu, gpu] = [Device::Cpu, Device::Cuda(0)].map(|device| {
                let logits = logits(&[64, 1000], kind).detach().to(device);
                let logits = logits.set_requires_grad(true);
                let targets = Tensor::arange(64, (Kind::Int64, device));
                let loss = criterion(spec, 1000).forward_tch(&logits, &targets).unwrap();
                assert_eq!(loss.device(), device);
                loss.backward();
                assert_eq!(logits.grad().device(), device);
                (loss.double_value(&[]), logits.grad().to(Device::Cpu))
            });
            assert!((cpu.0 - gpu.0).abs() < 1e-5, "{spec} {kind:?}: {} {}", cpu.0, gpu.0);
            let gap = largest_difference(&cpu.1, &gpu.1) * 64.0;
            assert!(gap < tolerance, "{spec} {kind:?}: {gap}");
        }
    }
}

#[test]
fn composed_leaves_the_logits_alone_and_says_what_it_cannot() {
    let logits = logits(&[2, 3, 4], Kind::Float);
    let before = logits.detach().copy();
    let targets = Tensor::from_slice(&[0i64, 1, 2, 0, 1, 2, 0, 1]).view([2, 4]);
    let (loss, _) = criterion("el(le=1)", 3).on_device::<f32>(&logits, &targets, None).unwrap();
    loss.backward();
    assert_eq!(largest_difference(&before, &logits), 0.0);
    let found = logits.grad();
    let _ = logits.grad().zero_();
    criterion("el(le=1)", 3).forward_tch(&logits, &targets).unwrap().backward();
    assert!(largest_difference(&found, &logits.grad()) < 1e-6);

    for spec in [
        "focal(gamma=2) + smooth(0.1)",
        "bce",
        "el(le=1) + smooth(0.1) + match",
        "el(le=1) + smooth(0, bonus=0.1) + match",
    ] {
        let mut criterion = criterion(spec, 3);
        let error = criterion.on_device::<f32>(&logits, &targets, None).unwrap_err().to_string();
        assert!(error.contains("on the CPU only"), "{spec}: {error}");
    }
    let mut predicting = criterion("ce", 3).with_predictions(true);
    assert!(predicting.on_device::<f32>(&logits, &targets, None).is_err());
    let soft = logits.detach().softmax(1, Kind::Float);
    let mut margin = criterion("ce + margin(m=0.3)", 3);
    let error = margin.on_device::<f32>(&logits, &soft, None).unwrap_err().to_string();
    assert!(error.contains("needs hard targets"), "{error}");
    let bad = Tensor::from_slice(&[0f32, f32::NAN, 1.0]).view([1, 3]).set_requires_grad(true);
    let error = criterion("ce", 3).on_device::<f32>(&bad, &Tensor::from_slice(&[0i64]), None);
    assert!(error.unwrap_err().to_string().contains("row 0, column 1 is NaN"));
    let masked = Tensor::from_slice(&[0f32, f32::NEG_INFINITY, f32::NEG_INFINITY]).view([1, 3]);
    let masked = masked.set_requires_grad(true);
    let (loss, _) =
        criterion("ce", 3).on_device::<f32>(&masked, &Tensor::from_slice(&[0i64]), None).unwrap();
    loss.backward();
    assert_eq!(
        (loss.double_value(&[]), masked.grad().abs().sum(Kind::Float).double_value(&[])),
        (0.0, 0.0)
    );
}

#[test]
fn evaluation_records_nothing() {
    let logits = logits(&[2, 3], Kind::Float);
    let targets = Tensor::from_slice(&[0i64, 1]);
    let mut matched = criterion("el(le=1) + match", 3);
    let loss = tch::no_grad(|| matched.forward_tch(&logits, &targets)).unwrap();
    assert!(!loss.requires_grad() && matched.state().norms.is_none());
    assert!(matched.forward_tch(&logits, &targets).unwrap().requires_grad());
    assert!(matched.state().norms.is_some());
}

#[test]
fn backward_twice_and_second_derivatives_are_refused() {
    let logits = logits(&[2, 3], Kind::Float);
    let loss = criterion("ce", 3).forward_tch(&logits, &Tensor::from_slice(&[0i64, 1])).unwrap();
    loss.backward();
    assert!(loss.f_backward().is_err());
    let loss = criterion("ce", 3).forward_tch(&logits, &Tensor::from_slice(&[0i64, 1])).unwrap();
    assert!(Tensor::f_run_backward(&[&loss], &[&logits], true, true).is_err());
}
