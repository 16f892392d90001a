//! The steepness actually felt: how hard the loss pulls on the label's logit, by how well the
//! example is classified already.
//!
//! For L(p) with w(p) = −p·L'(p) it is |∂L/∂z_y| = w(p)·(1 − p): for cross entropy the falling line
//! 1 − p, for an encouraging loss flat at 1 up to its log end.

use super::{Logit, SteepnessBin, histogram::bin_of};
use crate::{Error, Result};

/// Mean |∂L/∂z_y| of examples by their probability p of the label, in `bins` equal-width bins
/// \[a, b) over \[0, 1\], the last one closed.
///
/// `p` and `gradient` (∂L/∂z_y of the example's own loss, not divided by the batch) have one value
/// an example.
///
/// # Errors
/// Different lengths, a p outside \[0, 1\] or a gradient that is not finite, named by its place.
pub fn steepness<T: Logit>(p: &[f64], gradient: &[T], bins: usize) -> Result<Vec<SteepnessBin>> {
    if p.len() != gradient.len() {
        return Err(Error::Request(format!(
            "{} probabilities for {} gradients",
            p.len(),
            gradient.len()
        )));
    }
    let edge = |i: usize| i as f64 / bins as f64;
    let mut steepness: Vec<_> = (0..bins)
        .map(|i| SteepnessBin { low: edge(i), high: edge(i + 1), count: 0, gradient: 0.0 })
        .collect();
    for (row, (&p, &gradient)) in p.iter().zip(gradient).enumerate() {
        let gradient: f64 = gradient.into();
        let bin = bin_of(p, 0.0, 1.0, bins).filter(|_| gradient.is_finite()).ok_or_else(|| {
            Error::Request(format!(
                "row {row}: no bin of {bins} for probability {p} with gradient {gradient}"
            ))
        })?;
        steepness[bin].count += 1;
        steepness[bin].gradient += gradient.abs();
    }
    for bin in steepness.iter_mut().filter(|bin| bin.count > 0) {
        bin.gradient /= bin.count as f64;
    }
    Ok(steepness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_bin_by_bin() {
        let bins = steepness(&[0.1, 0.2, 0.9, 1.0], &[-0.5f32, -1.0, 0.25, 0.0], 2).unwrap();
        assert_eq!((bins[0].low, bins[0].high, bins[0].count), (0.0, 0.5, 2));
        assert_eq!((bins[1].low, bins[1].high, bins[1].count), (0.5, 1.0, 2));
        assert_eq!((bins[0].gradient, bins[1].gradient), (0.75, 0.125));
    }

    #[test]
    fn an_empty_bin_has_no_gradient() {
        let bins = steepness(&[1.0], &[-1.0f64], 20).unwrap();
        assert_eq!((bins[19].count, bins[19].gradient), (1, 1.0));
        assert!(bins[..19].iter().all(|bin| bin.count == 0 && bin.gradient == 0.0));
    }

    #[test]
    fn odd_input_is_refused() {
        assert!(steepness(&[0.5], &[0.0f32, 1.0], 20).is_err());
        for (p, gradient) in [(1.5, 0.0), (f64::NAN, 0.0), (0.5, f64::NAN), (0.5, f64::INFINITY)] {
            let complaint = steepness(&[0.5, p], &[0.0, gradient], 20).unwrap_err().to_string();
            assert!(complaint.starts_with("row 1: "), "{complaint}");
        }
        assert!(steepness(&[0.5], &[0.0f32], 0).is_err());
        assert!(steepness::<f32>(&[], &[], 0).unwrap().is_empty());
    }
}
