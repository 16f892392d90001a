//! A made-up comparison for the tests of this module. Its numbers mean nothing.

use crate::measure::*;
use crate::tune::{Score, TuningResult};
use crate::{Comparison, EpochMetrics, ExampleDifferences, Group, Plan, Run, Select, Signature};
use std::path::Path;

/// Epochs of every run.
pub const EPOCHS: usize = 12;
const NAMES: [&str; 10] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// Runs of these losses with the seeds 1, 2, …; the further down the list, the larger its margins.
pub fn comparison(losses: &[&str], seeds: usize) -> Comparison {
    let seeds: Vec<u64> = (1..=seeds as u64).collect();
    let groups = losses.iter().enumerate().map(|(at, loss)| Group {
        setting: loss.parse::<steepness::Loss>().expect("a loss spec").into(),
        runs: seeds.iter().map(|seed| run(at as f64, *seed)).collect(),
    });
    Comparison {
        name: "digits".to_owned(),
        data: "Made-up digits: 1000 for training, 300 for validation, 300 for testing.".to_owned(),
        classes: NAMES.map(str::to_owned).to_vec(),
        select: Select::Best,
        primary: None,
        sweep: None,
        directions: Default::default(),
        groups: groups.collect(),
        examples: ExampleDifferences::NotAsked,
        worth: None,
        tuned: None,
        panels: Vec::new(),
        signature: Signature {
            recipe: "0123456789ab".to_owned(),
            seeds,
            selection: "best validation accuracy".to_owned(),
            libraries: vec!["tch 0.24.0".to_owned(), "libtorch 2.11.0".to_owned()],
            version: "0.1.0".to_owned(),
        },
    }
}

/// The same with test parts that overlap like that.
pub fn overlapping(mut comparison: Comparison, overlap: Overlap) -> Comparison {
    for run in comparison.groups.iter_mut().flat_map(|group| &mut group.runs) {
        run.measures.overlap = Some(overlap);
    }
    comparison
}

/// The same where a learning rate was tuned with one seed: the first loss took the smaller of two, the
/// others the larger, and all had the smaller one before.
pub fn tuned(comparison: Comparison) -> Comparison {
    let specs: Vec<String> =
        comparison.groups.iter().map(|group| format!("{:?}", group.setting.to_string())).collect();
    let text = format!(
        "name = \"x\"\nlosses = [{}]\nseeds = [0]\n[run]\ncommand = [\"t\"]\n\
         [tune]\nlr = [0.01, 0.1]\nseeds = 1\n",
        specs.join(", ")
    );
    let plan = Plan::parse(Path::new("sample"), &text).expect("a recipe");
    let tuning = plan.tuning().expect("it is sound").expect("it is tuned");
    let rows = plan.rows().expect("it is sound");
    let score = |value| Some(Score { value, nll: None });
    let of_point = |[first, others]: [f64; 2]| {
        (0..rows.len()).map(move |row| score(if row == 0 { first } else { others }))
    };
    let scores: Vec<_> = [[91.0, 80.0], [90.0, 93.0]].into_iter().flat_map(of_point).collect();
    let tuned = TuningResult::choose(&tuning, &rows, &scores).expect("all are there");
    let shared = comparison.clone();
    comparison.tuned_with(tuned, shared)
}

/// Noise in [−1, 1] from three numbers.
fn noise(a: f64, b: f64, c: f64) -> f64 {
    ((a * 12.9898 + b * 78.233 + c * 37.719).sin() * 43758.5453).fract()
}

fn run(loss: f64, seed: u64) -> Run {
    let s = seed as f64;
    let noise = |at: f64| noise(loss + 1.0, s, at);
    let epochs = (1..=EPOCHS).map(|epoch| {
        let e = epoch as f64;
        let error = 0.5 * (-0.9 * e).exp() + 0.02 + 0.004 * noise(e);
        EpochMetrics {
            epoch,
            lr: 0.1,
            train_loss: error,
            train_accuracy: 1.0 - error,
            grad_norm: 2.0 * error,
            skipped: 0,
            val_nll: 3.5 * error * (1.0 + 0.4 * loss),
            val_accuracy: 1.0 - error + 0.002 * loss,
            val_margin: Some((3.0 + 4.0 * loss) * (1.0 - error)),
            val_energy: Some(-(5.0 + 6.0 * loss) * (1.0 - error)),
            seconds: 1.0 + noise(e),
        }
    });
    let center = 6.0 + 9.0 * loss + noise(0.1);
    let width = 5.0 + 6.0 * loss;
    let bell = |low: f64, high: f64, bins: usize, center: f64, width: f64, total: f64| {
        let step = (high - low) / bins as f64;
        let share = |at: usize| {
            let x = (low + step * (at as f64 + 0.5) - center) / width;
            total * step / width * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
        };
        Histogram { low, high, counts: (0..bins).map(|at| share(at).round() as u64).collect() }
    };
    let score = |shift: f64| OodScore {
        auroc: 0.93 + 0.012 * loss + 0.004 * noise(shift),
        fpr95: 0.3 - 0.05 * loss + 0.02 * noise(shift + 1.0),
        aupr_in: None,
        aupr_out: None,
        inside: bell(-5.0, 25.0 + 12.0 * loss, 30, center + 4.0, 0.5 * width, 300.0),
        outside: bell(-5.0, 25.0 + 12.0 * loss, 30, 0.45 * center + 3.0, 0.5 * width, 300.0),
    };
    let attacked = |name: &str, title: &str, fall: f64| RobustnessCurve {
        attack: name.to_owned(),
        title: title.to_owned(),
        setting: if name == "fgsm" { "one step" } else { "10 steps of ε/4, no random start" }
            .to_owned(),
        points: [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
            .map(|e: f64| {
                let fall = fall * (1.0 - 0.12 * loss) * (1.0 + 0.08 * noise(fall));
                (e, 0.98 / (1.0 + (fall * e).powi(3)))
            })
            .to_vec(),
        zero_gradient: 0.03 * loss,
        faint_gradient: 0.0,
        norm: "linf".to_owned(),
        objective: "ce".to_owned(),
        gradients: 0,
        reach: None,
        examples: 300,
    };
    let bins = |k: usize, n: usize| (k as f64 / n as f64, (k + 1) as f64 / n as f64);
    let reliability = (0..15).map(|k| {
        let (low, high) = bins(k, 15);
        let middle = (low + high) / 2.0;
        let count = if k == 14 { 270 } else { (k as u64 * (seed + 2)) % 5 };
        let filled = f64::from(u8::from(count > 0));
        let accuracy = (middle - 0.1 * loss * (1.0 - middle) + 0.05 * noise(middle)).max(0.0);
        ReliabilityBin {
            low,
            high,
            count,
            confidence: filled * middle,
            accuracy: filled * accuracy,
        }
    });
    let reliability: Vec<ReliabilityBin> = reliability.collect();
    let closer = |bin: &ReliabilityBin| ReliabilityBin {
        accuracy: (bin.accuracy + bin.confidence) / 2.0,
        ..bin.clone()
    };
    let recalibrated = reliability.iter().map(closer).collect();
    let steepness = (0..20).map(|k| {
        let (low, high) = bins(k, 20);
        let p = (low + high) / 2.0;
        let count = if k == 19 { 260 } else { (k as u64 * 7 + seed) % 4 };
        let gradient = (1.0 - p).powf(1.0 / (1.0 + 2.0 * loss)).min(1.0);
        SteepnessBin { low, high, count, gradient: if count > 0 { gradient } else { 0.0 } }
    });
    let profile = |class: usize| {
        let energy = |k: usize| {
            if k == class {
                -center
            } else {
                (1.0 + loss) * (((k * 7 + class * 3) % 10) as f64 - 3.0) + 0.3 * noise(k as f64)
            }
        };
        Some((0..10).map(energy).collect())
    };
    // A tenth of each class is taken for the next one.
    let confusion = (0..10).flat_map(|k| [(k, k, 27), (k, (k + 1) % 10, 3)]).collect();
    let places = |scale: f64| -> Vec<[f64; 2]> {
        let angle = |k: usize| (k % 10) as f64 / 1.6 + 0.2 * noise(k as f64);
        (0..30).map(|k| [scale * angle(k).cos(), scale * angle(k).sin()]).collect()
    };
    let map = FeatureMap {
        labels: (0..30).map(|k| k % 10).collect(),
        pca: places(1.0),
        tsne: places(30.0),
    };
    let mut likelihood: Vec<u64> = (0..20).map(|k| (k * 5 + seed) % 3).collect();
    likelihood[19] = 260;
    let margins = bell(-8.0 - loss, 30.0 + 25.0 * loss + noise(0.2), 20, center, width, 300.0);
    // As a command would log it.
    let logged = |epoch: u32| {
        let value = f64::from(epoch) + seed as f64;
        [("epoch".to_owned(), f64::from(epoch)), ("bpc".to_owned(), value)].into()
    };
    Run {
        seed,
        tests: Default::default(),
        own: Default::default(),
        own_epochs: (1..=5).map(logged).collect(),
        epochs: epochs.collect(),
        measures: Measures {
            examples: 300,
            accuracy: 0.975 + 0.003 * loss + 0.004 * noise(1.0),
            nll: 0.08 + 0.03 * loss + 0.01 * noise(2.0),
            ece: 0.012 + 0.004 * loss + 0.002 * noise(3.0),
            margin: Spread { mean: center, median: center, histogram: margins },
            energy_mean: -center,
            energy_profile: (0..10).map(profile).collect(),
            likelihood: Histogram { low: 0.0, high: 1.0, counts: likelihood },
            reliability,
            steepness: steepness.collect(),
            ood: vec![Ood {
                data: "clothes".to_owned(),
                examples: 300,
                positive: "in-distribution".to_owned(),
                energy: score(4.0),
                free_energy: score(6.0),
                msp: score(8.0),
                distance: Some(Distance::Far),
                others: [("knn".to_owned(), score(10.0))].into(),
            }],
            robustness: vec![attacked("fgsm", "FGSM", 6.0), attacked("pgd-linf", "PGD-L∞", 9.0)],
            epoch: None,
            overlap: Some(Overlap::None),
            first_stage_accuracy: None,
            probe_accuracy: None,
            margin_lse_mean: Some(0.9 * center),
            margin_legacy_mean: None,
            train: Some(TrainMeasures {
                examples: 1000,
                accuracy: 0.999,
                margin: Spread {
                    mean: 1.2 * center,
                    median: 1.2 * center,
                    histogram: bell(-4.0, 34.0 + 25.0 * loss, 20, 1.2 * center, width, 1000.0),
                },
                energy_mean: -1.2 * center,
            }),
            calibration: None,
            recalibrated: None,
            reliability_recalibrated: recalibrated,
            confusion,
            balance: None,
            binary: None,
            groups: None,
            representation: None,
            translation: None,
            numbers: Default::default(),
        },
        map: Some(map),
    }
}
