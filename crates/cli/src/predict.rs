//! `steepness predict`: what a finished run says of new images, rows of a table or an array, or graphs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;
use steepness_lab::experiment::{Prediction, PredictionList, Predictor, device};
use steepness_lab::measure::Threshold;
use steepness_lab::{Result, console, plain};

use crate::numbers;

/// Classify new images, the rows of a table or an array, or graphs with a finished run
///
/// Prints the most probable classes of each, its free energy (the lower, the more like what was
/// learned) and a flag where that is above the run's threshold: the energy that 95 % of the
/// validation examples stay below. Columns of a table with numbers far outside those of the training
/// file are named. Images are decoded as in the run's training; of a folder all in it
/// and below are taken, by name, and what cannot be read is named.
#[derive(clap::Args)]
pub struct Args {
    /// The folder of a run: OUT/LOSS/seed=0
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// Images (JPEG, PNG, WebP, GIF, BMP, TIFF, PNM) and folders of them; for a run on a table the files
    /// of some with the same columns, for one on arrays .npy files (or .npz with x) with rows as long, for
    /// one on graphs folders of them
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,

    /// How many classes to name for each
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = numbers::up_to::<{ u16::MAX }>, allow_negative_numbers = true)]
    top: u16,

    /// Where the model runs: auto (a GPU where libtorch finds one), cpu, cuda or cuda:1
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// What is no finished run; inputs that are none of its kind, by file and place.
pub fn run(args: Args) -> Result<()> {
    let predictor = Predictor::load(&args.run, device(&args.device)?)?;
    predictor.unverified().into_iter().for_each(console::say);
    let PredictionList { mut predictions, not_read, far } = predictor.predict(&args.inputs)?;
    predictions.iter_mut().for_each(|found| found.classes.truncate(args.top.into()));
    if !far.is_empty() {
        console::say(&far_line(&far));
    }
    let text = if args.json {
        let threshold = predictor.threshold();
        json!({ "threshold": threshold, "predictions": predictions, "not_read": not_read })
            .to_string()
            + "\n"
    } else {
        not_read.iter().for_each(|line| console::say(line));
        table(&predictions) + &legend(predictor.threshold())
    };
    Ok(console::print(&text)?)
}

/// Which columns are far from what was learned, and in how many rows.
fn far_line(far: &BTreeMap<String, usize>) -> String {
    const MOST_NAMED: usize = 5;
    let one = |(column, count): (&String, &usize)| {
        format!("{column} in {count} {}", if *count == 1 { "row" } else { "rows" })
    };
    let mut named: Vec<String> = far.iter().take(MOST_NAMED).map(one).collect();
    if let Some(more @ 1..) = far.len().checked_sub(MOST_NAMED) {
        named.push(format!("and {more} more columns"));
    }
    let named = named.join(", ");
    format!("far from all that was learned, where answers are guesses, however sure: {named}")
}

/// A line an example, in aligned columns.
fn table(predictions: &[Prediction]) -> String {
    let top = predictions.iter().map(|found| found.classes.len()).max().unwrap_or(0);
    let place = |at: usize| if at == 0 { "class".to_owned() } else { format!("{}.", at + 1) };
    let ranks = (0..top).flat_map(|at| [place(at), "%".to_owned()]);
    let head: Vec<String> = ["input".to_owned()]
        .into_iter()
        .chain(ranks)
        .chain(["energy".to_owned(), String::new()])
        .collect();
    let row = |found: &Prediction| -> Vec<String> {
        let classes = found.classes.iter().flat_map(|ranked| {
            [plain::name(&ranked.class).into_owned(), format!("{:.2}", 100.0 * ranked.probability)]
        });
        let energy = format!("{:.2}", found.energy).replace('-', "−");
        let flag = found.out_of_distribution.then(|| "out of distribution".to_owned());
        let notes = found.notes.iter().map(|note| plain::name(note).into_owned());
        let ends = [energy, flag.into_iter().chain(notes).collect::<Vec<_>>().join("; ")];
        [plain::name(&found.name).into_owned()].into_iter().chain(classes).chain(ends).collect()
    };
    let rows: Vec<Vec<String>> = [head].into_iter().chain(predictions.iter().map(row)).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cell = |(at, cell): (usize, &String)| {
            let width = widths[at];
            // Names to the left, numbers to the right.
            let number = at > 0 && at % 2 == 0 || at == row.len() - 2;
            if number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        };
        let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn legend(Threshold { energy, kept, examples }: &Threshold) -> String {
    let energy = format!("{energy:.2}").replace('-', "−");
    format!(
        "Out of distribution: free energy above {energy}, which {:.1} % of {examples} validation \
         examples do not exceed.\n",
        100.0 * kept
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use steepness_lab::experiment::ClassProbability;

    #[test]
    fn columns_that_are_far_are_named() {
        let far = |names: &[&str]| far_line(&names.iter().map(|n| ((*n).to_owned(), 1)).collect());
        assert!(far(&["x", "y"]).ends_with("however sure: x in 1 row, y in 1 row"));
        let many = far(&["a", "b", "c", "d", "e", "f", "g"]);
        assert!(many.ends_with(", e in 1 row, and 2 more columns"), "{many}");
    }

    #[test]
    fn columns_are_aligned() {
        let prediction = |name: &str, class: &str, energy, out_of_distribution| {
            let ranked = |class: &str, probability| ClassProbability {
                class: class.to_owned(),
                probability,
            };
            let classes = vec![ranked(class, 0.875), ranked("b", 0.125)];
            let notes = if class == "a" { vec!["age is missing".to_owned()] } else { Vec::new() };
            Prediction { name: name.to_owned(), classes, energy, out_of_distribution, notes }
        };
        let all =
            [prediction("x.png", "cat", -12.5, false), prediction("a\n.png", "a", 0.25, true)];
        assert_eq!(
            table(&all),
            "input   class      %  2.      %  energy\n\
             x.png   cat    87.50  b   12.50  −12.50\n\
             a\u{fffd}.png  a      87.50  b   12.50    0.25  out of distribution; age is missing\n"
        );
    }
}
