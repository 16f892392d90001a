//! Where in its sentence a token is, as a vector of sines and cosines (Vaswani et al. 2017, §3.5), in
//! fairseq's order: with d the width and h = d/2, place t of a sentence has
//!
//! ```text
//! x_j = sin((t + 2)·ω_j),   x_{h+j} = cos((t + 2)·ω_j),   ω_j = 10000^(−j/(h − 1)),   j < h
//! ```
//!
//! The 2 is the number of the padding token plus one, where fairseq starts to count.

use tch::Tensor;

use crate::Result;

const FIRST: usize = 2;

/// The vectors of `count` places from the one numbered `start`, f32 (count, width); `width` is even.
///
/// # Errors
/// Only what libtorch refuses.
pub fn positions(start: usize, count: usize, width: usize) -> Result<Tensor> {
    let half = width / 2;
    let step = -(1e4f64).ln() / (half.max(2) - 1) as f64;
    let frequencies: Vec<f64> = (0..half).map(|at| (step * at as f64).exp()).collect();
    let mut values = Vec::with_capacity(count * width);
    for place in start..start + count {
        let angles = frequencies.iter().map(|frequency| frequency * (place + FIRST) as f64);
        values.extend(angles.clone().map(|angle| angle.sin() as f32));
        values.extend(angles.map(|angle| angle.cos() as f32));
    }
    Ok(Tensor::f_from_slice(&values)?.f_reshape([count as i64, width as i64])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// # pip install torch==2.11.0
    /// import math, torch
    /// half, padding = 3, 1                                        # fairseq's get_embedding
    /// frequencies = torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
    /// angles = torch.arange(10).unsqueeze(1) * frequencies.unsqueeze(0)
    /// table = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
    /// print(table[padding + 1], table[padding + 1 + 5])
    /// ```
    #[test]
    fn places_are_those_of_fairseq() {
        let found = positions(0, 6, 6).unwrap();
        for (place, expected) in [
            (0, [0.909297, 0.019999, 0.0002, -0.416147, 0.9998, 1.0]),
            (5, [0.656987, 0.069943, 0.0007, 0.753902, 0.997551, 1.0]),
        ] {
            for (at, expected) in expected.into_iter().enumerate() {
                let found = found.double_value(&[place, at as i64]);
                assert!((found - expected).abs() < 1e-6, "{place}, {at}: {found}, {expected}");
            }
        }
        assert_eq!(positions(4, 2, 6).unwrap(), found.narrow(0, 4, 2));
    }
}
