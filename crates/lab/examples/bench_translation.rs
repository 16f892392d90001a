//! What benches/translation.py asks: training steps and beam search of a Transformer on made-up sentences.
//!
//! ```text
//! train THREADS SIZE PRECISION LOSS STEPS   ->  seconds of each step
//! search THREADS SENTENCES ROUNDS           ->  seconds of each round
//! ```
//!
//! Sizes, sentences and options are those of benches/peer_translation.py.

use std::error::Error;
use std::io::BufRead;
use std::time::Instant;

use steepness_lab::Stop;
use steepness_lab::data::Batch;
use steepness_lab::models::{Mode, Model, Precision, Transformer, TransformerRecipe, Weights};
use steepness_lab::train::{Optimizer, OptimizerRecipe, head_loss};
use steepness_lab::translate::{SearchOptions, search};
use tch::Tensor;

const VOCABULARY: i64 = 8000;
const SENTENCES: i64 = 128;
const OPTIMIZER: &str = "adam = { lr = 0.0005, betas = [0.9, 0.98] }";

type Answer<T> = Result<T, Box<dyn Error>>;

fn main() -> Answer<()> {
    // As the program does.
    steepness_lab::keep_freed_memory();
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let seconds = match line.split(' ').collect::<Vec<_>>()[..] {
            ["train", threads, size, precision, loss, steps] => {
                tch::set_num_threads(threads.parse()?);
                let precision = match precision {
                    "bf16" => Precision::Bf16,
                    _ => Precision::F32,
                };
                train(size, precision, &loss.replace('_', " "), steps.parse()?)?
            }
            ["search", threads, sentences, rounds] => {
                tch::set_num_threads(threads.parse()?);
                let (model, source) = (model("small")?, sources(sentences.parse()?)?);
                let options = SearchOptions { max_len_a: 1.0, max_len_b: 2, ..Default::default() };
                let round = || {
                    timed(|| {
                        search(&model, &source, &options, Stop::never())
                            .map(drop)
                            .map_err(Into::into)
                    })
                };
                (0..rounds.parse()?).map(|_: usize| round()).collect::<Answer<_>>()?
            }
            _ => return Err(format!("{line:?} is no request").into()),
        };
        println!("{}", seconds.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
    }
    Ok(())
}

fn model(size: &str) -> Answer<Transformer> {
    let (width, layers) = match size {
        "iwslt" => (512, 6),
        _ => (256, 3),
    };
    let recipe = TransformerRecipe {
        width,
        hidden: 1024,
        encoder_layers: layers,
        decoder_layers: layers,
        ..Default::default()
    };
    Ok(Transformer::new(&recipe, [VOCABULARY as usize; 2], Weights::new(0))?)
}

/// Row `row` has `shortest + row mod 5` tokens and the end.
fn sentences(rows: i64, shortest: i64) -> Vec<Vec<i64>> {
    let token = |row: i64, at: i64| 4 + (row * 7919 + at * 104_729) % (VOCABULARY - 4);
    let length = |row: i64| shortest + row % 5;
    (0..rows).map(|row| (0..length(row)).map(|at| token(row, at)).chain([2]).collect()).collect()
}

fn padded(rows: &[Vec<i64>]) -> Answer<Tensor> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let filled = rows.iter().flat_map(|row| {
        row.iter().copied().chain(std::iter::repeat(1)).take(width).collect::<Vec<_>>()
    });
    let filled: Vec<i64> = filled.collect();
    Ok(Tensor::f_from_slice(&filled)?.f_view([rows.len() as i64, width as i64])?)
}

fn sources(rows: i64) -> Answer<Tensor> {
    padded(&sentences(rows, 12))
}

fn train(size: &str, precision: Precision, loss: &str, steps: u64) -> Answer<Vec<f64>> {
    let model = model(size)?;
    let recipe: OptimizerRecipe = toml::from_str(OPTIMIZER)?;
    let mut optimizer = Optimizer::new(&recipe, model.weights().parameters())?;
    let mut criterion = loss.parse::<steepness::Loss>()?.criterion(VOCABULARY as usize)?;
    let targets = sentences(SENTENCES, 13);
    let previous: Vec<Vec<i64>> = targets
        .iter()
        .map(|row| [2].iter().chain(&row[..row.len() - 1]).copied().collect())
        .collect();
    let inputs = [sources(SENTENCES)?, padded(&previous)?];
    let at = inputs[1].f_flatten(0, 1)?.f_ne(1)?.f_nonzero()?.f_view([-1])?;
    let [source, previous] = inputs;
    let targets = Tensor::f_from_slice(&targets.concat())?;
    let batch = Batch { inputs: vec![source, previous, at], targets };
    (0..steps)
        .map(|step| {
            timed(|| {
                let mode = Mode::Train { seed: 0, pass: step, precision };
                let features = model.features(&batch.inputs, mode)?;
                let (loss, _) = head_loss(&mut criterion, &features, model.head(), &batch, mode)??;
                if !loss.double_value(&[]).is_finite() {
                    return Err("the loss is not finite".into());
                }
                loss.f_backward()?;
                optimizer.step(model.weights().parameters(), 0.0005, step + 1)?;
                Ok(())
            })
        })
        .collect()
}

fn timed(call: impl FnOnce() -> Answer<()>) -> Answer<f64> {
    let start = Instant::now();
    call()?;
    Ok(start.elapsed().as_secs_f64())
}
