//! Mahalanobis score (Lee et al. 2018): how far features lie from the nearest class, measured in
//! the spread that all classes share.
//!
//! max_c −(x − μ_c)ᵀ Σ⁺ (x − μ_c), with μ_c the mean of the training features of class c and Σ their
//! covariance around the means, divided by the number of examples: OpenOOD's `mds`. Σ⁺ is the
//! pseudoinverse, so dead or duplicate features are no trouble: directions with no spread in
//! training do not count.

use tch::{Kind, Tensor};

use crate::Result;
use crate::measure::Logit;
use crate::measure::representation::{
    Features, class_index, class_means, covariance, eigen, mean_row, numbers, squared_distances,
    tensor,
};

/// The classes' means and shared spread.
#[derive(Debug)]
pub struct Mahalanobis {
    mean: Tensor,
    /// D×r, to a space in which the classes' spread is 1 in every direction.
    whitening: Tensor,
    /// C×r, the classes' means there.
    means: Tensor,
    columns: usize,
}

impl Mahalanobis {
    /// Learns from training features with `labels`, one a row, any whole numbers.
    ///
    /// # Errors
    /// Labels that are not one a row.
    pub fn fit<T: Logit>(features: Features<T>, labels: &[i64]) -> Result<Self> {
        let classes = features.classes(labels)?;
        let raw = tensor(features)?;
        // Distances are differences: those of numbers near 0 are the most exact.
        let mean = mean_row(&raw)?;
        let x = raw.f_sub(&mean)?;
        let means = class_means(&x, &classes)?;
        let around = x.f_sub(&means.f_index_select(0, &class_index(&classes)?)?)?;
        let (variances, axes) = eigen(&covariance(&around)?)?;
        let largest = numbers(&variances)?.into_iter().fold(0.0, f64::max);
        // What scipy.linalg.pinvh takes for no variance.
        let nothing = largest * features.columns() as f64 * f64::EPSILON;
        let inverse = variances.f_rsqrt()?;
        let inverse = inverse.f_where_self(
            &variances.f_gt(nothing)?,
            &Tensor::f_zeros([1], (Kind::Double, tch::Device::Cpu))?,
        )?;
        let whitening = axes.f_mul(&inverse)?;
        let means = means.f_matmul(&whitening)?;
        Ok(Self { mean, whitening, means, columns: features.columns() })
    }

    /// The score of each example, at most 0; the higher the more in-distribution.
    ///
    /// # Errors
    /// Features of another dimension.
    pub fn scores<T: Logit>(&self, features: Features<T>) -> Result<Vec<f64>> {
        features.check_columns(self.columns)?;
        let white = tensor(features)?.f_sub(&self.mean)?.f_matmul(&self.whitening)?;
        numbers(&squared_distances(&white, &self.means)?.f_amin([1], false)?.f_neg()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::sample::clusters;

    #[test]
    fn agrees_with_open_ood() {
        // OpenOOD v1.5, mds_postprocessor.py, with x, y = clusters(3, 120, 5, 4, 2.5) of sample.rs
        // for training and t = clusters(5, 4, 5, 4, 6)[0] to be scored:
        // m = numpy.array([x[y == c].mean(0) for c in range(4)])
        // P = sklearn.covariance.EmpiricalCovariance().fit(x - m[y]).precision_
        // [max(-(v - c) @ P @ (v - c) for c in m) for v in t]
        let (values, labels) = clusters(3, 120, 5, 4, 2.5);
        let (tested, _) = clusters(5, 4, 5, 4, 6.0);
        let fitted = Mahalanobis::fit(Features::new(&values, 5).unwrap(), &labels).unwrap();
        let scores = fitted.scores(Features::new(&tested, 5).unwrap()).unwrap();
        for (ours, expected) in scores.iter().zip(SCORES) {
            assert!((ours / expected - 1.0).abs() < 1e-9, "{ours} is not {expected}");
        }
    }

    const SCORES: [f64; 4] =
        [-38.06442052377905, -22.445803299420252, -3.9061521450176446, -6.2621675973832];

    #[test]
    fn a_dead_feature_changes_nothing() {
        let (values, labels) = clusters(3, 120, 5, 4, 2.5);
        let dead: Vec<f64> = values.chunks(5).flat_map(|row| [row, &[7.0]].concat()).collect();
        let score = |values: &[f64], columns| {
            let features = Features::new(values, columns).unwrap();
            Mahalanobis::fit(features, &labels).unwrap().scores(features).unwrap()
        };
        for (a, b) in score(&values, 5).iter().zip(score(&dead, 6)) {
            assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        }
    }

    #[test]
    fn without_any_spread_everything_is_alike() {
        let features = Features::new(&[1.0f32, 2.0, 2.0], 1).unwrap();
        let fitted = Mahalanobis::fit(features, &[0, 1, 1]).unwrap();
        assert_eq!(fitted.scores(Features::new(&[9.0f32], 1).unwrap()).unwrap(), [0.0]);
        assert!(fitted.scores(Features::new(&[9.0f32, 1.0], 2).unwrap()).is_err());
        assert!(Mahalanobis::fit(features, &[0]).is_err());
    }
}
