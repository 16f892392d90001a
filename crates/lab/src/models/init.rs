//! How the weights of a layer start.

use crate::random::Stream;

/// What initial values are drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// U(−b, b).
    Uniform(f64),
    /// N(0, σ²).
    Normal(f64),
    /// The same for all.
    Constant(f64),
}

impl Init {
    /// U(−1/√fan_in, 1/√fan_in), the default of PyTorch's linear and convolution layers (Kaiming
    /// uniform with a = √5) for weights and biases alike.
    pub fn fan_in(fan_in: usize) -> Self {
        Init::Uniform(1.0 / (fan_in as f64).sqrt())
    }

    /// N(0, 2/fan), which keeps the variance through rectifiers (He et al. 2015, eq. 10 with the
    /// fan in, eq. 14 with the fan out).
    pub fn kaiming(fan: usize) -> Self {
        Init::Normal((2.0 / fan as f64).sqrt())
    }

    /// U(−b, b) with b = √(6/(inputs + outputs)), which keeps the variance forward and backward (Glorot
    /// and Bengio 2010, eq. 16).
    pub fn glorot(inputs: usize, outputs: usize) -> Self {
        Init::Uniform((6.0 / (inputs + outputs) as f64).sqrt())
    }

    /// `count` values from `stream`.
    pub fn values(self, stream: Stream, count: usize) -> Vec<f32> {
        let draw = |at| match self {
            Init::Uniform(bound) => (2.0 * stream.uniform(at) - 1.0) * bound,
            Init::Normal(std) => stream.normal(at) * std,
            Init::Constant(value) => value,
        };
        (0..count as u64).map(|at| draw(at) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_moments_of_what_they_are_drawn_from() {
        // The variance of U(−b, b) is b²/3, here with b = 0.2.
        for (init, variance) in [
            (Init::fan_in(25), 0.04 / 3.0),
            (Init::kaiming(50), 0.04),
            (Init::glorot(20, 30), 0.04),
        ] {
            let values = init.values(Stream::new(1, "w"), 2500);
            let mean = values.iter().sum::<f32>() / 2500.0;
            let square = values.iter().map(|x| x * x).sum::<f32>() / 2500.0;
            assert!(mean.abs() < 0.01, "{init:?}: {mean}");
            assert!((square / variance - 1.0).abs() < 0.08, "{init:?}: {square}");
        }
        let even = Init::fan_in(25).values(Stream::new(1, "w"), 2500);
        assert!(even.iter().all(|x| x.abs() <= 0.2));
        assert_eq!(Init::Constant(0.25).values(Stream::new(1, "w"), 3), [0.25; 3]);
    }
}
