//! Principal components: the map of the features that keeps most of their variance.
//!
//! Eigenvectors of the covariance matrix with the largest eigenvalues (Pearson 1901). Of the two
//! directions of each axis the one whose largest entry is positive is taken, as in scikit-learn, so
//! that a map does not flip from run to run.

use tch::Tensor;

use super::{
    Features,
    linalg::{covariance, eigen, mean_row, numbers, tensor},
};
use crate::measure::Logit;
use crate::{Error, Result};

/// Principal axes of some features.
#[derive(Debug)]
pub struct Pca {
    mean: Tensor,
    /// D×n, one axis a column.
    axes: Tensor,
    columns: usize,
    /// The share of the variance that lies along each axis, largest first; all 0 where there is no
    /// variance.
    pub explained: Vec<f64>,
}

impl Pca {
    /// The first `axes` principal axes.
    ///
    /// # Errors
    /// No axes, or more than the features have dimensions.
    pub fn fit<T: Logit>(features: Features<T>, axes: usize) -> Result<Self> {
        let columns = features.columns();
        if axes == 0 || axes > columns {
            return Err(Error::Request(format!(
                "{axes} axes asked for, where the features have {columns} dimensions"
            )));
        }
        let raw = tensor(features)?;
        let mean = mean_row(&raw)?;
        let (variances, vectors) = eigen(&covariance(&raw.f_sub(&mean)?)?)?;
        let (from, axes) = ((columns - axes) as i64, axes as i64);
        let kept = vectors.f_narrow(1, from, axes)?.f_flip([1])?;
        let place = kept.f_abs()?.f_argmax(0, true)?;
        let signs = kept.f_gather(0, &place, false)?.f_sign()?;
        let variances = numbers(&variances)?;
        let total: f64 = variances.iter().map(|variance| variance.max(0.0)).sum();
        // Rounding can leave a variance of nothing slightly below 0.
        let share = |variance: &f64| if total > 0.0 { variance.max(0.0) / total } else { 0.0 };
        let explained = variances.iter().rev().take(axes as usize).map(share).collect();
        Ok(Self { mean, axes: kept.f_mul(&signs)?, columns, explained })
    }

    /// The position of each example along the axes, row-major, one column an axis.
    ///
    /// # Errors
    /// Features of another dimension.
    pub fn project<T: Logit>(&self, features: Features<T>) -> Result<Vec<f64>> {
        features.check_columns(self.columns)?;
        numbers(&tensor(features)?.f_sub(&self.mean)?.f_matmul(&self.axes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::sample::clusters;

    #[test]
    fn agrees_with_scikit_learn() {
        // x, _ = clusters(3, 120, 5, 4, 2.5) of sample.rs
        // m = sklearn.decomposition.PCA(2).fit(x); m.explained_variance_ratio_, m.transform(x)[:3]
        let (values, _) = clusters(3, 120, 5, 4, 2.5);
        let features = Features::new(&values, 5).unwrap();
        let pca = Pca::fit(features, 2).unwrap();
        for (ours, expected) in pca.explained.iter().zip(EXPLAINED) {
            assert!((ours - expected).abs() < 1e-12, "{:?}", pca.explained);
        }
        for (ours, expected) in pca.project(features).unwrap().iter().zip(POSITIONS) {
            assert!((ours - expected).abs() < 1e-9, "{ours} is not {expected}");
        }
    }

    const EXPLAINED: [f64; 2] = [0.32803302565877296, 0.27202715380042203];
    const POSITIONS: [f64; 6] = [
        -3.838012200655467,
        -0.08304416196984654,
        0.4956140573786012,
        -1.9831272095494437,
        -2.897504328561239,
        -1.0854933910669007,
    ];

    #[test]
    fn a_line_has_one_axis() {
        let values = [1.0, 2.0, 2.0, 4.0, 3.0, 6.0];
        let features = Features::new(&values, 2).unwrap();
        let pca = Pca::fit(features, 2).unwrap();
        assert!((pca.explained[0] - 1.0).abs() < 1e-12 && pca.explained[1] < 1e-12);
        let positions = pca.project(features).unwrap();
        let step = 5f64.sqrt();
        for (ours, expected) in positions.iter().step_by(2).zip([-step, 0.0, step]) {
            assert!((ours - expected).abs() < 1e-12, "{positions:?}");
        }
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        let one = Features::new(&[3.0f32, 4.0], 2).unwrap();
        let pca = Pca::fit(one, 1).unwrap();
        assert_eq!(
            (pca.explained.as_slice(), pca.project(one).unwrap()),
            ([0.0].as_slice(), vec![0.0])
        );
        assert!(Pca::fit(one, 0).is_err() && Pca::fit(one, 3).is_err());
        assert!(pca.project(Features::new(&[1.0f32], 1).unwrap()).is_err());
    }
}
