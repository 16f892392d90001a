//! `steepness measure`: the measurements of logits that were made elsewhere.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use steepness_lab::data::npy::{self, Floats, Matrix};
use steepness_lab::measure::{Detection, Logit, Logits, Scores, Summary};
use steepness_lab::{Error, Result};

/// Measure logits made elsewhere: accuracy, likelihood, calibration, margins and energies
///
/// With logits of examples from another data set it also says how well three scores tell the two
/// sets apart; in-distribution is the positive class. All shares are fractions.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Logits of the labelled examples, (N, C) floats
    #[arg(long, value_name = "L.npy")]
    logits: PathBuf,
    /// Their labels, (N,) whole numbers from 0 to C - 1
    #[arg(long, value_name = "Y.npy")]
    labels: PathBuf,
    /// Logits of out-of-distribution examples, (M, C) floats
    #[arg(long, value_name = "O.npy")]
    ood_logits: Option<PathBuf>,
    /// Training examples of each class, (C,) whole numbers: adds the accuracy of classes with many
    /// (over 100), a medium number of (20 to 100) and few (under 20) of them
    #[arg(long, value_name = "C.npy")]
    train_counts: Option<PathBuf>,
    /// Print one JSON object; a value that is infinite or does not exist is null
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
///
/// # Errors
/// Files that are missing, malformed or do not fit each other.
pub fn run(args: Args) -> Result<()> {
    let summary = summary(&args)?;
    let text = if args.json {
        serde_json::to_string(&summary).map_err(|e| Error::Work(e.to_string()))? + "\n"
    } else {
        list(&summary)
    };
    let stdout = Path::new("standard output");
    io::stdout().lock().write_all(text.as_bytes()).map_err(Error::output(stdout))
}

fn summary(args: &Args) -> Result<Summary> {
    let logits = npy::matrix(&args.logits)?;
    let labels = npy::integers(&args.labels)?;
    let train_counts = args.train_counts.as_deref().map(npy::integers).transpose()?;
    let outside = args.ood_logits.as_deref().map(scores).transpose()?;
    match &logits.values {
        Floats::F32(values) => summarise(args, &logits, values, &labels, outside, train_counts),
        Floats::F64(values) => summarise(args, &logits, values, &labels, outside, train_counts),
    }
}

fn summarise<T: Logit>(
    args: &Args,
    matrix: &Matrix,
    values: &[T],
    labels: &[i64],
    outside: Option<Scores>,
    train_counts: Option<Vec<i64>>,
) -> Result<Summary> {
    let logits = view(&args.logits, matrix, values)?;
    Summary::new(logits, labels, outside.as_ref(), train_counts.as_deref())
}

fn scores(path: &Path) -> Result<Scores> {
    let matrix = npy::matrix(path)?;
    Ok(match &matrix.values {
        Floats::F32(values) => Scores::new(view(path, &matrix, values)?),
        Floats::F64(values) => Scores::new(view(path, &matrix, values)?),
    })
}

/// The logits of `path`; a complaint about their values names the file.
fn view<'a, T: Logit>(path: &Path, matrix: &Matrix, values: &'a [T]) -> Result<Logits<'a, T>> {
    Logits::new(values, matrix.columns)
        .map_err(|problem| Error::malformed(path, "data", problem.to_string()))
}

/// One aligned line a number.
fn list(summary: &Summary) -> String {
    let mut lines: Vec<(String, Option<f64>)> = [
        ("accuracy", summary.accuracy),
        ("nll", summary.nll),
        ("ece", summary.ece),
        ("margin_mean", summary.margin_mean),
        ("margin_median", summary.margin_median),
        ("energy_mean", summary.energy_mean),
    ]
    .map(|(name, value)| (name.into(), Some(value)))
    .into();
    if let Some(ood) = &summary.ood {
        let scores = [("energy", ood.energy), ("free_energy", ood.free_energy), ("msp", ood.msp)];
        for (score, Detection { auroc, fpr95 }) in scores {
            lines.push((format!("ood.{score}.auroc"), Some(auroc)));
            lines.push((format!("ood.{score}.fpr95"), Some(fpr95)));
        }
    }
    if let Some(groups) = &summary.groups {
        lines.push(("groups.many".into(), groups.many));
        lines.push(("groups.medium".into(), groups.medium));
        lines.push(("groups.few".into(), groups.few));
    }
    let line = |(name, value): (String, Option<f64>)| match value {
        Some(value) => format!("{name:<22}{value:>14.6}\n"),
        None => format!("{name:<22}{:>14}\n", "no class"),
    };
    let mut text: String = lines.into_iter().map(line).collect();
    if let Some(ood) = &summary.ood {
        text += &format!(
            "ood: {} examples against {}; positive class: {}\n",
            summary.examples, ood.examples, ood.positive
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use tempfile::TempDir;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }

    fn args(folder: &TempDir, more: &[(&str, &str)]) -> Args {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut line = vec!["measure".to_string()];
        for (option, name) in [("--logits", "l.npy"), ("--labels", "y.npy")].iter().chain(more) {
            line.extend([option.to_string(), path(name)]);
        }
        Program::try_parse_from(line).unwrap().args
    }

    /// Four examples of three classes, right but for the last.
    fn folder() -> TempDir {
        let folder = TempDir::new().unwrap();
        let logits = [4.0f32, 0.0, 0.0, 0.0, 5.0, 0.0, 1.0, 0.0, 2.0, 3.0, 0.0, 0.0];
        npy::write_matrix(&folder.path().join("l.npy"), &logits, 3).unwrap();
        npy::write_vector(&folder.path().join("y.npy"), &[0i64, 1, 2, 1]).unwrap();
        folder
    }

    #[test]
    fn prints_what_was_asked_for() {
        let folder = folder();
        let plain = summary(&args(&folder, &[])).unwrap();
        assert_eq!((plain.accuracy, plain.margin_mean, plain.margin_median), (0.75, 1.75, 2.5));
        assert_eq!(plain.energy_mean, -2.75);
        assert_eq!(list(&plain).lines().count(), 6);
        let json = serde_json::to_value(&plain).unwrap();
        assert!(json.get("ood").is_none() && json.get("groups").is_none());

        npy::write_matrix(&folder.path().join("o.npy"), &[1.0f64, 0.0, 0.5, 0.2, 0.3, 2.5], 3)
            .unwrap();
        npy::write_vector(&folder.path().join("c.npy"), &[500i64, 20, 50]).unwrap();
        let full = [("--ood-logits", "o.npy"), ("--train-counts", "c.npy")];
        let full = summary(&args(&folder, &full)).unwrap();
        let json = serde_json::to_value(&full).unwrap();
        assert_eq!(json["ood"]["positive"], "in-distribution");
        assert_eq!(json["ood"]["energy"]["auroc"], 0.875);
        assert_eq!(json["ood"]["energy"]["fpr95"], 0.5);
        assert_eq!(json["groups"]["many"], 1.0);
        assert_eq!(json["groups"]["medium"], 0.75);
        assert_eq!(json["groups"]["few"], serde_json::Value::Null);
        let text = list(&full);
        assert!(text.contains("ood.msp.fpr95"), "{text}");
        assert!(text.contains("groups.few                  no class\n"), "{text}");
        assert!(text.contains("4 examples against 2; positive class: in-distribution"), "{text}");
    }

    #[test]
    fn says_which_file_is_wrong() {
        let folder = folder();
        let complaint = |more: &[(&str, &str)]| {
            let error = summary(&args(&folder, more)).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        let missing = complaint(&[("--ood-logits", "missing.npy")]);
        assert!(missing.contains("missing.npy"), "{missing}");
        npy::write_matrix(&folder.path().join("o.npy"), &[0.0f32; 4], 2).unwrap();
        let classes = complaint(&[("--ood-logits", "o.npy")]);
        assert!(classes.contains("2 classes") && classes.contains('3'), "{classes}");
        npy::write_vector(&folder.path().join("c.npy"), &[1i64]).unwrap();
        let counts = complaint(&[("--train-counts", "c.npy")]);
        assert!(counts.contains("1 training counts for 3 classes"), "{counts}");
        npy::write_vector(&folder.path().join("y.npy"), &[0i64, 3, 0, 0]).unwrap();
        assert!(complaint(&[]).contains("label 3 in row 1"));
        npy::write_matrix(&folder.path().join("l.npy"), &[0.0, 1.0, f32::NAN, 0.0], 2).unwrap();
        let nan = complaint(&[]);
        assert!(nan.contains("l.npy") && nan.contains("row 1, column 0 is NaN"), "{nan}");
    }
}
