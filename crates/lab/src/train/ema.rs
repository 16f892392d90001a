//! Exponential moving average of a model's weights, the running moments of its batch normalisation
//! included (Polyak and Juditsky 1992; as timm keeps it).

use tch::{Tensor, no_grad};

use crate::models::Weights;
use crate::{Error, Result};

/// The average: a ← d·a + (1 − d)·w after each step.
#[derive(Debug)]
pub struct Ema {
    decay: f64,
    average: Vec<(String, Tensor)>,
}

impl Ema {
    /// Begins with the `weights` as they are.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn new(decay: f64, weights: &Weights) -> Result<Self> {
        Ok(Self { decay, average: weights.snapshot()? })
    }

    /// Goes on from the average that a checkpoint holds.
    ///
    /// # Errors
    /// Names a tensor that it lacks.
    pub fn restore(&mut self, saved: &[(String, Tensor)]) -> Result<()> {
        for (name, average) in &mut self.average {
            let found = saved.iter().find(|(other, _)| other == name).map(|(_, tensor)| tensor);
            match found.filter(|tensor| tensor.size() == average.size()) {
                Some(tensor) => *average = tensor.copy(),
                None => {
                    return Err(Error::Work(format!(
                        "the checkpoint has no average of {name} as {:?}",
                        average.size()
                    )));
                }
            }
        }
        Ok(())
    }

    /// Follows the weights after a step.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn follow(&mut self, weights: &Weights) -> Result<()> {
        no_grad(|| {
            for ((_, average), (_, tensor)) in self.average.iter_mut().zip(weights.named()) {
                let _ = average.f_lerp_(tensor, 1.0 - self.decay)?;
            }
            Ok(())
        })
    }

    /// The average by name.
    pub fn average(&self) -> &[(String, Tensor)] {
        &self.average
    }

    /// Does `work` while the model has the average as its weights.
    ///
    /// # Errors
    /// Those of `work`, and what libtorch refuses.
    pub fn during<T>(&self, weights: &Weights, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let own = weights.snapshot()?;
        weights.restore(&self.average)?;
        let done = work();
        weights.restore(&own)?;
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Init;

    #[test]
    fn the_average_follows_and_gives_the_weights_back() {
        let mut weights = Weights::new(0);
        let w = weights.parameter("w".into(), &[1], Init::Constant(1.0)).unwrap();
        let running = Tensor::from_slice(&[8f32]);
        weights.buffer("running".into(), &running);
        let mut ema = Ema::new(0.75, &weights).unwrap();
        no_grad(|| {
            let _ = w.shallow_clone().fill_(5.0);
            let _ = running.shallow_clone().fill_(0.0);
        });
        let value = |t: &Tensor| t.double_value(&[0]);
        for expected in [[2.0, 6.0], [2.75, 4.5]] {
            ema.follow(&weights).unwrap();
            let seen = ema.during(&weights, || Ok([value(&w), value(&running)])).unwrap();
            assert_eq!(seen, expected);
            assert_eq!([value(&w), value(&running)], [5.0, 0.0]);
        }
        let mut other = Ema::new(0.75, &weights).unwrap();
        assert!(other.restore(&ema.average()[..1]).unwrap_err().to_string().contains("running"));
        let reversed: Vec<_> =
            ema.average().iter().rev().map(|(name, t)| (name.clone(), t.copy())).collect();
        other.restore(&reversed).unwrap();
        assert_eq!(other.average(), ema.average());
    }
}
