//! [`Summary`]: what there is to say about logits that somebody brought along.

use super::{
    Groups, Logit, Logits, Ood, OodScore, Scores, accuracy, ece, label_energy, margins, mean,
    median, nll, reliability,
};
use crate::Result;
use serde::Serialize;

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
    /// Mean conditional energy of the label, −z_y.
    pub energy_mean: f64,
    /// Detection of other examples, where their logits were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ood: Option<OodSummary>,
    /// Accuracy of frequent and rare classes, where training counts were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
}

/// [`Ood`] without its histograms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OodSummary {
    /// Always "in-distribution", so that nobody has to guess.
    pub positive: String,
    /// Out-of-distribution examples.
    pub examples: usize,
    /// Score max_k z_k.
    pub energy: Detection,
    /// Score log Σ exp z.
    pub free_energy: Detection,
    /// Score max_k p_k.
    pub msp: Detection,
}

/// How well one score tells in-distribution from out-of-distribution, fractions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// Area under the ROC curve.
    pub auroc: f64,
    /// False positive rate at a true positive rate of at least 95 %.
    pub fpr95: f64,
}

impl Summary {
    /// Measures `logits` against `labels` (one class a row), and where given against the scores of
    /// examples from elsewhere and the training examples of each class.
    ///
    /// # Errors
    /// A single class, and labels, scores or counts that do not fit the logits.
    pub fn new<T: Logit>(
        logits: Logits<T>,
        labels: &[i64],
        outside: Option<&Scores>,
        train_counts: Option<&[i64]>,
    ) -> Result<Self> {
        let margins = margins(logits, labels)?;
        let ood = |outside| Ood::new("the other data", &Scores::new(logits), outside);
        Ok(Self {
            examples: logits.rows(),
            classes: logits.classes(),
            accuracy: accuracy(logits, labels)?,
            nll: nll(logits, labels)?,
            ece: ece(&reliability(logits, labels, 15)?),
            margin_mean: mean(&margins).unwrap_or(f64::NAN),
            margin_median: median(&margins).unwrap_or(f64::NAN),
            energy_mean: label_energy(logits, labels)?,
            ood: outside.map(ood).transpose()?.as_ref().map(OodSummary::from),
            groups: train_counts.map(|counts| Groups::new(logits, labels, counts)).transpose()?,
        })
    }
}

impl From<&Ood> for OodSummary {
    fn from(ood: &Ood) -> Self {
        let short = |score: &OodScore| Detection { auroc: score.auroc, fpr95: score.fpr95 };
        Self {
            positive: ood.positive.clone(),
            examples: ood.examples,
            energy: short(&ood.energy),
            free_energy: short(&ood.free_energy),
            msp: short(&ood.msp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::sample::{LABELS, LOGITS};

    #[test]
    fn holds_what_the_measurements_say() {
        let logits = Logits::new(&LOGITS, 4).unwrap();
        let outside = Scores::new(Logits::new(&[0.5f64, 0.0, 0.0, 0.25], 4).unwrap());
        let summary =
            Summary::new(logits, &LABELS, Some(&outside), Some(&[200, 30, 30, 3])).unwrap();
        // Numbers of sample.rs by hand: margins .5, 0, 6, 39, -1, -.25; z_y adds up to 51.5.
        assert_eq!((summary.examples, summary.classes), (6, 4));
        assert_eq!(summary.margin_mean, 44.25 / 6.0);
        assert_eq!(summary.margin_median, 0.25);
        assert_eq!(summary.energy_mean, -51.5 / 6.0);
        let ood = summary.ood.unwrap();
        assert_eq!((ood.positive.as_str(), ood.examples), ("in-distribution", 1));
        // Of the six largest logits four are above 0.5.
        assert_eq!((ood.energy.auroc, ood.energy.fpr95), (4.0 / 6.0, 1.0));
        assert_eq!(summary.groups.unwrap().few, Some(0.0));
    }

    #[test]
    fn masked_classes_give_null_not_broken_json() {
        let logits = Logits::new(&[f32::NEG_INFINITY, 0.0, 1.0, 0.0], 2).unwrap();
        let summary = Summary::new(logits, &[0, 0], None, None).unwrap();
        assert_eq!((summary.nll, summary.margin_mean), (f64::INFINITY, f64::NEG_INFINITY));
        let json = serde_json::to_value(&summary).unwrap();
        assert!(json["nll"].is_null() && json["accuracy"] == 0.5 && json.get("ood").is_none());
    }
}
