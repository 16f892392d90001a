//! A mean of a model's weights over a training, the running moments of its batch normalisation
//! included: an exponential moving one over the steps (Polyak and Juditsky 1992; as timm keeps it), or
//! an arithmetic one over the last epochs (as fairseq averages checkpoints).

use tch::{Tensor, no_grad};

use crate::models::Weights;
use crate::{Error, Result};

/// The mean so far.
#[derive(Debug)]
pub struct Average {
    mean: Vec<(String, Tensor)>,
}

impl Average {
    /// Begins with the `weights` as they are.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn new(weights: &Weights) -> Result<Self> {
        Ok(Self { mean: weights.snapshot()? })
    }

    /// Goes on from the average that a checkpoint holds.
    ///
    /// # Errors
    /// Names a tensor that it lacks.
    pub fn restore(&mut self, saved: &[(String, Tensor)]) -> Result<()> {
        for (name, mean) in &mut self.mean {
            let found = saved.iter().find(|(other, _)| other == name).map(|(_, tensor)| tensor);
            match found.filter(|tensor| tensor.size() == mean.size()) {
                Some(tensor) => *mean = tensor.copy().f_to(mean.device())?,
                None => {
                    return Err(Error::Work(format!(
                        "the checkpoint has no average of {name} as {:?}",
                        mean.size()
                    )));
                }
            }
        }
        Ok(())
    }

    /// Moves by `share`, in \[0, 1\], towards the weights as they are: a ← a + share·(w − a).
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn follow(&mut self, weights: &Weights, share: f64) -> Result<()> {
        no_grad(|| {
            for ((_, mean), (_, tensor)) in self.mean.iter_mut().zip(weights.named()) {
                let _ = mean.f_lerp_(tensor, share)?;
            }
            Ok(())
        })
    }

    /// The mean by name.
    pub fn mean(&self) -> &[(String, Tensor)] {
        &self.mean
    }

    /// Does `work` while the model has the mean as its weights.
    ///
    /// # Errors
    /// Those of `work`, and what libtorch refuses.
    pub fn during<T>(&self, weights: &Weights, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let own = weights.snapshot()?;
        weights.restore(&self.mean)?;
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
    fn the_mean_follows_and_gives_the_weights_back() {
        let mut weights = Weights::new(0);
        let w = weights.parameter("w".into(), &[1], Init::Constant(1.0)).unwrap();
        let running = Tensor::from_slice(&[8f32]);
        weights.buffer("running".into(), &running);
        let mut average = Average::new(&weights).unwrap();
        no_grad(|| {
            let _ = w.shallow_clone().fill_(5.0);
            let _ = running.shallow_clone().fill_(0.0);
        });
        let value = |t: &Tensor| t.double_value(&[0]);
        for expected in [[2.0, 6.0], [2.75, 4.5]] {
            average.follow(&weights, 0.25).unwrap();
            let seen = average.during(&weights, || Ok([value(&w), value(&running)])).unwrap();
            assert_eq!(seen, expected);
            assert_eq!([value(&w), value(&running)], [5.0, 0.0]);
        }
        let mut other = Average::new(&weights).unwrap();
        assert!(other.restore(&average.mean()[..1]).unwrap_err().to_string().contains("running"));
        let reversed: Vec<_> =
            average.mean().iter().rev().map(|(name, t)| (name.clone(), t.copy())).collect();
        other.restore(&reversed).unwrap();
        assert_eq!(other.mean(), average.mean());
    }
}
