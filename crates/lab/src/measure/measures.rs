//! [`Measures`]: everything measured on one run, the contents of its `measure.json`.

use super::{
    Logit, Logits, accuracy, ece, energy_profile, label_energy, likelihoods, margins, mean, median,
    nll, reliability, steepness,
};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Everything that was measured on one run's held-out examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// `None` for a class without examples.
    pub energy_profile: Vec<Option<Vec<f64>>>,
    /// Histogram of the label's probability, 20 bins over \[0, 1\].
    pub likelihood: Histogram,
    /// The bins behind `ece`.
    pub reliability: Vec<ReliabilityBin>,
    /// The steepness actually felt: mean |∂L/∂z_y| of examples by their p, 20 bins over \[0, 1\].
    pub steepness: Vec<SteepnessBin>,
    /// Detection of examples from another data set, where one was given.
    pub ood: Option<Ood>,
    /// Accuracy under attack, one curve an attack.
    pub robustness: Vec<RobustnessCurve>,
    /// Accuracy before the classifier was trained anew, where there was such a second stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_stage_accuracy: Option<f64>,
    /// Accuracy of a linear classifier that cross entropy made of the frozen features, where asked
    /// for (the paper's §5.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_accuracy: Option<f64>,
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
    pub fn new<T: Logit>(logits: Logits<T>, labels: &[i64], gradients: &[T]) -> Result<Self> {
        for (row, values) in logits.iter().enumerate() {
            if let Some(column) = values.iter().position(|&z| z.into() == f64::NEG_INFINITY) {
                return Err(Error::Request(format!(
                    "the logit in row {row}, column {column} is -inf: its energy cannot be recorded"
                )));
            }
        }
        let likelihoods = likelihoods(logits, labels)?;
        let reliability = reliability(logits, labels, 15)?;
        Ok(Self {
            examples: logits.rows(),
            accuracy: accuracy(logits, labels)?,
            nll: nll(logits, labels)?,
            ece: ece(&reliability),
            margin: Spread::new(&margins(logits, labels)?)?,
            energy_mean: label_energy(logits, labels)?,
            energy_profile: energy_profile(logits, labels)?,
            likelihood: Histogram::new(&likelihoods, 0.0, 1.0, 20),
            reliability,
            steepness: steepness(&likelihoods, gradients, 20)?,
            ood: None,
            robustness: Vec::new(),
            first_stage_accuracy: None,
            probe_accuracy: None,
        })
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Median; the mean of the middle two for an even count.
    pub median: f64,
    /// 20 equal-width bins over the range of the values.
    pub histogram: Histogram,
}

/// Counts in equal-width bins over \[`low`, `high`\]; the last bin is closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
}

/// How well one score tells in-distribution from out-of-distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OodScore {
    /// Area under the ROC curve, a fraction; ties count half.
    pub auroc: f64,
    /// False positive rate at a true positive rate of at least 95 %, a fraction.
    pub fpr95: f64,
    /// The score on in-distribution examples, 30 bins over the joint range.
    pub inside: Histogram,
    /// The score on the others, over the same bins.
    pub outside: Histogram,
}

/// Accuracy of one model under one attack as its budget grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobustnessCurve {
    /// "fgsm", "pgd-linf", "apgd-linf-dlr" …, or "worst-linf" of all in that norm.
    pub attack: String,
    /// How it was run, for people: steps, step size, norm, random start.
    pub setting: String,
    /// (ε in pixel units of \[0, 1\], accuracy), ε = 0 first.
    pub points: Vec<(f64, f64)>,
    /// Share of clean examples where the input gradient that the attack follows is exactly zero: it
    /// is blind there, which looks like robustness and is not.
    pub zero_gradient: f64,
    /// Share of clean examples where it is not, but nowhere as large as the smallest number that f32
    /// holds with full precision, 1.2·10⁻³⁸: it underflows.
    #[serde(default)]
    pub faint_gradient: f64,
    /// What measures ε: "linf" or "l2".
    #[serde(default = "linf")]
    pub norm: String,
    /// What the attack makes large: "ce", "ce/10" with the logits over 10, "margin" or "dlr" along
    /// a gradient; "none" where it knows no gradient, "any" for the worst of several.
    #[serde(default = "ce")]
    pub objective: String,
    /// How many examples were attacked; 0 in records from before this was noted.
    #[serde(default)]
    pub examples: usize,
}

/// The norm of every attack before there was another.
fn linf() -> String {
    "linf".to_owned()
}

/// The objective of every attack before there was another.
fn ce() -> String {
    "ce".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::sample;

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
        let (values, labels) = sample::draw(5, 10_000, 1000, 8.0);
        let logits = Logits::new(&values, 1000).unwrap();
        let start = std::time::Instant::now();
        Measures::new(logits, &labels, &vec![-1.0; 10_000]).unwrap();
        let scores = crate::measure::Scores::new(logits);
        Ood::new("itself", &scores, &scores).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        println!("{seconds:.2} s");
        // Twice the goal, for a machine that is busy with other tests.
        assert!(cfg!(debug_assertions) || seconds < 4.0, "{seconds} s");
    }
}
