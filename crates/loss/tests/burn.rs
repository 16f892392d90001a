//! A training run with the adapter for Burn follows one with Burn's own cross entropy.

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use steepness::Loss;

#[path = "../examples/digits/mod.rs"]
mod digits;

const BATCH: usize = 64;
const RATE: f64 = 0.2;

/// The losses of the first hundred steps of a network with one hidden layer.
fn trajectory(
    mut weights: [Tensor<2>; 2],
    mut loss: impl FnMut(Tensor<2>, Tensor<1, Int>) -> Tensor<1>,
) -> Vec<f64> {
    let device = weights[0].device();
    let (images, labels) = digits::load();
    let batches = images.chunks_exact(BATCH * digits::PIXELS).zip(labels.chunks_exact(BATCH));
    let steps = batches.cycle().take(100).map(|(images, labels)| {
        let images = TensorData::new(images.to_vec(), [BATCH, digits::PIXELS]);
        let labels = TensorData::new(labels.to_vec(), [BATCH]);
        weights = weights.clone().map(Tensor::require_grad);
        let [hidden, output] = weights.clone();
        let logits = relu(Tensor::from_data(images, &device).matmul(hidden)).matmul(output);
        let loss = loss(logits, Tensor::from_data(labels, &device));
        let gradients = loss.backward();
        weights = weights.clone().map(|weight| {
            let gradient = weight.grad(&gradients).expect("it took part");
            (weight.inner() - gradient * RATE).autodiff()
        });
        loss.into_data().iter().next().unwrap()
    });
    steps.collect()
}

#[test]
fn ce_trains_as_burns_own_cross_entropy() {
    let device = Device::flex().autodiff();
    device.seed(7);
    let draw = |shape: [usize; 2]| {
        let spread = 1.0 / (shape[0] as f64).sqrt();
        Tensor::random(shape, Distribution::Normal(0.0, spread), &device)
    };
    let weights = [draw([digits::PIXELS, 32]), draw([32, 10])];
    let own = CrossEntropyLossConfig::new().init(&device);
    let theirs = trajectory(weights.clone(), |logits, labels| own.forward(logits, labels));
    let mut ce = "ce".parse::<Loss>().unwrap().criterion(10).unwrap();
    let ours = trajectory(weights, |logits, labels| ce.forward_burn(logits, labels).unwrap());
    assert!(theirs[99] < 0.5 * theirs[0], "it learns: {} to {}", theirs[0], theirs[99]);
    for (step, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert!((a - b).abs() < 1e-5, "step {step}: {a} instead of {b}");
    }
}
