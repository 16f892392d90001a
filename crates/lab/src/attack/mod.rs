//! Adversarial attacks: how far do the inputs have to move before the model is wrong?
//!
//! Inputs are in pixel units, \[0, 1\]: a model that wants them normalised does that itself. One
//! file an attack, with its [`Card`]; each is its settings and nothing more, written as one line
//! ([`Spec`]), and makes large what its [`Objective`] says, whatever the model was trained with. What
//! an attack draws is a function of the seed and the example, so that its answer does not depend on
//! the batches.
//!
//! The list in `attacks!` below is all that specs, recipes, the program's help, the documentation and
//! the figures of a report know of them.

mod apgd;
mod cw;
mod deepfool;
mod fgsm;
mod mi_fgsm;
mod norm;
mod objective;
mod pgd;
mod recipe;
mod robustness;
mod settings;
mod spec;
mod square;
mod targeted;

pub use apgd::Apgd;
pub use cw::Cw;
pub use deepfool::DeepFool;
pub use fgsm::Fgsm;
pub use mi_fgsm::MiFgsm;
pub use norm::{Ball, Norm};
pub use objective::Objective;
pub use pgd::Pgd;
pub use recipe::{AdversarialRecipe, AttackRecipe, EPSILONS, L2_EPSILONS, Preset};
pub use robustness::{Findings, Outcome, Trial, curves};
pub use square::Square;

use std::borrow::Cow;

use tch::Tensor;

use crate::Result;
use crate::card::Card;
use crate::random::Stream;
use spec::Configurable;

/// Makes [`Spec`] and [`ATTACKS`] of one list. An entry is an attack's file and its type.
macro_rules! attacks {
    ($($(#[$doc:meta])* $file:ident: $Name:ident,)*) => {
        /// One of the attacks, with its settings.
        ///
        /// ```
        /// let pgd: steepness_lab::attack::Spec = "pgd(norm=l2, steps=40)".parse()?;
        /// assert_eq!(pgd.to_string(), "pgd(norm=l2)");
        /// # Ok::<(), steepness_lab::Error>(())
        /// ```
        #[derive(Clone, Debug, PartialEq)]
        pub enum Spec {
            $($(#[$doc])* $Name($Name),)*
        }

        /// What each attack says of itself, in the order in which they are spoken of.
        pub static ATTACKS: &[&Card] = &[$(&$file::CARD),*];

        impl Spec {
            /// The attack.
            pub fn attack(&self) -> &dyn Attack {
                match self {
                    $(Spec::$Name(attack) => attack,)*
                }
            }

            fn configurable(&mut self) -> &mut dyn Configurable {
                match self {
                    $(Spec::$Name(attack) => attack,)*
                }
            }

            /// All of them as they are by default.
            fn defaults() -> Vec<Self> {
                vec![$(Spec::$Name($Name::default())),*]
            }
        }
    };
}

attacks! {
    /// One step along the sign of the gradient.
    fgsm: Fgsm,
    /// Projected gradient descent.
    pgd: Pgd,
    /// Steps along the gradients so far.
    mi_fgsm: MiFgsm,
    /// Projected gradient descent that finds its own step size.
    apgd: Apgd,
    /// The shortest move that succeeds, as a minimum.
    cw: Cw,
    /// The nearest plane that a boundary seems to be, again and again.
    deepfool: DeepFool,
    /// Random squares, without a gradient.
    square: Square,
}

/// A model: a batch of inputs (N, C, H, W), f32 in \[0, 1\], to logits (N, classes), in evaluation
/// mode (no dropout, running batch statistics).
pub type Model<'a> = dyn Fn(&Tensor) -> Result<Tensor> + 'a;

/// Inputs as they are before an attack.
#[derive(Clone, Copy, Debug)]
pub struct Clean<'a> {
    /// (N, C, H, W), f32 in \[0, 1\].
    pub inputs: &'a Tensor,
    /// (N,) classes.
    pub labels: &'a Tensor,
    /// The number of each example among all, which decides what is drawn for it.
    pub numbers: &'a [usize],
    /// Decides it too.
    pub seed: u64,
}

impl Clean<'_> {
    /// A value for each pixel from its example's random numbers for `purpose` and its place in it:
    /// (N, C, H, W).
    fn draw(&self, purpose: &str, value: impl Fn(Stream, u64) -> f64) -> Result<Tensor> {
        let shape = self.inputs.size();
        let pixels = shape[1..].iter().product::<i64>() as u64;
        let random = Stream::new(self.seed, purpose);
        let of_example = |&number: &usize| {
            let (of, value) = (random.part(number as u64), &value);
            (0..pixels).map(move |pixel| value(of, pixel) as f32)
        };
        let values: Vec<f32> = self.numbers.iter().flat_map(of_example).collect();
        let values = Tensor::f_from_slice(&values)?.f_view(shape.as_slice())?;
        Ok(values.f_to(self.inputs.device())?)
    }

    /// A value for each example: (N,).
    fn draw_each(&self, purpose: &str, value: impl Fn(Stream) -> f64) -> Result<Tensor> {
        let random = Stream::new(self.seed, purpose);
        let of_example = |&number: &usize| value(random.part(number as u64)) as f32;
        let values: Vec<f32> = self.numbers.iter().map(of_example).collect();
        Ok(Tensor::f_from_slice(&values)?.f_to(self.inputs.device())?)
    }
}

/// What an attack has to do for a curve over budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Every example anew with each budget, and what it ends with counts.
    Every,
    /// With each budget those that stand: right from the beginning and at every smaller budget. The
    /// attack keeps the first move that succeeds.
    Standing,
    /// It looks for the shortest move that succeeds, once: an example falls at the budgets that are
    /// as large.
    Nearest,
}

/// What tells an attack from the same one with other settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// In records: "linf".
    pub word: String,
    /// For people: "L∞".
    pub title: String,
}

impl Tag {
    /// The same word for both.
    fn plain(word: &str) -> Self {
        Self { word: word.to_owned(), title: word.to_owned() }
    }
}

/// One way to perturb inputs within a budget.
pub trait Attack {
    /// What it says of itself.
    fn card(&self) -> &'static Card;

    /// What tells it from the same attack with other settings, in its name.
    fn tags(&self) -> Vec<Tag>;

    /// Its name in records: "pgd-linf".
    fn name(&self) -> String {
        let tags = self.tags().into_iter().map(|tag| tag.word);
        std::iter::once(self.card().name.to_owned()).chain(tags).collect::<Vec<_>>().join("-")
    }

    /// Its name for people: "PGD-L∞".
    fn title(&self) -> String {
        let tags = self.tags().into_iter().map(|tag| tag.title);
        std::iter::once(self.card().title.to_owned()).chain(tags).collect::<Vec<_>>().join("-")
    }

    /// How it is run, for people.
    fn setting(&self) -> String;

    /// What measures the budget.
    fn norm(&self) -> Norm;

    /// What it makes large along a gradient; `None` for one that knows no gradient.
    fn objective(&self) -> Option<Objective>;

    /// Towards how many wrong classes it goes, one after the other; 0 for none in particular.
    fn targets(&self) -> usize {
        0
    }

    /// What it has to do for a curve. Towards one class after the other it goes with those that stand.
    fn effort(&self) -> Effort {
        if self.targets() > 0 { Effort::Standing } else { Effort::Every }
    }

    /// About how many gradients of an example it takes towards one class, or towards none in particular;
    /// 0 for one that knows no gradient.
    fn gradients_a_target(&self) -> usize;

    /// About how many gradients of an example one call takes.
    fn gradients(&self) -> usize {
        self.gradients_a_target() * self.targets().max(1)
    }

    /// What one call takes, in gradients of an example.
    fn cost(&self) -> f64 {
        self.gradients() as f64
    }

    /// How far its steps lead at most, in its norm, where they were given a length; `None` for an
    /// attack that reaches every place within any budget.
    fn reach(&self) -> Option<f64> {
        None
    }

    /// Moves each input by at most `epsilon`, within \[0, 1\]; one of [`Effort::Nearest`] moves
    /// it as far as it has to.
    ///
    /// # Errors
    /// What the model or libtorch refuses.
    fn perturb(&self, model: &Model, clean: &Clean, epsilon: f64) -> Result<Tensor>;
}

/// What a model says at some inputs, and where it would become more wrong.
#[derive(Debug)]
pub struct Slope {
    /// (N, classes).
    pub logits: Tensor,
    /// The objective of each example, (N,).
    pub values: Tensor,
    /// Its gradient with respect to the inputs, (N, C, H, W).
    pub gradient: Tensor,
}

/// The slope of `objective` at `inputs`.
///
/// The values are summed, not averaged, so that an example's gradient does not depend on the batch
/// it is in. No gradient is taken of the parameters.
///
/// `labels` and `targets`: (N,) classes.
///
/// # Errors
/// What the model or libtorch refuses.
pub fn slope(
    model: &Model,
    objective: Objective,
    inputs: &Tensor,
    labels: &Tensor,
    targets: Option<&Tensor>,
) -> Result<Slope> {
    tch::with_grad(|| {
        let inputs = inputs.f_detach()?.f_set_requires_grad(true)?;
        let logits = model(&inputs)?;
        let values = objective.values(&logits, labels, targets)?;
        let gradient =
            Tensor::f_run_backward(&[values.f_sum(None)?], &[&inputs], false, false)?.remove(0);
        Ok(Slope { logits: logits.f_detach()?, values: values.f_detach()?, gradient })
    })
}

/// Which of `logits` (N, classes) name another class than the label: (N,), bool.
fn wrong(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    Ok(logits.f_argmax(1, false)?.f_ne_tensor(labels)?)
}

/// The positions where `mask` (N,) holds, as (n,) integers.
fn positions(mask: &Tensor) -> Result<Tensor> {
    Ok(mask.f_nonzero()?.f_flatten(0, -1)?)
}

/// Those of `numbers` at `positions`.
fn pick<'a>(numbers: &'a [usize], positions: &Tensor) -> Result<Cow<'a, [usize]>> {
    let at = Vec::<i64>::try_from(positions)?;
    if at.len() == numbers.len() {
        return Ok(Cow::Borrowed(numbers));
    }
    Ok(Cow::Owned(at.iter().map(|&at| numbers[at as usize]).collect()))
}

/// The tags of an objective and of targets, where they are not the usual ones.
fn aim(objective: Objective, targets: usize) -> impl Iterator<Item = Tag> {
    objective.tag().into_iter().chain((targets > 0).then(|| Tag::plain("targeted")))
}

/// What is said of `targets`, at the end of a setting.
fn towards(targets: usize) -> String {
    match targets {
        0 => String::new(),
        n => format!(", towards each of the {n} most probable wrong classes"),
    }
}

/// How far so many steps lead at most, where they have a length of their own.
fn reach(steps: usize, step: Option<f64>) -> Option<f64> {
    step.map(|step| step * steps as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    /// Logits z = W·x of `pixels`-pixel images, one row of `weights` a class.
    pub fn linear(weights: &[f32], pixels: i64) -> impl Fn(&Tensor) -> Result<Tensor> {
        let weights = Tensor::from_slice(weights).view([-1, pixels]);
        move |inputs| Ok(inputs.flatten(1, -1).matmul(&weights.tr()))
    }

    /// A model of three classes and two pixels that bends.
    pub fn bent() -> impl Fn(&Tensor) -> Result<Tensor> {
        let hidden = linear(&[9.0, -9.0, -9.0, 9.0, 5.0, 5.0], 2);
        let output = Tensor::from_slice(&[3.0f32, -3.0, 1.0, -3.0, 3.0, 1.0, 1.0, 1.0, -2.0]);
        let output = output.view([3, 3]);
        move |inputs| Ok((hidden(inputs)? - 1.0).sin().matmul(&output.tr()))
    }

    /// Images of one channel and one row.
    pub fn images(values: &[f32], pixels: i64) -> Tensor {
        Tensor::from_slice(values).view([-1, 1, 1, pixels])
    }

    pub fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten(0, -1).try_into().unwrap()
    }

    /// `attack` on all of `inputs`, whose numbers begin at `first`.
    pub fn attacked(
        attack: &dyn Attack,
        model: &Model,
        inputs: &Tensor,
        labels: &Tensor,
        epsilon: f64,
        first: usize,
    ) -> Tensor {
        let numbers: Vec<usize> = (first..first + inputs.size()[0] as usize).collect();
        let clean = Clean { inputs, labels, numbers: &numbers, seed: 5 };
        attack.perturb(model, &clean, epsilon).unwrap()
    }

    /// Twenty points and what [`bent`] says of them.
    pub fn points() -> (Tensor, Tensor) {
        let stream = Stream::new(2, "points");
        let pixels: Vec<f32> = (0..40).map(|i| stream.uniform(i) as f32).collect();
        let inputs = images(&pixels, 2);
        let labels = bent()(&inputs).unwrap().argmax(1, false);
        (inputs, labels)
    }

    /// What holds for every attack: it stays in the ball and in \[0, 1\], and answers the same
    /// whatever the batches are.
    pub fn keeps_the_rules(attack: &dyn Attack) {
        let (inputs, labels) = points();
        let model = bent();
        let epsilon = 0.15;
        let whole = attacked(attack, &model, &inputs, &labels, epsilon, 10);
        let part = |at: i64, n: i64| {
            let (inputs, labels) = (inputs.narrow(0, at, n), labels.narrow(0, at, n));
            attacked(attack, &model, &inputs, &labels, epsilon, 10 + at as usize)
        };
        let parts = Tensor::cat(&[part(0, 1), part(1, 12), part(13, 7)], 0);
        for (one, other) in values(&whole).iter().zip(values(&parts)) {
            assert!((one - other).abs() < 1e-5, "{}: batches matter", attack.name());
        }
        for moved in values(&whole) {
            assert!((0.0..=1.0).contains(&moved), "{}: {moved}", attack.name());
        }
        let longest = attack.norm().length(&(&whole - &inputs)).unwrap().max().double_value(&[]);
        let bounded = attack.effort() != Effort::Nearest;
        assert!(longest > 0.0, "{} does nothing", attack.name());
        assert!(!bounded || longest <= epsilon + 1e-6, "{}: {longest}", attack.name());
    }

    #[test]
    fn the_gradient_is_that_of_softmax() {
        // dL/dx = Wᵀ(p − onehot(y)), here p = (σ(u), σ(−u)), u = (w₀ − w₁)·x.
        let model = linear(&[1.0, -2.0, 0.5, 0.0], 2);
        let inputs = images(&[0.5, 0.25, 1.0, 1.0], 2);
        let labels = Tensor::from_slice(&[0i64, 1]);
        let slope = slope(&model, Objective::CROSS_ENTROPY, &inputs, &labels, None).unwrap();
        assert_eq!(values(&slope.logits), [0.0, 0.25, -1.0, 0.5]);
        let sigma = |u: f32| 1.0 / (1.0 + (-u).exp());
        let (q, p) = (sigma(0.25), sigma(-1.5));
        let expected = [-0.5 * q, 2.0 * q, 0.5 * p, -2.0 * p];
        for (found, expected) in values(&slope.gradient).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    #[test]
    fn parameters_and_inputs_are_left_alone() {
        let weights = Tensor::ones([2, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let model = |inputs: &Tensor| Ok(inputs.flatten(1, -1).matmul(&weights.tr()));
        let inputs = images(&[0.1, 0.2, 0.3], 3);
        let labels = Tensor::from_slice(&[0i64]);
        let at = |labels: &Tensor| slope(&model, Objective::CROSS_ENTROPY, &inputs, labels, None);
        let _ = tch::no_grad(|| at(&labels).unwrap());
        assert!(!weights.grad().defined());
        assert!(!inputs.requires_grad());
        assert!(at(&Tensor::from_slice(&[7i64])).is_err());
    }
}
