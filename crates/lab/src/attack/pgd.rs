//! PGD-L∞, projected gradient descent (Madry et al. 2018): many small sign steps from a random
//! start, each projected back into the ε-box around the input and into \[0, 1\].

use super::{Attack, Model, input_gradient};
use crate::{Error, Result};
use tch::{Kind, Tensor};

/// The attack and its settings.
pub struct Pgd<'a> {
    /// Steps.
    pub steps: usize,
    /// Step size α in pixel units.
    pub step_size: f64,
    /// Where the random start comes from: a number in \[0, 1) for (example, pixel), which is a
    /// function of these two and a seed, never of a global generator.
    pub start: &'a dyn Fn(usize, usize) -> f32,
}

impl<'a> Pgd<'a> {
    /// The paper's settings: 40 steps of 2/255.
    pub fn new(start: &'a dyn Fn(usize, usize) -> f32) -> Self {
        Self { steps: 40, step_size: 2.0 / 255.0, start }
    }

    /// U(±ε) for each pixel of examples shaped like `inputs`, of which the first is `first`.
    fn offsets(&self, inputs: &Tensor, epsilon: f64, first: usize) -> Result<Tensor> {
        let shape = inputs.size();
        let examples = shape.first().map_or(0, |n| *n as usize);
        let pixels = inputs.numel() / examples.max(1);
        let offset = |i: usize| {
            let uniform = (self.start)(first + i / pixels, i % pixels);
            (epsilon * (2.0 * f64::from(uniform) - 1.0)) as f32
        };
        let offsets: Vec<f32> = (0..inputs.numel()).map(offset).collect();
        Ok(Tensor::f_from_slice(&offsets)?.f_view(shape.as_slice())?.f_to(inputs.device())?)
    }
}

impl Attack for Pgd<'_> {
    fn name(&self) -> &'static str {
        "pgd-linf"
    }

    fn setting(&self) -> String {
        format!(
            "L∞, {} steps of {:.5} along the sign of the cross-entropy gradient from a random start",
            self.steps, self.step_size
        )
    }

    fn perturb(
        &self,
        model: &Model,
        inputs: &Tensor,
        labels: &Tensor,
        epsilon: f64,
        first: usize,
    ) -> Result<Tensor> {
        if inputs.f_kind()? != Kind::Float {
            return Err(Error::Request("inputs under attack are f32".into()));
        }
        let lowest = inputs.f_sub_scalar(epsilon)?.f_clamp_min(0.0)?;
        let highest = inputs.f_add_scalar(epsilon)?.f_clamp_max(1.0)?;
        let project = |moved: Tensor| moved.f_clamp_tensor(Some(&lowest), Some(&highest));
        let mut moved = project(inputs.f_add(&self.offsets(inputs, epsilon, first)?)?)?;
        for _ in 0..self.steps {
            let (_, gradient) = input_gradient(model, &moved, labels)?;
            moved = project(moved.f_add(&gradient.f_sign()?.f_mul_scalar(self.step_size)?)?)?;
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::{
        Fgsm,
        tests::{images, linear},
    };
    use tch::Reduction;

    /// A start that depends on example and pixel only.
    fn start(example: usize, pixel: usize) -> f32 {
        ((example * 7919 + pixel * 104_729) % 1000) as f32 / 1000.0
    }

    fn loss(model: &Model, inputs: &Tensor, labels: &Tensor) -> f64 {
        let none = None::<&Tensor>;
        model(inputs)
            .unwrap()
            .cross_entropy_loss(labels, none, Reduction::Mean, -100, 0.0)
            .double_value(&[])
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten(0, -1).try_into().unwrap()
    }

    #[test]
    fn finds_the_optimum_of_a_linear_model() {
        let model = linear(&[2.0, -1.0, 1.0, 1.0], 2);
        let inputs = images(&[0.5, 0.5, 0.05, 0.9], 2);
        let labels = Tensor::from_slice(&[0i64, 1]);
        let moved = Pgd::new(&start).perturb(&model, &inputs, &labels, 0.1, 0).unwrap();
        let best = Fgsm.perturb(&model, &inputs, &labels, 0.1, 0).unwrap();
        for (found, expected) in values(&moved).iter().zip(values(&best)) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    #[test]
    fn is_stronger_than_one_step_where_the_model_bends() {
        let hidden = linear(&[9.0, -9.0, -9.0, 9.0, 5.0, 5.0], 2);
        let output = Tensor::from_slice(&[3.0f32, -3.0, 1.0, -3.0, 3.0, 1.0]).view([2, 3]);
        let model = |inputs: &Tensor| Ok((hidden(inputs)? - 1.0).sin().matmul(&output.tr()));
        let pixels: Vec<f32> = (0..40).map(|i| start(i, 3)).collect();
        let inputs = images(&pixels, 2);
        let labels = model(&inputs).unwrap().argmax(1, false);
        let moved = Pgd::new(&start).perturb(&model, &inputs, &labels, 0.2, 0).unwrap();
        let step = Fgsm.perturb(&model, &inputs, &labels, 0.2, 0).unwrap();
        let [clean, fgsm, pgd] = [&inputs, &step, &moved].map(|x| loss(&model, x, &labels));
        assert!(pgd > fgsm + 0.1 && fgsm > clean, "{clean} {fgsm} {pgd}");
    }

    #[test]
    fn stays_within_the_budget_and_the_pixels() {
        let model = linear(&[2.0, -1.0, 1.0, 1.0], 2);
        let inputs = images(&[0.0, 1.0, 0.02, 0.97, 0.5, 0.5], 2);
        let labels = Tensor::from_slice(&[0i64, 1, 0]);
        for steps in [0, 1, 40] {
            let pgd = Pgd { steps, ..Pgd::new(&start) };
            let moved = values(&pgd.perturb(&model, &inputs, &labels, 0.05, 0).unwrap());
            for (to, from) in moved.iter().zip(values(&inputs)) {
                assert!((0.0..=1.0).contains(to) && (to - from).abs() <= 0.05 + 1e-6);
            }
        }
    }

    #[test]
    fn does_not_depend_on_the_batches() {
        let model = linear(&[2.0, -1.0, 1.0, 1.0], 2);
        let inputs = images(&[0.2, 0.8, 0.3, 0.7, 0.5, 0.5], 2);
        let labels = Tensor::from_slice(&[0i64, 1, 0]);
        let pgd = Pgd { steps: 2, ..Pgd::new(&start) };
        let whole = pgd.perturb(&model, &inputs, &labels, 0.3, 10).unwrap();
        let part = |at, n| {
            let (inputs, labels) = (inputs.narrow(0, at, n), labels.narrow(0, at, n));
            pgd.perturb(&model, &inputs, &labels, 0.3, 10 + at as usize).unwrap()
        };
        assert_eq!(values(&whole), values(&Tensor::cat(&[part(0, 1), part(1, 2)], 0)));
    }
}
