//! Holm's correction (Holm 1979): when m losses are compared with one baseline, the chance that any
//! of the differences is called real by accident stays at α.
//!
//! The smallest p is multiplied by m, the next by m − 1, and so on, none below its predecessor.

use crate::{Error, Result};

/// The p-values corrected for each other, in their order; a difference is significant at α where
/// its corrected p is at most α.
///
/// ```
/// use steepness_measure::holm;
/// assert_eq!(holm(&[0.01, 0.04, 0.03])?, [0.03, 0.06, 0.06]);
/// # Ok::<(), steepness_measure::Error>(())
/// ```
///
/// # Errors
/// A p outside \[0, 1\], named by its place.
pub fn holm(p: &[f64]) -> Result<Vec<f64>> {
    if let Some(at) = p.iter().position(|p| !(0.0..=1.0).contains(p)) {
        return Err(Error::Request(format!("p-value {at} is {}, not between 0 and 1", p[at])));
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut corrected = vec![0.0; p.len()];
    let mut least = 0f64;
    for (rank, at) in order.into_iter().enumerate() {
        least = least.max((p.len() - rank) as f64 * p[at]).min(1.0);
        corrected[at] = least;
    }
    Ok(corrected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_statsmodels() {
        // statsmodels.stats.multitest.multipletests(p, method="holm")[1]
        let p = [0.011, 0.2, 0.0004, 0.011, 0.6, 0.03];
        for (ours, expected) in holm(&p).unwrap().iter().zip(CORRECTED) {
            assert!((ours - expected).abs() < 1e-15, "{ours} is not {expected}");
        }
    }

    const CORRECTED: [f64; 6] =
        [0.05499999999999999, 0.4, 0.0024000000000000002, 0.05499999999999999, 0.6, 0.09];

    #[test]
    fn odd_input_has_a_defined_result() {
        assert!(holm(&[]).unwrap().is_empty());
        assert_eq!(holm(&[0.2]).unwrap(), [0.2]);
        for wrong in [-0.1, 1.1, f64::NAN] {
            let complaint = holm(&[0.5, wrong]).unwrap_err().to_string();
            assert!(complaint.starts_with("p-value 1 is "), "{complaint}");
        }
    }
}
