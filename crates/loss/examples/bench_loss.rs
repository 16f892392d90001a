//! Our side of `benches/loss.py`: forward and backward of the losses, timed on request.
//!
//! Reads requests from standard input and answers each with one line:
//!
//! ```text
//! time ROWS CLASSES REPETITIONS WAY SPEC   → seconds of each repetition
//! peak ROWS CLASSES WAY SPEC               → bytes that one call took at most, beyond its inputs
//! ```
//!
//! ```sh
//! echo 'time 4096 1000 10 slice el(le=0.75)' | cargo run --release --example bench_loss
//! ```

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;
use steepness::{Loss, Targets};

/// Units of the features that a linear layer turns into logits.
#[cfg(any(feature = "linear", feature = "tch"))]
const WIDTH: usize = 512;

type Answer = Result<String, Box<dyn std::error::Error>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        println!("{}", answer(&line).map_err(|error| format!("{line}: {error}"))?);
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn answer(line: &str) -> Answer {
    let (command, rest) = line.split_once(' ').ok_or("no request")?;
    let (rows, rest) = rest.split_once(' ').ok_or("no rows")?;
    let (classes, rest) = rest.split_once(' ').ok_or("no classes")?;
    let (rows, classes) = (rows.parse()?, classes.parse()?);
    match command {
        "time" => {
            let (repetitions, rest) = rest.split_once(' ').ok_or("no repetitions")?;
            let mut call = prepare(rows, classes, rest)?;
            let times = (0..repetitions.parse()?).map(|_| call().map(|t| t.to_string()));
            Ok(times.collect::<Result<Vec<_>, _>>()?.join(" "))
        }
        "peak" => {
            // Threads and libraries take their memory first.
            prepare(64, 1024, rest)?()?;
            let mut call = prepare(rows, classes, rest)?;
            std::fs::write("/proc/self/clear_refs", "5")?;
            let before = memory("VmRSS:")?;
            call()?;
            Ok(memory("VmHWM:")?.saturating_sub(before).to_string())
        }
        _ => Err("expected time or peak".into()),
    }
}

/// A figure of this process from /proc, in bytes.
fn memory(name: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such figure")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? * 1024)
}

/// Inputs made ready, as a function that makes one call and says how many seconds it took.
type Call = Box<dyn FnMut() -> Result<f64, Box<dyn std::error::Error>>>;

fn prepare(rows: usize, classes: usize, what: &str) -> Result<Call, Box<dyn std::error::Error>> {
    let (way, spec) = what.split_once(' ').ok_or("no way or no loss")?;
    let mut draws = Draws(1);
    let labels: Vec<i64> = (0..rows).map(|_| (draws.next() % classes as u64) as i64).collect();
    #[cfg(feature = "linear")]
    if way == "linear" {
        return linear(classes, spec, labels, draws);
    }
    #[cfg(feature = "tch")]
    if let "linear-tch" | "linear-bf16" = way {
        let kind = if way == "linear-tch" { tch::Kind::Float } else { tch::Kind::BFloat16 };
        return unfused(classes, spec, &labels, draws, kind);
    }
    let mut logits = vec![0f32; rows * classes];
    logits.iter_mut().for_each(|z| *z = draws.normal());
    if way == "copy" {
        let mut copy = logits.clone();
        return Ok(Box::new(move || Ok(seconds(|| copy_threaded(&logits, black_box(&mut copy))))));
    }
    let mut criterion = spec.parse::<Loss>()?.criterion(classes)?;
    match way {
        "slice" => {
            let mut gradient = vec![0f32; logits.len()];
            Ok(Box::new(move || {
                timed(|| {
                    let batch = Targets::Hard(&labels);
                    criterion.forward_backward(&logits, batch, black_box(&mut gradient))
                })
            }))
        }
        "in-place" => {
            let mut both = logits.clone();
            Ok(Box::new(move || {
                both.copy_from_slice(&logits);
                let batch = Targets::Hard(&labels);
                timed(|| criterion.forward_backward_in_place(black_box(&mut both), batch))
            }))
        }
        "soft" => {
            let mut gradient = vec![0f32; logits.len()];
            let mut targets = logits.clone();
            for row in targets.chunks_mut(classes) {
                row.iter_mut().for_each(|t| *t = t.exp());
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|t| *t /= sum);
            }
            Ok(Box::new(move || {
                timed(|| {
                    let batch = Targets::Soft(&targets);
                    criterion.forward_backward(&logits, batch, black_box(&mut gradient))
                })
            }))
        }
        #[cfg(feature = "tch")]
        "tch" => {
            let shape = [rows as i64, classes as i64];
            let logits = tch::Tensor::from_slice(&logits).view(shape).set_requires_grad(true);
            let labels = tch::Tensor::from_slice(&labels);
            Ok(Box::new(move || {
                timed(|| {
                    let loss = criterion.forward_tch(&logits, &labels)?;
                    Ok(tch::Tensor::run_backward(&[loss], &[&logits], false, false))
                })
            }))
        }
        other => Err(format!("no way {other:?} in this build").into()),
    }
}

/// Features times a matrix, and the loss of the product, without the product.
#[cfg(feature = "linear")]
fn linear(
    classes: usize,
    spec: &str,
    labels: Vec<i64>,
    mut draws: Draws,
) -> Result<Call, Box<dyn std::error::Error>> {
    use steepness::{Linear, LinearGradients};
    let mut criterion = spec.parse::<Loss>()?.criterion(classes)?;
    let features: Vec<f32> = (0..labels.len() * WIDTH).map(|_| draws.normal()).collect();
    let scale = (WIDTH as f32).sqrt();
    let weight: Vec<f32> = (0..classes * WIDTH).map(|_| draws.normal() / scale).collect();
    let (mut of_features, mut of_weight) = (vec![0f32; features.len()], vec![0f32; weight.len()]);
    Ok(Box::new(move || {
        let layer = Linear { features: &features, weight: &weight, bias: None, depth: WIDTH };
        let gradients = LinearGradients {
            features: Some(&mut of_features),
            weight: Some(&mut of_weight),
            bias: None,
        };
        let batch = Targets::Hard(&labels);
        timed(|| criterion.linear_forward_backward(layer, batch, gradients))
    }))
}

/// The same through libtorch's product in numbers of `kind`, logits and all, as a model has it.
#[cfg(feature = "tch")]
fn unfused(
    classes: usize,
    spec: &str,
    labels: &[i64],
    mut draws: Draws,
    kind: tch::Kind,
) -> Result<Call, Box<dyn std::error::Error>> {
    let mut criterion = spec.parse::<Loss>()?.criterion(classes)?;
    let mut drawn = |rows: usize, scale: f32| {
        let values: Vec<f32> = (0..rows * WIDTH).map(|_| draws.normal() / scale).collect();
        tch::Tensor::from_slice(&values).view([rows as i64, WIDTH as i64]).set_requires_grad(true)
    };
    let (features, weight) = (drawn(labels.len(), 1.0), drawn(classes, (WIDTH as f32).sqrt()));
    let labels = tch::Tensor::from_slice(labels);
    Ok(Box::new(move || {
        timed(|| {
            let none = None::<&tch::Tensor>;
            let logits = features.to_kind(kind).linear(&weight.to_kind(kind), none);
            let loss = criterion.forward_tch(&logits.to_kind(tch::Kind::Float), &labels)?;
            Ok(tch::Tensor::run_backward(&[loss], &[&features, &weight], false, false))
        })
    }))
}

fn seconds<T>(call: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(call());
    start.elapsed().as_secs_f64()
}

fn timed<T>(
    call: impl FnOnce() -> steepness::Result<T>,
) -> Result<f64, Box<dyn std::error::Error>> {
    let start = Instant::now();
    black_box(call()?);
    Ok(start.elapsed().as_secs_f64())
}

/// The fastest copy there is: one long run for each thread.
fn copy_threaded(from: &[f32], to: &mut [f32]) {
    use rayon::prelude::*;
    if from.len() < 1 << 15 {
        return to.copy_from_slice(from);
    }
    let share = from.len().div_ceil(rayon::current_num_threads());
    to.par_chunks_mut(share).zip(from.par_chunks(share)).for_each(|(to, from)| {
        to.copy_from_slice(from);
    });
}

/// Numbers for the inputs (xorshift64*).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// Nearly standard normal: the sum of four 12-bit uniforms, brought to variance 1.
    fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|i| bits >> (12 * i) & 0xfff).sum();
        (sum as f32 / 4095.0 - 2.0) * 3f32.sqrt()
    }
}
