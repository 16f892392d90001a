//! `steepness measure`: the measurements of arrays that were made elsewhere.

mod arrays;
mod curves;
mod list;

use std::path::PathBuf;

use arrays::{Table, integers, table};
use curves::{Curves, Sides};
use list::list;
use steepness_compare::measure::{
    Detection, Evidence, FeatureMap, Features, Groups, Logits, Mahalanobis, Neighbours, OodSummary,
    Pca, Positive, ProbeRecord, Representation, ScaledCalibration, Scores, Summary, Thresholds,
    Vim,
};
use steepness_compare::npy;
use steepness_compare::{Error, Result, Stop, console, durable};

use crate::numbers;
use crate::with_files::WithFiles;

/// Measure arrays made elsewhere: accuracy, likelihood, calibration, margins, energies, features
///
/// With logits of examples from another data set it also says how well their scores tell the two
/// sets apart; with features, what these are worth without their head. All shares are fractions.
///
/// ECE and MCE take 15 bins of equal width, the adaptive and the classwise ECE as many. Features of
/// more than 8192 rows and 8192 dimensions are refused.
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
    /// Which examples the false positive rate counts as positive: ours (in, as in the paper) or the
    /// foreign ones (out, as in OpenOOD)
    #[arg(long, value_name = "in|out", default_value = "in", value_parser = parse_positive)]
    positive: Positive,
    /// Temperature T of the free energy
    #[arg(long, value_name = "T", default_value_t = 1.0, value_parser = numbers::number, allow_negative_numbers = true)]
    energy_temperature: f64,

    /// Training examples of each class, (C,) whole numbers: adds the accuracy of classes with many,
    /// a medium number of and few of them
    #[arg(long, value_name = "C.npy")]
    train_counts: Option<PathBuf>,
    /// A class with more training examples has many
    #[arg(long, value_name = "N", default_value_t = Thresholds::default().many_above, value_parser = numbers::natural, allow_negative_numbers = true)]
    many_above: i64,
    /// A class with fewer training examples has few
    #[arg(long, value_name = "N", default_value_t = Thresholds::default().few_below, value_parser = numbers::natural, allow_negative_numbers = true)]
    few_below: i64,

    /// Logits of validation examples, (V, C) floats: adds the calibration with the temperature that
    /// fits them best
    #[arg(long, value_name = "V.npy", requires = "val_labels")]
    val_logits: Option<PathBuf>,
    /// Their labels
    #[arg(long, value_name = "V.npy", requires = "val_logits")]
    val_labels: Option<PathBuf>,

    /// Features of the labelled examples, (N, D) floats: adds nearest neighbours, class separation
    /// and a map
    #[arg(long, value_name = "F.npy")]
    features: Option<PathBuf>,
    /// Features of training examples, (T, D) floats: adds a new head
    #[arg(long, value_name = "F.npy", requires_all = ["features", "train_labels"])]
    train_features: Option<PathBuf>,
    /// Their labels
    #[arg(long, value_name = "Y.npy", requires = "train_features")]
    train_labels: Option<PathBuf>,
    /// Other labels of the labelled examples, (N,) whole numbers: adds a new head for them, the linear
    /// transfer to another task
    #[arg(long, value_name = "Y.npy", requires_all = ["features", "train_transfer_labels"])]
    transfer_labels: Option<PathBuf>,
    /// Those of the training examples
    #[arg(long, value_name = "Y.npy", requires_all = ["train_features", "transfer_labels"])]
    train_transfer_labels: Option<PathBuf>,
    /// Features of the out-of-distribution examples, (M, D) floats: adds scores of features
    #[arg(long, value_name = "F.npy", requires_all = ["train_features", "ood_logits"])]
    ood_features: Option<PathBuf>,
    /// Weights of the head, (C, D) floats: adds the ViM score
    #[arg(long, value_name = "W.npy", requires_all = ["ood_features", "head_bias"])]
    head_weights: Option<PathBuf>,
    /// Its bias, (C,) floats
    #[arg(long, value_name = "B.npy", requires = "head_weights")]
    head_bias: Option<PathBuf>,
    /// Add a t-SNE map of the features, of 2000 at most; it takes up to ten seconds
    #[arg(long, requires = "features")]
    tsne: bool,
    /// Neighbours that vote on a label
    #[arg(long, value_name = "K", default_value_t = 20, value_parser = numbers::size, allow_negative_numbers = true)]
    neighbours: usize,
    /// The neighbour whose distance is the k-nearest-neighbour score
    #[arg(long, value_name = "K", default_value_t = 50, value_parser = numbers::size, allow_negative_numbers = true)]
    ood_neighbours: usize,
    /// Penalty of the new head's weights
    #[arg(long, value_name = "LAMBDA", default_value_t = 1e-3, value_parser = numbers::number, allow_negative_numbers = true)]
    penalty: f64,

    /// Folder for summary.json and a CSV file of every histogram and curve
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object; a value that is infinite or does not exist is null
    #[arg(long)]
    json: bool,
}

fn parse_positive(word: &str) -> std::result::Result<Positive, String> {
    match word {
        "in" => Ok(Positive::In),
        "out" => Ok(Positive::Out),
        _ => Err("expected in or out".into()),
    }
}

/// Measures, saves and prints.
///
/// # Errors
/// Files that are missing, malformed or do not fit each other, or cannot be written.
pub fn run(args: Args) -> Result<()> {
    let (summary, curves) = measure(&args)?;
    let json = || {
        let json = serde_json::to_string(&summary).map_err(|e| Error::failed("", e));
        json.map(|json| json + "\n")
    };
    if let Some(folder) = &args.out {
        curves.write(folder)?;
        durable::write(&folder.join("summary.json"), json()?.as_bytes())?;
    }
    let text = if args.json { json()? } else { list(&summary) };
    console::print(&text)
}

fn measure(args: &Args) -> Result<(Summary, Curves)> {
    let table_of_logits = Table::read(&args.logits)?;
    let logits = table_of_logits.logits()?;
    let labels = npy::integers(&args.labels)?;
    let of_labels = [args.logits.as_path(), &args.labels];
    let mut summary = Summary::new(logits, &labels).of(of_labels)?;
    let (table_of_known, known) = (table(&args.val_logits)?, integers(&args.val_labels)?);
    let validation = match (&table_of_known, &known) {
        (Some(table), Some(known)) => Some((table.logits()?, &known[..])),
        _ => None,
    };
    if let Some((validation, known)) = validation {
        let recalibrated = ScaledCalibration::new(logits, &labels, validation, known);
        summary.recalibrated = recalibrated.of(both(&args.val_logits, &args.val_labels))?;
    }
    let counts = integers(&args.train_counts)?;
    if let Some(counts) = &counts {
        let thresholds = Thresholds { many_above: args.many_above, few_below: args.few_below };
        let groups = Groups::with(thresholds, logits, &labels, counts);
        summary.groups = Some(groups.of(args.train_counts.as_deref())?);
    }
    let temperature = summary.recalibrated.map(|after| after.temperature);
    let mut curves = Curves::new(logits, &labels, temperature)?;
    let mut scores = Vec::new();
    let table_of_foreign = table(&args.ood_logits)?;
    let foreign = table_of_foreign.as_ref().map(Table::logits).transpose()?;
    if let Some(outside) = foreign {
        let ood = of_logits(args, logits, outside, &mut scores);
        summary.ood = Some(ood.of(args.ood_logits.as_deref())?);
    }
    let features = table(&args.features)?;
    if let Some(features) = &features {
        of_features(args, features, &labels, &mut summary, &mut curves, &mut scores)?;
    }
    let features = features.as_ref().map(Table::features).transpose()?;
    let evidence = Evidence {
        validation,
        train_counts: counts.as_deref(),
        features: features.map(|features| (features, &labels[..])),
        foreign,
        ..Evidence::new(logits, &labels)
    };
    evidence.measure(&mut summary.numbers)?;
    if !scores.is_empty() {
        curves.scores(&scores)?;
    }
    Ok((summary, curves))
}

/// The paths that are there.
fn both<'a>(
    one: &'a Option<PathBuf>,
    other: &'a Option<PathBuf>,
) -> impl Iterator<Item = &'a std::path::Path> {
    [one, other].into_iter().flatten().map(PathBuf::as_path)
}

/// Detection by logits; the scores are kept for their curves.
fn of_logits(
    args: &Args,
    inside: Logits<f64>,
    outside: Logits<f64>,
    scores: &mut Vec<Sides>,
) -> Result<OodSummary> {
    let score = |logits| Scores::with_temperature(logits, args.energy_temperature);
    let (inside, outside) = (score(inside)?, score(outside)?);
    let ood = OodSummary::new(&inside, &outside, args.positive)?;
    scores.extend([
        ("energy", inside.energy, outside.energy),
        ("free_energy", inside.free_energy, outside.free_energy),
        ("msp", inside.msp, outside.msp),
    ]);
    Ok(ood)
}

/// The representation, its map, and detection by features.
fn of_features(
    args: &Args,
    features: &Table,
    labels: &[i64],
    summary: &mut Summary,
    curves: &mut Curves,
    scores: &mut Vec<Sides>,
) -> Result<()> {
    // A signal ends the program at once: there is nothing to be saved.
    let stop = Stop::never();
    let features = features.features()?;
    let (table_of_train, known) = (table(&args.train_features)?, integers(&args.train_labels)?);
    let train = match (&table_of_train, &known) {
        (Some(table), Some(known)) => Some((table.features()?, &known[..])),
        _ => None,
    };
    let axes = features.columns().min(2);
    let pca = Pca::fit(features, axes, stop).of(args.features.as_deref())?;
    let (neighbours, penalty) = (args.neighbours, args.penalty);
    let representation =
        Representation::new(features, labels, train, &pca, neighbours, Some(penalty), stop);
    let files = [&args.features, &args.train_features, &args.train_labels].into_iter();
    summary.representation = Some(representation.of(files.flatten().map(PathBuf::as_path))?);
    let others = (integers(&args.transfer_labels)?, integers(&args.train_transfer_labels)?);
    if let ((Some(labels), Some(known)), Some((train, _))) = (others, train) {
        let transfer = ProbeRecord::new(train, &known, features, &labels, penalty, stop);
        let files = both(&args.transfer_labels, &args.train_transfer_labels);
        summary.transfer = Some(transfer.of(files)?);
    }
    let mut map = vec![("inside", Some(labels), pca.project(features)?)];
    let outside = table(&args.ood_features)?;
    if let (Some(outside), Some((train, known)), Some(ood)) = (outside, train, &mut summary.ood) {
        let outside = outside.features()?;
        if outside.rows() != ood.examples {
            let problem = format!(
                "{} rows of out-of-distribution features for {} rows of logits",
                outside.rows(),
                ood.examples
            );
            return Err(Error::Request(problem)).of(both(&args.ood_features, &args.ood_logits));
        }
        let of_outside = || args.ood_features.as_deref();
        map.push(("outside", None, pca.project(outside).of(of_outside())?));
        let mut judge = |name, inside: Vec<f64>, outside: Vec<f64>| -> Result<Detection> {
            let detection = Detection::new(&inside, &outside, args.positive)?;
            scores.push((name, inside, outside));
            Ok(detection)
        };
        let of_train = || both(&args.train_features, &args.train_labels);
        let mahalanobis = Mahalanobis::fit(train, known, stop).of(of_train())?;
        let theirs = mahalanobis.scores(outside).of(of_outside())?;
        let ours = mahalanobis.scores(features).of(args.features.as_deref())?;
        ood.mahalanobis = Some(judge("mahalanobis", ours, theirs)?);
        let neighbours = Neighbours::fit(train, args.ood_neighbours).of(of_train())?;
        let (ours, theirs) =
            (neighbours.scores(features, stop)?, neighbours.scores(outside, stop)?);
        ood.knn = Some(judge("knn", ours, theirs)?);
        if let (Some(weights), Some(bias)) = (table(&args.head_weights)?, &args.head_bias) {
            let principal = Vim::usual_principal(train.columns());
            let vim = Vim::fit(train, weights.features()?, &npy::floats(bias)?, principal, stop);
            let vim = vim.of(both(&args.head_weights, &args.head_bias))?;
            ood.vim = Some(judge("vim", vim.scores(features)?, vim.scores(outside)?)?);
        }
    }
    curves.map(axes, &map);
    if args.tsne
        && let Some(map) = neighbourhoods(features, labels, stop)?
    {
        curves.tsne(&map);
    }
    Ok(())
}

/// The map by t-SNE of 2000 examples at most, evenly spaced; `None` for less than ten.
fn neighbourhoods(
    features: Features<f64>,
    labels: &[i64],
    stop: Stop,
) -> Result<Option<FeatureMap>> {
    const MAPPED: usize = 2000;
    let step = features.rows().div_ceil(MAPPED);
    let few: Vec<f64> = features.iter().step_by(step).flatten().copied().collect();
    let labels: Vec<i64> = labels.iter().copied().step_by(step).collect();
    Ok(FeatureMap::new(Features::new(&few, features.columns())?, &labels, stop)?)
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

    fn summary(args: &Args) -> Result<Summary> {
        measure(args).map(|(summary, _)| summary)
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
        assert_eq!(list(&plain).lines().count(), 18 + plain.numbers.len());
        let json = serde_json::to_value(&plain).unwrap();
        for absent in ["ood", "groups", "recalibrated", "representation"] {
            assert!(json.get(absent).is_none(), "{absent}");
        }

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
        assert!(text.contains("groups.few                              no class\n"), "{text}");
        assert!(text.contains("4 examples against 2; positive class: in-distribution"), "{text}");
    }

    #[test]
    fn keys_stay_what_they_were() {
        let folder = folder();
        npy::write_matrix(&folder.path().join("o.npy"), &[1.0f64, 0.0, 0.5], 3).unwrap();
        npy::write_vector(&folder.path().join("c.npy"), &[500i64, 20, 50]).unwrap();
        let more = [("--ood-logits", "o.npy"), ("--train-counts", "c.npy")];
        let json = serde_json::to_value(summary(&args(&folder, &more)).unwrap()).unwrap();
        for key in ["examples", "classes", "accuracy", "nll", "ece", "margin_mean"] {
            assert!(json[key].is_number(), "{key}");
        }
        assert!(json["margin_median"].is_number() && json["energy_mean"].is_number());
        assert!(json["ood"]["positive"].is_string() && json["ood"]["examples"] == 1);
        for score in ["energy", "free_energy", "msp"] {
            assert!(
                json["ood"][score]["auroc"].is_number() && json["ood"][score]["fpr95"].is_number()
            );
        }
        assert!(json["groups"].get("many").is_some() && json["groups"].get("few").is_some());
    }

    /// Four labelled examples of two dimensions with logits, six for training, two from elsewhere.
    fn folder_with_features() -> TempDir {
        let folder = folder();
        let matrix = |name: &str, values: &[f64], columns| {
            npy::write_matrix(&folder.path().join(name), values, columns).unwrap();
        };
        matrix("f.npy", &[9.0, 0.5, 1.0, 8.0, -7.0, -6.0, 2.0, 9.0], 2);
        let train = [8.0, 1.0, 9.0, 0.0, 0.5, 9.0, 2.0, 8.0, -6.0, -7.0, -8.0, -7.5];
        matrix("tf.npy", &train, 2);
        npy::write_vector(&folder.path().join("ty.npy"), &[0i64, 0, 1, 1, 2, 2]).unwrap();
        matrix("of.npy", &[-5.0, 5.0, 5.0, -9.0], 2);
        matrix("o.npy", &[1.0, 0.0, 0.5, 0.2, 0.3, 2.5], 3);
        matrix("w.npy", &[1.0, 0.0, 0.0, 1.0, -0.7, -0.7], 2);
        npy::write_vector(&folder.path().join("b.npy"), &[0.1f64, 0.0, -0.1]).unwrap();
        matrix("v.npy", &[2.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3);
        npy::write_vector(&folder.path().join("vy.npy"), &[0i64, 1, 1]).unwrap();
        folder
    }

    const ALL: [(&str, &str); 9] = [
        ("--features", "f.npy"),
        ("--train-features", "tf.npy"),
        ("--train-labels", "ty.npy"),
        ("--ood-logits", "o.npy"),
        ("--ood-features", "of.npy"),
        ("--head-weights", "w.npy"),
        ("--head-bias", "b.npy"),
        ("--val-logits", "v.npy"),
        ("--val-labels", "vy.npy"),
    ];

    fn few_neighbours(folder: &TempDir, more: &[(&str, &str)]) -> Args {
        Args { neighbours: 2, ood_neighbours: 2, ..args(folder, more) }
    }

    #[test]
    fn a_map_of_neighbourhoods_is_made_where_asked_for() {
        let values: Vec<f64> = (0..24).map(|i| f64::from(i * i % 17)).collect();
        let features = Features::new(&values, 2).unwrap();
        let map = neighbourhoods(features, &[1; 12], Stop::never()).unwrap().unwrap();
        assert_eq!(map.tsne.len(), 12);
        let few = Features::new(&values[..8], 2).unwrap();
        assert!(neighbourhoods(few, &[1; 4], Stop::never()).unwrap().is_none());
    }

    #[test]
    fn another_label_set_is_a_transfer() {
        let folder = folder_with_features();
        npy::write_vector(&folder.path().join("z.npy"), &[7i64, 7, 9, 7]).unwrap();
        npy::write_vector(&folder.path().join("tz.npy"), &[7i64, 7, 7, 7, 9, 9]).unwrap();
        let more = [("--transfer-labels", "z.npy"), ("--train-transfer-labels", "tz.npy")];
        let args = few_neighbours(&folder, &[&ALL[..], &more].concat());
        let transfer = summary(&args).unwrap().transfer.unwrap();
        assert_eq!((transfer.accuracy, transfer.train_accuracy), (1.0, 1.0));
    }

    #[test]
    fn features_are_measured_and_saved() {
        let folder = folder_with_features();
        let args = Args { positive: Positive::Out, ..few_neighbours(&folder, &ALL) };
        let (summary, curves) = measure(&args).unwrap();
        let representation = summary.representation.as_ref().unwrap();
        assert_eq!((representation.knn_cosine, representation.knn_euclidean), (1.0, 1.0));
        assert_eq!(representation.probe.unwrap().accuracy, 1.0);
        let ood = summary.ood.as_ref().unwrap();
        assert_eq!(ood.positive, "out-of-distribution");
        let scores: Vec<_> = ood.scores().map(|(name, _)| name).collect();
        assert_eq!(scores, ["energy", "free_energy", "msp", "mahalanobis", "knn", "vim"]);
        let [mahalanobis, knn] = [ood.mahalanobis, ood.knn].map(Option::unwrap);
        assert_eq!((mahalanobis.auroc, mahalanobis.fpr95, knn.auroc), (1.0, 0.0, 1.0));
        assert!(summary.recalibrated.unwrap().temperature > 0.0);
        assert!(list(&summary).contains("representation.probe.accuracy"));

        let out = folder.path().join("out");
        curves.write(&out).unwrap();
        let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
        let lines = |name: &str| read(name).lines().count();
        assert_eq!((lines("margins.csv"), lines("likelihood.csv")), (1 + 3 * 20, 1 + 20));
        assert_eq!((lines("energy_profiles.csv"), lines("classes.csv")), (1 + 9, 1 + 3));
        assert_eq!((lines("reliability.csv"), lines("confusion.csv")), (1 + 2 * (15 + 4), 1 + 4));
        assert_eq!((lines("ood_scores.csv"), lines("features.csv")), (1 + 6 * 30, 1 + 4 + 2));
        assert!(read("features.csv").contains("\noutside,,"));
        assert!(read("classes.csv").contains("\n1,2,0.5,"), "{}", read("classes.csv"));
        assert!(read("ood_roc.csv").ends_with("vim,1,1\n"));
    }

    #[test]
    fn without_training_features_the_others_vote() {
        let folder = folder_with_features();
        let args = few_neighbours(&folder, &[("--features", "f.npy")]);
        let representation = summary(&args).unwrap().representation.unwrap();
        assert!(representation.left_out && representation.probe.is_none());
        let too_many = Args { neighbours: 4, ..args };
        assert!(summary(&too_many).unwrap_err().to_string().contains("4 neighbours"));
    }

    #[test]
    fn features_must_fit() {
        let folder = folder_with_features();
        let complaint = || {
            let error = summary(&few_neighbours(&folder, &ALL)).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        npy::write_matrix(&folder.path().join("of.npy"), &[0.0f32; 6], 2).unwrap();
        assert!(complaint().contains("3 rows of out-of-distribution features for 2 rows"));
        npy::write_matrix(&folder.path().join("tf.npy"), &[0.5f32; 18], 3).unwrap();
        assert!(complaint().contains("2 dimensions, not 3"), "{}", complaint());
        npy::write_matrix(&folder.path().join("f.npy"), &[f32::INFINITY; 8], 2).unwrap();
        let infinite = complaint();
        assert!(infinite.contains("f.npy") && infinite.contains("row 0, column 0"), "{infinite}");
    }

    /// 60,000 dimensions squared would be 28.8 GB.
    #[test]
    fn two_rows_of_many_dimensions_take_no_memory() {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        npy::write_matrix(&path("l.npy"), &[1.0f32, 0.0, 0.0, 1.0], 2).unwrap();
        npy::write_vector(&path("y.npy"), &[0i64, 1]).unwrap();
        let features: Vec<f32> = (0..120_000).map(|at| (at % 7) as f32).collect();
        npy::write_matrix(&path("f.npy"), &features, 60_000).unwrap();
        let args = args(&folder, &[("--features", "f.npy")]);
        let found = summary(&Args { neighbours: 1, ..args }).unwrap().representation.unwrap();
        assert_eq!((found.dimensions, found.pca_explained.len()), (60_000, 2));
        assert!((found.pca_explained[0] - 1.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn what_belongs_together_is_asked_for() {
        let parse = |more: &[&str]| {
            let line = ["measure", "--logits", "l", "--labels", "y"].into_iter();
            Program::try_parse_from(line.chain(more.iter().copied()))
        };
        assert!(parse(&[]).is_ok() && parse(&["--positive", "out"]).is_ok());
        for alone in [
            ["--val-logits", "x"],
            ["--train-features", "x"],
            ["--ood-features", "x"],
            ["--head-weights", "x"],
            ["--transfer-labels", "x"],
            ["--positive", "both"],
        ] {
            assert!(parse(&alone).is_err(), "{alone:?}");
        }
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
