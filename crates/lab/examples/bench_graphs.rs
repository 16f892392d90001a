//! What benches/graphs.py asks: an epoch of the paper's network on graphs.
//!
//! ```text
//! FOLDER THREADS EPOCHS   ->  seconds of each epoch
//! ```
//!
//! An epoch takes all graphs in batches of 128, from memory to the optimizer's step. Batch and order are
//! those of benches/peer_graphs.py.

use std::error::Error;
use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

use steepness_lab::data::tu::Tu;
use steepness_lab::data::{BatchSource, Examples, Order};
use steepness_lab::models::{self, Mode, Model, ModelRecipe, Precision};
use steepness_lab::train::{Optimizer, OptimizerRecipe};

const BATCH: usize = 128;
const LOSS: &str = "el(le=0.5)";
const OPTIMIZER: &str = "adam = { lr = 0.0005, weight_decay = 0.0001 }";

/// A prime that divides no number of graphs here: an order that both sides can make.
const STRIDE: usize = 7919;

fn main() -> Result<(), Box<dyn Error>> {
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let [folder, threads, epochs] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("expected FOLDER THREADS EPOCHS, not {line:?}").into());
        };
        tch::set_num_threads(threads.parse()?);
        let seconds = epochs_on(Path::new(folder), epochs.parse()?)?;
        println!("{}", seconds.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
    }
    Ok(())
}

fn epochs_on(folder: &Path, epochs: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let examples = Tu::load(folder, false)?.examples;
    let recipe: ModelRecipe = toml::from_str("[graph-net]")?;
    let model = models::build(&recipe, &examples.spec(), 0)?;
    let optimizer: OptimizerRecipe = toml::from_str(OPTIMIZER)?;
    let mut optimizer = Optimizer::new(&optimizer, model.weights().parameters())?;
    let source = examples.source()?;
    let mut steps = 0;
    (0..epochs)
        .map(|at| {
            let start = Instant::now();
            epoch(at, &examples, &*source, &*model, &mut optimizer, &mut steps)?;
            Ok(start.elapsed().as_secs_f64())
        })
        .collect()
}

fn epoch(
    at: usize,
    examples: &Examples,
    source: &dyn BatchSource,
    model: &dyn Model,
    optimizer: &mut Optimizer,
    steps: &mut u64,
) -> Result<(), Box<dyn Error>> {
    let graphs = examples.len();
    let rows = (0..graphs).map(|row| (row * STRIDE + at) % graphs).collect();
    let mut criterion = LOSS.parse::<steepness::Loss>()?.criterion(examples.classes.len())?;
    for batch in source.batches(&Order::new(at, rows), BATCH)? {
        let batch = batch?;
        let mode = Mode::Train { seed: 0, pass: *steps, precision: Precision::F32 };
        let logits = model.forward(&batch.inputs, mode)?;
        let loss = criterion.forward_tch(&logits, &batch.targets)?;
        if !loss.double_value(&[]).is_finite() {
            return Err("the loss is not finite".into());
        }
        loss.f_backward()?;
        *steps += 1;
        optimizer.step(model.weights().parameters(), 0.0005, *steps)?;
    }
    Ok(())
}
