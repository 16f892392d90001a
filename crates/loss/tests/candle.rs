//! A short training with candle's own layers: `ce` must be candle's own cross entropy.

#[path = "../examples/digits/mod.rs"]
mod digits;

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Optimizer, SGD};
use steepness::{Criterion, Loss};

const STEPS: usize = 60;
const BATCH: usize = 64;

/// The losses of training softmax regression, one a step.
fn losses(mut loss: impl FnMut(&Tensor, &Tensor) -> Result<Tensor>) -> Result<Vec<f32>> {
    let (images, labels) = digits::load();
    let images = Tensor::from_vec(images, (labels.len(), digits::PIXELS), &Device::Cpu)?;
    let labels = Tensor::new(labels, &Device::Cpu)?.to_dtype(DType::U32)?;
    let start = (0..10 * digits::PIXELS).map(|i| 0.1 * (i as f32).sin()).collect::<Vec<_>>();
    let weight = Var::from_vec(start, (10, digits::PIXELS), &Device::Cpu)?;
    let mut optimizer = SGD::new(vec![weight.clone()], 0.5)?;
    let step = |at: usize| {
        let start = at % (1797 / BATCH) * BATCH;
        let logits = images.narrow(0, start, BATCH)?.matmul(&weight.t()?)?;
        let loss = loss(&logits, &labels.narrow(0, start, BATCH)?)?;
        optimizer.backward_step(&loss)?;
        loss.to_scalar::<f32>()
    };
    (0..STEPS).map(step).collect()
}

fn criterion(spec: &str) -> Criterion {
    spec.parse::<Loss>().unwrap().criterion(10).unwrap()
}

#[test]
fn training_with_ce_is_training_with_candles_own() {
    let own = losses(candle_nn::loss::cross_entropy).unwrap();
    let mut ce = criterion("ce");
    let ours = losses(|logits, labels| Ok(ce.forward_candle(logits, labels).unwrap())).unwrap();
    for (step, (own, ours)) in own.iter().zip(&ours).enumerate() {
        assert!((own - ours).abs() < 1e-5, "step {step}: {own} {ours}");
    }
    assert!(own[STEPS - 1] < 0.5 * own[0], "it learns nothing: {own:?}");
}

#[test]
fn the_encouraging_loss_learns() {
    let mut el = criterion("el(le=0.75)");
    let losses = losses(|logits, labels| Ok(el.forward_candle(logits, labels).unwrap())).unwrap();
    assert!(losses[STEPS - 1] < losses[0] - 2.0, "{losses:?}");
}
