//! `golden.json`: losses and gradients of every curve in f64, written by the plain reference of
//! `reference.rs`. Whoever computes these losses is held against it: the kernels here, PyTorch's
//! operators and Triton in `bindings/python/tests`.
//!
//! `STEEPNESS_WRITE_GOLDEN=1 cargo test -p steepness golden` writes it anew.

use crate::curves::CURVES;
use crate::reference::{AS_THEY_ARE, Truth};
use serde_json::{Value, json};
use std::path::Path;
use steepness::{Loss, Targets};

/// Logits and what the row's targets are, the same each time and exact in f32.
fn rows() -> Vec<(Vec<f32>, Vec<f32>)> {
    let mut rows = vec![];
    for (at, (classes, spread)) in
        [(1, 1.0), (2, 3.0), (3, 1.0), (3, 1e4), (4, 10.0), (10, 2.0), (10, 100.0), (33, 5.0)]
            .into_iter()
            .enumerate()
    {
        let wave = |k: usize| (spread * ((k * 37 + at * 11) as f64 * 0.61 + 0.3).sin()) as f32;
        let logits: Vec<f32> = (0..classes).map(wave).collect();
        let largest = (0..classes).fold(0, |a, b| if logits[b] > logits[a] { b } else { a });
        // The label is the likeliest class, and one that is not.
        for label in [largest, (largest + 1) % classes] {
            let mut targets = vec![0.0; classes];
            targets[label] = 1.0;
            rows.push((logits.clone(), targets));
        }
        let powers: Vec<f32> = (0..classes).map(|k| ((k + at) % 4) as f32 + 1.0).collect();
        let sum: f32 = powers.iter().sum();
        rows.push((logits, powers.into_iter().map(|power| power / sum).collect()));
    }
    rows
}

/// One entry: what a loss says of a row.
fn entry(spec: &str, logits: &[f32], targets: &[f32]) -> Value {
    let loss: Loss = spec.parse().unwrap();
    let truth = Truth::new(logits, targets, loss.smoothing != 0.0, AS_THEY_ARE);
    let ((value, _), (gradient, _)) = truth.of(&loss);
    json!({ "spec": spec, "logits": logits, "targets": targets, "loss": value, "gradient": gradient })
}

fn written() -> Value {
    let rows = rows();
    let smoothed = CURVES.iter().map(|spec| format!("{spec} + smooth(0.1)"));
    let specs: Vec<String> = CURVES.iter().map(|spec| (*spec).to_owned()).chain(smoothed).collect();
    let of = |spec: &String| {
        let hard = |targets: &[f32]| targets.contains(&1.0);
        let rows = rows.iter().filter(|row| hard(&row.1) || !spec.contains("smooth"));
        rows.map(|(logits, targets)| entry(spec, logits, targets)).collect::<Vec<_>>()
    };
    // A file of JSON has no infinity, which one class alone is worth to some.
    Value::from(
        specs.iter().flat_map(of).filter(|entry| entry["loss"].is_f64()).collect::<Vec<_>>(),
    )
}

fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * expected.abs().max(1.0)
}

#[test]
fn the_golden_file_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden.json");
    if std::env::var_os("STEEPNESS_WRITE_GOLDEN").is_some() {
        let entries = written();
        let lines: Vec<String> = entries.as_array().unwrap().iter().map(Value::to_string).collect();
        std::fs::write(&path, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let (golden, written) = (golden.as_array().unwrap().clone(), written());
    let written = written.as_array().unwrap();
    assert_eq!(golden.len(), written.len(), "STEEPNESS_WRITE_GOLDEN=1 writes it anew");
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    for (golden, written) in golden.iter().zip(written) {
        let spec = golden["spec"].as_str().unwrap();
        assert_eq!(spec, written["spec"]);
        let (logits, targets) = (numbers(&golden["logits"]), numbers(&golden["targets"]));
        let (loss, gradient) = (golden["loss"].as_f64().unwrap(), numbers(&golden["gradient"]));
        // The exponential is the system's.
        assert!(close(written["loss"].as_f64().unwrap(), loss, 1e-13), "{written}");
        let mut criterion = spec.parse::<Loss>().unwrap().criterion(logits.len()).unwrap();
        let mut found = vec![0.0; logits.len()];
        let label = targets.iter().position(|target| *target == 1.0);
        let labels = [label.unwrap_or(0) as i64];
        let targets =
            if label.is_some() { Targets::Hard(&labels) } else { Targets::Soft(&targets[..]) };
        let outcome = criterion.forward_backward(&logits, targets, &mut found).unwrap();
        assert!(close(outcome.loss, loss, 1e-11), "{golden}: {}", outcome.loss);
        for (found, expected) in found.iter().zip(gradient) {
            assert!(close(*found, expected, 1e-11), "{golden}: {found}");
        }
    }
}
