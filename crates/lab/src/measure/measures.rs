//! [`Measures`]: everything measured on one run, the contents of its `measure.json`.

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
    /// "fgsm" or "pgd-linf".
    pub attack: String,
    /// How it was run, for people: steps, step size, norm, random start.
    pub setting: String,
    /// (ε in pixel units of \[0, 1\], accuracy), ε = 0 first.
    pub points: Vec<(f64, f64)>,
    /// Share of clean examples whose input gradient is exactly zero: such an attack is blind there,
    /// which looks like robustness and is not.
    pub zero_gradient: f64,
}
