//! Trains a small network of libtorch on handwritten digits with two losses.
//!
//! ```text
//! LIBTORCH=/path/to/libtorch cargo run --release -p steepness --features tch --example tch_digits
//! ```

mod digits;

use steepness::Loss;
use tch::nn::{self, Module, OptimizerConfig};
use tch::{Device, Kind, Tensor};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const TRAINED: i64 = 1437;
const BATCH: i64 = 64;
const EPOCHS: usize = 20;
const HIDDEN: i64 = 64;
const CLASSES: i64 = 10;

fn main() -> Result<()> {
    let (images, labels) = digits::load();
    let images = Tensor::from_slice(&images).view([-1, digits::PIXELS as i64]);
    let labels = Tensor::from_slice(&labels);
    for spec in ["ce", "el(le=0.75)"] {
        println!("{spec:12} test accuracy {:.4}", train(spec, &images, &labels)?);
    }
    Ok(())
}

/// Trains on the first images and gives the accuracy on the others.
fn train(spec: &str, images: &Tensor, labels: &Tensor) -> Result<f64> {
    tch::manual_seed(1);
    let variables = nn::VarStore::new(Device::Cpu);
    let root = variables.root();
    let network = nn::seq()
        .add(nn::linear(&root / "hidden", digits::PIXELS as i64, HIDDEN, Default::default()))
        .add_fn(Tensor::relu)
        .add(nn::linear(&root / "logits", HIDDEN, CLASSES, Default::default()));
    let mut optimizer = nn::AdamW::default().build(&variables, 3e-3)?;
    let mut criterion = spec.parse::<Loss>()?.criterion(CLASSES as usize)?;
    for epoch in 1..=EPOCHS {
        criterion.set_epoch(epoch, EPOCHS);
        for start in (0..TRAINED).step_by(BATCH as usize) {
            let size = BATCH.min(TRAINED - start);
            let logits = network.forward(&images.narrow(0, start, size));
            let loss = criterion.forward_tch(&logits, &labels.narrow(0, start, size))?;
            optimizer.backward_step(&loss);
        }
    }
    let rest = images.size()[0] - TRAINED;
    let logits = tch::no_grad(|| network.forward(&images.narrow(0, TRAINED, rest)));
    let correct = logits.argmax(-1, false).eq_tensor(&labels.narrow(0, TRAINED, rest));
    Ok(correct.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]))
}
