//! ViM, virtual-logit matching (Wang et al. 2022): what the head cannot see of the features, put on
//! the scale of its logits, against what it sees.
//!
//! With the head's weights W and bias b, u = −W⁺b is the point that has no logits, and R the
//! principal space of x − u over the training features without its first d axes. The score is
//! log Σ exp z − α·‖Rᵀ(x − u)‖, where α = mean(max z) / mean(‖Rᵀ(x − u)‖) over the training
//! examples: OpenOOD's `vim`.

use tch::{Kind, Tensor};

use crate::measure::Logit;
use crate::measure::representation::{Features, covariance, eigen, numbers, tensor, vector};
use crate::{Error, Result};

/// A head and what it cannot see.
#[derive(Debug)]
pub struct Vim {
    /// D×C.
    weights: Tensor,
    /// 1×C.
    bias: Tensor,
    /// 1×D, the point that has no logits.
    origin: Tensor,
    /// D×(D − d).
    residual: Tensor,
    scale: f64,
    columns: usize,
}

impl Vim {
    /// Learns from training features. `weights`: the head's, C×D row-major as PyTorch keeps them;
    /// `bias`: C values. `principal` axes d belong to what the head sees; see
    /// [`Vim::usual_principal`].
    ///
    /// # Errors
    /// A head that does not fit the features or is not finite; d that leaves no axes over; training
    /// features without any residual.
    pub fn fit<T: Logit, H: Logit>(
        features: Features<T>,
        weights: Features<H>,
        bias: &[f64],
        principal: usize,
    ) -> Result<Self> {
        let columns = features.columns();
        weights.check_columns(columns)?;
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
        let weights = tensor(weights)?;
        let bias = vector(bias)?.f_view([1, -1])?;
        // numpy.linalg.pinv's idea of zero.
        let inverse = weights.f_linalg_pinv(1e-15, false)?;
        let origin = bias.f_matmul(&inverse.f_transpose(0, 1)?)?.f_neg()?;
        let x = tensor(features)?;
        let (_, axes) = eigen(&covariance(&x.f_sub(&origin)?)?)?;
        let residual = axes.f_narrow(1, 0, (columns - principal) as i64)?;
        let weights = weights.f_transpose(0, 1)?;
        let mut vim = Self { weights, bias, origin, residual, scale: 0.0, columns };
        let highest = vim.logits(&x)?.f_amax([1], false)?.f_mean(Kind::Double)?;
        let unseen = vim.unseen(&x)?.f_mean(Kind::Double)?.f_double_value(&[])?;
        if unseen == 0.0 {
            return Err(Error::Request(format!(
                "the training features have nothing beyond {principal} principal axes"
            )));
        }
        vim.scale = highest.f_double_value(&[])? / unseen;
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
        features.check_columns(self.columns)?;
        let x = tensor(features)?;
        let seen = self.logits(&x)?.f_logsumexp([1], false)?;
        numbers(&seen.f_sub(&self.unseen(&x)?.f_mul_scalar(self.scale)?)?)
    }

    fn logits(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.bias.f_addmm(x, &self.weights)?)
    }

    fn unseen(&self, x: &Tensor) -> Result<Tensor> {
        let residual = x.f_sub(&self.origin)?.f_matmul(&self.residual)?;
        Ok(residual.f_square()?.f_sum_dim_intlist(1, false, Kind::Double)?.f_sqrt()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::sample::{clusters, uniform};

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
        let fitted = Vim::fit(train, weights, &bias, 2).unwrap();
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
            Vim::fit(train, weights, bias, principal).unwrap_err().to_string()
        };
        assert_eq!(complaint(&bias[1..], 2), "the head has 2 finite biases for 3 rows of weights");
        assert!(complaint(&bias, 5).starts_with("5 principal axes leave none"));
        let narrow = Features::new(&[1.0f32, 2.0], 2).unwrap();
        assert!(Vim::fit(train, narrow, &[0.0], 1).is_err());
    }

    #[test]
    fn without_a_residual_there_is_no_scale() {
        // Multiples of the head's one direction, through the origin.
        let train = Features::new(&[1.0f64, 0.0, -2.0, 0.0], 2).unwrap();
        let head = Features::new(&[1.0f64, 0.0], 2).unwrap();
        let complaint = Vim::fit(train, head, &[0.0], 1).unwrap_err().to_string();
        assert!(complaint.contains("nothing beyond 1 principal axes"), "{complaint}");
    }
}
