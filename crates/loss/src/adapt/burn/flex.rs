//! Burn's CPU backend: the kernel on the tensor's memory, and a node that knows its gradient.
//!
//! Where nobody else holds the logits, as for a network's output that was moved into the call, the
//! gradient is written over them.

use super::{BatchInputs, batch, framework, with_element};
use crate::criterion::{Criterion, Outcome};
use crate::element::Element;
use crate::error::{Error, Result};
use ::burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use ::burn::backend::autodiff::grads::Gradients;
use ::burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use ::burn::backend::ops::FloatTensorOps;
use ::burn::backend::tensor::FloatTensor;
use ::burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use ::burn::tensor::{Shape, Tensor, TensorData};
use half::{bf16, f16};

type FlexTensor = FloatTensor<Flex>;

pub(super) fn loss<const D: usize>(
    criterion: &mut Criterion,
    logits: Tensor<D>,
    given: BatchInputs,
) -> Result<(Tensor<1>, Outcome)> {
    let mut call = Call { criterion, given, outcome: None };
    let loss = Dispatch::fused_loss(logits.into_dispatch(), &mut call);
    let outcome = call.outcome.unwrap_or_else(|| Err(framework("the operation did not run")))?;
    Ok((Tensor::from_dispatch(loss), outcome))
}

/// The loss of one batch, to be computed by an operation; then what came of it.
struct Call<'a> {
    criterion: &'a mut Criterion,
    given: BatchInputs,
    outcome: Option<Result<Outcome>>,
}

#[backend_extension(Flex, Autodiff)]
trait FusedLoss: Backend {
    /// The loss of `call`'s batch. Where `call` holds an error afterwards the result is no loss.
    fn fused_loss(logits: FloatTensor<Self>, call: &mut Call<'_>) -> FloatTensor<Self>;
}

impl FusedLoss for Flex {
    fn fused_loss(logits: FlexTensor, call: &mut Call<'_>) -> FlexTensor {
        call.compute(logits, false).0
    }
}

impl<C: CheckpointStrategy> FusedLoss for Autodiff<Flex, C> {
    fn fused_loss(logits: FloatTensor<Self>, call: &mut Call<'_>) -> FloatTensor<Self> {
        let (logits, node) = logits.into_parts();
        match KnownGradient.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let (value, gradient) = call.compute(logits, true);
                node.finish((gradient, call.given.layout.dimension), value)
            }
            OpsKind::UnTracked(node) => node.finish(call.compute(logits, false).0),
        }
    }
}

/// Hands out a gradient that was known before the backward pass.
#[derive(Debug)]
struct KnownGradient;

impl Backward<Flex, 1> for KnownGradient {
    /// The gradient, and the dimension of the classes.
    type State = (FlexTensor, usize);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let factor = grads.consume::<Flex>(&ops.node);
        let (gradient, classes) = ops.state;
        let [Some(parent)] = ops.parents else { return };
        grads.register::<Flex>(parent.id, scaled(gradient, factor, classes));
    }
}

/// `gradient` times one factor, or one a row.
fn scaled(gradient: FlexTensor, factor: FlexTensor, classes: usize) -> FlexTensor {
    let count = factor.layout().num_elements();
    // The usual case, backward() on the loss itself, hands over the gradient as it is.
    if count == 1 && factor.clone().into_data().iter::<f64>().eq([1.0]) {
        return gradient;
    }
    let mut shape = gradient.layout().shape().clone();
    match count {
        1 => shape.iter_mut().for_each(|size| *size = 1),
        _ => shape[classes] = 1,
    }
    Flex::float_mul(gradient, Flex::float_reshape(factor, shape))
}

impl Call<'_> {
    /// The value, and for `training` the gradient; anything at all after an error.
    fn compute(&mut self, logits: FlexTensor, training: bool) -> (FlexTensor, FlexTensor) {
        let dtype = logits.dtype();
        let computed =
            with_element!(self.given.element_type, E => self.typed::<E>(logits, training));
        let nothing = || FlexTensor::zeros(Shape::from([1]), dtype);
        let (value, gradient, outcome) = match computed {
            Ok((value, gradient, outcome)) => (value, gradient, Ok(outcome)),
            Err(error) => (nothing(), None, Err(error)),
        };
        self.outcome = Some(outcome);
        (value, gradient.unwrap_or_else(nothing))
    }

    fn typed<E: Slices>(
        &mut self,
        logits: FlexTensor,
        training: bool,
    ) -> Result<(FlexTensor, Option<FlexTensor>, Outcome)> {
        let BatchInputs { hard, soft, weights, layout, .. } = &mut self.given;
        let soft = match soft.take() {
            None => None,
            Some(soft) => Some(on_flex(soft.cast(logits.dtype()))?),
        };
        let soft = soft.as_ref().map(E::elements).transpose()?;
        let batch = batch(hard, soft, weights.as_deref(), layout.inner);
        let dtype = logits.dtype();
        let mut logits = match logits.is_contiguous() {
            true => logits,
            false => logits.to_contiguous(),
        };
        let (outcome, gradient) = if !training {
            (self.criterion.forward(E::elements(&logits)?, batch)?, None)
        } else if let Some(both) = E::exclusive(&mut logits) {
            (self.criterion.forward_backward_in_place(both, batch)?, Some(logits))
        } else {
            let logits_of = E::elements(&logits)?;
            let mut gradient = vec![E::default(); logits_of.len()];
            let outcome = self.criterion.forward_backward(logits_of, batch, &mut gradient)?;
            let gradient = TensorData::new(gradient, logits.layout().shape().clone());
            (outcome, Some(FlexTensor::from_data(gradient)))
        };
        let value = FlexTensor::from_data(self.criterion.burn_value(&outcome, dtype)?);
        Ok((value, gradient, outcome))
    }
}

fn on_flex(tensor: Tensor<1>) -> Result<FlexTensor> {
    match tensor.try_into_primitive::<Flex>() {
        Ok(tensor) => Ok(tensor.to_contiguous()),
        Err(error) => Err(Error::Device(format!("targets on another device: {error:?}"))),
    }
}

/// An element type that tensors of this backend can be looked at in.
trait Slices: Element + ::burn::tensor::Element {
    /// The elements of a contiguous tensor of this type.
    fn elements(tensor: &FlexTensor) -> Result<&[Self]>;
    /// The elements of a contiguous tensor whose memory nobody else refers to, to be written.
    fn exclusive(tensor: &mut FlexTensor) -> Option<&mut [Self]>;
}

macro_rules! slices {
    ($($float:ty),*) => {$(
        impl Slices for $float {
            fn elements(tensor: &FlexTensor) -> Result<&[Self]> {
                tensor.as_slice().ok_or_else(|| {
                    framework(format!("{tensor:?} is no contiguous tensor of its type"))
                })
            }

            fn exclusive(tensor: &mut FlexTensor) -> Option<&mut [Self]> {
                let count = tensor.layout().num_elements();
                // A contiguous part of a larger buffer has another length.
                tensor.try_storage_mut().filter(|elements| elements.len() == count)
            }
        }
    )*};
}
slices!(f32, f64, bf16, f16);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::element_type::ElementType;
    use crate::adapt::layout::Layout;

    #[test]
    fn the_gradient_takes_the_memory_of_logits_that_nobody_else_holds() {
        let mut criterion = "el(le=0.75)".parse::<crate::Loss>().unwrap().criterion(2).unwrap();
        let (layout, element_type) = (Layout { dimension: 1, inner: 1 }, ElementType::F32);
        let given = BatchInputs {
            hard: vec![1, 0],
            soft: None,
            weights: None,
            layout,
            element_type,
            rows: false,
        };
        let mut call = Call { criterion: &mut criterion, given, outcome: None };
        let numbers = TensorData::new(vec![0.5f32, -1.0, 2.0, 0.0], [2, 2]);
        let held = FlexTensor::from_data(numbers.clone());
        let (value, gradient) = call.compute(held.clone(), true);
        assert_ne!(gradient.bytes().as_ptr(), held.bytes().as_ptr());
        assert_eq!(held.into_data(), numbers);

        let alone = FlexTensor::from_data(numbers);
        let memory = alone.bytes().as_ptr();
        let (same_value, same_gradient) = call.compute(alone, true);
        assert_eq!(same_gradient.bytes().as_ptr(), memory);
        assert_eq!(same_value.into_data(), value.into_data());
        assert_eq!(same_gradient.into_data(), gradient.into_data());
    }
}
