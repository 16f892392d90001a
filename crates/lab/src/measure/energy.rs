//! Conditional energies, E(k|x) = −z_k: the lower, the better example x and class k fit.

use super::{Logit, Logits};
use crate::Result;

/// The mean conditional energy of the label, −z_y.
///
/// `labels`: one class a row.
///
/// # Errors
/// Labels that do not fit the logits.
pub fn label_energy<T: Logit>(logits: Logits<T>, labels: &[i64]) -> Result<f64> {
    let sum: f64 = logits.labelled(labels)?.map(|(row, label)| -row[label].into()).sum();
    Ok(sum / logits.rows() as f64)
}

/// The energy profile of every class c (the paper's Figures 1 and 5): the mean of the vectors −z
/// over the examples with label c, one value a class, in the order of the classes. `None` for a
/// class without examples.
///
/// # Errors
/// Labels that do not fit the logits.
pub fn energy_profile<T: Logit>(
    logits: Logits<T>,
    labels: &[i64],
) -> Result<Vec<Option<Vec<f64>>>> {
    let mut examples = vec![0usize; logits.classes()];
    let mut profiles = vec![None; logits.classes()];
    for (row, label) in logits.labelled(labels)? {
        examples[label] += 1;
        let sums = profiles[label].get_or_insert_with(|| vec![0.0; row.len()]);
        for (sum, &z) in sums.iter_mut().zip(row) {
            *sum -= z.into();
        }
    }
    for (profile, examples) in profiles.iter_mut().zip(examples) {
        for sum in profile.iter_mut().flatten() {
            *sum /= examples as f64;
        }
    }
    Ok(profiles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_taken_class_by_class() {
        let logits = Logits::new(&[1.0f32, 2.0, 3.0, -4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 3).unwrap();
        let profile = energy_profile(logits, &[2, 0, 2]).unwrap();
        assert_eq!(profile[0], Some(vec![4.0, -5.0, -6.0]));
        assert_eq!(profile[1], None);
        assert_eq!(profile[2], Some(vec![-4.0, -5.0, -6.0]));
        assert_eq!(label_energy(logits, &[2, 0, 2]).unwrap(), (-3.0 + 4.0 - 9.0) / 3.0);
    }
}
