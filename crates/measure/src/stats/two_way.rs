//! The mean difference over seeds × test examples, and its standard error where both are a sample.
//!
//! A paired t over seeds says what other seeds would give *with these test examples*. Other examples
//! would give something else, too: in a test part of 300 a loss may be ahead by a point for good, and
//! be no better. Let d_se be the difference of two losses with seed s on example e, n seeds and m examples,
//!
//! d_se = μ + a_s + b_e + c_se, so that var(mean) = σ_a²/n + σ_b²/m + σ_c²/(nm).
//!
//! The mean squares of the two-way layout estimate it without bias (Cornfield and Tukey 1956): with
//! A = the variance of the seeds' means / n, B = that of the examples' means / m, and C = the residual
//! mean square / nm,
//!
//! var(mean) = A + B − C,
//!
//! where A alone is the squared standard error over seeds. It is what studies of readers × cases in
//! radiology use (Obuchowski and Rockette 1995), with t of V²/(A²/(n − 1) + B²/(m − 1)) degrees of freedom
//! (Satterthwaite 1946; Hillis 2007). A bootstrap of both, drawing seeds and examples, counts σ_c² three
//! times (Owen 2007, "The pigeonhole bootstrap") and takes σ_a² for (n − 1)/n of what it is: with 5 seeds
//! that matters. Nothing is drawn here, so equal differences give equal numbers.

use super::{Estimate, Overlap, mean, std, validate};
use crate::{Error, Result};

/// Differences of two losses, seed by seed, each on the same test examples.
///
/// ```
/// use steepness_measure::TwoWay;
/// // Which of four examples the second loss gets right, minus the first loss.
/// let mut both = TwoWay::new(4);
/// both.add(&[1.0, 0.0, 0.0, 1.0])?;
/// both.add(&[1.0, 0.0, 0.0, 0.0])?;
/// both.add(&[1.0, 0.0, -1.0, 1.0])?;
/// let estimate = both.estimate().unwrap();
/// assert!((estimate.mean - 1.0 / 3.0).abs() < 1e-15);
/// // The seeds agree, the examples do not.
/// assert!(both.seeds_alone().unwrap().error < estimate.error);
/// # Ok::<(), steepness_measure::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TwoWay {
    /// Mean difference of each seed.
    seeds: Vec<f64>,
    /// Sum over the seeds for each example.
    examples: Vec<f64>,
    /// Sum of all squares.
    squares: f64,
}

impl TwoWay {
    /// For so many test examples, without a seed as yet.
    pub fn new(examples: usize) -> Self {
        Self { seeds: Vec::new(), examples: vec![0.0; examples], squares: 0.0 }
    }

    /// Adds the `differences` of a seed, one an example.
    ///
    /// # Errors
    /// Another number of examples; a difference that is not finite, named by its place.
    pub fn add(&mut self, differences: &[f64]) -> Result<()> {
        if differences.len() != self.examples.len() {
            return Err(Error::Request(format!(
                "a seed with {} test examples cannot stand beside one with {}",
                differences.len(),
                self.examples.len()
            )));
        }
        validate(differences)?;
        self.seeds.extend(mean(differences));
        for (sum, difference) in self.examples.iter_mut().zip(differences) {
            *sum += difference;
            self.squares += difference * difference;
        }
        Ok(())
    }

    /// How many test examples.
    pub fn examples(&self) -> usize {
        self.examples.len()
    }

    /// The mean difference of all seeds; `None` without any.
    pub fn mean(&self) -> Option<f64> {
        mean(&self.seeds)
    }

    /// The same differences with the examples taken as given: a paired t over seeds.
    pub fn seeds_alone(&self) -> Option<Estimate> {
        Estimate::of_seeds(&self.seeds, Overlap::None)
    }

    /// The mean difference with seeds and examples both a sample. It is never the surer one: where the
    /// interval over seeds alone is wider, which is a matter of degrees of freedom, its error is taken.
    /// `None` of fewer than two seeds or examples, and where there is no spread.
    pub fn estimate(&self) -> Option<Estimate> {
        let (n, m) = (self.seeds.len() as f64, self.examples.len() as f64);
        let mean = self.mean()?;
        let by_example: Vec<f64> = self.examples.iter().map(|sum| sum / n).collect();
        let of_seeds = std(&self.seeds)?.powi(2) / n;
        let of_examples = std(&by_example)?.powi(2) / m;
        // The sums of squares of the layout: all, rows, columns, and what is left.
        let left = self.squares
            - n * m * mean * mean
            - of_seeds * n * m * (n - 1.0)
            - of_examples * n * m * (m - 1.0);
        let residual = left.max(0.0) / ((n - 1.0) * (m - 1.0) * n * m);
        // Neither part is below nothing: what the residual explains alone is none of its own.
        let variance = (of_seeds + of_examples - residual).max(of_seeds).max(of_examples);
        // Of shares that differ by equally many the rest is rounding.
        let seeds = self.seeds_alone();
        let rounding = (1e-9 * self.squares.sqrt() / (n * m)).powi(2);
        if variance.is_nan() || variance <= rounding {
            return None;
        }
        let fewest = (n.min(m) - 1.0) as usize;
        let spread = of_seeds.powi(2) / (n - 1.0) + of_examples.powi(2) / (m - 1.0);
        // Rounded down, which makes the interval wider; by less than rounding it is whole.
        let freedom = (variance * variance / spread + 1e-9) as usize;
        let both = Estimate {
            seeds: self.seeds.len(),
            mean,
            error: variance.sqrt(),
            freedom: freedom.max(fewest),
            shared: variance - of_seeds,
        };
        Some(seeds.filter(|seeds| seeds.reach(0.95) > both.reach(0.95)).unwrap_or(both))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::uniform;

    fn of(seeds: &[Vec<f64>]) -> TwoWay {
        let mut both = TwoWay::new(seeds[0].len());
        seeds.iter().for_each(|seed| both.add(seed).unwrap());
        both
    }

    /// d = uniform(21).reshape(4, 30) + 3·uniform(22) − 1.9 + [[0], [.1], [.3], [.2]] of sample.rs.
    fn sample() -> Vec<Vec<f64>> {
        let examples: Vec<f64> = uniform(22).take(30).map(|u| 3.0 * u - 1.9).collect();
        let all: Vec<f64> = uniform(21).take(120).collect();
        let rows = all.chunks(30).zip([0.0, 0.1, 0.3, 0.2]);
        rows.map(|(row, more)| row.iter().zip(&examples).map(|(a, b)| a + b + more).collect())
            .collect()
    }

    #[test]
    fn agrees_with_the_analysis_of_variance_of_statsmodels() {
        // t = pandas.DataFrame(dict(d=d.ravel(), s=numpy.repeat(range(4), 30), e=[*range(30)] * 4))
        // ms = anova_lm(smf.ols("d ~ C(s) + C(e)", t).fit())["mean_sq"]
        // a, b, c = (ms[k] / 120 for k in ("C(s)", "C(e)", "Residual")); v = a + b - c
        // d.mean(), v**.5, v**2 / (a**2 / 3 + b**2 / 29), v - a
        let estimate = of(&sample()).estimate().unwrap();
        assert!((estimate.mean - 0.4105905809528749).abs() < 1e-12, "{estimate:?}");
        assert!((estimate.error - 0.1817188246653581).abs() < 1e-12, "{estimate:?}");
        assert!((estimate.shared - 0.027816728605632945).abs() < 1e-12, "{estimate:?}");
        assert_eq!((estimate.freedom, estimate.seeds), (29, 4)); // 29.48
        // scipy.stats.ttest_1samp(d.mean(1), 0).confidence_interval()
        let (low, high) = of(&sample()).seeds_alone().unwrap().interval(0.95);
        assert!((low - 0.18099075123215574).abs() < 1e-12, "{low}");
        assert!((high - 0.6401904106735938).abs() < 1e-12, "{high}");
    }

    #[test]
    fn is_never_surer_than_over_seeds_alone() {
        for draw in 0..200 {
            let stream = crate::random::Stream::new(draw, "two way");
            let seed = |at: u64| (0..20).map(|e| stream.part(at).normal(e) + 0.3).collect();
            let both = of(&(0..3).map(seed).collect::<Vec<_>>());
            let (alone, both) = (both.seeds_alone().unwrap(), both.estimate().unwrap());
            assert!(both.reach(0.95) >= alone.reach(0.95), "{both:?} {alone:?}");
        }
    }

    #[test]
    fn seeds_that_agree_leave_the_examples() {
        // Three of ten better, one worse, whatever the seed: a paired t over examples.
        let one = [1.0, 1.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0].to_vec();
        let both = of(&[one.clone(), one.clone(), one.clone()]);
        assert_eq!(both.seeds_alone(), None);
        let estimate = both.estimate().unwrap();
        let expected = Estimate::of_seeds(&one, Overlap::None).unwrap();
        assert!((estimate.error - expected.error).abs() < 1e-12, "{estimate:?}");
        assert_eq!((estimate.freedom, estimate.seeds), (9, 3));
        // No more seeds help.
        assert_eq!(estimate.seeds_needed(0.0, 0.8, 0.05).unwrap(), None);
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        assert_eq!((TwoWay::new(3).mean(), TwoWay::new(3).estimate()), (None, None));
        assert_eq!(of(&[vec![1.0, 0.0]]).estimate(), None);
        assert_eq!(of(&[vec![1.0], vec![0.0]]).estimate(), None);
        assert_eq!(of(&[vec![0.0; 3], vec![0.0; 3]]).estimate(), None);
        assert_eq!(of(&[vec![0.1; 3], vec![0.1; 3], vec![0.1; 3]]).estimate(), None);
        let mut both = TwoWay::new(2);
        let refused = |complaint: Result<()>| complaint.unwrap_err().to_string();
        let complaint = refused(both.add(&[1.0]));
        assert_eq!(complaint, "a seed with 1 test examples cannot stand beside one with 2");
        assert_eq!(refused(both.add(&[1.0, f64::NAN])), "difference 1 is NaN");
        assert!(both.add(&[]).is_err());
        assert_eq!(both, TwoWay::new(2));
    }
}
