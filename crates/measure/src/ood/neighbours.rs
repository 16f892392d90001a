//! k-nearest-neighbour score (Sun et al. 2022): how far the k-th nearest training example is.
//!
//! −‖x̂ − x̂_(k)‖² of features divided by their norms: OpenOOD's `knn`, which takes k = 50.

use crate::representation::{Features, Matrix, Metric, nearest, validate_k};
use crate::{Logit, Result, Stop};

/// Training features to be looked up.
#[derive(Debug)]
pub struct Neighbours {
    bank: Matrix,
    k: usize,
}

impl Neighbours {
    /// Keeps training features, of which the `k`-th nearest one counts.
    ///
    /// # Errors
    /// `k` that is 0 or more than there are examples.
    pub fn fit<T: Logit>(features: Features<T>, k: usize) -> Result<Self> {
        validate_k(k, features.rows())?;
        Ok(Self { bank: Matrix::of(features), k })
    }

    /// The score of each example, from −4 to 0; the higher the more in-distribution.
    ///
    /// # Errors
    /// Features of another dimension; [`crate::Error::Interrupted`].
    pub fn scores<T: Logit>(&self, features: Features<T>, stop: Stop) -> Result<Vec<f64>> {
        features.validate_columns(self.bank.columns())?;
        let found =
            nearest(&self.bank, &Matrix::of(features), self.k, Metric::Cosine, false, stop)?;
        // Rounding can leave a distance of 0 slightly below it.
        Ok(found.iter().map(|near| -near[self.k - 1].0.max(0.0)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::clusters;

    #[test]
    fn agrees_with_open_ood() {
        // OpenOOD v1.5, knn_postprocessor.py, with x = clusters(3, 120, 5, 4, 2.5)[0] of sample.rs
        // for training and t = clusters(5, 4, 5, 4, 6)[0] to be scored:
        // unit = lambda x: x / (numpy.linalg.norm(x, axis=-1, keepdims=True) + 1e-10)
        // -numpy.sort(((unit(t)[:, None] - unit(x)) ** 2).sum(-1))[:, 50 - 1]
        let (values, _) = clusters(3, 120, 5, 4, 2.5);
        let (tested, _) = clusters(5, 4, 5, 4, 6.0);
        let fitted = Neighbours::fit(Features::new(&values, 5).unwrap(), 50).unwrap();
        let scores = fitted.scores(Features::new(&tested, 5).unwrap(), Stop::never()).unwrap();
        for (ours, expected) in scores.iter().zip(SCORES) {
            assert!((ours - expected).abs() < 1e-8, "{ours} is not {expected}");
        }
    }

    const SCORES: [f64; 4] =
        [-1.8797825770262238, -1.5327754756299945, -1.3165757227815997, -1.6031183613330549];

    #[test]
    fn what_was_seen_is_at_home() {
        let (values, _) = clusters(3, 20, 5, 4, 2.5);
        let features = Features::new(&values, 5).unwrap();
        let scores = Neighbours::fit(features, 1).unwrap().scores(features, Stop::never()).unwrap();
        assert!(scores.iter().all(|score| (-1e-12..=0.0).contains(score)), "{scores:?}");
        assert!(Neighbours::fit(features, 21).is_err() && Neighbours::fit(features, 0).is_err());
    }
}
