//! What an attack that follows a gradient makes large.

use std::fmt;

use tch::{Reduction, Tensor};

use super::Tag;
use crate::{Error, Result};

/// A function of an example's logits z that grows as the model becomes wrong; y is the label, and
/// for a targeted attack t the class that is to be said instead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// Cross entropy of z/T, −log softmax(z/T)_y; targeted log softmax(z/T)_t. With T = 1 it has
    /// hardly a gradient where the model is sure; dividing the logits brings it back.
    CrossEntropy {
        /// T.
        temperature: f64,
    },
    /// max_{k≠y} z_k − z_y, or z_t − z_y: never flat, however large the logits are.
    Margin,
    /// The difference of logits ratio (Croce and Hein 2020, eqs. 6 and 7), the margin over
    /// z_π1 − z_π3, or targeted over z_π1 − (z_π3 + z_π4)/2: neither shift nor scale of the logits
    /// changes it.
    Dlr,
}

impl Objective {
    /// Cross entropy as it is.
    pub const CROSS_ENTROPY: Self = Objective::CrossEntropy { temperature: 1.0 };

    /// From `loss`, a word of a spec, and a temperature.
    ///
    /// # Errors
    /// Another word; a temperature of what has none, or one that is not above 0.
    pub fn parse(loss: &str, temperature: f64) -> Result<Self> {
        if !(temperature.is_finite() && temperature > 0.0) {
            return Err(Error::Request(format!("temperature = {temperature} must be above 0")));
        }
        match loss {
            "ce" => Ok(Objective::CrossEntropy { temperature }),
            _ if temperature != 1.0 => Err(Error::Request(format!(
                "temperature = {temperature} is for loss=ce: it would not change {loss}'s direction"
            ))),
            "margin" => Ok(Objective::Margin),
            "dlr" => Ok(Objective::Dlr),
            _ => Err(Error::Request(format!(
                "there is no attack on the loss {loss:?}; there are ce, margin and dlr"
            ))),
        }
    }

    /// Its word in specs.
    pub fn word(self) -> &'static str {
        match self {
            Objective::CrossEntropy { .. } => "ce",
            Objective::Margin => "margin",
            Objective::Dlr => "dlr",
        }
    }

    /// "dlr", "ce-t10", or nothing for cross entropy as it is: what it adds to an attack's name.
    pub fn tag(self) -> Option<Tag> {
        match self {
            Objective::CrossEntropy { temperature: 1.0 } => None,
            Objective::CrossEntropy { temperature: t } => {
                Some(Tag { word: format!("ce-t{t}"), title: format!("CE-t{t}") })
            }
            Objective::Margin => Some(Tag::plain(self.word())),
            Objective::Dlr => Some(Tag { word: self.word().to_owned(), title: "DLR".to_owned() }),
        }
    }

    /// T, which is 1 where there is none.
    pub fn temperature(self) -> f64 {
        match self {
            Objective::CrossEntropy { temperature } => temperature,
            Objective::Margin | Objective::Dlr => 1.0,
        }
    }

    /// How many classes it compares.
    pub fn classes(self, targeted: bool) -> usize {
        match self {
            Objective::CrossEntropy { .. } | Objective::Margin => 2,
            Objective::Dlr => 3 + usize::from(targeted),
        }
    }

    /// The value of each example, (N,), with its graph.
    ///
    /// `logits`: (N, classes); `labels` and `targets`: (N,) classes.
    ///
    /// # Errors
    /// Fewer classes than [`Objective::Dlr`] compares: 3, or 4 with targets; what libtorch refuses.
    pub fn values(
        self,
        logits: &Tensor,
        labels: &Tensor,
        targets: Option<&Tensor>,
    ) -> Result<Tensor> {
        if let Objective::CrossEntropy { temperature } = self {
            let none = None::<&Tensor>;
            let scaled = match temperature {
                1.0 => logits.shallow_clone(),
                _ => logits.f_div_scalar(temperature)?,
            };
            let wanted = targets.unwrap_or(labels);
            let values = scaled.f_cross_entropy_loss(wanted, none, Reduction::None, -100, 0.0)?;
            return if targets.is_some() { Ok(values.f_neg()?) } else { Ok(values) };
        }
        let margins = margins(logits, labels, targets)?;
        match self {
            Objective::Dlr => {
                let scale = dlr_scale(logits, targets.is_some())?;
                Ok(margins.f_div(&scale.f_add_scalar(1e-12)?)?)
            }
            _ => Ok(margins),
        }
    }
}

/// max_{k≠y} z_k − z_y of each example, or z_t − z_y.
///
/// # Errors
/// What libtorch refuses.
pub fn margins(logits: &Tensor, labels: &Tensor, targets: Option<&Tensor>) -> Result<Tensor> {
    let of = |classes: &Tensor| -> Result<Tensor> {
        Ok(logits.f_gather(1, &classes.f_unsqueeze(1)?, false)?.f_squeeze_dim(1)?)
    };
    let other = match targets {
        Some(targets) => of(targets)?,
        None => {
            let without = logits.f_scatter_value(1, &labels.f_unsqueeze(1)?, f64::NEG_INFINITY)?;
            without.f_amax([1], false)?
        }
    };
    Ok(other.f_sub(&of(labels)?)?)
}

fn dlr_scale(logits: &Tensor, targeted: bool) -> Result<Tensor> {
    let (classes, needed) = (logits.size()[1], Objective::Dlr.classes(targeted) as i64);
    if classes < needed {
        return Err(Error::Request(format!(
            "the difference of logits ratio compares {needed} classes, and there are {classes}"
        )));
    }
    let (largest, _) = logits.f_topk(needed, 1, true, true)?;
    let at = |rank: i64| largest.f_select(1, rank);
    match targeted {
        false => Ok(at(0)?.f_sub(&at(2)?)?),
        true => Ok(at(0)?.f_sub(&at(2)?.f_add(&at(3)?)?.f_div_scalar(2.0)?)?),
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Objective::CrossEntropy { temperature: 1.0 } => f.write_str("cross entropy"),
            Objective::CrossEntropy { temperature } => {
                write!(f, "cross entropy of the logits over {temperature}")
            }
            Objective::Margin => f.write_str("the margin between logits"),
            Objective::Dlr => f.write_str("the difference of logits ratio"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::tests::values;

    /// ```python
    /// z = torch.tensor([[2., -1., 0.5, 1.5], [0., 3., 1., -2.]]); y = torch.tensor([0, 2]); t = torch.tensor([2, 1])
    /// F.cross_entropy(z, y, reduction="none"); F.cross_entropy(z / 10, y, reduction="none")
    /// -F.cross_entropy(z, t, reduction="none")
    /// a = torchattacks.APGD(m); a.dlr_loss(z, y); torchattacks.APGDT(m).dlr_loss_targeted(z, y, t)
    /// ```
    #[test]
    fn values_are_those_of_pytorch_and_torchattacks() {
        let logits =
            Tensor::from_slice(&[2.0f32, -1.0, 0.5, 1.5, 0.0, 3.0, 1.0, -2.0]).view([2, 4]);
        let (labels, targets) = (Tensor::from_slice(&[0i64, 2]), Tensor::from_slice(&[2i64, 1]));
        let hot = Objective::CrossEntropy { temperature: 10.0 };
        for (objective, targets, expected) in [
            (Objective::CROSS_ENTROPY, None, GOLDEN[0]),
            (hot, None, GOLDEN[1]),
            (Objective::CROSS_ENTROPY, Some(&targets), GOLDEN[2]),
            (Objective::Margin, None, [-0.5, 2.0]),
            (Objective::Margin, Some(&targets), [-1.5, 2.0]),
            (Objective::Dlr, None, GOLDEN[3]),
            (Objective::Dlr, Some(&targets), GOLDEN[4]),
        ] {
            let found = values(&objective.values(&logits, &labels, targets).unwrap());
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "{objective}: {found}, not {expected}");
            }
        }
    }

    const GOLDEN: [[f32; 2]; 5] = [
        [0.630_98, 2.175_5],
        [1.267_7, 1.352_5],
        [-2.131_0, -0.175_5],
        [-0.333_33, 0.666_67],
        [-0.666_67, 0.5],
    ];

    #[test]
    fn scale_moves_all_but_the_ratio() {
        let logits = Tensor::from_slice(&[2.0f32, -1.0, 0.5, 1.5]).view([1, 4]);
        let labels = Tensor::from_slice(&[0i64]);
        let value = |objective: Objective, scale: f64| {
            values(&objective.values(&(&logits * scale), &labels, None).unwrap())[0]
        };
        assert_eq!(value(Objective::Dlr, 64.0), value(Objective::Dlr, 1.0));
        assert_eq!(value(Objective::Margin, 64.0), 64.0 * value(Objective::Margin, 1.0));
    }

    #[test]
    fn odd_requests_are_refused() {
        let complaint =
            |loss, temperature| Objective::parse(loss, temperature).unwrap_err().to_string();
        assert!(complaint("el", 1.0).contains("\"el\"; there are ce, margin and dlr"));
        assert!(complaint("ce", 0.0).contains("temperature = 0 must be above 0"));
        assert!(complaint("dlr", 2.0).contains("is for loss=ce"));
        let two = Tensor::from_slice(&[1.0f32, 0.0]).view([1, 2]);
        let error = Objective::Dlr.values(&two, &Tensor::from_slice(&[0i64]), None).unwrap_err();
        assert!(error.to_string().contains("compares 3 classes, and there are 2"), "{error}");
    }
}
