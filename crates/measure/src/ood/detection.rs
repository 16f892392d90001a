//! How well one score tells two sets of examples apart.
//!
//! The area under the ROC curve does not depend on which set is called positive; the false positive
//! rate and the area under the precision-recall curve do. The paper and most of the literature since
//! ODIN count in-distribution as positive: FPR95 is then the share of foreign examples that pass
//! where 95 % of our own do. OpenOOD counts out-of-distribution as positive: the share of our own
//! examples that are turned away where 95 % of the foreign ones are.

use crate::Result;
use crate::{auroc, average_precision, fpr95};
use serde::Serialize;

/// Which set of examples is the positive class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Positive {
    /// In-distribution: a true positive is an example of ours that passes.
    #[default]
    In,
    /// Out-of-distribution: a true positive is a foreign example that is turned away.
    Out,
}

impl Positive {
    /// "in-distribution" or "out-of-distribution".
    pub fn name(self) -> &'static str {
        match self {
            Positive::In => "in-distribution",
            Positive::Out => "out-of-distribution",
        }
    }
}

/// How well one score tells in-distribution from out-of-distribution, fractions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// Area under the ROC curve.
    pub auroc: f64,
    /// False positive rate at a true positive rate of at least 95 %.
    pub fpr95: f64,
    /// Average precision with in-distribution as the positive class.
    pub aupr_in: f64,
    /// Average precision with out-of-distribution as the positive class.
    pub aupr_out: f64,
}

impl Detection {
    /// Judges a score from its values on both sides, higher for in-distribution; `positive` decides
    /// what [`Detection::fpr95`] means.
    ///
    /// # Errors
    /// An empty side, or a NaN, named by its place.
    pub fn new(inside: &[f64], outside: &[f64], positive: Positive) -> Result<Self> {
        let mirrored = |scores: &[f64]| scores.iter().map(|score| -score).collect::<Vec<_>>();
        let auroc = auroc(inside, outside)?;
        let (minus_inside, minus_outside) = (mirrored(inside), mirrored(outside));
        Ok(Self {
            auroc,
            fpr95: match positive {
                Positive::In => fpr95(inside, outside)?,
                Positive::Out => fpr95(&minus_outside, &minus_inside)?,
            },
            aupr_in: average_precision(inside, outside)?,
            aupr_out: average_precision(&minus_outside, &minus_inside)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::uniform;

    #[test]
    fn agrees_with_open_ood() {
        // The `uniform` of sample.rs: s = [numpy.floor(u * 30) for u in uniform(7, 110)]
        // inside = [v + 6 for v in s[:60]]; outside = s[60:]; conf = numpy.array(inside + outside)
        // out = numpy.array([0] * 60 + [1] * 50)
        // fpr, tpr, _ = roc_curve(out, -conf, drop_intermediate=False); fpr[numpy.argmax(tpr >= .95)]
        // average_precision_score(1 - out, conf), average_precision_score(out, -conf)
        let scores: Vec<f64> = uniform(7).take(110).map(|u| (u * 30.0).floor()).collect();
        let inside: Vec<f64> = scores[..60].iter().map(|score| score + 6.0).collect();
        let as_in = Detection::new(&inside, &scores[60..], Positive::In).unwrap();
        let as_out = Detection::new(&inside, &scores[60..], Positive::Out).unwrap();
        assert_eq!((as_in.fpr95, as_out.fpr95), (0.84, FPR95_OUT));
        for ours in [as_in, as_out] {
            assert!((ours.auroc - 0.6114999999999999).abs() < 1e-12);
            assert!((ours.aupr_in - AUPR_IN).abs() < 1e-12, "{}", ours.aupr_in);
            assert!((ours.aupr_out - AUPR_OUT).abs() < 1e-12, "{}", ours.aupr_out);
        }
    }

    const FPR95_OUT: f64 = 0.7666666666666667;
    const AUPR_IN: f64 = 0.6915733827350293;
    const AUPR_OUT: f64 = 0.6077044732199526;

    #[test]
    fn odd_input_has_a_defined_result() {
        let constant = Detection::new(&[1.0; 4], &[1.0; 4], Positive::Out).unwrap();
        assert_eq!((constant.auroc, constant.fpr95, constant.aupr_out), (0.5, 1.0, 0.5));
        let apart = Detection::new(&[2.0], &[1.0], Positive::Out).unwrap();
        assert_eq!((apart.auroc, apart.fpr95, apart.aupr_in, apart.aupr_out), (1.0, 0.0, 1.0, 1.0));
        assert!(Detection::new(&[], &[1.0], Positive::In).is_err());
        assert!(Detection::new(&[1.0], &[f64::NAN], Positive::Out).is_err());
    }
}
