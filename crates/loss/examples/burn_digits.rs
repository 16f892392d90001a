//! Trains a small network on handwritten digits with Burn, once for each loss on the command line:
//!
//! ```text
//! cargo run --release --features burn --example burn_digits -- ce "el(le=0.75)" "el(le=1)"
//! ```

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use steepness::Loss;

mod digits;

const EPOCHS: usize = 60;
const BATCH: usize = 64;
const LEARNING_RATE: f64 = 0.1;
/// The images after these are for testing, as scikit-learn's example splits them in half.
const TRAINING: usize = 898;

#[derive(Module, Debug)]
struct Mlp {
    hidden: Linear,
    output: Linear,
}

impl Mlp {
    fn new(device: &Device) -> Self {
        Self {
            hidden: LinearConfig::new(digits::PIXELS, 64).init(device),
            output: LinearConfig::new(64, 10).init(device),
        }
    }

    fn logits(&self, images: Tensor<2>) -> Tensor<2> {
        self.output.forward(relu(self.hidden.forward(images)))
    }
}

/// A step of stochastic gradient descent. (Burn's own optimizers need its features `std` and
/// `optim`, which this crate leaves to you.)
struct Step(Gradients);

impl ModuleMapper for Step {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        parameter.map(|value| match value.grad(&self.0) {
            Some(gradient) => (value.inner() - gradient * LEARNING_RATE).autodiff().require_grad(),
            None => value,
        })
    }
}

fn main() -> Result<(), steepness::Error> {
    let mut specs: Vec<String> = std::env::args().skip(1).collect();
    if specs.is_empty() {
        specs = ["ce", "el(le=0.75)", "el(le=1)"].map(String::from).to_vec();
    }
    for spec in specs {
        train(&spec.parse()?)?;
    }
    Ok(())
}

fn train(loss: &Loss) -> Result<(), steepness::Error> {
    let device = Device::flex().autodiff();
    device.seed(1);
    let (images, labels) = digits::load();
    let images: Tensor<2> =
        Tensor::from_data(TensorData::new(images, [labels.len(), digits::PIXELS]), &device);
    let labels: Tensor<1, Int> =
        Tensor::from_data(TensorData::new(labels.clone(), [labels.len()]), &device);

    let mut criterion = loss.criterion(10)?;
    let mut model = Mlp::new(&device);
    for epoch in 1..=EPOCHS {
        criterion.set_epoch(epoch, EPOCHS);
        for start in (0..TRAINING).step_by(BATCH) {
            let batch = start..TRAINING.min(start + BATCH);
            let logits = model.logits(images.clone().slice([batch.clone()]));
            let loss = criterion.forward_burn(logits, labels.clone().slice([batch]))?;
            model = model.map(&mut Step(loss.backward()));
        }
    }

    // Without autodiff only the value is computed; the rows know what was predicted.
    let logits = model.valid().logits(images.inner().slice([TRAINING..]));
    let (value, outcome) =
        criterion.forward_burn_rows(logits, labels.inner().slice([TRAINING..]), None)?;
    let right = outcome.rows.iter().filter(|row| row.correct).count();
    let value: f32 = value.into_scalar();
    let accuracy = 100.0 * right as f64 / outcome.rows.len() as f64;
    println!("{loss}: test loss {value:.4}, accuracy {accuracy:.1} %");
    Ok(())
}
