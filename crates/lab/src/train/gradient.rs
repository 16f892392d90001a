//! The gradient of all parameters as one long vector.

use tch::{Tensor, no_grad};

use crate::Result;

/// Its Euclidean norm.
///
/// # Errors
/// Only what libtorch refuses.
pub fn norm<'a>(parameters: impl Iterator<Item = &'a Tensor>) -> Result<f64> {
    no_grad(|| {
        let mut square = 0.0;
        for parameter in parameters {
            square += parameter.f_grad()?.f_norm()?.f_double_value(&[])?.powi(2);
        }
        Ok(square.sqrt())
    })
}

/// Shortens it from `norm` to `limit`, if it is longer.
///
/// # Errors
/// Only what libtorch refuses.
pub fn clip<'a>(parameters: impl Iterator<Item = &'a Tensor>, norm: f64, limit: f64) -> Result<()> {
    // As PyTorch's clip_grad_norm_ has it, the small term included.
    let factor = limit / (norm + 1e-6);
    if factor < 1.0 {
        no_grad(|| {
            for parameter in parameters {
                let _ = parameter.f_grad()?.f_mul_scalar_(factor)?;
            }
            Ok(())
        })
    } else {
        Ok(())
    }
}

/// Sets it to 0, where there is one.
///
/// # Errors
/// Only what libtorch refuses.
pub fn clear<'a>(parameters: impl Iterator<Item = &'a Tensor>) -> Result<()> {
    for parameter in parameters {
        let mut gradient = parameter.f_grad()?;
        if gradient.defined() {
            let _ = gradient.f_zero_()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// python: `torch.nn.utils.clip_grad_norm_([p, q], 1.0)` gives 5, and gradients 0.6 and 0.8.
    #[test]
    fn a_long_gradient_is_shortened_and_a_short_one_is_not() {
        let [p, q] = [3f32, 4.0].map(|x| Tensor::from_slice(&[x]).set_requires_grad(true));
        let loss: Tensor = (&p * &p + &q * &q).sum(None) / 2.0;
        loss.backward();
        let both = || [&p, &q].into_iter();
        let gradients = || both().map(|p| p.grad().double_value(&[0])).collect::<Vec<_>>();
        assert!((norm(both()).unwrap() - 5.0).abs() < 1e-6);
        clip(both(), 5.0, 6.0).unwrap();
        assert_eq!(gradients(), [3.0, 4.0]);
        clip(both(), 5.0, 1.0).unwrap();
        assert!((gradients()[0] - 0.6).abs() < 1e-6 && (gradients()[1] - 0.8).abs() < 1e-6);
    }
}
