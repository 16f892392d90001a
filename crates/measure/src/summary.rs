//! [`Summary`]: what there is to say about logits that somebody brought along.

use super::{
    Balance, Binary, Calibration, Confusion, Detection, Evidence, Groups, Logits, Number, Positive,
    ProbeRecord, Representation, ScaledCalibration, Scores, accuracy, energy_gaps, energy_profile,
    label_energy, legacy_margins, lse_margins, margins, mean, median, rival_energy,
};
use crate::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// The single numbers of an evaluation, in the order they are printed. JSON has no infinity: a
/// value that masked classes (−∞) make infinite is written as null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Examples measured.
    pub examples: usize,
    /// Classes.
    pub classes: usize,
    /// Share of examples whose largest logit is the label's.
    pub accuracy: f64,
    /// Mean −log p of the label, in nats.
    pub nll: f64,
    /// Expected calibration error, 15 equal-width bins.
    pub ece: f64,
    /// Mean of z_y − max_{k≠y} z_k.
    pub margin_mean: f64,
    /// Median of z_y − max_{k≠y} z_k.
    pub margin_median: f64,
    /// Mean of z_y − log Σ_{k≠y} exp z_k.
    pub margin_lse_mean: f64,
    /// Mean of z_y − max(0, max_{k≠y} z_k), the margin as the authors measured it.
    pub margin_legacy_mean: f64,
    /// Mean conditional energy of the label, −z_y.
    pub energy_mean: f64,
    /// Mean of the lowest conditional energy among the other classes.
    pub energy_rival_mean: f64,
    /// Mean over the classes of the lead that their mean profile has over the next class; null
    /// where masked classes leave none.
    pub energy_gap_mean: Option<f64>,
    /// How far the probabilities can be believed.
    pub calibration: Calibration,
    /// The same after temperature scaling, where validation logits were given that have a best
    /// temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recalibrated: Option<ScaledCalibration>,
    /// Means over classes instead of examples.
    pub balance: Balance,
    /// How well two classes are told apart at all thresholds, where there are two with examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<Binary>,
    /// Detection of other examples, where their logits were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ood: Option<OodSummary>,
    /// Accuracy of frequent and rare classes, where training counts were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
    /// What the features are worth, where they were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub representation: Option<Representation>,
    /// A head for other labels on the same features, where these were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<ProbeRecord>,
    /// Measurements that are a single number, by the keys of their cards; see [`super::Source`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, f64>,
}

/// How well each score tells in-distribution from out-of-distribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OodSummary {
    /// "in-distribution" or "out-of-distribution", so that nobody has to guess.
    pub positive: String,
    /// Out-of-distribution examples.
    pub examples: usize,
    /// Score max_k z_k.
    pub energy: Detection,
    /// Score T·log Σ exp(z / T).
    pub free_energy: Detection,
    /// Score max_k p_k.
    pub msp: Detection,
    /// Score of [`super::Mahalanobis`], where features were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mahalanobis: Option<Detection>,
    /// Score of [`super::Neighbours`], where features were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knn: Option<Detection>,
    /// Score of [`super::Vim`], where features and the head were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vim: Option<Detection>,
}

impl Summary {
    /// Measures `logits` against `labels`, one class a row. What needs more arrays starts empty, to
    /// be filled by who has them.
    ///
    /// # Errors
    /// A single class, and labels that do not fit the logits.
    pub fn new<T: Number>(logits: Logits<T>, labels: &[i64]) -> Result<Self> {
        let margins = margins(logits, labels)?;
        let calibration = Calibration::new(logits, labels)?;
        let average = |values: &[f64]| mean(values).unwrap_or(f64::NAN);
        let gaps = energy_gaps(&energy_profile(logits, labels)?);
        let gaps: Vec<f64> = gaps.into_iter().flatten().collect();
        let mut numbers = BTreeMap::new();
        Evidence::new(logits, labels).measure(&mut numbers)?;
        Ok(Self {
            examples: logits.rows(),
            classes: logits.classes(),
            accuracy: accuracy(logits, labels)?,
            nll: calibration.nll,
            ece: calibration.ece,
            margin_mean: average(&margins),
            margin_median: median(&margins).unwrap_or(f64::NAN),
            margin_lse_mean: average(&lse_margins(logits, labels)?),
            margin_legacy_mean: average(&legacy_margins(logits, labels)?),
            energy_mean: label_energy(logits, labels)?,
            energy_rival_mean: rival_energy(logits, labels)?,
            energy_gap_mean: mean(&gaps).filter(|gap| !gap.is_nan()),
            calibration,
            recalibrated: None,
            balance: Balance::new(&Confusion::new(logits, labels)?),
            binary: Binary::new(logits, labels)?,
            ood: None,
            groups: None,
            representation: None,
            transfer: None,
            numbers,
        })
    }
}

impl OodSummary {
    /// Judges the scores of logits; those of features start empty.
    ///
    /// # Errors
    /// Scores of classifiers with different numbers of classes.
    pub fn new(inside: &Scores, outside: &Scores, positive: Positive) -> Result<Self> {
        if inside.classes != outside.classes {
            return Err(Error::Request(format!(
                "the out-of-distribution logits have {} classes, the others {}",
                outside.classes, inside.classes
            )));
        }
        Ok(Self {
            positive: positive.name().into(),
            examples: outside.energy.len(),
            energy: Detection::new(&inside.energy, &outside.energy, positive)?,
            free_energy: Detection::new(&inside.free_energy, &outside.free_energy, positive)?,
            msp: Detection::new(&inside.msp, &outside.msp, positive)?,
            mahalanobis: None,
            knn: None,
            vim: None,
        })
    }

    /// Every score that there is, by its name.
    pub fn scores(&self) -> impl Iterator<Item = (&'static str, Detection)> {
        [
            ("energy", Some(self.energy)),
            ("free_energy", Some(self.free_energy)),
            ("msp", Some(self.msp)),
            ("mahalanobis", self.mahalanobis),
            ("knn", self.knn),
            ("vim", self.vim),
        ]
        .into_iter()
        .filter_map(|(name, detection)| Some((name, detection?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, LABELS, LOGITS};

    #[test]
    fn holds_what_the_measurements_say() {
        let logits = Logits::new(&LOGITS, 4).unwrap();
        let summary = Summary::new(logits, &LABELS).unwrap();
        // Numbers of sample.rs by hand: margins .5, 0, 6, 39, -1, -.25; z_y adds up to 51.5.
        assert_eq!((summary.examples, summary.classes), (6, 4));
        assert_eq!(summary.margin_mean, 44.25 / 6.0);
        assert_eq!(summary.margin_median, 0.25);
        assert_eq!(summary.energy_mean, -51.5 / 6.0);
        assert_eq!(summary.energy_rival_mean, -(51.5 - 44.25) / 6.0);
        assert_eq!((summary.ece, summary.nll), (summary.calibration.ece, summary.calibration.nll));
        // The fifth row's other logits are all negative: 1 less.
        assert_eq!(summary.margin_legacy_mean, 43.25 / 6.0);
        let outside = Scores::new(Logits::new(&[0.5f64, 0.0, 0.0, 0.25], 4).unwrap());
        let ood = OodSummary::new(&Scores::new(logits), &outside, Positive::In).unwrap();
        assert_eq!((ood.positive.as_str(), ood.examples), ("in-distribution", 1));
        // Of the six largest logits four are above 0.5.
        assert_eq!((ood.energy.auroc, ood.energy.fpr95), (4.0 / 6.0, 1.0));
        assert_eq!(ood.scores().count(), 3);
        let narrow = Scores::new(Logits::new(&[0.5f64, 0.0], 2).unwrap());
        assert!(OodSummary::new(&Scores::new(logits), &narrow, Positive::In).is_err());
    }

    #[test]
    fn masked_classes_give_null_not_broken_json() {
        let logits = Logits::new(&[f32::NEG_INFINITY, 0.0, 1.0, 0.0], 2).unwrap();
        let summary = Summary::new(logits, &[0, 0]).unwrap();
        assert_eq!((summary.nll, summary.margin_mean), (f64::INFINITY, f64::NEG_INFINITY));
        let json = serde_json::to_value(&summary).unwrap();
        assert!(json["nll"].is_null() && json["accuracy"] == 0.5 && json.get("ood").is_none());
    }

    #[test]
    fn ten_thousand_rows_of_a_thousand_classes_take_some_passes_of_exponentials() {
        // Unoptimised it says nothing of the time.
        const ROWS: usize = if cfg!(debug_assertions) { 500 } else { 10_000 };
        let (values, mut labels) = sample::draw(5, ROWS, 1000, 8.0);
        let logits = Logits::new(&values, 1000).unwrap();
        // Half of them right, so that there is a best temperature.
        for (row, label) in logits.iter().zip(&mut labels).step_by(2) {
            *label = crate::softmax::argmax(row) as i64;
        }
        // What 10 million exponentials take here and now, on a machine that is busy with other tests.
        let start = std::time::Instant::now();
        let sum: f64 = values.iter().map(|z| f64::from(*z - 8.0).exp()).sum();
        let yardstick = start.elapsed().as_secs_f64();
        assert!(sum > 0.0);
        let start = std::time::Instant::now();
        let mut summary = Summary::new(logits, &labels).unwrap();
        let lap = start.elapsed().as_secs_f64();
        summary.recalibrated = ScaledCalibration::new(logits, &labels, logits, &labels).unwrap();
        let scores = Scores::with_temperature(logits, 2.0).unwrap();
        summary.ood = Some(OodSummary::new(&scores, &scores, Positive::Out).unwrap());
        summary.groups = Some(Groups::new(logits, &labels, &[50; 1000]).unwrap());
        let seconds = start.elapsed().as_secs_f64();
        println!("{lap:.2} s, with temperature scaling and detection {seconds:.2} s");
        println!("{:.1} times 10 million exponentials", seconds / yardstick);
        assert!(summary.recalibrated.is_some());
        // About 15 by the clock of two free cores; the goal of 2 s is some 30.
        assert!(cfg!(debug_assertions) || seconds < 60.0 * yardstick, "{seconds} s, {yardstick} s");
    }
}
