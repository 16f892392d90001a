//! tch (libtorch): a loss tensor whose gradient reaches the network, on the CPU by the row kernel
//! and elsewhere composed from tensor operations.
//!
//! The kernel yields the gradient with the value; it is handed to the graph by a node of its own
//! (`known_gradient.cpp`), so the backward pass neither recomputes nor copies anything.

mod composed;
#[cfg(feature = "linear")]
mod linear;

use super::batch::batch;
use super::element_type::{ElementType, with_element};
use super::layout::Layout;
use crate::criterion::{Criterion, Outcome, Reduction};
use crate::element::Element;
use crate::error::{Error, FrameworkError, Result};
use std::ffi::{CStr, c_char};
use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

unsafe extern "C" {
    fn steepness_known_gradient(
        inputs: *const *const C_tensor,
        gradients: *const *const C_tensor,
        count: usize,
        value: *const C_tensor,
        class_dimension: i64,
        result: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn steepness_grad_enabled() -> std::ffi::c_int;
    fn free(memory: *mut std::ffi::c_void);
}

impl Criterion {
    /// The loss of a batch as a tensor on which to call `backward`.
    ///
    /// `logits` are f32, f64, bf16 or f16 of shape (N, C), (B, T, C) or (N, C, d…); `targets` are
    /// int64 of the shape without the classes, or weights of the logits' kind and shape. The result
    /// is a scalar, or one loss a row for [`crate::Reduction::None`]. Without a gradient to compute (logits
    /// that do not require one, `no_grad`) only the value is, and running means do not move. Logits on a
    /// GPU stay there.
    ///
    /// # Errors
    /// As [`Criterion::forward`]; tensors of another kind; targets or weights of rows that are not on
    /// the CPU where the logits are, and soft targets that are not beside logits on a GPU.
    ///
    /// ```
    /// use steepness::Loss;
    /// use tch::{Kind, Tensor};
    /// let mut criterion = "el(le=0.75)".parse::<Loss>()?.criterion(4)?;
    /// let logits = Tensor::from_slice(&[2f32, -1.0, 0.5, 1.5]).view([1, 4]).set_requires_grad(true);
    /// let loss = criterion.forward_tch(&logits, &Tensor::from_slice(&[0i64]))?;
    /// loss.backward();
    /// assert_eq!(logits.grad().double_value(&[0, 0]), -1.0);
    /// # Ok::<(), steepness::Error>(())
    /// ```
    pub fn forward_tch(&mut self, logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
        self.forward_tch_rows(logits, targets, None).map(|(loss, _)| loss)
    }

    /// As [`Criterion::forward_tch`], with a weight for each row if wanted, and with the by-products
    /// of every row.
    ///
    /// # Errors
    /// As [`Criterion::forward_tch`].
    pub fn forward_tch_rows(
        &mut self,
        logits: &Tensor,
        targets: &Tensor,
        sample_weights: Option<&Tensor>,
    ) -> Result<(Tensor, Outcome)> {
        let element_type = element_type("logits", logits)?;
        with_element!(element_type, E => self.typed::<E>(logits, targets, sample_weights))
    }

    fn typed<E: Element>(
        &mut self,
        logits: &Tensor,
        targets: &Tensor,
        sample_weights: Option<&Tensor>,
    ) -> Result<(Tensor, Outcome)> {
        if logits.device() != Device::Cpu {
            return self.on_device::<E>(logits, targets, sample_weights);
        }
        let kind = logits.kind();
        let soft = targets.kind() != Kind::Int64;
        let layout = Layout::of(&shape(logits), &shape(targets), soft)?;
        let plain = logits.detach().contiguous();
        let targets = match soft {
            true => targets.to_kind(kind).contiguous(),
            false => targets.contiguous(),
        };
        let weights = sample_weights.map(|w| w.to_kind(Kind::Double).contiguous());
        // SAFETY: each tensor is contiguous, on the CPU, of the element type asked for, and lives to
        // the end of this function; the gradient is new, so nothing else refers to it.
        let (values, hard, soft, weights) = unsafe {
            (
                elements::<E>(&plain)?,
                if soft { &[] } else { elements::<i64>(&targets)? },
                soft.then(|| elements::<E>(&targets)).transpose()?,
                weights.as_ref().map(|w| elements::<f64>(w)).transpose()?,
            )
        };
        let batch = batch(hard, soft, weights, layout.inner);
        self.one_loss_a_row()?;
        if !logits.requires_grad() || !grad_enabled() {
            let outcome = self.forward(values, batch)?;
            return Ok((self.value_tensor(&outcome, logits, layout), outcome));
        }
        let gradient = plain.empty_like();
        let outcome = {
            // SAFETY: as above.
            let into = unsafe { elements_mut::<E>(&gradient)? };
            self.forward_backward(values, batch, into)?
        };
        let value = self.value_tensor(&outcome, logits, layout);
        let loss = attach(&[(logits, Some(&gradient))], &value, layout.dimension)?;
        Ok((loss, outcome))
    }
}

impl Criterion {
    /// The same for logits that stay where they are (a GPU): see [`composed`].
    fn on_device<E: Element>(
        &mut self,
        logits: &Tensor,
        targets: &Tensor,
        sample_weights: Option<&Tensor>,
    ) -> Result<(Tensor, Outcome)> {
        let soft = targets.kind() != Kind::Int64;
        let layout = Layout::of(&shape(logits), &shape(targets), soft)?;
        self.one_loss_a_row()?;
        let records = logits.requires_grad() && grad_enabled();
        let by_row = |tensor: &Tensor| -> Tensor {
            let last = tensor.f_movedim_int(layout.dimension as i64, -1);
            let last = last.unwrap_or_else(|_| tensor.shallow_clone());
            last.reshape([-1, self.classes() as i64])
        };
        let rows = by_row(&logits.detach());
        let host =
            |tensor: &Tensor, kind| tensor.detach().to_kind(kind).to(Device::Cpu).contiguous();
        let weights: Option<Vec<f64>> = match sample_weights {
            None => None,
            Some(weights) => {
                let weights = host(weights, Kind::Double).view(-1);
                Some(Vec::try_from(&weights).map_err(framework)?)
            }
        };
        let hard: Vec<i64> = match soft {
            true => by_row(targets).f_argmax(-1, false).map_err(framework)?.to(Device::Cpu),
            false => host(targets, Kind::Int64).view(-1),
        }
        .try_into()
        .map_err(framework)?;
        let count = hard.len();
        let batch = batch::<E>(&hard, None, weights.as_deref(), 1);
        let mut this = self.clone();
        if soft {
            self.takes_soft_targets()?;
            validate_soft_targets(&by_row(targets))?;
            // One label a row stands for its targets below; none of them is to be ignored.
            this = this.with_ignore_index(-1);
        }
        this.validate_shapes(count * self.classes(), &batch)?;
        let ignored = |label: &i64| !soft && *label == self.ignore_index();
        let labels: Vec<Option<usize>> =
            hard.iter().map(|label| (!ignored(label)).then_some(*label as usize)).collect();
        let soft_rows = soft.then(|| by_row(targets));
        let pass = this.pass(&batch, count)?;
        // Soft targets are not weighed by their class in the mean.
        let samples = weights.as_ref().map_or(count as f64, |weights| weights.iter().sum());
        let of_soft = if samples > 0.0 { 1.0 / samples } else { 0.0 };
        let scale_of = |scale: f64| match soft && self.reduction() == Reduction::Mean {
            true => of_soft,
            false => scale,
        };
        let one_hard_term = !soft && pass.terms.len() == 1 && pass.terms[0].0.smoothing == 0.0;
        let refused = [
            (pass.divergence.is_some(), "jsd"),
            (self.loss().matching && !one_hard_term, "match with more than one label a row"),
            (self.predictions(), "the class that a row predicts"),
        ];
        if let Some((_, what)) = refused.iter().find(|(asked, _)| *asked) {
            return Err(composed::elsewhere(what));
        }
        let (mut all_rows, mut gradient, mut loss) = (vec![], None, 0.0);
        for (term, scale) in &pass.terms {
            let scale = scale_of(*scale);
            let part = composed::ComposedTerm {
                term,
                labels: &labels,
                soft: soft_rows.as_ref(),
                sample_weights: weights.as_deref(),
                scale,
                wants_gradient: records,
            };
            let (rows, more) = composed::rows(&rows, &part)?;
            loss += scale * rows.iter().map(|row| row.loss).sum::<f64>();
            if all_rows.is_empty() {
                (all_rows, gradient) = (rows, more);
                continue;
            }
            let first = scale_of(pass.terms[0].1);
            let relative = if first > 0.0 { scale / first } else { 0.0 };
            for (row, more) in all_rows.iter_mut().zip(rows) {
                row.loss += relative * more.loss;
            }
            if let (Some(sum), Some(more)) = (&mut gradient, more) {
                *sum += more;
            }
        }
        let (outcome, factor) = self.conclude(loss, all_rows, records);
        let value = self.value_tensor(&outcome, logits, layout).to(logits.device());
        let Some(mut gradient) = gradient else { return Ok((value, outcome)) };
        if factor != 1.0 {
            gradient = gradient.f_mul_scalar_(factor).map_err(framework)?;
        }
        let mut moved = logits.size();
        let classes = moved.remove(layout.dimension);
        moved.push(classes);
        let gradient = gradient.view(&moved[..]).movedim_int(-1, layout.dimension as i64);
        let loss = attach(&[(logits, Some(&gradient))], &value, layout.dimension)?;
        Ok((loss, outcome))
    }
}

/// Finds a soft target that is no weight.
fn validate_soft_targets(targets: &Tensor) -> Result<()> {
    let good = targets.f_ge(0.0).and_then(|good| good.f_logical_and(&targets.f_isfinite()?));
    let good = good.map_err(framework)?;
    if bool::try_from(&good.all()).map_err(framework)? {
        return Ok(());
    }
    let at = i64::try_from(&good.logical_not().view(-1).to_kind(Kind::Int).argmax(0, false));
    let at = at.map_err(framework)? as usize;
    let classes = targets.size()[1] as usize;
    let value = targets.reshape([-1]).double_value(&[at as i64]);
    Err(Error::SoftTarget { value, row: at / classes, class: at % classes })
}

/// Whether operations are being recorded on this thread.
fn grad_enabled() -> bool {
    // SAFETY: reads a thread-local flag.
    unsafe { steepness_grad_enabled() != 0 }
}

fn shape(tensor: &Tensor) -> Vec<usize> {
    tensor.size().into_iter().map(|size| size as usize).collect()
}

/// The elements of a tensor.
///
/// # Safety
/// `tensor` must be contiguous, of elements `T`, and outlive the slice.
unsafe fn elements<T>(tensor: &Tensor) -> Result<&[T]> {
    on_cpu(tensor)?;
    let length = tensor.numel();
    if length == 0 {
        return Ok(&[]);
    }
    // SAFETY: by the contract.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), length) })
}

/// The elements of a tensor, to be written.
///
/// # Safety
/// As [`elements`], and nothing else may refer to them.
#[allow(clippy::mut_from_ref, reason = "a tensor is a reference to shared memory")]
unsafe fn elements_mut<T>(tensor: &Tensor) -> Result<&mut [T]> {
    on_cpu(tensor)?;
    // SAFETY: by the contract.
    Ok(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) })
}

fn on_cpu(tensor: &Tensor) -> Result<()> {
    match tensor.device() {
        Device::Cpu => Ok(()),
        other => Err(Error::Device(format!("a tensor on {other:?}: expected the CPU"))),
    }
}

impl Criterion {
    /// The reduced loss, or the losses of the rows in the targets' shape; in f32 for half precision.
    fn value_tensor(&self, outcome: &Outcome, logits: &Tensor, layout: Layout) -> Tensor {
        let rows = match self.reduction() {
            Reduction::None => layout.rows(&shape(logits)),
            Reduction::Mean | Reduction::Sum => vec![],
        };
        let rows: Vec<i64> = rows.into_iter().map(|size| size as i64).collect();
        Tensor::from_slice(&self.losses(outcome)).to_kind(computing_kind(logits)).view(&rows[..])
    }
}

/// What the elements of the tensor `what` are.
fn element_type(what: &'static str, tensor: &Tensor) -> Result<ElementType> {
    let known = [Kind::Float, Kind::Double, Kind::BFloat16, Kind::Half];
    ElementType::of(what, tensor.f_kind().map_err(framework)?, known)
}

/// What is computed in: half precision in single.
fn computing_kind(tensor: &Tensor) -> Kind {
    if tensor.kind() == Kind::Double { Kind::Double } else { Kind::Float }
}

/// A tensor of value `value` whose gradient with respect to each of the inputs is the one beside it, if
/// any. With one loss a row there is one input, whose classes are in `dimension`.
fn attach(
    inputs: &[(&Tensor, Option<&Tensor>)],
    value: &Tensor,
    dimension: usize,
) -> Result<Tensor> {
    let gradient = |(_, gradient): &(&Tensor, Option<&Tensor>)| {
        gradient.map_or(std::ptr::null(), |gradient| gradient.as_ptr())
    };
    let gradients: Vec<*const C_tensor> = inputs.iter().map(gradient).collect();
    let inputs: Vec<*const C_tensor> = inputs.iter().map(|(input, _)| input.as_ptr()).collect();
    let mut result = std::ptr::null_mut();
    // SAFETY: the pointers are null or those of living tensors; the callee makes references of its own.
    let message = unsafe {
        steepness_known_gradient(
            inputs.as_ptr(),
            gradients.as_ptr(),
            inputs.len(),
            value.as_ptr(),
            dimension as i64,
            &mut result,
        )
    };
    if message.is_null() {
        // SAFETY: a new tensor that nobody else owns.
        return Ok(unsafe { Tensor::from_ptr(result) });
    }
    // SAFETY: a C string from strdup.
    let error = unsafe { CStr::from_ptr(message).to_string_lossy().into_owned() };
    // SAFETY: as above, and not used again.
    unsafe { free(message.cast()) };
    Err(framework(error))
}

fn framework(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Framework(FrameworkError::new(error))
}

#[cfg(test)]
mod tests;
