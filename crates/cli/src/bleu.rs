//! `steepness bleu`: how good translations are that were made anywhere.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use steepness_compare::measure::translation::{
    Bleu, Chrf, Interval, Metric, Smoothing, Tokenizer, interval, paired_bootstrap, segments, total,
};
use steepness_compare::{Error, Result, console};

use crate::lines;
use crate::numbers;

/// Score translations: BLEU as sacreBLEU computes it, or chrF
///
/// Line n of the hypotheses is a translation of what line n of each reference translates, too: plain
/// UTF-8 text that is not tokenised. The signature that is printed says what others need to compute
/// the same number.
#[derive(clap::Args)]
pub struct Args {
    /// The translations, a line each
    #[arg(long, value_name = "FILE")]
    hyp: PathBuf,

    /// The reference translations, a line each; several files are several references
    #[arg(long = "ref", value_name = "FILE", required = true)]
    references: Vec<PathBuf>,

    /// The translations of another system: is the difference to them more than chance?
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// How lines become words: 13a, intl, char or none
    #[arg(long, value_name = "TOKENIZER", default_value = "13a")]
    tokenize: Tokenizer,

    /// What is done about orders without a match: exp, floor or none
    #[arg(long, value_name = "METHOD", default_value = "exp")]
    smooth: Smoothing,

    /// Ignore case
    #[arg(long)]
    lowercase: bool,

    /// chrF instead of BLEU; with 2, words of up to two count, too (chrF++)
    #[arg(long, value_name = "WORDS", num_args = 0..=1, default_missing_value = "0",
          value_parser = numbers::between::<0, 2>, allow_negative_numbers = true,
          conflicts_with_all = ["tokenize", "smooth"])]
    chrf: Option<u16>,

    /// Resample the lines 1000 times: a 95 % interval
    #[arg(long)]
    interval: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Files that are missing, not UTF-8, or not of the same number of lines.
pub fn run(args: Args) -> Result<()> {
    let references: Vec<_> =
        args.references.iter().map(|path| lines::read(path)).collect::<Result<_>>()?;
    let bleu = Bleu { tokenizer: args.tokenize, smoothing: args.smooth, lowercase: args.lowercase };
    let chrf = args.chrf.map(|words| Chrf { words: words.into(), lowercase: args.lowercase });
    let metric: &dyn Metric = chrf.as_ref().map_or(&bleu, |chrf| chrf);
    let counts = |path: &Path| -> Result<Vec<Vec<f64>>> {
        let lines = lines::read(path)?;
        for (reference, at) in references.iter().zip(&args.references) {
            if reference.len() != lines.len() {
                return Err(Error::Request(format!(
                    "{} has {} lines, {} has {}",
                    path.display(),
                    lines.len(),
                    at.display(),
                    reference.len()
                )));
            }
        }
        Ok(segments(metric, &lines, &references)?)
    };
    let system = counts(&args.hyp)?;
    let (name, signature) = match &chrf {
        Some(chrf) => (chrf.name(), chrf.signature(references.len())),
        None => ("BLEU".to_owned(), bleu.signature(references.len())),
    };
    let sum = total(&system);
    let mut found = json!({ "name": name, "score": metric.score(&sum), "signature": signature });
    if chrf.is_none() {
        let parts = bleu.details(&sum);
        found["precisions"] = json!(parts.precisions);
        found["brevity_penalty"] = json!(parts.brevity_penalty);
        found["hypothesis_length"] = json!(parts.hypothesis_length);
        found["reference_length"] = json!(parts.reference_length);
    }
    if let Some(path) = &args.baseline {
        let baseline = counts(path)?;
        let paired = paired_bootstrap(metric, &baseline, &system);
        found["interval"] = resampled(paired.system);
        found["baseline"] = json!({
            "score": metric.score(&total(&baseline)),
            "interval": resampled(paired.baseline),
            "p": paired.p,
        });
    } else if args.interval {
        found["interval"] = resampled(interval(metric, &system));
    }
    let text = if args.json { format!("{found}\n") } else { text(&found) };
    console::print(&text)
}

fn resampled(interval: Interval) -> Value {
    json!({ "mean": interval.mean, "half_width": interval.half_width })
}

fn text(found: &Value) -> String {
    let number = |value: &Value| format!("{:.2}", value.as_f64().unwrap_or(f64::NAN));
    let spread = |of: &Value| match &of["interval"] {
        Value::Null => String::new(),
        interval => {
            format!(" (μ = {} ± {})", number(&interval["mean"]), number(&interval["half_width"]))
        }
    };
    let name = found["name"].as_str().unwrap_or_default();
    let mut text = format!("{name:<11}{}{}\n", number(&found["score"]), spread(found));
    if let Some(precisions) = found["precisions"].as_array() {
        let of = precisions.iter().map(|p| format!("{:.1}", p.as_f64().unwrap_or(f64::NAN)));
        text += &format!(
            "precisions {}, brevity penalty {:.3}, {} words for {}\n",
            of.collect::<Vec<_>>().join(" / "),
            found["brevity_penalty"].as_f64().unwrap_or(f64::NAN),
            found["hypothesis_length"],
            found["reference_length"]
        );
    }
    if let Some(baseline) = found.get("baseline") {
        text += &format!(
            "baseline   {}{}, p = {:.4}\n",
            number(&baseline["score"]),
            spread(baseline),
            baseline["p"].as_f64().unwrap_or(f64::NAN)
        );
    }
    text + "signature  " + found["signature"].as_str().unwrap_or_default() + "\n"
}
