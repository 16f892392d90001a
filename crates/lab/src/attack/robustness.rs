//! Accuracy under attack as its budget grows (the paper's Figure 7).

use super::{Attack, Model, input_gradient};
use crate::measure::{Logits, RobustnessCurve, correct};
use crate::{Error, Result};
use tch::{Kind, Tensor};

/// The paper's grid of ε for attacks in the L∞ norm, in pixel units.
pub const EPSILONS: [f64; 7] = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3];

/// Attacks a model with each budget in `epsilons`, `batch` examples at a time; ε = 0 is the
/// accuracy on clean inputs and comes first whether or not it is among them.
///
/// `inputs`: (N, C, H, W), f32 in \[0, 1\]; `labels`: one class each.
///
/// # Errors
/// No inputs, inputs outside \[0, 1\] (normalised ones, most likely), labels that do not fit, an ε
/// that is negative or not finite, a model that answers NaN.
pub fn robustness(
    model: &Model,
    inputs: &Tensor,
    labels: &[i64],
    attack: &dyn Attack,
    epsilons: &[f64],
    batch: usize,
) -> Result<RobustnessCurve> {
    check(inputs, labels, epsilons, batch)?;
    let mut blind = 0;
    let clean = accuracy(inputs, labels, batch, |inputs, labels, _| {
        let (logits, gradient) = input_gradient(model, inputs, labels)?;
        let strongest = gradient.f_abs()?.f_flatten(1, -1)?.f_amax([1], false)?;
        blind += strongest.f_eq(0.0)?.f_sum(Kind::Int64)?.f_int64_value(&[])?;
        Ok(logits)
    })?;
    let mut points = vec![(0.0, clean)];
    for &epsilon in epsilons.iter().filter(|epsilon| **epsilon > 0.0) {
        let attacked = accuracy(inputs, labels, batch, |inputs, labels, first| {
            let moved = attack.perturb(model, inputs, labels, epsilon, first)?;
            tch::no_grad(|| model(&moved))
        })?;
        points.push((epsilon, attacked));
    }
    Ok(RobustnessCurve {
        attack: attack.name().into(),
        setting: attack.setting(),
        points,
        zero_gradient: blind as f64 / labels.len() as f64,
    })
}

fn check(inputs: &Tensor, labels: &[i64], epsilons: &[f64], batch: usize) -> Result<()> {
    let refuse = |problem| Err(Error::Request(problem));
    let shape = inputs.size();
    if shape.len() != 4 || inputs.numel() == 0 || inputs.f_kind()? != Kind::Float || batch == 0 {
        return refuse(format!(
            "an attack needs f32 inputs of shape (N, C, H, W) in batches, not {:?} {shape:?} in \
             batches of {batch}",
            inputs.f_kind()?
        ));
    }
    if shape[0] != labels.len() as i64 {
        return refuse(format!("{} labels for {} inputs to attack", labels.len(), shape[0]));
    }
    let [low, high] = [inputs.f_min()?, inputs.f_max()?].map(|x| x.double_value(&[]));
    if !(low >= 0.0 && high <= 1.0) {
        return refuse(format!(
            "inputs to attack are in pixel units, 0 to 1, but these range from {low} to {high}"
        ));
    }
    match epsilons.iter().find(|epsilon| !(epsilon.is_finite() && **epsilon >= 0.0)) {
        Some(epsilon) => refuse(format!("an attack cannot have the budget ε = {epsilon}")),
        None => Ok(()),
    }
}

/// The share of right answers when `answer` gives the logits of (inputs, labels, index of the
/// first).
fn accuracy(
    inputs: &Tensor,
    labels: &[i64],
    batch: usize,
    mut answer: impl FnMut(&Tensor, &Tensor, usize) -> Result<Tensor>,
) -> Result<f64> {
    let mut hits = 0;
    for (i, labels) in labels.chunks(batch).enumerate() {
        let first = i * batch;
        let inputs = inputs.f_narrow(0, first as i64, labels.len() as i64)?;
        let targets = Tensor::f_from_slice(labels)?.f_to(inputs.device())?;
        let logits = answer(&inputs, &targets, first)?;
        let classes = logits.size().last().map_or(0, |n| *n as usize);
        let values = Vec::<f32>::try_from(logits.f_to_kind(Kind::Float)?.f_flatten(0, -1)?)?;
        hits += correct(Logits::new(&values, classes)?, labels)?;
    }
    Ok(hits as f64 / labels.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::{
        Fgsm, Pgd,
        tests::{images, linear},
    };

    #[test]
    fn a_linear_model_falls_where_geometry_says() {
        // z₀ − z₁ = x₀ − x₁: an example of class 0 falls once 2ε exceeds its lead.
        let model = linear(&[1.0, 0.0, 0.0, 1.0], 2);
        let inputs = images(&[0.6, 0.45, 0.7, 0.45, 0.9, 0.45, 0.3, 0.65], 2);
        let labels = [0, 0, 0, 1];
        let middle = |_: usize, _: usize| 0.5;
        for attack in [&Fgsm as &dyn Attack, &Pgd::new(&middle)] {
            for batch in [1, 3, 100] {
                let curve = robustness(
                    &model,
                    &inputs,
                    &labels,
                    attack,
                    &[0.05, 0.1, 0.15, 0.2, 0.3],
                    batch,
                )
                .unwrap();
                let expected =
                    [(0.0, 1.0), (0.05, 1.0), (0.1, 0.75), (0.15, 0.5), (0.2, 0.25), (0.3, 0.0)];
                assert_eq!(curve.points, expected, "{} in batches of {batch}", curve.attack);
                assert_eq!(curve.zero_gradient, 0.0);
            }
        }
    }

    #[test]
    fn blindness_is_counted() {
        // A lead of 500 leaves cross entropy no gradient in f32; such an attack cannot succeed.
        let model = linear(&[1000.0, 0.0, 0.0, 1000.0], 2);
        let inputs = images(&[1.0, 0.5, 0.5005, 0.5], 2);
        let curve = robustness(&model, &inputs, &[0, 0], &Fgsm, &EPSILONS, 8).unwrap();
        assert_eq!(curve.zero_gradient, 0.5);
        assert_eq!(curve.points[6], (0.3, 0.5));
    }

    #[test]
    fn odd_requests_are_refused() {
        let model = linear(&[1.0, 0.0, 0.0, 1.0], 2);
        let inputs = images(&[0.6, 0.5], 2);
        let complaint = |inputs: &Tensor, labels: &[i64], epsilons: &[f64], batch| {
            robustness(&model, inputs, labels, &Fgsm, epsilons, batch).unwrap_err().to_string()
        };
        assert!(complaint(&images(&[1.5, 0.0], 2), &[0], &[0.1], 8).contains("from 0 to 1.5"));
        assert!(complaint(&images(&[f32::NAN, 0.0], 2), &[0], &[0.1], 8).contains("NaN"));
        assert!(complaint(&inputs, &[0, 1], &[0.1], 8).contains("2 labels for 1 inputs"));
        assert!(complaint(&inputs, &[0], &[-0.1], 8).contains("ε = -0.1"));
        assert!(complaint(&inputs, &[0], &[f64::NAN], 8).contains("ε = NaN"));
        assert!(complaint(&inputs, &[0], &[0.1], 0).contains("batches of 0"));
        assert!(complaint(&inputs.view([2]), &[0, 0], &[0.1], 8).contains("(N, C, H, W)"));
        assert!(complaint(&images(&[], 2), &[], &[0.1], 8).contains("(N, C, H, W)"));
        // libtorch or the labels' own check names the class.
        assert!(complaint(&inputs, &[2], &[0.1], 8).contains('2'));
        assert!(complaint(&inputs, &[-100], &[0.1], 8).contains("-100"));
        let broken = |inputs: &Tensor| Ok(inputs.flatten(1, -1) * f64::NAN);
        let error = robustness(&broken, &inputs, &[0], &Fgsm, &[0.1], 8).unwrap_err();
        assert!(error.to_string().contains("row 0, column 0 is NaN"), "{error}");
    }
}
