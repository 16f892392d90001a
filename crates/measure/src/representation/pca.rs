//! Principal components: the map of the features that keeps most of their variance.
//!
//! Eigenvectors of the covariance matrix with the largest eigenvalues (Pearson 1901). Of the two
//! directions of each axis the one whose largest entry is positive is taken, as in scikit-learn, so
//! that a map does not flip from run to run.

use super::{
    Features,
    linalg::{Matrix, product},
    principal::Principal,
};
use crate::{Error, Logit, Result, Stop};

/// Principal axes of some features.
#[derive(Debug)]
pub struct Pca {
    mean: Vec<f64>,
    /// D×n, one axis a column.
    axes: Matrix,
    /// The share of the variance that lies along each axis, largest first; all 0 where there is no
    /// variance.
    pub explained: Vec<f64>,
}

impl Pca {
    /// The first `axes` principal axes. Where fewer examples than that vary, or none, there are axes
    /// of zeros, on which every position is 0.
    ///
    /// # Errors
    /// No axes, or more than the features have dimensions; more than 8192 rows of more than 8192
    /// dimensions; [`Error::Interrupted`].
    pub fn fit<T: Logit>(features: Features<T>, axes: usize, stop: Stop) -> Result<Self> {
        let columns = features.columns();
        if axes == 0 || axes > columns {
            return Err(Error::Request(format!(
                "{axes} axes asked for, where the features have {columns} dimensions"
            )));
        }
        let mut x = Matrix::of(features);
        let mean = x.mean_row();
        x.change_by(&mean, |x, mean| *x -= mean);
        let Principal { mut variances, axes: kept, total } = Principal::new(x, axes, stop)?;
        variances.resize(axes, 0.0);
        // Rounding can leave a variance of nothing slightly below 0.
        let share = |variance: &f64| if total > 0.0 { variance.max(0.0) / total } else { 0.0 };
        let explained = variances.iter().map(share).collect();
        Ok(Self { mean, axes: directed(&kept, axes), explained })
    }

    /// The position of each example along the axes, row-major, one column an axis.
    ///
    /// # Errors
    /// Features of another dimension.
    pub fn project<T: Logit>(&self, features: Features<T>) -> Result<Vec<f64>> {
        features.validate_columns(self.mean.len())?;
        let mut x = Matrix::of(features);
        x.change_by(&self.mean, |x, mean| *x -= mean);
        Ok(product(x.view(), self.axes.view()).into_values())
    }
}

/// The axes, each in the direction in which its largest entry is positive, and axes of zeros, so
/// that there are `many`.
fn directed(axes: &Matrix, many: usize) -> Matrix {
    let mut largest = vec![0.0f64; axes.columns()];
    for row in axes.iter() {
        for (largest, x) in largest.iter_mut().zip(row) {
            if x.abs() > largest.abs() {
                *largest = *x;
            }
        }
    }
    let row = |row: &[f64]| {
        let mut row: Vec<f64> = row.iter().zip(&largest).map(|(x, l)| x * l.signum()).collect();
        row.resize(many, 0.0);
        row
    };
    Matrix::new(axes.iter().flat_map(row).collect(), many)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::clusters;

    #[test]
    fn agrees_with_scikit_learn() {
        // x, _ = clusters(3, 120, 5, 4, 2.5) of sample.rs
        // m = sklearn.decomposition.PCA(2).fit(x); m.explained_variance_ratio_, m.transform(x)[:3]
        let (values, _) = clusters(3, 120, 5, 4, 2.5);
        let features = Features::new(&values, 5).unwrap();
        let pca = Pca::fit(features, 2, Stop::never()).unwrap();
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
        let pca = Pca::fit(features, 2, Stop::never()).unwrap();
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
        let pca = Pca::fit(one, 1, Stop::never()).unwrap();
        assert_eq!(
            (pca.explained.as_slice(), pca.project(one).unwrap()),
            ([0.0].as_slice(), vec![0.0])
        );
        for axes in [0, 3] {
            assert!(Pca::fit(one, axes, Stop::never()).is_err());
        }
        assert!(pca.project(Features::new(&[1.0f32], 1).unwrap()).is_err());
    }

    /// 60,000 dimensions: their covariance would take 28.8 GB.
    #[test]
    fn a_few_rows_of_many_dimensions_have_as_many_axes() {
        let far: Vec<f32> = (0..120_000).map(|at| if at < 60_000 { 0.0 } else { 0.1 }).collect();
        let features = Features::new(&far, 60_000).unwrap();
        let pca = Pca::fit(features, 2, Stop::never()).unwrap();
        let explained = &pca.explained;
        assert!((explained[0] - 1.0).abs() < 1e-12 && explained[1] == 0.0, "{explained:?}");
        let positions = pca.project(features).unwrap();
        let half = 0.5 * 0.1f32 as f64 * 60_000f64.sqrt();
        for (ours, expected) in positions.iter().zip([-half, 0.0, half, 0.0]) {
            assert!((ours - expected).abs() < 1e-9, "{positions:?}");
        }
    }

    #[test]
    fn agrees_with_scikit_learn_where_there_are_fewer_examples_than_dimensions() {
        // x = clusters(3, 120, 5, 4, 2.5)[0].reshape(6, 100) of sample.rs
        // m = sklearn.decomposition.PCA(2, svd_solver="full").fit(x)
        // m.explained_variance_ratio_, m.transform(x)[:3]
        let (values, _) = clusters(3, 120, 5, 4, 2.5);
        let features = Features::new(&values, 100).unwrap();
        let pca = Pca::fit(features, 2, Stop::never()).unwrap();
        for (ours, expected) in pca.explained.iter().zip(EXPLAINED_WIDE) {
            assert!((ours - expected).abs() < 1e-12, "{:?}", pca.explained);
        }
        for (ours, expected) in pca.project(features).unwrap().iter().zip(POSITIONS_WIDE) {
            assert!((ours - expected).abs() < 1e-9, "{ours} is not {expected}");
        }
    }

    const EXPLAINED_WIDE: [f64; 2] = [0.28106794726848366, 0.2516815208843958];
    const POSITIONS_WIDE: [f64; 6] = [
        -3.6090517475324986,
        -11.542371827053854,
        -0.5181274624185035,
        16.02819682491654,
        12.445318438567911,
        -9.44038585886025,
    ];
}
