//! Large-margin softmax (L-Softmax, Liu et al. 2016; docs/derivations.md §8): a bias-free linear
//! layer that makes the label's angle m times as wide while it trains.
//!
//! With z_y = w_y·x, n = ‖w_y‖‖x‖, cos θ = z_y/(n + 1e-10) and k = ⌊mθ/π⌋, the label's logit becomes
//!
//! ```text
//! z'_y = (n·ψ + λ·z_y)/(1 + λ),        ψ = (−1)^k·cos mθ − 2k
//! ```
//!
//! and the other logits stay. λ starts at 100 and decays by 0.99 a training step, so that training
//! begins with the plain layer. Any criterion takes the logits; its gradient goes back through
//!
//! ```text
//! ∂z'_y/∂z_y = (ψ'·n/(n + 1e-10) + λ)/(1 + λ)            ψ' = (−1)^k·d cos mθ/d cos θ
//! ∂z'_y/∂n   = (ψ − ψ'·cos θ·n/(n + 1e-10))/(1 + λ)      ∂n/∂x = ‖w_y‖·x/‖x‖, ∂n/∂w_y likewise
//! ```
//!
//! where k has no gradient, and the norm of a zero vector has gradient 0.

use crate::element::Element;
use crate::error::{Error, Result, refuse};
use crate::matrix::{Matrix, multiply};
use crate::real::Real;

/// Keeps the cosine finite where a norm is 0.
const TINY: f64 = 1e-10;
/// Cosines are kept this far from ±1 when k is computed, so that θ = π gives k = m − 1.
const GUARD: f64 = 1e-7;

/// The head of a network with large margins; the weights are the caller's.
///
/// ```
/// use steepness::{LSoftmax, Loss, Targets};
/// let mut head = LSoftmax::new(4, 3, 2)?;                  // m = 4, 3 classes, depth 2
/// let weight = [0.3, -0.1, 0.2, 0.4, -0.5, 0.1];           // (3, 2)
/// let (features, labels) = ([1.0, 2.0, -1.0, 0.5_f64], [1, 2]);
/// let forward = head.forward(&features, &weight, &labels)?;
/// let mut criterion = "el(le=0.75)".parse::<Loss>()?.criterion(3)?;
/// let mut gradient = [0.0; 6];
/// criterion.forward_backward(&forward.logits, Targets::Hard(&labels), &mut gradient)?;
/// let (of_features, of_weight) = forward.backward(&gradient)?;
/// assert_eq!((of_features.len(), of_weight.len()), (4, 6));
/// assert_eq!(head.state().lambda, 99.0);
/// let plain = head.logits(&features, &weight)?;            // evaluation: no margin
/// assert!((plain[0] - 0.1).abs() < 1e-15);
/// # Ok::<(), steepness::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LSoftmax {
    margin: u8,
    classes: usize,
    depth: usize,
    ignore_index: i64,
    state: LSoftmaxState,
}

/// What a checkpoint must hold of an [`LSoftmax`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LSoftmaxState {
    /// λ of the next training step, ≥ 0.
    pub lambda: f64,
}

impl Default for LSoftmaxState {
    fn default() -> Self {
        Self { lambda: 100.0 }
    }
}

/// λ of a training step over that of the step before.
const DECAY: f64 = 0.99;

/// Logits of a training step, and what their gradient goes back through.
#[derive(Clone, Debug)]
pub struct LSoftmaxLogits<'a, R> {
    /// (N, C), the labels' with their margin.
    pub logits: Vec<R>,
    features: Vec<R>,
    weight: &'a [R],
    classes: usize,
    depth: usize,
    /// Of each row; none where it is ignored or there is no margin.
    labels: Vec<Option<Label>>,
}

/// How a label's logit depends on what it was made of.
#[derive(Clone, Copy, Debug)]
struct Label {
    class: usize,
    /// ∂z'/∂z.
    by_logit: f64,
    /// ∂z'/∂n.
    by_norms: f64,
    /// ‖x‖ and ‖w‖.
    norms: (f64, f64),
}

impl LSoftmax {
    /// A head with margin `margin` = 1 to 4 for features of `depth` numbers; 1 is a linear layer.
    ///
    /// # Errors
    /// Another margin, no classes, depth 0.
    pub fn new(margin: u8, classes: usize, depth: usize) -> Result<Self> {
        if !(1..=4).contains(&margin) {
            return refuse("margin", format!("of an L-Softmax head is 1, 2, 3 or 4, not {margin}"));
        }
        if classes == 0 || depth == 0 {
            return Err(Error::Shape(format!("a head of {classes} classes and depth {depth}")));
        }
        let state = LSoftmaxState::default();
        Ok(Self { margin, classes, depth, ignore_index: -100, state })
    }

    /// The label of a row without a margin, to be ignored by the loss too; −100 by default.
    #[must_use]
    pub fn with_ignore_index(mut self, index: i64) -> Self {
        self.ignore_index = index;
        self
    }

    /// What a checkpoint must hold of it.
    pub fn state(&self) -> LSoftmaxState {
        self.state
    }

    /// Restores what [`LSoftmax::state`] gave.
    pub fn set_state(&mut self, state: LSoftmaxState) {
        self.state = state;
    }

    /// The logits (N, C) of features (N, D) and a weight (C, D), without a margin: for evaluation.
    ///
    /// # Errors
    /// Sizes that do not fit each other.
    pub fn logits<E: Element>(&self, features: &[E], weight: &[E::Real]) -> Result<Vec<E::Real>> {
        self.plain(&widened(features), weight)
    }

    fn plain<R: Real>(&self, features: &[R], weight: &[R]) -> Result<Vec<R>> {
        let Self { classes, depth, .. } = *self;
        if !features.len().is_multiple_of(depth) || weight.len() != classes * depth {
            return Err(Error::Shape(format!(
                "{} features and a weight of {} elements for {classes} classes and depth {depth}",
                features.len(),
                weight.len()
            )));
        }
        let mut logits = vec![R::ZERO; features.len() / depth * classes];
        let weight = Matrix::new(weight, depth).transposed();
        multiply(&mut logits, Matrix::new(features, depth), weight, false);
        Ok(logits)
    }

    /// The logits of a training step: features (N, D), weight (C, D), one label a row. λ decays.
    ///
    /// It computes in f32, or in f64 for f64; features may be of half precision.
    ///
    /// # Errors
    /// Sizes that do not fit each other, a label out of range.
    pub fn forward<'a, E: Element>(
        &mut self,
        features: &[E],
        weight: &'a [E::Real],
        labels: &[i64],
    ) -> Result<LSoftmaxLogits<'a, E::Real>> {
        let Self { classes, depth, .. } = *self;
        let features = widened(features);
        let mut logits = self.plain(&features, weight)?;
        let rows = features.len() / depth;
        if labels.len() != rows {
            return Err(Error::Shape(format!("{} labels for {rows} rows", labels.len())));
        }
        let wrong = |t: &i64| *t != self.ignore_index && !(0..classes as i64).contains(t);
        if let Some(row) = labels.iter().position(wrong) {
            return Err(Error::Target { target: labels[row], row, classes });
        }
        let with_margin = |(row, label): (usize, &i64)| {
            if self.margin == 1 || *label == self.ignore_index {
                return None;
            }
            let class = *label as usize;
            let x = norm(&features[row * depth..(row + 1) * depth]);
            let w = norm(&weight[class * depth..(class + 1) * depth]);
            let z = &mut logits[row * classes + class];
            let (value, by_logit, by_norms) = self.widen(z.to_f64(), x * w);
            *z = E::Real::of(value);
            Some(Label { class, by_logit, by_norms, norms: (x, w) })
        };
        let labels = labels.iter().enumerate().map(with_margin).collect();
        self.state.lambda *= DECAY;
        Ok(LSoftmaxLogits { logits, features, weight, classes, depth, labels })
    }

    /// z'_y, ∂z'_y/∂z_y and ∂z'_y/∂n for the label's logit `z` and the product `n` of the norms.
    fn widen(&self, z: f64, n: f64) -> (f64, f64, f64) {
        let lambda = self.state.lambda.max(0.0);
        let cos = z / (n + TINY);
        let (cos_m, slope) = match self.margin {
            1 => (cos, 1.0),
            2 => (2.0 * cos * cos - 1.0, 4.0 * cos),
            3 => ((4.0 * cos * cos - 3.0) * cos, 12.0 * cos * cos - 3.0),
            _ => {
                let square = cos * cos;
                (8.0 * square * (square - 1.0) + 1.0, 16.0 * cos * (2.0 * square - 1.0))
            }
        };
        let angle = cos.clamp(GUARD - 1.0, 1.0 - GUARD).acos();
        let k = (f64::from(self.margin) * angle / std::f64::consts::PI).floor();
        let sign = if k % 2.0 == 0.0 { 1.0 } else { -1.0 };
        let (psi, psi_slope) = (sign * cos_m - 2.0 * k, sign * slope);
        let share = n / (n + TINY);
        (
            (n * psi + lambda * z) / (1.0 + lambda),
            (psi_slope * share + lambda) / (1.0 + lambda),
            (psi - psi_slope * cos * share) / (1.0 + lambda),
        )
    }
}

impl<R: Real> LSoftmaxLogits<'_, R> {
    /// The gradients with respect to features (N, D) and weight (C, D), from that with respect to
    /// the logits (N, C).
    ///
    /// # Errors
    /// A gradient of another size than the logits.
    pub fn backward(&self, gradient: &[R]) -> Result<(Vec<R>, Vec<R>)> {
        let Self { ref features, weight, classes, depth, .. } = *self;
        if gradient.len() != self.labels.len() * classes {
            return Err(Error::Shape(format!(
                "a gradient of {} elements for {} logits",
                gradient.len(),
                self.labels.len() * classes
            )));
        }
        let mut plain = gradient.to_vec();
        for (row, label) in plain.chunks_exact_mut(classes).zip(&self.labels) {
            if let Some(Label { class, by_logit, .. }) = *label {
                row[class] = row[class] * R::of(by_logit);
            }
        }
        let plain = Matrix::new(&plain, classes);
        let mut of_features = vec![R::ZERO; features.len()];
        let mut of_weight = vec![R::ZERO; weight.len()];
        multiply(&mut of_features, plain, Matrix::new(weight, depth), false);
        multiply(&mut of_weight, plain.transposed(), Matrix::new(features, depth), false);
        for (row, label) in self.labels.iter().enumerate() {
            let Some(Label { class, by_norms, norms: (x, w), .. }) = *label else { continue };
            let pull = gradient[row * classes + class].to_f64() * by_norms;
            let (of_row, of_class) =
                (row * depth..(row + 1) * depth, class * depth..(class + 1) * depth);
            along(&features[of_row.clone()], x, pull * w, &mut of_features[of_row]);
            along(&weight[of_class.clone()], w, pull * x, &mut of_weight[of_class]);
        }
        Ok((of_features, of_weight))
    }
}

fn widened<E: Element>(features: &[E]) -> Vec<E::Real> {
    features.iter().map(|feature| feature.load()).collect()
}

fn norm<R: Real>(values: &[R]) -> f64 {
    values.iter().map(|v| v.to_f64().powi(2)).sum::<f64>().sqrt()
}

/// Adds `pull` times the unit vector along `vector`, which has norm `norm`.
fn along<R: Real>(vector: &[R], norm: f64, pull: f64, into: &mut [R]) {
    if norm > 0.0 {
        for (to, v) in into.iter_mut().zip(vector) {
            *to += R::of(pull * (v.to_f64() / norm));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Loss, Targets};

    const WEIGHT: [f64; 6] = [0.3, -0.1, 0.2, 0.4, -0.5, 0.1];

    fn head(margin: u8, lambda: f64) -> LSoftmax {
        let mut head = LSoftmax::new(margin, 3, 2).unwrap();
        head.set_state(LSoftmaxState { lambda });
        head
    }

    /* from math import *
    def z(x, w, y, m, lam):
        z = sum(a*b for a, b in zip(x, w[y])); n = hypot(*x)*hypot(*w[y]); c = z/(n + 1e-10)
        cos_m = sum((-1)**i*comb(m, 2*i)*c**(m-2*i)*(1-c*c)**i for i in range(m//2 + 1))
        k = floor(acos(max(-1 + 1e-7, min(1 - 1e-7, c)))*m/pi)
        return (n*((-1)**k*cos_m - 2*k) + lam*z)/(1 + lam)
    w = [(0.3, -0.1), (0.2, 0.4), (-0.5, 0.1)]
    for m in (1, 2, 3, 4):
        print([round(z(x, w, y, m, lam), 9) for lam in (100, 0)
               for x, y in (((1, 1.6), 1), ((-1, 0.7), 0), ((1.5, -0.4), 1))]) */
    #[test]
    fn golden_values_of_the_formula() {
        let features = [1.0_f64, 1.6, -1.0, 0.7, 1.5, -0.4];
        let golden = [
            [0.84, -0.37, 0.14, 0.84, -0.37, 0.14],
            [0.83988744, -0.377181407, 0.132299016, 0.828631469, -1.095322085, -0.637799381],
            [0.839700968, -0.384097355, 0.128799048, 0.809797752, -1.793832805, -0.991296181],
            [0.839442263, -0.390808191, 0.120137433, 0.783668522, -2.471627287, -1.866119317],
        ];
        for (margin, expected) in (1..).zip(golden) {
            for (lambda, expected) in [100.0, 0.0].into_iter().zip(expected.chunks(3)) {
                let found = head(margin, lambda);
                let found = found.clone().forward(&features, &WEIGHT, &[1, 0, 1]).unwrap().logits;
                for (f, e) in [found[1], found[3], found[7]].into_iter().zip(expected) {
                    assert!((f - e).abs() < 1e-9, "m {margin} λ {lambda}: {f} {e}");
                }
                let plain = head(margin, lambda).logits(&features, &WEIGHT).unwrap();
                for at in [0, 2, 4, 5, 6, 8] {
                    assert_eq!(found[at], plain[at]);
                }
            }
        }
    }

    #[test]
    fn angles_of_0_and_pi() {
        // ψ(0) = 1 and ψ(π) = 1 − 2m, and n = 25.
        for margin in 2..=4 {
            let mut head = LSoftmax::new(margin, 1, 2).unwrap();
            head.set_state(LSoftmaxState { lambda: 0.0 });
            let along = head.forward(&[3.0_f64, 4.0], &[3.0, 4.0], &[0]).unwrap().logits[0];
            assert!((along - 25.0).abs() < 1e-8, "{along}");
            let against = head.forward(&[3.0_f64, 4.0], &[-3.0, -4.0], &[0]).unwrap().logits[0];
            assert!((against - 25.0 * (1.0 - 2.0 * f64::from(margin))).abs() < 1e-8, "{against}");
        }
    }

    #[test]
    fn the_gradients_are_derivatives_by_central_differences() {
        let features = [1.0, 1.6, -1.0, 0.7, 1.5, -0.4, 0.4, 0.1];
        let labels = [1, 0, 1, -100];
        let criterion = "el(le=0.75)".parse::<Loss>().unwrap().criterion(3).unwrap();
        for (margin, lambda) in [(1, 3.0), (2, 0.0), (2, 5.0), (3, 0.0), (4, 0.0), (4, 1.5)] {
            let value = |features: &[f64], weight: &[f64]| {
                let mut head = head(margin, lambda);
                let logits = head.forward(features, weight, &labels).unwrap().logits;
                criterion.forward(&logits, Targets::Hard(&labels)).unwrap().loss
            };
            let slope = |which: usize, at: usize| {
                let moved = |step: f64| {
                    let (mut x, mut w) = (features, WEIGHT);
                    if which == 0 {
                        x[at] += step
                    } else {
                        w[at] += step
                    }
                    value(&x, &w)
                };
                (moved(1e-6) - moved(-1e-6)) / 2e-6
            };
            let mut head = head(margin, lambda);
            let forward = head.forward(&features, &WEIGHT, &labels).unwrap();
            let mut gradient = forward.logits.clone();
            let mut training = criterion.clone();
            training.forward_backward_in_place(&mut gradient, Targets::Hard(&labels)).unwrap();
            let (of_features, of_weight) = forward.backward(&gradient).unwrap();
            for (which, gradient) in [of_features, of_weight].iter().enumerate() {
                for (at, g) in gradient.iter().enumerate() {
                    let slope = slope(which, at);
                    assert!(
                        (slope - g).abs() < 1e-8,
                        "{margin} {lambda} {which} {at}: {slope} {g}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_margin_of_1_is_a_linear_layer() {
        let features = [1.0f32, 2.0, -1.0, 0.5];
        let weight = WEIGHT.map(|w| w as f32);
        let mut head = LSoftmax::new(1, 3, 2).unwrap();
        let forward = head.forward(&features, &weight, &[1, 0]).unwrap();
        assert_eq!(forward.logits, head.logits(&features, &weight).unwrap());
        let (of_features, of_weight) = forward.backward(&[1.0, 0.0, 0.0, 0.0, 0.0, 2.0]).unwrap();
        assert_eq!(of_features, [0.3, -0.1, -1.0, 0.2]);
        assert_eq!(of_weight, [1.0, 2.0, 0.0, 0.0, -2.0, 1.0]);
    }

    #[test]
    fn lambda_decays_with_every_training_step_and_comes_back() {
        let mut head = LSoftmax::new(2, 3, 2).unwrap();
        let step =
            |head: &mut LSoftmax| head.forward(&[-1.0_f64, 0.5], &WEIGHT, &[0]).unwrap().logits[0];
        let first = step(&mut head);
        assert_eq!(head.state().lambda, 99.0);
        assert!(step(&mut head) < first, "less of the plain logit");
        head.logits(&[1.0_f64, 2.0], &WEIGHT).unwrap();
        assert!((head.state().lambda - 98.01).abs() < 1e-12);
        let saved = head.state();
        let mut resumed = LSoftmax::new(2, 3, 2).unwrap();
        resumed.set_state(saved);
        for _ in 0..5 {
            assert_eq!(step(&mut head), step(&mut resumed));
        }
        for _ in 0..200_000 {
            step(&mut head);
        }
        assert!(head.state().lambda >= 0.0);
        resumed.set_state(LSoftmaxState { lambda: 0.0 });
        assert!((step(&mut head) - step(&mut resumed)).abs() < 1e-12);
    }

    #[test]
    fn zero_vectors_have_finite_logits_and_gradients() {
        for margin in 1..=4 {
            let mut zero_features = head(margin, 3.0);
            let forward = zero_features.forward(&[0.0_f64, 0.0], &WEIGHT, &[1]).unwrap();
            assert_eq!(forward.logits, [0.0; 3]);
            let (of_features, of_weight) = forward.backward(&[0.0, 1.0, 0.0]).unwrap();
            // Through λ·z/(1+λ) alone; the whole of z for m = 1.
            let share: f64 = if margin == 1 { 1.0 } else { 0.75 };
            assert!((of_features[0] - share * 0.2).abs() < 1e-15, "{of_features:?}");
            assert!(of_weight.iter().all(|g| *g == 0.0));
            let mut zero_weight = head(margin, 3.0);
            let forward = zero_weight.forward(&[1.0_f64, 2.0], &[0.0; 6], &[1]).unwrap();
            assert_eq!(forward.logits, [0.0; 3]);
            let (of_features, of_weight) = forward.backward(&[0.0, 1.0, 0.0]).unwrap();
            assert!(of_features.iter().all(|g| *g == 0.0));
            assert!((of_weight[3] - share * 2.0).abs() < 1e-15, "{of_weight:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(LSoftmax::new(0, 3, 2).unwrap_err().to_string().contains("1, 2, 3 or 4, not 0"));
        assert!(LSoftmax::new(5, 3, 2).is_err() && LSoftmax::new(2, 0, 2).is_err());
        let mut head = LSoftmax::new(2, 3, 2).unwrap();
        let mut message = |features: &[f64], weight: &[f64], labels: &[i64]| {
            head.forward(features, weight, labels).unwrap_err().to_string()
        };
        assert!(message(&[1.0; 3], &WEIGHT, &[0]).contains("3 features"));
        assert!(message(&[1.0; 4], &WEIGHT[..4], &[0, 1]).contains("weight of 4"));
        assert!(message(&[1.0; 4], &WEIGHT, &[0]).contains("1 labels for 2 rows"));
        assert!(message(&[1.0; 4], &WEIGHT, &[0, 3]).contains("target 3 in row 1"));
        assert_eq!(head.state().lambda, 100.0, "a refused step is none");
        let forward = head.forward(&[1.0_f64, 2.0], &WEIGHT, &[0]).unwrap();
        assert!(forward.backward(&[0.0; 2]).is_err());
    }
}
