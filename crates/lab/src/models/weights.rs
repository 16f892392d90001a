//! The weights of a model: named tensors in a fixed order, drawn without torch's generator.

use tch::{Device, Kind, Tensor, no_grad};

use super::Init;
use crate::random::Stream;
use crate::{Error, Result};

/// Largest number of values in one tensor that a recipe may ask for.
const MOST_VALUES: usize = 1 << 28;

/// Named tensors: parameters, which are trained, and buffers, which are only kept.
#[derive(Debug)]
pub struct Weights {
    seed: u64,
    parameters: Vec<(String, Tensor)>,
    /// What each parameter was drawn from.
    inits: Vec<Init>,
    buffers: Vec<(String, Tensor)>,
    /// How many values all parameters may have together.
    most: usize,
    /// Whether they are 0 and not drawn.
    blank: bool,
}

impl Weights {
    /// No tensors yet; those to come are drawn for `seed`.
    pub fn new(seed: u64) -> Self {
        let (parameters, inits, buffers) = (Vec::new(), Vec::new(), Vec::new());
        Self { seed, parameters, inits, buffers, most: usize::MAX, blank: false }
    }

    /// No tensors yet; those to come are 0, of a network whose weights are known and put there next.
    pub fn blank() -> Self {
        Self { blank: true, ..Self::new(0) }
    }

    /// No tensors yet; those to come have `most` values together.
    pub fn within(most: usize) -> Self {
        Self { most, ..Self::new(0) }
    }

    /// Adds a parameter with the values of `init`. Each name has its own random numbers, so a layer
    /// more or less leaves the others as they are.
    ///
    /// # Errors
    /// A shape without values or with too many.
    pub fn parameter(&mut self, name: String, shape: &[usize], init: Init) -> Result<Tensor> {
        let count = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        let count = count.filter(|n| (1..=MOST_VALUES).contains(n)).ok_or_else(|| {
            Error::Request(format!("the model's {name} cannot have the shape {shape:?}"))
        })?;
        let most = self.most;
        self.most = most.checked_sub(count).ok_or_else(|| {
            let problem = format!("the model's {name} has {shape:?} values, where {most} are left");
            Error::Request(problem)
        })?;
        let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        let values = if self.blank {
            Tensor::f_zeros(&shape, (Kind::Float, Device::Cpu))?
        } else {
            let stream = Stream::new(self.seed, &format!("weights/{name}"));
            Tensor::f_from_slice(&init.values(stream, count))?.f_reshape(&shape)?
        };
        let tensor = values.f_set_requires_grad(true)?;
        self.parameters.push((name, tensor.shallow_clone()));
        self.inits.push(init);
        Ok(tensor)
    }

    /// Adds a buffer, which is saved with the weights and not trained.
    pub fn buffer(&mut self, name: String, tensor: &Tensor) {
        self.buffers.push((name, tensor.shallow_clone()));
    }

    /// The trained tensors.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = &Tensor> {
        self.parameters.iter().map(|(_, tensor)| tensor)
    }

    /// All tensors with their names, parameters first.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.parameters.iter().chain(&self.buffers).map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Where the values are.
    pub fn device(&self) -> Device {
        self.parameters().next().map_or(Device::Cpu, Tensor::device)
    }

    /// Moves all values to `device`. The layers share them, and see them there.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn move_to(&self, device: Device) -> Result<()> {
        if device == self.device() {
            return Ok(());
        }
        no_grad(|| {
            for (_, tensor) in self.named() {
                tensor.shallow_clone().f_set_data(&tensor.f_to(device)?)?;
            }
            Ok(())
        })
    }

    /// Draws the parameters of `layer` anew from what they were drawn from at first; another
    /// `drawing` gives other values, and 0 the first ones.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn redraw(&self, layer: &str, drawing: u64) -> Result<()> {
        for ((name, tensor), init) in self.parameters.iter().zip(&self.inits) {
            if name.rsplit_once('.').is_some_and(|(of, _)| of == layer) {
                let stream = Stream::new(self.seed, &format!("weights/{name}")).part(drawing);
                let values = Tensor::f_from_slice(&init.values(stream, tensor.numel()))?;
                no_grad(|| tensor.shallow_clone().f_copy_(&values.f_reshape(tensor.size())?))?;
            }
        }
        Ok(())
    }

    /// A copy of all values, as they are now.
    ///
    /// # Errors
    /// Only what libtorch refuses.
    pub fn snapshot(&self) -> Result<Vec<(String, Tensor)>> {
        self.named()
            .map(|(name, tensor)| Ok((name.to_owned(), tensor.f_detach()?.copy())))
            .collect()
    }

    /// Takes over the values of `saved`, which has to have the same names and shapes in any order.
    ///
    /// # Errors
    /// Names the tensor that is missing, unknown or of another shape.
    pub fn restore(&self, saved: &[(String, Tensor)]) -> Result<()> {
        let ours: Vec<_> = self.named().collect();
        for (name, tensor) in &ours {
            let found = saved.iter().find(|(other, _)| other == name).map(|(_, saved)| saved);
            let size = found.map(Tensor::size);
            if size.as_ref() != Some(&tensor.size()) || found.map(Tensor::kind) != Some(Kind::Float)
            {
                return Err(Error::Work(format!(
                    "the weights of {name} should be f32 {:?}, and {}",
                    tensor.size(),
                    size.map_or("are missing".to_owned(), |size| format!("are {size:?}"))
                )));
            }
        }
        if let Some((name, _)) = saved.iter().find(|(name, _)| ours.iter().all(|(n, _)| n != name))
        {
            return Err(Error::Work(format!("the model has no weights named {name}")));
        }
        no_grad(|| {
            for (name, tensor) in ours {
                let (_, values) = saved.iter().find(|(other, _)| other == name).expect("validated");
                tensor.shallow_clone().f_copy_(values)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_a_copy_that_restores() {
        let mut weights = Weights::new(1);
        let tensor = weights.parameter("w".into(), &[3], Init::fan_in(3)).unwrap();
        let before: Vec<f32> = (&tensor).try_into().unwrap();
        let saved = weights.snapshot().unwrap();
        let _ = no_grad(|| tensor.shallow_clone().zero_());
        assert_eq!(Vec::<f32>::try_from(&tensor).unwrap(), [0.0; 3]);
        weights.restore(&saved).unwrap();
        assert_eq!(Vec::<f32>::try_from(&tensor).unwrap(), before);
    }

    #[test]
    fn a_layer_is_drawn_anew_and_the_others_stay() {
        let mut weights = Weights::new(1);
        let names = ["fc.weight", "fc.bias", "fc.1.weight"];
        let tensors =
            names.map(|name| weights.parameter(name.into(), &[2, 2], Init::fan_in(2)).unwrap());
        let values = || tensors.each_ref().map(Tensor::copy);
        let first = values();
        weights.redraw("fc", 1).unwrap();
        let second = values();
        assert_eq!([0, 1, 2].map(|at| first[at] == second[at]), [false, false, true]);
        weights.redraw("fc", 2).unwrap();
        assert_ne!(values()[0], second[0]);
        weights.redraw("fc", 0).unwrap();
        assert_eq!(values(), first);
    }

    #[test]
    fn foreign_weights_are_refused() {
        let mut weights = Weights::new(1);
        let _ = weights.parameter("w".into(), &[3], Init::fan_in(3)).unwrap();
        let message = |saved: Vec<(&str, Tensor)>| {
            let saved: Vec<_> = saved.into_iter().map(|(n, t)| (n.to_owned(), t)).collect();
            weights.restore(&saved).unwrap_err().to_string()
        };
        let three = || Tensor::from_slice(&[0f32; 3]);
        assert!(message(vec![]).contains("w should be f32 [3], and are missing"));
        assert!(message(vec![("w", Tensor::from_slice(&[0f32; 2]))]).contains("are [2]"));
        assert!(message(vec![("w", three()), ("v", three())]).contains("no weights named v"));
    }
}
