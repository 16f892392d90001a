//! Burn: a loss tensor whose gradient reaches the network, on any of Burn's devices.
//!
//! The kernel yields the gradient with the value. On the CPU backend, `Device::flex()`, it works on
//! the tensor's memory and an operation of its own hands the gradient to the graph ([`flex`]). On
//! other devices the logits stay where they are as long as the loss is a function of the label's
//! log-odds, and are copied to the host and back for everything else ([`elsewhere`]): every loss
//! and every option works on every device.

mod elsewhere;
mod flex;

use super::batch::batch;
use super::element_type::{ElementType, with_element};
use super::layout::Layout;
use crate::criterion::{Criterion, Outcome};
use crate::error::{Error, FrameworkError, Result};
use ::burn::backend::DispatchTensorKind;
use ::burn::tensor::{DType, Int, Tensor, TensorData};

/// Targets as Burn's tensors: classes (`Tensor<_, Int>`) or weights of the logits' shape.
#[derive(Clone, Debug)]
pub struct BurnTargets {
    shape: Vec<usize>,
    flat: FlatTargets,
}

#[derive(Clone, Debug)]
enum FlatTargets {
    Hard(Tensor<1, Int>),
    Soft(Tensor<1>),
}

impl<const D: usize> From<Tensor<D, Int>> for BurnTargets {
    fn from(targets: Tensor<D, Int>) -> Self {
        Self { shape: targets.dims().to_vec(), flat: FlatTargets::Hard(targets.reshape([-1])) }
    }
}

impl<const D: usize> From<Tensor<D>> for BurnTargets {
    fn from(targets: Tensor<D>) -> Self {
        Self {
            shape: targets.dims().to_vec(),
            flat: FlatTargets::Soft(targets.inner().reshape([-1])),
        }
    }
}

/// What a batch has besides its logits.
struct BatchInputs {
    hard: Vec<i64>,
    soft: Option<Tensor<1>>,
    weights: Option<Vec<f64>>,
    layout: Layout,
    /// What the logits are in.
    element_type: ElementType,
    /// Whether the by-products of the rows are wanted.
    rows: bool,
}

impl Criterion {
    /// The loss of a batch as a tensor of Burn on which to call `backward`.
    ///
    /// `logits` are f32, f64, bf16 or f16 of shape (N, C), (B, T, C) or (N, C, d…); `targets` are
    /// integers of the shape without the classes, or weights of the logits' shape. The result has
    /// one element, or for [`crate::Reduction::None`] one a row in the targets' order, and the logits'
    /// type. Where nothing is to be learnt (logits that no gradient is tracked for, such as those of
    /// a model after `valid()`) only the value is computed, and running means do not move.
    ///
    /// On another device than `Device::flex()`, `ce`, `el` and every other curve of the label's
    /// probability leave the logits where they are and fetch two numbers a row; soft targets, label
    /// smoothing, adjusted logits and losses that look at all classes copy the logits to the host
    /// and the gradient back.
    ///
    /// # Errors
    /// As [`Criterion::forward`]; tensors of another type or of shapes that do not fit; data that
    /// cannot be read back; and `jsd` without a reduction, since its gradient crosses rows.
    ///
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use steepness::Loss;
    /// let device = Device::flex().autodiff();
    /// let mut criterion = "el(le=0.75)".parse::<Loss>()?.criterion(4)?;
    /// let logits = Tensor::<2>::from_floats([[2.0, -1.0, 0.5, 1.5]], &device).require_grad();
    /// let targets = Tensor::<1, Int>::from_ints([0], &device);
    /// let gradients = criterion.forward_burn(logits.clone(), targets)?.backward();
    /// let gradient = logits.grad(&gradients).expect("the logits require one");
    /// assert_eq!(gradient.into_data().iter::<f32>().next(), Some(-1.0));
    /// # Ok::<(), steepness::Error>(())
    /// ```
    pub fn forward_burn<const D: usize>(
        &mut self,
        logits: Tensor<D>,
        targets: impl Into<BurnTargets>,
    ) -> Result<Tensor<1>> {
        self.burn_loss(logits, targets.into(), None, false).map(|(loss, _)| loss)
    }

    /// As [`Criterion::forward_burn`], with a weight for each row if wanted (in the targets' order),
    /// and with the by-products of every row, for which other devices copy the logits to the host.
    ///
    /// # Errors
    /// As [`Criterion::forward_burn`].
    pub fn forward_burn_rows<const D: usize>(
        &mut self,
        logits: Tensor<D>,
        targets: impl Into<BurnTargets>,
        sample_weights: Option<Tensor<1>>,
    ) -> Result<(Tensor<1>, Outcome)> {
        self.burn_loss(logits, targets.into(), sample_weights, true)
    }

    fn burn_loss<const D: usize>(
        &mut self,
        logits: Tensor<D>,
        targets: BurnTargets,
        sample_weights: Option<Tensor<1>>,
        rows: bool,
    ) -> Result<(Tensor<1>, Outcome)> {
        let given = self.given(&logits, targets, sample_weights, rows)?;
        // A statement of its own, since the clone must be gone before the kernel asks who else holds
        // the logits.
        let on_flex =
            matches!(logits.clone().inner().into_dispatch().kind, DispatchTensorKind::Flex(_));
        match on_flex {
            true => flex::loss(self, logits, given),
            false => elsewhere::loss(self, logits, given),
        }
    }

    /// What can be known before the logits are looked at.
    fn given<const D: usize>(
        &self,
        logits: &Tensor<D>,
        targets: BurnTargets,
        sample_weights: Option<Tensor<1>>,
        rows: bool,
    ) -> Result<BatchInputs> {
        let known = [DType::F32, DType::F64, DType::BF16, DType::F16];
        let element_type = ElementType::of("logits", logits.dtype(), known)?;
        self.one_loss_a_row()?;
        let soft = matches!(targets.flat, FlatTargets::Soft(_));
        let layout = Layout::of(&logits.dims(), &targets.shape, soft)?;
        let (hard, soft) = match targets.flat {
            FlatTargets::Hard(targets) => (fetch(targets.try_into_data())?, None),
            FlatTargets::Soft(targets) => (vec![], Some(targets)),
        };
        let weights =
            sample_weights.map(|weights| fetch(weights.inner().try_into_data())).transpose()?;
        Ok(BatchInputs { hard, soft, weights, layout, element_type, rows })
    }

    /// The reduced loss, or the losses of the rows.
    fn burn_value(&self, outcome: &Outcome, dtype: DType) -> Result<TensorData> {
        let losses = self.losses(outcome);
        let count = losses.len();
        TensorData::new(losses, [count]).try_cast(dtype).map_err(framework)
    }
}

/// The elements of a tensor that was read back.
fn fetch<T: ::burn::tensor::Element>(
    data: std::result::Result<TensorData, impl std::error::Error + Send + Sync + 'static>,
) -> Result<Vec<T>> {
    data.map_err(framework)?.try_into_vec_as().map_err(framework)
}

fn framework(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Framework(FrameworkError::new(error))
}

#[cfg(test)]
mod tests;
