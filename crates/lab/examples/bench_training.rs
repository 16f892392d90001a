//! Our side of `benches/training.py`: steps and epochs of a recipe, timed on request.
//!
//! Reads requests from standard input, each a line of JSON with a recipe, and answers each with one
//! line:
//!
//! ```text
//! {"recipe": "…TOML…", "shape": [3, 32, 32], "examples": 512, "steps": 3}
//! ```
//!
//! With `steps`, it answers the seconds of so many training steps on one batch that is there already;
//! with `steps = 0`, those of one epoch, loading and augmentation included. The images are random bytes
//! of the `shape`, or a table's `examples` random numbers where the recipe has no images. A second
//! number is the largest amount of memory that the process has had, in bytes.

use std::io::{BufRead, Write};
use std::time::Instant;

use serde::Deserialize;
use steepness_lab::data::{Batch, DataSet, Examples, HeldOut, Inputs, Shape, order};
use steepness_lab::experiment::Recipe;
use steepness_lab::models::{self, Mode, Model};
use steepness_lab::random::Stream;
use steepness_lab::train::Optimizer;
use tch::Device;

const CLASSES: usize = 10;

type Answer<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Deserialize)]
struct Request {
    recipe: String,
    shape: [usize; 3],
    examples: usize,
    steps: usize,
}

fn main() -> Answer<()> {
    // As the program does.
    steepness_lab::keep_freed_memory();
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let times = answer(&request)?;
        let times: Vec<String> = times.iter().map(f64::to_string).collect();
        println!("{} {}", peak()?, times.join(" "));
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// Seconds of each step, or of one epoch.
fn answer(request: &Request) -> Answer<Vec<f64>> {
    let recipe = Recipe::parse("request".as_ref(), &request.recipe, None)?;
    tch::set_num_threads(recipe.threads.get() as i32);
    let data = images(request);
    let train = recipe.augment.parts(data.parts(0)?, 0)?.train;
    let mut training = Training::new(&recipe, &train)?;
    let source = train.source()?;
    let batches = |epoch| source.batches(&order(train.len(), 0, epoch), recipe.batch.get());
    // What is allocated and compiled at the first step is not what a training consists of.
    let first = batches(1)?.next().ok_or("no examples")??;
    training.step(&first)?;
    if request.steps > 0 {
        return (0..request.steps).map(|_| timed(|| training.step(&first))).collect();
    }
    let epoch = timed(|| batches(2)?.try_for_each(|batch| training.step(&batch?)))?;
    Ok(vec![epoch])
}

fn timed(call: impl FnOnce() -> Answer<()>) -> Answer<f64> {
    let start = Instant::now();
    call()?;
    Ok(start.elapsed().as_secs_f64())
}

/// Random bytes with random labels, and a test part that nobody looks at.
fn images(request: &Request) -> DataSet {
    let part = |count: usize, name| {
        let random = Stream::new(0, name);
        let bytes = count * request.shape.iter().product::<usize>();
        Examples {
            inputs: Inputs::bytes(
                (0..bytes as u64).map(|at| (256.0 * random.uniform(at)) as u8).collect(),
            ),
            shape: Shape::Image(request.shape),
            labels: (0..count).map(|row| (row % CLASSES) as i64).collect(),
            classes: (0..CLASSES).map(|class| class.to_string()).collect(),
        }
    };
    let held_out = HeldOut::Validation { share: 0.0, test: part(CLASSES, "test") };
    DataSet::new("random bytes".to_owned(), part(request.examples, "train"), held_out)
}

/// A model, its loss and its optimizer.
struct Training<'a> {
    recipe: &'a Recipe,
    model: Box<dyn Model>,
    criterion: steepness::Criterion,
    optimizer: Optimizer,
    steps: u64,
}

impl<'a> Training<'a> {
    fn new(recipe: &'a Recipe, train: &Examples) -> Answer<Self> {
        let model = models::build(&recipe.model, &train.spec(), 0)?;
        let criterion = recipe.losses[0].criterion(CLASSES)?;
        let optimizer = Optimizer::new(&recipe.optimizer, model.weights().parameters())?;
        Ok(Self { recipe, model, criterion, optimizer, steps: 0 })
    }

    fn step(&mut self, batch: &Batch) -> Answer<()> {
        let batch = batch.to(Device::Cpu)?;
        let mode = Mode::Train { seed: 0, pass: self.steps, precision: self.recipe.precision };
        let logits = self.model.forward(&batch.inputs, mode)?;
        self.criterion.forward_tch(&logits, &batch.targets)?.f_backward()?;
        self.steps += 1;
        self.optimizer.step(self.model.weights().parameters(), 0.01, self.steps)?;
        Ok(())
    }
}

/// The most memory that the process has had, in bytes.
fn peak() -> Answer<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? * 1024)
}
