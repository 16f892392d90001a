//! Trains softmax regression on handwritten digits without any framework: the loss and its gradient
//! come from slices and go to slices, and the rest is two products written out.
//!
//! ```text
//! cargo run --release -p steepness --example slices_digits
//! ```

mod digits;

use digits::PIXELS;
use steepness::{Criterion, Loss, Result};

const TRAINED: usize = 1437;
const BATCH: usize = 64;
const EPOCHS: usize = 40;
const CLASSES: usize = 10;
const LEARNING_RATE: f32 = 0.5;

/// Logits = weight·image + bias.
struct Regression {
    /// (C, PIXELS)
    weight: Vec<f32>,
    /// (C)
    bias: Vec<f32>,
}

impl Regression {
    /// (N, C) from (N, PIXELS).
    fn logits(&self, images: &[f32]) -> Vec<f32> {
        let mut logits = Vec::with_capacity(images.len() / PIXELS * CLASSES);
        for image in images.chunks_exact(PIXELS) {
            let of_class = self.weight.chunks_exact(PIXELS).zip(&self.bias);
            logits.extend(of_class.map(|(weight, bias)| bias + dot(weight, image)));
        }
        logits
    }

    /// One step down the gradient; `gradient` is that of the logits, (N, C).
    fn descend(&mut self, images: &[f32], gradient: &[f32]) {
        for (image, of_logits) in images.chunks_exact(PIXELS).zip(gradient.chunks_exact(CLASSES)) {
            for (class, g) in of_logits.iter().enumerate() {
                let step = LEARNING_RATE * g;
                let weight = &mut self.weight[class * PIXELS..(class + 1) * PIXELS];
                weight.iter_mut().zip(image).for_each(|(w, x)| *w -= step * x);
                self.bias[class] -= step;
            }
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn main() -> Result<()> {
    let (images, labels) = digits::load();
    for spec in ["ce", "el(le=0.75)"] {
        let criterion = spec.parse::<Loss>()?.criterion(CLASSES)?;
        println!("{spec:12} test accuracy {:.4}", train(criterion, &images, &labels)?);
    }
    Ok(())
}

/// Trains on the first images and gives the accuracy on the others.
fn train(mut criterion: Criterion, images: &[f32], labels: &[i64]) -> Result<f64> {
    let (training, testing) = images.split_at(TRAINED * PIXELS);
    let (training_labels, testing_labels) = labels.split_at(TRAINED);
    let mut model = Regression { weight: vec![0.0; CLASSES * PIXELS], bias: vec![0.0; CLASSES] };
    let mut gradient = vec![0.0; BATCH * CLASSES];
    for epoch in 1..=EPOCHS {
        criterion.set_epoch(epoch, EPOCHS);
        let batches = training.chunks(BATCH * PIXELS).zip(training_labels.chunks(BATCH));
        for (images, labels) in batches {
            let logits = model.logits(images);
            let gradient = &mut gradient[..logits.len()];
            criterion.forward_backward(&logits, labels, gradient)?;
            model.descend(images, gradient);
        }
    }
    let outcome = criterion.forward(&model.logits(testing), testing_labels)?;
    let correct = outcome.rows.iter().filter(|row| row.correct).count();
    Ok(correct as f64 / testing_labels.len() as f64)
}
