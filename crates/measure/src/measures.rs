//! [`Measures`]: everything measured on one run, the contents of its `measure.json`.

use super::{
    Binary, Calibration, Confusion, Evidence, Groups, Logit, Logits, Number, Overlap,
    Representation, RobustnessCurve, ScaledCalibration, TrainMeasures, accuracy, ece,
    energy_profile, label_energy, legacy_margins, likelihoods, lse_margins, margins, mean, median,
    nll, reliability, scale, steepness, translation,
};
use crate::card::{Card, Direction, Range, Source};
use crate::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

pub(crate) const EPOCH: Card = Card {
    key: "epoch",
    title: "epoch measured",
    unit: "",
    direction: Direction::Undefined,
    decimals: 1,
    meaning: "the epoch after which the weights are those that were measured",
    range: Range::NotNegative,
    source: Source::Epoch,
};

/// Classes whose energies are recorded, each for every other.
const MOST_PROFILED: usize = 1000;

/// Everything that was measured on one run's held-out examples; the default is what there is without
/// any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Held-out examples measured.
    pub examples: usize,
    /// Share of examples whose largest logit is the label's.
    pub accuracy: f64,
    /// Mean −log p of the label, in nats.
    pub nll: f64,
    /// Expected calibration error, 15 equal-width bins.
    pub ece: f64,
    /// z_y − max_{k≠y} z_k.
    pub margin: Spread,
    /// Mean conditional energy of the label, −z_y.
    pub energy_mean: f64,
    /// For each class c, the mean over examples of c of the energies −z, one value a class.
    /// `None` for a class without examples; empty with more than 1000 classes, whose
    /// squares nobody could look at.
    pub energy_profile: Vec<Option<Vec<f64>>>,
    /// Histogram of the label's probability, 20 bins over \[0, 1\].
    pub likelihood: Histogram,
    /// The bins behind `ece`.
    pub reliability: Vec<ReliabilityBin>,
    /// The steepness actually felt: mean |∂L/∂z_y| of examples by their p, 20 bins over \[0, 1\].
    pub steepness: Vec<SteepnessBin>,
    /// Detection of examples from other data sets, where some were given.
    #[serde(deserialize_with = "none_one_or_many")]
    pub ood: Vec<Ood>,
    /// Accuracy under attack, one curve an attack.
    pub robustness: Vec<RobustnessCurve>,
    /// The epoch whose weights these are, from 1; not in older records, nor of logits from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<usize>,
    /// What the test parts of other seeds share with these examples; not in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    /// Accuracy before the classifier was trained anew, where there was such a second stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_stage_accuracy: Option<f64>,
    /// Accuracy of a linear classifier that cross entropy made of the frozen features, where asked
    /// for (the paper's §5.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_accuracy: Option<f64>,
    /// Means of the log-sum-exp margin and of the margin as the authors measured it; not in older
    /// records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_lse_mean: Option<f64>,
    /// See [`super::legacy_margins`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_legacy_mean: Option<f64>,
    /// The same of training examples, where they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<TrainMeasures>,
    /// How far the probabilities can be believed; not in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// The same after temperature scaling, where validation examples were given; see
    /// [`Measures::recalibrate`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalibrated: Option<ScaledCalibration>,
    /// The bins of the equal-width error there; empty without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reliability_recalibrated: Vec<ReliabilityBin>,
    /// (label, prediction, count) of the pairs that occur; not in older records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<(usize, usize, u64)>,
    /// What rare classes weigh as much in as frequent ones; not in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// How well two classes are told apart at all thresholds; not in older records, nor of more
    /// classes, nor of a test part without one of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<Binary>,
    /// Accuracy of classes with many, some and few training examples, where the classes are not all
    /// in one of these groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
    /// What the features are worth, where there were some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub representation: Option<Representation>,
    /// How good whole translations are, of sentence pairs; everything else is then of single words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translation: Option<translation::Quality>,
    /// Measurements that are a single number, by the keys of their cards; see [`super::Source`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, f64>,
}

/// Older records hold one data set or none.
fn none_one_or_many<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<Ood>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Sets {
        Many(Vec<Ood>),
        One(Box<Ood>),
        None,
    }
    Ok(match Sets::deserialize(from)? {
        Sets::Many(sets) => sets,
        Sets::One(set) => vec![*set],
        Sets::None => Vec::new(),
    })
}

impl Measures {
    /// Measures everything that needs arrays only; [`Measures::ood`] and [`Measures::robustness`]
    /// start empty, to be filled by who has the other data set and the model.
    ///
    /// `labels`: one class a row. `gradients`: ∂L/∂z_y of each row's own loss, not divided by the
    /// number of rows.
    ///
    /// # Errors
    /// A single class; labels or gradients that do not fit the logits; a logit of −∞, because a
    /// record of infinite margins and energies could not be read back from JSON.
    pub fn new<T: Number>(logits: Logits<T>, labels: &[i64], gradients: &[T]) -> Result<Self> {
        for (row, values) in logits.iter().enumerate() {
            if let Some(column) = values.iter().position(|&z| z.into() == f64::NEG_INFINITY) {
                return Err(Error::Request(format!(
                    "the logit in row {row}, column {column} is -inf: its energy cannot be recorded"
                )));
            }
        }
        let likelihoods = likelihoods(logits, labels)?;
        let mut numbers = BTreeMap::new();
        Evidence::new(logits, labels).measure(&mut numbers)?;
        let confusion = Confusion::new(logits, labels)?;
        let reliability = reliability(logits, labels, 15)?;
        Ok(Self {
            examples: logits.rows(),
            accuracy: accuracy(logits, labels)?,
            nll: nll(logits, labels)?,
            ece: ece(&reliability),
            margin: Spread::new(&margins(logits, labels)?)?,
            energy_mean: label_energy(logits, labels)?,
            energy_profile: match logits.classes() {
                0..=MOST_PROFILED => energy_profile(logits, labels)?,
                _ => Vec::new(),
            },
            likelihood: Histogram::new(&likelihoods, 0.0, 1.0, 20),
            reliability,
            steepness: steepness(&likelihoods, gradients, 20)?,
            ood: Vec::new(),
            robustness: Vec::new(),
            epoch: None,
            overlap: None,
            first_stage_accuracy: None,
            probe_accuracy: None,
            margin_lse_mean: mean(&lse_margins(logits, labels)?),
            margin_legacy_mean: mean(&legacy_margins(logits, labels)?),
            train: None,
            calibration: Some(Calibration::new(logits, labels)?),
            recalibrated: None,
            reliability_recalibrated: Vec::new(),
            confusion: confusion.cells().collect(),
            balance: Some(Balance::new(&confusion)),
            binary: Binary::new(logits, labels)?,
            groups: None,
            representation: None,
            translation: None,
            numbers,
        })
    }

    /// Fits a temperature to validation examples and records the calibration of `logits`, those
    /// that were measured, with it. Without a best temperature the record stays empty.
    ///
    /// # Errors
    /// As [`ScaledCalibration::new`].
    pub fn recalibrate<T: Logit>(
        &mut self,
        logits: Logits<T>,
        labels: &[i64],
        validation_logits: Logits<T>,
        validation_labels: &[i64],
    ) -> Result<()> {
        self.recalibrated =
            ScaledCalibration::new(logits, labels, validation_logits, validation_labels)?;
        if let Some(ScaledCalibration { temperature, .. }) = self.recalibrated {
            let scaled = scale(logits, temperature)?;
            let scaled = Logits::new(&scaled, logits.classes())?;
            self.reliability_recalibrated = reliability(scaled, labels, 15)?;
        }
        Ok(())
    }
}

/// Means over classes instead of examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Mean F1 score of the classes that occur or are predicted.
    pub macro_f1: f64,
    /// Mean accuracy of the classes that have examples.
    pub balanced_accuracy: f64,
}

impl Balance {
    /// Reads them off the confusion matrix.
    pub fn new(confusion: &Confusion) -> Self {
        Self { macro_f1: confusion.macro_f1(), balanced_accuracy: confusion.balanced_accuracy() }
    }
}

impl Spread {
    /// Describes `values`, which are finite.
    ///
    /// # Errors
    /// No values.
    pub fn new(values: &[f64]) -> Result<Self> {
        let (Some(mean), Some(median)) = (mean(values), median(values)) else {
            return Err(Error::Request("no values have no mean".into()));
        };
        Ok(Self { mean, median, histogram: Histogram::over_range(values, 20) })
    }
}

/// Mean, median and histogram of one value an example.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Median; the mean of the middle two for an even count.
    pub median: f64,
    /// 20 equal-width bins over the range of the values.
    pub histogram: Histogram,
}

/// Counts in equal-width bins over \[`low`, `high`\]; the last bin is closed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Left edge of the first bin.
    pub low: f64,
    /// Right edge of the last bin.
    pub high: f64,
    /// Examples in each bin.
    pub counts: Vec<u64>,
}

/// One bin (low, high] of confidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Left edge, open.
    pub low: f64,
    /// Right edge, closed.
    pub high: f64,
    /// Examples in the bin.
    pub count: u64,
    /// Their mean confidence (largest probability); 0 in an empty bin.
    pub confidence: f64,
    /// Their accuracy; 0 in an empty bin.
    pub accuracy: f64,
}

/// One bin of the label's probability, and the gradient that its examples felt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SteepnessBin {
    /// Left edge.
    pub low: f64,
    /// Right edge.
    pub high: f64,
    /// Examples in the bin.
    pub count: u64,
    /// Mean |∂L/∂z_y| over them; 0 in an empty bin.
    pub gradient: f64,
}

/// Out-of-distribution detection. In-distribution is the positive class, a higher score means
/// in-distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ood {
    /// The other data set's name.
    pub data: String,
    /// How many of its examples.
    pub examples: usize,
    /// Always "in-distribution", so that nobody has to guess.
    pub positive: String,
    /// Score max_k z_k, minus the minimum conditional energy: the paper's indicator.
    pub energy: OodScore,
    /// Score log Σ exp z, minus the free energy.
    pub free_energy: OodScore,
    /// Score max_k p_k.
    pub msp: OodScore,
    /// Whether the data set is like the one that was learned from, as the recipe says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<Distance>,
    /// Further scores by their names: "mahalanobis", "knn", "vim" of the features and "odin".
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, OodScore>,
}

/// How like another data set is to the one that was learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// Other classes of the same kind of images: CIFAR-100 for CIFAR-10.
    Near,
    /// Another kind of images: house numbers for CIFAR-10.
    Far,
}

impl Distance {
    /// "near" or "far".
    pub fn name(self) -> &'static str {
        match self {
            Distance::Near => "near",
            Distance::Far => "far",
        }
    }
}

/// How well one score tells in-distribution from out-of-distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OodScore {
    /// Area under the ROC curve, a fraction; ties count half.
    pub auroc: f64,
    /// False positive rate at a true positive rate of at least 95 %, a fraction.
    pub fpr95: f64,
    /// Average precision with in-distribution as the positive class; not in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aupr_in: Option<f64>,
    /// Average precision with out-of-distribution as the positive class; not in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aupr_out: Option<f64>,
    /// The score on in-distribution examples, 30 bins over the joint range.
    pub inside: Histogram,
    /// The score on the others, over the same bins.
    pub outside: Histogram,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// ∂L/∂z_y of cross entropy, p − 1.
    fn gradients(logits: Logits, labels: &[i64]) -> Vec<f32> {
        likelihoods(logits, labels).unwrap().iter().map(|p| (p - 1.0) as f32).collect()
    }

    #[test]
    fn survives_json_bit_for_bit() {
        let (values, labels) = sample::draw(3, 50, 4, 6.0);
        let logits = Logits::new(&values, 4).unwrap();
        let measures = Measures::new(logits, &labels, &gradients(logits, &labels)).unwrap();
        let json = serde_json::to_string(&measures).unwrap();
        assert_eq!(serde_json::from_str::<Measures>(&json).unwrap(), measures);
        assert_eq!(measures.examples, 50);
        assert_eq!(measures.likelihood.counts.iter().sum::<u64>(), 50);
        assert_eq!(measures.margin.histogram.counts.iter().sum::<u64>(), 50);
        for bin in measures.steepness.iter().filter(|bin| bin.count > 0) {
            let line = 1.0 - bin.high - 1e-6..=1.0 - bin.low + 1e-6;
            assert!(line.contains(&bin.gradient), "{bin:?} is off cross entropy's 1 - p");
        }
    }

    #[test]
    fn records_of_older_versions_still_read() {
        let (values, labels) = sample::draw(3, 50, 4, 6.0);
        let logits = Logits::new(&values, 4).unwrap();
        let mut measures = Measures::new(logits, &labels, &gradients(logits, &labels)).unwrap();
        let scores = crate::Scores::new(logits);
        measures.ood = vec![Ood::new("itself", &scores, &scores).unwrap()];
        let mut json = serde_json::to_value(&measures).unwrap();
        let record = json.as_object_mut().unwrap();
        for new in ["calibration", "balance", "confusion", "margin_lse_mean", "margin_legacy_mean"]
        {
            assert!(record.remove(new).is_some(), "{new}");
        }
        record["ood"] = record["ood"][0].take();
        for score in ["energy", "free_energy", "msp"] {
            let score = record["ood"][score].as_object_mut().unwrap();
            assert!(score.remove("aupr_in").is_some() && score.remove("aupr_out").is_some());
        }
        let read: Measures = serde_json::from_value(json).unwrap();
        assert_eq!((read.calibration, read.balance, read.recalibrated), (None, None, None));
        assert_eq!((read.ece, read.ood[0].energy.aupr_in), (measures.ece, None));
        record_without_ood(&measures);
    }

    fn record_without_ood(measures: &Measures) {
        let mut json = serde_json::to_value(measures).unwrap();
        json["ood"] = serde_json::Value::Null;
        assert_eq!(serde_json::from_value::<Measures>(json).unwrap().ood, []);
    }

    #[test]
    fn recalibration_is_recorded() {
        let (values, labels) = sample::draw(3, 50, 4, 6.0);
        let logits = Logits::new(&values, 4).unwrap();
        let mut measures = Measures::new(logits, &labels, &gradients(logits, &labels)).unwrap();
        let predicted: Vec<i64> = values
            .chunks(4)
            .zip(&labels)
            .enumerate()
            .map(
                |(i, (row, label))| {
                    if i % 2 == 0 { crate::softmax::argmax(row) as i64 } else { *label }
                },
            )
            .collect();
        measures.recalibrate(logits, &labels, logits, &predicted).unwrap();
        let recalibrated = measures.recalibrated.unwrap();
        assert!(recalibrated.temperature > 1.0, "{recalibrated:?}");
        assert_eq!(ece(&measures.reliability_recalibrated), recalibrated.calibration.ece);
        let json = serde_json::to_string(&measures).unwrap();
        assert_eq!(serde_json::from_str::<Measures>(&json).unwrap(), measures);
    }

    #[test]
    fn all_correct_and_all_alike_are_measured() {
        let values = [5.0f32, 0.0].repeat(8);
        let logits = Logits::new(&values, 2).unwrap();
        let measures = Measures::new(logits, &[0; 8], &[-0.1; 8]).unwrap();
        assert_eq!(
            (measures.accuracy, measures.margin.mean, measures.margin.median),
            (1.0, 5.0, 5.0)
        );
        assert_eq!(measures.energy_profile, [Some(vec![-5.0, 0.0]), None]);
        assert_eq!(measures.steepness[19].count, 8);
    }

    #[test]
    fn what_cannot_be_recorded_is_refused() {
        let complaint = |values: &[f32], classes| {
            let logits = Logits::new(values, classes).unwrap();
            let zeros = vec![0; logits.rows()];
            Measures::new(logits, &zeros, &vec![0.0; logits.rows()]).unwrap_err().to_string()
        };
        let masked = complaint(&[0.0, 1.0, 0.0, f32::NEG_INFINITY], 2);
        assert!(masked.starts_with("the logit in row 1, column 1 is -inf"), "{masked}");
        assert!(complaint(&[0.0, 1.0], 1).contains("at least 2 classes"));
        let logits = Logits::new(&[0.0f32, 1.0], 2).unwrap();
        assert!(Measures::new(logits, &[0], &[]).is_err());
        assert!(Measures::new(logits, &[2], &[0.0]).is_err());
    }

    #[test]
    fn ten_thousand_rows_of_a_thousand_classes_take_under_two_seconds() {
        // Unoptimised it says nothing of the time.
        const ROWS: usize = if cfg!(debug_assertions) { 500 } else { 10_000 };
        let (values, labels) = sample::draw(5, ROWS, 1000, 8.0);
        let logits = Logits::new(&values, 1000).unwrap();
        let start = std::time::Instant::now();
        Measures::new(logits, &labels, &vec![-1.0; ROWS]).unwrap();
        let scores = crate::Scores::new(logits);
        Ood::new("itself", &scores, &scores).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        println!("{seconds:.2} s");
        // Twice the goal, for a machine that is busy with other tests.
        assert!(cfg!(debug_assertions) || seconds < 4.0, "{seconds} s");
    }
}
