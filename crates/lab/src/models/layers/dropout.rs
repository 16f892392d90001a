//! What is left out at random while training: single features, or the whole residual branch of an
//! example. What stays is scaled up, so that the mean does not change and evaluation needs nothing.
//!
//! The choice is a function of the seed, the pass, the layer's name and the place in the batch: it
//! does not depend on torch's generator, and a resumed training makes the same one.

use tch::Tensor;

use crate::Result;
use crate::models::Mode;

/// Sets features to 0 (Srivastava et al. 2014).
#[derive(Debug)]
pub struct Dropout(Mask);

/// Leaves out the residual branch of an example ("stochastic depth", Huang et al. 2016; "drop
/// connect" in EfficientNet's code).
#[derive(Debug)]
pub struct DropPath(Mask);

impl Dropout {
    /// Leaves out a share `rate` in \[0, 1).
    pub fn new(name: &str, rate: f64) -> Self {
        Self(Mask { purpose: format!("dropout/{name}"), rate })
    }

    /// Any shape → the same.
    pub fn forward(&self, x: Tensor, mode: Mode) -> Result<Tensor> {
        let size = x.size();
        self.0.apply(x, &size, mode)
    }
}

impl DropPath {
    /// Leaves out a share `rate` in \[0, 1) of the examples.
    pub fn new(name: &str, rate: f64) -> Self {
        Self(Mask { purpose: format!("drop path/{name}"), rate })
    }

    /// (N, …) → the same.
    pub fn forward(&self, x: Tensor, mode: Mode) -> Result<Tensor> {
        let mut size = vec![1; x.dim()];
        size[0] = x.size()[0];
        self.0.apply(x, &size, mode)
    }
}

#[derive(Debug)]
struct Mask {
    purpose: String,
    rate: f64,
}

impl Mask {
    /// Multiplies `x` with a mask of the shape `size`.
    fn apply(&self, x: Tensor, size: &[i64], mode: Mode) -> Result<Tensor> {
        let Some(stream) = mode.stream(&self.purpose).filter(|_| self.rate > 0.0) else {
            return Ok(x);
        };
        let kept = (1.0 / (1.0 - self.rate)) as f32;
        let draw = |at| if stream.uniform(at) < self.rate { 0.0 } else { kept };
        let mask: Vec<f32> = (0..size.iter().product::<i64>() as u64).map(draw).collect();
        let mask = Tensor::f_from_slice(&mask)?.f_reshape(size)?;
        Ok(x.f_mul(&mask.f_to_kind(x.kind())?.f_to(x.device())?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    use crate::models::Precision;

    const PASS: Mode = Mode::Train { seed: 1, pass: 7, precision: Precision::F32 };

    fn ones(size: &[i64]) -> Tensor {
        Tensor::ones(size, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn a_share_is_left_out_and_the_mean_stays() {
        let x = Dropout::new("a", 0.2).forward(ones(&[100, 100]), PASS).unwrap();
        let values: Vec<f32> = x.flatten(0, -1).try_into().unwrap();
        assert!(values.iter().all(|&v| v == 0.0 || v == 1.25));
        let zeros = values.iter().filter(|&&v| v == 0.0).count();
        assert!((1850..2150).contains(&zeros), "{zeros}"); // 2000 ± 40
    }

    #[test]
    fn a_path_is_left_out_as_a_whole() {
        let x = DropPath::new("a", 0.5).forward(ones(&[400, 2, 3]), PASS).unwrap();
        let values: Vec<f32> = x.flatten(0, -1).try_into().unwrap();
        assert!(values.chunks(6).all(|v| v == [0.0; 6] || v == [2.0; 6]));
        let zeros = values.iter().filter(|&&v| v == 0.0).count() / 6;
        assert!((150..250).contains(&zeros), "{zeros}"); // 200 ± 10
    }

    #[test]
    fn the_choice_is_that_of_seed_pass_and_layer() {
        let mask = |name, mode| Dropout::new(name, 0.5).forward(ones(&[64]), mode).unwrap();
        assert_eq!(mask("a", PASS), mask("a", PASS));
        assert_ne!(mask("a", PASS), mask("b", PASS));
        assert_ne!(
            mask("a", PASS),
            mask("a", Mode::Train { seed: 1, pass: 8, precision: Precision::F32 })
        );
        assert_ne!(
            mask("a", PASS),
            mask("a", Mode::Train { seed: 2, pass: 7, precision: Precision::F32 })
        );
        assert_eq!(mask("a", Mode::Evaluate), ones(&[64]));
        assert_eq!(Dropout::new("a", 0.0).forward(ones(&[64]), PASS).unwrap(), ones(&[64]));
    }
}
