//! A reliability diagram whose bins hold equally many examples (Nixon et al. 2019, "adaptive"):
//! where nearly every confidence is close to 1, equal-width bins see all of them as one.

use super::{confidences, validate_bins};
use crate::Result;
use crate::card::{Card, Direction, Range, Source};
use crate::{Logit, Logits, ReliabilityBin};

pub(crate) const CARD: Card = Card {
    key: "ece_equal_mass",
    title: "ECE, equal mass",
    unit: "%",
    direction: Direction::Lower,
    decimals: 2,
    meaning: "expected calibration error, 15 bins of equally many examples",
    range: Range::Share,
    source: Source::Field("calibration.ece_equal_mass", |m| Some(m.calibration?.ece_equal_mass)),
};

/// Confidence and accuracy in `bins` bins of equally many examples, the earlier ones one more where
/// the division leaves a rest, as in `numpy.array_split`. Fewer examples than bins make one bin
/// each. The edges of a bin are its smallest and its largest confidence.
///
/// Where equal confidences fall into two bins, each bin takes its share of their accuracy, so that
/// nothing depends on the order of the examples.
///
/// `labels`: one class a row.
///
/// # Errors
/// Zero bins. Labels that do not fit the logits.
pub fn reliability_equal_mass<T: Logit>(
    logits: Logits<T>,
    labels: &[i64],
    bins: usize,
) -> Result<Vec<ReliabilityBin>> {
    equal_mass(confidences(logits, labels)?, bins)
}

pub(super) fn equal_mass(
    mut confidences: Vec<(f64, bool)>,
    bins: usize,
) -> Result<Vec<ReliabilityBin>> {
    validate_bins(bins)?;
    confidences.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let tied = confidences.chunk_by(|a, b| a.0 == b.0);
    let shared: Vec<(f64, f64)> = tied
        .flat_map(|tied| {
            let hits = tied.iter().filter(|(_, hit)| *hit).count();
            std::iter::repeat_n((tied[0].0, hits as f64 / tied.len() as f64), tied.len())
        })
        .collect();
    let (share, rest) = (shared.len() / bins, shared.len() % bins);
    let mut left = &shared[..];
    let mut reliability = Vec::new();
    for size in (0..bins).map(|bin| share + usize::from(bin < rest)).filter(|size| *size > 0) {
        let (bin, others) = left.split_at(size);
        left = others;
        let mean = |part: fn(&(f64, f64)) -> f64| bin.iter().map(part).sum::<f64>() / size as f64;
        reliability.push(ReliabilityBin {
            low: bin[0].0,
            high: bin[size - 1].0,
            count: size as u64,
            confidence: mean(|(confidence, _)| *confidence),
            accuracy: mean(|(_, accuracy)| *accuracy),
        });
    }
    Ok(reliability)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ece, sample};

    #[test]
    fn agrees_with_numpy() {
        // The draw of sample.rs with seed 21, 100 rows of 5 classes, scale 3:
        // p = softmax(z, axis=1); c = p.max(1); hit = p.argmax(1) == y; o = c.argsort()
        // sum(len(i) / 100 * abs(hit[i].mean() - c[i].mean()) for i in numpy.array_split(o, 15))
        let (values, labels) = sample::draw(21, 100, 5, 3.0);
        let bins = reliability_equal_mass(Logits::new(&values, 5).unwrap(), &labels, 15).unwrap();
        let counts: Vec<u64> = bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [[7; 10].as_slice(), &[6; 5]].concat());
        assert!((ece(&bins) - ECE).abs() < 1e-12, "{}", ece(&bins));
        assert!(bins.is_sorted_by(|a, b| a.high <= b.low));
    }

    const ECE: f64 = 0.45397068257198514;

    #[test]
    fn the_order_of_equals_does_not_matter() {
        let hits = [true, true, false, true, false, false];
        let at = |hits: &[bool]| {
            let confidences = hits.iter().map(|hit| (0.75, *hit)).collect();
            equal_mass(confidences, 4).unwrap()
        };
        let bins = at(&hits);
        assert!(bins.iter().all(|bin| bin.accuracy == 0.5 && bin.confidence == 0.75), "{bins:?}");
        let mut turned = hits;
        turned.reverse();
        assert_eq!(at(&turned), bins);
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        let one = equal_mass(vec![(1.0, true)], 15).unwrap();
        assert_eq!((one.len(), one[0].count, ece(&one)), (1, 1, 0.0));
        assert!(equal_mass(vec![(1.0, true)], 0).is_err());
        assert!(equal_mass(Vec::new(), 3).unwrap().is_empty());
    }
}
