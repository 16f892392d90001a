//! The laboratory's part of benches/attacks.py: PGD-L∞ with the paper's settings on the attack CNN.
//!
//!     bench_attack MNIST-FOLDER THREADS
//!
//! It answers each line `FIRST COUNT BATCH` with the seconds that so many test images took.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Instant;

use steepness_lab::attack::{Attack, Clean, Pgd};
use steepness_lab::data::{DataRecipe, load};
use steepness_lab::models::{Mode, ModelRecipe, build};
use tch::Tensor;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(threads)) = (arguments.next(), arguments.next()) else {
        return Err("expected MNIST-FOLDER THREADS".into());
    };
    tch::set_num_threads(threads.parse()?);
    let data = load(&toml::from_str::<DataRecipe>(&format!("idx = {{ path = {folder:?} }}"))?)?;
    let parts = data.parts(0)?;
    let model = build(&toml::from_str::<ModelRecipe>("[attack-cnn]")?, &parts.train.spec(), 0)?;
    let forward = |inputs: &Tensor| model.forward(&[inputs.shallow_clone()], Mode::Evaluate);
    println!("ready");
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<usize> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let &[first, count, batch] = &words[..] else {
            return Err(format!("expected FIRST COUNT BATCH, not {line:?}").into());
        };
        let numbers: Vec<usize> = (first..first + count).collect();
        let test = parts.test.select(&numbers);
        let (inputs, labels) = (test.tensor()?, Tensor::from_slice(&test.labels));
        let start = Instant::now();
        for (at, numbers) in numbers.chunks(batch).enumerate() {
            let part = |x: &Tensor| x.narrow(0, (at * batch) as i64, numbers.len() as i64);
            let (inputs, labels) = (part(&inputs), part(&labels));
            let clean = Clean { inputs: &inputs, labels: &labels, numbers, seed: 0 };
            let pgd = Pgd { step: Some(2.0 / 255.0), ..Pgd::default() };
            let _ = pgd.perturb(&forward, &clean, 0.3)?;
        }
        println!("{}", start.elapsed().as_secs_f64());
        io::stdout().flush()?;
    }
    Ok(())
}
