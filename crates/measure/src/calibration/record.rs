//! [`Calibration`]: the single numbers, before and after temperature scaling.

use super::{classwise_ece, ece, equal_mass::equal_mass, equal_width, mce};
use crate::Result;
use crate::softmax::RowOutcome;
use crate::{Logit, Logits, scale, temperature};
use serde::{Deserialize, Serialize};

/// How far a classifier's probabilities can be believed, all with 15 bins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Mean −log p of the label, in nats.
    pub nll: f64,
    /// Mean Brier score, between 0 and 2.
    pub brier: f64,
    /// Expected calibration error, bins of equal width.
    pub ece: f64,
    /// Expected calibration error, bins of equal mass.
    pub ece_equal_mass: f64,
    /// Maximum calibration error, bins of equal width.
    pub mce: f64,
    /// Classwise expected calibration error, bins of equal width.
    pub ece_classwise: f64,
}

/// [`Calibration`] after temperature scaling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScaledCalibration {
    /// The temperature that validation examples ask for; above 1 the classifier was too sure.
    pub temperature: f64,
    /// The figures of the logits divided by it.
    #[serde(flatten)]
    pub calibration: Calibration,
}

impl Calibration {
    /// Measures `logits` against `labels`, one class a row.
    ///
    /// # Errors
    /// Labels that do not fit the logits.
    pub fn new<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Self> {
        const BINS: usize = 15;
        let judged = logits.map_labelled(labels, RowOutcome::new)?;
        let mean =
            |of: fn(&RowOutcome) -> f64| judged.iter().map(of).sum::<f64>() / judged.len() as f64;
        let confidences: Vec<(f64, bool)> =
            judged.iter().map(|row| (row.prediction.probability(), row.hit)).collect();
        let equal_width = equal_width(&confidences, BINS)?;
        Ok(Self {
            nll: mean(|row| row.label.surprise()),
            brier: mean(|row| row.brier),
            ece: ece(&equal_width),
            ece_equal_mass: ece(&equal_mass(confidences, BINS)?),
            mce: mce(&equal_width),
            ece_classwise: classwise_ece(logits, labels, BINS)?,
        })
    }
}

impl ScaledCalibration {
    /// Fits the [`temperature`] to validation examples and measures `logits` with it. `None` where
    /// the validation examples have no best temperature.
    ///
    /// # Errors
    /// Labels that do not fit their logits; a validation label whose logit is −∞.
    pub fn new<T: Logit, V: Logit>(
        logits: Logits<T>,
        labels: &[i64],
        validation_logits: Logits<V>,
        validation_labels: &[i64],
    ) -> Result<Option<Self>> {
        logits.validate_labels(labels)?;
        let Some(temperature) = temperature(validation_logits, validation_labels)? else {
            return Ok(None);
        };
        let scaled = scale(logits, temperature)?;
        let scaled = Logits::new(&scaled, logits.classes())?;
        Ok(Some(Self { temperature, calibration: Calibration::new(scaled, labels)? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        brier, nll, reliability, sample,
        softmax::{argmax, weigh},
    };

    /// Labels drawn from softmax(z / 5): logits that are five times too sure.
    fn too_sure(seed: u64) -> (Vec<f32>, Vec<i64>) {
        let (values, _) = sample::draw(seed, 1000, 4, 20.0);
        let drawn = values.chunks_exact(4).zip(sample::uniform(seed + 100)).map(|(row, u)| {
            let row: Vec<f32> = row.iter().map(|z| z / 5.0).collect();
            let mut weights = Vec::new();
            let mut left = u * weigh(&row, &mut weights);
            let passed = weights.iter().take_while(|weight| {
                left -= **weight;
                left > 0.0
            });
            passed.count().min(3) as i64
        });
        let labels = drawn.collect();
        (values, labels)
    }

    #[test]
    fn scaling_repairs_overconfidence() {
        let ((values, labels), (held_out, held_out_labels)) = (too_sure(1), too_sure(2));
        let logits = Logits::new(&values, 4).unwrap();
        let before = Calibration::new(logits, &labels).unwrap();
        let validation = Logits::new(&held_out, 4).unwrap();
        let after = ScaledCalibration::new(logits, &labels, validation, &held_out_labels);
        let ScaledCalibration { temperature, calibration: after } = after.unwrap().unwrap();
        assert!((temperature - 5.0).abs() < 0.5, "{temperature}");
        assert!(before.ece > 0.15 && after.ece < 0.05, "{before:?} {after:?}");
        assert!(before.ece_equal_mass > 0.15 && after.ece_equal_mass < 0.08);
        assert!(after.mce < before.mce && after.ece_classwise < 0.5 * before.ece_classwise);
        assert!(after.nll < before.nll && after.brier < before.brier);
        assert_eq!(before.ece, ece(&reliability(logits, &labels, 15).unwrap()));
        assert_eq!(before.brier, brier(logits, &labels).unwrap());
        assert!((before.nll - nll(logits, &labels).unwrap()).abs() < 1e-13);
    }

    #[test]
    fn without_a_best_temperature_there_is_nothing_to_say() {
        let (values, _) = too_sure(3);
        let logits = Logits::new(&values, 4).unwrap();
        let labels: Vec<i64> = logits.iter().map(|row| argmax(row) as i64).collect();
        assert_eq!(ScaledCalibration::new(logits, &labels, logits, &labels).unwrap(), None);
        assert!(ScaledCalibration::new(logits, &labels[1..], logits, &labels).is_err());
    }

    #[test]
    fn json_is_flat() {
        let (values, labels) = too_sure(4);
        let logits = Logits::new(&values, 4).unwrap();
        let after = ScaledCalibration::new(logits, &labels, logits, &labels).unwrap().unwrap();
        let json = serde_json::to_value(after).unwrap();
        assert!(json["temperature"].is_f64() && json["ece_equal_mass"].is_f64());
        assert_eq!(serde_json::from_value::<ScaledCalibration>(json).unwrap(), after);
    }
}
