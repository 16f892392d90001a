//! [`Threshold`]: from which free energy on an example counts as out-of-distribution.

use serde::{Deserialize, Serialize};

use super::Scores;
use crate::{Error, Result};

/// Share of in-distribution examples that is to be kept, as in the field's FPR95.
const KEPT: f64 = 0.95;

/// A bound on the free energy −log Σ exp z, calibrated on examples that are in-distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Free energies above this are flagged.
    pub energy: f64,
    /// Share of the calibration examples that are not.
    pub kept: f64,
    /// How many examples it was calibrated on.
    pub examples: usize,
}

impl Threshold {
    /// The lowest bound that keeps at least 95 % of the examples of `scores`.
    ///
    /// ```
    /// use steepness_measure::{Logits, Scores, Threshold};
    /// let logits: Vec<f64> = (0..40).map(f64::from).collect();
    /// let scores = Scores::new(Logits::new(&logits, 2)?);
    /// let threshold = Threshold::new(&scores)?;
    /// assert_eq!((threshold.kept, threshold.examples), (0.95, 20));
    /// # Ok::<(), steepness_measure::Error>(())
    /// ```
    ///
    /// # Errors
    /// No examples, and a score that is not finite.
    pub fn new(scores: &Scores) -> Result<Self> {
        let mut energies: Vec<f64> = scores.free_energy.iter().map(|score| -score).collect();
        if let Some(at) = energies.iter().position(|energy| !energy.is_finite()) {
            return Err(Error::Request(format!("the free energy of example {at} is not finite")));
        }
        energies.sort_unstable_by(f64::total_cmp);
        let examples = energies.len();
        let place = (KEPT * examples as f64).ceil() as usize;
        let energy = place.checked_sub(1).and_then(|at| energies.get(at)).copied();
        let energy = energy
            .ok_or_else(|| Error::Request("there are no examples to calibrate on".to_owned()))?;
        let kept = energies.iter().filter(|other| **other <= energy).count();
        Ok(Self { energy, kept: kept as f64 / examples as f64, examples })
    }

    /// Whether an example with that free energy counts as out-of-distribution.
    pub fn flags(&self, energy: f64) -> bool {
        energy > self.energy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(free_energy: Vec<f64>) -> Scores {
        Scores { classes: 2, energy: Vec::new(), free_energy, msp: Vec::new() }
    }

    #[test]
    fn nineteen_of_twenty_are_kept() {
        // numpy.quantile(-scores, .95, method="inverted_cdf") = -2.0
        let threshold = Threshold::new(&scores((1..=20).map(f64::from).collect())).unwrap();
        assert_eq!(threshold, Threshold { energy: -2.0, kept: 0.95, examples: 20 });
        assert!(threshold.flags(-1.0) && !threshold.flags(-2.0) && !threshold.flags(-20.0));
    }

    #[test]
    fn equal_energies_are_kept_together() {
        let threshold = Threshold::new(&scores(vec![3.0; 7])).unwrap();
        assert_eq!(threshold, Threshold { energy: -3.0, kept: 1.0, examples: 7 });
    }

    #[test]
    fn nothing_to_go_by_is_refused() {
        assert!(Threshold::new(&scores(Vec::new())).is_err());
        let error = Threshold::new(&scores(vec![1.0, f64::NAN])).unwrap_err().to_string();
        assert!(error.contains("example 1"), "{error}");
    }
}
