//! The last layer and the loss behind it, fused where that is faster.

use steepness::{Adjust, Criterion};
use tch::{Device, Kind, Tensor};

use crate::Result;
use crate::data::Batch;
use crate::models::{Linear, Mode};

/// From so many classes on, the layer and its loss in one take 0.7 to 0.9 of the time of the two one
/// after the other, and a fifth of the memory; with fewer there is nothing in it.
const FUSED_FROM: i64 = 2048;

/// A loss on which to call `backward`, and how many examples the logits have right; or what the
/// criterion refuses.
pub type HeadLoss = steepness::Result<(Tensor, i64)>;

/// The loss of `features` f32 (N, width), seen through the layer `head`.
///
/// # Errors
/// What libtorch refuses.
pub fn head_loss(
    criterion: &mut Criterion,
    features: &Tensor,
    head: &Linear,
    batch: &Batch,
    mode: Mode,
) -> Result<HeadLoss> {
    if !fuses(criterion, features, head, &batch.targets, mode)? {
        let logits = head.forward(features, mode)?.f_to_kind(Kind::Float)?;
        return logits_loss(criterion, &logits, batch);
    }
    let bias = head.bias.as_ref();
    let judged = criterion.linear_forward_tch(features, &head.weight, bias, &batch.targets);
    Ok(judged.map(|(loss, outcome)| {
        (loss, outcome.rows.iter().filter(|row| row.correct).count() as i64)
    }))
}

/// The loss of `logits` f32 (N, classes).
///
/// # Errors
/// As [`head_loss`].
pub fn logits_loss(criterion: &mut Criterion, logits: &Tensor, batch: &Batch) -> Result<HeadLoss> {
    let loss = match criterion.forward_tch(logits, &batch.targets) {
        Ok(loss) => loss,
        Err(error) => return Ok(Err(error)),
    };
    let hits = logits.f_argmax(-1, false)?.f_eq_tensor(&batch.labels()?)?.f_sum(None)?;
    Ok(Ok((loss, hits.f_int64_value(&[])?)))
}

/// Whether it is worth it, and the same: the kernel is one of f32 on the CPU, and what it calls right
/// is so after the logits were adjusted.
fn fuses(
    criterion: &Criterion,
    features: &Tensor,
    head: &Linear,
    targets: &Tensor,
    mode: Mode,
) -> Result<bool> {
    let plain = mode.kind() == Kind::Float && features.device() == Device::Cpu;
    let hard = targets.f_kind()? == Kind::Int64;
    let many = head.weight.size()[0] >= FUSED_FROM;
    Ok(plain && hard && many && criterion.loss().adjust == Adjust::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Init, Precision, Weights};
    use crate::train::gradient;

    /// Loss, hits and gradients are the same whether or not soft targets or another precision rule the
    /// fused kernel out.
    #[test]
    fn fused_or_not_it_is_the_same() {
        let classes = FUSED_FROM as usize;
        let mut weights = Weights::new(3);
        let init = Init::kaiming(8);
        let head = Linear::with(&mut weights, "head", [8, classes], init, Some(init)).unwrap();
        let drawn = Init::Normal(1.0).values(crate::random::Stream::new(1, "x"), 40);
        let best = Tensor::from_slice(&drawn).view([5, 8]).linear(&head.weight, head.bias.as_ref());
        let mut labels: Vec<i64> = best.argmax(-1, false).try_into().unwrap();
        labels[1] = (labels[1] + 1) % FUSED_FROM;
        let hard = Tensor::from_slice(&labels);
        let soft = hard.one_hot(FUSED_FROM).to_kind(Kind::Float);
        let mode = |precision| Mode::Train { seed: 0, pass: 0, precision };
        let found = |spec: &str, targets: &Tensor, precision| {
            let mut criterion =
                spec.parse::<steepness::Loss>().unwrap().criterion(classes).unwrap();
            let x = Tensor::from_slice(&drawn).view([5, 8]).set_requires_grad(true);
            let batch = Batch { inputs: vec![], targets: targets.shallow_clone() };
            let mode = mode(precision);
            let fused = fuses(&criterion, &x, &head, targets, mode).unwrap();
            gradient::clear(weights.parameters()).unwrap();
            let (loss, right) =
                head_loss(&mut criterion, &x, &head, &batch, mode).unwrap().unwrap();
            loss.backward();
            let of_weight = head.weight.grad().copy();
            (fused, right, [loss.detach(), x.grad(), of_weight])
        };
        let spec = "el(le=0.5) + smooth(0.1)";
        let (fused, right, values) = found(spec, &hard, Precision::F32);
        assert!(fused);
        assert_eq!(right, 4);
        for (targets, precision, tolerance) in
            [(&soft, Precision::F32, 1e-5), (&hard, Precision::Bf16, 0.02)]
        {
            let (fused, right, others) = found(spec, targets, precision);
            assert!(!fused);
            assert_eq!(right, 4);
            for (value, other) in values.iter().zip(&others) {
                let gap = (value - other).abs().max().double_value(&[]);
                assert!(gap < tolerance * value.abs().max().double_value(&[]), "{gap}");
            }
        }
        let (fused, ..) = found("ce + temp(2)", &hard, Precision::F32);
        assert!(!fused, "after the logits were adjusted");
    }

    #[test]
    fn what_the_criterion_refuses_is_said() {
        let mut weights = Weights::new(3);
        let size = [8, FUSED_FROM as usize];
        let head = Linear::with(&mut weights, "head", size, Init::kaiming(8), None).unwrap();
        let mut criterion =
            "ce".parse::<steepness::Loss>().unwrap().criterion(FUSED_FROM as usize).unwrap();
        let mode = Mode::Train { seed: 0, pass: 0, precision: Precision::F32 };
        for (value, target, problem) in [(f32::NAN, 0, "NaN"), (1.0, FUSED_FROM, "target 2048")] {
            let x = Tensor::from_slice(&[value; 8]).view([1, 8]);
            let batch = Batch { inputs: vec![], targets: Tensor::from_slice(&[target]) };
            let refused = head_loss(&mut criterion, &x, &head, &batch, mode).unwrap().unwrap_err();
            assert!(refused.to_string().contains(problem), "{refused}");
        }
    }
}
