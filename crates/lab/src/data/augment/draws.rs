//! [`Draws`]: the random numbers of one transform for one example in one epoch.

use crate::random::Stream;

/// Random numbers one after the other: a function of the seed, the transform, the epoch, the example
/// and how often it came before alone. Threads, the order of the examples and where a training was resumed are no part of
/// them, and a transform that is left out changes nothing for the others.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    stream: Stream,
    next: u64,
}

impl Draws {
    /// Those of the `transform`, such as "augment/flip", for `example` in `epoch` (below 2³² each).
    pub fn new(seed: u64, transform: &str, epoch: usize, example: usize) -> Self {
        let part = (epoch as u64) << 32 | example as u64;
        Self { stream: Stream::new(seed, transform).part(part), next: 0 }
    }

    /// Those for the example when it comes again in the same epoch, after so many `repeats`.
    pub fn again(self, repeats: u32) -> Self {
        match repeats {
            0 => self,
            repeats => Self { stream: self.stream.part(u64::from(repeats)), ..self },
        }
    }

    fn counter(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Uniform in \[`low`, `high`).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let at = self.counter();
        low + (high - low) * self.stream.uniform(at)
    }

    /// Uniform in 0..`bound`, for a `bound` above 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let at = self.counter();
        self.stream.below(at, bound as u64) as usize
    }

    /// True with `probability`.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform(0.0, 1.0) < probability
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        let at = self.counter();
        self.stream.normal(at)
    }

    /// Beta(`alpha`, `alpha`), for an `alpha` above 0: X / (X + Y) of two gamma variates.
    pub fn beta(&mut self, alpha: f64) -> f64 {
        // Small shapes have variates far below the least f64: their logarithms have not.
        let (x, y) = (self.ln_gamma_variate(alpha), self.ln_gamma_variate(alpha));
        1.0 / (1.0 + (y - x).exp())
    }

    /// The logarithm of a Gamma(`shape`, 1) variate (Marsaglia and Tsang 2000, "A simple method for
    /// generating gamma variables"): that of Gamma(`shape` + 1) times a uniform to 1/`shape`.
    fn ln_gamma_variate(&mut self, shape: f64) -> f64 {
        let boost = (1.0 - self.uniform(0.0, 1.0)).ln() / shape; // 1 − u lies in (0, 1]
        let d = shape + 1.0 - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            let u = 1.0 - self.uniform(0.0, 1.0);
            if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return (d * v).ln() + boost;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_epoch_seed_and_transform_has_its_own() {
        let first = |seed, transform, epoch, example| {
            Draws::new(seed, transform, epoch, example).uniform(0.0, 1.0)
        };
        let here = first(1, "augment/flip", 2, 3);
        assert_eq!(here, first(1, "augment/flip", 2, 3));
        for other in [
            first(2, "augment/flip", 2, 3),
            first(1, "augment/crop", 2, 3),
            first(1, "augment/flip", 3, 3),
            first(1, "augment/flip", 2, 4),
            first(1, "augment/flip", 3, 2),
        ] {
            assert_ne!(here, other);
        }
    }

    /// Beta(α, α): mean 1/2, variance 1 / (4 (2α + 1)), and for α = 1 the uniform distribution.
    #[test]
    fn beta_has_the_moments_of_beta() {
        const N: usize = 20_000;
        for alpha in [1e-3, 0.2, 0.8, 1.0, 4.0, 300.0] {
            let draw = |example| Draws::new(7, "beta", 1, example).beta(alpha);
            let values: Vec<f64> = (0..N).map(draw).collect();
            assert!(values.iter().all(|x| (0.0..=1.0).contains(x)));
            let mean = values.iter().sum::<f64>() / N as f64;
            let variance = values.iter().map(|x| (x - 0.5).powi(2)).sum::<f64>() / N as f64;
            let expected = 0.25 / (2.0 * alpha + 1.0);
            // Four standard errors of the mean; the variance's own is below 2 % of it here.
            assert!((mean - 0.5).abs() < 4.0 * (expected / N as f64).sqrt(), "{alpha}: {mean}");
            assert!((variance / expected - 1.0).abs() < 0.06, "{alpha}: {variance}");
        }
        let below = (0..N).filter(|&n| Draws::new(7, "beta", 1, n).beta(1.0) < 0.1).count();
        assert!((below as f64 / N as f64 - 0.1).abs() < 0.01, "{below}");
    }
}
