//! Mahalanobis score (Lee et al. 2018): how far features lie from the nearest class, measured in
//! the spread that all classes share.
//!
//! max_c −(x − μ_c)ᵀ Σ⁺ (x − μ_c), with μ_c the mean of the training features of class c and Σ their
//! covariance around the means, divided by the number of examples: OpenOOD's `mds`. Σ⁺ is the
//! pseudoinverse, so dead or duplicate features are no trouble: directions with no spread in
//! training do not count.

use tch::Tensor;

use crate::measure::Logit;
use crate::measure::representation::{
    Features, Principal, class_index, class_means, mean_row, numbers, squared_distances, tensor,
    vector,
};
use crate::{Result, Stop};

/// The classes' means and shared spread.
#[derive(Debug)]
pub struct Mahalanobis {
    mean: Tensor,
    /// D×r, to a space in which the classes' spread is 1 in every direction that it has.
    whitening: Tensor,
    /// C×r, the classes' means there.
    means: Tensor,
    columns: usize,
}

impl Mahalanobis {
    /// Learns from training features with `labels`, one a row, any whole numbers.
    ///
    /// # Errors
    /// Labels that are not one a row; more than 8192 rows of more than 8192 dimensions;
    /// [`crate::Error::Interrupted`].
    pub fn fit<T: Logit>(features: Features<T>, labels: &[i64], stop: Stop) -> Result<Self> {
        let (classes, columns) = (features.classes(labels)?, features.columns());
        let raw = tensor(features)?;
        // Distances are differences: those of numbers near 0 are the most exact.
        let mean = mean_row(&raw)?;
        let x = raw.f_sub(&mean)?;
        let means = class_means(&x, &classes)?;
        let around = x.f_sub(&means.f_index_select(0, &class_index(&classes)?)?)?;
        let Principal { variances, axes, .. } = Principal::new(&around, columns, stop)?;
        let rank = Principal::rank(&variances, 0, columns);
        let inverse: Vec<f64> =
            variances[..rank].iter().map(|variance| variance.sqrt().recip()).collect();
        let whitening = axes.f_narrow(1, 0, rank as i64)?.f_mul(&vector(&inverse)?)?;
        let means = means.f_matmul(&whitening)?;
        Ok(Self { mean, whitening, means, columns })
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
        let fitted =
            Mahalanobis::fit(Features::new(&values, 5).unwrap(), &labels, Stop::never()).unwrap();
        let scores = fitted.scores(Features::new(&tested, 5).unwrap()).unwrap();
        for (ours, expected) in scores.iter().zip(SCORES) {
            assert!((ours / expected - 1.0).abs() < 1e-9, "{ours} is not {expected}");
        }
    }

    const SCORES: [f64; 4] =
        [-38.06442052377905, -22.445803299420252, -3.9061521450176446, -6.2621675973832];

    #[test]
    fn agrees_with_open_ood_where_there_are_fewer_examples_than_dimensions() {
        // The same with x, t = x.reshape(24, 25), t.reshape(4, 25), y = numpy.arange(24) % 3 and three
        // classes, t being clusters(5, 20, 5, 4, 6)[0].
        let (values, _) = clusters(3, 120, 5, 4, 2.5);
        let (tested, _) = clusters(5, 20, 5, 4, 6.0);
        let labels: Vec<i64> = (0..24).map(|row| row % 3).collect();
        let train = Features::new(&values, 25).unwrap();
        let fitted = Mahalanobis::fit(train, &labels, Stop::never()).unwrap();
        let scores = fitted.scores(Features::new(&tested, 25).unwrap()).unwrap();
        for (ours, expected) in scores.iter().zip(WIDE) {
            assert!((ours / expected - 1.0).abs() < 1e-9, "{ours} is not {expected}");
        }
    }

    const WIDE: [f64; 4] =
        [-1422.7629447504005, -421.8065033884212, -284.1577187048169, -4031.2989878993926];

    #[test]
    fn a_dead_feature_changes_nothing() {
        let (values, labels) = clusters(3, 120, 5, 4, 2.5);
        let dead: Vec<f64> = values.chunks(5).flat_map(|row| [row, &[7.0]].concat()).collect();
        let score = |values: &[f64], columns| {
            let features = Features::new(values, columns).unwrap();
            Mahalanobis::fit(features, &labels, Stop::never()).unwrap().scores(features).unwrap()
        };
        for (a, b) in score(&values, 5).iter().zip(score(&dead, 6)) {
            assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        }
    }

    #[test]
    fn without_any_spread_everything_is_alike() {
        let features = Features::new(&[1.0f32, 2.0, 2.0], 1).unwrap();
        let fitted = Mahalanobis::fit(features, &[0, 1, 1], Stop::never()).unwrap();
        assert_eq!(fitted.scores(Features::new(&[9.0f32], 1).unwrap()).unwrap(), [0.0]);
        assert!(fitted.scores(Features::new(&[9.0f32, 1.0], 2).unwrap()).is_err());
        assert!(Mahalanobis::fit(features, &[0], Stop::never()).is_err());
    }
}
