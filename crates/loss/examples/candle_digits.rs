//! Trains a small network of candle on handwritten digits with two losses.
//!
//! ```text
//! cargo run --release -p steepness --features candle-nn --example candle_digits
//! ```

mod digits;

use candle_core::{D, DType, Device, Tensor};
use candle_nn::{AdamW, Linear, Module, Optimizer, VarBuilder, VarMap, linear};
use steepness::Loss;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const TRAINED: usize = 1437;
const BATCH: usize = 64;
const EPOCHS: usize = 20;
const HIDDEN: usize = 64;
const CLASSES: usize = 10;

struct Network(Linear, Linear);

impl Network {
    fn logits(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        self.1.forward(&self.0.forward(images)?.relu()?)
    }
}

fn main() -> Result<()> {
    let (images, labels) = digits::load();
    let images = Tensor::from_vec(images, (labels.len(), digits::PIXELS), &Device::Cpu)?;
    let labels = Tensor::new(labels, &Device::Cpu)?.to_dtype(DType::U32)?;
    for spec in ["ce", "el(le=0.75)"] {
        println!("{spec:12} test accuracy {:.4}", train(spec, &images, &labels)?);
    }
    Ok(())
}

/// Trains on the first images and gives the accuracy on the others.
fn train(spec: &str, images: &Tensor, labels: &Tensor) -> Result<f64> {
    let variables = VarMap::new();
    let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let network = Network(
        linear(digits::PIXELS, HIDDEN, builder.pp("hidden"))?,
        linear(HIDDEN, CLASSES, builder.pp("logits"))?,
    );
    let mut optimizer = AdamW::new_lr(variables.all_vars(), 3e-3)?;
    let mut criterion = spec.parse::<Loss>()?.criterion(CLASSES)?;
    for epoch in 1..=EPOCHS {
        criterion.set_epoch(epoch, EPOCHS);
        for start in (0..TRAINED).step_by(BATCH) {
            let size = BATCH.min(TRAINED - start);
            let logits = network.logits(&images.narrow(0, start, size)?)?;
            let loss = criterion.forward_candle(&logits, &labels.narrow(0, start, size)?)?;
            optimizer.backward_step(&loss)?;
        }
    }
    let rest = images.dim(0)? - TRAINED;
    let predicted = network.logits(&images.narrow(0, TRAINED, rest)?)?.argmax(D::Minus1)?;
    let correct = predicted.eq(&labels.narrow(0, TRAINED, rest)?)?;
    Ok(f64::from(correct.to_dtype(DType::F32)?.mean_all()?.to_scalar::<f32>()?))
}
