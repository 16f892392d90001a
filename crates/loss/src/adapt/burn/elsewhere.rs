//! Burn's other devices: composed of tensor operations.
//!
//! A loss that is a function ℓ(u) of the label's log-odds u = z_y − lse', lse' = ln Σ_{j≠y} exp z_j,
//! has the gradient ∂ℓ/∂u · (1\[k = y\] − softmax over the others). So the device computes z_y and
//! lse'; the kernel sees these two numbers a row as the logits of a problem with two classes, which
//! has the same log-odds and so the same value and slope; and the device spreads the slope over the
//! row. Everything else is computed on the host.

use super::{BatchInputs, batch, fetch};
use crate::criterion::{Batch, Criterion, Outcome, Reduction};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::rows::Targets;
use ::burn::tensor::{DType, Int, Tensor, TensorData};

/// The gradient, where one is wanted, and what else came of a batch.
type Computed = (Option<Tensor<2>>, Outcome);

pub(super) fn loss<const D: usize>(
    criterion: &mut Criterion,
    logits: Tensor<D>,
    mut given: BatchInputs,
) -> Result<(Tensor<1>, Outcome)> {
    let (dtype, training) = (logits.dtype(), logits.is_tracked());
    let rows = given.layout.rows(&logits.dims()).iter().product();
    let logits = by_row(logits.reshape([-1]), rows, given.layout.inner);
    given.soft = given.soft.map(|soft| by_row(soft, rows, given.layout.inner).reshape([-1]));
    // Half precision is computed in f32.
    let working = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    let plain = logits.clone().inner().cast(working);
    let device = plain.device();
    let (gradient, outcome) = match on_device(criterion, plain.clone(), &given, training)? {
        Some(computed) => computed,
        None if working == DType::F64 => on_host::<f64>(criterion, plain, given, training)?,
        None => on_host::<f32>(criterion, plain, given, training)?,
    };
    let value = Tensor::from_data(criterion.burn_value(&outcome, working)?, (&device, working));
    let loss = match gradient {
        None => value,
        Some(gradient) => attach(logits.cast(working), value, gradient, criterion.reduction()),
    };
    Ok((loss.cast(dtype), outcome))
}

/// Brings (N, C, inner) into rows of classes.
fn by_row(flat: Tensor<1>, rows: usize, inner: usize) -> Tensor<2> {
    let classes = flat.dims()[0] / rows;
    if inner == 1 {
        return flat.reshape([rows, classes]);
    }
    flat.reshape([rows / inner, classes, inner]).swap_dims(1, 2).reshape([rows, classes])
}

/// The loss where the logits are; none where it is no function of the label's log-odds, and where
/// something is wrong with the batch, which the host finds words for.
fn on_device(
    criterion: &mut Criterion,
    logits: Tensor<2>,
    given: &BatchInputs,
    training: bool,
) -> Result<Option<Computed>> {
    if given.rows || given.soft.is_some() {
        return Ok(None);
    }
    let Some((mut one_to_rest, targets, weights)) = criterion.one_to_rest(&given.hard) else {
        return Ok(None);
    };
    let (device, dtype, [rows, classes]) = (logits.device(), logits.dtype(), logits.dims());
    if classes != criterion.classes() {
        return Ok(None);
    }
    let label = |(label, target): (&i64, &i64)| if *target == 0 { *label } else { 0 };
    let labels = given.hard.iter().zip(&targets).map(label).collect();
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [rows]), &device);
    let labels = labels.reshape([rows, 1]);
    let is_label = Tensor::<1, Int>::arange(0..classes as i64, &device)
        .reshape([1, classes])
        .expand([rows, classes])
        .equal(labels.clone().expand([rows, classes]));

    let label = logits.clone().gather(1, labels);
    let others = logits.mask_fill(is_label.clone(), f32::NEG_INFINITY);
    // Not −∞ where there are no others, for −∞ − (−∞) is no number.
    let largest = others.clone().max_dim(1).clamp_min(f32::MIN);
    let spread = (others - largest.clone()).exp();
    let sum = spread.clone().sum_dim(1);
    let log_sum_exp = largest + sum.clone().log();
    let pairs = Tensor::cat(vec![label, log_sum_exp], 1);
    let pairs: Vec<f64> = fetch(pairs.try_into_data())?;
    if pairs.iter().any(|z| z.is_nan() || *z == f64::INFINITY) {
        return Ok(None);
    }

    let batch = Batch::new(Targets::Hard(&targets)).with_sample_weights(&weights);
    let mut slopes = vec![0.0; pairs.len()];
    let computed = match training {
        true => one_to_rest.forward_backward(&pairs, batch, &mut slopes),
        false => one_to_rest.forward(&pairs, batch),
    };
    let outcome = match computed {
        Err(Error::Logit { .. }) => return Ok(None),
        computed => computed?,
    };
    if !training {
        return Ok(Some((None, outcome)));
    }
    criterion.set_state(one_to_rest.state());
    let slopes = Tensor::<2>::from_data(TensorData::new(slopes, [rows, 2]), (&device, dtype));
    let [of_label, of_others] = [0, 1].map(|at| slopes.clone().narrow(1, at, 1));
    // The sum is at least 1 where there are others.
    let gradient = spread / sum.clamp_min(1.0) * of_others;
    let gradient = gradient.mask_where(is_label, of_label.expand([rows, classes]));
    Ok(Some((Some(gradient), outcome)))
}

/// The loss in the host's memory, the gradient brought back.
fn on_host<E: Element + ::burn::tensor::Element>(
    criterion: &mut Criterion,
    logits: Tensor<2>,
    given: BatchInputs,
    training: bool,
) -> Result<Computed> {
    let (device, shape) = (logits.device(), logits.dims());
    let mut logits: Vec<E> = fetch(logits.try_into_data())?;
    let soft: Option<Vec<E>> = given.soft.map(|soft| fetch(soft.try_into_data())).transpose()?;
    let batch = batch(&given.hard, soft.as_deref(), given.weights.as_deref(), 1);
    if !training {
        return Ok((None, criterion.forward(&logits, batch)?));
    }
    let outcome = criterion.forward_backward_in_place(&mut logits, batch)?;
    let dtype = <E as ::burn::tensor::Element>::dtype();
    let gradient = Tensor::from_data(TensorData::new(logits, shape), (&device, dtype));
    Ok((Some(gradient), outcome))
}

/// A tensor of value `value` whose gradient with respect to `logits` is `gradient`.
///
/// The sum of their product has that gradient, and is taken away from itself.
fn attach(
    logits: Tensor<2>,
    value: Tensor<1>,
    gradient: Tensor<2>,
    reduction: Reduction,
) -> Tensor<1> {
    // Against −∞ · 0. A class of no probability has no gradient either, or the loss is infinite.
    let infinite = logits.clone().inner().is_inf();
    let product = logits.mask_fill(infinite, 0.0) * gradient;
    let sum: Tensor<1> = match reduction {
        Reduction::None => product.sum_dim(1).reshape([-1]),
        Reduction::Mean | Reduction::Sum => product.sum(),
    };
    sum.clone() - sum.detach() + value
}
