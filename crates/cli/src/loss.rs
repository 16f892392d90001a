//! `steepness loss`: value and gradient of any loss, on logits that were made elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use steepness::{Batch, Element, Loss, Outcome, Reduction, Targets};
use steepness_compare::npy::{self, Floats, Matrix};
use steepness_compare::{Error, Result, console};

use crate::numbers;
use crate::with_files::WithFiles;

/// Compute a loss of logits made elsewhere, and its gradient
///
/// Prints the loss, the number of rows and how many of them were ignored. A loss is one line, for
/// instance: ce, el(le=0.75), el(le=0.5) + smooth(0.1), focal(gamma=2), mse(sigmoid) + mirror
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The loss
    #[arg(value_name = "SPEC")]
    spec: String,
    /// Logits, (N, C) floats
    #[arg(long, value_name = "L.npy")]
    logits: PathBuf,
    /// Targets: (N,) whole numbers, or (N, C) floats
    #[arg(long, value_name = "T.npy")]
    targets: PathBuf,
    /// Write dL/dlogits here, in the logits' type
    #[arg(long, value_name = "G.npy")]
    grad: Option<PathBuf>,
    /// How the rows' losses become one; with none, all of them are printed and the gradient is that
    /// of their sum
    #[arg(long, default_value = "mean")]
    reduction: ReductionName,
    /// The target of rows that count for nothing
    #[arg(long, value_name = "INTEGER", default_value_t = -100, value_parser = numbers::whole, allow_negative_numbers = true)]
    ignore_index: i64,
    /// A weight for each class, (C,) floats
    #[arg(long, value_name = "W.npy")]
    class_weights: Option<PathBuf>,
    /// A weight for each row, (N,) floats
    #[arg(long, value_name = "W.npy")]
    sample_weights: Option<PathBuf>,
    /// Training examples of each class, (C,) whole numbers: for adjust, ldam, weights, drw and shots
    #[arg(long, value_name = "C.npy")]
    train_counts: Option<PathBuf>,
    /// The epoch, from 1: for schedule, drw and 'from epoch'
    #[arg(long, value_name = "E", requires = "epochs", value_parser = numbers::size, allow_negative_numbers = true)]
    epoch: Option<usize>,
    /// Epochs in all
    #[arg(long, value_name = "E", requires = "epoch", value_parser = numbers::size, allow_negative_numbers = true)]
    epochs: Option<usize>,
    /// Print one JSON object; a loss that is infinite is null, for JSON has no infinity
    ///
    /// A logit of -inf is a mask; on the label it makes the loss infinite. Without --json such a loss
    /// is printed as inf or -inf.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ReductionName {
    Mean,
    Sum,
    None,
}

impl From<ReductionName> for Reduction {
    fn from(name: ReductionName) -> Self {
        match name {
            ReductionName::Mean => Reduction::Mean,
            ReductionName::Sum => Reduction::Sum,
            ReductionName::None => Reduction::None,
        }
    }
}

/// Computes, writes the gradient where one is wanted, and prints.
///
/// # Errors
/// A wrong spec; files that are missing, malformed or do not fit each other; nothing is written then.
pub fn run(args: Args) -> Result<()> {
    let loss: Loss = args.spec.parse()?;
    let logits = npy::matrix(&args.logits)?;
    let targets = npy::targets(&args.targets)?;
    validate_output(&args)?;
    let outcome = match &logits.values {
        Floats::F32(values) => compute(&args, &loss, &logits, values, &targets, Floats::to_f32)?,
        Floats::F64(values) => compute(&args, &loss, &logits, values, &targets, Floats::to_f64)?,
    };
    let text = if args.json { json(&args, &outcome) } else { list(&args, &outcome) };
    console::print(&text)
}

/// A gradient over one of the inputs is surely a mistake.
fn validate_output(args: &Args) -> Result<()> {
    let Some(output) = &args.grad else { return Ok(()) };
    let inputs = [Some(&args.logits), Some(&args.targets), args.class_weights.as_ref()];
    let more = [args.sample_weights.as_ref(), args.train_counts.as_ref()];
    for input in inputs.into_iter().chain(more).flatten() {
        let same = match (fs::canonicalize(input), fs::canonicalize(output)) {
            (Ok(input), Ok(output)) => input == output,
            _ => false,
        };
        if same {
            return Err(Error::Request(format!("--grad would overwrite {}", input.display())));
        }
    }
    Ok(())
}

fn compute<E: Element + npyz::AutoSerialize>(
    args: &Args,
    loss: &Loss,
    logits: &Matrix,
    values: &[E],
    targets: &npy::Targets,
    in_type: impl Fn(&Floats) -> Vec<E>,
) -> Result<Outcome> {
    let classes = logits.columns;
    let mut criterion = match &args.train_counts {
        None if loss.needs_counts() => {
            return Err(Error::Request(format!(
                "{loss} needs --train-counts, the number of training examples of each class"
            )));
        }
        None => loss.criterion(classes)?,
        Some(path) => {
            let counts = counts(path, classes)?;
            let criterion = loss.criterion_with_counts(&counts).map_err(Error::from);
            criterion.of([path.as_path()])?
        }
    };
    criterion =
        criterion.with_reduction(args.reduction.into()).with_ignore_index(args.ignore_index);
    if let Some(path) = &args.class_weights {
        let weighted = criterion.with_class_weights(&npy::floats(path)?).map_err(Error::from);
        criterion = weighted.of([path.as_path()])?;
    }
    if let (Some(epoch), Some(epochs)) = (args.epoch, args.epochs) {
        criterion.set_epoch(epoch, epochs);
    }
    let soft;
    let targets = match targets {
        npy::Targets::Classes(classes) => Targets::Hard(classes),
        npy::Targets::Soft(matrix) if matrix.columns != classes => {
            return Err(Error::malformed(
                &args.targets,
                "header",
                format!("{} columns of targets for {classes} classes", matrix.columns),
            ));
        }
        npy::Targets::Soft(matrix) => {
            soft = in_type(&matrix.values);
            Targets::Soft(&soft)
        }
    };
    let sample_weights = args.sample_weights.as_deref().map(npy::floats).transpose()?;
    let mut batch = Batch::new(targets);
    if let Some(weights) = &sample_weights {
        batch = batch.with_sample_weights(weights);
    }
    let Some(path) = &args.grad else {
        return criterion.forward(values, batch).map_err(|error| named(args, error));
    };
    let mut gradient = vec![E::default(); values.len()];
    let outcome = criterion.forward_backward(values, batch, &mut gradient);
    let outcome = outcome.map_err(|error| named(args, error))?;
    npy::write_matrix(path, &gradient, classes)?;
    Ok(outcome)
}

/// What a loss says of a batch, with the file that it concerns.
fn named(args: &Args, error: steepness::Error) -> Error {
    use steepness::Error::{Logit, Shape, SoftTarget, Target, Weight};
    let all = [Some(&args.logits), Some(&args.targets), args.sample_weights.as_ref()];
    let files = match &error {
        Logit { .. } => &all[..1],
        Target { .. } | SoftTarget { .. } => &all[1..2],
        Weight { .. } => &all[2..],
        Shape(_) => &all[..],
        _ => &[],
    };
    if files.is_empty() {
        return error.into();
    }
    let named: Result<()> = Err(error.into());
    let files = files.iter().flatten().map(|path| path.as_path());
    named.of(files).expect_err("it is an error")
}

fn counts(path: &Path, classes: usize) -> Result<Vec<u64>> {
    let counts = npy::integers(path)?;
    if counts.len() != classes {
        let problem = format!("{} counts for {classes} classes", counts.len());
        return Err(Error::malformed(path, "header", problem));
    }
    let whole = |(at, count): (usize, i64)| {
        u64::try_from(count)
            .map_err(|_| Error::malformed(path, format!("row {at}"), format!("a count of {count}")))
    };
    counts.into_iter().enumerate().map(whole).collect()
}

fn json(args: &Args, outcome: &Outcome) -> String {
    let mut object = serde_json::Map::new();
    match args.reduction {
        ReductionName::None => object.insert("losses".into(), json!(outcome.row_losses())),
        _ => object.insert("loss".into(), json!(outcome.loss)),
    };
    object.insert("rows".into(), json!(outcome.rows.len()));
    object.insert("ignored".into(), json!(outcome.ignored));
    Value::Object(object).to_string() + "\n"
}

fn list(args: &Args, outcome: &Outcome) -> String {
    let mut text = match args.reduction {
        ReductionName::None => {
            outcome.row_losses().iter().map(|loss| format!("{loss}\n")).collect()
        }
        _ => format!("loss     {}\n", outcome.loss),
    };
    text += &format!("rows     {}\nignored  {}\n", outcome.rows.len(), outcome.ignored);
    text
}
