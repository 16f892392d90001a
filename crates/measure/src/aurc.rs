//! Selective prediction: what a classifier is worth that may leave out examples it is not sure of.
//!
//! In the order of falling confidence, the risk at a coverage of i/n is the share of errors among the
//! first i examples. The area under this curve is the mean risk over all coverages,
//!
//! * AURC = (1/n) Σ_i (1/i) Σ_{j≤i} e_j, where e_j is 1 for an error (Geifman and El-Yaniv 2017),
//! * E-AURC = AURC − AURC* (Geifman, Uziel and El-Yaniv 2019, §3), where AURC* has all errors last: what
//!   the order alone costs, whatever the accuracy.
//!
//! The confidence is the largest probability. Examples are ordered by its log-odds, which is the same
//! order and does not round to 1.

use super::{
    Evidence, Function, Logit, Logits,
    softmax::{Odds, argmax},
};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};

pub(crate) const CARD: Card = Card {
    key: "aurc",
    title: "AURC",
    unit: "%",
    direction: Direction::Lower,
    decimals: 3,
    meaning: "area under the risk-coverage curve: the error among the most confident test examples, \
              averaged over how many of them are kept",
    range: Range::Share,
    source: Source::Evidence(Function { f32: area, f64: area }),
};

pub(crate) const EXCESS: Card = Card {
    key: "e_aurc",
    title: "E-AURC",
    unit: "%",
    direction: Direction::Lower,
    decimals: 3,
    meaning: "AURC minus that of the best order, with all errors last: what the order of the \
              confidences costs",
    range: Range::Share,
    source: Source::Evidence(Function { f32: excess, f64: excess }),
};

fn area<T: Logit>(evidence: &Evidence<T>) -> Result<Option<f64>> {
    aurc(evidence.logits, evidence.labels).map(Some)
}

fn excess<T: Logit>(evidence: &Evidence<T>) -> Result<Option<f64>> {
    excess_aurc(evidence.logits, evidence.labels).map(Some)
}

/// The area under the risk-coverage curve, in \[0, 1\]: 0 if everything is right. Of equally confident
/// examples each order is as likely as any other, and the mean over them is taken, so that nothing
/// depends on the order of the examples.
///
/// `labels`: one class a row.
///
/// ```
/// use steepness_measure::{Logits, aurc};
/// // Right with a lead of 3, wrong with one of 2, right with one of 1: (0 + 1/2 + 1/3) / 3.
/// let logits = Logits::new(&[3.0f32, 0.0, 2.0, 0.0, 1.0, 0.0], 2)?;
/// assert!((aurc(logits, &[0, 1, 0])? - 5.0 / 18.0).abs() < 1e-12);
/// # Ok::<(), steepness_measure::Error>(())
/// ```
///
/// # Errors
/// Labels that do not fit the logits.
pub fn aurc<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<f64> {
    Ok(mean_risk(&errors(logits, labels)?))
}

/// By how much [`aurc`] lies above that of the best order, in \[0, 1\]: 0 if no error is as confident as
/// what is right.
///
/// # Errors
/// As [`aurc`].
pub fn excess_aurc<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<f64> {
    let mut errors = errors(logits, labels)?;
    let found = mean_risk(&errors);
    // Shares of errors among equals add up to whole errors.
    let wrong = errors.iter().sum::<f64>().round() as usize;
    let right = errors.len() - wrong;
    errors[..right].fill(0.0);
    errors[right..].fill(1.0);
    Ok((found - mean_risk(&errors)).max(0.0))
}

/// The error of each example, most confident first; among equals their mean.
fn errors<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<Vec<f64>> {
    let mut judged = logits.map_labelled(labels, |row, label| {
        let prediction = argmax(row);
        (Odds::new(row, prediction).log_odds, prediction != label)
    })?;
    judged.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let equals = judged.chunk_by(|a, b| a.0 == b.0);
    let shares = equals.flat_map(|equals| {
        let wrong = equals.iter().filter(|(_, wrong)| *wrong).count();
        std::iter::repeat_n(wrong as f64 / equals.len() as f64, equals.len())
    });
    Ok(shares.collect())
}

/// The mean over i of the mean of the first i.
fn mean_risk(errors: &[f64]) -> f64 {
    let mut sum = 0.0;
    let risks = errors.iter().enumerate().map(|(at, error)| {
        sum += error;
        sum / (at + 1) as f64
    });
    risks.sum::<f64>() / errors.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Measures;
    use crate::sample::draw;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }

    /* python, with `draw` of sample.rs:
    z, y = draw(3, 200, 3, 4)
    p = numpy.exp(z); p /= p.sum(1, keepdims=True)
    wrong = (z.argmax(1) != y)[numpy.argsort(-p.max(1))]
    def area(wrong): return (wrong.cumsum() / numpy.arange(1, len(wrong) + 1)).mean()
    area(wrong), area(wrong) - area(numpy.sort(wrong))  # 0.7212029613194652 0.4263536651728388
    */
    #[test]
    fn equals_numpy() {
        let (values, labels) = draw(3, 200, 3, 4.0);
        let logits = Logits::new(&values, 3).unwrap();
        close(aurc(logits, &labels).unwrap(), 0.721_202_961_319_465_2);
        close(excess_aurc(logits, &labels).unwrap(), 0.426_353_665_172_838_8);
    }

    #[test]
    fn only_the_order_of_the_errors_counts() {
        // Leads 4, 3, 2, 1: right, wrong, right, wrong.
        let leads = [4.0f64, 0.0, 3.0, 0.0, 2.0, 0.0, 1.0, 0.0];
        let logits = Logits::new(&leads, 2).unwrap();
        close(aurc(logits, &[0, 1, 0, 1]).unwrap(), 1.0 / 3.0);
        close(excess_aurc(logits, &[0, 1, 0, 1]).unwrap(), 1.0 / 3.0 - 5.0 / 24.0);
        // All errors last, and no errors at all.
        close(excess_aurc(logits, &[0, 0, 1, 1]).unwrap(), 0.0);
        assert_eq!(aurc(logits, &[0; 4]).unwrap(), 0.0);
        assert_eq!(aurc(logits, &[1; 4]).unwrap(), 1.0);
        assert_eq!(excess_aurc(logits, &[1; 4]).unwrap(), 0.0);
    }

    #[test]
    fn equals_share_their_errors_and_certainty_does_not_round_to_equals() {
        let tied = Logits::new(&[1.0f32, 0.0, 1.0, 0.0], 2).unwrap();
        for labels in [[0, 1], [1, 0]] {
            assert_eq!(aurc(tied, &labels).unwrap(), 0.5);
        }
        // Both probabilities are 1 in double precision; the second one is larger.
        let sure = Logits::new(&[50.0f32, 0.0, 60.0, 0.0], 2).unwrap();
        assert_eq!(aurc(sure, &[1, 0]).unwrap(), 0.25);
        assert_eq!(aurc(sure, &[0, 1]).unwrap(), 0.75);
    }

    #[test]
    fn a_run_records_it() {
        let logits = Logits::new(&[3.0f32, 0.0, 2.0, 0.0], 2).unwrap();
        let measures = Measures::new(logits, &[1, 0], &[-0.5, -0.5]).unwrap();
        assert_eq!(CARD.recorded(&measures), Some(("aurc", 0.75)));
        assert_eq!(EXCESS.recorded(&measures), Some(("e_aurc", 0.5)));
        assert!(aurc(logits, &[0]).is_err());
    }
}
