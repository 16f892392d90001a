//! How sure a score is: bootstrap resampling of the segments, of one system and of two that are
//! compared (Koehn 2004, "Statistical significance tests for machine translation evaluation", §3 and
//! §4), with the resamples that sacreBLEU draws.

use super::{Metric, total};

/// Resamples; sacreBLEU's number.
const RESAMPLES: usize = 1000;

/// The mean over the resamples and half the width of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Half the width between the 2.5 % and the 97.5 % quantile.
    pub half_width: f64,
}

/// A system beside a baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedBootstrap {
    /// That of the baseline.
    pub baseline: Interval,
    /// That of the system.
    pub system: Interval,
    /// How probable a difference as large as the one found is if there is none: sacreBLEU's number, but
    /// for two cases without evidence that it gives its smallest, 1/1001. Equal scores have p = 1,
    /// and so has a difference that is the same in every resample, as that of a single segment is.
    pub p: f64,
}

/// The interval of the score of a system, from the counts of its segments.
pub fn interval(metric: &dyn Metric, segments: &[Vec<f64>]) -> Interval {
    let scores = resamples(segments.len()).map(|rows| resampled(metric, segments, &rows));
    spread(scores.collect())
}

/// The paired bootstrap: both systems on the same resamples of segments.
pub fn paired_bootstrap(
    metric: &dyn Metric,
    baseline: &[Vec<f64>],
    system: &[Vec<f64>],
) -> PairedBootstrap {
    let score = |segments: &[Vec<f64>]| metric.score(&total(segments));
    let found = (score(baseline) - score(system)).abs();
    let both = resamples(baseline.len().min(system.len()))
        .map(|rows| [baseline, system].map(|segments| resampled(metric, segments, &rows)));
    let both: Vec<[f64; 2]> = both.collect();
    let differences: Vec<f64> = both.iter().map(|[a, b]| (a - b).abs()).collect();
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    // How far from their own mean the differences are by chance.
    let beyond = differences.iter().filter(|difference| **difference - mean > found).count();
    let evidence = found > 0.0 && both.iter().any(|[a, b]| [*a, *b] != both[0]);
    let of = |which: usize| spread(both.iter().map(|scores| scores[which]).collect());
    PairedBootstrap {
        baseline: of(0),
        system: of(1),
        p: if evidence { (beyond + 1) as f64 / (differences.len() + 1) as f64 } else { 1.0 },
    }
}

fn resampled(metric: &dyn Metric, segments: &[Vec<f64>], rows: &[usize]) -> f64 {
    metric.score(&total(rows.iter().map(|&row| &segments[row])))
}

fn spread(mut scores: Vec<f64>) -> Interval {
    scores.sort_by(f64::total_cmp);
    let cut = scores.len() / 40;
    let (low, high) = (scores[cut], scores[scores.len() - cut - 1]);
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    Interval { mean, half_width: (high - low) / 2.0 }
}

/// The rows of each resample of `count` segments.
fn resamples(count: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut random = Pcg64::sacrebleu();
    (0..RESAMPLES).map(move |_| (0..count).map(|_| random.below(count as u32) as usize).collect())
}

/// NumPy's `default_rng`, the generator PCG XSL RR 128/64 (O'Neill 2014), which sacreBLEU draws from.
struct Pcg64 {
    state: u128,
    increment: u128,
    /// The upper half of the last output, which is the next one of 32 bits.
    half: Option<u32>,
}

impl Pcg64 {
    /// With the seed that sacreBLEU has without being told: `numpy.random.PCG64(12345).state`.
    fn sacrebleu() -> Self {
        Self {
            state: 33_261_208_707_367_790_463_622_745_601_869_196_757,
            increment: 268_209_174_141_567_072_605_526_753_992_732_310_247,
            half: None,
        }
    }

    fn next_u64(&mut self) -> u64 {
        const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    fn next_u32(&mut self) -> u32 {
        if let Some(half) = self.half.take() {
            return half;
        }
        let both = self.next_u64();
        self.half = Some((both >> 32) as u32);
        both as u32
    }

    /// Uniform in 0..`bound` (Lemire 2019, "Fast random integer generation in an interval").
    fn below(&mut self, bound: u32) -> u32 {
        // NumPy draws nothing where there is nothing to choose.
        if bound <= 1 {
            return 0;
        }
        let mut product = u64::from(self.next_u32()) * u64::from(bound);
        if (product as u32) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u32) < threshold {
                product = u64::from(self.next_u32()) * u64::from(bound);
            }
        }
        (product >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// numpy.random.default_rng(12345).choice(7, size=(2, 7), replace=True)
    /// ```
    #[test]
    fn resamples_are_numpys() {
        let found: Vec<Vec<usize>> = resamples(7).take(2).collect();
        assert_eq!(found, [[4, 1, 5, 2, 1, 5, 4], [4, 6, 2, 5, 2, 3, 4]]);
        assert_eq!(resamples(1).next().unwrap(), [0]);
    }
}
