//! ViM, virtual-logit matching (Wang et al. 2022): what the head cannot see of the features, put on
//! the scale of its logits, against what it sees.
//!
//! With the head's weights W and bias b, u = −W⁺b is the point that has no logits, and R the
//! principal space of x − u over the training features without its first d axes. The score is
//! log Σ exp z − α·‖Rᵀ(x − u)‖, where α = mean(max z) / mean(‖Rᵀ(x − u)‖) over the training
//! examples: OpenOOD's `vim`, but for two cutoffs. W⁺ leaves out singular values below
//! max(C, D)·2⁻⁵² of the largest, as LAPACK's users do, where NumPy's `pinv` takes 10⁻¹⁵: at less a
//! head of dependent rows has rounding for an origin. And a residual that is rounding, beside the
//! length of x − u, is none.
//!
//! Of x − u without its part along the d axes, RᵀR is the rest: R itself is never needed.

use crate::representation::{Features, Matrix, Principal, product, pseudosolve};
use crate::softmax::{Odds, argmax};
use crate::{Error, Logit, Result, Stop};

/// A head and what it cannot see.
#[derive(Debug)]
pub struct Vim {
    /// C×D.
    weights: Matrix,
    bias: Vec<f64>,
    /// The point that has no logits.
    origin: Vec<f64>,
    /// D×d, or fewer where the training features have no more.
    principal: Matrix,
    scale: f64,
}

impl Vim {
    /// Learns from training features. `weights`: the head's, C×D row-major as PyTorch keeps them;
    /// `bias`: C values. `principal` axes d belong to what the head sees; see
    /// [`Vim::usual_principal`].
    ///
    /// # Errors
    /// A head that does not fit the features or is not finite; d that leaves no axes over; training
    /// features without any residual; more than 8192 rows of more than 8192 dimensions;
    /// [`Error::Interrupted`].
    pub fn fit<T: Logit, H: Logit>(
        features: Features<T>,
        weights: Features<H>,
        bias: &[f64],
        principal: usize,
        stop: Stop,
    ) -> Result<Self> {
        let columns = features.columns();
        weights.validate_columns(columns)?;
        if bias.len() != weights.rows() || bias.iter().any(|b| !b.is_finite()) {
            return Err(Error::Request(format!(
                "the head has {} finite biases for {} rows of weights",
                bias.iter().filter(|b| b.is_finite()).count(),
                weights.rows()
            )));
        }
        if principal >= columns {
            return Err(Error::Request(format!(
                "{principal} principal axes leave none of the features' {columns} dimensions over"
            )));
        }
        let weights = Matrix::of(weights);
        let most = columns.max(weights.rows()) as f64;
        let (head, no_logits) = (weights.clone(), bias.iter().map(|b| -b).collect::<Vec<_>>());
        let origin = stop.leave(move || pseudosolve(&head, &no_logits, most * f64::EPSILON))?;
        let x = Matrix::of(features);
        let mut from_origin = x.clone();
        from_origin.change_by(&origin, |x, origin| *x -= origin);
        let length = mean(&from_origin.norms());
        let axes = Principal::new(from_origin, principal, stop)?.axes;
        let bias = bias.to_vec();
        let mut vim = Self { weights, bias, origin, principal: axes, scale: 0.0 };
        let highest = |row: &[f64]| row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let highest: Vec<f64> = vim.logits(&x).iter().map(highest).collect();
        let unseen = mean(&vim.unseen(x));
        // Variances are known to the rounding of the largest, lengths to its root.
        let nothing = (features.rows().max(columns) as f64 * f64::EPSILON).sqrt();
        if unseen <= nothing * length {
            return Err(Error::Request(format!(
                "the training features have nothing beyond {principal} principal axes"
            )));
        }
        vim.scale = mean(&highest) / unseen;
        Ok(vim)
    }

    /// How many principal axes the authors leave to the head: 1000 of 2048 dimensions or more, 512
    /// of 768 or more, otherwise half.
    pub fn usual_principal(columns: usize) -> usize {
        match columns {
            2048.. => 1000,
            768.. => 512,
            _ => columns / 2,
        }
    }

    /// The score of each example; the higher the more in-distribution.
    ///
    /// # Errors
    /// Features of another dimension.
    pub fn scores<T: Logit>(&self, features: Features<T>) -> Result<Vec<f64>> {
        features.validate_columns(self.origin.len())?;
        let x = Matrix::of(features);
        let logits = self.logits(&x);
        // log Σ exp z is z − log p of any class.
        let log_sum = |row: &[f64]| {
            let best = argmax(row);
            row[best] + Odds::new(row, best).surprise()
        };
        let seen = logits.iter().map(log_sum);
        Ok(seen.zip(self.unseen(x)).map(|(seen, unseen)| seen - self.scale * unseen).collect())
    }

    fn logits(&self, x: &Matrix) -> Matrix {
        let mut logits = product(x.view(), self.weights.view().transpose());
        logits.change_by(&self.bias, |z, bias| *z += bias);
        logits
    }

    fn unseen(&self, mut x: Matrix) -> Vec<f64> {
        x.change_by(&self.origin, |x, origin| *x -= origin);
        let along = product(x.view(), self.principal.view());
        let seen = product(along.view(), self.principal.view().transpose());
        x.change_rows(|row, values| {
            values.iter_mut().zip(seen.row(row)).for_each(|(x, seen)| *x -= seen);
        });
        x.norms()
    }
}

/// Of one number at least.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{clusters, uniform};

    fn head() -> (Vec<f64>, Vec<f64>) {
        let numbers: Vec<f64> = uniform(9).take(18).map(|u| 2.0 * u - 1.0).collect();
        (numbers[..15].to_vec(), numbers[15..].to_vec())
    }

    #[test]
    fn agrees_with_open_ood() {
        // OpenOOD v1.5, vim_postprocessor.py, with x = clusters(3, 120, 5, 4, 2.5)[0] of sample.rs
        // for training and t = clusters(5, 4, 5, 4, 6)[0] to be scored:
        // h = 2 * numpy.fromiter(uniform(9, 18), float) - 1; w = h[:15].reshape(3, 5); b = h[15:]
        // u = -numpy.linalg.pinv(w) @ b
        // c = sklearn.covariance.EmpiricalCovariance(assume_centered=True).fit(x - u).covariance_
        // l, V = numpy.linalg.eig(c); R = V.T[numpy.argsort(l * -1)[2:]].T
        // unseen = lambda x: numpy.linalg.norm((x - u) @ R, axis=-1)
        // alpha = (x @ w.T + b).max(-1).mean() / unseen(x).mean()
        // scipy.special.logsumexp(t @ w.T + b, axis=-1) - alpha * unseen(t)
        let (values, _) = clusters(3, 120, 5, 4, 2.5);
        let (tested, _) = clusters(5, 4, 5, 4, 6.0);
        let (weights, bias) = head();
        let (train, weights) =
            (Features::new(&values, 5).unwrap(), Features::new(&weights, 5).unwrap());
        assert_eq!(Vim::usual_principal(5), 2);
        let fitted = Vim::fit(train, weights, &bias, 2, Stop::never()).unwrap();
        let scores = fitted.scores(Features::new(&tested, 5).unwrap()).unwrap();
        for (ours, expected) in scores.iter().zip(SCORES) {
            assert!((ours - expected).abs() < 1e-9, "{ours} is not {expected}");
        }
    }

    const SCORES: [f64; 4] =
        [1.993417091922021, 0.984804169385733, 1.0705578486262226, -0.2353003898928958];

    #[test]
    fn what_does_not_fit_is_refused() {
        let (values, _) = clusters(3, 20, 5, 4, 2.5);
        let (weights, bias) = head();
        let train = Features::new(&values, 5).unwrap();
        let weights = Features::new(&weights, 5).unwrap();
        let complaint = |bias: &[f64], principal| {
            Vim::fit(train, weights, bias, principal, Stop::never()).unwrap_err().to_string()
        };
        assert_eq!(complaint(&bias[1..], 2), "the head has 2 finite biases for 3 rows of weights");
        assert!(complaint(&bias, 5).starts_with("5 principal axes leave none"));
        let narrow = Features::new(&[1.0f32, 2.0], 2).unwrap();
        assert!(Vim::fit(train, narrow, &[0.0], 1, Stop::never()).is_err());
    }

    #[test]
    fn without_a_residual_there_is_no_scale() {
        // Multiples of the head's one direction, through the origin.
        let train = Features::new(&[1.0f64, 0.0, -2.0, 0.0], 2).unwrap();
        let head = Features::new(&[1.0f64, 0.0], 2).unwrap();
        let complaint = Vim::fit(train, head, &[0.0], 1, Stop::never()).unwrap_err().to_string();
        assert!(complaint.contains("nothing beyond 1 principal axes"), "{complaint}");
    }
    #[test]
    fn agrees_with_open_ood_where_there_are_fewer_examples_than_dimensions() {
        // The same with x, t = x.reshape(24, 25), t.reshape(4, 25), 12 axes for 2 and a head of 78
        // numbers, t being clusters(5, 20, 5, 4, 6)[0].
        let (values, _) = clusters(3, 120, 5, 4, 2.5);
        let (tested, _) = clusters(5, 20, 5, 4, 6.0);
        let numbers: Vec<f64> = uniform(9).take(78).map(|u| 2.0 * u - 1.0).collect();
        let train = Features::new(&values, 25).unwrap();
        let weights = Features::new(&numbers[..75], 25).unwrap();
        let fitted = Vim::fit(train, weights, &numbers[75..], 12, Stop::never()).unwrap();
        let scores = fitted.scores(Features::new(&tested, 25).unwrap()).unwrap();
        for (ours, expected) in scores.iter().zip(WIDE) {
            assert!((ours - expected).abs() < 1e-9, "{ours} is not {expected}");
        }
    }

    const WIDE: [f64; 4] =
        [-18.319728785274858, -11.692268987992918, -7.391307227458368, -26.091968789501784];

    /// The third row is the second, but for rounding, so that a singular value is some 10⁻¹⁵ of the
    /// largest: a bias with a part in that direction would put the origin 10¹³ away.
    #[test]
    fn dependent_rows_of_the_head_do_not_move_the_origin() {
        let draws: Vec<f64> = uniform(4).take(2 * 64).map(|u| 2.0 * u - 1.0).collect();
        let (a, b) = draws.split_at(64);
        let third = a.iter().zip(b).map(|(a, b)| (100.0 * a + b) - 100.0 * a);
        let head: Vec<f64> = draws.iter().copied().chain(third).collect();
        let (values, _) = clusters(3, 200, 64, 4, 2.5);
        let train = Features::new(&values, 64).unwrap();
        let weights = Features::new(&head, 64).unwrap();
        let vim = Vim::fit(train, weights, &[0.3, -0.2, 0.5], 32, Stop::never()).unwrap();
        let far = vim.origin.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!(far < 1.0, "the origin is at {far}");
    }

    #[test]
    fn a_residual_of_rounding_is_none() {
        // Six examples span six directions of a hundred at most.
        let (values, _) = clusters(3, 120, 5, 4, 2.5);
        let train = Features::new(&values, 100).unwrap();
        let draws: Vec<f64> = uniform(4).take(300).map(|u| 2.0 * u - 1.0).collect();
        let head = Features::new(&draws, 100).unwrap();
        let fit = |principal| Vim::fit(train, head, &[0.3, -0.2, 0.5], principal, Stop::never());
        let complaint = fit(50).unwrap_err().to_string();
        assert!(complaint.contains("nothing beyond 50 principal axes"), "{complaint}");
        let some = fit(3).unwrap();
        assert!(some.scores(train).unwrap().iter().all(|score| score.is_finite()));
    }
}
