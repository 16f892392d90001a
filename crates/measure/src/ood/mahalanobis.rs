//! Mahalanobis score (Lee et al. 2018): how far features lie from the nearest class, measured in
//! the spread that all classes share.
//!
//! max_c −(x − μ_c)ᵀ Σ⁺ (x − μ_c), with μ_c the mean of the training features of class c and Σ their
//! covariance around the means, divided by the number of examples: OpenOOD's `mds`. Σ⁺ is the
//! pseudoinverse, so dead or duplicate features are no trouble: directions with no spread in
//! training do not count.

use crate::representation::{Features, Matrix, Principal, product, squared_distances};
use crate::{Logit, Result, Stop};

/// The classes' means and shared spread.
#[derive(Debug)]
pub struct Mahalanobis {
    mean: Vec<f64>,
    /// D×r, to a space in which the classes' spread is 1 in every direction that it has.
    whitening: Matrix,
    /// C×r, the classes' means there.
    means: Matrix,
}

impl Mahalanobis {
    /// Learns from training features with `labels`, one a row, any whole numbers.
    ///
    /// # Errors
    /// Labels that are not one a row; more than 8192 rows of more than 8192 dimensions;
    /// [`crate::Error::Interrupted`].
    pub fn fit<T: Logit>(features: Features<T>, labels: &[i64], stop: Stop) -> Result<Self> {
        let (classes, columns) = (features.classes(labels)?, features.columns());
        let mut x = Matrix::of(features);
        // Distances are differences: those of numbers near 0 are the most exact.
        let mean = x.mean_row();
        x.change_by(&mean, |x, mean| *x -= mean);
        let means = x.class_means(&classes);
        x.change_rows(|row, values| {
            let mean = means.row(classes.of_row[row]);
            values.iter_mut().zip(mean).for_each(|(x, mean)| *x -= mean);
        });
        let Principal { variances, axes, .. } = Principal::new(x, columns, stop)?;
        let rank = Principal::rank(&variances, 0, columns);
        let inverse: Vec<f64> =
            variances[..rank].iter().map(|variance| variance.sqrt().recip()).collect();
        let mut whitening = axes.first_columns(rank);
        whitening.change_by(&inverse, |axis, inverse| *axis *= inverse);
        let means = product(means.view(), whitening.view());
        Ok(Self { mean, whitening, means })
    }

    /// The score of each example, at most 0; the higher the more in-distribution.
    ///
    /// # Errors
    /// Features of another dimension.
    pub fn scores<T: Logit>(&self, features: Features<T>) -> Result<Vec<f64>> {
        features.validate_columns(self.mean.len())?;
        let mut x = Matrix::of(features);
        x.change_by(&self.mean, |x, mean| *x -= mean);
        let white = product(x.view(), self.whitening.view());
        let distances = squared_distances(&white, &self.means);
        Ok(distances.iter().map(|row| -row.iter().copied().fold(f64::INFINITY, f64::min)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::clusters;

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
