//! What `--out` saves beside the numbers: every histogram and curve as a CSV file.
//!
//! All cells are numbers or our own words, so nothing needs quotes. A number is the shortest decimal
//! that reads back as the same double.

use std::fmt::Display;
use std::fs;
use std::path::Path;
use steepness_compare::measure::{
    Confusion, FeatureMap, Histogram, Logits, ReliabilityBin, energy_gaps, energy_profile,
    legacy_margins, likelihoods, lse_margins, margins, range, reliability, reliability_equal_mass,
    roc_curve, scale,
};
use steepness_compare::{Error, Result, durable};

/// A score of all examples on both sides, by its name.
pub type Sides = (&'static str, Vec<f64>, Vec<f64>);

/// A set of examples on a map: its name, its labels where it has some, and its positions.
pub type MapPoints<'a> = (&'static str, Option<&'a [i64]>, Vec<f64>);

/// CSV files by their names.
pub struct Curves(Vec<(&'static str, String)>);

impl Curves {
    /// Those that need nothing but logits and labels; `temperature` adds the calibration after
    /// scaling.
    ///
    /// # Errors
    /// A single class. Labels that do not fit the logits.
    pub fn new(logits: Logits<f64>, labels: &[i64], temperature: Option<f64>) -> Result<Self> {
        Ok(Self(vec![
            ("margins.csv", margin_histograms(logits, labels)?),
            ("likelihood.csv", likelihood_histogram(logits, labels)?),
            ("reliability.csv", reliability_bins(logits, labels, temperature)?),
            ("energy_profiles.csv", energy_profiles(logits, labels)?),
            ("classes.csv", classes(logits, labels)?),
            ("confusion.csv", confusion(logits, labels)?),
        ]))
    }

    /// Adds the scores of both sides: 30 bins over their joint range, and the ROC curve with
    /// in-distribution as the positive class.
    ///
    /// # Errors
    /// An empty side, or a NaN.
    pub fn scores(&mut self, scores: &[Sides]) -> Result<()> {
        let mut histograms = Csv::new("score,low,high,inside,outside");
        let mut curves = Csv::new("score,false_positive_rate,true_positive_rate");
        for (name, inside, outside) in scores {
            let (low, high) = range(&[&inside[..], outside].concat());
            let count = |side: &[f64]| Histogram::new(side, low, high, 30);
            let (inside_bins, outside_bins) = (count(inside), count(outside));
            for ((low, high, here), (_, _, there)) in bins(&inside_bins).zip(bins(&outside_bins)) {
                histograms.row(&[name, &low, &high, &here, &there]);
            }
            for (false_positives, true_positives) in roc_curve(inside, outside)? {
                curves.row(&[name, &false_positives, &true_positives]);
            }
        }
        self.0.extend([("ood_scores.csv", histograms.0), ("ood_roc.csv", curves.0)]);
        Ok(())
    }

    /// Adds the map of the features, whose positions are `axes` columns row by row.
    pub fn map(&mut self, axes: usize, sets: &[MapPoints<'_>]) {
        let mut map = Csv::new("set,label,x,y");
        for (set, labels, positions) in sets {
            for (i, position) in positions.chunks(axes).enumerate() {
                let label = labels.map_or(String::new(), |labels| labels[i].to_string());
                map.row(&[set, &label, &position[0], &position.get(1).copied().unwrap_or(0.0)]);
            }
        }
        self.0.push(("features.csv", map.0));
    }

    /// Adds a map by t-SNE.
    pub fn tsne(&mut self, map: &FeatureMap) {
        let mut csv = Csv::new("label,x,y");
        for (label, [x, y]) in map.labels.iter().zip(&map.tsne) {
            csv.row(&[label, x, y]);
        }
        self.0.push(("tsne.csv", csv.0));
    }

    /// Writes them into `folder`, which is made if need be, each whole or not at all.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).map_err(Error::output(folder))?;
        let write =
            |(name, text): &(&str, String)| durable::write(&folder.join(name), text.as_bytes());
        Ok(self.0.iter().try_for_each(write)?)
    }
}

/// Lines of cells.
struct Csv(String);

impl Csv {
    fn new(header: &str) -> Self {
        Self(format!("{header}\n"))
    }

    fn row(&mut self, cells: &[&dyn Display]) {
        let cells: Vec<String> = cells.iter().map(|cell| cell.to_string()).collect();
        self.0 += &cells.join(",");
        self.0.push('\n');
    }
}

fn margin_histograms(logits: Logits<f64>, labels: &[i64]) -> Result<String> {
    let mut csv = Csv::new("margin,low,high,count");
    for (name, values) in [
        ("hard", margins(logits, labels)?),
        ("log-sum-exp", lse_margins(logits, labels)?),
        ("legacy", legacy_margins(logits, labels)?),
    ] {
        for (low, high, count) in bins(&Histogram::over_range(&values, 20)) {
            csv.row(&[&name, &low, &high, &count]);
        }
    }
    Ok(csv.0)
}

fn likelihood_histogram(logits: Logits<f64>, labels: &[i64]) -> Result<String> {
    let mut csv = Csv::new("low,high,count");
    for (low, high, count) in bins(&Histogram::new(&likelihoods(logits, labels)?, 0.0, 1.0, 20)) {
        csv.row(&[&low, &high, &count]);
    }
    Ok(csv.0)
}

fn reliability_bins(
    logits: Logits<f64>,
    labels: &[i64],
    temperature: Option<f64>,
) -> Result<String> {
    let mut csv = Csv::new("temperature,bins,low,high,count,confidence,accuracy");
    for temperature in [Some(1.0), temperature].into_iter().flatten() {
        let scaled = scale(logits, temperature)?;
        let scaled = Logits::new(&scaled, logits.classes())?;
        for (name, bins) in [
            ("equal-width", reliability(scaled, labels, 15)?),
            ("equal-mass", reliability_equal_mass(scaled, labels, 15)?),
        ] {
            for ReliabilityBin { low, high, count, confidence, accuracy } in &bins {
                csv.row(&[&temperature, &name, low, high, count, confidence, accuracy]);
            }
        }
    }
    Ok(csv.0)
}

fn energy_profiles(logits: Logits<f64>, labels: &[i64]) -> Result<String> {
    let mut csv = Csv::new("label,class,energy");
    for (label, profile) in energy_profile(logits, labels)?.iter().enumerate() {
        for (class, energy) in profile.iter().flatten().enumerate() {
            csv.row(&[&label, &class, energy]);
        }
    }
    Ok(csv.0)
}

/// A cell is empty where a class has no such number.
fn classes(logits: Logits<f64>, labels: &[i64]) -> Result<String> {
    let confusion = Confusion::new(logits, labels)?;
    let gaps = energy_gaps(&energy_profile(logits, labels)?);
    let (accuracies, f1s) = (confusion.class_accuracy(), confusion.class_f1());
    let mut csv = Csv::new("class,examples,accuracy,f1,energy_gap");
    let cell = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    for (class, examples) in confusion.examples().iter().enumerate() {
        let [accuracy, f1, gap] = [accuracies[class], f1s[class], gaps[class]].map(cell);
        csv.row(&[&class, examples, &accuracy, &f1, &gap]);
    }
    Ok(csv.0)
}

/// The pairs that occur.
fn confusion(logits: Logits<f64>, labels: &[i64]) -> Result<String> {
    let mut csv = Csv::new("label,prediction,count");
    for (label, prediction, count) in Confusion::new(logits, labels)?.cells() {
        csv.row(&[&label, &prediction, &count]);
    }
    Ok(csv.0)
}

/// (low, high, count) of each bin.
fn bins(histogram: &Histogram) -> impl Iterator<Item = (f64, f64, u64)> {
    let Histogram { low, high, counts } = histogram;
    let bins = counts.len() as f64;
    let edge = move |i: usize| low + (high - low) * i as f64 / bins;
    counts.iter().enumerate().map(move |(i, count)| (edge(i), edge(i + 1), *count))
}
