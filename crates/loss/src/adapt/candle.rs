//! candle: a loss tensor whose gradient reaches the network.
//!
//! The kernel yields the gradient with the value, but a custom operation of candle has nowhere to
//! leave it for its backward pass. So the operation is made for one batch and holds both: its
//! forward pass hands out the value, its backward pass the gradient.

use super::batch::batch;
use super::element_type::{ElementType, with_element};
use super::layout::Layout;
use crate::criterion::{Criterion, Outcome};
use crate::element::Element;
use crate::error::{Error, FrameworkError, Result};
use candle_core::{CpuStorage, CustomOp1, DType, Device, Shape, Storage, Tensor, WithDType};

impl Criterion {
    /// The loss of a batch as a tensor on which to call `backward`.
    ///
    /// `logits` are f32, f64, bf16 or f16 of shape (N, C), (B, T, C) or (N, C, d…), of any strides;
    /// `targets` are integers (candle's labels are u32, usually) of the shape without the classes,
    /// or weights of the logits' shape. The result is a scalar, or one loss a row for
    /// [`crate::Reduction::None`]; f64 for f64 logits and f32 for all others.
    ///
    /// *Ignored rows.* u32 has no −100: choose an [`ignore_index`](Criterion::with_ignore_index) that it
    /// has, such as 255, or let `to_dtype(DType::U32)` convert i64 targets: that wraps −100 to
    /// 4 294 967 196, which is read as −100 again. u8 does not wrap to anything unmistakable.
    ///
    /// *Evaluation.* Logits that lead to no variable (`logits.detach()`) have only their value
    /// computed, and running means do not move. candle records everything else, so detach the logits
    /// of an evaluation.
    ///
    /// *On a GPU* the logits are copied to the CPU and their gradient back, which supports every
    /// loss and option; a loss composed of candle's own operations would support a few and make ten
    /// passes over them.
    ///
    /// # Errors
    /// As [`Criterion::forward`]; and tensors of another type.
    ///
    /// ```
    /// use candle_core::{Device, Tensor, Var};
    /// use steepness::Loss;
    /// let mut criterion = "el(le=0.75)".parse::<Loss>()?.criterion(4)?;
    /// let logits = Var::new(&[[2f32, -1.0, 0.5, 1.5]], &Device::Cpu)?;
    /// let loss = criterion.forward_candle(&logits, &Tensor::new(&[0u32], &Device::Cpu)?)?;
    /// let gradients = loss.backward()?;
    /// assert_eq!(gradients.get(&logits).unwrap().to_vec2::<f32>()?[0][0], -1.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forward_candle(&mut self, logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
        self.forward_candle_rows(logits, targets, None).map(|(loss, _)| loss)
    }

    /// As [`Criterion::forward_candle`], with a weight for each row if wanted, and with the
    /// by-products of every row.
    ///
    /// # Errors
    /// As [`Criterion::forward_candle`].
    pub fn forward_candle_rows(
        &mut self,
        logits: &Tensor,
        targets: &Tensor,
        sample_weights: Option<&Tensor>,
    ) -> Result<(Tensor, Outcome)> {
        with_element!(element_type(logits)?, E => self.typed::<E>(logits, targets, sample_weights))
    }

    fn typed<E: Element + WithDType>(
        &mut self,
        logits: &Tensor,
        targets: &Tensor,
        sample_weights: Option<&Tensor>,
    ) -> Result<(Tensor, Outcome)> {
        let per_row = self.one_loss_a_row()?;
        let soft = targets.dtype().is_float();
        let layout = Layout::of(logits.dims(), targets.dims(), soft)?;
        let on_host = logits.to_device(&Device::Cpu)?;
        let plain = on_host.detach().contiguous()?;
        let soft_targets = match soft {
            true => on_host_as(targets, E::DTYPE)?,
            false => Tensor::new(&[] as &[E], &Device::Cpu)?,
        };
        let hard_targets = if soft { vec![] } else { self.labels(targets)? };
        let weights = match sample_weights {
            Some(weights) => Some(on_host_as(weights, DType::F64)?.flatten_all()?.to_vec1()?),
            None => None,
        };
        let record = logits.track_op();
        let mut gradient = vec![E::default(); if record { plain.elem_count() } else { 0 }];
        let outcome = {
            let (storage, at) = plain.storage_and_layout();
            let (soft_storage, soft_at) = soft_targets.storage_and_layout();
            let values = elements::<E>(&storage, at)?;
            let soft = soft.then(|| elements::<E>(&soft_storage, soft_at)).transpose()?;
            let batch = batch(&hard_targets, soft, weights.as_deref(), layout.inner);
            match record {
                true => self.forward_backward(values, batch, &mut gradient)?,
                false => self.forward(values, batch)?,
            }
        };
        let known = KnownGradient {
            losses: self.losses(&outcome),
            shape: if per_row { layout.rows(logits.dims()) } else { vec![] },
            wide: E::DTYPE == DType::F64,
            gradient: match record {
                true => Tensor::from_vec(gradient, logits.shape(), &Device::Cpu)?,
                false => plain,
            },
            class_dimension: layout.dimension,
        };
        let loss = match record {
            true => on_host.apply_op1(known)?,
            false => on_host.apply_op1_no_bwd(&known)?,
        };
        Ok((loss.to_device(logits.device())?, outcome))
    }

    /// Hard targets, with the index to ignore even where it wrapped.
    fn labels(&self, targets: &Tensor) -> Result<Vec<i64>> {
        let mut labels = on_host_as(targets, DType::I64)?.flatten_all()?.to_vec1::<i64>()?;
        let ignored = self.ignore_index();
        if let (DType::U32, Ok(narrow @ ..0)) = (targets.dtype(), i32::try_from(ignored)) {
            let wrapped = i64::from(narrow as u32);
            labels.iter_mut().filter(|label| **label == wrapped).for_each(|label| *label = ignored);
        }
        Ok(labels)
    }
}

/// The value of one batch and its gradient with respect to the logits.
struct KnownGradient {
    losses: Vec<f64>,
    shape: Vec<usize>,
    /// Whether the losses are given in f64, not in f32.
    wide: bool,
    gradient: Tensor,
    class_dimension: usize,
}

impl CustomOp1 for KnownGradient {
    fn name(&self) -> &'static str {
        "steepness"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &candle_core::Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let losses = match self.wide {
            true => CpuStorage::F64(self.losses.clone()),
            false => CpuStorage::F32(self.losses.iter().map(|loss| *loss as f32).collect()),
        };
        Ok((losses, self.shape.as_slice().into()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        incoming: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        if self.shape.is_empty() && incoming.to_dtype(DType::F64)?.to_scalar::<f64>()? == 1.0 {
            return Ok(Some(self.gradient.clone()));
        }
        // In the type of the losses: rounding the factor to half precision would bias all.
        let factor = match self.shape.is_empty() {
            true => incoming.clone(),
            false => incoming.unsqueeze(self.class_dimension)?,
        };
        let product = self.gradient.to_dtype(incoming.dtype())?.broadcast_mul(&factor)?;
        product.to_dtype(self.gradient.dtype()).map(Some)
    }
}

fn on_host_as(tensor: &Tensor, dtype: DType) -> candle_core::Result<Tensor> {
    tensor.to_device(&Device::Cpu)?.detach().to_dtype(dtype)?.contiguous()
}

/// The elements of a contiguous tensor on the CPU.
fn elements<'a, E: WithDType>(
    storage: &'a Storage,
    layout: &candle_core::Layout,
) -> Result<&'a [E]> {
    match (storage, layout.contiguous_offsets()) {
        (Storage::Cpu(cpu), Some((from, to))) => Ok(&cpu.as_slice::<E>()?[from..to]),
        _ => Err(Error::Device("a tensor that is neither contiguous nor on the CPU".into())),
    }
}

/// In what the logits are computed.
fn element_type(logits: &Tensor) -> Result<ElementType> {
    let known = [DType::F32, DType::F64, DType::BF16, DType::F16];
    ElementType::of("logits", logits.dtype(), known)
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Error::Framework(FrameworkError::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Loss, Reduction};
    use candle_core::Var;

    const CPU: Device = Device::Cpu;

    fn criterion(spec: &str, counts: &[u64]) -> Criterion {
        spec.parse::<Loss>().unwrap().criterion_with_counts(counts).unwrap()
    }

    fn draws(count: usize) -> Vec<f64> {
        (0..count).map(|i| 3.0 * (i as f64 * 1.7).sin()).collect()
    }

    fn variable(shape: impl Into<Shape>, dtype: DType) -> Var {
        let shape = shape.into();
        let values = Tensor::from_vec(draws(shape.elem_count()), shape, &CPU).unwrap();
        Var::from_tensor(&values.to_dtype(dtype).unwrap()).unwrap()
    }

    fn list(tensor: &Tensor) -> Vec<f64> {
        tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    fn gradient(loss: &Tensor, of: &Tensor) -> Vec<f64> {
        list(loss.backward().unwrap().get(of).unwrap())
    }

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= tolerance, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn value_and_gradient_are_the_slice_kernels() {
        let counts = [500, 40, 7, 60];
        let labels = [0i64, 3, -100, 2, 1];
        let targets = Tensor::new(&labels, &CPU).unwrap();
        type Option = fn(Criterion) -> Criterion;
        let options: [Option; 3] = [
            |plain| plain,
            |plain| plain.with_reduction(Reduction::Sum),
            |plain| match plain.loss().weighting {
                None => plain.with_class_weights(&[1.0, 0.5, 2.0, 3.0]).unwrap(),
                Some(_) => plain,
            },
        ];
        for spec in [
            "ce",
            "el(le=0.75)",
            "el(le=1, clamp=0) + adjust(tau=1)",
            "focal(gamma=2) + smooth(0.1)",
            "el(le=0.5) + smooth(0.1, bonus=0.2) + zloss(0.01)",
            "el(le=1) + weights(beta=0.99) + match",
            "bce",
            "mse + mirror",
        ] {
            for option in options {
                let mut by_slices = option(criterion(spec, &counts));
                let (values, mut expected) = (draws(20), [0.0; 20]);
                let outcome =
                    by_slices.forward_backward(&values, &labels[..], &mut expected).unwrap();
                let logits = variable((5, 4), DType::F64);
                let mut by_tensors = option(criterion(spec, &counts));
                let loss = by_tensors.forward_candle(&logits, &targets).unwrap();
                assert_eq!(loss.dims(), [0usize; 0]);
                assert_eq!(list(&loss), [outcome.loss], "{spec}");
                assert_eq!(gradient(&loss, &logits), expected, "{spec}");
                assert_eq!(by_tensors.state(), by_slices.state());
            }
        }
    }

    #[test]
    fn every_width() {
        let targets = Tensor::new(&[1u32, 0, 3, 2, 2], &CPU).unwrap();
        let exact = variable((5, 4), DType::F64);
        let loss = criterion("el(le=0.75)", &[1; 4]).forward_candle(&exact, &targets).unwrap();
        let expected = gradient(&loss, &exact);
        for (dtype, tolerance) in [(DType::F32, 1e-7), (DType::F16, 1e-3), (DType::BF16, 8e-3)] {
            let logits = variable((5, 4), dtype);
            let found = criterion("el(le=0.75)", &[1; 4]).forward_candle(&logits, &targets);
            let found = found.unwrap();
            assert_eq!(found.dtype(), DType::F32);
            close(&list(&found), &list(&loss), 10.0 * tolerance);
            close(&gradient(&found, &logits), &expected, tolerance);
            // A third is no number in half precision: the factor is applied before rounding.
            let third = gradient(&(found / 3.0).unwrap(), &logits);
            close(&third, &expected.iter().map(|g| g / 3.0).collect::<Vec<_>>(), tolerance);
        }
    }

    #[test]
    fn the_gradient_goes_through_a_network_and_other_terms() {
        let weight = variable((4, 3), DType::F64);
        let inputs = variable((7, 3), DType::F64).detach();
        let targets = Tensor::new(&[0u32, 1, 2, 3, 0, 1, 2], &CPU).unwrap();
        let total = |weight: &Tensor| {
            // The logits are a transposed product: their elements do not lie in order.
            let logits = weight.matmul(&inputs.t().unwrap()).unwrap().t().unwrap();
            assert!(!logits.is_contiguous());
            let mut el = criterion("el(le=0.5) + smooth(0.1)", &[1; 4]);
            let loss = el.forward_candle(&logits, &targets).unwrap();
            ((loss * 3.0).unwrap() + weight.sqr().unwrap().sum_all().unwrap()).unwrap()
        };
        let found = gradient(&total(&weight), &weight);
        let values = list(&weight);
        for (at, found) in found.into_iter().enumerate() {
            let moved = |by: f64| {
                let mut values = values.clone();
                values[at] += by;
                list(&total(&Tensor::from_vec(values, (4, 3), &CPU).unwrap()))[0]
            };
            let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((slope - found).abs() < 1e-7, "{at}: {slope} {found}");
        }
    }

    #[test]
    fn layouts_rows_and_soft_targets() {
        let by_class = variable((2, 5, 3), DType::F64);
        let labels = Tensor::new(&[[0u32, 1, 2], [3, 4, 0]], &CPU).unwrap();
        let weights = Tensor::new(&[[1f64, 2.0, 3.0], [4.0, 5.0, 6.0]], &CPU).unwrap();
        let mut per_row = criterion("el(le=0.75)", &[1; 5]).with_reduction(Reduction::None);
        let losses = per_row.forward_candle(&by_class, &labels).unwrap();
        assert_eq!(losses.dims(), [2, 3]);
        let found = (&losses * &weights).unwrap().sum_all().unwrap();
        let found = gradient(&found, &by_class);

        let rows = by_class.detach().permute([0, 2, 1]).unwrap().reshape((6, 5)).unwrap();
        let rows = Var::from_tensor(&rows).unwrap();
        let flat = labels.flatten_all().unwrap();
        let mut sum = criterion("el(le=0.75)", &[1; 5]).with_reduction(Reduction::Sum);
        let (loss, outcome) =
            sum.forward_candle_rows(&rows, &flat, Some(&weights.flatten_all().unwrap())).unwrap();
        assert_eq!(outcome.rows.len(), 6);
        let expected = Tensor::from_vec(gradient(&loss, &rows), (2, 3, 5), &CPU).unwrap();
        close(&found, &list(&expected.permute([0, 2, 1]).unwrap()), 1e-14);

        // (B, T, V), and one-hot rows as soft targets.
        let last = rows.reshape((2, 3, 5)).unwrap();
        let same = per_row.forward_candle(&last, &labels).unwrap();
        close(&list(&same), &list(&losses), 1e-14);
        let identity = Tensor::eye(5, DType::F32, &CPU).unwrap();
        let soft = identity.index_select(&flat, 0).unwrap();
        let soft = per_row.forward_candle(&rows, &soft).unwrap();
        assert_eq!(soft.dims(), [6]);
        close(&list(&soft), &list(&losses), 1e-14);
    }

    #[test]
    fn rows_are_ignored_by_any_type_of_target() {
        let logits = variable((3, 4), DType::F32);
        let labels = Tensor::new(&[2i64, -100, 1], &CPU).unwrap();
        let mut ce = criterion("ce", &[1; 4]);
        let expected = ce.forward_candle_rows(&logits, &labels, None).unwrap().1;
        assert_eq!((expected.counted, expected.ignored), (2, 1));
        for dtype in [DType::U32, DType::I32, DType::I16] {
            let labels = labels.to_dtype(dtype).unwrap();
            let found = ce.forward_candle_rows(&logits, &labels, None).unwrap().1;
            assert_eq!(found, expected, "{dtype:?}");
        }
        let mut chosen = ce.with_ignore_index(255);
        for dtype in [DType::U8, DType::U32] {
            let labels = Tensor::new(&[2i64, 255, 1], &CPU).unwrap().to_dtype(dtype).unwrap();
            let found = chosen.forward_candle_rows(&logits, &labels, None).unwrap().1;
            assert_eq!(found, expected, "{dtype:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut ce = criterion("ce", &[1; 3]);
        let logits = variable((2, 3), DType::F32);
        let mut message = |logits: &Tensor, labels: &[u32]| {
            let labels = Tensor::new(labels, &CPU).unwrap();
            ce.forward_candle(logits, &labels).unwrap_err().to_string()
        };
        let short = message(&logits, &[0]);
        assert!(short.contains("[2, 3]") && short.contains("[1]"), "{short}");
        assert!(message(&logits, &[0, 3]).contains("target 3 in row 1"));
        let whole = logits.to_dtype(DType::U32).unwrap();
        assert!(message(&whole, &[0, 1]).contains("U32"));
        let bad = Tensor::new(&[[0f32, 1.0, 2.0], [0.0, f32::NAN, 1.0]], &CPU).unwrap();
        assert!(message(&bad, &[0, 1]).contains("row 1, column 1 is NaN"));
        let jsd = criterion("ce + jsd(alpha=12)", &[1; 3]).with_reduction(Reduction::None);
        let views = variable((3, 3), DType::F32);
        let labels = Tensor::new(&[0u32, 1, 2], &CPU).unwrap();
        let refused = jsd.clone().forward_candle(&views, &labels).unwrap_err();
        assert!(refused.to_string().contains("three rows"));
        assert!(jsd.with_reduction(Reduction::Mean).forward_candle(&views, &labels).is_ok());
    }

    #[test]
    fn evaluation_records_nothing() {
        let logits = variable((2, 3), DType::F32);
        let labels = Tensor::new(&[0u32, 1], &CPU).unwrap();
        let mut matched = criterion("el(le=1) + match", &[1; 3]);
        let loss = matched.forward_candle(&logits.detach(), &labels).unwrap();
        assert!(!loss.track_op() && matched.state().norms.is_none());
        assert!(matched.forward_candle(&logits, &labels).unwrap().track_op());
        assert!(matched.state().norms.is_some());
    }
}
